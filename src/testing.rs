//! What the tests of all modules share: how much they try.

use proptest::test_runner::Config;

/// Whether tests try all that they can, as in CI.
pub(crate) fn is_full() -> bool {
    std::env::var("SHOP_SIM_TEST_FULL").is_ok_and(|full| full == "1")
}

/// The cases of a property: `all` of them, or a tenth where not everything is tried.
pub(crate) fn cases(all: u32) -> Config {
    let cases = if is_full() { all } else { all.div_ceil(10).max(24) };
    Config { cases, failure_persistence: None, ..Config::default() }
}
