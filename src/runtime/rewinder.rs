//! Computes the dashboard's picture of a past moment: reads the logs by itself, beside the consumers, while the shop
//! goes on.

use std::{
    collections::{BTreeMap, HashMap},
    ops::{ControlFlow, Range},
    sync::Arc,
    time::{Duration, Instant},
};

use rdkafka::{Message as _, consumer::BaseConsumer, message::BorrowedMessage};
use tokio::{runtime::Handle, sync::watch};
use tokio_util::sync::CancellationToken;

use super::{
    services,
    snapshots::{below_zero, shelves},
};
use crate::{
    clock::Clock,
    consumer::{Content, Part, Record, Rule, order_ids::Index},
    dashboard::snapshot::{Answer, Progress, Rewound, Snapshot, Step},
    messages::Sentence,
    read_model::ReadModel,
    rewind::{Fact, History, Moment, Uncounted},
    shop::{Catalog, Zone},
    stream::{
        Session, StreamError, Topic, let_go,
        reader::{read, reader},
        retention_gaps::gaps,
        topic_name,
    },
    views::{Event, Source, shop_figures::Audit},
};

/// Period of the check for new records, wall time.
const LOOK: Duration = Duration::from_millis(500);
/// Records unused for this long are dropped, wall time.
const KEPT: Duration = Duration::from_secs(600);
/// Nothing for this long, and Kafka counts as away.
const PATIENCE: Duration = Duration::from_secs(10);

/// Records between two progress reports.
const TOLD: u64 = 2_048;

/// Reports progress (the step, records done, all records); returns whether to continue.
type GoesOn<'a> = &'a dyn Fn(Step, u64, u64) -> bool;

/// What is needed to make pictures of the past.
pub struct Rewinder {
    /// How to reach Kafka.
    pub session: Session,
    /// The read model, for the end offsets.
    pub model: Arc<ReadModel>,
    /// Shop time.
    pub clock: Clock,
    /// The shop's zone.
    pub zone: Zone,
    /// Names of products that occur in no order.
    pub catalog: Arc<Catalog>,
    /// Turns true when everything that was published before is known.
    pub ready: watch::Receiver<bool>,
    /// The rule for duplicates if no consumer has published one.
    pub ids: Option<Rule>,
}

impl Rewinder {
    /// Computes the snapshot of the second in `wanted`, and again when new records change it, until told to stop.
    /// Blocks, so it needs a thread of its own. Reads nothing before the first request.
    pub fn run(
        &self,
        mut wanted: watch::Receiver<Option<i64>>,
        told: &watch::Sender<Option<Arc<Rewound>>>,
        stop: &CancellationToken,
    ) {
        let runtime = Handle::current();
        let mut logs: Option<Logs> = None;
        // The moment that is on the screen.
        let mut shown = None;
        loop {
            let asked = *wanted.borrow_and_update();
            if let Some(asked) = asked
                && runtime.block_on(self.known(stop)).is_some()
            {
                let tell = |answer| drop(told.send_replace(Some(Arc::new(Rewound { asked, answer }))));
                let was_told = shown == Some(asked);
                // A moment that is on the screen stays there while more comes to be known of it.
                let goes_on = |step, done, of| {
                    if !was_told {
                        tell(Answer::Underway(Progress { step, done, of }));
                    }
                    !stop.is_cancelled() && !wanted.has_changed().unwrap_or(true)
                };
                match self.look(&mut logs, asked, was_told, &goes_on) {
                    Ok(None) => {}
                    Ok(Some(shop)) => {
                        shown = Some(asked);
                        tell(Answer::Shop(Arc::new(shop)));
                    }
                    Err(why) => {
                        shown = None;
                        tell(Answer::No(why));
                    }
                }
            } else {
                shown = None;
                told.send_replace(None);
            }
            let pause = if shown.is_some() { LOOK } else { KEPT };
            let goes_on = runtime.block_on(async {
                tokio::select! {
                    () = stop.cancelled() => false,
                    changed = wanted.changed() => {
                        shown = None;
                        changed.is_ok()
                    }
                    () = tokio::time::sleep(pause), if logs.is_some() => {
                        logs = logs.take().filter(|_| shown.is_some());
                        true
                    }
                }
            });
            if !goes_on {
                return;
            }
        }
    }

