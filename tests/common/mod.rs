//! What the tests of the whole program share: a driver of the real binary, the Kafka that a test runs on, and
//! an oracle that computes every figure and file again from the topics, naively and on its own.

// Every test file uses its own part of this.
#![allow(dead_code, unreachable_pub)]

pub mod files;
pub mod headers;
pub mod kafka;
pub mod oracle;
pub mod orders;
pub mod shop;

/// The bundled products file.
pub const PRODUCTS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/assets/products.toml");
