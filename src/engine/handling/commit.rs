//! Commits: one transaction with all that is due, whose states then go to the read model.

use std::{sync::Arc, thread, time::Instant};

use chrono::Utc;
use rdkafka::{
    consumer::Consumer,
    error::{KafkaError, RDKafkaErrorCode},
};

use super::{HandlingProcessor, NAME, part};
use crate::{
    consumer::{Part, Position},
    consumers::PartFigures,
    engine::{
        context::Ended,
        group_member::{Client, Committed},
    },
    handling::{Outgoing, Resume},
    messages::Severity,
    read_model::PartState,
    stream::{StreamError, Topic},
};

/// A transaction in flight. Its result is the committed states, for the read model, and the ids of orders that were
/// left out because they exceed the largest batch; or the error.
pub(super) type Transaction = thread::JoinHandle<Result<(Vec<(i32, PartState)>, Vec<u64>), StreamError>>;

fn is_fenced(error: &StreamError) -> bool {
    use RDKafkaErrorCode as Code;
    let StreamError::Kafka(error) = error else { return false };
    let code = error.rdkafka_error_code();
    matches!(
        code,
        Some(Code::Fenced | Code::ProducerFenced | Code::InvalidProducerEpoch | Code::FencedInstanceId)
    )
}

fn failed(error: &StreamError) -> Ended {
    Ended::Again(format!("a transaction failed ({error})"))
}

impl HandlingProcessor {
    /// Commits one transaction with all that is due. After an error the run restarts from the last one.
    pub(super) fn commit(&mut self, client: &Arc<Client>) -> Option<Ended> {
        self.begin_commit(client).or_else(|| self.end_commit())
    }

    /// Begins a transaction, beside which more records are taken in. Waits for the previous one.
    pub(super) fn begin_commit(&mut self, client: &Arc<Client>) -> Option<Ended> {
        if let Some(ended) = self.end_commit() {
            return Some(ended);
        }
        let now = self.env.clock.now();
        let mut outgoing = Vec::new();
        let mut moved = Vec::new();
        let due = self.ledgers.values().filter(|ledger| ledger.is_due(now)).count();
        let share = (self.size.orders() / due.max(1)).max(1);
        for (partition, ledger) in self.ledgers.iter_mut().filter(|(_, ledger)| ledger.is_due(now)) {
            outgoing.extend(ledger.settle(now, share).into_iter().map(|record| (*partition, record)));
            moved.push((*partition, ledger.position(), ledger.resume().clone()));
        }
        self.unsent = 0;
        if moved.is_empty() {
            return None;
        }
        let states: Vec<_> = moved
            .into_iter()
            .map(|(partition, position, resume)| (partition, self.state(partition, position, resume)))
            .collect();
        self.more = self.ledgers.values().any(|ledger| ledger.is_due(now));
        match self.send(client, outgoing, states) {
            Ok(transaction) => self.under_way = Some(transaction),
            Err(error) => return Some(failed(&error)),
        }
        None
    }

    /// Waits for the transaction in flight, if there is one.
    pub(super) fn end_commit(&mut self) -> Option<Ended> {
        if self.failed.is_some() {
            return self.failed.take();
        }
        let transaction = self.under_way.take()?;
        let outcome = transaction.join().unwrap_or_else(|_| Err(KafkaError::Canceled.into()));
        self.sent = Instant::now();
        self.size.learn(outcome.is_ok());
        match outcome {
            Ok((states, too_large)) => {
                self.tell_too_large(too_large);
                for (partition, state) in states {
                    self.put(partition, state);
                }
                None
            }
            Err(error) => {
                self.fenced = is_fenced(&error);
                Some(failed(&error))
            }
        }
    }

    /// Replaces the committed states of partitions, which belong to another log, by empty ones.
    pub(super) fn judge_anew(&mut self, client: &Arc<Client>, parts: &[Part], why: &str) -> Ended {
        if let Some(ended) = self.end_commit() {
            return ended;
        }
        let text = format!("{why}: every order of it is judged anew");
        self.env.model.say(
            self.env.clock.now().unwrap_or_default(),
            Severity::Warning,
            format!("{NAME}: {text}.").into(),
        );
        let empty = |part: &Part| {
            let state = self.state(part.partition, self.beginning(), Resume::default());
            (part.partition, PartState { end_seen: 0, ..state })
        };
        match self.send(client, Vec::new(), parts.iter().map(empty).collect()) {
            Ok(transaction) => self.under_way = Some(transaction),
            Err(error) => return failed(&error),
        }
        self.end_commit().unwrap_or(Ended::Again(text))
    }

