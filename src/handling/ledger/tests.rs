use std::collections::HashMap;

use chrono::{DateTime, FixedOffset};
use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::{
    consumer::{Part, Record},
    handling::{Counted, Uncounted},
    views::Source,
};

const OPENED: i64 = 1_795_000_000;

/// A record of the log of orders, as the test knows it.
#[derive(Debug, Clone)]
enum Kind {
    Order {
        step: u64,
        second: i64,
        ms: i64,
    },
    /// An order with an id that is this much below the last one, or equal to it.
    Again {
        back: u64,
    },
    Garbage(Option<Vec<u8>>),
}

#[derive(Debug, Clone)]
struct Row {
    payload: Option<Vec<u8>>,
    /// Id and time of the sale in ms, where it is a new order.
    order: Option<(u64, i64)>,
    is_dead: bool,
}

/// What happens to a handling.
#[derive(Debug, Clone)]
enum Step {
    Read(usize),
    Redeliver(usize),
    Wait(i64),
    Commit(usize),
    /// A transaction that is aborted: nothing of it counts, and the ledger is built again.
    Abort(usize),
    Crash {
        parameters: usize,
        ends: bool,
    },
    /// The same, and so many of the last states are gone. What they led to stays.
    Lose {
        parameters: usize,
        states: usize,
    },
}

fn kind() -> impl Strategy<Value = Kind> {
    prop_oneof![
        8 => (1..4_u64, -400..400_i64, 0..1000_i64).prop_map(|(step, second, ms)| Kind::Order { step, second, ms }),
        1 => (0..3_u64).prop_map(|back| Kind::Again { back }),
        1 => prop::option::of(prop::collection::vec(any::<u8>(), 0..6)).prop_map(Kind::Garbage),
    ]
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => (1..8_usize).prop_map(Step::Read),
        1 => (1..8_usize).prop_map(Step::Redeliver),
        3 => (0..90_i64).prop_map(Step::Wait),
        4 => prop_oneof![0..4_usize, Just(1000)].prop_map(Step::Commit),
        1 => (0..4_usize).prop_map(Step::Abort),
        2 => (0..PARAMETERS.len(), any::<bool>()).prop_map(|(parameters, ends)| Step::Crash { parameters, ends }),
        1 => (0..PARAMETERS.len(), prop_oneof![0..4_usize, Just(1000)])
            .prop_map(|(parameters, states)| Step::Lose { parameters, states }),
    ]
}

const PARAMETERS: [Parameters; 4] = [
    Parameters { seed: 1, every_ms: 10_000, chance_ppm: 250_000 },
    Parameters { seed: 2, every_ms: 333, chance_ppm: 500_000 },
    Parameters { seed: 1, every_ms: 60_000, chance_ppm: 1_000_000 },
    Parameters { seed: 1, every_ms: 10_000, chance_ppm: 0 },
];

fn time(ms: i64) -> DateTime<FixedOffset> {
    DateTime::from_timestamp_millis(ms).unwrap().fixed_offset()
}

fn payload(id: u64, ms: i64) -> Vec<u8> {
    json!({
        "order_id": id, "created_at": time(ms).to_rfc3339(),
        "customer": {"customer_id": id + 1, "name": "Å", "email": "a@example.com"},
        "lines": [{"product_id": 1, "name": "x", "quantity": 1, "unit_price_ore": id}], "total_ore": id,
    })
    .to_string()
    .into_bytes()
}

fn log(kinds: &[Kind]) -> Vec<Row> {
    let mut last: Option<u64> = None;
    let row = |kind: &Kind| match kind {
        Kind::Order { step, second, ms } => {
            let id = last.map_or(0, |last| last + step);
            last = Some(id);
            let ms = (OPENED + second) * 1000 + ms;
            Row { payload: Some(payload(id, ms)), order: Some((id, ms)), is_dead: false }
        }
        Kind::Again { back } => match last {
            Some(last) => Row {
                payload: Some(payload(last.saturating_sub(*back), OPENED * 1000)),
                order: None,
                is_dead: false,
            },
            None => Row { payload: None, order: None, is_dead: true },
        },
        Kind::Garbage(bytes) => Row { payload: bytes.clone(), order: None, is_dead: true },
    };
    kinds.iter().map(row).collect()
}

