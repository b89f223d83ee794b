//! The read model of the whole shop: the figures of this process's consumers and those that others publish.

mod groups;
mod kafka;
mod liveness;

use std::{
    collections::{BTreeMap, HashMap, VecDeque},
    ops::{Deref, DerefMut},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use chrono::Utc;
use serde::{Deserialize, Serialize};
use tokio::sync::Notify;

use crate::{
    consumer::{Part, Position, Rule},
    consumers::{HandledWindows, Handling, NAMES, OrdersToday, PartFigures, has_windows, summarize},
    handling::Resume,
    messages::{Message, Sentence, Severity},
    shop::Zone,
    views::{
        Source, View,
        shop_figures::{ReportNote, ShopFigures},
    },
};

use self::{
    groups::Group,
    liveness::{Life, Liveness},
};
pub use self::{
    groups::Reading,
    kafka::{Cluster, Connection, GroupState, HISTORY, History, TopicState},
    liveness::{Presence, Share},
};

/// Wall ms after which published figures are stale: a running consumer repeats them every ten seconds.
const SILENT_MS: i64 = 20_000;

/// Time after the return of Kafka in which requests from before its loss may still fail.
const SHAKEN: Duration = Duration::from_secs(15);

/// How many of the handling's latest counts are kept for each partition.
const REMEMBERED: usize = 8;

/// Messages kept.
const MESSAGES: usize = 200;

/// A view's state of one partition, as published on `shop.state`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PartState {
    /// The partition's number.
    pub partition: i32,
    /// Shop second of the figures.
    pub shop_second: i64,
    /// Wall time of the figures, Unix ms.
    pub wall_ms: i64,
    /// Its publisher.
    pub who: String,
    /// How far the log was read.
    #[serde(flatten)]
    pub position: Position,
    /// The offset up to which nothing is left to read, if above the position: transaction markers are offsets without
    /// records.
    pub end_seen: i64,
    /// The figures.
    pub figures: PartFigures,
    /// The reports written, with `daily-report` alone.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub reports: Vec<ReportNote>,
}

impl PartState {
    /// Whether `now` differs in more than its times.
    pub fn says_other_than(&self, now: &Self) -> bool {
        (self.position, self.end_seen, &self.figures, &self.reports)
            != (now.position, now.end_seen, &now.figures, &now.reports)
    }
}

/// The ends of the logs at one moment.
#[derive(Debug, Clone, Default)]
pub struct Ends {
    /// The shop second up to which all records lie before these ends.
    pub settled: Option<i64>,
    /// By partition: the offset behind the last record that can be read.
    pub by_part: HashMap<Part, i64>,
    /// When Kafka was asked for them.
    pub asked: Option<Instant>,
    /// How often each log may have been replaced since the start.
    pub replaced: HashMap<Source, u64>,
    /// Whether the last check failed: irreversible work waits until the logs are known to be the same.
    pub doubtful: bool,
}

/// A state and its origin.
#[derive(Debug)]
struct Told {
    state: PartState,
    /// When it arrived; `None` if it is older than this process.
    at: Option<Instant>,
    /// Whether it is from a consumer of this process.
    here: bool,
    /// The latest state with a lower position: valid if the log turns out to have been replaced.
    behind: Option<PartState>,
}

/// What consumers that count apart from each other agree on.
#[derive(Debug, Clone, Copy, Default)]
pub struct Agreed {
    /// When `handling` and the readers of handled orders last had the same count.
    pub on_handled: Option<Instant>,
    /// Whether consumer 1 and the handling have read the same orders.
    pub on_orders: bool,
}

