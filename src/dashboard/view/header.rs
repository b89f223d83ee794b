//! Where, when and how fast: the name, the shop's clock, the rate, Kafka.

use chrono::{Datelike, Timelike};
use ratatui::{
    buffer::Buffer,
    layout::Rect,
    text::{Line, Span},
    widgets::Widget,
};

use super::{
    Scene,
    big::{Figure, Size},
    layout::Places,
    text,
};
use crate::{
    dashboard::ui::Talk,
    messages::{Sentence, clean::clean},
    shop::pulse::RunState,
};

/// Above this speed the seconds of the clock would only flicker, shop seconds a wall second.
const SECONDS_UP_TO: f64 = 10.0;

/// From this width on one line has room for all badges and the whole date.
const WITH_WEEKDAY: u16 = 78;

/// Fewer columns of a reason say nothing.
const LEAST_REASON: usize = 16;

pub(super) fn draw(scene: &Scene<'_>, page: &Places, buf: &mut Buffer) {
    let area = page.header;
    if area.height < 3 {
        compact(scene, area, buf);
    } else {
        full(scene, page, buf);
    }
}

/// Two lines: what is on the left, when on the right.
fn compact(scene: &Scene<'_>, area: Rect, buf: &mut Buffer) {
    let now = scene.shop.zone.at(scene.shop.figures.shop_second);
    let words = scene.words;
    let clock = clock(scene);
    // In a narrow window the badges need the room of the weekday and the year.
    let date = if area.width < WITH_WEEKDAY {
        words.date_short(&now)
    } else {
        format!("{} {} {}", words.weekday(now.weekday()), words.date_short(&now), now.year())
    };
    let first = Line::from(vec![
        Span::styled(date, scene.theme.dim),
        Span::raw("  "),
        Span::styled(clock, scene.theme.strong),
    ]);
    let split = |right: &Line<'_>| {
        let width = u16::try_from(right.width()).unwrap_or(u16::MAX).saturating_add(2);
        area.width.saturating_sub(width)
    };
    let mut name = vec![Span::styled("shop-sim", scene.theme.strong), Span::raw("  ")];
    name.extend(countdown(scene).into_iter().flat_map(|left| [left, Span::raw("  ")]));
    name.extend(badges(scene));
    name.extend([Span::raw("  "), frozen(scene)]);
    Line::from(name).render(Rect { width: split(&first), ..text::row(area, 0) }, buf);
    // In accelerated time there is more to say of the rate, where Kafka's address leaves room for it; why Kafka is
    // away matters more.
    let address = u16::try_from(kafka_and_address(scene, area.width.into()).width()).unwrap_or(u16::MAX);
    let beside = |[mut measured, target]: [Line<'static>; 2]| {
        measured.push_span(Span::raw("  "));
        measured.extend(target);
        measured
    };
    let second = rates(scene).map(beside);
    let fits = second.iter().find(|line| scene.shop.connection.up && split(line) >= address);
    let Some(second) = fits.or(second.last()).cloned() else { return };
    let left = split(&second);
    kafka(scene, left).render(Rect { width: left, ..text::row(area, 1) }, buf);
    first.right_aligned().render(text::row(area, 0), buf);
    second.right_aligned().render(text::row(area, 1), buf);
}

/// Three lines above the columns of the page: name and Kafka, the clock, the rate.
fn full(scene: &Scene<'_>, page: &Places, buf: &mut Buffer) {
    let [left, middle, right] = page.columns.as_slice() else { return };
    let [left, middle, right] =
        [left, middle, right].map(|column| Rect { x: column.x, width: column.width, ..page.header });

    let mut name = vec![Span::styled("shop-sim", scene.theme.strong), Span::raw("   ")];
    name.extend(badges(scene));
    Line::from(name).render(text::row(left, 1), buf);
    kafka(scene, left.width).render(text::row(left, 2), buf);

    let now = scene.shop.zone.at(scene.shop.figures.shop_second);
    let words = scene.words;
    let clock = clock(scene);
    let figure = Figure { big: &clock, small: &[], text: &clock, style: scene.theme.strong };
    figure.draw(scene, middle, Size::Single, "", buf);
    let beside = text::right_of(middle, Size::Single.width(&clock) + 3);
    text::left(text::row(beside, 1), words.weekday(now.weekday()), scene.theme.strong, buf);
    let dates =
        [words.date(&now), format!("{} {}", words.date_short(&now), now.year()), words.date_short(&now)];
    let date = dates.iter().find(|date| text::columns(date) <= beside.width);
    text::left(text::row(beside, 2), date.map_or("", String::as_str), scene.theme.dim, buf);

    let badges = [Line::from(frozen(scene)), Line::from(countdown(scene).unwrap_or_default())];
    let fits = |lines: &&[Line<'_>; 2]| {
        lines.iter().zip(&badges).all(|(line, badge)| line.width() + badge.width() < usize::from(right.width))
    };
    let rates = rates(scene);
    let Some(lines) = rates.iter().find(fits).or(rates.last()) else { return };
    for ((line, badge), index) in lines.iter().zip(badges).zip(1..) {
        line.render(text::row(right, index), buf);
        badge.right_aligned().render(text::row(right, index), buf);
    }
}

