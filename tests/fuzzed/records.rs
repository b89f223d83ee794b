//! Arbitrary bytes as a record of any topic.

use shop_sim::{
    consumers::{Consumer, Name, PartFigures, Visitor, summarize},
    read_model::PartState,
    shop::{Control, Delivery, Handled, Order, Pulse, Zone},
    sinks::{handled_table, journal},
    views::Event,
};

/// Decodes bytes as every kind of record, and uses what is valid. Returns the number of kinds that accepted them.
pub(crate) fn check(bytes: &[u8]) -> usize {
    let order = Order::decode(Some(bytes));
    match &order {
        Ok(order) => check_order(order),
        Err(reason) => assert!(reason.to_string().chars().count() < 300, "{reason}"),
    }
    let delivery = Delivery::decode(Some(bytes)).inspect(|delivery| {
        assert!(delivery.quantity >= 1);
        tell(
            &[Event::Delivery(delivery.clone()), Event::Delivery(delivery.clone())],
            delivery.at.timestamp(),
        );
    });
    let handled = Handled::decode(Some(bytes)).inspect(|handled| {
        tell(&[Event::Handled(handled.clone())], handled.second());
        let mut row = Vec::new();
        handled_table::write(handled, &mut row);
        assert_is_table(&row, 1, 6);
    });
    let pulse = Pulse::decode(Some(bytes));
    let control: Result<Control, _> = serde_json::from_slice(bytes);
    let state: Result<PartState, _> = serde_json::from_slice(bytes).inspect(|state: &PartState| {
        summarize([&state.figures, &state.figures].into_iter(), state.shop_second, Zone::default());
    });
    let understood =
        [order.is_ok(), delivery.is_ok(), handled.is_ok(), pulse.is_ok(), control.is_ok(), state.is_ok()];
    understood.into_iter().filter(|yes| *yes).count()
}

fn check_order(order: &Order) {
    let sum: i128 =
        order.lines.iter().map(|line| i128::from(line.quantity) * i128::from(line.unit_price_ore)).sum();
    assert_eq!(sum, i128::from(order.total_ore));
    assert!(!order.lines.is_empty() && order.lines.iter().all(|line| line.quantity >= 1));
    let again =
        Order::decode(Some(&serde_json::to_vec(order).expect("text and numbers"))).expect("still valid");
    assert_eq!(
        (again.order_id, &again.customer, &again.lines),
        (order.order_id, &order.customer, &order.lines)
    );
    assert_eq!(again.created_at.timestamp_millis(), order.created_at.timestamp_millis());

    tell(&[Event::Order(order.clone()), Event::Order(order.clone())], order.second());
    let mut rows = Vec::new();
    journal::write(order, &mut rows);
    assert_is_table(&rows, order.lines.len(), 10);
    let path = journal::file(Zone::default().date(order.second()));
    let name = path.strip_prefix("orders/").and_then(|path| path.strip_suffix(".txt")).expect("its place");
    assert!(name.bytes().all(|byte| byte.is_ascii_digit() || b"+-".contains(&byte)), "{path}");
}

/// Applies events to every view; figures then and later.
fn tell(events: &[Event], second: i64) {
    let parts: Vec<PartFigures> =
        Name::ALL.into_iter().flat_map(|name| name.visit(Told { events, second })).collect();
    summarize(parts.iter(), second, Zone::default());
}

/// A view's figures after the events.
struct Told<'a> {
    events: &'a [Event],
    second: i64,
}

impl Visitor for Told<'_> {
    type Done = Vec<PartFigures>;

    fn view<V: Consumer>(self) -> Vec<PartFigures> {
        let zone = Zone::default();
        let mut view = V::default();
        for event in self.events {
            view.apply(event, zone);
        }
        let mut parts = Vec::new();
        for now in [self.second, self.second.saturating_add(10_000)] {
            parts.push(view.figures(now, zone).into());
            view.advance(now, zone);
        }
        for (_, table) in view.tables() {
            table.changes();
        }
        parts
    }

    fn handling(self) -> Vec<PartFigures> {
        Vec::new()
    }
}

/// Asserts so many rows of so many cells, strictly.
fn assert_is_table(bytes: &[u8], rows: usize, cells: usize) {
    let text = std::str::from_utf8(bytes).expect("UTF-8");
    assert!(!text.chars().any(|c| c.is_control() && !matches!(c, '\t' | '\n')));
    let lines: Vec<&str> =
        text.strip_suffix('\n').expect("whole rows").split(['\n', '\u{2028}', '\u{2029}']).collect();
    assert_eq!(lines.len(), rows);
    assert!(lines.iter().all(|line| line.split('\t').count() == cells));
}
