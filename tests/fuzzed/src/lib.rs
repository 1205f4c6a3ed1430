//! What must hold whatever the input. Each function takes any bytes and panics when it does not.
//!
//! The targets in `fuzz/` call these under libFuzzer, and a test calls them with the kept corpus;
//! so a finding is a file, and stays a test.

mod change;
#[cfg(feature = "config")]
mod config;
mod decode;
mod fits;
mod input;
mod patterns;
mod types;
mod values;

pub use change::change;
#[cfg(feature = "config")]
pub use config::config;
pub use decode::decode;
pub use patterns::patterns;
pub use values::values;

/// A target: the name of its corpus and what it checks.
pub type Target = (&'static str, fn(&[u8]));

/// All targets.
pub const TARGETS: &[Target] = &[
    ("decode", decode),
    ("change", change),
    ("values", values),
    ("patterns", patterns),
    #[cfg(feature = "config")]
    ("config", config),
];
