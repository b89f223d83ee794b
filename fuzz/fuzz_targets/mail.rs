//! See `tests/fuzzed/mail.rs`.

#![no_main]

#[path = "../../tests/fuzzed/mail.rs"]
mod fuzzed;

libfuzzer_sys::fuzz_target!(|input: &[u8]| {
    fuzzed::check(input);
});
