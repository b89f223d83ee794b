//! The partitions that the handling holds: the ledger of each, and where it goes on when it
//! is taken over.

use std::{
    collections::BTreeMap,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use rdkafka::consumer::Consumer;

use super::NAME;
use crate::{
    consumer::{Part, Position, Start},
    dashboard::snapshot::Weight,
    handling::{Ledger, Parameters, Resume},
    stream::{
        Topic,
        board::PartState,
        env::Env,
        group::{AskTold, Keeper, Told},
        states,
    },
    views::part::PartFigures,
};

/// A question to Kafka.
const CALL: Duration = Duration::from_secs(5);

/// The partitions held, shared by the loop and the rebalance callback.
pub(super) struct Books {
    env: Env,
    parameters: Parameters,
    ledgers: Mutex<BTreeMap<i32, Ledger>>,
}

impl Books {
    pub(super) fn new(env: &Env, parameters: Parameters) -> Self {
        Self { env: env.clone(), parameters, ledgers: Mutex::default() }
    }

    pub(super) fn ledgers(&self) -> MutexGuard<'_, BTreeMap<i32, Ledger>> {
        self.ledgers.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What of a committed state holds for a log that has the offsets from `low` up to `end`.
    fn fit(
        &self,
        part: Part,
        position: Position,
        mut resume: Resume,
        low: i64,
        end: i64,
    ) -> (Position, Resume) {
        let Some(last) = position.last else { return (position, resume) };
        let tell = |what: &str| {
            let second = self.env.clock.now().unwrap_or_default();
            self.env.board.say(second, Weight::Warning, format!("{NAME}: {part} {what}.").into());
        };
        if end <= last.offset {
            tell(
                "is shorter than what was read of it: it is another log, and every order of it is judged anew",
            );
            return (Position::default(), Resume::default());
        }
        if low > resume.oldest.min(last.offset) {
            tell("has lost records to its retention: orders among them that waited are not handled");
            resume.oldest = resume.oldest.max(low);
        }
        if low > last.offset {
            resume.oldest_last_id = position.last_order_id;
            return (Position { next: low, last: None, ..position }, resume);
        }
        (position, resume)
    }
}

impl Keeper for Books {
    fn assign(&self, parts: &[Part], _: AskTold<'_>) -> Result<Vec<Start>, String> {
        self.env.board.rebalanced(NAME);
        let session = &self.env.session;
        let committed = states::handling(session).map_err(|error| error.to_string())?;
        let probe = session.probe().map_err(|error| error.to_string())?;
        let mut starts = Vec::new();
        for part in parts {
            let (position, resume) = match committed.get(&part.partition) {
                Some(PartState { position, figures: PartFigures::Handling(resume), .. }) => {
                    let held = probe.fetch_watermarks(&session.topic(Topic::Orders), part.partition, CALL);
                    let (low, end) = held.map_err(|error| error.to_string())?;
                    self.fit(*part, *position, resume.clone(), low, end)
                }
                _ => (Position::default(), Resume::default()),
            };
            let last_second = self.env.until.as_ref().map(|until| until.shop_second);
            let ledger = Ledger::new(self.env.zone, position, resume, self.parameters).until(last_second);
            starts.push(ledger.start());
            self.ledgers().insert(part.partition, ledger);
        }
        crate::stream::let_go(probe);
        Ok(starts)
    }

    // What was read but not committed is read again by the next owner.
    fn revoke(&self, parts: &[Part], _: bool) -> Vec<(Part, Told)> {
        let mut ledgers = self.ledgers();
        for part in parts {
            ledgers.remove(&part.partition);
        }
        Vec::new()
    }
}
