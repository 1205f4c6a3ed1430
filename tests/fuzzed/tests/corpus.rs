//! The kept corpus, without libFuzzer: every input that was ever of interest still passes.

use std::path::Path;

use walcast_fuzzed::TARGETS;

#[test]
fn every_kept_input_passes() {
    for (target, check) in TARGETS {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("../../fuzz/corpus")
            .join(target);
        let files = std::fs::read_dir(&folder).unwrap_or_else(|error| panic!("{target}: {error}"));
        let mut count = 0;
        for file in files {
            let path = file.expect("a file").path();
            let input = std::fs::read(&path).expect("an input");
            let passed = std::panic::catch_unwind(|| check(&input));
            assert!(passed.is_ok(), "{} does not pass {target}", path.display());
            count += 1;
        }
        assert!(count > 0, "{target} has no corpus");
    }
}