    /// Waits until what was published is known, with it the shop's time; `None` where it is to stop.
    async fn known(&self, stop: &CancellationToken) -> Option<()> {
        let mut ready = self.ready.clone();
        let known = async {
            // The sender lives as long as this task.
            let _ = ready.wait_for(|ready| *ready).await;
            while self.model.ends().by_part.is_empty() {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        stop.run_until_cancelled(known).await
    }

    /// The picture of the second `asked`, or why there is none; `None` if it is unchanged since the last call, or where it
    /// is not to go on.
    fn look(
        &self,
        logs: &mut Option<Logs>,
        asked: i64,
        was_told: bool,
        goes_on: GoesOn<'_>,
    ) -> Result<Option<Snapshot>, Sentence> {
        let time = |second| self.zone.at(second).format("%Y-%m-%d %H:%M:%S").to_string();
        if let Some(now) = self.clock.now().filter(|now| asked > *now) {
            return if was_told { Ok(None) } else { Err(Sentence::StillToCome { now: time(now) }) };
        }
        let history = match self.catch_up(logs, goes_on) {
            Ok(Some(history)) => history,
            Ok(None) => return Ok(None),
            Err(_) if was_told => return Ok(None),
            Err(error) => return Err(Sentence::NotRead { why: error.to_string() }),
        };
        if was_told && !history.is_news(asked) {
            return Ok(None);
        }
        match history.first() {
            None if was_told => Ok(None),
            None => Err(Sentence::NothingYet),
            Some(first) if asked < first => Err(Sentence::NothingBefore { first: time(first) }),
            Some(_) if !history.approach(asked, |done, of| goes_on(Step::Compute, done, of)) => Ok(None),
            Some(_) => Ok(Some(self.picture(history.at(asked)))),
        }
    }

    /// Reads what the logs hold by now; `None` where it is not to go on.
    fn catch_up<'a>(
        &self,
        logs: &'a mut Option<Logs>,
        goes_on: GoesOn<'_>,
    ) -> Result<Option<&'a mut History>, StreamError> {
        let ends = self.model.ends();
        if logs.as_ref().is_some_and(|logs| logs.are_others(&ends.by_part, &ends.replaced)) {
            *logs = None;
        }
        let known = if let Some(logs) = logs.take() {
            logs
        } else {
            let kept = self.model.rules().first().map(|(rule, _)| *rule);
            let rule = kept.or(self.ids).unwrap_or_default();
            Logs::begin(&self.session, self.zone, rule, ends.replaced)?
        };
        let logs = logs.insert(known);
        let read = logs.read(&self.session, &ends.by_part, goes_on)?;
        Ok(read.then_some(&mut logs.history))
    }

    /// A moment's snapshot, without what no record contains.
    fn picture(&self, moment: Moment) -> Snapshot {
        let Moment { mut figures, feed } = moment;
        services::name_products(&mut figures, &self.catalog);
        Snapshot {
            is_past: true,
            rewound: None,
            alarms: below_zero(&figures).into_iter().collect(),
            audit: Audit::of(&figures),
            zone: self.zone,
            speed: 1.0,
            simulator: None,
            target_rate: None,
            rhythm: None,
            campaigns: Vec::new(),
            rush: None,
            orders_per_second: 0.0,
            connection: self.model.connection(),
            handled_today: Some(figures.handled.by_day.get(&figures.today).copied().unwrap_or(0)),
            lost_sales: 0,
            shelf: shelves(&self.catalog, None),
            groups: Vec::new(),
            messages: Vec::new(),
            cluster: Arc::default(),
            feed: Arc::new(feed),
            followed: None,
            opened: None,
            live_audit: Arc::default(),
            log: Arc::default(),
            figures,
        }
    }
}

/// The logs as far as they were read.
struct Logs {
    reader: Option<BaseConsumer>,
    /// The offset to read next.
    next: HashMap<Part, i64>,
    /// By partition of the orders: which ids were seen, and the second of the last order.
    ids: BTreeMap<i32, (Index, i64)>,
    rule: Rule,
    /// How often each log may have become another one before it was read.
    replaced: HashMap<Source, u64>,
    history: History,
}

