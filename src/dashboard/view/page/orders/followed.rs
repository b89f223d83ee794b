//! One order's path: sold, handled, mailed; and its lines.

use chrono::{DateTime, FixedOffset, Timelike};
use ratatui::{
    buffer::Buffer,
    layout::Rect,
    style::Style,
    text::{Line, Span},
    widgets::Widget,
};

use crate::{
    dashboard::view::{
        Scene, number, order_feed,
        stations::{self, Station},
        text,
    },
    messages::sanitize::clean,
    shop::Customer,
    stream::order_search::{OrderStatus, OrderTrace, TopicPartitionOffset, TrackedOrder},
    views::shop_figures::{LatestOrder, Stage},
};

/// Draws the followed order, otherwise what the feed has of the selected one.
pub(super) fn draw(scene: &Scene<'_>, area: Rect, chosen: Option<&LatestOrder>, buf: &mut Buffer) {
    match (&scene.shop.followed, scene.ui.following) {
        (Some(followed), Some(id)) if followed.order_id == id => draw_followed(scene, area, followed, buf),
        // The snapshot does not include the requested order yet.
        (_, Some(id)) => {
            draw_followed(scene, area, &TrackedOrder { order_id: id, status: OrderStatus::Searching }, buf);
        }
        (_, None) => draw_chosen(scene, area, chosen, buf),
    }
}

fn title(scene: &Scene<'_>, area: Rect, id: u64, total: Option<i64>, buf: &mut Buffer) -> Rect {
    let title = format!("{} {}", scene.words.pages.order, scene.numbers.count(number::signed(id), 26));
    let total = total.map(|ore| scene.numbers.kronor(ore, 16)).unwrap_or_default();
    text::title(scene, area, &title, &Line::styled(total, scene.theme.money), buf)
}

fn draw_followed(scene: &Scene<'_>, area: Rect, followed: &TrackedOrder, buf: &mut Buffer) {
    let (words, theme) = (&scene.words.pages, scene.theme);
    match &followed.status {
        OrderStatus::Searching => {
            let body = title(scene, area, followed.order_id, None, buf);
            text::left(text::row(body, 0), words.looking, theme.dim, buf);
        }
        OrderStatus::Unknown(why) => {
            let body = title(scene, area, followed.order_id, None, buf);
            let lines = text::wrapped(&clean(&scene.words.say(why), 400), body.width);
            for (line, row) in lines.iter().zip(body.rows()) {
                text::left(row, line, theme.warning, buf);
            }
        }
        OrderStatus::Found(trace) => draw_trace(scene, area, trace, buf),
    }
}

/// The feed's data of an order, without a look-up in the log.
fn draw_chosen(scene: &Scene<'_>, area: Rect, chosen: Option<&LatestOrder>, buf: &mut Buffer) {
    let (words, theme) = (&scene.words.pages, scene.theme);
    let Some(order) = chosen else {
        text::title(scene, area, words.order, &Line::default(), buf);
        return;
    };
    let body = title(scene, area, order.order_id, Some(order.total_ore), buf);
    text::left(text::row(body, 0), &clean(&order.customer, body.width.into()), theme.strong, buf);
    let head = if body.height >= 9 { 2 } else { 1 };
    let passed = Passed { sold: order.created_at, handled: order.handled_at, stage: order.stage };
    let rest = stations::draw(
        scene,
        text::below(body, head),
        &passed.stations(scene, [vec![], vec![], vec![]]),
        buf,
    );
    // The hint takes the place of the order's lines.
    let hint = text::wrapped(words.follow_hint, body.width);
    for (line, row) in hint.iter().zip(text::below(rest, 1).rows()) {
        text::left(row, line, theme.dim, buf);
    }
}

fn draw_trace(scene: &Scene<'_>, area: Rect, trace: &OrderTrace, buf: &mut Buffer) {
    let order = &trace.order;
    let body = title(scene, area, order.order_id, Some(order.total_ore), buf);
    let roomy = body.height >= 14;
    draw_customer(scene, body, &order.customer, roomy, buf);
    let head = if roomy { 3 } else { 1 };

    let stage = match (&trace.handled, &trace.mail) {
        (_, Some(_)) => Stage::Mailed,
        (Some(_), None) => Stage::Handled,
        (None, None) => Stage::Sold,
    };
    let handled = trace.handled.as_ref();
    let passed =
        Passed { sold: order.created_at, handled: handled.map(|(handled, _)| handled.handled_at), stage };
    let width = usize::from(body.width.saturating_sub(stations::INDENT));
    let file = trace.mail.as_ref().map(|file| Line::styled(clean(file, width), scene.theme.dim));
    let about = [
        place(scene, &trace.sold, width),
        handled.map(|(_, at)| place(scene, at, width)).unwrap_or_default(),
        file.into_iter().collect(),
    ];
    let stations = passed.stations(scene, about);
    // The order's lines get at least a title and two rows, if there is room at all.
    let below = text::below(body, head);
    let lines = u16::try_from(order.lines.len()).unwrap_or(u16::MAX).saturating_add(2);
    let kept = lines.min(below.height / 3);
    let way_area = Rect { height: below.height - kept, ..below };
    let left = stations::draw(scene, way_area, &stations, buf);
    let rest = Rect { height: below.bottom().saturating_sub(left.y), ..left };
    draw_lines(scene, text::below(rest, u16::from(rest.height >= lines)), order, buf);
}