#[derive(Debug)]
struct Inner {
    parts: HashMap<(&'static str, Part), Told>,
    ends: Ends,
    groups: HashMap<&'static str, Group>,
    /// What other processes run.
    liveness: Liveness,
    /// When `handling` and `handled-windows` last had the same count.
    agreed: Option<Instant>,
    /// By partition, the latest counts of the handling: the end offset of its handled orders, and their number.
    sent: HashMap<i32, VecDeque<(i64, u64)>>,
    messages: VecDeque<Message>,
    messages_ever: u64,
    /// Why this process must not go on.
    refused: Option<Sentence>,
    connection: Connection,
    cluster: Arc<Cluster>,
    /// Counts changes of anything that a picture shows.
    changes: u64,
    /// Whether the connection has been looked at.
    connected_before: bool,
    /// When Kafka answered again after it had not.
    returned: Option<Instant>,
}

/// The read model of a process. Every call is short: nothing waits while it is held.
#[derive(Debug)]
pub struct ReadModel {
    zone: Zone,
    inner: Mutex<Inner>,
    /// Whether a dashboard waits for changes.
    watched: AtomicBool,
    changed: Notify,
}

/// The locked model; dropping it wakes the watcher if anything changed.
struct Held<'a> {
    model: &'a ReadModel,
    inner: MutexGuard<'a, Inner>,
    before: u64,
}

impl Deref for Held<'_> {
    type Target = Inner;

    fn deref(&self) -> &Inner {
        &self.inner
    }
}

impl DerefMut for Held<'_> {
    fn deref_mut(&mut self) -> &mut Inner {
        &mut self.inner
    }
}

impl Drop for Held<'_> {
    fn drop(&mut self) {
        if self.inner.changes != self.before {
            self.model.changed.notify_one();
        }
    }
}

impl Inner {
    /// The states that count: those of partitions that their topics have. The states of a topic that was deleted and
    /// made again with fewer partitions stay on `shop.state`.
    fn counted(&self) -> impl Iterator<Item = (&'static str, Part, &Told)> {
        let states = self.parts.iter().filter(|((_, part), _)| self.ends.may_have(*part));
        states.map(|((view, part), told)| (*view, *part, told))
    }

    /// Shop second of the oldest stale windows, as of `wall_ms`.
    fn told_until(&self, wall_ms: i64) -> Option<i64> {
        let windows = self.counted().filter(|(view, ..)| has_windows(view));
        let now = Instant::now();
        let silent = windows.filter(|(view, _, told)| {
            wall_ms - told.state.wall_ms >= SILENT_MS || matches!(self.life(view, now), Some(Life::Nobody))
        });
        silent.map(|(.., told)| told.state.shop_second).min()
    }

    /// The liveness of a consumer in other processes; `None` if this process runs it.
    fn life(&self, view: &str, now: Instant) -> Option<Life> {
        (!self.groups.contains_key(view)).then(|| self.liveness.life(view, now))
    }

    /// Notes whether `handling` and `handled-windows` have the same count.
    fn compare_handled(&mut self) {
        let (mut sent, mut read) = (0_u64, 0_u64);
        for (.., told) in self.counted() {
            match &told.state.figures {
                PartFigures::Handling(resume) => sent = sent.saturating_add(resume.figures.handled),
                PartFigures::HandledWindows(figures) => read = read.saturating_add(figures.total),
                _ => {}
            }
        }
        if sent == read || self.has_read_what_was_sent() {
            self.agreed = Some(Instant::now());
        }
    }

    /// Whether the readers' count of each partition is one that the handling had at the same offset. Their states arrive
    /// one after the other, so earlier counts are compared too.
    fn has_read_what_was_sent(&self) -> bool {
        let parts_of = |source| self.ends.by_part.keys().filter(move |part| part.source == source);
        parts_of(Source::Handled).count() == parts_of(Source::Orders).count()
            && parts_of(Source::Handled).all(|part| {
                let told = self.parts.get(&(HandledWindows::NAME, *part)).map(|told| &told.state);
                let read = match told.map(|state| (state.position.next, &state.figures)) {
                    Some((next, PartFigures::HandledWindows(figures))) => (next, figures.total),
                    _ => (0, 0),
                };
                match self.sent.get(&part.partition) {
                    Some(sent) => sent.contains(&read),
                    None => read == (0, 0),
                }
            })
    }

    /// Stores a count of the handling for a partition.
    fn note_sent(&mut self, part: Part, told: (i64, u64)) {
        let sent = self.sent.entry(part.partition).or_default();
        if sent.back() != Some(&told) {
            sent.push_back(told);
        }
        while sent.len() > REMEMBERED {
            sent.pop_front();
        }
    }

