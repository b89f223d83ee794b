//! Restores assigned partitions of the handling from the last committed transaction.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use super::{HandlingProcessor, NAME, restore::Restore, transaction::Sender};
use crate::{
    consumer::{Part, Position, Start},
    consumers::PartFigures,
    engine::group_member::{AskCommitted, CALL},
    handling::{Counted, Ledger, Resume},
    messages::Severity,
    read_model::PartState,
    stream::{StreamError, agreed_settings::Agreement},
};

/// A live owner ends its transaction within this time.
const UNDECIDED: Duration = Duration::from_secs(1);

impl HandlingProcessor {
    /// Restores assigned partitions; returns where to read each from.
    pub(super) fn take_over(
        &mut self,
        parts: &[Part],
        committed: AskCommitted<'_>,
    ) -> Result<Vec<Start>, String> {
        // Kafka returns stable offsets once no earlier owner's transaction is open (KIP-447): its outcome is known then.
        let (mut patience, mut aborted) = (UNDECIDED, BTreeSet::new());
        while let Err(error) = committed(patience) {
            if patience > CALL {
                return Err(error);
            }
            self.abort_transactions_of_the_dead(&mut aborted);
            patience *= 2;
        }
        self.restore(parts).map_err(|error| {
            if matches!(error, StreamError::Disagrees { .. }) {
                self.env.refuse(error.sentence());
            }
            error.to_string()
        })
    }

    /// Aborts the transactions that dead instances left open, by initialising a producer with their `transactional.id`
    /// (KIP-98). Kafka does so itself, but checks for transactions past their time-out only every ten seconds
    /// (`transaction.abort.timed.out.transaction.cleanup.interval.ms`).
    fn abort_transactions_of_the_dead(&self, aborted: &mut BTreeSet<String>) {
        for instance in self.env.model.dead(NAME) {
            if aborted.contains(&instance) {
                continue;
            }
            match Sender::new(&self.env.session, &instance) {
                Ok(sender) => {
                    crate::stream::let_go(sender);
                    aborted.insert(instance);
                }
                Err(error) => tracing::debug!("the open transaction of {instance} was not aborted: {error}"),
            }
        }
    }

    fn restore(&mut self, parts: &[Part]) -> Result<Vec<Start>, StreamError> {
        let session = &self.env.session;
        let restore = Restore::open(session)?;
        let (states, kept) = restore.states()?;
        // Another process may have written its settings first.
        Agreement::of(self.env.zone).with_handling(&self.parameters).check(&kept)?;
        let mut found = Vec::new();
        let mut counted = BTreeMap::new();
        for part in parts {
            let (low, end) = restore.orders(part.partition)?;
            let (position, resume) = match states.get(&part.partition) {
                Some(PartState { position, figures: PartFigures::Handling(resume), .. }) => {
                    let (kept, asked) = (position.ids, self.env.ids.rule());
                    if position.next > 0 && kept != asked {
                        let what = format!("its orders were judged by --ids {kept}, not by {asked}");
                        return Err(session.halted(what));
                    }
                    self.fit(*part, *position, resume.clone(), low, end)
                }
                _ => (self.beginning(), Resume::default()),
            };
            // A state that has read nothing counts nothing.
            let nothing = (position.next == 0).then(Counted::default);
            counted.insert(part.partition, resume.counted.or(nothing));
            found.push((*part, position, resume, end));
        }
        let mut uncounted = restore.uncounted(&counted)?;
        restore.let_go();
        let last_second = self.env.until.as_ref().and_then(|until| until.shop_second());
        let mut starts = Vec::new();
        for (part, position, resume, end) in found {
            let (uncounted, counted) = uncounted.remove(&part.partition).unwrap_or_default();
            let ledger = Ledger::new(self.env.zone, position, resume, self.parameters)
                .until(last_second)
                .recover(uncounted, counted, end);
            starts.push(ledger.start());
            self.ledgers.insert(part.partition, ledger);
        }
        Ok(starts)
    }

    /// The initial position.
    pub(super) fn beginning(&self) -> Position {
        Position { ids: self.env.ids.rule(), ..Position::default() }
    }

    /// The part of a committed state that is valid for a log with the offsets from `low` up to `end`.
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
            self.env.model.say(second, Severity::Warning, format!("{NAME}: {part} {what}.").into());
        };
        if end <= last.offset {
            tell(
                "is shorter than what was read of it: it is another log, and every order of it is judged anew",
            );
            return (self.beginning(), Resume::default());
        }
        if low > resume.oldest.min(last.offset) {
            tell("has lost records to its retention: orders among them that waited are not handled");
            resume.oldest = resume.oldest.max(low);
        }
        if low > last.offset {
            return (Position { next: low, last: None, ..position }, resume);
        }
        (position, resume)
    }
}
