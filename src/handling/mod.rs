//! Order handling, pure: when an order will be handled, and what a partition's handling has to remember.

pub mod ledger;
pub mod parameters;
mod uncounted;

pub use ledger::{HandlingFigures, Ledger, Outgoing, Resume};
pub use parameters::Parameters;
pub use uncounted::{Counted, Uncounted};