    /// Whether two consumers have read the same orders.
    fn are_alike(&self, views: [&'static str; 2]) -> bool {
        let orders = self.ends.by_part.keys().filter(|part| part.source == Source::Orders);
        orders.into_iter().all(|part| {
            let [one, other] =
                views.map(|view| self.parts.get(&(view, *part)).map(|told| told.state.position.next));
            one == other
        })
    }
}

/// The end offset of the handled orders that were written, and their number.
fn sent_by(resume: &Resume) -> (i64, u64) {
    (resume.counted.map_or(0, |counted| counted.handled), resume.figures.handled)
}

impl Ends {
    /// Whether a topic has a partition; `true` also while nothing is known of the topic.
    pub fn may_have(&self, part: Part) -> bool {
        self.by_part.contains_key(&part) || !self.by_part.keys().any(|known| known.source == part.source)
    }

    /// Whether a log ends before the position of a state that is older than these ends.
    fn lack(&self, part: Part, told: &Told) -> bool {
        let end = self.by_part.get(&part).filter(|_| self.asked > told.at);
        end.is_some_and(|end| *end < told.state.position.next)
    }
}

impl ReadModel {
    /// An empty model.
    pub fn new(zone: Zone, connection: Connection) -> Self {
        let inner = Inner {
            parts: HashMap::new(),
            ends: Ends::default(),
            groups: HashMap::new(),
            liveness: Liveness::default(),
            agreed: None,
            sent: HashMap::new(),
            messages: VecDeque::new(),
            messages_ever: 0,
            refused: None,
            connection,
            cluster: Arc::default(),
            changes: 0,
            connected_before: false,
            returned: None,
        };
        Self { zone, inner: Mutex::new(inner), watched: AtomicBool::new(false), changed: Notify::new() }
    }

    fn lock(&self) -> Held<'_> {
        let inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        Held { before: inner.changes, model: self, inner }
    }

    /// Declares that a watcher waits for changes.
    pub fn watch(&self) {
        self.watched.store(true, Ordering::Relaxed);
    }

    /// Whether a watcher waits for changes: then figures are stored at once, otherwise once a second.
    pub fn is_watched(&self) -> bool {
        self.watched.load(Ordering::Relaxed)
    }

    /// Waits for a change since the last call; for the one watcher.
    pub async fn changed(&self) {
        self.changed.notified().await;
    }

    /// Stores a state from a consumer of this process.
    pub fn put(&self, view: &'static str, part: Part, state: PartState) {
        self.store(view, part, Told { state, at: Some(Instant::now()), here: true, behind: None });
    }

    /// Stores a published state; `before` if it is older than this process. States that this process has published
    /// itself are ignored.
    pub fn hear(&self, view: &'static str, part: Part, state: PartState, before: bool) {
        let is_echo = |told: &Told| told.here && told.state.who == state.who;
        if !self.lock().parts.get(&(view, part)).is_some_and(is_echo) {
            let at = (!before).then(Instant::now);
            self.store(view, part, Told { state, at, here: false, behind: None });
        }
    }

    /// Stores a state unless the present one has a higher position: clocks differ between machines, offsets do not.
    /// At equal positions the later arrival wins.
    fn store(&self, view: &'static str, part: Part, mut told: Told) {
        let mut inner = self.lock();
        let Inner { parts, ends, changes, .. } = &mut *inner;
        let present = parts.get_mut(&(view, part));
        if let Some(present) = &present
            && present.state.position.next == told.state.position.next
            && !ends.lack(part, present)
        {
            // Offsets known to hold no records stay known, though a new owner has not checked yet.
            told.state.end_seen = told.state.end_seen.max(present.state.end_seen);
        }
        match present {
            Some(present)
                if present.state.position.next > told.state.position.next && !ends.lack(part, present) =>
            {
                present.behind = Some(told.state);
            }
            present => {
                *changes +=
                    u64::from(present.is_none_or(|present| present.state.says_other_than(&told.state)));
                let sent = match &told.state.figures {
                    PartFigures::Handling(resume) => Some(sent_by(resume)),
                    _ => None,
                };
                parts.insert((view, part), told);
                if let Some(sent) = sent {
                    inner.note_sent(part, sent);
                }
                if [Handling::NAME, HandledWindows::NAME].contains(&view) {
                    inner.compare_handled();
                }
            }
        }
    }