fn record(rows: &[Row], offset: usize) -> Decoded {
    let row = &rows[offset];
    let record = Record {
        part: crate::consumer::Part { source: Source::Orders, partition: 0 },
        offset: i64::try_from(offset).unwrap(),
        timestamp: 5,
        key: None,
        payload: row.payload.as_deref(),
    };
    let record = record.decode();
    if row.order.is_none() && matches!(record.content, Content::Event(_)) {
        return Decoded { content: Content::Duplicate, ..record };
    }
    record
}

/// Kafka and one handling process, the naive way: what was committed is a list.
struct World {
    rows: Vec<Row>,
    now: i64,
    parameters: Parameters,
    /// Where the clock of this run stands still.
    ends: bool,
    ledger: Ledger,
    cursor: usize,
    state: (Position, Resume),
    /// Those before it, oldest first, each with how many rows were judged by then.
    earlier: Vec<((Position, Resume), usize)>,
    /// By offset: the parameters of the run that read it.
    judged: Vec<Parameters>,
    /// By id: what was handled when a state was lost, whatever the parameters are by then.
    settled: HashMap<u64, i64>,
    /// Offset, id and handled ms of all that is in the topic of handled orders.
    handled: Vec<(u64, i64)>,
    dead: Vec<usize>,
}

impl World {
    fn new(rows: Vec<Row>) -> Self {
        let parameters = PARAMETERS[0];
        let state = (Position::default(), Resume { counted: Some(Counted::default()), ..Resume::default() });
        let ledger = Ledger::new(Zone::default(), state.0, state.1.clone(), parameters);
        Self {
            rows,
            now: OPENED,
            parameters,
            ends: false,
            ledger,
            cursor: 0,
            state,
            earlier: Vec::new(),
            judged: Vec::new(),
            settled: HashMap::new(),
            handled: Vec::new(),
            dead: Vec::new(),
        }
    }

    fn rebuild(&mut self) {
        let (position, resume) = self.state.clone();
        let end = self.ends.then_some(self.now);
        let (uncounted, counted) = self.uncounted(resume.counted.unwrap());
        let rows = i64::try_from(self.rows.len()).unwrap();
        self.ledger = Ledger::new(Zone::default(), position, resume, self.parameters)
            .until(end)
            .recover(uncounted, counted, rows);
        self.cursor = match self.ledger.start() {
            Start::Beginning => 0,
            Start::Offset(offset) => usize::try_from(offset).unwrap(),
        };
    }

    /// What lies behind what a state counts, the topics being lists; and records of other partitions.
    fn uncounted(&self, counted: Counted) -> (Uncounted, Counted) {
        let mut uncounted = Uncounted::default();
        let order = |(id, created): (u64, i64)| {
            let row = json!({
                "order_id": id, "created_at": time(created).to_rfc3339(), "handled_at": time(created).to_rfc3339(),
                "customer": {"customer_id": 1, "name": "", "email": ""}, "total_ore": id,
            });
            Handled::decode(Some(row.to_string().as_bytes())).unwrap()
        };
        uncounted.note_handled(&order((1_000_000, 5)), false);
        for (offset, (id, _)) in (0..).zip(&self.handled).skip(usize::try_from(counted.begin()).unwrap()) {
            let sold = self.rows.iter().find_map(|row| row.order.filter(|(sold, _)| sold == id));
            uncounted.note_handled(&order(sold.unwrap()), offset < counted.handled);
        }
        for offset in &self.dead[usize::try_from(counted.dead_letters).unwrap()..] {
            uncounted.note_dead_letter(i64::try_from(*offset).unwrap());
        }
        let mut now = Counted { handled_since: Some(counted.begin()), ..counted };
        now.advance(length(&self.handled), length(&self.dead));
        (uncounted, now)
    }

    fn read(&mut self, count: usize) {
        for _ in 0..count {
            if self.cursor < self.rows.len() {
                assert_ne!(self.ledger.take(&record(&self.rows, self.cursor)), Taken::OtherLog);
                self.cursor += 1;
            }
            self.ledger.pass(i64::try_from(self.cursor).unwrap());
        }
    }

