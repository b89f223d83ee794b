//! Order handling, pure: when an order will be handled, and what a partition's handling has to remember.

mod ahead_of_state;
pub mod ledger;
pub mod parameters;

pub use ahead_of_state::{Counted, Uncounted};
pub use ledger::{HandlingFigures, Ledger, Outgoing, Resume};
pub use parameters::Parameters;