    /// Removes all states of a view, because it starts again.
    pub fn clear(&self, view: &'static str) {
        let mut inner = self.lock();
        inner.parts.retain(|(name, _), _| *name != view);
        inner.changes += 1;
    }

    /// The states of a view.
    pub fn parts(&self, view: &str) -> Vec<(Part, PartState)> {
        let inner = self.lock();
        let states = inner.counted().filter(|(name, ..)| *name == view);
        states.map(|(_, part, told)| (part, told.state.clone())).collect()
    }

    /// The `end_seen` of a view's partition, if its position is `next`.
    pub fn end_seen(&self, view: &'static str, part: Part, next: i64) -> i64 {
        let inner = self.lock();
        let told = inner.parts.get(&(view, part)).filter(|told| told.state.position.next == next);
        told.filter(|told| !inner.ends.lack(part, told)).map_or(0, |told| told.state.end_seen)
    }

    /// The state of one partition of a view.
    pub fn part(&self, view: &'static str, part: Part) -> Option<PartState> {
        self.lock().parts.get(&(view, part)).map(|told| told.state.clone())
    }

    /// Stores the end offsets. A state of a deleted log gives way to one of the new log.
    pub fn set_ends(&self, ends: Ends) {
        let mut inner = self.lock();
        let mut changed = inner.ends.by_part != ends.by_part;
        for ((_, part), told) in &mut inner.parts {
            if ends.lack(*part, told)
                && let Some(state) = told.behind.take()
            {
                told.state = state;
                changed = true;
            }
        }
        inner.changes += u64::from(changed);
        if let Some(asked) = ends.asked {
            inner.liveness.answer(asked);
        }
        inner.ends = ends;
    }

    /// Notes that the end offsets could not be fetched, for any reason.
    pub fn doubt_ends(&self) {
        self.lock().ends.doubtful = true;
    }

    /// Where the logs ended lately.
    pub fn ends(&self) -> Ends {
        self.lock().ends.clone()
    }

    /// Records between the positions of all views and these ends of their logs.
    pub fn behind(&self, ends: &HashMap<Part, i64>) -> u64 {
        let inner = self.lock();
        NAMES.iter().map(|view| inner.behind(view, ends)).fold(0, u64::saturating_add)
    }

    /// Records between the positions of a view and these ends of its logs.
    pub fn behind_of(&self, view: &str, ends: &HashMap<Part, i64>) -> u64 {
        self.lock().behind(view, ends)
    }

    /// How often each log may have become another one, as in [`Ends`].
    pub fn replaced(&self) -> HashMap<Source, u64> {
        self.lock().ends.replaced.clone()
    }

    /// Where one partition's log ended lately.
    pub fn end(&self, part: Part) -> Option<i64> {
        self.lock().ends.by_part.get(&part).copied()
    }

    /// Notes the connection's state; a change becomes a message.
    pub fn set_connection(&self, up: bool, trouble: Option<Sentence>, shop_second: i64) {
        let (changed, first) = {
            let mut inner = self.lock();
            let changed = inner.connection.up != up;
            let first = !std::mem::replace(&mut inner.connected_before, true);
            inner.changes += u64::from(changed || inner.connection.trouble != trouble);
            inner.connection.up = up;
            match up {
                true if changed && !first => inner.returned = Some(Instant::now()),
                true => {}
                false => inner.liveness.lose(),
            }
            inner.connection.trouble = trouble;
            (changed || !up && first, first)
        };
        if changed && up && !first {
            self.say(shop_second, Severity::Info, Sentence::KafkaBack);
        } else if changed && !up {
            self.say(shop_second, Severity::Error, Sentence::KafkaAway);
        }
    }