    fn commit(&mut self, at_most: usize) {
        if !self.ledger.is_due(Some(self.now)) {
            return;
        }
        for outgoing in self.ledger.settle(Some(self.now), at_most) {
            match outgoing {
                Outgoing::Handled { order_id, value } => {
                    let value: Value = serde_json::from_slice(&value).unwrap();
                    assert_eq!(value["order_id"], order_id);
                    assert_eq!(value["total_ore"], order_id);
                    assert_eq!(value["customer"]["customer_id"], order_id + 1);
                    let at = DateTime::parse_from_rfc3339(value["handled_at"].as_str().unwrap()).unwrap();
                    assert!(at.timestamp() <= self.now, "order {order_id} went out early");
                    self.handled.push((order_id, at.timestamp_millis()));
                }
                Outgoing::DeadLetter { offset, letter } => {
                    let offset = usize::try_from(offset).unwrap();
                    assert_eq!(letter.value, self.rows[offset].payload);
                    self.dead.push(offset);
                }
            }
        }
        self.earlier.push((self.state.clone(), self.judged.len()));
        self.state = (self.ledger.position(), self.ledger.resume().clone());
        let counted = self.state.1.counted.as_mut().unwrap();
        counted.advance(length(&self.handled), length(&self.dead));
        let next = usize::try_from(self.state.0.next).unwrap();
        while self.judged.len() < next {
            self.judged.push(self.parameters);
        }
        self.check_oldest();
    }

    /// Offset, id and handled ms of every order that was committed as read.
    fn expected(&self) -> Vec<(usize, u64, Option<i64>)> {
        let read = self.rows.iter().zip(&self.judged).enumerate();
        read.filter_map(|(offset, (row, parameters))| {
            let at = |id, ms| self.settled.get(&id).copied().or_else(|| parameters.handled_ms(id, ms));
            row.order.map(|(id, ms)| (offset, id, at(id, ms)))
        })
        .collect()
    }

    /// A restart begins at the oldest order that still waits, and not before it.
    fn check_oldest(&self) {
        let waits = |(offset, id, at): &(usize, u64, Option<i64>)| {
            (at.is_some() && !self.handled.iter().any(|(sent, _)| sent == id)).then_some(*offset)
        };
        let oldest = self.expected().iter().filter_map(waits).min().unwrap_or(self.judged.len());
        assert_eq!(usize::try_from(self.state.1.oldest).unwrap(), oldest);
    }

    /// What the state says to have sent is sent, read orders included; and it says all of it once nothing is to be
    /// committed.
    fn check_sent(&self) {
        let (next, resume) = (self.ledger.position().next, self.ledger.resume());
        let read = self.rows.iter().take(usize::try_from(next).unwrap()).enumerate();
        let waits = |(offset, row): (usize, &Row)| {
            let (id, ms) = row.order.filter(|(id, _)| !self.handled.iter().any(|(sent, _)| sent == id))?;
            let parameters = self.judged.get(offset).unwrap_or(&self.parameters);
            Some(parameters.handled_ms(id, ms)?.div_euclid(1000))
        };
        let due = read.filter_map(waits).min();
        assert!(!due.is_some_and(|due| resume.has_sent(next, due)), "an order that is due at {due:?}");
        if !self.ledger.is_due(Some(self.now)) && !self.ledger.is_reading_again() {
            assert!(
                resume.has_sent(next, due.map_or(i64::MAX, |due| due - 1)),
                "all that is due before {due:?}"
            );
        }
    }

    fn play(&mut self, step: &Step) {
        match *step {
            Step::Read(count) => self.read(count),
            Step::Redeliver(back) => self.cursor = self.cursor.saturating_sub(back),
            Step::Wait(seconds) => self.now += if self.ends { 0 } else { seconds },
            Step::Commit(at_most) => self.commit(at_most),
            Step::Abort(at_most) => {
                self.ledger.settle(Some(self.now), at_most);
                self.rebuild();
            }
            Step::Crash { parameters, ends } => {
                self.parameters = PARAMETERS[parameters];
                self.ends = ends;
                self.rebuild();
            }
            Step::Lose { parameters, states } => {
                self.settled.extend(self.handled.iter().copied());
                for _ in 0..states {
                    let Some((state, judged)) = self.earlier.pop() else { break };
                    self.state = state;
                    self.judged.truncate(judged);
                }
                self.parameters = PARAMETERS[parameters];
                self.rebuild();
            }
        }
    }

