//! The group coordinator: groups by their ids, their committed offsets, and those who wait for answers.
//!
//! The rules are in the pure state machine of [`group`]; this is its shell. Offsets and finished generations go to the
//! journal, so that after a restart consumers go on without a rebalance.

mod assignment;
mod group;
mod member;
mod offsets;
mod rebalance;
mod subscription;

use std::{
    collections::{BTreeMap, HashMap},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use kafka_protocol::ResponseError;
use tokio::sync::{Notify, oneshot};

pub(crate) use group::{Group, State};
pub(crate) use member::{Join, Joined, Member, Sync, Synced};
pub(crate) use offsets::{Committed, Committer, Offsets};
pub(crate) use subscription::Reads;

use super::journal::{Change, Journal, Key};
use group::Kept;
use member::{Answer, Ticket};

/// All consumer groups.
pub(crate) struct Groups {
    cells: Mutex<BTreeMap<String, Arc<Cell>>>,
    journal: Arc<Journal>,
    started: Instant,
    tickets: AtomicU64,
    /// Something may have become due earlier than the clock's task knows.
    earlier: Notify,
}

/// A group with what belongs to it.
#[derive(Default)]
pub(crate) struct Cell {
    state: Mutex<CellState>,
}

/// What a group's lock guards.
#[derive(Default)]
pub(crate) struct CellState {
    pub(crate) group: Group,
    pub(crate) offsets: Offsets,
    joins: HashMap<Ticket, oneshot::Sender<Joined>>,
    syncs: HashMap<Ticket, oneshot::Sender<Result<Synced, ResponseError>>>,
    /// Deleted while someone still held it: look it up again.
    dead: bool,
}

impl Groups {
    /// Takes up all groups where the journal left them.
    pub(crate) fn open(journal: Arc<Journal>) -> Self {
        let mut cells: BTreeMap<String, CellState> = BTreeMap::new();
        let kept = journal.all::<Kept, _>(|key| match key {
            Key::Group(id) => Some(id.clone()),
            _ => None,
        });
        for (id, kept) in kept {
            cells.entry(id).or_default().group = Group::restore(kept, 0);
        }
        let offsets = journal.all::<Committed, _>(|key| match key {
            Key::Offset(group, topic, partition) => Some((group.clone(), topic.clone(), *partition)),
            _ => None,
        });
        for ((group, topic, partition), committed) in offsets {
            cells.entry(group).or_default().offsets.insert((topic, partition), committed);
        }
        let cell = |state| Arc::new(Cell { state: Mutex::new(state) });
        Self {
            cells: Mutex::new(cells.into_iter().map(|(id, state)| (id, cell(state))).collect()),
            journal,
            started: Instant::now(),
            tickets: AtomicU64::new(0),
            earlier: Notify::new(),
        }
    }

    fn now(&self) -> u64 {
        u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    fn cells(&self) -> MutexGuard<'_, BTreeMap<String, Arc<Cell>>> {
        self.cells.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// All groups by id.
    pub(crate) fn list(&self) -> Vec<(String, Arc<Cell>)> {
        self.cells().iter().map(|(id, cell)| (id.clone(), Arc::clone(cell))).collect()
    }

    /// Looks at a group; `None` when there is none.
    pub(crate) fn with<T>(&self, id: &str, look: impl FnOnce(&mut CellState) -> T) -> Option<T> {
        let cell = Arc::clone(self.cells().get(id)?);
        let mut state = cell.lock();
        if state.dead {
            return None;
        }
        let seen = look(&mut state);
        self.settle(id, &mut state);
        Some(seen)
    }

    /// Changes a group, making it where there is none.
    pub(crate) fn with_or_new<T>(&self, id: &str, change: impl FnOnce(&mut CellState) -> T) -> T {
        loop {
            let cell = Arc::clone(self.cells().entry(id.to_owned()).or_default());
            let mut state = cell.lock();
            if state.dead {
                continue;
            }
            let seen = change(&mut state);
            self.settle(id, &mut state);
            return seen;
        }
    }

    /// Keeps what has changed and hands out the answers that are due.
    fn settle(&self, id: &str, state: &mut CellState) {
        if let Some(kept) = state.group.take_changed() {
            let written = Change::set(Key::Group(id.to_owned()), &kept)
                .and_then(|change| self.journal.write(vec![change]));
            if let Err(error) = written {
                // The group works on; only a restart would begin with a rebalance.
                tracing::warn!(group = id, %error, "could not keep a group's generation");
            }
        }
        let answers = state.group.take_answers();
        if !answers.is_empty() {
            self.earlier.notify_one();
        }
        for answer in answers {
            // Who has hung up needs no answer.
            match answer {
                Answer::Joined(ticket, joined) => {
                    if let Some(waiter) = state.joins.remove(&ticket) {
                        let _ = waiter.send(joined);
                    }
                }
                Answer::Synced(ticket, synced) => {
                    if let Some(waiter) = state.syncs.remove(&ticket) {
                        let _ = waiter.send(synced);
                    }
                }
            }
        }
    }

    fn ticket(&self) -> Ticket {
        self.tickets.fetch_add(1, Ordering::Relaxed)
    }

    /// A member joins; returns when the group has its next generation.
    pub(crate) async fn join(&self, group: &str, join: Join) -> Joined {
        let ticket = self.ticket();
        let (sender, answer) = oneshot::channel();
        let now = self.now();
        let enter = |state: &mut CellState| {
            state.joins.insert(ticket, sender);
            state.group.join(&join, ticket, now);
        };
        if join.member_id.is_empty() {
            self.with_or_new(group, enter);
        } else if self.with(group, enter).is_none() {
            return Joined::refused(ResponseError::UnknownMemberId, &join.member_id);
        }
        self.earlier.notify_one();
        let gone = |_| Joined::refused(ResponseError::CoordinatorNotAvailable, &join.member_id);
        answer.await.unwrap_or_else(gone)
    }

    /// A member asks for its assignment; returns when the leader has brought it.
    pub(crate) async fn sync(&self, group: &str, sync: Sync) -> Result<Synced, ResponseError> {
        let ticket = self.ticket();
        let (sender, answer) = oneshot::channel();
        let now = self.now();
        let entered = self.with(group, |state| {
            state.syncs.insert(ticket, sender);
            state.group.sync(sync, ticket, now);
        });
        entered.ok_or(ResponseError::UnknownMemberId)?;
        answer.await.unwrap_or(Err(ResponseError::CoordinatorNotAvailable))
    }

    /// A member is alive.
    pub(crate) fn heartbeat(
        &self,
        group: &str,
        member_id: &str,
        instance_id: Option<&str>,
        generation: i32,
    ) -> Result<(), ResponseError> {
        let now = self.now();
        self.with(group, |state| state.group.heartbeat(member_id, instance_id, generation, now))
            .unwrap_or(Err(ResponseError::UnknownMemberId))
    }

    /// A member leaves.
    pub(crate) fn leave(
        &self,
        group: &str,
        member_id: &str,
        instance_id: Option<&str>,
    ) -> Result<(), ResponseError> {
        let now = self.now();
        self.with(group, |state| state.group.leave(member_id, instance_id, now))
            .unwrap_or(Err(ResponseError::UnknownMemberId))
    }

    /// Deletes a group that has no members, with its offsets.
    pub(crate) fn delete(&self, id: &str) -> Result<(), ResponseError> {
        self.delete_if(id, |state| state.group.is_idle())
    }

    fn delete_if(&self, id: &str, may: impl Fn(&CellState) -> bool) -> Result<(), ResponseError> {
        let mut cells = self.cells();
        let cell = Arc::clone(cells.get(id).ok_or(ResponseError::GroupIdNotFound)?);
        let mut state = cell.lock();
        if !may(&state) {
            return Err(ResponseError::NonEmptyGroup);
        }
        let mut changes = vec![Change::remove(Key::Group(id.to_owned()))];
        let keys = state.offsets.keys();
        changes.extend(
            keys.map(|(topic, partition)| {
                Change::remove(Key::Offset(id.to_owned(), topic.clone(), *partition))
            }),
        );
        self.journal.write(changes).map_err(|_| ResponseError::CoordinatorNotAvailable)?;
        state.dead = true;
        cells.remove(id);
        Ok(())
    }

    /// Lets members' sessions and rebalances time out; runs until dropped and wakes only when something is due.
    pub(crate) async fn keep_time(&self) {
        loop {
            let due = self.list().iter().filter_map(|(_, cell)| cell.lock().group.deadline()).min();
            let wait = due.map(|due| Duration::from_millis(due.saturating_sub(self.now()).max(1)));
            tokio::select! {
                () = self.earlier.notified() => continue,
                () = sleep(wait) => {}
            }
            let now = self.now();
            for (id, _) in self.list() {
                self.with(&id, |state| state.group.tick(now));
            }
        }
    }

    /// Forgets groups that have neither members nor offsets.
    pub(crate) fn forget_empty(&self) {
        let empty = |state: &CellState| state.group.is_idle() && state.offsets.is_empty();
        for (id, _) in self.list() {
            // Most have something: they are left alone.
            let _ = self.delete_if(&id, empty);
        }
    }
}

async fn sleep(wait: Option<Duration>) {
    match wait {
        Some(wait) => tokio::time::sleep(wait).await,
        None => std::future::pending().await,
    }
}

impl Cell {
    /// The group, for a short time and never across an await.
    pub(crate) fn lock(&self) -> MutexGuard<'_, CellState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests;
