//! The chart of the day so far: from 00:00 to a round hour that is still to come.

use chrono::Timelike;
use ratatui::{buffer::Buffer, layout::Rect, style::Style};

use super::{
    Scene,
    chart::{Bar, Chart, Frame, column_of, fine_columns, round_top},
    text,
};
use crate::views::shop_figures::SLOT_SECONDS;

/// Slots in an hour.
const HOUR: usize = 12;
const _: () = assert!(SLOT_SECONDS * 12 == 3600);

/// Slots of the longest day: 25 hours, at the end of daylight saving time.
const LONGEST_DAY: usize = 25 * HOUR;

/// Hours at which the axis may end: the axis grows during the day, so that the chart is always well filled.
const ENDS: [usize; 4] = [3, 6, 12, 24];

/// Maps the day's five-minute slots to the columns of a chart.
///
/// A column shows the mean of the slots that it covers, so that the chart fills the width, and the unit is five minutes
/// at any width.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct DayPlan {
    /// The first slot of the axis.
    from: usize,
    /// Slots of the axis.
    axis: usize,
    /// Slots of the axis that have begun.
    begun: usize,
    /// Fine columns of the whole axis.
    fine: usize,
}

impl DayPlan {
    fn new(scene: &Scene<'_>, width: u16) -> Self {
        let figures = &scene.shop.figures;
        let start = scene.shop.zone.start_of(figures.today);
        let end = scene.shop.zone.end_of(figures.today);
        // The last date of the calendar has no computable end.
        let day = slots_between(start, end).clamp(HOUR, LONGEST_DAY);
        let begun = (slots_between(start, figures.shop_second) + 1).min(day);
        Self::fit(begun, day, fine_columns(scene.marks, width))
    }

    /// The plan for the last `axis` slots only; a younger day starts at the left edge.
    fn last(self, axis: usize) -> Self {
        let from = self.begun.saturating_sub(axis);
        Self { from, axis, begun: self.begun - from, ..self }
    }

    fn fit(begun: usize, day: usize, fine: usize) -> Self {
        // The last end is the day's own: 23, 24 or 25 hours.
        let ends = ENDS.map(|hours| hours * HOUR);
        let axis = ends.into_iter().find(|end| *end >= begun && *end < day).unwrap_or(day);
        Self { from: 0, axis, begun, fine }
    }

    /// Fine columns that have begun.
    fn columns(self) -> usize {
        (self.begun * self.fine).div_ceil(self.axis)
    }

    /// The mean slot of a column, and whether it includes the slot in progress.
    fn mean(self, slots: &[f64], column: usize) -> (f64, bool) {
        // In units of which a slot has `fine` and a column `axis`, all edges are integers.
        let (from, to) = (column * self.axis, ((column + 1) * self.axis).min(self.begun * self.fine));
        let first = from / self.fine;
        let last = to.div_ceil(self.fine).min(self.begun);
        let sum: f64 = (first..last)
            .map(|slot| {
                let covered = to.min((slot + 1) * self.fine).saturating_sub(from.max(slot * self.fine));
                slots.get(slot).copied().unwrap_or(0.0) * covered as f64
            })
            .sum();
        (sum / to.saturating_sub(from).max(1) as f64, last == self.begun)
    }
}

/// The number of slots between two seconds.
fn slots_between(from: i64, to: i64) -> usize {
    usize::try_from(to.saturating_sub(from).div_euclid(SLOT_SECONDS)).unwrap_or(0)
}

/// A day in five-minute slots, and the day before at the same clock times; empty if that is not fully known.
pub(super) struct Slots {
    today: Vec<f64>,
    yesterday: Vec<f64>,
}

impl Slots {
    /// By orders.
    pub(super) fn orders(scene: &Scene<'_>) -> Self {
        let figures = &scene.shop.figures;
        let count = |orders: &[u64]| orders.iter().map(|orders| *orders as f64).collect();
        let before = figures.whole_yesterday().map(|day| count(&day.orders));
        Self::by_clock(scene, count(&figures.orders_by_slot), before.unwrap_or_default())
    }