    /// Whether Kafka is away, or has only just returned: then the cause of failures is known.
    pub fn is_shaken(&self) -> bool {
        let inner = self.lock();
        let away = inner.connected_before && !inner.connection.up;
        away || inner.returned.is_some_and(|returned| returned.elapsed() < SHAKEN)
    }

    /// The connection as last seen.
    pub fn connection(&self) -> Connection {
        self.lock().connection.clone()
    }

    /// Notes what the cluster looks like.
    pub fn set_cluster(&self, cluster: Cluster) {
        let mut inner = self.lock();
        if *inner.cluster != cluster {
            inner.cluster = Arc::new(cluster);
            inner.changes += 1;
        }
    }

    /// The cluster as last seen.
    pub fn cluster(&self) -> Arc<Cluster> {
        Arc::clone(&self.lock().cluster)
    }

    /// Goes up whenever a picture of the read model would change.
    pub fn changes(&self) -> u64 {
        self.lock().changes
    }

    /// Puts up a message, in the log too.
    pub fn say(&self, shop_second: i64, severity: Severity, sentence: Sentence) {
        match severity {
            _ if sentence.is_small_talk() => tracing::debug!("{sentence}"),
            Severity::Info => tracing::info!("{sentence}"),
            Severity::Warning => tracing::warn!("{sentence}"),
            Severity::Error => tracing::error!("{sentence}"),
        }
        let mut inner = self.lock();
        inner.messages_ever += 1;
        inner.changes += 1;
        let number = inner.messages_ever;
        inner.messages.push_back(Message { number, shop_second, severity, sentence });
        while inner.messages.len() > MESSAGES {
            inner.messages.pop_front();
        }
    }

    /// Stores why this process must stop; only the first reason counts.
    pub fn refuse(&self, shop_second: i64, why: Sentence) {
        let first = self.lock().refused.get_or_insert_with(|| why.clone()) == &why;
        if first {
            self.say(shop_second, Severity::Warning, why);
        }
    }

    /// Why this process must stop, if it must.
    pub fn refused(&self) -> Option<Sentence> {
        self.lock().refused.clone()
    }

    /// The latest messages, oldest first.
    pub fn messages(&self) -> Vec<Message> {
        self.lock().messages.iter().cloned().collect()
    }

    /// The figures of the whole shop at shop second `now`.
    pub fn figures(&self, now: i64) -> ShopFigures {
        let inner = self.lock();
        let mut figures = summarize(inner.counted().map(|(.., told)| &told.state.figures), now, self.zone);
        figures.lag = NAMES.iter().map(|view| ((*view).to_owned(), inner.lag(view))).collect();
        let mut reports: BTreeMap<_, ReportNote> = BTreeMap::new();
        for note in inner.counted().flat_map(|(.., told)| &told.state.reports) {
            let newest = reports.entry(note.date).or_insert_with(|| note.clone());
            if note.revision > newest.revision {
                *newest = note.clone();
            }
        }
        figures.reports = reports.into_values().collect();
        figures.told_until = inner.told_until(Utc::now().timestamp_millis()).filter(|told| *told < now);
        figures
    }

    /// What consumers that count apart from each other agree on.
    pub fn agreed(&self) -> Agreed {
        let inner = self.lock();
        Agreed { on_handled: inner.agreed, on_orders: inner.are_alike([OrdersToday::NAME, Handling::NAME]) }
    }

    /// The rule on duplicates of each published state whose consumer has read orders.
    pub fn rules(&self) -> Vec<(Rule, &'static str)> {
        let inner = self.lock();
        let of_view = |name: &'static str| {
            let states = inner.counted().filter(move |(view, part, told)| {
                *view == name && part.source == Source::Orders && told.state.position.next > 0
            });
            states.map(move |(.., told)| (told.state.position.ids, name))
        };
        NAMES.into_iter().flat_map(of_view).collect()
    }

    /// Calls `each` with the figures of every partition, without copies.
    pub fn each_part(&self, each: impl FnMut(&PartFigures)) {
        self.lock().counted().map(|(.., told)| &told.state.figures).for_each(each);
    }
}

#[cfg(test)]
mod tests;
