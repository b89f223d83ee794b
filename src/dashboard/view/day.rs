//! The chart of the day so far: from 00:00 to a round hour that is still to come.

use chrono::Timelike;
use ratatui::{buffer::Buffer, layout::Rect, style::Style};

use super::{
    Scene,
    chart::{Bar, Chart, fine_columns, round_top},
    text,
};
use crate::views::figures::SLOT_SECONDS;

/// Slots in an hour.
const HOUR: usize = 12;
const _: () = assert!(SLOT_SECONDS * 12 == 3600);

/// Slots of the longest day: daylight saving gives it 25 hours.
const LONGEST_DAY: usize = 25 * HOUR;

/// The hours that the axis may end at; it grows as the day does, so an early day fills the chart too.
const ENDS: [usize; 4] = [3, 6, 12, 24];

/// The day's slots of five minutes over the columns of a chart.
///
/// A column shows the mean of the slots that it covers, so that the whole width is used and the unit is
/// always five minutes, whatever the width.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct DayPlan {
    /// The first slot of the axis.
    from: usize,
    /// Slots of the whole axis.
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
        // A date at the end of the calendar has no end of its own.
        let day = slots(end.saturating_sub(start).saturating_sub(1)).clamp(HOUR, LONGEST_DAY);
        let begun = slots(figures.shop_second.saturating_sub(start)).min(day);
        Self::fit(begun, day, fine_columns(scene.marks, width))
    }

    /// The same day's last `axis` slots alone; a day that is younger begins at the left edge.
    fn last(self, axis: usize) -> Self {
        let from = self.begun.saturating_sub(axis);
        Self { from, axis, begun: self.begun - from, ..self }
    }

    fn fit(begun: usize, day: usize, fine: usize) -> Self {
        // The last end is the day's own, which daylight saving moves by an hour.
        let ends = ENDS.map(|hours| hours * HOUR);
        let axis = ends.into_iter().find(|end| *end >= begun && *end < day).unwrap_or(day);
        Self { from: 0, axis, begun, fine }
    }

    /// Fine columns that have begun.
    fn columns(self) -> usize {
        (self.begun * self.fine).div_ceil(self.axis)
    }

    /// The mean slot of a column, and whether the slot that is not over yet is part of it.
    fn mean(self, slots: &[f64], column: usize) -> (f64, bool) {
        // In units in which a slot is `fine` long and a column `axis`, all edges are whole numbers.
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

/// Slots that have begun at a second of the day, the first one at 00:00.
fn slots(second: i64) -> usize {
    usize::try_from(second.div_euclid(SLOT_SECONDS).saturating_add(1)).unwrap_or(0)
}

/// A chart of the day, ready to draw.
pub(super) struct DayChart {
    plan: DayPlan,
    /// The mean of each column, and whether it is not over yet.
    columns: Vec<(f64, bool)>,
    top: f64,
}

impl DayChart {
    /// The chart of the day's slots, `width` cells wide.
    pub(super) fn new(scene: &Scene<'_>, width: u16, slots: impl Iterator<Item = f64>) -> Self {
        Self::planned(DayPlan::new(scene, width), slots)
    }

    /// The chart of the day's last `count` slots.
    pub(super) fn last(
        scene: &Scene<'_>,
        width: u16,
        count: usize,
        slots: impl Iterator<Item = f64>,
    ) -> Self {
        Self::planned(DayPlan::new(scene, width).last(count.max(1)), slots)
    }

    fn planned(plan: DayPlan, slots: impl Iterator<Item = f64>) -> Self {
        let slots: Vec<f64> = slots.skip(plan.from).take(plan.begun).collect();
        let columns: Vec<_> = (0..plan.columns()).map(|column| plan.mean(&slots, column)).collect();
        let top = round_top(columns.iter().map(|(mean, _)| *mean).fold(0.0, f64::max));
        Self { plan, columns, top }
    }

    /// The value of a bar of full height.
    pub(super) fn top(&self) -> f64 {
        self.top
    }

    /// Draws the bars, those that are not over yet in a style of their own, and the hours below.
    pub(super) fn draw(&self, scene: &Scene<'_>, area: Rect, [closed, open]: [Style; 2], buf: &mut Buffer) {
        let bar = |&(value, is_open): &(f64, bool)| Bar { value, style: if is_open { open } else { closed } };
        let bars: Vec<Bar> = self.columns.iter().map(bar).collect();
        // The hours are worth a row where the bars keep two.
        let axis_rows = u16::from(area.height >= 3);
        let bars_area = Rect { height: area.height - axis_rows, ..area };
        let chart =
            Chart { bars: &bars, wide: 1, gap: 0, top: self.top, level: None, ground: self.plan.fine };
        chart.draw(scene, bars_area, buf);
        if axis_rows == 1 {
            self.draw_hours(scene, text::row(area, area.height - 1), buf);
        }
    }

    fn draw_hours(&self, scene: &Scene<'_>, area: Rect, buf: &mut Buffer) {
        let plan = self.plan;
        let start = scene.shop.zone.start_of(scene.shop.figures.today);
        let every = minutes_between_labels(plan, area.width);
        let cell_of =
            |slot: usize| u16::try_from(slot * usize::from(area.width) / plan.axis).unwrap_or(u16::MAX);
        let mut free = 0;
        for slot in 0..plan.axis {
            let second = start.saturating_add(i64::try_from(plan.from + slot).unwrap_or(0) * SLOT_SECONDS);
            // At its end the calendar has no more hours.
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
            // An hour that comes twice is written once.
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
