//! Shared by the tests of the whole program: a driver of the real binary, the test's Kafka, and an oracle that
//! recomputes every figure and file from the topics in a naive way.

// Every test file only uses a part of this.
#![allow(dead_code, unreachable_pub)]

pub mod files;
pub mod headers;
pub mod kafka;
pub mod oracle;
pub mod orders;
pub mod shop;

/// The bundled products file.
pub const PRODUCTS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/assets/products.toml");

/// Whether tests try all that they can, as in CI.
pub fn is_full() -> bool {
    std::env::var("SHOP_SIM_TEST_FULL").is_ok_and(|full| full == "1")
}

/// Whether long tests are skipped: `SHOP_SIM_TEST_FULL`, which CI sets, runs them.
pub fn is_left_out() -> bool {
    let left_out = !is_full();
    if left_out {
        #[expect(clippy::print_stderr, reason = "for whoever runs the tests")]
        {
            eprintln!("left out, as it takes long: SHOP_SIM_TEST_FULL=1 runs it");
        }
    }
    left_out
}
