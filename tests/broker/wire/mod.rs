//! What no client library sends: requests made by hand, and the exact error codes of the answers.

mod admin;
mod client;
mod groups;
mod log;
mod members;
mod produce;
mod transactions;
mod versions;
