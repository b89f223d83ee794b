//! shop-sim.
fn main() {}
