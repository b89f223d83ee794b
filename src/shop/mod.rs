//! The domain: products, orders, deliveries, handled orders, money, days and the shop's time.
//!
//! Everything here is pure: no Kafka, no disk, no clock of its own.

pub mod campaign;
pub mod control;
pub mod day;
mod fast_json;
pub mod handled;
pub mod number_format;
pub mod order;
pub mod product;
pub mod pulse;
pub mod stock_delivery;
mod strict_json;

pub use campaign::Campaign;
pub use control::Control;
pub use day::Zone;
pub use handled::Handled;
pub use order::{Customer, Line, Order};
pub use product::{Catalog, CatalogError, Product};
pub use pulse::Pulse;
pub use stock_delivery::Delivery;
