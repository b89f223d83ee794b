//! shop-sim: a web shop whose finished orders stream through Apache Kafka, the shop's consumers, and a
//! live dashboard.
//!
//! - [`shop`], [`views`] and [`handling`] are pure: the shop's records, the consumers' states, when an order is handled.
//! - [`consumer`] is a consumer without Kafka: takes records; makes figures, checkpoints ([`store`]), files ([`sinks`]).
//! - [`consumers`] has one file for each consumer, and the table from which everything else about them is derived.
//! - [`stream`] speaks to Kafka; [`engine`] runs the consumers on it, and [`simulator`] sells through it.
//! - [`clock`] is the shop's time, and [`read_model`] the state of the whole shop as known to a process.
//! - [`rewind`] computes the shop at any past moment: pure, like the views that it uses.
//! - [`verify`] recomputes everything independently and compares.
//! - [`chaos`] is what can be broken on demand, and how long it took to heal.
//! - [`dashboard`] draws a snapshot and knows nothing of Kafka.
//! - [`messages`] has all texts for people, in every language, and [`logging`] writes the log.
//! - [`secrets`] keeps passwords out of everything that people read.
//! - [`cli`] is the command line, [`commands`] runs the commands, and [`runtime`] assembles a process for them.
//!
//! The built-in broker is a crate of its own that knows nothing of shops: [`kafka_in_process`].

#![forbid(unsafe_code)]

pub mod chaos;
pub mod cli;
pub mod clock;
pub mod commands;
pub mod consumer;
pub mod consumers;
pub mod dashboard;
pub mod engine;
pub mod handling;
pub mod logging;
pub mod messages;
pub mod read_model;
pub mod rewind;
pub mod runtime;
pub mod secrets;
pub mod shop;
pub mod simulator;
pub mod sinks;
pub mod store;
pub mod stream;
#[cfg(test)]
mod testing;
pub mod verify;
pub mod views;
