//! Output for people and other programs: reports, mails, tables. Pure functions generate the texts; [`files`] specifies
//! how they are stored under `--out`, and [`disk_files`] stores them.
//!
//! The functions named `file` return a text's path; its day is the shop's local day of the sale (journal, report) or of
//! the handling (mail, register), by [`Zone::date`](crate::shop::Zone::date).

mod aligned_columns;
pub mod disk_files;
mod fast_format;
pub mod faulty_memory_files;
pub mod files;
pub mod handled_table;
pub mod journal;
pub mod mail;
pub mod report;
pub mod report_text;
pub mod sanitize;
pub mod stock_table;
mod tsv;

#[cfg(test)]
pub(crate) mod samples;
