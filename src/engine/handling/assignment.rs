//! How the handling takes partitions over: from what was committed last, wherever that was.

use std::time::Duration;

use rdkafka::consumer::Consumer;

use super::{HandlingProcessor, NAME, restore};
use crate::{
    consumer::{Part, Position, Start},
    consumers::PartFigures,
    handling::{Ledger, Resume},
    messages::Severity,
    read_model::PartState,
    stream::Topic,
};

/// A question to Kafka.
const CALL: Duration = Duration::from_secs(5);

impl HandlingProcessor {
    /// Takes partitions over; returns where to read each from.
    pub(super) fn take_over(&mut self, parts: &[Part]) -> Result<Vec<Start>, String> {
        let session = &self.env.session;
        let committed = restore::committed(session).map_err(|error| error.to_string())?;
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
            let last_second = self.env.until.as_ref().and_then(|until| until.shop_second());
            let ledger = Ledger::new(self.env.zone, position, resume, self.parameters).until(last_second);
            starts.push(ledger.start());
            self.ledgers.insert(part.partition, ledger);
        }
        crate::stream::let_go(probe);
        Ok(starts)
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
