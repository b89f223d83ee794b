//! How a view takes partitions over, and gives them back.

use std::{collections::HashMap, sync::Arc, time::Duration};

use rdkafka::{TopicPartitionList, consumer::BaseConsumer};

use super::{ViewProcessor, checkpoint::COMMIT};
use crate::{
    consumer::{Handover, Output, Part, Start, Worker},
    engine::{changelog::Changelog, member::Committed},
    messages::Severity,
    stream::{
        StreamError,
        reader::watermarks,
        retention_gaps::{Gap, begins},
        topic_name,
    },
    views::View,
};

/// A question to Kafka.
const CALL: Duration = Duration::from_secs(10);

impl<V: View, O: Output<V> + 'static> ViewProcessor<V, O> {
    /// Takes partitions over; returns where to read each from.
    pub(super) fn take_over(
        &mut self,
        parts: &[Part],
        committed: &HashMap<Part, Committed>,
    ) -> Result<Vec<Start>, String> {
        self.worker.set_ids(self.env.ids.rule());
        let probe = self.env.session.probe().map_err(|error| error.to_string())?;
        let starts = self.take_over_asking(&probe, parts, committed);
        crate::stream::let_go(probe);
        starts
    }

    /// The same with a client that it may ask about the logs.
    fn take_over_asking(
        &mut self,
        probe: &BaseConsumer,
        parts: &[Part],
        committed: &HashMap<Part, Committed>,
    ) -> Result<Vec<Start>, String> {
        let cut = self.cut(probe, parts)?;
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
            starts.push(self.fit(probe, *part, start)?);
        }
        if let Some(handed) = handed {
            crate::stream::let_go(handed);
        }
        // What nobody has committed yet is 0, which is how it is read anyhow.
        let nothing = Committed { next: 0, who: Arc::clone(&self.env.instance) };
        let known = |part| (part, committed.get(&part).cloned().unwrap_or_else(|| nothing.clone()));
        self.committed.extend(parts.iter().copied().map(known));
        self.ownership.renew();
        Ok(starts)
    }

    /// Gives partitions back; returns what is to be committed before the next owner asks.
    pub(super) fn give_back(&mut self, parts: &[Part], lost: bool) -> Vec<(Part, Committed)> {
        // What another member reads already must not go to our files too: the consumer begins again from the last
        // checkpoint. The same where no checkpoint can be made now.
        // An offset that Kafka takes after the next owner's would take its place.
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

    /// Of partitions that are taken over: those whose log has lost records that the checkpoint here lacks.
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

    /// Goes on with a partition that was cut from what was handed over of it. A sentence where less would be told of it
    /// than was.
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

    /// Where to read from in a log that retention has taken the last record from, or that has become another one.
    fn fit(&mut self, probe: &BaseConsumer, part: Part, start: Start) -> Result<Start, String> {
        let Start::Offset(last) = start else { return Ok(start) };
        let topic = topic_name(&self.env.session, part.source);
        let marks = watermarks(probe, &topic, part.partition, CALL);
        let (low, end) = marks.map_err(|error| error.to_string())?;
        if end <= last {
            self.worker.reset().map_err(|trouble| trouble.to_string())?;
            self.worker.retire();
            self.env.model.clear(V::NAME);
            let text = format!(
                "{}: {part} is shorter than what was read of it, so it is another log: everything is computed again.",
                V::NAME
            );
            self.say(Severity::Warning, text.clone().into());
            return Err(text);
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

    /// What is to be committed, once the checkpoint that was made last is on disk.
    pub(super) fn to_commit(&self) -> impl Iterator<Item = (Part, Committed)> {
        let known = |part| is_known(&self.worker, part);
        let positions = self.worker.positions().filter(move |(part, at)| at.next > 0 && known(*part));
        positions.map(|(part, at)| (part, Committed { next: at.next, who: Arc::clone(&self.env.instance) }))
    }
}

/// Whether others may be told how far a partition was read.
pub(super) fn is_known<V: View, O: Output<V>>(worker: &Worker<V, O>, part: Part) -> bool {
    !worker.is_expecting(part) && worker.may_tell(part)
}
