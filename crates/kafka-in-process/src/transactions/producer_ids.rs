//! Producer ids: each is assigned once, also across restarts.

use std::{
    io,
    sync::{Arc, Mutex, PoisonError},
};

use crate::journal::{Change, Journal, Key};

/// Ids reserved in the journal at a time; after a crash the rest of a block is skipped.
const BLOCK: i64 = 1000;
/// Higher ids are ignored: a client can write any id, and there must be free ones above.
const HIGHEST: i64 = i64::MAX >> 1;

pub(super) struct ProducerIds {
    journal: Arc<Journal>,
    state: Mutex<Block>,
}

struct Block {
    next: i64,
    reserved: i64,
}

impl ProducerIds {
    /// Continues after the ids that the journal has reserved and those `in_use`, which a lost or cut journal does not
    /// list.
    pub(super) fn open(journal: Arc<Journal>, in_use: impl Iterator<Item = i64>) -> Self {
        let reserved = journal.get(&Key::ProducerIds).unwrap_or(0);
        let highest = in_use.filter(|id| (0..=HIGHEST).contains(id)).max();
        // Producers that have written nothing yet may use the rest of its block.
        let behind = highest.map_or(0, |id| (id / BLOCK + 1) * BLOCK);
        let reserved = behind.max(reserved);
        Self { journal, state: Mutex::new(Block { next: reserved, reserved }) }
    }

    pub(super) fn next(&self) -> io::Result<i64> {
        let mut block = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if block.next == block.reserved {
            let reserved = block.reserved + BLOCK;
            self.journal.write(vec![Change::set(Key::ProducerIds, &reserved)?])?;
            block.reserved = reserved;
        }
        block.next += 1;
        Ok(block.next - 1)
    }
}
