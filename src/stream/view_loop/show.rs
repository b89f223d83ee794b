//! The figures: up on the board, and out to everybody else.

use chrono::Utc;

use super::Turn;
use crate::{
    consumer::Output,
    dashboard::snapshot::{Said, Weight},
    sinks::{files::Files, report::text_file},
    store::Store,
    stream::{board::PartState, group::passed},
    views::{View, figures::ReportNote},
};

/// Wall ms between two states published of one partition, so that other processes are at most two seconds behind.
const PUBLISHED_MS: i64 = 700;
/// Wall ms after which a state is published again though nothing moved.
const AGAIN_MS: i64 = 10_000;

impl<V, O, S, F> Turn<'_, V, O, S, F>
where
    V: View,
    O: Output<V> + 'static,
    S: Store + 'static,
    F: Files + 'static,
{
    /// Puts the figures on the board, and publishes those that are news: once a second, and at the end.
    pub(super) fn show(&mut self, last: bool) {
        if self.shared.is_lost() {
            return;
        }
        let now = self.env.clock.now();
        let (figures, reports) = {
            let worker = self.shared.worker();
            (now.map(|now| worker.figures(now)).unwrap_or_default(), worker.reports())
        };
        self.tell_reports(&reports, now.unwrap_or_default());
        self.see_markers();
        self.env.board.set_group(V::NAME, figures.len(), self.records, self.trouble.clone().map(Said::Text));
        let wall_ms = Utc::now().timestamp_millis();
        for (part, position, figures) in figures {
            let state = PartState {
                partition: part.partition,
                shop_second: now.unwrap_or_default(),
                wall_ms,
                who: self.env.instance.to_string(),
                position,
                end_seen: self.end_seen.get(&part).copied().unwrap_or(0),
                figures,
                reports: reports.clone(),
            };
            let due = self.published.get(&part).is_none_or(|before| {
                let age_ms = wall_ms - before.wall_ms;
                // Again now and then: what a former owner sent late must not be the last word.
                (last || age_ms >= PUBLISHED_MS) && before.says_other_than(&state) || age_ms >= AGAIN_MS
            });
            if due {
                self.env.publisher.publish(V::NAME, part, &state);
                self.published.insert(part, state.clone());
            }
            self.env.board.put(V::NAME, part, state);
        }
    }

    /// Where a log goes on behind what was read there may be markers alone.
    fn see_markers(&mut self) {
        let seen = {
            let worker = self.shared.worker();
            let read = worker.positions().map(|(part, position)| (part, self.read_to(part, position.next)));
            passed(self.env, &self.consumer, read)
        };
        if let Some(seen) = seen {
            self.end_seen = seen;
        }
    }

    /// Each report that was saved since the last look becomes a message.
    pub(super) fn tell_reports(&mut self, reports: &[ReportNote], second: i64) {
        if let Some(before) = &self.reports {
            for note in reports.iter().filter(|note| !before.contains(note)) {
                let file = text_file(note.date);
                let said = match note.revision {
                    0 => Said::ReportSaved { file },
                    _ => Said::ReportRevised { file },
                };
                self.env.board.say(second, Weight::Info, said);
            }
        }
        if self.reports.as_deref() != Some(reports) {
            self.reports = Some(reports.to_vec());
        }
    }
}
