//! All views of the consumers, as far as they have come.

use std::{any::Any, fmt};

use crate::{
    consumers::{Consumer, DailyReport, Name, PartFigures, Visitor},
    shop::Zone,
    views::Event,
};

/// What was counted beside the views.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Counts {
    /// Valid orders, each once.
    pub(super) orders: u64,
    /// Handled orders.
    pub(super) handled: u64,
    /// Orders that came again.
    pub(super) duplicates: u64,
    /// Records of the orders that are no valid orders.
    pub(super) dead_letters: u64,
}

/// The views at a moment.
pub(super) struct Replay {
    until: i64,
    views: Vec<Box<dyn Replayed>>,
}

/// A view of any type.
trait Replayed: Send {
    fn apply(&mut self, event: &Event, zone: Zone);
    fn tidy(&mut self, now: i64, zone: Zone);
    fn figures(&self, now: i64, zone: Zone) -> PartFigures;
    fn copy(&self) -> Box<dyn Replayed>;
    fn as_any(&self) -> &dyn Any;
}

impl<V: Consumer> Replayed for V {
    fn apply(&mut self, event: &Event, zone: Zone) {
        V::apply(self, event, zone);
    }

    fn tidy(&mut self, now: i64, zone: Zone) {
        self.advance(now, zone);
        // Without checkpoints, tracked changes are dropped.
        for (_, table) in self.tables() {
            table.changes();
        }
    }

    fn figures(&self, now: i64, zone: Zone) -> PartFigures {
        V::figures(self, now, zone).into()
    }

    fn copy(&self) -> Box<dyn Replayed> {
        Box::new(self.clone())
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}

/// Makes the view of a consumer.
struct Begin;

impl Visitor for Begin {
    type Done = Option<Box<dyn Replayed>>;

    fn view<V: Consumer>(self) -> Self::Done {
        Some(Box::new(V::default()))
    }

    fn handling(self) -> Self::Done {
        None
    }
}

impl Default for Replay {
    fn default() -> Self {
        // The figures of the journal are the feed, which is made of the records themselves.
        let names = Name::ALL.into_iter().filter(|name| *name != Name::Journal);
        let views = names.filter_map(|name| name.visit(Begin));
        Self { until: i64::MIN, views: views.collect() }
    }
}

impl Clone for Replay {
    fn clone(&self) -> Self {
        Self { until: self.until, views: self.views.iter().map(|view| view.copy()).collect() }
    }
}

impl fmt::Debug for Replay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Replay").field("until", &self.until).finish_non_exhaustive()
    }
}

impl Replay {
    /// The second up to which everything was applied.
    pub(super) fn until(&self) -> i64 {
        self.until
    }

    pub(super) fn apply(&mut self, event: &Event, zone: Zone) {
        for view in &mut self.views {
            view.apply(event, zone);
        }
    }

    /// Notes up to which second it is applied.
    pub(super) fn reach(&mut self, until: i64) {
        self.until = until;
    }

    /// Forgets what no figure needs from here on.
    pub(super) fn tidy(&mut self, zone: Zone) {
        for view in &mut self.views {
            view.tidy(self.until, zone);
        }
    }

    pub(super) fn figures(&self, moment: i64, zone: Zone) -> Vec<PartFigures> {
        self.views.iter().map(|view| view.figures(moment, zone)).collect()
    }

    pub(super) fn daily_report(&self) -> Option<&DailyReport> {
        self.views.iter().find_map(|view| view.as_any().downcast_ref())
    }
}