fn draw_customer(scene: &Scene<'_>, body: Rect, customer: &Customer, roomy: bool, buf: &mut Buffer) {
    let theme = scene.theme;
    let number = format!(
        "{} {}",
        scene.words.pages.customer,
        scene.numbers.count(number::signed(customer.customer_id), 9)
    );
    let first = text::row(body, 0);
    let room = first.width.saturating_sub(text::columns(&number) + 2);
    text::left(first, &clean(&customer.name, room.into()), theme.strong, buf);
    text::right(first, &number, theme.dim, buf);
    if roomy {
        text::left(text::row(body, 1), &clean(&customer.email, body.width.into()), theme.dim, buf);
    }
}

fn draw_lines(scene: &Scene<'_>, area: Rect, order: &crate::shop::Order, buf: &mut Buffer) {
    let (words, theme) = (scene.words, scene.theme);
    let all = order.lines.len();
    // There is room for a title only.
    if area.height < 2 {
        return;
    }
    let title = Line::styled(scene.numbers.count(i64::try_from(all).unwrap_or(i64::MAX), 8), theme.dim);
    let body = text::title(scene, area, words.pages.lines, &title, buf);
    let rows = usize::from(body.height);
    let shown = if all > rows { rows.saturating_sub(1) } else { all };
    for (line, row) in order.lines.iter().take(shown).zip(body.rows()) {
        let total = line.total_ore().map(|ore| scene.numbers.kronor(ore, 14)).unwrap_or_default();
        let count = format!("{} {} ", scene.numbers.count(line.quantity, 5), scene.marks.times);
        let used = text::columns(&count) + text::columns(&total) + 1;
        let name = clean(&line.name, row.width.saturating_sub(used).into());
        let left = vec![Span::styled(count, theme.dim), Span::styled(name, theme.base)];
        Line::from(left).render(row, buf);
        text::right(row, &total, theme.base, buf);
    }
    let last = text::row(body, body.height.saturating_sub(1));
    text::more(scene, last, shown, all, buf);
}

/// The lines with a record's position.
fn place(scene: &Scene<'_>, place: &TopicPartitionOffset, width: usize) -> Vec<Line<'static>> {
    let (words, theme) = (&scene.words.pages, scene.theme);
    let figure = |number: i64| Span::styled(scene.numbers.count(number, 14), theme.base);
    let word = |word: &str| Span::styled(word.to_owned(), theme.dim);
    vec![
        Line::styled(clean(&place.topic, width), theme.base),
        Line::from(vec![
            word(&format!("{} ", words.partition)),
            figure(place.partition.into()),
            word(&format!("   {} ", words.offset)),
            figure(place.offset),
        ]),
    ]
}

/// When an order reached its stages.
struct Passed {
    sold: DateTime<FixedOffset>,
    handled: Option<DateTime<FixedOffset>>,
    stage: Stage,
}

impl Passed {
    /// The three stations with their details.
    fn stations(&self, scene: &Scene<'_>, about: [Vec<Line<'static>>; 3]) -> [Station; 3] {
        let (words, theme) = (&scene.words.pages, scene.theme);
        let [sold, handled, mailed] = about;
        let reached = |stage| {
            let (mark, _, style) = order_feed::of_stage(scene, stage);
            (self.stage >= stage).then_some((mark, style))
        };
        let waited = |seconds: i64, word: &str, style: Style| {
            Some(Line::from(vec![
                Span::styled(format!("{word} "), theme.dim),
                Span::styled(scene.numbers.duration(seconds), style),
            ]))
        };
        let from = self.sold.timestamp();
        let wait = match self.handled {
            Some(at) => waited(at.timestamp().saturating_sub(from), words.waited, theme.strong),
            None if self.stage > Stage::Sold => None,
            None => {
                let now = scene.shop.figures.shop_second;
                waited(now.saturating_sub(from), words.has_waited, theme.orders)
            }
        };
        let then = match self.stage {
            Stage::Handled => Some(Line::styled(words.mail_is_coming, theme.dim)),
            Stage::Sold | Stage::Mailed => Some(Line::default()),
        };
        [
            Station {
                reached: reached(Stage::Sold),
                name: scene.words.stage_sold,
                when: time(scene, Some(self.sold)),
                about: sold,
                then: wait.or(Some(Line::default())),
            },
            Station {
                reached: reached(Stage::Handled),
                name: scene.words.stage_handled,
                when: time(scene, self.handled),
                about: handled,
                then,
            },
            Station {
                reached: reached(Stage::Mailed),
                name: scene.words.stage_mailed,
                when: Line::default(),
                about: mailed,
                then: None,
            },
        ]
    }
}

/// `14:02:23`, with the date if it is not today.
fn time(scene: &Scene<'_>, at: Option<DateTime<FixedOffset>>) -> Line<'static> {
    let Some(at) = at else { return Line::default() };
    let time = at.with_timezone(&scene.shop.zone.0);
    let clock = format!("{:02}:{:02}:{:02}", time.hour(), time.minute(), time.second());
    let mut line = Line::default();
    if time.date_naive() != scene.shop.figures.today {
        line.push_span(Span::styled(format!("{}  ", scene.words.date_short(&time)), scene.theme.dim));
    }
    line.push_span(Span::styled(clock, scene.theme.strong));
    line
}
