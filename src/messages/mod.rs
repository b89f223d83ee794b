//! Messages for people as values, which each screen renders in its own language.
//!
//! [`Sentence`] is a message, `words` renders it in each [`Lang`], and [`sanitize`] cleans outside text.

pub mod sanitize;
mod sentence;
mod words;

pub use sentence::Sentence;
pub use words::Lang;

/// A message to the user.
#[derive(Debug, Clone, PartialEq)]
pub struct Message {
    /// A counter that identifies the message.
    pub number: u64,
    /// Shop time, Unix seconds.
    pub shop_second: i64,
    /// The severity.
    pub severity: Severity,
    /// What it says.
    pub sentence: Sentence,
}

/// The severity of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// Good to know.
    Info,
    /// Needs attention.
    Warning,
    /// Something is broken.
    Error,
}
