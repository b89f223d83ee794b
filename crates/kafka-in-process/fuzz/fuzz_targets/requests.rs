//! Arbitrary bytes of a connection, sent to a broker on an empty folder.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|connection: &[u8]| {
    let folder = kafka_in_process_fuzz::folder();
    kafka_in_process::fuzzing::requests(folder.path(), connection);
});
