//! shop-sim: a web shop whose finished orders stream through Apache Kafka, the shop's consumers, and a
//! live dashboard.
//!
//! - [`shop`], [`views`] and [`handling`] are pure: what a shop is, what a consumer knows, when an order is handled.
//! - [`consumer`] is a consumer without its Kafka: records in; figures, checkpoints ([`store`]) and files ([`sinks`]) out.
//! - [`consumers`] has one file for each of them, and the one table that everything else about them follows from.
//! - [`stream`] speaks to Kafka; [`engine`] runs the consumers on it, and [`simulator`] sells through it.
//! - [`clock`] is the shop's time, and [`read_model`] what a process knows of the whole shop.
//! - [`verify`] computes everything again on a way of its own and compares.
//! - [`dashboard`] draws a snapshot and knows nothing of Kafka.
//! - [`messages`] is what the program says to people, in every language, and [`logging`] its log.
//! - [`secrets`] keeps passwords out of everything that people read.
//! - [`cli`] is what can be typed, [`commands`] does it, and [`runtime`] puts a process together for it.
//!
//! The built-in broker is a crate of its own that knows nothing of shops: [`kafka_in_process`].

#![forbid(unsafe_code)]

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
pub mod runtime;
pub mod secrets;
pub mod shop;
pub mod simulator;
pub mod sinks;
pub mod store;
pub mod stream;
pub mod verify;
pub mod views;