    /// By sales, in kronor.
    pub(super) fn sales(scene: &Scene<'_>) -> Self {
        let figures = &scene.shop.figures;
        let kronor = |ore: &[i64]| ore.iter().map(|ore| (*ore).max(0) as f64 / 100.0).collect();
        let before = figures.whole_yesterday().map(|day| kronor(&day.sales_ore));
        Self::by_clock(scene, kronor(&figures.sales_by_slot), before.unwrap_or_default())
    }

    /// The index of the slot in progress, and today's and yesterday's sums up to it; `None` if yesterday is unknown or
    /// had no sales by then.
    pub(super) fn against_yesterday(&self) -> Option<(usize, f64, f64)> {
        let slot = self.today.len().checked_sub(1)?;
        let sum = |slots: &[f64]| slots.iter().take(slot).sum::<f64>();
        let yesterday = Some(sum(&self.yesterday)).filter(|sum| *sum > 0.0)?;
        Some((slot, sum(&self.today), yesterday))
    }

    /// Maps yesterday's slots to today's by clock time, if one of the days has a clock change.
    fn by_clock(scene: &Scene<'_>, today: Vec<f64>, before: Vec<f64>) -> Self {
        let (figures, zone) = (&scene.shop.figures, scene.shop.zone);
        let start = zone.start_of(figures.today);
        let day = slots_between(start, zone.end_of(figures.today)).min(LONGEST_DAY);
        if before.is_empty() || before.len() == day {
            return Self { today, yesterday: before };
        }
        let first = zone.start_of(figures.today.pred_opt().unwrap_or(figures.today));
        let same_time = |slot: usize| {
            let second = start.saturating_add(i64::try_from(slot).unwrap_or(0) * SLOT_SECONDS);
            let clock = figures.today.pred_opt()?.and_time(zone.at(second).time());
            before.get(slots_between(first, zone.resolve(clock).div_euclid(1000))).copied()
        };
        let yesterday = (0..day).map(|slot| same_time(slot).unwrap_or(0.0)).collect();
        Self { today, yesterday }
    }
}

/// The legend of a day's chart: `─ yesterday  kr/5 min`, or the part of it that fits into `room`.
pub(super) fn legend(scene: &Scene<'_>, slots: &Slots, unit: &str, room: u16) -> String {
    let yesterday = format!("{} {}", scene.marks.line[1], scene.words.yesterday);
    let unit = format!("{unit}/5 min");
    let forms = if slots.yesterday.is_empty() {
        vec![unit]
    } else {
        vec![format!("{yesterday}  {unit}"), yesterday, unit]
    };
    forms.into_iter().find(|form| text::columns(form) <= room).unwrap_or_default()
}

/// A chart of the day, ready to draw.
pub(super) struct DayChart {
    frame: Frame,
    plan: DayPlan,
    /// The mean of each column, and whether its slot is still in progress.
    columns: Vec<(f64, bool)>,
    /// Yesterday's mean for each column of the axis, at the same time; empty if unknown.
    yesterday: Vec<f64>,
}

impl DayChart {
    /// The chart of the day's slots in an area, with yesterday behind; `count` restricts it to the last ones.
    pub(super) fn new(scene: &Scene<'_>, area: Rect, count: Option<usize>, slots: &Slots) -> Self {
        let frame = Frame::of(area);
        let mut plan = DayPlan::new(scene, frame.bars.width);
        if let Some(count) = count {
            plan = plan.last(count.max(1));
        }
        let from = |slots: &[f64]| slots.iter().skip(plan.from).copied().collect::<Vec<f64>>();
        let today = from(&slots.today);
        let columns = (0..plan.columns()).map(|column| plan.mean(&today, column)).collect();
        let (whole, before) = (DayPlan { begun: plan.axis, ..plan }, from(&slots.yesterday));
        let yesterday = if slots.yesterday.is_empty() { 0 } else { whole.columns() };
        let yesterday = (0..yesterday).map(|column| whole.mean(&before, column).0).collect();
        Self { frame, plan, columns, yesterday }
    }

