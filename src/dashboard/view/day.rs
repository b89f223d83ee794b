//! The chart of the day so far: from 00:00 to a round hour that is still to come.

use chrono::Timelike;
use ratatui::{buffer::Buffer, layout::Rect, style::Style};

use super::{
    Scene,
    chart::{Bar, Chart, columns_a_cell, fine_columns, round_top},
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

/// How the slots of a day are laid out over the columns of a chart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct DayPlan {
    /// Slots of the whole axis.
    axis: usize,
    /// Slots that have begun.
    begun: usize,
    /// Slots added up in one bar.
    group: usize,
    /// Fine columns to a bar.
    wide: usize,
}

impl DayPlan {
    /// The plan for charts of `width` cells.
    pub(super) fn new(scene: &Scene<'_>, width: u16) -> Self {
        let figures = &scene.shop.figures;
        let start = scene.shop.zone.start_of(figures.today);
        let end = scene.shop.zone.end_of(figures.today);
        // A date at the end of the calendar has no end of its own.
        let day = slots(end.saturating_sub(start).saturating_sub(1)).clamp(HOUR, LONGEST_DAY);
        let begun = slots(figures.shop_second.saturating_sub(start)).min(day);
        Self::fit(begun, day, fine_columns(scene.marks, width))
    }

    fn fit(begun: usize, day: usize, fine: usize) -> Self {
        // The last end is the day's own, which daylight saving moves by an hour.
        let axis =
            ENDS.map(|hours| hours * HOUR).into_iter().find(|end| *end >= begun && *end < day).unwrap_or(day);
        let group = axis.div_ceil(fine.max(1)).max(1);
        let wide = (fine / axis.div_ceil(group).max(1)).max(1);
        Self { axis, begun, group, wide }
    }

    /// Adds up slots to bars.
    fn sums(self, slots: impl Iterator<Item = f64>) -> Vec<f64> {
        let slots: Vec<f64> = slots.take(self.begun).collect();
        let mut sums: Vec<f64> = slots.chunks(self.group).map(|chunk| chunk.iter().sum()).collect();
        sums.resize(self.begun.div_ceil(self.group), 0.0);
        sums
    }
}

/// Slots that have begun at a second of the day, the first one at 00:00.
fn slots(second: i64) -> usize {
    usize::try_from(second.div_euclid(SLOT_SECONDS).saturating_add(1)).unwrap_or(0)
}

/// A chart of the day, ready to draw.
pub(super) struct DayChart {
    plan: DayPlan,
    sums: Vec<f64>,
    top: f64,
}

impl DayChart {
    pub(super) fn new(plan: DayPlan, slots: impl Iterator<Item = f64>) -> Self {
        let sums = plan.sums(slots);
        let top = round_top(sums.iter().copied().fold(0.0, f64::max));
        Self { plan, sums, top }
    }

    /// The value of a bar of full height.
    pub(super) fn top(&self) -> f64 {
        self.top
    }

    /// `0–150 per 20 min`: the scale, and the time that one bar stands for.
    pub(super) fn note(&self, scene: &Scene<'_>, top: &str) -> String {
        let minutes = self.plan.group * 5;
        let time =
            if minutes.is_multiple_of(60) { format!("{} h", minutes / 60) } else { format!("{minutes} min") };
        format!("0{}{top} {} {time}", scene.marks.to, scene.words.per)
    }

    /// Draws the bars, the last one in the style of a time that is not over, and the hours below.
    pub(super) fn draw(&self, scene: &Scene<'_>, area: Rect, styles: [Style; 2], buf: &mut Buffer) {
        let [closed, open] = styles;
        let last = self.sums.len().saturating_sub(1);
        let bars: Vec<Bar> = self
            .sums
            .iter()
            .enumerate()
            .map(|(index, &value)| Bar { value, style: if index == last { open } else { closed } })
            .collect();
        // The hours are worth a row where the bars keep two.
        let axis_rows = u16::from(area.height >= 3);
        let bars_area = Rect { height: area.height - axis_rows, ..area };
        Chart { bars: &bars, wide: self.plan.wide, gap: 0, top: self.top, level: None }
            .draw(scene, bars_area, buf);
        if axis_rows == 1 {
            self.draw_hours(scene, text::row(area, area.height - 1), buf);
        }
    }

    fn draw_hours(&self, scene: &Scene<'_>, area: Rect, buf: &mut Buffer) {
        let start = scene.shop.zone.start_of(scene.shop.figures.today);
        let every: u32 = match self.plan.axis / HOUR {
            0..=3 => 1,
            4..=6 => 2,
            7..=12 => 3,
            _ => 6,
        };
        let every = if area.width >= 70 { every.div_ceil(2) } else { every };
        let cell_of = |slot: usize| {
            let cell = slot / self.plan.group * self.plan.wide / columns_a_cell(scene.marks);
            u16::try_from(cell).unwrap_or(u16::MAX)
        };
        let mut free = 0;
        for slot in 0..self.plan.axis {
            let second = start.saturating_add(i64::try_from(slot).unwrap_or(0) * SLOT_SECONDS);
            let time = scene.shop.zone.at(second);
            if time.minute() != 0 || !time.hour().is_multiple_of(every) {
                continue;
            }
            let x = cell_of(slot);
            // An hour that comes twice is written once.
            if x >= free && x.saturating_add(2) <= area.width {
                text::left(text::right_of(area, x), &format!("{:02}", time.hour()), scene.theme.dim, buf);
                free = x + 3;
            }
        }
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
        fn nothing_is_lost_between_slots_and_bars(begun in 0_usize..=300, long in 0_usize..3, fine in 0_usize..500, seed: u64) {
            let day = [276, 288, 300][long];
            let begun = begun.min(day);
            let slots: Vec<f64> = (0..begun).map(|i| ((seed >> (i % 60)) & 0xff) as f64).collect();
            let plan = DayPlan::fit(begun, day, fine);
            let sums = plan.sums(slots.iter().copied());
            prop_assert!((sums.iter().sum::<f64>() - slots.iter().sum::<f64>()).abs() < 1e-6);
            prop_assert!(plan.axis.div_ceil(plan.group) * plan.wide <= fine.max(1));
            prop_assert!(sums.len() <= plan.axis.div_ceil(plan.group));
        }
    }
}