    /// Starts one transaction, with these states and their group offsets, on a thread of its own.
    fn send(
        &self,
        client: &Arc<Client>,
        outgoing: Vec<(i32, Outgoing)>,
        states: Vec<(i32, PartState)>,
    ) -> Result<Transaction, StreamError> {
        let no_group = || StreamError::NoGroup { group: self.env.session.group(NAME) };
        let (Some(group), Some(sender)) = (client.group_metadata(), &self.sender) else {
            return Err(no_group());
        };
        let positions = states.iter().map(|(partition, state)| {
            (part(*partition), Committed { next: state.position.next, who: "".into() })
        });
        let offsets = client.context().offsets(positions);
        let sender = Arc::clone(sender);
        let mut states = states;
        let commit = move || {
            let too_large = sender.commit(outgoing, &mut states, (&offsets, &group))?;
            Ok((states, too_large))
        };
        thread::Builder::new().name("transaction".to_owned()).spawn(commit).map_err(|error| {
            tracing::warn!("{NAME}: there is no thread for a transaction: {error}");
            KafkaError::Canceled.into()
        })
    }

    /// Reports records that were written, but whose state was lost.
    pub(super) fn tell_recovered(&self, part: Part, records: u64) {
        let text = format!(
            "{NAME}: {records} orders and dead letters of {part} were written before, though {} does not say so: they are not sent again.",
            self.env.session.topic(Topic::State)
        );
        self.env.model.say(self.env.clock.now().unwrap_or_default(), Severity::Warning, text.into());
    }

    fn tell_too_large(&self, order_ids: Vec<u64>) {
        for order_id in order_ids {
            let text = format!(
                "Order {order_id} is handled, but its record is larger than Kafka takes: no mail goes out."
            );
            self.env.model.say(self.env.clock.now().unwrap_or_default(), Severity::Error, text.into());
        }
    }

    /// Notes that only transaction markers lie between the committed position of a partition and `seen`.
    pub(super) fn has_seen(&self, part: Part, seen: i64) {
        if let Some(state) = self.env.model.part(NAME, part) {
            self.env.model.put(NAME, part, PartState { end_seen: seen.max(state.end_seen), ..state });
        }
    }

    /// Puts what was read in the read model before its transaction commits. While one is in flight, does nothing: its
    /// states follow with its commit.
    pub(super) fn show_read(&mut self) {
        if self.under_way.is_some() {
            return;
        }
        let read: Vec<(i32, Position, Resume)> = self
            .ledgers
            .iter()
            .filter(|(partition, ledger)| {
                let (position, seen) =
                    (ledger.position(), self.end_seen.get(*partition).copied().unwrap_or(0));
                // After a failed transaction its states stay shown until they are reached again.
                let news = self.shown.get(*partition).is_none_or(|(shown, shown_seen)| {
                    position.next > shown.next || position.next == shown.next && seen > *shown_seen
                });
                news && position.next > 0 && !ledger.is_reading_again()
            })
            .map(|(partition, ledger)| (*partition, ledger.position(), ledger.resume().clone()))
            .collect();
        for (partition, position, resume) in read {
            let state = self.state(partition, position, resume);
            self.put(partition, state);
        }
    }

    fn put(&mut self, partition: i32, state: PartState) {
        self.shown.insert(partition, (state.position, state.end_seen));
        self.env.model.put(NAME, part(partition), state);
    }

    fn state(&self, partition: i32, position: Position, resume: Resume) -> PartState {
        PartState {
            partition,
            shop_second: self.env.clock.now().unwrap_or_default(),
            wall_ms: Utc::now().timestamp_millis(),
            who: self.env.instance.to_string(),
            position,
            end_seen: if self.env.until.is_some() {
                0
            } else {
                self.end_seen.get(&partition).copied().unwrap_or(0)
            },
            figures: PartFigures::Handling(resume),
            reports: Vec::new(),
        }
    }
}
