//! Reads the topics in the background and repeatedly compares the consumers' states with them.

use std::{
    collections::{HashMap, VecDeque},
    sync::Arc,
    time::{Duration, Instant},
};

use rdkafka::{
    Message, Offset, TopicPartitionList,
    consumer::{BaseConsumer, Consumer},
    error::KafkaError,
};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::super::supervisor::Supervisor;
use crate::{
    chaos::{LiveAudit, State},
    clock::Clock,
    consumer::{Part, Rule},
    consumers::{NAMES, summarize},
    engine::Ended,
    messages::{Sentence, Severity},
    read_model::ReadModel,
    shop::Zone,
    stream::{
        Session, StreamError,
        ends::EndWatch,
        let_go,
        reader::{reader, unopened},
        retention_gaps::gaps,
        topic_name, topic_of,
    },
    verify::{Claim, Live, Record, STATE},
    views::Source,
};

/// Period of comparisons while a fault heals, and else.
const SOON: Duration = Duration::from_millis(250);
const CALM: Duration = Duration::from_secs(1);
/// Without a record for this long, all are read.
const QUIET: Duration = Duration::from_millis(60);
/// While records keep coming, the longest time between two comparisons.
const LONG: Duration = Duration::from_secs(2);
/// Newer records may still be unread.
const MOMENT: Duration = Duration::from_secs(2);
/// Records between two progress reports while the log is read from its beginning.
const STRETCH: u64 = 20_000;

type Ends = HashMap<Part, i64>;

/// The audit beside a running shop.
#[derive(Clone)]
pub struct Auditor {
    session: Session,
    model: Arc<ReadModel>,
    clock: Clock,
    zone: Zone,
    live_audit: watch::Sender<Arc<LiveAudit>>,
}

/// What is read, and what was seen of the logs.
struct Reading {
    consumer: BaseConsumer,
    watch: EndWatch,
    sources: HashMap<String, Source>,
    live: Live,
    /// Where the logs ended in the last moment.
    ends: VecDeque<(Instant, Ends)>,
}

impl Auditor {
    /// An audit that writes what it finds in a [`LiveAudit`].
    pub(super) fn new(
        session: Session,
        model: Arc<ReadModel>,
        clock: Clock,
        zone: Zone,
        live_audit: watch::Sender<Arc<LiveAudit>>,
    ) -> Self {
        Self { session, model, clock, zone, live_audit }
    }

    fn change(&self, change: impl FnOnce(&mut LiveAudit)) {
        self.live_audit.send_modify(|live_audit| change(Arc::make_mut(live_audit)));
    }

    /// Audits until told to stop, on a thread of its own; begins again where a log is another one.
    pub async fn keep(&self, supervisor: &Supervisor) {
        let audit = || {
            let (auditor, stop) = (self.clone(), supervisor.stop.clone());
            move || auditor.run(&stop)
        };
        supervisor.keep_blocking("the audit beside the shop", audit).await;
    }

    fn run(&self, stop: &CancellationToken) -> Result<Ended, StreamError> {
        self.change(|live_audit| (live_audit.runs, live_audit.records) = (true, 0));
        let audited = self.audit(stop);
        if let Err(error) = &audited {
            let trouble = error.sentence();
            self.change(|live_audit| live_audit.trouble = Some(trouble));
        }
        audited
    }

    fn audit(&self, stop: &CancellationToken) -> Result<Ended, StreamError> {
        // By which rule orders are duplicates is known when a consumer has read one.
        let ids = loop {
            match self.model.rules().first() {
                Some((ids, _)) => break *ids,
                None if stop.is_cancelled() => return Ok(Ended::Done),
                None => std::thread::sleep(SOON),
            }
        };
        if let Some(gap) = gaps(&self.session, &Source::ALL.map(topic_of))?.into_iter().next() {
            let what = "what was counted from them cannot be counted again".to_owned();
            return Err(StreamError::Lost { gap, what });
        }
        let mut reading = self.open(ids)?;
        while !stop.is_cancelled() {
            let begun = Instant::now();
            let claims = self.claims();
            if self.model.rules().iter().any(|(told, _)| *told != ids) {
                return Ok(Ended::Again("the rule on duplicates is another one".to_owned()));
            }
            match reading.watch.look() {
                Ok(ends) if claims.iter().any(|claim| !ends.contains_key(&claim.part)) => {
                    return Ok(Ended::Again("there are more partitions than before".to_owned()));
                }
                Ok(ends) => {
                    if !self.read(&mut reading, &claims, &ends, stop)? {
                        return Ok(Ended::Again("a log is another one than before".to_owned()));
                    }
                    self.compare(&mut reading, &claims, &ends, begun);
                }
                Err(error) if error.passes() => {
                    self.change(|live_audit| live_audit.trouble = Some(Sentence::KafkaAway));
                }
                Err(error) => return Err(error),
            }
            let pause = if self.live_audit.borrow().is_busy() { SOON } else { CALM };
            while begun.elapsed() < pause && !stop.is_cancelled() {
                std::thread::sleep(SOON / 5);
            }
        }
        let_go(reading.consumer);
        Ok(Ended::Done)
    }

