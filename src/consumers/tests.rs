use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;

use super::*;
use crate::views::{
    Event, day_totals,
    naive::{self, PLACES, Shop, Sold, amount, distance, lines},
    shop_figures,
    table::{self, Saved},
};

/// A step before the moment whose figures are compared.
#[derive(Debug, Clone)]
enum Step {
    Order {
        part: usize,
        distance: i64,
        sold: Vec<Sold>,
    },
    Delivery {
        part: usize,
        product: u64,
        quantity: i64,
    },
    Handled {
        part: usize,
        distance: i64,
        waited_ms: i64,
    },
    /// Advances shop time by so many thousandths of the way to the end.
    Advance(i64),
    /// Saves and reopens everything.
    Reopen,
    Save,
}

fn step() -> impl Strategy<Value = Step> {
    let part = || 0..6_usize;
    prop_oneof![
        8 => (part(), distance(), lines()).prop_map(|(part, distance, sold)| Step::Order { part, distance, sold }),
        2 => (part(), 0..5_u64, amount())
            .prop_map(|(part, product, quantity)| Step::Delivery { part, product, quantity: quantity.max(1) }),
        4 => (part(), distance(), waited())
            .prop_map(|(part, distance, waited_ms)| Step::Handled { part, distance, waited_ms }),
        2 => (0..1000_i64).prop_map(Step::Advance),
        1 => Just(Step::Reopen),
        1 => Just(Step::Save),
    ]
}

/// Milliseconds between sale and handling: of attempts, arbitrary, and extreme.
fn waited() -> impl Strategy<Value = i64> {
    prop_oneof![
        4 => (1..40_i64).prop_map(|attempt| attempt * 10_000),
        4 => 0..2_000_000_i64,
        1 => prop::sample::select(vec![-5_000, 0, 999, 1_000, 99_999, 100_000, 109_999, 110_000, 1_000_000, 10_000_000_000_000]),
    ]
}

