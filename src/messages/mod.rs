//! What the program says to people: sentences as values, which every screen can say in its own language.
//!
//! [`Sentence`] is what is said, [`words`] has it in each [`Lang`], and [`clean`] is the one gate for text from outside.

pub mod clean;
mod sentence;
mod words;

pub use sentence::Sentence;
pub use words::Lang;

/// Something a person should know.
#[derive(Debug, Clone, PartialEq)]
pub struct Message {
    /// Counts up; tells new messages from old.
    pub number: u64,
    /// Shop time, Unix seconds.
    pub shop_second: i64,
    /// How grave it is.
    pub severity: Severity,
    /// What it says.
    pub sentence: Sentence,
}

/// How grave a message is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// Good to know.
    Info,
    /// Something needs a look.
    Warning,
    /// Something is broken.
    Error,
}
