//! The functions that the fuzz targets in `fuzz/` call, and regression tests.
//!
//! Only built for tests and with `--cfg fuzzing`. A target passes bytes and an empty folder; a panic is a finding.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a finding is a panic")]

mod recovery;
mod requests;

pub use recovery::recovery;
pub use requests::requests;

use super::{
    cluster::Cluster,
    log::{Isolation, Log, LogError},
};

/// All batches of a log, each checked as by a careful client; or the log's error.
fn served(log: &Log) -> Result<Vec<u8>, LogError> {
    let mut all = Vec::new();
    let mut next = log.start();
    while let Some(slice) = log.read(next, 1 << 16, Isolation::Uncommitted)?.slice {
        let bytes = slice.read()?;
        assert!(!bytes.is_empty(), "a slice holds a batch");
        let mut rest = &bytes[..];
        while !rest.is_empty() {
            let header = super::log::intact(rest).expect("what is served is intact");
            assert!(header.next_offset() > next, "offsets go up");
            assert!(next == log.start() || header.base_offset >= next, "batches do not overlap");
            next = header.next_offset();
            rest = &rest[header.size..];
        }
        all.extend(bytes);
    }
    assert!(next <= log.end());
    Ok(all)
}

/// Every partition: topic, index, start offset, end offset, and its batches.
fn content(cluster: &Cluster) -> Vec<(String, i32, i64, i64, Vec<u8>)> {
    let partitions = |topic: &std::sync::Arc<super::topics::Topic>| {
        let name = topic.name.clone();
        let describe = move |partition: std::sync::Arc<super::topics::Partition>| {
            let log = partition.log();
            (name.clone(), partition.index, log.start(), log.end(), served(&log).unwrap())
        };
        topic.partitions().into_iter().map(describe).collect::<Vec<_>>()
    };
    cluster.topics.all().iter().flat_map(partitions).collect()
}

#[cfg(test)]
mod seeds;
#[cfg(test)]
mod tests;