/// The shop's time, with seconds where they can be read.
fn clock(scene: &Scene<'_>) -> String {
    time(scene, scene.shop.figures.shop_second)
}

/// A second of the shop's day.
fn time(scene: &Scene<'_>, second: i64) -> String {
    let now = scene.shop.zone.at(second);
    if scene.shop.speed <= SECONDS_UP_TO {
        format!("{:02}:{:02}:{:02}", now.hour(), now.minute(), now.second())
    } else {
        format!("{:02}:{:02}", now.hour(), now.minute())
    }
}

/// What the shop does and how time runs; quiet when all is as usual.
fn badges(scene: &Scene<'_>) -> Vec<Span<'static>> {
    let (words, theme) = (scene.words, scene.theme);
    let mut spans = Vec::new();
    match scene.ui.simulator() {
        Some(RunState::Running) if !scene.shop.connection.up => {
            let text = format!("{} {}", scene.marks.ahead, words.waiting_for_kafka);
            spans.push(Span::styled(text, theme.warning));
        }
        Some(RunState::Running) => {
            spans.push(Span::styled(format!("{} ", scene.marks.alive), theme.good));
            spans.push(Span::styled(words.running, theme.base));
        }
        Some(RunState::Paused) => {
            spans.push(Span::styled(format!(" {} ", words.paused), theme.badge_warning));
        }
        Some(RunState::Stopped) => {
            spans.push(Span::styled(format!(" {} ", words.stopped), theme.badge_alarm));
        }
        None => spans.push(Span::styled(words.waiting, theme.dim)),
    }
    if let Some(told) = scene.shop.figures.told_until {
        let text = format!(" {} {} ", words.as_of, time(scene, told));
        spans.extend([Span::raw("  "), Span::styled(text, theme.badge_warning)]);
    }
    // Without a simulator nobody knows how time runs, and one that has stopped fills nothing.
    let speed = scene.shop.speed;
    let runs = scene.ui.simulator().is_some_and(|state| state != RunState::Stopped || speed > 0.0);
    if runs && scene.shop.connection.up {
        spans.push(Span::raw("  "));
        spans.push(if speed <= 0.0 {
            Span::styled(words.filling, theme.base)
        } else if is_real(speed) || !speed.is_finite() {
            Span::styled(words.real_time, theme.dim)
        } else {
            Span::styled(format!("{}{}", scene.marks.times, scene.numbers.rate(speed)), theme.base)
        });
    }
    spans
}

/// Says that the picture is held still.
fn frozen(scene: &Scene<'_>) -> Span<'static> {
    if scene.ui.frozen {
        Span::styled(format!(" {} ", scene.words.frozen), scene.theme.badge_frozen)
    } else {
        Span::default()
    }
}

/// The time that is left of a talk, and then how long it is over: `9:42`, `−0:15`.
fn countdown(scene: &Scene<'_>) -> Option<Span<'static>> {
    let Talk { left } = scene.ui.talk?;
    let sign = if left < 0 { "−" } else { "" };
    let seconds = left.unsigned_abs();
    let style = match left {
        ..0 => scene.theme.badge_alarm,
        0..=Talk::NEAR => scene.theme.badge_warning,
        _ => scene.theme.strong,
    };
    Some(Span::styled(format!(" {sign}{}:{:02} ", seconds / 60, seconds % 60), style))
}

/// Orders a second, as measured and as aimed at: the longest way to say it first. In accelerated time the pages count
/// in the shop's hours, and a second of the wall is said to be one.
fn rates(scene: &Scene<'_>) -> [[Line<'static>; 2]; 3] {
    let words = scene.words;
    let short = [measured(scene, words.orders_a_second), target(scene)];
    let Some(an_hour) = a_shop_hour(scene) else { return [short.clone(), short.clone(), short] };
    let real = measured(scene, words.orders_a_real_second);
    let mut with_hour = target(scene);
    let an_hour = format!(" {} {an_hour}/h {}", scene.marks.dot, words.shop_time);
    with_hour.push_span(Span::styled(an_hour, scene.theme.dim));
    [[real.clone(), with_hour], [real, target(scene)], short]
}

/// Orders an hour of the shop's time, as measured; `None` where that is the wall's, or time does not go on evenly.
fn a_shop_hour(scene: &Scene<'_>) -> Option<String> {
    let speed = scene.shop.speed;
    if scene.ui.simulator().is_none() || !(speed.is_finite() && speed > 0.0) || is_real(speed) {
        return None;
    }
    Some(scene.numbers.rate((scene.shop.orders_per_second / speed * 3600.0).round()))
}

/// Whether the shop's time goes as fast as the wall's.
fn is_real(speed: f64) -> bool {
    (speed - 1.0).abs() < f64::EPSILON
}

/// Orders a second, as measured.
fn measured(scene: &Scene<'_>, unit: &str) -> Line<'static> {
    let measured = scene.numbers.decimal(scene.shop.orders_per_second);
    Line::from(vec![
        Span::styled(measured, scene.theme.strong),
        Span::styled(format!(" {unit}"), scene.theme.base),
    ])
}

/// Orders a second, as aimed at; what was just asked for stands out until the shop does it.
fn target(scene: &Scene<'_>) -> Line<'static> {
    let (words, theme) = (scene.words, scene.theme);
    let target = match (scene.ui.asked_rate(), scene.shop.target_rate) {
        (Some(asked), _) => Span::styled(scene.numbers.rate(asked), theme.warning),
        (None, Some(target)) => Span::styled(scene.numbers.rate(target), theme.dim),
        (None, None) if scene.shop.simulator.is_none() => Span::styled("–", theme.dim),
        (None, None) => Span::styled(words.as_fast_as_possible, theme.dim),
    };
    Line::from(vec![Span::styled(format!("{} ", words.target), theme.dim), target])
}

/// Where Kafka is and whether it answers; why not, where there is room.
fn kafka(scene: &Scene<'_>, width: u16) -> Line<'static> {
    let mut line = kafka_and_address(scene, width.into());
    let connection = &scene.shop.connection;
    let room = usize::from(width).saturating_sub(line.width() + 2);
    // The badge says it already that Kafka does not answer.
    let why = connection.trouble.as_ref().filter(|why| **why != Sentence::KafkaAway);
    if let Some(why) = why.filter(|_| !connection.up && room >= LEAST_REASON) {
        let why = clean(&scene.words.say(why), room);
        line.extend([Span::raw("  "), Span::styled(why, scene.theme.dim)]);
    }
    line
}

/// Where Kafka is and whether it answers, in `room` columns.
fn kafka_and_address(scene: &Scene<'_>, room: usize) -> Line<'static> {
    let (words, theme, connection) = (scene.words, scene.theme, &scene.shop.connection);
    let address = |before: usize| clean(&connection.bootstrap, room.saturating_sub(before));
    if connection.up {
        let place = if connection.embedded { format!(" {}", words.embedded) } else { String::new() };
        let address = address(9 + place.chars().count());
        Line::from(vec![
            Span::styled(format!("{} ", scene.marks.alive), theme.good),
            Span::styled(format!("Kafka{place} {address}"), theme.dim),
        ])
    } else {
        let badge = format!(" Kafka {} ", words.no_answer);
        let address = address(badge.chars().count() + 1);
        Line::from(vec![
            Span::styled(badge, theme.badge_alarm),
            Span::raw(" "),
            Span::styled(address, theme.alarm),
        ])
    }
}

#[cfg(test)]
mod tests;
