//! The bytes of a connection, against a broker on a fresh folder.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|connection: &[u8]| {
    let folder = shop_sim_fuzz::folder();
    shop_sim::broker::fuzzing::requests(folder.path(), connection);
});
