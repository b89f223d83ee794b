//! Audits a shop: computes everything again from the topics and compares it with what the consumers say and wrote.
//!
//! Pure, and on a way of its own: of the rest of the program it knows the records and the calendar ([`crate::shop`]),
//! the draw of the handling ([`crate::handling::Parameters`]), and the figures that it is to compare. [`Log`] takes the
//! records, each topic once; [`Rows`] takes the files that have a row or a mail an order.
//!
//! Every order takes 8¼ bytes (its id, a digest of what its handled record repeats, and two bits), one whose id is not
//! above all before it some 60; nothing else grows with the orders. Rows and mails are compared by sketches of a fixed size, which name up to some two thousand that
//! differ ([`sketch`]).

pub mod claim;
mod days;
pub mod difference;
mod duplicates;
mod facts;
pub mod folder;
mod handling;
mod known;
pub mod letters;
pub mod log;
pub mod mail;
pub mod record;
pub mod reports;
pub mod rows;
pub mod sketch;
mod status;
pub mod tables;
mod tally;

#[cfg(test)]
mod tests;

pub use claim::Claim;
pub use difference::Differences;
pub use folder::{Coverage, Folder, FolderRows, Shares};
pub use letters::Letter;
pub use log::Log;
pub use record::Record;
pub use reports::Reports;
pub use rows::Rows;
pub use tables::Table;

/// Who says a claim that was published.
pub const STATE: &str = "shop.state";
/// Who says a claim of a checkpoint.
pub const CHECKPOINT: &str = "state/sled";
