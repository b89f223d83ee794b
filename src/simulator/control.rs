//! Requests to a running simulator.

use super::{
    backfill_or_live::Phase,
    clock::Moment,
    options::{Pace, Rate},
    run::Simulator,
    rush::to_midnight,
};
use crate::shop::{Control, pulse::RunState};

impl Simulator {
    /// Does what is asked for, where it can be done.
    pub(super) fn ask(&mut self, ask: Control, now: Moment) {
        let selling = self.state == RunState::Running && self.phase == Phase::Live;
        match ask {
            Control::Pause => self.state = RunState::Paused,
            Control::Resume => self.state = RunState::Running,
            Control::Rate { rate } if rate.is_finite() && rate > 0.0 => {
                self.rate = Rate::PerSecond(rate);
                self.set_mean_gap();
            }
            Control::Rush if selling && self.pace != Pace::Real && self.rate != Rate::Max => {
                self.rush.begin(now.instant);
                self.set_mean_gap();
            }
            Control::ToMidnight if selling => {
                let complete_ms = self.writer.model.complete_ms();
                let Some(phase) = to_midnight(self.zone, complete_ms, self.pace, self.rate) else { return };
                self.phase = phase;
                self.then_live = true;
                self.set_mean_gap();
            }
            // An invalid rate, or not possible now.
            Control::Rate { .. } | Control::Rush | Control::ToMidnight => return,
        }
        self.clock.set_going(self.state == RunState::Running && self.phase == Phase::Live, now);
        self.pulse_timer.change();
    }

    /// Ends a rush whose time is over.
    pub(super) fn end_rush(&mut self, now: Moment) {
        if self.rush.ends(now.instant) {
            self.set_mean_gap();
            self.pulse_timer.change();
        }
    }

    /// Customers come as often as phase, rate and rush say.
    pub(super) fn set_mean_gap(&mut self) {
        let gap = self.phase.mean_gap_ms(self.pace, self.rush.rate(self.rate));
        self.writer.model.set_mean_gap(gap);
    }
}
