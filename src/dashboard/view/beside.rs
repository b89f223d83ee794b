//! A talk's column beside an enlarged figure: how today compares with yesterday, the remaining time, and the orders of
//! the last minute.

use ratatui::{buffer::Buffer, layout::Rect, style::Style};

use super::{
    Scene,
    big::{Figure, Size},
    day::Slots,
    header,
    layout::GUTTER,
    series::{Series, Title},
    text,
};
use crate::{
    consumers::OrdersToday,
    read_model::History,
    views::{View, shop_figures::SLOT_SECONDS},
};

/// Its columns, including the gutter before it.
const WIDTH: u16 = 38;

/// The least width of a page that has room for it.
const FROM: u16 = 100;

/// The chart's seconds.
const MINUTE: usize = 60;

/// The lag, in records, of a consumer that catches up with a backfill or after a restart.
const CATCHING_UP: u64 = 1_000;

/// The columns that are left for the figure on a page of `width`.
pub(super) fn left_of(scene: &Scene<'_>, width: u16) -> u16 {
    let is_shown = scene.ui.talk.is_some() && scene.ui.enlarged_panel().is_some() && width >= FROM;
    if is_shown { width - WIDTH } else { width }
}

/// The orders of each second, without those read while the consumer caught up: a backfill is no customers' rush.
fn current_rate(history: &History) -> impl DoubleEndedIterator<Item = f64> {
    let behind = history.lag.iter().rposition(|lag| *lag >= CATCHING_UP);
    let from = behind.map_or(0, |last| last + 2);
    history.rate.iter().enumerate().map(move |(second, rate)| if second < from { 0.0 } else { *rate })
}

/// Draws it at the right of an area, if it has room: `slots` is the day, and `sum` formats its sums.
pub(super) fn draw(
    scene: &Scene<'_>,
    area: Rect,
    slots: &Slots,
    sum: impl Fn(f64) -> String,
    buf: &mut Buffer,
) {
    let left = left_of(scene, area.width);
    if left == area.width {
        return;
    }
    let area = text::right_of(area, left + GUTTER);
    let clock = header::countdown(scene).map(|clock| (clock.content.trim().to_owned(), clock.style));
    let head = Rect { height: Size::Single.height().min(area.height), ..area };
    if let Some((clock, style)) = clock {
        let width = Size::Single.width(&clock).min(head.width);
        let place = text::right_of(head, head.width - width);
        let style = Style { fg: style.bg.or(style.fg), bg: None, ..style };
        Figure { big: &clock, small: &[], text: &clock, style }.draw(scene, place, Size::Single, "", buf);
    }
    if let Some((slot, today, yesterday)) = slots.against_yesterday() {
        let figures = &scene.shop.figures;
        let begins = scene.shop.zone.start_of(figures.today);
        let second = begins.saturating_add(i64::try_from(slot).unwrap_or(0) * SLOT_SECONDS);
        let time = scene.shop.zone.at(second).format("%H:%M");
        let change = scene.numbers.percent((today / yesterday - 1.0) * 100.0);
        let lines = [
            (format!("{} {time}", scene.words.yesterday), scene.theme.dim),
            (sum(yesterday), scene.theme.base),
            (change, if today < yesterday { scene.theme.warning } else { scene.theme.good }),
        ];
        for ((line, style), row) in lines.iter().zip(head.rows()) {
            text::left(row, line, *style, buf);
        }
    }
    let orders = scene.shop.groups.iter().find(|group| group.view == OrdersToday::NAME);
    if let Some(orders) = orders {
        let title = Title { name: "", what: scene.words.last_minute, unit: scene.words.orders_a_second };
        let rest = text::below(area, head.height + 1);
        Series::last(current_rate(&orders.history), MINUTE).chart(
            scene,
            rest,
            title,
            scene.theme.orders,
            buf,
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_read_while_a_consumer_catches_up_is_no_rush() {
        let rate = |rates: &[f64], lags: &[u64]| -> Vec<f64> {
            let history =
                History { rate: rates.iter().copied().collect(), lag: lags.iter().copied().collect() };
            current_rate(&history).collect()
        };
        assert_eq!(rate(&[4.0, 5.0], &[0, 900]), [4.0, 5.0]);
        let found = rate(&[5.0, 9_000.0, 60_000.0, 40_000.0, 6.0], &[0, 150_000, 40_000, 0, 2]);
        assert_eq!(found, [0.0, 0.0, 0.0, 0.0, 6.0]);
        assert_eq!(rate(&[], &[]), [0.0; 0]);
    }
}