    /// Works off all there is, and compares.
    fn finish(&mut self) {
        self.ends = false;
        self.now += 100;
        self.rebuild();
        self.read(self.rows.len());
        while self.ledger.is_due(Some(self.now)) {
            self.commit(2);
        }
        let mut expected: Vec<(u64, i64)> = self
            .expected()
            .into_iter()
            .filter_map(|(_, id, at)| at.map(|at| (id, at)))
            .filter(|(_, at)| at.div_euclid(1000) <= self.now)
            .collect();
        expected.sort_unstable();
        self.handled.sort_unstable();
        assert_eq!(self.handled, expected, "sent, and what was to be sent");
        let dead: Vec<usize> = (0..self.rows.len()).filter(|offset| self.rows[*offset].is_dead).collect();
        self.dead.sort_unstable();
        assert_eq!(self.dead, dead);
        let count = |which: fn(&Row) -> bool| self.rows.iter().filter(|row| which(row)).count() as u64;
        assert_eq!(
            self.state.1.figures,
            HandlingFigures {
                accepted: count(|row| row.order.is_some()),
                handled: expected.len() as u64,
                dead_letters: count(|row| row.is_dead),
                duplicates: count(|row| !row.is_dead && row.order.is_none()),
            }
        );
        assert!(self.state.1.parameters.len() <= self.rows.len() + 1);
    }
}

proptest! {
    #![proptest_config(crate::testing::cases(2_000))]

    #[test]
    fn every_order_is_sent_once_at_its_time_whatever_stops_the_process(
        kinds in prop::collection::vec(kind(), 1..40),
        steps in prop::collection::vec(step(), 0..40),
    ) {
        let mut world = World::new(log(&kinds));
        for step in &steps {
            world.play(step);
            world.check_sent();
        }
        world.finish();
    }

    #[test]
    fn another_log_is_told_before_anything_is_sent(
        kinds in prop::collection::vec(kind(), 1..20),
        read in 1..20_usize,
        wait in 0..200_i64,
    ) {
        let mut world = World::new(log(&kinds));
        world.read(read);
        world.commit(1000);
        let last = usize::try_from(world.state.0.next - 1).unwrap();
        world.rows[last].payload = Some(b"another".to_vec());
        world.now += wait;
        world.rebuild();
        let taken: Vec<Taken> =
            (world.cursor..=last).map(|offset| world.ledger.take(&record(&world.rows, offset))).collect();
        prop_assert_eq!(taken.last(), Some(&Taken::OtherLog));
        prop_assert!(!world.ledger.is_due(Some(world.now)));
        prop_assert_eq!(world.ledger.settle(Some(world.now), 1000), []);
    }
}

#[test]
fn a_handled_order_fits_into_a_batch_however_long_the_name() {
    let long = |character: &str, bytes: usize| character.repeat(bytes / character.len());
    for (character, bytes, whole) in
        [("a", 900_000, true), ("a", 1_048_000, false), ("\u{1}", 300_000, false), ("Å", 1_040_000, false)]
    {
        let mut order: Value = serde_json::from_slice(&payload(u64::MAX >> 1, OPENED * 1000)).unwrap();
        order["customer"]["name"] = json!(long(character, bytes));
        let order = order.to_string().into_bytes();
        let certain = Parameters { chance_ppm: 1_000_000, ..Parameters::default() };
        let mut ledger = Ledger::new(Zone::default(), Position::default(), Resume::default(), certain);
        let part = Part { source: Source::Orders, partition: 0 };
        let record = Record { part, offset: 0, timestamp: 0, key: None, payload: Some(&order) };
        assert_eq!(ledger.take(&record.decode()), Taken::Yes);
        let sent = ledger.settle(Some(OPENED + 3600), 10);
        let [Outgoing::Handled { value, .. }] = &sent[..] else { panic!("{} records", sent.len()) };
        assert!(value.len() <= 1_000_000, "{} bytes", value.len());
        let handled = Handled::decode(Some(value)).unwrap();
        assert!(long(character, bytes).starts_with(handled.customer.name.as_str()));
        assert_eq!(handled.customer.name.len() == bytes, whole);
        assert!(handled.customer.name.len() >= 10_000);
    }
}

fn length<T>(records: &[T]) -> i64 {
    i64::try_from(records.len()).unwrap()
}
