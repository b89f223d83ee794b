//! The keys of the records on `shop.state`.

use crate::{
    consumer::Part,
    consumers::{NAMES, reads},
    views::Source,
};

/// The key of the settings that all processes have agreed on.
pub const AGREEMENT: &str = "agreement";

/// Prefix of the key of a process's presence record, before its instance id.
pub const RUNNING: &str = "running/";

/// The key of a view's state of one partition.
pub fn key(view: &str, part: Part) -> String {
    match part.source {
        Source::Deliveries => format!("{view}/deliveries-{}", part.partition),
        Source::Orders | Source::Handled => format!("{view}/{}", part.partition),
    }
}

/// The view and partition of a key.
pub(crate) fn parse_key(key: &str) -> Option<(&'static str, Part)> {
    let (view, partition) = key.split_once('/')?;
    let view = NAMES.into_iter().find(|name| *name == view)?;
    let (source, number) = match partition.strip_prefix("deliveries-") {
        Some(number) => (Source::Deliveries, number),
        None if reads(view, Source::Handled) => (Source::Handled, partition),
        None => (Source::Orders, partition),
    };
    Some((view, Part { source, partition: number.parse().ok()? }))
}
