//! What is written for people and other programs: reports, mails, tables. Each text is made by a pure
//! function; [`files`] puts it on disk with a position.

pub mod files;
