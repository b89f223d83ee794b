//! How members of groups wait for records, and their other settings.

use super::{env::Env, handling_loop};
use crate::views::{OrdersToday, Sales, View};

/// Bytes that a fetch waits for, for a moment.
pub(crate) const GATHERED: &str = "65536";

/// How records are waited for: an answer for every single order costs both sides more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Gathering {
    /// The end is fixed: whatever there is comes at once.
    None,
    /// The figures that the screen is watched for, and what is to be handled.
    HalfASecond,
    /// What goes to files each second.
    Second,
}

impl Gathering {
    /// For the consumer of this name.
    pub fn of(env: &Env, name: &str) -> Self {
        match name {
            _ if env.until.is_some() => Self::None,
            // A process that lives for a moment only is to handle something too.
            OrdersToday::NAME | Sales::NAME | handling_loop::NAME => Self::HalfASecond,
            _ => Self::Second,
        }
    }
}

/// Settings of every group member of ours.
pub fn settings<'a>(group: &'a str, instance: &'a str, gathering: Gathering) -> Vec<(&'a str, &'a str)> {
    let (at_least, for_ms) = match gathering {
        Gathering::None => ("1", "450"),
        Gathering::HalfASecond => (GATHERED, "450"),
        Gathering::Second => (GATHERED, "950"),
    };
    vec![
        ("group.id", group),
        ("group.instance.id", instance),
        ("enable.auto.commit", "false"),
        // A position that is not there is told, never passed over.
        ("auto.offset.reset", "error"),
        ("isolation.level", "read_committed"),
        ("partition.assignment.strategy", "range"),
        ("session.timeout.ms", "6000"),
        ("heartbeat.interval.ms", "2000"),
        // The default of 1000 costs a backlog reader a factor of four.
        ("fetch.queue.backoff.ms", "5"),
        ("fetch.min.bytes", at_least),
        ("fetch.wait.max.ms", for_ms),
        ("queued.max.messages.kbytes", "16384"),
    ]
}