type Rows = BTreeMap<(&'static str, String), Vec<u8>>;

/// The partitions of one view, each with its checkpoint.
struct Parts<V>(Vec<(V, Rows)>);

impl<V: View> Parts<V> {
    fn save(&mut self) {
        for (view, rows) in &mut self.0 {
            for (table, saved) in view.tables() {
                for (key, value) in saved.changes() {
                    match value {
                        Some(value) => drop(rows.insert((table, key), value)),
                        None => drop(rows.remove(&(table, key))),
                    }
                }
            }
        }
    }

    fn reopen(&mut self) {
        self.save();
        for (view, rows) in &mut self.0 {
            *view = V::default();
            for ((table, key), value) in rows {
                let mut tables = view.tables();
                let (_, saved) = tables.iter_mut().find(|(name, _)| name == table).unwrap();
                saved.restore(key, value).unwrap();
            }
        }
    }
}

/// A view after all steps, over `count` partitions.
fn play<V: View>(steps: &[Step], events: &[Option<Event>], now: i64, zone: Zone, count: usize) -> Parts<V> {
    let mut parts: Parts<V> = Parts((0..count).map(|_| (V::default(), Rows::new())).collect());
    let mut reached = now - 400_000;
    for (step, event) in steps.iter().zip(events) {
        match step {
            Step::Order { part, .. } | Step::Delivery { part, .. } | Step::Handled { part, .. } => {
                parts.0[part % count].0.apply(event.as_ref().unwrap(), zone);
            }
            Step::Advance(thousandths) => {
                reached += (now - reached) * thousandths / 1000;
                for (view, _) in &mut parts.0 {
                    view.advance(reached, zone);
                }
            }
            Step::Reopen => parts.reopen(),
            Step::Save => parts.save(),
        }
    }
    parts
}

fn figures<V: View<Figures: Into<PartFigures>>>(
    steps: &[Step],
    events: &[Option<Event>],
    now: i64,
    zone: Zone,
    count: usize,
) -> Vec<PartFigures> {
    let parts = play::<V>(steps, events, now, zone, count);
    parts
        .0
        .iter()
        .map(|(view, _)| {
            // As sent to a dashboard.
            let figures: PartFigures = view.figures(now, zone).into();
            let json = serde_json::to_vec(&figures).unwrap();
            serde_json::from_slice(&json).unwrap()
        })
        .collect()
}

/// The steps as events, and all of them in one naive shop. Ids ascend with the steps.
fn tell(steps: &[Step], now: i64) -> (Vec<Option<Event>>, Shop) {
    let mut shop = Shop::default();
    let mut events = Vec::new();
    for (step, id) in steps.iter().zip(0..) {
        events.push(match step {
            Step::Order { distance, sold, .. } => {
                let order = naive::order(id, now + distance, sold);
                shop.orders.push(order.clone());
                Some(Event::Order(order))
            }
            Step::Delivery { product, quantity, .. } => {
                let delivery = naive::delivery(*product, now, *quantity);
                shop.deliveries.push(delivery.clone());
                Some(Event::Delivery(delivery))
            }
            Step::Handled { distance, waited_ms, .. } => {
                let handled = naive::handled(id, now + distance, *waited_ms);
                shop.handled.push(handled.clone());
                Some(Event::Handled(handled))
            }
            _ => None,
        });
    }
    (events, shop)
}

proptest! {
    #[test]
    fn a_checkpoint_has_the_rows_that_changed(
        steps in prop::collection::vec((0..6_u8, 0..10_i64), 0..60),
    ) {
        let mut table = table::Table::<i64, i64>::default();
        let mut rows: BTreeMap<i64, i64> = BTreeMap::new();
        let mut changed: BTreeSet<i64> = BTreeSet::new();
        for (what, key) in steps {
            match what {
                0..3 => {
                    *table.row(key) += 1;
                    *rows.entry(key).or_default() += 1;
                    changed.insert(key);
                }
                3 => {
                    table.forget_before(key);
                    let kept = rows.split_off(&key);
                    changed.extend(rows.into_keys());
                    rows = kept;
                }
                4 => {
                    table.restore(&key.to_string(), b"7").unwrap();
                    rows.insert(key, 7);
                }
                _ => {
                    let row = |key: &i64| rows.get(key).map(|row| row.to_string().into_bytes());
                    let expected: Vec<_> = changed.iter().map(|key| (key.to_string(), row(key))).collect();
                    prop_assert_eq!(table.changes(), expected);
                    changed.clear();
                }
            }
            prop_assert!(table.rows().eq(&rows));
            prop_assert!(table.range(key..).eq(rows.range(key..)));
            prop_assert_eq!(table.get(key), rows.get(&key));
        }
    }

    #[test]
    fn a_name_in_the_feed_is_the_beginning_of_the_name(name in "[a-cåäö🦀]{0,3}|[aå🦀]{190,210}") {
        prop_assert_eq!(shop_figures::feed_name(&name), name.chars().take(200).collect::<String>());
    }
}

proptest! {
    #![proptest_config(crate::testing::cases(1_500))]

    #[test]
    fn figures_are_those_of_one_list_of_all_events(
        place in 0..PLACES.len(),
        off in -100_000..100_000_i64,
        count in 1..=6_usize,
        steps in prop::collection::vec(step(), 0..60),
    ) {
        let (tz, around) = PLACES[place];
        let (zone, now) = (Zone(tz), around + off);
        let (events, shop) = tell(&steps, now);
        let (steps, events) = (&steps[..], &events[..]);
        let mut parts = figures::<OrdersToday>(steps, events, now, zone, count);
        parts.extend(figures::<Sales>(steps, events, now, zone, count));
        parts.extend(figures::<DailyReport>(steps, events, now, zone, count));
        parts.extend(figures::<Stock>(steps, events, now, zone, count));
        parts.extend(figures::<Mail>(steps, events, now, zone, count));
        parts.extend(figures::<HandledWindows>(steps, events, now, zone, count));
        parts.extend(figures::<Journal>(steps, events, now, zone, count));
        let said = summarize(parts.iter(), now, zone);

        let today = shop.day(said.today, tz);
        prop_assert_eq!((said.orders_today, said.sales_today_ore), today);
        prop_assert_eq!(said.sales_last_hour_ore, shop.sales_between(now - 3600, now));
        let slots: Vec<(u64, i64)> =
            said.orders_by_slot.iter().copied().zip(said.sales_by_slot.iter().copied()).collect();
        prop_assert_eq!(&slots, &shop.slots(now, tz));
        let before: Vec<(u64, i64)> =
            said.yesterday.orders.iter().copied().zip(said.yesterday.sales_ore.iter().copied()).collect();
        prop_assert_eq!(&before, &shop.slots_of_yesterday(said.today, tz));
        prop_assert_eq!(said.orders_by_slot.len(), said.sales_by_slot.len());
        // The slots lack the part of the day that is still to come.
        let end = (now.div_euclid(300) + 1) * 300;
        let later = shop.orders.iter().filter(|order| {
            order.created_at.timestamp() >= end && zone.date(order.created_at.timestamp()) == said.today
        });
        prop_assert_eq!(said.orders_by_slot.iter().sum::<u64>() + later.count() as u64, today.0);

        prop_assert_eq!(said.handled.total, shop.handled.len() as u64);
        prop_assert_eq!(said.mails, shop.handled.len() as u64);
        let windows = [said.handled.last_5_min, said.handled.last_30_min, said.handled.last_1_h, said.handled.last_2_h];
        prop_assert_eq!(windows, [300, 1800, 3600, 7200].map(|back| shop.handled_between(now - back, now)));
        for (interval, index) in said.handled.intervals.iter().zip(0..) {
            let from = now - 7200 + index * 300;
            prop_assert_eq!(*interval, shop.handled_between(from, from + 300));
        }

        for slot in (now - 7199).div_euclid(300)..=now.div_euclid(300) {
            let count = shop.handled.iter().filter(|handled| handled.second().div_euclid(300) == slot).count();
            prop_assert_eq!(said.handled.by_slot.get(&slot).copied().unwrap_or(0), count as u64);
        }

        let handled_today = said.handled.by_day.get(&said.today).copied().unwrap_or(0);
        prop_assert_eq!(handled_today, shop.handled_on(said.today, tz));
        let waits = shop.waits(now);
        prop_assert_eq!(said.handled.waits.quantile(0.5).is_none(), waits.is_empty());
        for percent in [0_usize, 1, 50, 95, 99, 100] {
            // The shortest wait within which that percentage was handled.
            let rank = (waits.len() * percent).div_ceil(100).max(1);
            let told = said.handled.waits.quantile(percent as f64 / 100.0);
            if let (Some(&exact), Some(told)) = (waits.get(rank - 1), told) {
                let near = told == exact || exact >= 1_000 && told < exact && told as f64 >= exact as f64 * 0.99;
                prop_assert!(near, "{percent} % of {waits:?} waited {exact} s, not {told}");
            }
        }

        let sold: BTreeMap<u64, (String, i64)> =
            said.products_today.iter().map(|(id, sold)| (*id, (sold.name.clone(), sold.units))).collect();
        prop_assert_eq!(sold, shop.products(Some(said.today), tz));
        let brought: BTreeMap<u64, i64> =
            said.products_today.iter().map(|(id, sold)| (*id, sold.sales_ore)).collect();
        prop_assert_eq!(brought, shop.sales_by_product(said.today, tz));

        let mut stock: BTreeMap<u64, (String, i64, i64)> = BTreeMap::new();
        for (id, pieces) in shop.delivered() {
            stock.entry(id).or_default().1 = pieces;
        }
        for (id, (name, pieces)) in shop.products(None, tz) {
            let line = stock.entry(id).or_default();
            (line.0, line.2) = (name, pieces);
        }
        let told: BTreeMap<u64, (String, i64, i64)> = said
            .stock
            .iter()
            .map(|line| (line.product_id, (line.name.clone(), line.delivered, line.sold)))
            .collect();
        prop_assert_eq!(told.len(), said.stock.len());
        prop_assert_eq!(told, stock);
    }

    #[test]
    fn every_day_of_the_report_is_that_of_one_list(
        place in 0..PLACES.len(),
        count in 1..=6_usize,
        steps in prop::collection::vec(step(), 0..40),
    ) {
        let (tz, now) = PLACES[place];
        let zone = Zone(tz);
        let (events, shop) = tell(&steps, now);
        let mut days: BTreeMap<chrono::NaiveDate, day_totals::DayTotals> = BTreeMap::new();
        for (view, _) in play::<DailyReport>(&steps, &events, now, zone, count).0 {
            for (date, totals) in view.days() {
                days.entry(date).or_default().merge(totals);
            }
        }
        prop_assert_eq!(days.keys().copied().collect::<Vec<_>>(), shop.days(tz));
        for (date, totals) in days {
            prop_assert_eq!((totals.orders, totals.sales_ore), shop.day(date, tz));
            let products: BTreeMap<u64, (String, i64)> =
                totals.products.into_iter().map(|(id, product)| (id, (product.name, product.units))).collect();
            prop_assert_eq!(products, shop.products(Some(date), tz));
        }
    }

    #[test]
    fn the_feed_holds_the_latest_orders_of_each_partition(
        count in 1..=6_usize,
        steps in prop::collection::vec(step(), 0..60),
    ) {
        let (tz, now) = PLACES[0];
        let steps: Vec<Step> = steps.into_iter().filter(|step| !matches!(step, Step::Reopen)).collect();
        let (events, shop) = tell(&steps, now);
        let mut parts = figures::<Journal>(&steps, &events, now, Zone(tz), count);
        parts.extend(figures::<Mail>(&steps, &events, now, Zone(tz), count));
        let told: Vec<u64> = summarize(parts.iter(), now, Zone(tz)).latest.iter().map(|row| row.order_id).collect();
        let mut expected: Vec<(i64, u64)> = Vec::new();
        for part in 0..count {
            let ids = |sale: bool| {
                let mut ids: Vec<u64> = steps
                    .iter()
                    .zip(0..)
                    .filter(|(step, _)| match step {
                        Step::Order { part: at, .. } => sale && at % count == part,
                        Step::Handled { part: at, .. } => !sale && at % count == part,
                        _ => false,
                    })
                    .map(|(_, id)| id)
                    .collect();
                ids.reverse();
                ids.truncate(12);
                ids
            };
            for id in ids(true) {
                let order = shop.orders.iter().find(|order| order.order_id == id).unwrap();
                expected.push((order.created_at.timestamp(), id));
            }
            for id in ids(false) {
                let handled = shop.handled.iter().find(|handled| handled.order_id == id).unwrap();
                expected.push((handled.handled_at.timestamp(), id));
            }
        }
        expected.sort_unstable();
        expected.reverse();
        expected.truncate(60);
        let expected: Vec<u64> = expected.into_iter().map(|(_, id)| id).collect();
        // Of two changes in the same millisecond, the higher id is first.
        prop_assert_eq!(told, expected);
    }
}

/// A state of each consumer as stored in `shop.state`: other versions of the program read it.
const STATES: [(&str, &str); 8] = [
    ("orders-today", r#"{"orders-today":{"days":{"2026-11-20":3},"slots":{"5983333":2}}}"#),
    ("sales", r#"{"sales":{"days":{"2026-11-20":300},"slots":{"5983333":200},"last_hour_ore":100}}"#),
    (
        "daily-report",
        r#"{"daily-report":{"date":"2026-11-20","today":{"orders":1,"sales_ore":100,"products":{"7":{"name":"Kopp","named_by":9,"units":2,"sales_ore":100}}}}}"#,
    ),
    ("stock", r#"{"stock":{"lines":[{"product_id":7,"name":"Kopp","named_by":9,"delivered":10,"sold":2}]}}"#),
    (
        "handling",
        r#"{"handling":{"sent_until":1795000000,"oldest":4,"parameters":[],"accepted":5,"handled":3,"dead_letters":1,"duplicates":2}}"#,
    ),
    (
        "mail",
        r#"{"mail":{"mails":1,"latest":[{"order_id":9,"created_at":"2026-11-20T12:00:00+01:00","customer":"Kund","pieces":0,"total_ore":100,"stage":"mailed","handled_at":"2026-11-20T12:00:10+01:00"}]}}"#,
    ),
    (
        "handled-windows",
        r#"{"handled-windows":{"total":1,"by_day":{"2026-11-20":1},"last_5_min":1,"last_30_min":1,"last_1_h":1,"last_2_h":1,"intervals":[0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,1],"by_slot":{"5983333":1},"waits":{"10":1}}}"#,
    ),
    (
        "journal",
        r#"{"journal":{"latest":[{"order_id":9,"created_at":"2026-11-20T12:00:00+01:00","customer":"Kund","pieces":2,"total_ore":100,"stage":"sold","handled_at":null}]}}"#,
    ),
];

#[test]
fn states_are_written_as_other_versions_read_them() {
    assert_eq!(STATES.map(|(name, _)| name)[..], NAMES[..8], "the order of screens and lists");
    for (_, json) in STATES {
        let figures: PartFigures = serde_json::from_str(json).unwrap();
        assert_eq!(serde_json::to_string(&figures).unwrap(), json);
    }
}

/// Figures without a field in the dashboard.
#[derive(Debug, Clone, PartialEq, Serialize)]
struct Longest {
    name: String,
}

#[test]
fn other_figures_are_merged_and_shown_under_the_name_of_their_consumer() {
    let mut shop = Summary::new(0, Zone::default());
    for name in ["Bo", "Margareta", "Åsa"] {
        shop.other("longest-name", &Longest { name: name.to_owned() }, |sum, part| {
            if part.name.len() > sum.name.len() {
                sum.clone_from(part);
            }
        });
    }
    let others = shop.finish().others;
    assert_eq!(serde_json::to_string(&others).unwrap(), r#"{"longest-name":{"name":"Margareta"}}"#);
}
