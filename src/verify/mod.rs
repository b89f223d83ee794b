//! Audits a shop: computes everything again from the topics and compares it with what the consumers say and wrote.
//!
//! Pure, and independent: of the rest of the program it uses only the records and the calendar ([`crate::shop`]), the
//! draw of the handling ([`crate::handling::Parameters`]), and the figures to compare. [`Log`] takes the records, each
//! topic once; [`Rows`] takes the files with a row or a mail for each order.
//!
//! Every order takes 12¼ bytes (its id, two digests of what its handled record repeats, and two bits), one whose id is not
//! above all before it some 60; nothing else grows with the orders. Rows and mails are compared by sketches of a fixed size, which name up to some two thousand that
//! differ ([`sketch`]).

pub mod claim;
mod compare_figures;
pub mod dead_letters;
pub mod difference;
mod duplicate_rule;
mod expected_figures;
pub mod folder_rows;
mod handling_claim;
pub mod live;
pub mod mail;
mod named_figures;
mod order_set;
pub mod record;
pub mod replayed_log;
pub mod reports;
pub mod rows_by_day;
mod sales_sums;
pub mod sketch;
pub mod tables;

#[cfg(test)]
mod tests;

pub use claim::Claim;
pub use dead_letters::Letter;
pub use difference::Differences;
pub use folder_rows::{Coverage, Folder, FolderRows, Shares};
pub use live::Live;
pub use record::Record;
pub use replayed_log::Log;
pub use reports::Reports;
pub use rows_by_day::Rows;
pub use tables::Table;

/// Origin of a published claim.
pub const STATE: &str = "shop.state";
/// Origin of a claim in a checkpoint.
pub const CHECKPOINT: &str = "state/sled";
