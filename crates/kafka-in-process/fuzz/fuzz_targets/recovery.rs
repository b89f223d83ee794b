//! The start of a broker on a data folder of arbitrary bytes.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|files: &[u8]| {
    let folder = kafka_in_process_fuzz::folder();
    kafka_in_process::fuzzing::recovery(folder.path(), files);
});
