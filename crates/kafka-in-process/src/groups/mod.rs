//! The group coordinator: groups by id, their committed offsets, and clients that wait for responses.
//!
//! The rules are in the pure state machines of [`classic_group`] and [`consumer`]; this is their shell. Offsets, finished generations
//! and members with their epochs are journaled, so that after a restart consumers go on without a rebalance.

mod any_group;
mod classic_group;
mod consumer;
mod consumer_group_heartbeat;
mod embedded_protocol;
mod join_group;
mod member;
mod offsets;
pub(crate) mod settings;
mod subscription;
mod sync_group;

use std::{
    collections::{BTreeMap, HashMap},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use kafka_protocol::ResponseError;
use tokio::sync::{Notify, oneshot};

pub(crate) use any_group::AnyGroup;
pub(crate) use classic_group::{Group, State};
pub(crate) use consumer::{
    Assignor, ConsumerGroup, Heartbeat, HeartbeatAnswer, LEAVE_EPOCH, LEAVE_STATIC_EPOCH,
    Member as ConsumerMember, PartitionId, Refusal, check_regex,
};
pub(crate) use member::{Join, Joined, Member, Sync, Synced};
pub(crate) use offsets::{Committed, Committer, Offsets};
pub(crate) use subscription::Reads;

use super::{
    clock::Moment,
    config::Settings,
    journal::{Change, Journal, Key},
    topics::{Topics, config::Overrides},
};
use any_group::KeptGroup;
use consumer::TopicsImage;
use member::{Answer, Ticket};

/// All consumer groups.
pub(crate) struct Groups {
    cells: Mutex<BTreeMap<String, Arc<Cell>>>,
    journal: Arc<Journal>,
    topics: Arc<Topics>,
    settings: Arc<Settings>,
    /// Group configs by group.
    own_settings: Mutex<BTreeMap<String, Overrides>>,
    started: Moment,
    tickets: AtomicU64,
    /// Some deadline may be earlier than [`Self::keep_time`] expects.
    earlier: Notify,
}

/// A group behind its lock.
#[derive(Default)]
pub(crate) struct Cell {
    state: Mutex<CellState>,
}

/// The state behind a group's lock.
#[derive(Default)]
pub(crate) struct CellState {
    pub(crate) group: AnyGroup,
    pub(crate) offsets: Offsets,
    joins: HashMap<Ticket, oneshot::Sender<Joined>>,
    syncs: HashMap<Ticket, oneshot::Sender<Result<Synced, ResponseError>>>,
    /// Deleted while another task held it: look the group up again.
    dead: bool,
}

impl Groups {
    /// Restores all groups from the journal.
    pub(crate) fn open(journal: Arc<Journal>, topics: Arc<Topics>, settings: Arc<Settings>) -> Self {
        let mut cells: BTreeMap<String, CellState> = BTreeMap::new();
        let own_settings = settings::kept(&journal);
        let kept = journal.all::<KeptGroup, _>(|key| match key {
            Key::Group(id) => Some(id.clone()),
            _ => None,
        });
        for (id, kept) in kept {
            let timing = settings::timing(&settings, own_settings.get(&id));
            cells.entry(id).or_default().group = AnyGroup::restore(kept, timing.session_timeout_ms, 0);
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
            topics,
            started: settings.clock.moment(),
            settings,
            own_settings: Mutex::new(own_settings),
            tickets: AtomicU64::new(0),
            earlier: Notify::new(),
        }
    }

    fn now(&self) -> u64 {
        self.settings.clock.millis_since(self.started)
    }

    fn cells(&self) -> MutexGuard<'_, BTreeMap<String, Arc<Cell>>> {
        self.cells.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// All groups by id.
    pub(crate) fn list(&self) -> Vec<(String, Arc<Cell>)> {
        self.cells().iter().map(|(id, cell)| (id.clone(), Arc::clone(cell))).collect()
    }

    /// Accesses a group; `None` if it does not exist.
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

    /// Changes a group, and creates it if needed.
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

    /// Downgrades a group that no member needs to be under the consumer protocol any more, persists changes, and sends the
    /// responses that are due.
    fn settle(&self, id: &str, state: &mut CellState) {
        let now = self.now();
        if let Some(group) = state.group.downgrade(now) {
            // Until its next generation the journal has the group as it was: after a restart the former members time out.
            group.rebalance(now);
            self.earlier.notify_one();
        }
        if let Some(change) = state.group.take_changed(id) {
            let written = change.and_then(|change| self.journal.write(vec![change]));
            if let Err(error) = written {
                // The group still works; only a restart would cause a rebalance.
                tracing::warn!(group = id, %error, "could not keep a group's generation");
            }
        }
        let answers = state.group.take_answers();
        if !answers.is_empty() {
            self.earlier.notify_one();
        }
        for answer in answers {
            // A client that hung up needs no response.
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

    /// A member joins; returns once the group has its next generation.
    pub(crate) async fn join(&self, group: &str, join: Join) -> Joined {
        let ticket = self.ticket();
        let (sender, answer) = oneshot::channel();
        let now = self.now();
        let enter = |state: &mut CellState| {
            state.joins.insert(ticket, sender);
            let image = TopicsImage { version: self.topics.version(), topics: &|| self.topics_by_name() };
            state.group.join(&join, ticket, &image, now);
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

    /// A member requests its assignment; returns once the leader has sent it.
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

    /// A member's heartbeat.
    pub(crate) fn heartbeat(
        &self,
        group: &str,
        member_id: &str,
        instance_id: Option<&str>,
        generation: i32,
    ) -> Result<(), ResponseError> {
        let now = self.now();
        let alive = |state: &mut CellState| state.group.heartbeat(member_id, instance_id, generation, now);
        let alive = self.with(group, alive).unwrap_or(Err(ResponseError::UnknownMemberId));
        if alive == Err(ResponseError::RebalanceInProgress) {
            // It has a time to rejoin in.
            self.earlier.notify_one();
        }
        alive
    }

    /// A member leaves.
    pub(crate) fn leave(
        &self,
        group: &str,
        member_id: &str,
        instance_id: Option<&str>,
    ) -> Result<(), ResponseError> {
        let now = self.now();
        let leave = |state: &mut CellState| state.group.leave(member_id, instance_id, now);
        self.with(group, leave).unwrap_or(Err(ResponseError::UnknownMemberId))
    }

    /// Deletes a group without members, and its offsets.
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

    /// Applies time-outs of sessions and rebalances; runs until dropped, and wakes only for deadlines.
    pub(crate) async fn keep_time(&self) {
        loop {
            let due = self.list().iter().filter_map(|(_, cell)| cell.lock().group.deadline()).min();
            tokio::select! {
                () = self.earlier.notified() => continue,
                () = self.settings.clock.after(self.started, due.map(Duration::from_millis)) => {}
            }
            let now = self.now();
            for (id, _) in self.list() {
                self.with(&id, |state| state.group.tick(now));
            }
        }
    }

    /// Removes groups with neither members nor offsets.
    pub(crate) fn forget_empty(&self) {
        let empty = |state: &CellState| state.group.is_idle() && state.offsets.is_empty();
        for (id, _) in self.list() {
            // Most groups are in use, and the call fails.
            let _ = self.delete_if(&id, empty);
        }
    }
}

impl Cell {
    /// Locks the group, briefly and never across an await.
    pub(crate) fn lock(&self) -> MutexGuard<'_, CellState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests;
