//! Earlier days and today side by side: what was sold, and where today is heading.

use chrono::{Datelike, NaiveDate};
use ratatui::{
    buffer::Buffer,
    layout::Rect,
    text::{Line, Span},
    widgets::Widget,
};

use crate::dashboard::{
    marks::Grain,
    view::{
        Scene,
        chart::{Bar, Chart, columns_a_cell, round_top},
        number, text,
    },
};

/// Seconds of a day that has just begun tell nothing of its pace.
const PACE_FROM: i64 = 3600;

/// Columns of a day with the blank after it, at the least and at the most.
const DAY: std::ops::RangeInclusive<u16> = 2..=6;

/// Sales by day.
pub(in crate::dashboard::view) struct Days {
    /// Closed days, oldest first, kronor.
    closed: Vec<(NaiveDate, f64)>,
    /// Today so far, and what the whole day comes to if it goes on as it did; kronor. The first hour tells nothing of it.
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
        // A date at the end of the calendar has no end of its own.
        let day = (end.saturating_sub(start) as f64).clamp(open, 25.0 * 3600.0_f64.max(open));
        Self {
            closed: figures.reports.iter().map(|note| (note.date, kronor(note.sales_ore))).collect(),
            today: (figures.today, so_far, pace_is_known.then_some(so_far / open * day)),
        }
    }

    /// The mean of the closed days that are shown; one day has none.
    fn mean(shown: &[(NaiveDate, f64)]) -> Option<f64> {
        (shown.len() > 1).then(|| shown.iter().map(|(_, kronor)| kronor).sum::<f64>() / shown.len() as f64)
    }

    /// Draws the days that there is room for, today last and its pace behind it.
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
        // A narrow title has no room for it.
        let pace_below = pace_line.width() > 0
            && usize::from(body.width) < pace_line.width() + usize::from(text::columns(words.days)) + 4;
        let wide = (body.width / 15).clamp(*DAY.start(), *DAY.end());
        let room = usize::from((body.width / wide).saturating_sub(1));
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
        let axis_rows = u16::from(rest.height >= 3);
        let bars_area = Rect { height: rest.height - axis_rows, ..rest };
        let top = round_top(shown.iter().map(|(_, value)| *value).fold(pace.max(so_far), f64::max));
        let a_cell = columns_a_cell(scene.marks);
        let wide_fine = usize::from(wide) * a_cell;
        let chart = |bars: &[Bar], level, area, buf: &mut Buffer| {
            let ground = bars.len() * wide_fine;
            Chart { bars, wide: wide_fine - a_cell, gap: a_cell, top, level, ground }.draw(scene, area, buf);
        };
        let closed: Vec<Bar> = shown.iter().map(|&(_, value)| Bar { value, style: theme.money }).collect();
        chart(&closed, mean, bars_area, buf);
        // What today has stands before what it comes to.
        let today_area =
            text::right_of(bars_area, wide.saturating_mul(u16::try_from(closed.len()).unwrap_or(0)));
        chart(&[Bar { value: pace.max(so_far), style: theme.money_open }], None, today_area, buf);
        chart(&[Bar { value: so_far, style: theme.money }], None, today_area, buf);
        join(scene, today_area, buf);
        if axis_rows == 1 {
            let axis = text::row(rest, rest.height - 1);
            let dates: Vec<NaiveDate> = shown.iter().map(|(date, _)| *date).chain([today]).collect();
            draw_dates(scene, axis, wide, &dates, buf);
        }
    }
}

/// Where a bar ends within a cell, what stands behind it goes on.
fn join(scene: &Scene<'_>, area: Rect, buf: &mut Buffer) {
    let (front, behind) = (scene.theme.money.fg, scene.theme.money_open.fg);
    for above in area.positions().filter(|above| above.y + 1 < area.bottom()) {
        let is_behind = buf.cell(above).is_some_and(|cell| behind.is_some() && cell.style().fg == behind);
        if let Some(cell) = buf.cell_mut((above.x, above.y + 1))
            && is_behind
            && cell.style().fg == front
            && let Some(behind) = behind.filter(|_| scene.marks.grain != Grain::Braille)
        {
            cell.set_bg(behind);
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
