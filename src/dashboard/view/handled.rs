//! Handled orders: how many in each window, and the two hours in slots of five minutes.

use chrono::Timelike;
use ratatui::{
    buffer::Buffer,
    layout::{Constraint, Layout, Rect},
    style::Style,
    text::{Line, Span},
    widgets::Widget,
};

use super::{
    Scene,
    big::{self, Figure, Size},
    chart::{Bar, Chart, columns_a_cell, round_top, spread},
    layout::GUTTER,
    number, text,
};
use crate::views::figures::SLOT_SECONDS;

/// From this size of the body on, alone on the page, every figure is large.
const LARGE: (u16, u16) = (70, 17);

/// Columns of the figures beside the chart.
const LIST: u16 = 13;

pub(super) fn draw(scene: &Scene<'_>, area: Rect, buf: &mut Buffer) {
    let handled = &scene.shop.figures.handled;
    let note = text::scale(scene, &scene.numbers.count(number::whole(top(scene)), 8));
    let note = Line::styled(note, scene.theme.dim);
    let body = text::title(scene, area, scene.words.handled, &note, buf);

    let entries = entries(scene);
    if scene.ui.enlarged_panel().is_some() && body.width >= LARGE.0 && body.height >= LARGE.1 {
        let rest = large(scene, body, &entries, buf);
        chart(scene, rest, buf);
        return;
    }
    let rows = u16::try_from(entries.len()).unwrap_or(u16::MAX);
    if body.height < rows {
        in_two_columns(scene, body, &entries, buf);
        return;
    }
    let mut list = Rect { width: LIST.min(body.width), ..body };
    let count = scene.numbers.count(number::signed(handled.last_5_min), LIST.into());
    let size = Size::Single;
    // A high panel says the last five minutes out loud, where all its entries stay visible below.
    let mut listed = entries.as_slice();
    if body.height > rows + size.height() + 1
        && size.width(&count) <= LIST
        && let [first, others @ ..] = listed
    {
        text::left(text::row(list, 0), &first.label, scene.theme.dim, buf);
        let figure = Figure { big: &count, small: &[], text: &count, style: scene.theme.handled };
        list = text::below(figure.draw(scene, text::below(list, 1), size, "", buf), 1);
        listed = others;
    }
    // And where there is room for air, the list has some.
    let apart = if list.height >= 2 * rows { 2 } else { 1 };
    for (entry, row) in listed.iter().zip(list.rows().step_by(apart)) {
        entry.draw(scene, row, buf);
    }
    chart(scene, text::right_of(body, LIST + 1), buf);
}

/// Every figure large, three beside each other; what is below comes back.
fn large(scene: &Scene<'_>, body: Rect, entries: &[Entry; 6], buf: &mut Buffer) -> Rect {
    let columns: [Rect; 3] = Layout::horizontal([Constraint::Fill(1); 3]).spacing(GUTTER).areas(body);
    let width = columns[0].width;
    let texts = entries.each_ref().map(|entry| match entry.value {
        Value::Count(count) => (scene.numbers.count(number::signed(count), width.into()), String::new()),
        Value::Mean(mean) => {
            let mean = scene.numbers.decimal(mean);
            let (whole, tenths) = mean.split_at(mean.find([',', '.']).unwrap_or(mean.len()));
            (whole.to_owned(), tenths.to_owned())
        }
    });
    let figures = texts.each_ref().map(|(whole, _)| whole.as_str());
    let size = big::common_size(&figures, width, body.height.min(LARGE.1));
    let high = size.height() + size.air() + 1;
    for (index, (entry, (whole, tenths))) in (0_u16..).zip(entries.iter().zip(&texts)) {
        let Some(column) = columns.get(usize::from(index % 3)) else { continue };
        let area = text::below(Rect { height: body.height, ..*column }, index / 3 * high);
        let label = match entry.value {
            Value::Count(_) => entry.label.clone(),
            Value::Mean(_) => format!("{} {} 5 min", entry.label, scene.words.per),
        };
        text::left(text::row(area, 0), &label, scene.theme.dim, buf);
        let style = if index == 5 { entry.style } else { scene.theme.handled };
        let figure = Figure { big: whole, small: &[tenths], text: &format!("{whole}{tenths}"), style };
        // The label stands in the air above.
        figure.draw(scene, text::below(area, 1 - size.air()), size, "", buf);
    }
    text::below(body, 2 * high)
}

/// Bars of the chart: two hours.
const BARS: usize = 24;

