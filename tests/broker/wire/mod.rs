//! Requests that no client library sends, and the exact error codes of their responses.

mod admin;
mod client;
mod consumer_groups;
mod group_admin;
mod groups;
mod log;
mod members;
mod migration;
mod produce;
mod producers;
mod readers;
mod tools;
mod transactions;
mod transactions_v2;
mod versions;

use crate::kit::PATIENCE;
