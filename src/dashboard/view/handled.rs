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
    chart::{Bar, Chart, Frame, column_of, round_top},
    layout::GUTTER,
    number, text,
};
use crate::views::shop_figures::SLOT_SECONDS;

/// The least size of an enlarged panel with large figures.
const LARGE: (u16, u16) = (70, 17);

/// The columns of the figures beside the chart, and the least width for that.
const LIST: u16 = 13;
const BESIDE_FROM: u16 = 44;

pub(super) fn draw(scene: &Scene<'_>, area: Rect, buf: &mut Buffer) {
    let handled = &scene.shop.figures.handled;
    let note = Line::styled("/5 min", scene.theme.dim);
    let body = text::title(scene, area, scene.words.handled, &note, buf);

    let entries = entries(scene);
    if scene.ui.enlarged_panel().is_some() && body.width >= LARGE.0 && body.height >= LARGE.1 {
        let rest = large(scene, body, &entries, buf);
        chart(scene, rest, buf);
        return;
    }
    let rows = u16::try_from(entries.len()).unwrap_or(u16::MAX);
    if body.height < rows || body.width < BESIDE_FROM {
        chart(scene, in_two_columns(scene, body, &entries, buf), buf);
        return;
    }
    let mut list = Rect { width: LIST.min(body.width), ..body };
    let count = scene.numbers.count(number::signed(handled.last_5_min), LIST.into());
    let size = Size::Single;
    // In a high panel the last five minutes are a large figure, if all other entries fit below it.
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
    // If there is room, list rows are spaced out.
    let apart = if list.height >= 2 * rows { 2 } else { 1 };
    for (entry, row) in listed.iter().zip(list.rows().step_by(apart)) {
        entry.draw(scene, row, buf);
    }
    chart(scene, text::right_of(body, LIST + 1), buf);
}

/// All figures large, three per row; returns the area below.
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
        // The label is in the blank row above.
        figure.draw(scene, text::below(area, 1 - size.air()), size, "", buf);
    }
    text::below(body, 2 * high)
}

/// Bars of the chart: two hours.
const BARS: usize = 24;

/// The slots of the chart with their handled orders, the one in progress last. Slots start at fixed clock times, so
/// that bars do not change until the next one begins.
fn slots(scene: &Scene<'_>) -> impl Iterator<Item = (i64, u64)> {
    let figures = &scene.shop.figures;
    let last = figures.shop_second.div_euclid(SLOT_SECONDS);
    let of = move |back: usize| last.saturating_sub(i64::try_from(back).unwrap_or(0));
    (0..BARS).rev().map(of).map(|slot| (slot, figures.handled.by_slot.get(&slot).copied().unwrap_or(0)))
}

/// The two hours in slots of five minutes, with the mean across them and the hours below.
pub(super) fn chart(scene: &Scene<'_>, area: Rect, buf: &mut Buffer) {
    let theme = scene.theme;
    let bars: Vec<Bar> = slots(scene)
        .enumerate()
        .map(|(index, (_, count))| Bar {
            value: count as f64,
            style: if index + 1 == BARS { theme.handled_open } else { theme.handled },
            expected: None,
        })
        .collect();
    let top = round_top(bars.iter().map(|bar| bar.value).fold(0.0, f64::max));
    let level = Some(scene.shop.figures.handled.mean_per_5_min());
    let frame = Frame::of(area);
    Chart { bars: &bars, places: BARS, top, level, behind: &[] }.draw(scene, &frame, buf);
    draw_hours(scene, frame.below, buf);
}

/// The hour labels, each below its first bar.
fn draw_hours(scene: &Scene<'_>, axis: Rect, buf: &mut Buffer) {
    for (index, (slot, _)) in slots(scene).enumerate() {
        let time = scene.shop.zone.at(slot.saturating_mul(SLOT_SECONDS));
        if time.minute() == 0 {
            let x = column_of(index, BARS, axis.width.into());
            let place = text::right_of(axis, u16::try_from(x).unwrap_or(u16::MAX));
            if place.width >= 2 {
                text::left(place, &format!("{:02}", time.hour()), scene.theme.dim, buf);
            }
        }
    }
}

/// One figure with its label.
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

/// All figures above the chart; returns the area below.
fn in_two_columns(scene: &Scene<'_>, body: Rect, entries: &[Entry; 6], buf: &mut Buffer) -> Rect {
    let half = body.width.saturating_sub(2) / 2;
    let rows = entries.len().div_ceil(2);
    for (index, entry) in entries.iter().enumerate() {
        let column = if index < rows { body } else { text::right_of(body, half + 2) };
        let row = u16::try_from(index % rows).unwrap_or(u16::MAX);
        entry.draw(scene, Rect { width: half, ..text::row(column, row) }, buf);
    }
    text::below(body, u16::try_from(rows).unwrap_or(u16::MAX))
}
