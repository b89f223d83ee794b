//! The web shop itself: customers come, sales take from a shelf, goods arrive, and all of it goes to Kafka.
//!
//! The middle is pure. [`visits`] says who comes and what they want, [`shelf`] what is there to take, and
//! [`floor`] puts the two in the order of shop time; [`books`] is what the log says of the time before.
//! Around it [`start`](start()) learns, refuses or takes over, and [`Simulator::run`] sells until it is told
//! to stop.

pub mod books;
pub mod clock;
pub mod customers;
pub mod floor;
mod heartbeat;
mod identity;
mod inbox;
mod learn;
pub mod ledger;
mod meter;
pub mod options;
mod outbox;
mod phase;
pub mod receipt;
mod rival;
mod run;
mod rush;
pub mod shelf;
mod start;
mod till;
pub mod visits;
mod wishes;

pub use options::{Backfill, Outcome, Pace, Progress, Rate, SimulatorError, SimulatorOptions};
pub use run::Simulator;
pub use rush::before_midnight;
pub use start::start;