/// The slots of the chart, the one that is not over last, with how many orders were handled in each. They are those of
/// the clock, so that a bar stays what it is until the next one begins.
fn slots(scene: &Scene<'_>) -> impl Iterator<Item = (i64, u64)> {
    let figures = &scene.shop.figures;
    let last = figures.shop_second.div_euclid(SLOT_SECONDS);
    let of = move |back: usize| last.saturating_sub(i64::try_from(back).unwrap_or(0));
    (0..BARS).rev().map(of).map(|slot| (slot, figures.handled.by_slot.get(&slot).copied().unwrap_or(0)))
}

/// The value of a bar of full height.
pub(super) fn top(scene: &Scene<'_>) -> f64 {
    round_top(slots(scene).map(|(_, count)| count).max().unwrap_or(0) as f64)
}

/// Columns that the chart uses of `width`.
pub(super) fn chart_width(scene: &Scene<'_>, width: u16) -> u16 {
    spread(scene.marks, width, BARS).map_or(width, |(wide, gap)| {
        u16::try_from((wide + gap) * BARS / columns_a_cell(scene.marks)).unwrap_or(width)
    })
}

/// The two hours in slots of five minutes, with the mean across them and the hours below.
pub(super) fn chart(scene: &Scene<'_>, area: Rect, buf: &mut Buffer) {
    let theme = scene.theme;
    let bars: Vec<Bar> = slots(scene)
        .enumerate()
        .map(|(index, (_, count))| Bar {
            value: count as f64,
            style: if index + 1 == BARS { theme.handled_open } else { theme.handled },
        })
        .collect();
    // Better none than some.
    let Some((wide, gap)) = spread(scene.marks, area.width, BARS) else { return };
    let ground = (wide + gap) * BARS;
    // Now is at the right edge.
    let area = text::right_of(area, area.width.saturating_sub(chart_width(scene, area.width)));
    let axis_rows = u16::from(area.height >= 4);
    let bars_area = Rect { height: area.height - axis_rows, ..area };
    let level = Some(scene.shop.figures.handled.mean_per_5_min());
    Chart { bars: &bars, wide, gap, top: top(scene), level, ground }.draw(scene, bars_area, buf);
    if axis_rows == 1 {
        draw_hours(scene, text::row(area, area.height - 1), buf);
    }
}

/// The hours, each below the bar that begins it.
fn draw_hours(scene: &Scene<'_>, axis: Rect, buf: &mut Buffer) {
    for (index, (slot, _)) in slots(scene).enumerate() {
        let time = scene.shop.zone.at(slot.saturating_mul(SLOT_SECONDS));
        if time.minute() == 0 {
            let x = usize::from(axis.width) * index / BARS;
            let place = text::right_of(axis, u16::try_from(x).unwrap_or(u16::MAX));
            if place.width >= 2 {
                text::left(place, &format!("{:02}", time.hour()), scene.theme.dim, buf);
            }
        }
    }
}

/// One figure of the list.
struct Entry {
    label: String,
    value: Value,
    style: Style,
}

enum Value {
    Count(u64),
    Mean(f64),
}

impl Entry {
    fn draw(&self, scene: &Scene<'_>, area: Rect, buf: &mut Buffer) {
        let room = usize::from(area.width.saturating_sub(text::columns(&self.label) + 1));
        let value = match self.value {
            Value::Count(count) => scene.numbers.count(number::signed(count), room),
            Value::Mean(mean) => scene.numbers.decimal(mean),
        };
        Span::styled(self.label.as_str(), scene.theme.dim).render(area, buf);
        text::right(area, &value, self.style, buf);
    }
}

fn entries(scene: &Scene<'_>) -> [Entry; 6] {
    let handled = &scene.shop.figures.handled;
    let strong = scene.theme.strong;
    let count =
        |label: &str, count| Entry { label: label.to_owned(), value: Value::Count(count), style: strong };
    [
        count("5 min", handled.last_5_min),
        count("30 min", handled.last_30_min),
        count("1 h", handled.last_1_h),
        count("2 h", handled.last_2_h),
        Entry {
            label: format!("{} {}", scene.marks.level, scene.words.mean),
            value: Value::Mean(handled.mean_per_5_min()),
            style: strong,
        },
        Entry {
            label: scene.words.pending.to_owned(),
            value: Value::Count(scene.shop.audit.pending),
            style: scene.theme.orders,
        },
    ]
}

/// All figures where there is no room for the chart.
fn in_two_columns(scene: &Scene<'_>, body: Rect, entries: &[Entry; 6], buf: &mut Buffer) {
    let half = body.width.saturating_sub(2) / 2;
    let rows = usize::from(body.height.max(1)).max(entries.len().div_ceil(2));
    for (index, entry) in entries.iter().enumerate() {
        let column = if index < rows { body } else { text::right_of(body, half + 2) };
        let row = u16::try_from(index % rows).unwrap_or(u16::MAX);
        entry.draw(scene, Rect { width: half, ..text::row(column, row) }, buf);
    }
}
