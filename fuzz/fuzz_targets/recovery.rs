//! A data folder of whatever bytes, against a broker's start.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|files: &[u8]| {
    let folder = shop_sim_fuzz::folder();
    shop_sim::broker::fuzzing::recovery(folder.path(), files);
});
