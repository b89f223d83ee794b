//! Injects faults.

use std::{
    collections::HashMap,
    ops::ControlFlow,
    sync::Arc,
    time::{Duration, Instant},
};

use rdkafka::{
    Message,
    consumer::BaseConsumer,
    producer::{FutureProducer, FutureRecord},
};
use tokio::sync::watch;

use super::{
    super::{kafka::Line, services::Services},
    auditor::Auditor,
    switches::{Interruption, Switches},
};
use crate::{
    chaos::{
        Fault, Kind, LiveAudit,
        fault_records::{self, Record},
    },
    clock::Clock,
    consumer::{Part, Rule},
    messages::{Sentence, Severity},
    read_model::ReadModel,
    shop::Zone,
    stream::{
        Session, StreamError, Topic, let_go,
        reader::{read, reader, watermarks},
        topic_name,
    },
    views::Source,
};

/// How many orders are produced twice, at the most.
const BATCH: i64 = 20;
/// Request time-out.
const CALL: Duration = Duration::from_secs(5);

/// Injects faults.
#[derive(Clone)]
pub struct Injector {
    session: Session,
    model: Arc<ReadModel>,
    clock: Clock,
    zone: Zone,
    /// Those of the consumers that this process runs; `None` where it only watches.
    switches: Option<Switches>,
    /// The line to the built-in broker.
    line: Option<Line>,
    live_audit: watch::Sender<Arc<LiveAudit>>,
}

impl Injector {
    /// Injects faults into the shop.
    pub fn new(services: &Services, switches: Option<Switches>, line: Option<Line>) -> Self {
        Self {
            session: services.session.clone(),
            model: Arc::clone(&services.model),
            clock: services.clock.clone(),
            zone: services.zone,
            switches,
            line,
            live_audit: watch::Sender::new(Arc::default()),
        }
    }

    /// The faults with their outcomes.
    pub fn live_audit(&self) -> watch::Receiver<Arc<LiveAudit>> {
        self.live_audit.subscribe()
    }

    /// The live audit.
    pub fn auditor(&self) -> Auditor {
        Auditor::new(
            self.session.clone(),
            Arc::clone(&self.model),
            self.clock.clone(),
            self.zone,
            self.live_audit.clone(),
        )
    }

    /// Whether the broker can be cut off.
    pub fn can_cut(&self) -> bool {
        self.line.as_ref().is_some_and(Line::is_own)
    }

    /// Injects a fault; returns its number when it is over. The live audit shows how long it takes to heal. `chance` is
    /// the seed of its records.
    ///
    /// # Errors
    ///
    /// Why it was not injected.
    pub async fn inject(&self, fault: Fault, chance: u64) -> Result<u64, Sentence> {
        if self.live_audit.borrow().is_under_way(fault) {
            return Err(Sentence::FaultUnderWay);
        }
        self.check(fault)?;
        self.say(Severity::Warning, Sentence::FaultBegan { fault: fault.to_string() });
        let mut number = 0;
        self.change(|live_audit| number = live_audit.begin(fault, Instant::now()));
        match self.bring(fault, chance).await {
            Ok(due) => {
                self.change(|live_audit| live_audit.over(number, due, Instant::now()));
                Ok(number)
            }
            Err(why) => {
                self.change(|live_audit| live_audit.refuse(number, why.clone()));
                Err(why)
            }
        }
    }

    fn change(&self, change: impl FnOnce(&mut LiveAudit)) {
        self.live_audit.send_modify(|live_audit| change(Arc::make_mut(live_audit)));
    }

    fn say(&self, severity: Severity, sentence: Sentence) {
        self.model.say(self.clock.now().unwrap_or_default(), severity, sentence);
    }

    /// An error if a fault is impossible, or would affect others.
    fn check(&self, fault: Fault) -> Result<(), Sentence> {
        if self.switches.is_none() && fault.kind.is_inside() {
            return Err(Sentence::FaultElsewhere);
        }
        match fault.kind {
            Kind::FullDisk if !fault.fits() => {
                Err(Sentence::FaultNoFiles { view: fault.victim.map_or("", |victim| victim.name()) })
            }
            Kind::Cut if !self.can_cut() => Err(Sentence::FaultNotOwnBroker),
            // Only a simulated shop has a pulse.
            Kind::Twice | Kind::Late | Kind::Garbage | Kind::Hostile if self.clock.pulse().is_none() => {
                Err(Sentence::FaultRealShop)
            }
            Kind::Twice | Kind::Late | Kind::Hostile => {
                let rule = self.rule();
                let fits = match rule {
                    // Each would be sold once more, from a shelf that does not know of it.
                    Rule::None => fault.kind != Kind::Twice,
                    // An order with a high id would make duplicates of all that come after it.
                    Rule::Ascending => fault.kind == Kind::Twice,
                    Rule::Seen { .. } => true,
                };
                if fits { Ok(()) } else { Err(Sentence::FaultRule { ids: rule.to_string() }) }
            }
            Kind::Kill | Kind::Freeze | Kind::FullDisk | Kind::Cut | Kind::Garbage => Ok(()),
        }
    }

