//! What is written for people and other programs: reports, mails, tables. Each text is made by a pure
//! function; [`files`] says how it gets its place under `--out`, [`disk`] puts it there.
//!
//! The functions named `file` give a text's path; its day is the shop's local day of the sale (journal,
//! report) or of the handling (mail, register), by [`Zone::date`](crate::shop::Zone::date).

pub mod clean;
pub mod disk;
pub mod files;
pub mod journal;
pub mod mail;
pub mod memory;
pub mod register;
pub mod report;
pub mod stock_table;
mod table;
mod text;

#[cfg(test)]
pub(crate) mod samples;
