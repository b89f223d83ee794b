//! Producer ids: each is given out once, also across restarts.

use std::{
    io,
    sync::{Arc, Mutex, PoisonError},
};

use crate::journal::{Change, Journal, Key};

/// Ids reserved in the journal at a time; after a crash the rest of a block is skipped.
const BLOCK: i64 = 1000;
/// Ids beyond this are nobody's: a client can write any, and there have to be some behind the highest.
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
    /// Goes on behind what the journal has reserved and behind the ids `in_use`, which a journal that was lost, or cut,
    /// does not know.
    pub(super) fn open(journal: Arc<Journal>, in_use: impl Iterator<Item = i64>) -> Self {
        let reserved = journal.get(&Key::ProducerIds).unwrap_or(0);
        let highest = in_use.filter(|id| (0..=HIGHEST).contains(id)).max();
        // The rest of its block may be with producers that have written nothing yet.
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
