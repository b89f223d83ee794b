//! The header: name, shop time, rate and Kafka.

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
    dashboard::{
        snapshot::{Progress, Step},
        ui_state::Talk,
    },
    messages::{Sentence, sanitize::clean},
    read_model::GroupState,
    shop::pulse::RunState,
};

/// Above this speed, shop seconds per wall second, the clock has no seconds: they would only flicker.
const SECONDS_UP_TO: f64 = 10.0;

/// From this width on, one line has room for all badges and the full date.
const WITH_WEEKDAY: u16 = 78;

/// A reason cut to fewer columns is not shown.
const LEAST_REASON: usize = 16;

/// Nor is a campaign's name.
const LEAST_CAMPAIGN: usize = 8;

pub(super) fn draw(scene: &Scene<'_>, page: &Places, buf: &mut Buffer) {
    let area = page.header;
    if area.height < 3 {
        compact(scene, area, buf);
    } else {
        full(scene, page, buf);
    }
}

/// Two lines: health and Kafka left, date and rates right.
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
    let room = split(&first).saturating_sub(width(&name));
    name.extend(badges(scene, room));
    name.extend([Span::raw("  "), frozen(scene), Span::raw("  ")]);
    let room = split(&first).saturating_sub(width(&name));
    name.push(campaigns(scene, room));
    Line::from(name).render(Rect { width: split(&first), ..text::row(area, 0) }, buf);
    // In accelerated time the rate has a longer form, if Kafka's address leaves room; the reason of an outage is more important.
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

/// Three lines, aligned to the page's columns: name and Kafka, clock, rate.
fn full(scene: &Scene<'_>, page: &Places, buf: &mut Buffer) {
    let [left, middle, right] = page.columns.as_slice() else { return };
    let [left, middle, right] =
        [left, middle, right].map(|column| Rect { x: column.x, width: column.width, ..page.header });

    let mut name = vec![Span::styled("shop-sim", scene.theme.strong), Span::raw("   ")];
    let room = left.width.saturating_sub(width(&name));
    name.extend(badges(scene, room));
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
    Line::from(campaigns(scene, right.width)).render(text::row(right, 0), buf);
    let rates = rates(scene);
    let Some(lines) = rates.iter().find(fits).or(rates.last()) else { return };
    for ((line, badge), index) in lines.iter().zip(badges).zip(1..) {
        line.render(text::row(right, index), buf);
        badge.right_aligned().render(text::row(right, index), buf);
    }
}

/// The shop's time, with seconds if they are readable.
fn clock(scene: &Scene<'_>) -> String {
    time(scene, scene.shop.figures.shop_second)
}

/// A shop second as clock time.
fn time(scene: &Scene<'_>, second: i64) -> String {
    let now = scene.shop.zone.at(second);
    if scene.shop.speed <= SECONDS_UP_TO {
        format!("{:02}:{:02}:{:02}", now.hour(), now.minute(), now.second())
    } else {
        format!("{:02}:{:02}", now.hour(), now.minute())
    }
}

