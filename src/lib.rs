//! shop-sim.
