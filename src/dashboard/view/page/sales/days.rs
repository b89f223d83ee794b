//! Earlier days beside today: sales, and today's projection.

use chrono::{Datelike, NaiveDate};
use ratatui::{
    buffer::Buffer,
    layout::Rect,
    text::{Line, Span},
    widgets::Widget,
};

use crate::dashboard::view::{
    Scene,
    chart::{Bar, Chart, Frame, column_of, round_top},
    number, text,
};

/// The first seconds of a day say nothing about its pace.
const PACE_FROM: i64 = 3600;

/// The least and most columns of a day, including the blank after it.
const DAY: std::ops::RangeInclusive<u16> = 2..=6;

/// With fewer days the right of the chart stays empty: wider bars would not look like bars.
const FEWEST: usize = 5;

/// Sales by day.
pub(in crate::dashboard::view) struct Days {
    /// Closed days, oldest first, kronor.
    closed: Vec<(NaiveDate, f64)>,
    /// Today's sales so far, and projected at the present pace; kronor. No projection in the first hour.
    today: (NaiveDate, f64, Option<f64>),
}

impl Days {
    pub(in crate::dashboard::view) fn of(scene: &Scene<'_>) -> Self {
        let (figures, zone) = (&scene.shop.figures, scene.shop.zone);
        let kronor = |ore: i64| ore.max(0) as f64 / 100.0;
        let (start, end) = (zone.start_of(figures.today), zone.end_of(figures.today));
        let open = figures.shop_second.saturating_sub(start);
        let pace_is_known = open >= PACE_FROM;
        let open = open.max(PACE_FROM) as f64;
        let so_far = kronor(figures.sales_today_ore);
        // The last date of the calendar has no computable end.
        let day = (end.saturating_sub(start) as f64).clamp(open, 25.0 * 3600.0_f64.max(open));
        Self {
            closed: figures.reports.iter().map(|note| (note.date, kronor(note.sales_ore))).collect(),
            today: (figures.today, so_far, pace_is_known.then_some(so_far / open * day)),
        }
    }

    /// The mean of the visible closed days; `None` for fewer than two.
    fn mean(shown: &[(NaiveDate, f64)]) -> Option<f64> {
        (shown.len() > 1).then(|| shown.iter().map(|(_, kronor)| kronor).sum::<f64>() / shown.len() as f64)
    }

    /// Draws the days that fit, today last with its projection behind it.
    pub(in crate::dashboard::view) fn draw(&self, scene: &Scene<'_>, area: Rect, buf: &mut Buffer) {
        let (words, theme) = (&scene.words.pages, scene.theme);
        let (today, so_far, pace) = self.today;
        let line = |label: String, value: f64| {
            Line::from(vec![
                Span::styled(label, theme.dim),
                Span::styled(scene.numbers.whole_kronor(number::whole(value), 13), theme.strong),
            ])
        };
        let pace_line = pace.map(|pace| line(format!("{} ", words.pace), pace)).unwrap_or_default();
        let pace = pace.unwrap_or(so_far);
        let body = text::title(scene, area, words.days, &pace_line, buf);
        // A narrow title has no room for pace.
        let pace_below = pace_line.width() > 0
            && usize::from(body.width) < pace_line.width() + usize::from(text::columns(words.days)) + 4;
        let narrowest = (body.width / 15).clamp(*DAY.start(), *DAY.end());
        let room = usize::from((body.width / narrowest).saturating_sub(1));
        let shown = self.closed.get(self.closed.len().saturating_sub(room)..).unwrap_or_default();
        let mean = Self::mean(shown);
        if shown.is_empty() {
            text::left(text::row(body, 0), words.no_days, theme.dim, buf);
            return;
        }

        let mut rest = body;
        let mean_line = mean.map(|mean| line(format!("{} {} ", scene.marks.level, scene.words.mean), mean));
        for line in mean_line.into_iter().chain(pace_below.then_some(pace_line)) {
            if rest.height >= 5 {
                line.render(text::row(rest, 0), buf);
                rest = text::below(rest, 1);
            }
        }
        let top = round_top(shown.iter().map(|(_, value)| *value).fold(pace.max(so_far), f64::max));
        let closed = shown.iter().map(|&(_, value)| Bar { value, style: theme.money, expected: None });
        let open = Bar { value: so_far, style: theme.money, expected: Some((pace, theme.money_open)) };
        let bars: Vec<Bar> = closed.chain([open]).collect();
        let places = bars.len().max(FEWEST);
        let frame = Frame::of(rest);
        Chart { bars: &bars, places, top, level: mean, behind: &[] }.draw(scene, &frame, buf);
        let dates: Vec<NaiveDate> = shown.iter().map(|(date, _)| *date).chain([today]).collect();
        draw_dates(scene, frame.below, places, &dates, buf);
    }
}

/// The day of the month below each bar if there is room, otherwise below each Monday.
fn draw_dates(scene: &Scene<'_>, axis: Rect, places: usize, dates: &[NaiveDate], buf: &mut Buffer) {
    let wide = usize::from(axis.width) / places;
    let last = dates.len().saturating_sub(1);
    for (index, date) in dates.iter().enumerate() {
        let x = u16::try_from(column_of(index, places, axis.width.into())).unwrap_or(u16::MAX);
        let style = if index == last { scene.theme.strong } else { scene.theme.dim };
        let day = date.day().to_string();
        // If days are narrow, only Mondays have room.
        let monday = date.weekday() == chrono::Weekday::Mon && index + 2 < last;
        if wide >= 3 || index == last || monday {
            text::left(text::right_of(axis, x), &day, style, buf);
        }
    }
}
