//! Earlier days and today side by side: what was sold, and where today is heading.

use chrono::{Datelike, NaiveDate};
use ratatui::{
    buffer::Buffer,
    layout::Rect,
    text::{Line, Span},
    widgets::Widget,
};

use crate::dashboard::view::{
    Scene,
    chart::{Bar, Chart, columns_a_cell, fine_columns, round_top},
    number, text,
};

/// Seconds of a day that has just begun tell nothing of its pace.
const PACE_FROM: i64 = 3600;

/// Columns of a day with the blank after it, at the least and at the most.
const DAY: std::ops::RangeInclusive<u16> = 2..=6;

/// Sales by day.
pub(in crate::dashboard::view) struct Days {
    /// Closed days, oldest first, kronor.
    closed: Vec<(NaiveDate, f64)>,
    /// Today so far, and what the whole day comes to if it goes on as it did; kronor.
    today: (NaiveDate, f64, f64),
}

impl Days {
    pub(in crate::dashboard::view) fn of(scene: &Scene<'_>) -> Self {
        let (figures, zone) = (&scene.shop.figures, scene.shop.zone);
        let kronor = |ore: i64| ore.max(0) as f64 / 100.0;
        let (start, end) = (zone.start_of(figures.today), zone.end_of(figures.today));
        let open = figures.shop_second.saturating_sub(start).max(PACE_FROM) as f64;
        let so_far = kronor(figures.sales_today_ore);
        // A date at the end of the calendar has no end of its own.
        let day = (end.saturating_sub(start) as f64).clamp(open, 25.0 * 3600.0_f64.max(open));
        Self {
            closed: figures.reports.iter().map(|note| (note.date, kronor(note.sales_ore))).collect(),
            today: (figures.today, so_far, so_far / open * day),
        }
    }

    /// The mean of the closed days that are shown.
    fn mean(shown: &[(NaiveDate, f64)]) -> Option<f64> {
        (!shown.is_empty()).then(|| shown.iter().map(|(_, kronor)| kronor).sum::<f64>() / shown.len() as f64)
    }

    /// Draws the days that there is room for, today last and its pace behind it.
    pub(in crate::dashboard::view) fn draw(&self, scene: &Scene<'_>, area: Rect, buf: &mut Buffer) {
        let (words, theme) = (&scene.words.pages, scene.theme);
        let (today, so_far, pace) = self.today;
        let figure = |kronor: f64| number::whole_kronor(number::whole(kronor), 13);
        let note = Line::from(vec![
            Span::styled(format!("{} ", words.pace), theme.dim),
            Span::styled(figure(pace), theme.money),
        ]);
        let body = text::title(scene, area, words.days, &note, buf);
        let wide = (body.width / 15).clamp(*DAY.start(), *DAY.end());
        // Today takes two: what it has, and what it comes to.
        let room = usize::from((body.width / wide).saturating_sub(2));
        let shown = self.closed.get(self.closed.len().saturating_sub(room)..).unwrap_or_default();
        let mean = Self::mean(shown);
        if shown.is_empty() {
            text::left(text::row(body, 0), words.no_days, theme.dim, buf);
            return;
        }

        let mut rest = body;
        if body.height >= 5
            && let Some(mean) = mean
        {
            let line = Line::from(vec![
                Span::styled(format!("{} {} ", scene.marks.level, scene.words.mean), theme.dim),
                Span::styled(figure(mean), theme.strong),
            ]);
            line.render(text::row(body, 0), buf);
            rest = text::below(body, 1);
        }
        let axis_rows = u16::from(rest.height >= 3);
        let mut bars: Vec<Bar> = shown.iter().map(|&(_, value)| Bar { value, style: theme.money }).collect();
        bars.push(Bar { value: so_far, style: theme.strong });
        bars.push(Bar { value: pace, style: theme.money_open });
        let top = round_top(bars.iter().map(|bar| bar.value).fold(0.0, f64::max));
        let a_cell = columns_a_cell(scene.marks);
        let (gap, wide_fine) = (a_cell, usize::from(wide) * a_cell);
        let ground = bars.len() * wide_fine;
        Chart {
            bars: &bars,
            wide: wide_fine - gap,
            gap,
            top,
            level: mean,
            ground: ground.min(fine_columns(scene.marks, rest.width)),
        }
        .draw(scene, Rect { height: rest.height - axis_rows, ..rest }, buf);
        if axis_rows == 1 {
            let axis = text::row(rest, rest.height - 1);
            let dates: Vec<NaiveDate> = shown.iter().map(|(date, _)| *date).chain([today]).collect();
            draw_dates(scene, axis, wide, &dates, buf);
        }
    }
}

/// The day of the month below each bar where there is room, else below each Monday.
fn draw_dates(scene: &Scene<'_>, axis: Rect, wide: u16, dates: &[NaiveDate], buf: &mut Buffer) {
    let last = dates.len().saturating_sub(1);
    for (index, date) in dates.iter().enumerate() {
        let x = u16::try_from(index).unwrap_or(u16::MAX).saturating_mul(wide);
        let style = if index == last { scene.theme.strong } else { scene.theme.dim };
        let day = date.day().to_string();
        // Where days are narrow, Mondays alone have room.
        let monday = date.weekday() == chrono::Weekday::Mon && index + 2 < last;
        if wide >= 3 || index == last || monday {
            text::left(text::right_of(axis, x), &day, style, buf);
        }
    }
}
