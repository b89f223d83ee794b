//! Order handling, pure: when an order will be handled, and the state of a partition.

mod ahead_of_state;
pub mod ledger;
pub mod parameters;

pub use ahead_of_state::{Counted, Uncounted};
pub use ledger::{HandlingFigures, Ledger, Outgoing, Resume};
pub use parameters::Parameters;
