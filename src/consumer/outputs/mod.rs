//! What the consumers write: one file for each of them that writes any.

mod journal;
mod mail;
mod reports;
mod stock;

pub use journal::JournalFiles;
pub use mail::MailFiles;
pub use reports::ReportFiles;
pub use stock::StockFiles;
