//! A naive implementation of the figures, for tests: all events in one list, sums in `i128`, no state.

use compact_str::format_compact;
use std::collections::BTreeMap;

use chrono::{DateTime, FixedOffset, NaiveDate};
use chrono_tz::Tz;
use proptest::prelude::*;

use crate::shop::{Customer, Delivery, Handled, Line, Order, Zone};

/// Zones with odd days, and a second within each: days of 23 and 25 hours, midnights that are missing or occur twice, a
/// skipped day, and offsets of half and quarter hours.
pub(crate) const PLACES: [(Tz, i64); 8] = [
    (Tz::Europe__Stockholm, 1_774_746_000),
    (Tz::Europe__Stockholm, 1_792_893_600),
    (Tz::America__Sao_Paulo, 1_541_303_000),
    (Tz::America__Havana, 1_762_059_600),
    (Tz::Pacific__Apia, 1_325_239_200),
    (Tz::Asia__Kathmandu, 1_795_000_000),
    (Tz::Australia__Lord_Howe, 1_775_314_800),
    (Tz::UTC, 1_795_000_000),
];

/// Seconds around a moment: close to it, at window edges, and days away, also in the future.
pub(crate) fn distance() -> impl Strategy<Value = i64> {
    prop_oneof![
        6 => -7300..10_i64,
        3 => prop::sample::select(vec![
            -7201, -7200, -7199, -6900, -3601, -3600, -3599, -1800, -1799, -300, -299, -1, 0, 1, 299, 300,
        ]),
        2 => -200_000..200_000_i64,
    ]
}

/// Amounts, sometimes so large that their sums overflow.
pub(crate) fn amount() -> impl Strategy<Value = i64> {
    prop_oneof![9 => 0..1_000_000_i64, 1 => (i64::MAX - 1000)..=i64::MAX]
}

/// An order line: product, name, pieces, price.
pub(crate) type Sold = (u64, usize, i64, i64);

pub(crate) fn lines() -> impl Strategy<Value = Vec<Sold>> {
    let small = (0..4_u64, 0..3_usize, 1..50_i64, 0..100_000_i64);
    prop_oneof![
        9 => prop::collection::vec(small, 1..4),
        1 => (0..4_u64, amount()).prop_map(|(id, price)| vec![(id, 0, 1, price)]),
        1 => (0..4_u64, amount()).prop_map(|(id, many)| vec![(id, 1, many.max(1), 1)]),
    ]
}

pub(crate) fn time(second: i64, ms: i64) -> DateTime<FixedOffset> {
    DateTime::from_timestamp_millis(second * 1000 + ms)
        .unwrap()
        .with_timezone(&FixedOffset::east_opt(5400).unwrap())
}

pub(crate) fn customer(id: u64) -> Customer {
    Customer {
        customer_id: id,
        name: format_compact!("Kund {id}"),
        email: format_compact!("kund{id}@example.com"),
    }
}

/// A valid order.
pub(crate) fn order(order_id: u64, second: i64, sold: &[Sold]) -> Order {
    let names = ["", "Kopp", "Fat"];
    let lines = |&(product_id, name, quantity, unit_price_ore): &Sold| Line {
        product_id,
        name: names[name].into(),
        quantity,
        unit_price_ore,
    };
    Order {
        order_id,
        created_at: time(second, 999),
        customer: customer(order_id % 7),
        lines: sold.iter().map(lines).collect(),
        total_ore: sold.iter().map(|(_, _, quantity, price)| quantity * price).sum(),
    }
}

pub(crate) fn delivery(product_id: u64, second: i64, quantity: i64) -> Delivery {
    Delivery { delivery_id: 1, at: time(second, 0), product_id, quantity }
}

/// Handled after any wait, sometimes none or an impossible one.
pub(crate) fn handled(order_id: u64, second: i64, waited_ms: i64) -> Handled {
    Handled {
        order_id,
        created_at: time(second, 999 - waited_ms),
        handled_at: time(second, 999),
        customer: customer(order_id % 7),
        total_ore: 100,
        lines: Vec::new(),
    }
}

/// The shop's logs: valid orders, each once, in any order of time.
#[derive(Debug, Clone, Default)]
pub(crate) struct Shop {
    pub(crate) orders: Vec<Order>,
    pub(crate) deliveries: Vec<Delivery>,
    pub(crate) handled: Vec<Handled>,
}

/// A sum, saturated.
fn fit(sum: i128) -> i64 {
    i64::try_from(sum).unwrap_or(if sum > 0 { i64::MAX } else { i64::MIN })
}

fn date(second: i64, zone: Tz) -> NaiveDate {
    DateTime::from_timestamp(second, 0).unwrap().with_timezone(&zone).date_naive()
}

impl Shop {
    fn of_day(&self, day: NaiveDate, zone: Tz) -> impl Iterator<Item = &Order> {
        self.orders.iter().filter(move |order| date(order.created_at.timestamp(), zone) == day)
    }

    /// Orders and sales of a day.
    pub(crate) fn day(&self, day: NaiveDate, zone: Tz) -> (u64, i64) {
        let sum = self.of_day(day, zone).map(|order| i128::from(order.total_ore)).sum();
        (self.of_day(day, zone).count() as u64, fit(sum))
    }