impl Logs {
    /// Nothing was read yet. Blocks.
    fn begin(
        session: &Session,
        zone: Zone,
        rule: Rule,
        replaced: HashMap<Source, u64>,
    ) -> Result<Self, StreamError> {
        if let Some(gap) =
            gaps(session, &[Topic::Orders, Topic::Deliveries, Topic::Handled])?.into_iter().next()
        {
            let what = "what had happened by then is not known any more".to_owned();
            return Err(StreamError::Lost { gap, what });
        }
        let (next, ids, history) = (HashMap::new(), BTreeMap::new(), History::new(zone));
        Ok(Self { reader: None, next, ids, rule, replaced, history })
    }

    /// Whether these ends are of other logs than what was read.
    fn are_others(&self, ends: &HashMap<Part, i64>, replaced: &HashMap<Source, u64>) -> bool {
        let shorter = |(part, next): (&Part, &i64)| ends.get(part).is_some_and(|end| end < next);
        self.replaced != *replaced || self.next.iter().any(shorter)
    }

    /// Reads up to these ends; `false` where it is not to go on: then the next call goes on from there. Blocks.
    fn read(
        &mut self,
        session: &Session,
        ends: &HashMap<Part, i64>,
        goes_on: GoesOn<'_>,
    ) -> Result<bool, StreamError> {
        let client = match self.reader.take() {
            Some(client) => client,
            None => reader(session, &[])?,
        };
        let read = self.read_with(&client, session, ends, goes_on);
        match read {
            Ok(_) => self.reader = Some(client),
            Err(_) => let_go(client),
        }
        read
    }

    fn read_with(
        &mut self,
        client: &BaseConsumer,
        session: &Session,
        ends: &HashMap<Part, i64>,
        goes_on: GoesOn<'_>,
    ) -> Result<bool, StreamError> {
        let sum =
            |offsets: &HashMap<Part, i64>| -> u64 { offsets.values().map(|end| end.unsigned_abs()).sum() };
        let (mut taken, of) = (0_u64, sum(ends));
        for source in Source::ALL {
            let ranges: BTreeMap<i32, Range<i64>> = ends
                .iter()
                .filter(|(part, _)| part.source == source)
                .map(|(part, end)| (part.partition, self.next.get(part).copied().unwrap_or(0)..*end))
                .collect();
            let topic = topic_name(session, source);
            let deadline = || Instant::now() + PATIENCE;
            let stopped = read(session, client, &topic, ranges.clone(), deadline, |message| {
                self.take(source, message);
                taken += 1;
                // By positions, as transaction markers are no records.
                if taken % TOLD == 0 && !goes_on(Step::Read, sum(&self.next).min(of), of) {
                    return ControlFlow::Break(());
                }
                ControlFlow::Continue(())
            })?;
            if stopped.is_some() {
                return Ok(false);
            }
            // Behind the last record there may be transaction markers.
            for (partition, range) in ranges {
                self.next.insert(Part { source, partition }, range.end);
            }
        }
        Ok(true)
    }

    /// Takes in the next record of a partition.
    fn take(&mut self, source: Source, message: &BorrowedMessage<'_>) {
        let part = Part { source, partition: message.partition() };
        let record = Record {
            part,
            offset: message.offset(),
            timestamp: message.timestamp().to_millis().unwrap_or(0),
            key: message.key(),
            payload: message.payload(),
        };
        self.next.insert(part, record.offset + 1);
        let content = record.decode().content;
        if source != Source::Orders {
            if let Content::Event(event) = content {
                self.history.add(Fact::Event(event));
            }
            return;
        }
        let rule = self.rule;
        let (ids, last) =
            self.ids.entry(part.partition).or_insert_with(|| (Index::new(rule, None), i64::MIN));
        match content {
            // Without files it cannot fail.
            Content::Event(Event::Order(order)) if ids.admit(&order).unwrap_or(true) => {
                *last = order.second();
                self.history.add(Fact::Event(Event::Order(order)));
            }
            Content::Event(Event::Order(_)) => {
                self.history.add(Fact::Uncounted(Uncounted::Duplicate, *last));
            }
            Content::DeadLetter(_) => self.history.add(Fact::Uncounted(Uncounted::DeadLetter, *last)),
            Content::Event(_) | Content::Duplicate | Content::Unreadable => {}
        }
    }
}

impl Drop for Logs {
    fn drop(&mut self) {
        self.reader.take().into_iter().for_each(let_go);
    }
}
