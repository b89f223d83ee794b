//! Derives messages from the changes between two pictures: pure, so that the shop's machine and one that only watches
//! show the same.

use std::time::{Duration, Instant};

use chrono::NaiveDate;

use super::{stock_events::StockEvents, throttle::Throttle};
use crate::{
    messages::{Sentence, Severity},
    read_model::GroupState,
    shop::{Pulse, pulse::RunState},
    views::shop_figures::ShopFigures,
};

/// The lag that is too large: seconds of orders, and at least so many records (transaction markers included).
const FAR: (f64, f64) = (5.0, 60.0);
/// The lag up to which consumers have caught up.
const NEAR: (f64, f64) = (1.0, 30.0);
/// How long consumers must be too far behind, wall time.
const LASTS: Duration = Duration::from_secs(2);

/// Orders a second that a shop aims at; `None` for as many as possible.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Aim(Option<f64>);

/// What was seen last, and what waits to be told.
#[derive(Debug, Default)]
pub(super) struct News {
    pulse: Option<Pulse>,
    today: Option<NaiveDate>,
    /// The aim of the shop while it was live last.
    aimed: Option<Aim>,
    /// Since when consumers are too far behind.
    far: Option<Instant>,
    behind: bool,
    goods: StockEvents,
    state: Throttle,
    aim: Throttle,
    rush: Throttle,
    campaigns_began: Throttle,
    campaigns_ended: Throttle,
    filling: Throttle,
    midnight: Throttle,
    lag: Throttle,
    /// How many consumers nobody runs.
    unattended: usize,
    nobody: Throttle,
}

impl News {
    /// The messages due at `now`, from figures, pulse, groups and the measured orders a second.
    pub(super) fn take(
        &mut self,
        figures: &ShopFigures,
        pulse: Option<&Pulse>,
        groups: &[GroupState],
        orders_per_second: f64,
        now: Instant,
    ) -> Vec<(Severity, Sentence)> {
        self.compare_lag(groups, orders_per_second, now);
        self.compare_lives(groups);
        let mut told = Vec::new();
        if let Some(pulse) = pulse {
            self.compare_days(figures, pulse);
            self.compare_pulses(pulse);
            let live = pulse.speed > 0.0 && !self.behind && self.far.is_none();
            told = self.goods.take(figures, pulse, live, now);
            self.pulse = Some(pulse.clone());
        }
        let kinds = [
            &mut self.state,
            &mut self.aim,
            &mut self.rush,
            &mut self.campaigns_began,
            &mut self.campaigns_ended,
            &mut self.filling,
            &mut self.midnight,
            &mut self.lag,
            &mut self.nobody,
        ];
        told.extend(kinds.into_iter().filter_map(|kind| kind.due(now)));
        told
    }

    fn compare_days(&mut self, figures: &ShopFigures, pulse: &Pulse) {
        let before = self.today.replace(figures.today);
        // A new simulator may sell on another day than the last one.
        let known = self.pulse.as_ref().is_some_and(|before| before.who == pulse.who);
        let over = before.filter(|before| *before < figures.today && known && pulse.speed > 0.0);
        if let Some(ended) = over {
            self.midnight.offer(Severity::Info, Sentence::Midnight { ended });
        }
    }

    fn compare_pulses(&mut self, pulse: &Pulse) {
        let live = pulse.speed > 0.0;
        let aimed = if live { self.aimed.replace(Aim(pulse.rate)) } else { None };
        let Some(before) = self.pulse.as_ref().filter(|before| before.who == pulse.who) else { return };
        match (before.state, pulse.state) {
            (RunState::Running, RunState::Paused) => self.state.offer(Severity::Info, Sentence::Paused),
            (RunState::Paused, RunState::Running) => self.state.offer(Severity::Info, Sentence::Resumed),
            (RunState::Running | RunState::Paused, RunState::Stopped) => {
                self.state.offer(Severity::Warning, Sentence::Stopped);
            }
            _ => {}
        }
        if aimed.is_some_and(|aimed| aimed != Aim(pulse.rate)) {
            self.aim.offer(Severity::Info, Sentence::Rate(pulse.rate));
        }
        match (before.rush, pulse.rush) {
            (false, true) => self.rush.offer(Severity::Info, Sentence::RushBegan),
            (true, false) => self.rush.offer(Severity::Info, Sentence::RushEnded),
            _ => {}
        }
        let lacking = |names: &[String], others: &[String]| -> Vec<String> {
            names
                .iter()
                .filter(|name| live && before.speed > 0.0 && !others.contains(name))
                .cloned()
                .collect()
        };
        let names = lacking(&pulse.campaigns, &before.campaigns);
        if !names.is_empty() {
            self.campaigns_began.offer(Severity::Info, Sentence::CampaignsBegan { names });
        }
        let names = lacking(&before.campaigns, &pulse.campaigns);
        if !names.is_empty() {
            self.campaigns_ended.offer(Severity::Info, Sentence::CampaignsEnded { names });
        }
        if before.speed > 0.0 && !live {
            self.filling.offer(Severity::Info, Sentence::Filling);
        }
    }

    fn compare_lives(&mut self, groups: &[GroupState]) {
        let mut views = groups.iter().filter_map(|group| match group.trouble {
            Some(Sentence::NobodyRuns { view, .. }) => Some(view),
            _ => None,
        });
        let first = views.next();
        let others = views.count();
        let before = std::mem::replace(&mut self.unattended, first.map_or(0, |_| 1 + others));
        match first {
            Some(view) if self.unattended > before => {
                self.nobody.offer(Severity::Error, Sentence::NobodyRuns { view, others });
            }
            None if before > 0 => self.nobody.offer(Severity::Info, Sentence::RunAgain),
            _ => {}
        }
    }

    fn compare_lag(&mut self, groups: &[GroupState], orders_per_second: f64, now: Instant) {
        let limit = |(seconds, least): (f64, f64)| (orders_per_second * seconds).max(least);
        let Some(worst) = groups.iter().max_by_key(|group| group.lag) else { return };
        let lag = worst.lag as f64;
        if lag <= limit(FAR) {
            self.far = None;
        }
        if !self.behind && lag > limit(FAR) {
            let since = *self.far.get_or_insert(now);
            if now.saturating_duration_since(since) >= LASTS {
                self.behind = true;
                let sentence = Sentence::Behind { view: worst.view, records: worst.lag };
                self.lag.offer(Severity::Warning, sentence);
            }
        } else if self.behind && lag <= limit(NEAR) {
            self.behind = false;
            self.lag.offer(Severity::Info, Sentence::CaughtUp);
        }
    }
}

#[cfg(test)]
mod tests;