    fn open(&self, ids: Rule) -> Result<Reading, StreamError> {
        let consumer: BaseConsumer = reader(&self.session, &[("fetch.wait.max.ms", "100")])?;
        let watch = EndWatch::new(&self.session)?;
        let mut places = TopicPartitionList::new();
        let mut handled_partitions = 1;
        for part in watch.look()?.keys() {
            places.add_partition_offset(
                &topic_name(&self.session, part.source),
                part.partition,
                Offset::Offset(0),
            )?;
            if part.source == Source::Handled {
                handled_partitions = handled_partitions.max(part.partition + 1);
            }
        }
        consumer.assign(&places)?;
        let sources =
            Source::ALL.map(|source| (topic_name(&self.session, source), source)).into_iter().collect();
        let live = Live::new(self.zone, ids, handled_partitions);
        Ok(Reading { consumer, watch, sources, live, ends: VecDeque::new() })
    }

    /// The present state of every partition of every consumer.
    fn claims(&self) -> Vec<Claim> {
        let of_view = |view| {
            let claim = move |(part, state)| Claim { by: STATE, view, part, state };
            self.model.parts(view).into_iter().map(claim)
        };
        NAMES.into_iter().flat_map(of_view).collect()
    }

    /// Reads up to the claimed positions and these ends; `false` if a log was replaced.
    fn read(
        &self,
        reading: &mut Reading,
        claims: &[Claim],
        ends: &Ends,
        stop: &CancellationToken,
    ) -> Result<bool, StreamError> {
        let Reading { consumer, sources, live, .. } = reading;
        let begun = Instant::now();
        let mut heard = begun;
        let mut told = live.records();
        while !stop.is_cancelled() {
            let has_all = ends.iter().all(|(part, end)| live.next(*part) >= *end);
            let is_counted = |claim: &Claim| live.next(claim.part) >= claim.state.position.next;
            if begun.elapsed() >= LONG && claims.iter().all(is_counted) {
                break;
            }
            // Behind the last record there may be markers of transactions, which nobody is handed.
            if has_all || heard.elapsed() >= QUIET {
                break;
            }
            match consumer.poll(QUIET / 3) {
                Some(Ok(message)) => {
                    let Some(source) = sources.get(message.topic()) else { continue };
                    let record = Record {
                        partition: message.partition(),
                        offset: message.offset(),
                        key: message.key(),
                        payload: message.payload(),
                    };
                    if !live.take(*source, &record) {
                        return Ok(false);
                    }
                    heard = Instant::now();
                    if live.records() >= told + STRETCH {
                        told = live.records();
                        live.follow(claims);
                        self.change(|live_audit| live_audit.records = told);
                    }
                }
                Some(Err(KafkaError::PartitionEOF(_))) | None => {}
                Some(Err(error)) => {
                    if let Some(code) = unopened(&error) {
                        return Err(StreamError::Unopened { code });
                    }
                    tracing::debug!("the audit beside the shop: {error}");
                }
            }
        }
        Ok(true)
    }

    /// Compares, and says which faults are healed by what was `begun` then.
    fn compare(&self, reading: &mut Reading, claims: &[Claim], ends: &Ends, begun: Instant) {
        let live = &mut reading.live;
        let now = self.clock.now().unwrap_or_else(|| chrono::Utc::now().timestamp());
        let figures = summarize(claims.iter().map(|claim| &claim.state.figures), now, self.zone);
        let is_past = |(then, _): &&(Instant, Ends)| begun.saturating_duration_since(*then) >= MOMENT;
        let due = reading.ends.iter().rev().find(is_past).map(|(_, ends)| ends.clone()).unwrap_or_default();
        while reading.ends.get(1).is_some_and(|next| is_past(&next)) {
            reading.ends.pop_front();
        }
        reading.ends.push_back((begun, ends.clone()));
        let check = live.check(claims, &figures, &due);
        let equal = check.found.count() == 0;
        for sentence in check.found.sentences().iter().take(3) {
            tracing::debug!("the audit beside the shop: {sentence}");
        }
        let run =
            self.model.readings().iter().all(|reading| reading.trouble.is_none() && reading.partitions > 0);
        let up = self.model.connection().up;
        let (mut healed, records) = (Vec::new(), live.records());
        self.change(|live_audit| {
            live_audit.take(check, records, Instant::now());
            for injection in live_audit.healing(begun) {
                let due = &*injection.due.get_or_insert_with(|| ends.clone());
                let is_read = injection.written.iter().all(|(part, end)| live.next(*part) >= *end);
                if equal && up && run && is_read && live.behind_of(claims, due) == 0 {
                    let took = begun.saturating_duration_since(injection.over.unwrap_or(begun));
                    injection.state = State::Healed(took);
                    healed.push((injection.fault, took));
                }
            }
        });
        for (fault, took) in healed {
            let sentence = Sentence::FaultHealed { fault: fault.to_string(), took };
            self.model.say(now, Severity::Info, sentence);
        }
    }
}
