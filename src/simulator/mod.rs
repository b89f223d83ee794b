//! The web shop itself: customers come, sales take from a shelf, goods arrive, and all of it goes to Kafka.
//!
//! The middle is pure. [`visits`] says who comes and what they want, [`shelf`] what is there to take, and
//! [`floor`] puts the two in the order of shop time. Around it [`start`] learns from the log what was sold
//! before, and [`Simulator::run`] sells until it is told to stop.

pub mod customers;
pub mod floor;
pub mod receipt;
pub mod shelf;
pub mod visits;
