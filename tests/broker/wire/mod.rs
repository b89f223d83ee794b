//! What no client library sends: requests made by hand, and the exact error codes of the answers.

mod admin;
mod client;
mod group_admin;
mod groups;
mod log;
mod members;
mod produce;
mod producers;
mod transactions;
mod versions;

use crate::kit::PATIENCE;
