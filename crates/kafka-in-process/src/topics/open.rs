//! Opens all topics at a start, several logs in parallel.

use std::{
    collections::BTreeMap,
    io, iter,
    num::NonZero,
    sync::{
        Arc, Mutex, PoisonError, RwLock,
        atomic::{AtomicBool, AtomicU64},
    },
    thread,
};

use super::{
    Topic, TopicError, Topics, adopt, remove_deleted,
    rules::{check_count, check_name},
    topic::Kept,
};
use crate::{
    config::Settings,
    folder::Folder,
    journal::{Change, Journal, Key},
};

/// The fewest logs opened in parallel: a start waits for the disk more than for the processor.
const LEAST_WORKERS: usize = 4;

impl Topics {
    /// Opens all topics that the journal lists.
    pub(crate) fn open(
        folder: Arc<Folder>,
        journal: Arc<Journal>,
        settings: Arc<Settings>,
    ) -> Result<Self, TopicError> {
        remove_deleted(folder.path())?;
        let topics = Self {
            folder,
            journal,
            settings,
            by_name: RwLock::default(),
            changing: Mutex::new(()),
            littered: AtomicBool::new(false),
            version: AtomicU64::new(0),
        };
        let kept = topics.journal.all::<Kept, _>(|key| match key {
            Key::Topic(name) => Some(name.clone()).filter(|name| check_name(name).is_ok()),
            _ => None,
        });
        let mut kept: BTreeMap<String, Kept> = kept.into_iter().collect();
        kept.retain(|_, kept| check_count(kept.partitions).is_ok());
        for (name, found) in adopt::unknown(topics.folder.path(), &kept)? {
            tracing::warn!(
                topic = name,
                "the journal does not know a topic that has records: took it up again"
            );
            topics.journal.write(vec![Change::set(Key::Topic(name.clone()), &found)?])?;
            kept.insert(name, found);
        }
        for topic in topics.open_all(kept)? {
            topics.publish(topic);
        }
        Ok(topics)
    }

    /// Opens the logs of these topics in parallel.
    fn open_all(&self, kept: BTreeMap<String, Kept>) -> Result<Vec<Topic>, TopicError> {
        let places = |(name, kept): (&String, &Kept)| {
            let name = name.clone();
            (0..kept.partitions).map(move |index| (name.clone(), index))
        };
        let waiting = Mutex::new(kept.iter().flat_map(places));
        let next = || waiting.lock().unwrap_or_else(PoisonError::into_inner).next();
        let work = || {
            let opened = iter::from_fn(next).map(|(name, index)| {
                let partition = self.open_partition(&name, index)?;
                Ok(((name, index), partition))
            });
            opened.collect::<Result<Vec<_>, TopicError>>()
        };
        let workers = thread::available_parallelism().map_or(1, NonZero::get).max(LEAST_WORKERS);
        let opened = thread::scope(|scope| {
            let running: Vec<_> = (0..workers).map(|_| scope.spawn(work)).collect();
            let ended = running.into_iter().map(|thread| {
                thread.join().unwrap_or_else(|_| Err(io::Error::other("a log made no sense").into()))
            });
            ended.collect::<Result<Vec<_>, _>>()
        })?;
        let mut opened: BTreeMap<_, _> = opened.into_iter().flatten().collect();
        let topic = |(name, kept): (String, Kept)| {
            let partitions = (0..kept.partitions).filter_map(|index| opened.remove(&(name.clone(), index)));
            let partitions = partitions.collect();
            Topic::new(name, kept, partitions, Arc::clone(&self.settings))
        };
        Ok(kept.into_iter().map(topic).collect())
    }
}
