//! shop-sim: a web shop whose finished orders stream through Apache Kafka, the shop's consumers, and a
//! live dashboard.
//!
//! - [`shop`] and [`views`] are pure: what a shop is, and what each consumer knows.
//! - [`simulator`] sells; [`stream`] speaks to Kafka; [`store`] keeps checkpoints; [`sinks`] write files.
//! - [`broker`] is a Kafka for one machine that knows nothing of shops.
//! - [`dashboard`] draws a snapshot; [`commands`] has one file for each thing that can be typed.

#![forbid(unsafe_code)]

pub mod cli;
pub mod consumer;
pub mod dashboard;
pub mod handling;
pub mod shop;
pub mod sinks;
pub mod store;
pub mod stream;
pub mod views;
