//! A store in memory for tests: it outlives the consumer that uses it, and its writes fail on request.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
};

use super::{Batch, Store, StoreError};

#[derive(Debug, Default)]
struct Contents {
    rows: BTreeMap<String, Vec<u8>>,
    written: u64,
}

/// Clones share their rows, so that a test can drop a consumer and reopen its store; each clone has its own faults.
#[derive(Debug, Clone, Default)]
pub struct MemoryStore {
    contents: Arc<Mutex<Contents>>,
    fault: Option<Fault>,
}

#[derive(Debug, Clone, Copy)]
struct Fault {
    /// Changes that still succeed.
    after: usize,
    /// Whether the failing change is applied all the same.
    done: bool,
    /// Whether all later changes fail, too.
    for_good: bool,
}

impl MemoryStore {
    /// Lets a change fail after `after` successful ones; with `done` it is applied all the same.
    #[must_use]
    pub fn fail_once(self, after: usize, done: bool) -> Self {
        Self { fault: Some(Fault { after, done, for_good: false }), ..self }
    }

    /// As [`MemoryStore::fail_once`], but all later changes fail, too, and are not applied: as after a crash.
    #[must_use]
    pub fn crash(self, after: usize, done: bool) -> Self {
        Self { fault: Some(Fault { after, done, for_good: true }), ..self }
    }

    /// How many batches were written in all.
    pub fn written(&self) -> u64 {
        self.contents.lock().unwrap_or_else(PoisonError::into_inner).written
    }

    fn change(&mut self, change: impl FnOnce(&mut Contents)) -> Result<(), StoreError> {
        let mut contents = self.contents.lock().unwrap_or_else(PoisonError::into_inner);
        match &mut self.fault {
            None => {
                change(&mut contents);
                return Ok(());
            }
            Some(fault) if fault.after > 0 => {
                fault.after -= 1;
                change(&mut contents);
                return Ok(());
            }
            Some(fault) => {
                if std::mem::take(&mut fault.done) {
                    change(&mut contents);
                }
            }
        }
        self.fault = self.fault.filter(|fault| fault.for_good);
        Err(StoreError::Failed {
            folder: "memory".to_owned(),
            reason: "it failed as it was told to".to_owned(),
        })
    }
}

impl Store for MemoryStore {
    fn scan(&self, prefix: &str) -> Result<Vec<(String, Vec<u8>)>, StoreError> {
        let contents = self.contents.lock().unwrap_or_else(PoisonError::into_inner);
        Ok(contents
            .rows
            .range(prefix.to_owned()..)
            .take_while(|(key, _)| key.starts_with(prefix))
            .map(|(key, value)| (key.clone(), value.clone()))
            .collect())
    }

    fn write(&mut self, batch: &Batch) -> Result<(), StoreError> {
        self.change(|contents| {
            contents.written += 1;
            for (key, value) in batch {
                match value {
                    Some(value) => contents.rows.insert(key.clone(), value.clone()),
                    None => contents.rows.remove(key),
                };
            }
        })
    }

    fn clear(&mut self) -> Result<(), StoreError> {
        self.change(|contents| contents.rows.clear())
    }
}
