//! The coordinator after the journal, but not the logs, was lost or cut.

use std::{fs, path::Path};

use super::*;
use crate::{
    cluster::Cluster,
    config::Settings,
    groups::Committed,
    log::{
        Isolation,
        tests::kit::{NOW, Writer, append, config, given, read_from},
    },
    open,
    topics::config::Overrides,
};

fn start(data: &Path) -> Arc<Cluster> {
    let cluster = open(data, Durability::Process, Settings::default()).unwrap();
    if cluster.topics.get("t").is_none() {
        cluster.topics.create("t", 1, Overrides::new(), false).unwrap();
    }
    cluster
}

/// Appends a producer's first batch. Returns the end offset.
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
    // The marker of its abort follows the record.
    assert_eq!(write(&cluster, init(&cluster), true), 3);
}

fn committed_offset(cluster: &Cluster) -> Option<i64> {
    let offset = |state: &mut crate::groups::CellState| Some(state.offsets.get(&("t".to_owned(), 0))?.offset);
    cluster.groups.with("g", offset).flatten()
}

#[test]
fn a_transaction_goes_on_after_a_restart() {
    let data = tempfile::tempdir().unwrap();
    let cluster = start(data.path());
    let producer = cluster.transactions.init(Some("id"), 60_000, None).unwrap();
    cluster.transactions.add_partitions("id", producer, vec![("t".to_owned(), 0)]).unwrap();
    cluster.transactions.add_group("id", producer, "g").unwrap();
    let nobody = Committer { member_id: "", instance_id: None, generation: -1, knows_epochs: true };
    let committed = Committed { offset: 7, leader_epoch: -1, metadata: String::new() };
    let offsets = Offsets::from([(("t".to_owned(), 0), committed)]);
    cluster.transactions.add_offsets("id", producer, ("g", &nobody), &offsets).unwrap();
    assert_eq!(write(&cluster, producer, true), 1);
    drop(cluster);

    let cluster = start(data.path());
    let partition = cluster.topics.get("t").unwrap().partition(0).unwrap();
    assert_eq!(partition.log().last_stable(), 0, "it is undecided");
    assert_eq!(cluster.transactions.unstable("g").len(), 1);
    cluster.transactions.end("id", producer, Marker::Commit, false).unwrap();
    assert_eq!(read_from(&partition.log(), 0, Isolation::Committed).len(), 1);
    assert_eq!(committed_offset(&cluster), Some(7));
}

#[test]
fn a_transaction_that_times_out_while_the_broker_is_away_is_aborted() {
    let data = tempfile::tempdir().unwrap();
    let cluster = start(data.path());
    let producer = cluster.transactions.init(Some("id"), 1, None).unwrap();
    cluster.transactions.add_partitions("id", producer, vec![("t".to_owned(), 0)]).unwrap();
    assert_eq!(write(&cluster, producer, true), 1);
    let cut = fs::read(data.path().join("journal")).unwrap();
    drop(cluster);
    fs::write(data.path().join("journal"), cut).unwrap();
    let cluster = start(data.path());
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    let stable = || cluster.topics.get("t").unwrap().partition(0).unwrap().log().last_stable();
    let aborted = async {
        tokio::select! {
            () = cluster.transactions.keep_time() => {}
            () = async { while stable() == 0 { tokio::task::yield_now().await } } => {}
        }
    };
    runtime.block_on(aborted);
    let ended = cluster.transactions.end("id", producer, Marker::Commit, false);
    assert_eq!(ended, Err(ResponseError::ProducerFenced));
}

#[test]
fn a_transactional_id_is_forgotten_when_nobody_uses_it() {
    let data = tempfile::tempdir().unwrap();
    let cluster = start(data.path());
    let ids =
        |cluster: &Cluster| cluster.transactions.list().into_iter().map(|(id, _)| id).collect::<Vec<_>>();
    let idle = cluster.transactions.init(Some("idle"), 60_000, None).unwrap();
    let open = cluster.transactions.init(Some("open"), 60_000, None).unwrap();
    cluster.transactions.add_partitions("open", open, vec![("t".to_owned(), 0)]).unwrap();
    cluster.transactions.expire(crate::clock::wall() - 60_000);
    assert_eq!(ids(&cluster), ["idle", "open"], "not yet");
    cluster.transactions.expire(crate::clock::wall() + 1);
    assert_eq!(ids(&cluster), ["open"]);
    let added = cluster.transactions.add_partitions("idle", idle, vec![("t".to_owned(), 0)]);
    assert_eq!(added, Err(ResponseError::InvalidProducerIdMapping));
    drop(cluster);
    assert_eq!(ids(&start(data.path())), ["open"]);
}
