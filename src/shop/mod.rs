//! The domain: products, orders, deliveries, handled orders, money, days and the shop's time.
//!
//! Everything here is pure: no Kafka, no disk, no clock of its own.

pub mod control;
pub mod day;
pub mod delivery;
pub mod handled;
pub mod money;
mod object;
pub mod order;
pub mod product;
pub mod pulse;
mod written;

pub use control::Control;
pub use day::Zone;
pub use delivery::Delivery;
pub use handled::Handled;
pub use order::{Customer, Line, Order};
pub use product::{Catalog, CatalogError, Product};
pub use pulse::Pulse;
