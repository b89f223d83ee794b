//! A view's figures: put in the read model at once, and published once a second.

use std::time::{Duration, Instant};

use chrono::Utc;

use super::ViewProcessor;
use crate::{
    consumer::{Output, Part, Position},
    consumers::PartFigures,
    messages::{Sentence, Severity},
    read_model::PartState,
    sinks::report::text_file,
    views::{View, shop_figures::ReportNote},
};

/// Least time between two published states of a partition.
const PUBLISHED: Duration = Duration::from_millis(700);
/// A state is published again after this time even if nothing changed.
const AGAIN: Duration = Duration::from_secs(10);

impl<V: View<Figures: Into<PartFigures>>, O: Output<V> + 'static> ViewProcessor<V, O> {
    /// Puts the figures of the partitions that moved in the read model.
    pub(super) fn show_new(&mut self) {
        let now = self.env.clock.now();
        // In a new second the windows of every partition have moved.
        if now != self.shown_second {
            self.show_all(false);
            return;
        }
        if let Some(now) = now.filter(|_| !self.ownership.is_lost()) {
            for (part, position, figures) in self.worker.new_figures(now) {
                let reports = self.reports.clone().unwrap_or_default();
                let state = self.state(part, position, figures.into(), now, reports);
                self.env.model.put(V::NAME, part, state);
            }
        }
    }

    /// Puts all figures in the read model, and publishes those that changed: once a second, and at the end.
    pub(super) fn show_all(&mut self, last: bool) {
        if self.ownership.is_lost() {
            return;
        }
        let Some(now) = self.env.clock.now() else { return };
        self.shown_second = Some(now);
        let (figures, reports) = (self.worker.figures(now), self.worker.reports());
        self.tell_reports(&reports, now);
        for (part, position, figures) in figures {
            let state = self.state(part, position, figures.into(), now, reports.clone());
            let due = self.published.get(&part).is_none_or(|(at, before)| {
                let age = at.elapsed();
                // Repeated, in case a late state of a former owner has replaced it.
                (last || age >= PUBLISHED) && before.says_other_than(&state) || age >= AGAIN
            });
            if due {
                self.env.publisher.publish(V::NAME, part, &state);
                self.published.insert(part, (Instant::now(), state.clone()));
            }
            self.env.model.put(V::NAME, part, state);
        }
    }

    fn state(
        &self,
        part: Part,
        position: Position,
        figures: PartFigures,
        shop_second: i64,
        reports: Vec<ReportNote>,
    ) -> PartState {
        let own = self.end_seen.get(&part).copied().unwrap_or(0);
        let end_seen = own.max(self.env.model.end_seen(V::NAME, part, position.next));
        PartState {
            partition: part.partition,
            shop_second,
            wall_ms: Utc::now().timestamp_millis(),
            who: self.env.instance.to_string(),
            position,
            end_seen,
            figures,
            reports,
        }
    }

    /// Reports each daily report that was saved since the last call.
    fn tell_reports(&mut self, reports: &[ReportNote], second: i64) {
        if let Some(before) = &self.reports {
            for note in reports.iter().filter(|note| !before.contains(note)) {
                let file = text_file(note.date);
                let sentence = match note.revision {
                    0 => Sentence::ReportSaved { file },
                    _ => Sentence::ReportRevised { file },
                };
                self.env.model.say(second, Severity::Info, sentence);
            }
        }
        if self.reports.as_deref() != Some(reports) {
            self.reports = Some(reports.to_vec());
        }
    }
}
