//! The ids that were seen: the latest ones in memory, the others in runs on the disk.

use std::{
    io, mem,
    path::{Path, PathBuf},
    sync::Arc,
    thread::{self, JoinHandle},
};

use super::{
    progressions::Progressions,
    sorted_run::{self, Run},
};

/// Entries in memory at which they go to the disk: some 40 bytes each.
const LIMIT: usize = 1 << 16;
/// Orders between two checks for a new day.
const BLOCK: usize = 1000;

/// A set of ids; those that memory has no room for lie in `folder`, where there is one.
#[derive(Debug, Default)]
pub(super) struct Set {
    pub(super) recent: Progressions,
    /// Oldest first; no id is in two of them.
    pub(super) runs: Vec<Run>,
    merging: Option<Merging>,
}

/// A merge of two runs in the background.
#[derive(Debug)]
struct Merging {
    /// Where the first of them is.
    at: usize,
    number: u64,
    thread: Option<JoinHandle<io::Result<Run>>>,
}

impl Merging {
    fn is_finished(&self) -> bool {
        self.thread.as_ref().is_none_or(JoinHandle::is_finished)
    }

    fn finish(&mut self) -> io::Result<Run> {
        let failed = || io::Error::other("order ids could not be merged");
        self.thread.take().ok_or_else(failed)?.join().unwrap_or_else(|_| Err(failed()))
    }
}

/// The next user of the folder reuses the file numbers of a merge.
impl Drop for Merging {
    fn drop(&mut self) {
        // Its result is not used.
        let _ = self.finish();
    }
}

impl Set {
    /// What was saved.
    pub(super) fn restored(recent: Progressions, runs: Vec<Run>) -> Self {
        Self { recent, runs, merging: None }
    }

    fn is_in_a_run(&mut self, id: u64) -> io::Result<bool> {
        for run in self.runs.iter_mut().filter(|run| id <= run.last()) {
            if run.contains(id)? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    fn contains(&mut self, id: u64) -> io::Result<bool> {
        Ok(self.recent.contains(id) || self.is_in_a_run(id)?)
    }

    /// Adds an id; `false` where it was there.
    fn insert(&mut self, id: u64) -> io::Result<bool> {
        Ok(!self.is_in_a_run(id)? && self.recent.insert(id))
    }

    /// Brings what is too much for memory to the disk, and runs that have become many together.
    fn settle(&mut self, disk: &Disk, next_run: &mut u64) -> io::Result<()> {
        if self.recent.len() >= disk.limit {
            self.recent.compact();
            if self.recent.len() >= disk.limit / 2 {
                self.runs.push(sorted_run::write(&disk.folder, take(next_run), self.recent.iter())?);
                self.recent = Progressions::default();
            }
        }
        if let Some(mut merging) = self.merging.take_if(|merging| merging.is_finished()) {
            let at = merging.at;
            self.runs.splice(at..at + 2, [merging.finish()?]);
        }
        // A run less than twice as long as the next one is merged with it: few runs remain, and ids are rewritten
        // seldom.
        let pairs = self.runs.windows(2).rposition(|pair| match pair {
            [older, younger] => older.blocks() < 2 * younger.blocks(),
            _ => false,
        });
        if let (None, Some(at)) = (&self.merging, pairs)
            && let Some([older, younger]) = self.runs.get(at..at + 2)
        {
            let (folder, number) = (Arc::clone(&disk.folder), take(next_run));
            let runs = [older.ids(), younger.ids()];
            let merge = move || sorted_run::merge(&folder, number, runs);
            let thread = thread::Builder::new().name("order-ids".to_owned()).spawn(merge)?;
            self.merging = Some(Merging { at, number, thread: Some(thread) });
        }
        Ok(())
    }

    /// The number of the run that is being made of two.
    pub(super) fn in_the_making(&self) -> Option<u64> {
        self.merging.as_ref().map(|merging| merging.number)
    }
}

/// Where runs lie, and how many entries memory has room for.
#[derive(Debug, Clone)]
pub(super) struct Disk {
    folder: Arc<Path>,
    limit: usize,
}

impl Disk {
    pub(super) fn new(folder: PathBuf) -> Self {
        Self { folder: folder.into(), limit: LIMIT }
    }

    pub(super) fn folder(&self) -> &Path {
        &self.folder
    }

    #[cfg(test)]
    pub(super) fn with_limit(self, limit: usize) -> Self {
        Self { limit, ..self }
    }
}

fn take(next: &mut u64) -> u64 {
    mem::replace(next, *next + 1)
}

/// The ids that were seen, of all times or of so many days.
///
/// Days are those of the orders: a day begins when half of a thousand new orders in a row are of it or later, so an
/// order with a wrong date has no effect. After so many days the current set becomes the previous one, which is kept
/// for as many days more, and a new set begins.
#[derive(Debug, Default)]
pub(super) struct Seen {
    pub(super) days: Option<i64>,
    pub(super) current: Set,
    pub(super) previous: Set,
    /// The day that has come (since 1970, UTC), and the one in which gathering began.
    pub(super) come: Option<i64>,
    pub(super) begun: Option<i64>,
    /// The days of the latest new orders.
    pub(super) block: Vec<i64>,
    /// The number of the next run.
    pub(super) next_run: u64,
}

impl Seen {
    pub(super) fn new(days: Option<u32>) -> Self {
        Self { days: days.map(i64::from), ..Self::default() }
    }

    /// Takes note of the id of an order of a day; `false` where it was seen.
    pub(super) fn admit(&mut self, id: u64, day: i64) -> io::Result<bool> {
        if self.days.is_some() && self.previous.contains(id)? || !self.current.insert(id)? {
            return Ok(false);
        }
        if let Some(days) = self.days {
            self.block.push(day);
            if self.block.len() == BLOCK {
                self.come(days);
            }
        }
        Ok(true)
    }

    fn come(&mut self, days: i64) {
        let (_, day, _) = self.block.select_nth_unstable(BLOCK / 2);
        let come = (*day).max(self.come.unwrap_or(*day));
        self.block.clear();
        self.come = Some(come);
        if come - *self.begun.get_or_insert(come) >= days {
            self.begun = Some(come);
            self.previous = mem::take(&mut self.current);
        }
    }

    /// Brings what is too much for memory to the disk.
    pub(super) fn settle(&mut self, disk: &Disk) -> io::Result<()> {
        self.previous.settle(disk, &mut self.next_run)?;
        self.current.settle(disk, &mut self.next_run)
    }

    /// Both sets, the current one first.
    pub(super) fn sets(&self) -> [&Set; 2] {
        [&self.current, &self.previous]
    }
}
