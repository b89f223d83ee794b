//! How a view restores assigned partitions and releases revoked ones.

use std::{collections::HashMap, sync::Arc, time::Duration};

use rdkafka::{TopicPartitionList, consumer::BaseConsumer};

use super::{ViewProcessor, checkpoint::COMMIT};
use crate::{
    consumer::{Handover, Output, Part, Start, Worker},
    engine::{
        group_member::{CALL, Committed},
        handover_records::Changelog,
    },
    messages::Severity,
    stream::{
        StreamError, log_identity,
        reader::watermarks,
        retention_gaps::{Gap, begins},
        topic_name, topic_of,
    },
    views::View,
};

/// After this time Kafka is asked again whether a partition is missing.
const SURE: Duration = Duration::from_secs(2);

impl<V: View, O: Output<V> + 'static> ViewProcessor<V, O> {
    /// Restores assigned partitions; returns where to read each from.
    pub(super) fn take_over(
        &mut self,
        parts: &[Part],
        committed: &HashMap<Part, Committed>,
    ) -> Result<Vec<Start>, String> {
        self.worker.set_ids(self.env.ids.rule());
        if self.missing()?.is_some() {
            // One broker's metadata may be old: what is discarded for it may be gone from the log.
            std::thread::sleep(SURE);
            if let Some(part) = self.missing()? {
                return Err(self.discard(part, "is missing")?);
            }
        }
        let probe = self.env.session.probe().map_err(|error| error.to_string())?;
        let cut = self.cut(&probe, parts)?;
        let others = committed.iter().filter(|(_, at)| !at.who.is_empty() && at.who != self.env.instance);
        let ends = self.env.model.ends().by_part;
        let has_all =
            ends.keys().filter(|part| V::SOURCES.contains(&part.source)).all(|part| parts.contains(part));
        let elsewhere = self.worker.read_elsewhere(others.map(|(part, at)| (*part, at.next)), has_all);
        let mut elsewhere = elsewhere.map_err(|trouble| trouble.to_string())?;
        let mut handed = None;
        if !(elsewhere.is_empty() && cut.is_empty()) {
            let mut reading =
                Changelog::open(&self.env.session, V::NAME).map_err(|error| error.to_string())?;
            if !reading.catch_up() {
                return Err(
                    "what others hand over on the topic of states cannot be read to its end".to_owned()
                );
            }
            for (part, gap) in cut {
                self.bridge(part, gap, reading.of(part).as_ref(), &mut elsewhere)?;
            }
            self.refuse_another_log(&elsewhere)?;
            let count = elsewhere.len();
            if count > 0 {
                let text =
                    format!("{}: goes on with {count} partitions from where another process was.", V::NAME);
                self.say(Severity::Info, text.into());
            }
            handed = Some(reading);
        }
        let mut starts = Vec::new();
        for part in parts {
            let start = match elsewhere.get(part) {
                Some(until) => {
                    let state = handed.as_ref().and_then(|handed| handed.of(*part));
                    self.worker.inherit(*part, state.as_ref(), *until)
                }
                None => self.worker.assign(*part),
            };
            let start = start.map_err(|trouble| trouble.to_string())?;
            starts.push(self.fit(&probe, *part, start)?);
        }
        if let Some(handed) = handed {
            crate::stream::let_go(handed);
        }
        // Without a committed offset a partition is read from 0 anyhow.
        let nothing = Committed { next: 0, who: Arc::clone(&self.env.instance) };
        let known = |part| (part, committed.get(&part).cloned().unwrap_or_else(|| nothing.clone()));
        self.committed.extend(parts.iter().copied().map(known));
        self.ownership.renew();
        Ok(starts)
    }

    /// Releases revoked partitions; returns the offsets to commit before the next owner fetches them.
    pub(super) fn give_back(&mut self, parts: &[Part], lost: bool) -> Vec<(Part, Committed)> {
        // Rows of partitions that another member reads already must not go to our files: the consumer restarts from
        // the last checkpoint. The same if no checkpoint can be made now. A commit still in flight could overwrite
        // the next owner's, so it is awaited.
        let saved = !lost
            && self.has_committed(COMMIT)
            && !self.ownership.is_lost()
            && self.worker.checkpoint(self.env.clock.now()).and_then(|()| self.worker.flush()).is_ok();
        let mut positions = Vec::new();
        if saved {
            positions.extend(self.to_commit().filter(|(part, _)| parts.contains(part)));
            for (part, _) in &positions {
                self.publish_state(*part);
            }
        } else {
            self.ownership.lose();
        }
        self.worker.revoke(parts);
        self.committing = None;
        for part in parts {
            self.checkpointed.remove(part);
            self.committed.remove(part);
            self.end_seen.remove(part);
        }
        positions
    }

    /// A partition in the local checkpoint that its topic does not have.
    fn missing(&self) -> Result<Option<Part>, String> {
        let saved = self.worker.saved_parts().map_err(|trouble| trouble.to_string())?;
        for source in V::SOURCES.iter().filter(|_| !saved.is_empty()) {
            match self.env.session.partitions_of(topic_of(*source), CALL) {
                Ok(count) => {
                    let is_missing = |part: &&Part| part.source == *source && part.partition >= count;
                    if let Some(part) = saved.iter().find(is_missing) {
                        return Ok(Some(*part));
                    }
                }
                Err(StreamError::NoTopic { .. }) => {}
                Err(error) => return Err(error.to_string()),
            }
        }
        Ok(None)
    }

    /// The assigned partitions whose log has lost records, to retention, that the local checkpoint lacks.
    fn cut(&self, probe: &BaseConsumer, parts: &[Part]) -> Result<Vec<(Part, Gap)>, String> {
        let session = &self.env.session;
        let mut places = TopicPartitionList::new();
        for part in parts {
            places.add_partition(&topic_name(session, part.source), part.partition);
        }
        let mut cut = Vec::new();
        for (topic, partition, begins) in begins(probe, places).map_err(|error| error.to_string())? {
            let is = |part: &&Part| part.partition == partition && topic_name(session, part.source) == topic;
            if let Some(part) = parts.iter().find(is)
                && self.worker.saved_next(*part).map_err(|trouble| trouble.to_string())? < begins
            {
                cut.push((*part, Gap { topic, partition, begins }));
            }
        }
        Ok(cut)
    }

    /// Restores a partition with lost records from its handover. An error if its figures would then count less than was
    /// published before.
    fn bridge(
        &self,
        part: Part,
        gap: Gap,
        handed: Option<&Handover>,
        elsewhere: &mut HashMap<Part, i64>,
    ) -> Result<(), String> {
        let own = self.worker.saved_next(part).map_err(|trouble| trouble.to_string())?;
        let next = handed.map_or(0, |handed| handed.position.next);
        if next > own {
            let until = elsewhere.entry(part).or_insert(next);
            *until = next.max(*until);
        }
        let told = self.env.model.part(V::NAME, part).map_or(0, |state| state.position.next);
        if next.max(own) < gap.begins.min(told) {
            let what = format!("{} cannot be computed again as it was told", V::NAME);
            return Err(StreamError::Lost { gap, what }.to_string());
        }
        Ok(())
    }

    /// Discards the state if the log of a partition to inherit does not hold the last applied record: it was replaced
    /// while this process was away.
    fn refuse_another_log(&mut self, elsewhere: &HashMap<Part, i64>) -> Result<(), String> {
        let mut applied = HashMap::new();
        for part in elsewhere.keys() {
            if let Some(last) = self.worker.saved_last(*part).map_err(|trouble| trouble.to_string())? {
                applied.insert(*part, last);
            }
        }
        let replaced =
            log_identity::others(&self.env.session, &applied).map_err(|error| error.to_string())?;
        match replaced.into_iter().min() {
            Some(part) => Err(self.discard(part, "does not hold what was read of it")?),
            None => Ok(()),
        }
    }

    /// Discards the state, since the log of a partition was replaced; returns the sentence that says so.
    fn discard(&mut self, part: Part, why: &str) -> Result<String, String> {
        self.worker.reset().map_err(|trouble| trouble.to_string())?;
        self.worker.retire();
        self.env.model.clear(V::NAME);
        let text = format!("{}: {part} {why}, so it is another log: everything is computed again.", V::NAME);
        self.say(Severity::Warning, text.clone().into());
        Ok(text)
    }

    /// Corrects the start offset for a log that has lost its last applied record to retention, or was replaced.
    fn fit(&mut self, probe: &BaseConsumer, part: Part, start: Start) -> Result<Start, String> {
        let Start::Offset(last) = start else { return Ok(start) };
        let topic = topic_name(&self.env.session, part.source);
        let marks = watermarks(probe, &topic, part.partition, CALL);
        let (low, end) = marks.map_err(|error| error.to_string())?;
        if end <= last {
            return Err(self.discard(part, "is shorter than what was read of it")?);
        }
        if low <= last {
            return Ok(start);
        }
        if self.worker.skip_to(part, low) {
            let text = format!(
                "{}: {part} has lost records to its retention before they were read: they count nowhere.",
                V::NAME
            );
            self.say(Severity::Warning, text.into());
        }
        Ok(Start::Offset(low))
    }

    /// The offsets to commit once the last checkpoint is on disk.
    pub(super) fn to_commit(&self) -> impl Iterator<Item = (Part, Committed)> {
        let known = |part| is_known(&self.worker, part);
        let positions = self.worker.positions().filter(move |(part, at)| at.next > 0 && known(*part));
        positions.map(|(part, at)| (part, Committed { next: at.next, who: Arc::clone(&self.env.instance) }))
    }
}

/// Whether the position of a partition may be committed and handed over.
pub(super) fn is_known<V: View, O: Output<V>>(worker: &Worker<V, O>, part: Part) -> bool {
    !worker.is_expecting(part) && worker.may_tell(part)
}
