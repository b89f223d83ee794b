//! shop-sim.

pub mod broker;
