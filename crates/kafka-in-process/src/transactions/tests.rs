//! The coordinator on a journal that was lost or cut, where the logs were not.

use std::{fs, path::Path};

use super::*;
use crate::{
    cluster::Cluster,
    log::tests::kit::{NOW, Writer, append, config, given},
    open,
    topics::config::Overrides,
};

fn start(data: &Path) -> Arc<Cluster> {
    let cluster = open(data, Durability::Process).unwrap();
    if cluster.topics.get("t").is_none() {
        cluster.topics.create("t", 1, Overrides::new(), false).unwrap();
    }
    cluster
}

/// Appends a producer's first batch. Returns the log's end.
fn write(cluster: &Cluster, producer: ProducerId, transactional: bool) -> i64 {
    let partition = cluster.topics.get("t").unwrap().partition(0).unwrap();
    let writer = Writer { id: producer.id, epoch: producer.epoch, sequence: 0, transactional };
    append(&mut partition.log(), &[given("key", Some("value"), NOW)], writer, &config()).unwrap();
    let log = partition.log();
    log.end()
}

#[test]
fn a_producer_is_told_from_those_that_a_lost_journal_knew() {
    let data = tempfile::tempdir().unwrap();
    let cluster = start(data.path());
    let first = cluster.transactions.init(None, 0, None).unwrap();
    let silent = cluster.transactions.init(None, 0, None).unwrap();
    assert_eq!(write(&cluster, first, false), 1);
    drop(cluster);
    fs::remove_file(data.path().join("journal")).unwrap();
    let cluster = start(data.path());
    let second = cluster.transactions.init(None, 0, None).unwrap();
    assert_eq!(write(&cluster, second, false), 2, "it repeats nothing");
    assert_ne!(second.id, silent.id, "who has written nothing yet has its id still");
}

#[test]
fn an_id_that_nobody_was_given_does_not_use_up_all_others() {
    let data = tempfile::tempdir().unwrap();
    let cluster = start(data.path());
    write(&cluster, ProducerId { id: i64::MAX, epoch: 0 }, false);
    drop(cluster);
    let cluster = start(data.path());
    assert_eq!(cluster.transactions.init(None, 0, None).unwrap().id, 0);
}

#[test]
fn a_transactional_id_is_not_fenced_by_an_epoch_that_a_cut_journal_lost() {
    let data = tempfile::tempdir().unwrap();
    let cluster = start(data.path());
    let init = |cluster: &Cluster| cluster.transactions.init(Some("id"), 1000, None).unwrap();
    init(&cluster);
    let journal = fs::read(data.path().join("journal")).unwrap();
    let lost = init(&cluster);
    assert_eq!(write(&cluster, lost, true), 1);
    drop(cluster);
    fs::write(data.path().join("journal"), journal).unwrap();
    let cluster = start(data.path());
    // Behind the record lies the marker of its abort.
    assert_eq!(write(&cluster, init(&cluster), true), 3);
}