    /// By which rule orders are duplicates.
    fn rule(&self) -> Rule {
        self.model.rules().first().map_or_else(Rule::default, |(rule, _)| *rule)
    }

    /// Injects it; returns the end offsets of its records.
    async fn bring(&self, fault: Fault, chance: u64) -> Result<HashMap<Part, i64>, Sentence> {
        let now = self.clock.now().unwrap_or_else(|| chrono::Utc::now().timestamp());
        let zone = self.zone;
        let records = match fault.kind {
            Kind::Kill | Kind::Freeze | Kind::FullDisk => {
                self.hit(fault).await;
                return Ok(HashMap::new());
            }
            Kind::Cut => {
                if let Some(line) = &self.line {
                    let _again = Again(|| line.set_reachable(true));
                    line.set_reachable(false);
                    tokio::time::sleep(fault.kind.lasts()).await;
                }
                return Ok(HashMap::new());
            }
            Kind::Twice => return self.twice(chance).await.map_err(|error| not_written(&error)),
            Kind::Late => fault_records::late(now, chance, zone),
            Kind::Garbage => fault_records::garbage(now, chance, zone),
            Kind::Hostile => fault_records::hostile(now, chance, zone),
        };
        self.write(fault.kind, records, now).await.map_err(|error| not_written(&error))
    }

    async fn hit(&self, fault: Fault) {
        let Some((switches, victim)) = self.switches.as_ref().zip(fault.victim) else { return };
        let switch = switches.of(victim.name());
        match fault.kind {
            Kind::Freeze => switch.interrupt(Interruption::Freeze(fault.kind.lasts())).await,
            Kind::FullDisk => {
                let _again = Again(|| switch.set_full(false));
                switch.set_full(true);
                tokio::time::sleep(fault.kind.lasts()).await;
            }
            _ => {
                switch.interrupt(Interruption::Kill).await;
                // It has no partitions until it says otherwise itself.
                let trouble = Sentence::Restarted { view: victim.name(), why: "it was killed".to_owned() };
                self.model.set_group(victim.name(), 0, 0, Some(trouble));
            }
        }
    }

    /// Produces the last orders of a partition again, like a producer that missed the response.
    async fn twice(&self, chance: u64) -> Result<HashMap<Part, i64>, StreamError> {
        let last = move |session: &Session| {
            let topic = session.topic(Topic::Orders);
            let reader: BaseConsumer = reader(session, &[])?;
            let partitions = session.partitions_of(Topic::Orders, CALL)?;
            let mut records = Vec::new();
            // From a random partition on, the first with records.
            for step in 0..partitions {
                let first = i32::try_from(chance % u64::from(partitions.unsigned_abs().max(1))).unwrap_or(0);
                let partition = (first + step) % partitions;
                let (begin, end) = watermarks(&reader, &topic, partition, CALL)?;
                let range = begin.max(end - BATCH)..end;
                let deadline = || Instant::now() + CALL;
                read(session, &reader, &topic, [(partition, range)], deadline, |message| {
                    let own = |bytes: Option<&[u8]>| bytes.map(<[u8]>::to_vec);
                    let (key, payload) = (own(message.key()), own(message.payload()));
                    records.push((partition, Record { key, payload }));
                    ControlFlow::<()>::Continue(())
                })?;
                if !records.is_empty() {
                    break;
                }
            }
            let_go(reader);
            Ok(records)
        };
        let records = self.session.aside(last).await?;
        self.send(Source::Orders, &records).await
    }

    /// Writes records among the orders, and before them the goods that they take.
    async fn write(
        &self,
        kind: Kind,
        records: Vec<Record>,
        now: i64,
    ) -> Result<HashMap<Part, i64>, StreamError> {
        let mut due = HashMap::new();
        if kind != Kind::Garbage {
            let goods = fault_records::delivery(records.len(), now, self.zone);
            due.extend(self.send(Source::Deliveries, &[(0, goods)]).await?);
        }
        let count = |session: &Session| session.partitions_of(Topic::Orders, CALL);
        let partitions = self.session.aside(count).await?.max(1);
        let spread: Vec<_> = (0..).map(|number: i32| number % partitions).zip(records).collect();
        due.extend(self.send(Source::Orders, &spread).await?);
        Ok(due)
    }