    /// The days that have orders.
    pub(crate) fn days(&self, zone: Tz) -> Vec<NaiveDate> {
        let mut days: Vec<NaiveDate> =
            self.orders.iter().map(|order| date(order.created_at.timestamp(), zone)).collect();
        days.sort_unstable();
        days.dedup();
        days
    }

    /// By product: its name in the newest order with it (the last of equal ids) and pieces sold, on a day or ever.
    pub(crate) fn products(&self, day: Option<NaiveDate>, zone: Tz) -> BTreeMap<u64, (String, i64)> {
        let orders: Vec<&Order> = match day {
            Some(day) => self.of_day(day, zone).collect(),
            None => self.orders.iter().collect(),
        };
        let mut products: BTreeMap<u64, (Vec<(u64, String)>, i128)> = BTreeMap::new();
        for (order, line) in
            orders.iter().flat_map(|order| order.lines.iter().map(|line| (order.order_id, line)))
        {
            let product = products.entry(line.product_id).or_default();
            product.0.push((order, line.name.to_string()));
            product.1 += i128::from(line.quantity);
        }
        let newest = |names: Vec<(u64, String)>| names.into_iter().max().unwrap_or_default().1;
        products.into_iter().map(|(id, (names, units))| (id, (newest(names), fit(units)))).collect()
    }

    /// By product: pieces delivered.
    pub(crate) fn delivered(&self) -> BTreeMap<u64, i64> {
        let mut products: BTreeMap<u64, i128> = BTreeMap::new();
        for delivery in &self.deliveries {
            *products.entry(delivery.product_id).or_default() += i128::from(delivery.quantity);
        }
        products.into_iter().map(|(id, pieces)| (id, fit(pieces))).collect()
    }

    /// Sales of the seconds s with `after` < s ≤ `until`.
    pub(crate) fn sales_between(&self, after: i64, until: i64) -> i64 {
        let within = |order: &&Order| (after + 1..=until).contains(&order.created_at.timestamp());
        fit(self.orders.iter().filter(within).map(|order| i128::from(order.total_ore)).sum())
    }

    /// Orders handled in the seconds s with `after` < s ≤ `until`.
    pub(crate) fn handled_between(&self, after: i64, until: i64) -> u64 {
        let within = |one: &&Handled| (after + 1..=until).contains(&one.handled_at.timestamp());
        self.handled.iter().filter(within).count() as u64
    }

    /// Orders handled on a day.
    pub(crate) fn handled_on(&self, day: NaiveDate, zone: Tz) -> u64 {
        let that_day = |one: &&Handled| date(one.handled_at.timestamp(), zone) == day;
        self.handled.iter().filter(that_day).count() as u64
    }

    /// The waits of the orders handled in the slots of the last two hours, seconds, shortest first.
    pub(crate) fn waits(&self, now: i64) -> Vec<i64> {
        let slots = (now - 7199).div_euclid(300)..=now.div_euclid(300);
        let within = |one: &&Handled| slots.contains(&one.handled_at.timestamp().div_euclid(300));
        let waited = |one: &Handled| {
            (one.handled_at.timestamp_millis() - one.created_at.timestamp_millis()).max(0) / 1000
        };
        let mut waits: Vec<i64> = self.handled.iter().filter(within).map(waited).collect();
        waits.sort_unstable();
        waits
    }

    /// By product: its sales on a day, öre.
    pub(crate) fn sales_by_product(&self, day: NaiveDate, zone: Tz) -> BTreeMap<u64, i64> {
        let mut products: BTreeMap<u64, i128> = BTreeMap::new();
        for line in self.of_day(day, zone).flat_map(|order| &order.lines) {
            *products.entry(line.product_id).or_default() +=
                i128::from(line.quantity) * i128::from(line.unit_price_ore);
        }
        products.into_iter().map(|(id, ore)| (id, fit(ore))).collect()
    }

    /// Those of each five minutes of the day before; none where the calendar skipped it.
    pub(crate) fn slots_of_yesterday(&self, today: NaiveDate, zone: Tz) -> Vec<(u64, i64)> {
        let last = Zone(zone).start_of(today) - 1;
        if Some(date(last, zone)) == today.pred_opt() { self.slots(last, zone) } else { Vec::new() }
    }

    /// Orders and sales by five-minute slots of `now`'s day, up to `now`'s slot.
    pub(crate) fn slots(&self, now: i64, zone: Tz) -> Vec<(u64, i64)> {
        let today = date(now, zone);
        let mut first = now.div_euclid(300) * 300;
        while date(first - 300, zone) == today {
            first -= 300;
        }
        let slot = |from: i64| {
            let within = |order: &&Order| (from..from + 300).contains(&order.created_at.timestamp());
            let orders = || self.orders.iter().filter(within);
            (orders().count() as u64, fit(orders().map(|order| i128::from(order.total_ore)).sum()))
        };
        (0..=(now - first) / 300).map(|index| slot(first + index * 300)).collect()
    }
}
