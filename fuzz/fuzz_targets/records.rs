//! See `tests/fuzzed/records.rs`.

#![no_main]

#[path = "../../tests/fuzzed/records.rs"]
mod fuzzed;

libfuzzer_sys::fuzz_target!(|input: &[u8]| {
    fuzzed::check(input);
});