    /// Sends records to their partitions, a batch for each; returns their end offsets.
    async fn send(
        &self,
        source: Source,
        records: &[(i32, Record)],
    ) -> Result<HashMap<Part, i64>, StreamError> {
        let settings = [("enable.idempotence", "true"), ("message.timeout.ms", "10000"), ("linger.ms", "20")];
        let producer: FutureProducer = self.session.client(&settings).create()?;
        let topic = topic_name(&self.session, source);
        let mut sent = Vec::new();
        for (partition, Record { key, payload }) in records {
            let mut record = FutureRecord::<Vec<u8>, Vec<u8>>::to(&topic).partition(*partition);
            record.key = key.as_ref();
            record.payload = payload.as_ref();
            sent.push(producer.send_result(record).map_err(|(error, _)| error)?);
        }
        let mut ends = HashMap::new();
        for answer in sent {
            let delivered = match answer.await {
                Ok(answer) => answer.map_err(|(error, _)| error)?,
                Err(_) => return Err(self.session.halted("a record was not acknowledged".to_owned())),
            };
            let end: &mut i64 = ends.entry(Part { source, partition: delivered.partition }).or_default();
            *end = (*end).max(delivered.offset + 1);
        }
        let_go(producer);
        Ok(ends)
    }
}

/// Ends a fault when dropped, also if its future is cancelled.
struct Again<F: Fn()>(F);

impl<F: Fn()> Drop for Again<F> {
    fn drop(&mut self) {
        (self.0)();
    }
}

fn not_written(error: &StreamError) -> Sentence {
    Sentence::FaultNotWritten { why: error.to_string() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        consumer::Position,
        consumers::{Name, mail},
        read_model::{Connection, PartState},
        shop::Pulse,
    };

    fn injector(switches: Option<Switches>) -> Injector {
        let link = Connection { bootstrap: String::new(), embedded: true, up: true, trouble: None };
        let session = Session::new("127.0.0.1:1", "shop", 1, Vec::new());
        let zone = Zone::default();
        let (model, clock) = (Arc::new(ReadModel::new(zone, link)), Clock::default());
        Injector {
            session,
            model,
            clock,
            zone,
            switches,
            line: None,
            live_audit: watch::Sender::new(Arc::default()),
        }
    }

    #[test]
    fn what_would_hurt_others_or_cannot_be_is_refused_with_the_reason() {
        let (watching, running) = (injector(None), injector(Some(Switches::default())));
        let fault = |kind| Fault::new(kind, Name::Sales);
        for kind in [Kind::Kill, Kind::Freeze, Kind::FullDisk, Kind::Cut] {
            assert_eq!(watching.check(fault(kind)), Err(Sentence::FaultElsewhere));
        }
        assert_eq!(running.check(fault(Kind::Kill)), Ok(()));
        assert_eq!(running.check(fault(Kind::Cut)), Err(Sentence::FaultNotOwnBroker));
        assert_eq!(running.check(fault(Kind::FullDisk)), Err(Sentence::FaultNoFiles { view: "sales" }));
        assert_eq!(running.check(Fault::new(Kind::FullDisk, Name::Mail)), Ok(()));
        let records = [Kind::Twice, Kind::Late, Kind::Garbage, Kind::Hostile];
        assert!(records.iter().all(|kind| running.check(fault(*kind)) == Err(Sentence::FaultRealShop)));
        running.clock.beat(Pulse::sample(running.zone.stamp(0), 60.0));
        assert!(records.iter().all(|kind| running.check(fault(*kind)) == Ok(())));
        let read = |ids| PartState {
            partition: 0,
            shop_second: 0,
            wall_ms: 0,
            who: String::new(),
            position: Position { next: 1, ids, ..Position::default() },
            end_seen: 0,
            figures: mail::Figures { mails: 0, latest: Vec::new() }.into(),
            reports: Vec::new(),
        };
        for (ids, refused) in
            [(Rule::None, vec![Kind::Twice]), (Rule::Ascending, vec![Kind::Late, Kind::Hostile])]
        {
            running.model.clear("sales");
            running.model.put("sales", Part { source: Source::Orders, partition: 0 }, read(ids));
            for kind in records {
                assert_eq!(
                    running.check(fault(kind)).is_err(),
                    refused.contains(&kind),
                    "{kind:?} with {ids}"
                );
            }
        }
    }
}
