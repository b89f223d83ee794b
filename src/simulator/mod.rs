//! The web shop itself: customers come, sales take from a shelf, goods arrive, and all of it goes to Kafka.
//!
//! The model is pure: [`visits`] generates customers and baskets, [`shelf`] holds the stock, and [`shop_model`] puts
//! sales and deliveries in the order of shop time; [`rhythm`] and [`campaigns`] change how many customers come and what
//! they want; [`log_totals`] sums up the existing log.
//! [`start`](start()) reads the log, and refuses to start beside another simulator or takes over from it;
//! [`Simulator::run`] sells until it is told to stop.

mod backfill_or_live;
pub mod campaigns;
pub mod clock;
mod control;
pub mod customers;
pub mod log_totals;
mod meter;
pub mod options;
pub mod order_encoder;
mod order_writer;
mod outbox;
mod pulse_and_control_reader;
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
