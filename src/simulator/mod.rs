//! The web shop itself: customers come, sales take from a shelf, goods arrive, and all of it goes to Kafka.
//!
//! The middle is pure. [`visits`] says who comes and what they want, [`shelf`] what is there to take, and
//! [`shop_model`] puts the two in the order of shop time; [`rhythm`] and [`campaigns`] change how many customers come and
//! what they want; [`log_totals`] is what the log says of the time before.
//! Around it [`start`](start()) learns, refuses or takes over, and [`Simulator::run`] sells until it is told
//! to stop.

mod backfill_or_live;
pub mod campaigns;
pub mod clock;
mod control;
pub mod customers;
mod inbox;
pub mod log_totals;
mod meter;
pub mod options;
pub mod order_encoder;
mod order_writer;
mod outbox;
mod pulse_timer;
mod read_topics;
pub mod rhythm;
mod run;
mod rush;
pub mod shelf;
pub mod shop_model;
mod simulator_identity;
mod single_writer;
mod start;
pub mod unacknowledged;
pub mod visits;

pub use options::{Backfill, Outcome, Pace, Progress, Rate, SimulatorError, SimulatorOptions};
pub use rhythm::Rhythm;
pub use run::Simulator;
pub use rush::before_midnight;
pub use start::start;
