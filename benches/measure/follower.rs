//! A plain reader that follows a topic from its beginning and keeps what it reads.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread::{self, JoinHandle},
    time::Duration,
};

use rdkafka::{consumer::BaseConsumer, message::OwnedMessage};

use crate::{load, shop::Shop};

pub(crate) struct Follower {
    ended: Arc<AtomicBool>,
    reader: JoinHandle<Vec<OwnedMessage>>,
}

impl Follower {
    pub(crate) fn start(shop: &Shop, suffix: &str) -> Self {
        let consumer = load::reader(&shop.bootstrap, &shop.topic(suffix));
        let ended = Arc::new(AtomicBool::new(false));
        let stop = Arc::clone(&ended);
        Self { ended, reader: thread::spawn(move || follow(&consumer, &stop)) }
    }

    /// Stops, and returns the records read so far.
    pub(crate) fn records(self) -> Vec<OwnedMessage> {
        self.ended.store(true, Ordering::Relaxed);
        self.reader.join().unwrap()
    }
}

fn follow(consumer: &BaseConsumer, ended: &AtomicBool) -> Vec<OwnedMessage> {
    let mut records = Vec::new();
    while !ended.load(Ordering::Relaxed) {
        if let Some(Ok(record)) = consumer.poll(Duration::from_millis(100)) {
            records.push(record.detach());
        }
    }
    records
}
