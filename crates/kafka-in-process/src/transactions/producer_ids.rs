//! Producer ids: each is given out once, also across restarts.

use std::{
    io,
    sync::{Arc, Mutex, PoisonError},
};

use crate::journal::{Change, Journal, Key};

/// Ids reserved in the journal at a time; after a crash the rest of a block is skipped.
const BLOCK: i64 = 1000;

pub(super) struct ProducerIds {
    journal: Arc<Journal>,
    state: Mutex<Block>,
}

struct Block {
    next: i64,
    reserved: i64,
}

impl ProducerIds {
    pub(super) fn open(journal: Arc<Journal>) -> Self {
        let reserved = journal.get(&Key::ProducerIds).unwrap_or(0);
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