    /// Draws the bars, those in progress in their own style, yesterday behind them, and the hours below.
    pub(super) fn draw(&self, scene: &Scene<'_>, [closed, open]: [Style; 2], buf: &mut Buffer) {
        let bar = |&(value, is_open): &(f64, bool)| Bar {
            value,
            style: if is_open { open } else { closed },
            expected: None,
        };
        let bars: Vec<Bar> = self.columns.iter().map(bar).collect();
        let highest =
            bars.iter().map(|bar| bar.value).chain(self.yesterday.iter().copied()).fold(0.0, f64::max);
        let chart = Chart {
            bars: &bars,
            places: self.plan.fine,
            top: round_top(highest),
            behind: &self.yesterday,
            level: None,
        };
        chart.draw(scene, &self.frame, buf);
        self.draw_hours(scene, self.frame.below, buf);
    }

    fn draw_hours(&self, scene: &Scene<'_>, area: Rect, buf: &mut Buffer) {
        let plan = self.plan;
        let start = scene.shop.zone.start_of(scene.shop.figures.today);
        let every = minutes_between_labels(plan, area.width);
        let cell_of = |slot| u16::try_from(column_of(slot, plan.axis, area.width.into())).unwrap_or(u16::MAX);
        let mut free = 0;
        for slot in 0..plan.axis {
            let second = start.saturating_add(i64::try_from(plan.from + slot).unwrap_or(0) * SLOT_SECONDS);
            // The calendar ends here.
            if scene.shop.zone.date(second) < scene.shop.figures.today {
                break;
            }
            let time = scene.shop.zone.at(second);
            if !(time.hour() * 60 + time.minute()).is_multiple_of(every) {
                continue;
            }
            let label = if every < 60 {
                format!("{:02}:{:02}", time.hour(), time.minute())
            } else {
                format!("{:02}", time.hour())
            };
            let (x, wide) = (cell_of(slot), text::columns(&label));
            // An hour that occurs twice is labelled once.
            if x >= free && x.saturating_add(wide) <= area.width {
                text::left(text::right_of(area, x), &label, scene.theme.dim, buf);
                free = x + wide + 1;
            }
        }
    }
}

/// Minutes between two labels of the axis.
fn minutes_between_labels(plan: DayPlan, width: u16) -> u32 {
    let wide = width >= 70;
    match (plan.axis / HOUR, plan.from) {
        (0..=1, _) if wide => 5,
        (0..=1, _) => 15,
        (..=3, 1..) if wide => 15,
        (..=6, 1..) if wide => 30,
        (..=3, _) => 60,
        (4..=6, _) | (7..=12, 1..) if wide => 60,
        (4..=6, _) => 120,
        (7..=12, _) if wide => 120,
        (7..=12, _) => 180,
        _ if wide => 180,
        _ => 360,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_axis_grows_with_the_day() {
        assert_eq!(DayPlan::fit(1, 288, 76).axis, 36);
        assert_eq!(DayPlan::fit(37, 288, 76).axis, 72);
        assert_eq!(DayPlan::fit(145, 288, 76).axis, 288);
        assert_eq!(DayPlan::fit(276, 276, 76).axis, 276);
        assert_eq!(DayPlan::fit(300, 300, 76).axis, 300);
    }

    proptest! {
        #[test]
        fn columns_are_means_and_lose_nothing(
            begun in 1_usize..=300, long in 0_usize..3, fine in 1_usize..500, seed: u64,
        ) {
            let day = [276, 288, 300][long];
            let begun = begun.min(day);
            let slots: Vec<f64> = (0..begun).map(|i| ((seed >> (i % 57)) & 0xff) as f64).collect();
            let plan = DayPlan::fit(begun, day, fine);
            // The area under the columns is the sum of the slots; only the last column may be cut short.
            let wide = plan.axis as f64 / fine as f64;
            let area: f64 = (0..plan.columns())
                .map(|column| {
                    let begun_part = (begun as f64 - column as f64 * wide).min(wide);
                    plan.mean(&slots, column).0 * begun_part
                })
                .sum();
            prop_assert!((area - slots.iter().sum::<f64>()).abs() < 1e-6);
            prop_assert!(plan.columns() <= fine);
            let open: Vec<bool> = (0..plan.columns()).map(|column| plan.mean(&slots, column).1).collect();
            prop_assert!(open.is_sorted() && open.last() == Some(&true));
        }
    }
}
