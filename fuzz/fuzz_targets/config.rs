//! libFuzzer's entry for `walcast_fuzzed::config`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| walcast_fuzzed::config(bytes));
