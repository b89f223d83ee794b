//! What blocks on what.

use std::{
    sync::{Barrier, mpsc},
    thread,
    time::Duration,
};

use kafka_protocol::messages::{
    ApiVersionsRequest, MetadataRequest, RequestKind, TopicName, metadata_request::MetadataRequestTopic,
};

use super::*;
use crate::{
    api::{self, Peer},
    config::{Durability, Settings},
    open,
};

/// Longer than this means a deadlock.
const PATIENCE: Duration = Duration::from_secs(20);

#[test]
fn others_are_made_while_the_deletion_of_one_waits_for_a_compaction() {
    let data = tempfile::tempdir().unwrap();
    let cluster = open(data.path(), Durability::Process, Settings::default()).unwrap();
    let topics = &cluster.topics;
    topics.create("t", 2, Overrides::new(), false).unwrap();
    let partition = topics.get("t").unwrap().partition(1).unwrap();
    let compacting = partition.upkeep();
    let begun = Barrier::new(2);
    let (done, made) = mpsc::channel();
    thread::scope(|scope| {
        let deleted = scope.spawn(|| {
            begun.wait();
            topics.delete("t")
        });
        scope.spawn(|| {
            begun.wait();
            for n in 0..100 {
                topics.create(&n.to_string(), 1, Overrides::new(), false).unwrap();
            }
            done.send(()).unwrap();
        });
        let made = made.recv_timeout(PATIENCE);
        drop(compacting);
        deleted.join().unwrap().unwrap();
        made.unwrap();
    });
    assert_eq!((topics.get("t").is_none(), topics.all().len()), (true, 100));
}

#[test]
fn a_topic_that_waits_to_be_made_holds_up_no_other_request() {
    let data = tempfile::tempdir().unwrap();
    let cluster = open(data.path(), Durability::Process, Settings::default()).unwrap();
    let address = ([127, 0, 0, 1], 9092).into();
    let peer = Peer { local: address, remote: address, client_id: "test".to_owned() };
    let changing = cluster.topics.changing.lock().unwrap();
    let (done, answered) = mpsc::channel();
    let ask = |request, version| api::answer(&cluster, &peer, request, version);
    thread::scope(|scope| {
        scope.spawn(|| {
            let wanted = MetadataRequestTopic::default().with_name(Some(TopicName("t".to_owned().into())));
            let request = MetadataRequest::default().with_topics(Some(vec![wanted]));
            let other = async {
                ask(RequestKind::ApiVersions(ApiVersionsRequest::default()), 0).await;
                done.send(()).unwrap();
            };
            let both = futures::future::join(ask(RequestKind::Metadata(request), 4), other);
            tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(both);
        });
        let answered = answered.recv_timeout(PATIENCE);
        drop(changing);
        answered.unwrap();
    });
    assert!(cluster.topics.get("t").is_some());
}
