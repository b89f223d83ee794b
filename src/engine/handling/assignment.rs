//! How the handling takes partitions over: from what was committed last, wherever that was.

use std::collections::BTreeMap;

use super::{HandlingProcessor, NAME, restore::Restore};
use crate::{
    consumer::{Part, Position, Start},
    consumers::PartFigures,
    engine::member::AskCommitted,
    handling::{Counted, Ledger, Resume},
    messages::Severity,
    read_model::PartState,
    stream::{StreamError, agreed_settings::Agreement},
};

impl HandlingProcessor {
    /// Takes partitions over; returns where to read each from.
    pub(super) fn take_over(
        &mut self,
        parts: &[Part],
        committed: AskCommitted<'_>,
    ) -> Result<Vec<Start>, String> {
        // Kafka answers once no transaction of an owner before this one is open: what that one wrote is decided then
        // (KIP-447), wherever its records have come by now. Twice, since it aborts those of the dead after ten seconds.
        committed().or_else(|_| committed())?;
        self.restore(parts).map_err(|error| {
            if matches!(error, StreamError::Disagrees { .. }) {
                self.env.refuse(error.sentence());
            }
            error.to_string()
        })
    }

    fn restore(&mut self, parts: &[Part]) -> Result<Vec<Start>, StreamError> {
        let session = &self.env.session;
        let restore = Restore::open(session)?;
        let (states, kept) = restore.states()?;
        // Whoever began at the same moment may have been quicker.
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

    /// Where a partition is begun.
    pub(super) fn beginning(&self) -> Position {
        Position { ids: self.env.ids.rule(), ..Position::default() }
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