/// The columns of a line.
fn width(spans: &[Span<'_>]) -> u16 {
    spans.iter().fold(0, |sum, span| sum.saturating_add(text::columns(&span.content)))
}

/// The past moment on the screen, and the key that returns to now: the longest form that fits into `room`.
fn moment(scene: &Scene<'_>, moment: i64, room: u16) -> Span<'static> {
    let (words, time) = (scene.words, scene.shop.zone.at(moment));
    let back = format!("n: {}", words.now);
    let forms = [
        format!(" {} {} {} {back} ", words.at, time.format("%Y-%m-%d %H:%M:%S"), scene.marks.dot),
        format!(" {} {} {} {back} ", words.date_short(&time), time.format("%H:%M:%S"), scene.marks.dot),
        format!(" {} {} {back} ", time.format("%H:%M"), scene.marks.dot),
        format!(" {back} "),
    ];
    let form = forms.iter().find(|form| text::columns(form) <= room).or(forms.last());
    Span::styled(form.cloned().unwrap_or_default(), scene.theme.badge_frozen)
}

/// The shop's health: the most severe state.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Health {
    /// Kafka does not respond.
    NoKafka,
    /// A publisher of figures is silent, or a consumer does not run.
    Stale,
    /// The simulator has stopped.
    Stopped,
    /// No simulator seen yet.
    Waiting,
    /// It is paused.
    Paused,
    /// It backfills a past period.
    Backfilling,
    /// A rush of customers, with its remaining seconds, if known.
    Rush(Option<u64>),
    /// All is well.
    Running,
}

impl Health {
    fn of(scene: &Scene<'_>) -> Self {
        let shop = scene.shop;
        match scene.ui.simulator() {
            _ if !shop.connection.up => Self::NoKafka,
            _ if shop.figures.told_until.is_some() || shop.groups.iter().any(GroupState::is_unattended) => {
                Self::Stale
            }
            Some(RunState::Stopped) => Self::Stopped,
            None => Self::Waiting,
            Some(RunState::Paused) => Self::Paused,
            Some(RunState::Running) if shop.speed <= 0.0 => Self::Backfilling,
            Some(RunState::Running) => match shop.rush {
                Some(left) => Self::Rush(Some(left).filter(|left| *left > 0)),
                None => Self::Running,
            },
        }
    }

    /// Whether customers come, or would but for a pause.
    fn is_live(self) -> bool {
        matches!(self, Self::Running | Self::Rush(_) | Self::Paused)
    }

    /// The badge: one word, coloured by severity.
    fn badge(self, scene: &Scene<'_>) -> Span<'static> {
        let (words, theme) = (scene.words, scene.theme);
        let (word, style) = match self {
            Self::NoKafka => (words.no_kafka, theme.badge_alarm),
            Self::Stale => (words.stale, theme.badge_alarm),
            Self::Stopped => (words.stopped, theme.badge_alarm),
            Self::Waiting => (words.waiting, theme.badge_warning),
            Self::Paused => (words.paused, theme.badge_warning),
            Self::Backfilling => (words.filling, theme.badge_event),
            Self::Rush(_) => (words.rush, theme.badge_event),
            Self::Running => (words.running, theme.badge_good),
        };
        let left = if let Self::Rush(Some(left)) = self { format!(" {left} s") } else { String::new() };
        Span::styled(format!(" {word}{left} "), style)
    }
}

/// The shop's health and speed, or the past moment on the screen.
fn badges(scene: &Scene<'_>, room: u16) -> Vec<Span<'static>> {
    let (words, theme) = (scene.words, scene.theme);
    if scene.shop.is_past {
        return vec![moment(scene, scene.shop.figures.shop_second, room)];
    }
    if scene.ui.moment.is_some() {
        let done = scene.progress().map_or_else(String::new, |way| format!(" {}", share(&way)));
        let doing = words.doing(scene.progress().map_or(Step::Read, |way| way.step));
        return vec![Span::styled(format!(" {doing}…{done} "), theme.badge_frozen)];
    }
    let health = Health::of(scene);
    let mut spans = vec![health.badge(scene)];
    if let Some(told) = scene.shop.figures.told_until {
        let text = format!("  {} {}", words.as_of, time(scene, told));
        spans.push(Span::styled(text, theme.warning));
    }
    // Without a simulator the speed is unknown.
    let (speed, runs) = (scene.shop.speed, health.is_live());
    if runs && (is_real(speed) || !speed.is_finite()) {
        spans.push(Span::styled(format!("  {}", words.real_time), theme.dim));
    } else if runs {
        let speed = format!("  {}{}", scene.marks.times, scene.numbers.rate(speed));
        spans.push(Span::styled(speed, theme.base));
    }
    spans
}

/// How much is done: `34 %`.
fn share(way: &Progress) -> String {
    let percent = u128::from(way.done) * 100 / u128::from(way.of.max(1));
    format!("{percent}\u{a0}%")
}

/// The campaigns that run, cut to `room`; none where that leaves too little of the name.
fn campaigns(scene: &Scene<'_>, room: u16) -> Span<'static> {
    let room = usize::from(room).saturating_sub(2);
    let name = clean(&scene.shop.campaigns.join(", "), room);
    if !Health::of(scene).is_live() || name.is_empty() || room < LEAST_CAMPAIGN {
        return Span::default();
    }
    Span::styled(format!(" {name} "), scene.theme.badge_event)
}

/// The badge of a frozen frame.
fn frozen(scene: &Scene<'_>) -> Span<'static> {
    if scene.ui.frozen {
        Span::styled(format!(" {} ", scene.words.frozen), scene.theme.badge_frozen)
    } else {
        Span::default()
    }
}

/// The remaining time of a talk, or the time since its end: `9:42`, `−0:15`.
pub(super) fn countdown(scene: &Scene<'_>) -> Option<Span<'static>> {
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

/// The measured and target rates, longest form first. In accelerated time the pages count in shop hours, so a wall
/// second is named as such.
fn rates(scene: &Scene<'_>) -> [[Line<'static>; 2]; 3] {
    let words = scene.words;
    if scene.shop.is_past {
        // The wall time of a past moment is not recorded.
        return std::array::from_fn(|_| std::array::from_fn(|_| Line::default()));
    }
    let short = [measured(scene, words.orders_a_second), target(scene)];
    let Some(an_hour) = a_shop_hour(scene) else { return [short.clone(), short.clone(), short] };
    let real = measured(scene, words.orders_a_real_second);
    let mut with_hour = target(scene);
    let an_hour = format!(" {} {an_hour}/h {}", scene.marks.dot, words.shop_time);
    with_hour.push_span(Span::styled(an_hour, scene.theme.dim));
    [[real.clone(), with_hour], [real, target(scene)], short]
}

/// The measured orders per hour of shop time; `None` in real time, or without a constant speed.
fn a_shop_hour(scene: &Scene<'_>) -> Option<String> {
    let speed = scene.shop.speed;
    if scene.ui.simulator().is_none() || !(speed.is_finite() && speed > 0.0) || is_real(speed) {
        return None;
    }
    Some(scene.numbers.rate((scene.shop.orders_per_second / speed * 3600.0).round()))
}

/// Whether shop time is wall time.
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

/// The target of orders per second; a requested one is highlighted until the shop confirms it.
fn target(scene: &Scene<'_>) -> Line<'static> {
    let (words, theme) = (scene.words, scene.theme);
    let rate = |mean: f64| match scene.shop.rhythm {
        Some(factor) => scene.numbers.decimal(mean * factor),
        None => scene.numbers.rate(mean),
    };
    let target = match (scene.ui.asked_rate(), scene.shop.target_rate) {
        (Some(asked), _) => Span::styled(rate(asked), theme.warning),
        (None, Some(target)) => Span::styled(rate(target), theme.dim),
        (None, None) if scene.shop.simulator.is_none() => Span::styled("–", theme.dim),
        (None, None) => Span::styled(words.as_fast_as_possible, theme.dim),
    };
    Line::from(vec![Span::styled(format!("{} ", words.target), theme.dim), target])
}

/// Kafka's address and whether it responds; if not, why, if there is room.
fn kafka(scene: &Scene<'_>, width: u16) -> Line<'static> {
    let mut line = kafka_and_address(scene, width.into());
    let connection = &scene.shop.connection;
    let room = usize::from(width).saturating_sub(line.width() + 2);
    // The badge already says that Kafka does not respond.
    let why = connection.trouble.as_ref().filter(|why| **why != Sentence::KafkaAway);
    if let Some(why) = why.filter(|_| !connection.up && room >= LEAST_REASON) {
        let why = clean(&scene.words.say(why), room);
        line.extend([Span::raw("  "), Span::styled(why, scene.theme.dim)]);
    }
    line
}

/// Kafka's address and whether it responds, in `room` columns.
fn kafka_and_address(scene: &Scene<'_>, room: usize) -> Line<'static> {
    let (words, theme, connection) = (scene.words, scene.theme, &scene.shop.connection);
    let place = if connection.embedded { format!(" {}", words.embedded) } else { String::new() };
    let address = clean(&connection.bootstrap, room.saturating_sub(9 + place.chars().count()));
    let (mark, sign, text) = if connection.up {
        (scene.marks.alive, theme.good, theme.dim)
    } else {
        (scene.marks.wrong, theme.alarm, theme.alarm)
    };
    Line::from(vec![
        Span::styled(format!("{mark} "), sign),
        Span::styled(format!("Kafka{place} {address}"), text),
    ])
}

#[cfg(test)]
mod tests;
