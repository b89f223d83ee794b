use std::collections::{BTreeMap, BTreeSet, HashMap};

use proptest::prelude::*;

use super::*;
use crate::{
    shop::{Delivery, Handled, Order},
    views::{
        Event,
        naive::{self, PLACES, Shop, Sold, distance, lines},
        shop_figures::Stage,
    },
};

/// What lies in the logs, in any order of shop time.
#[derive(Debug, Clone)]
enum Step {
    Order {
        distance: i64,
        sold: Vec<Sold>,
        handled_after_ms: Option<i64>,
    },
    Delivery {
        distance: i64,
        product: u64,
        quantity: i64,
    },
    Uncounted {
        distance: i64,
        duplicate: bool,
    },
    /// Somebody looks at a moment, so that copies of the views are left on the way.
    Look(i64),
}

fn step() -> impl Strategy<Value = Step> {
    let wait = prop::option::of(prop_oneof![0..20_000_i64, 0..9_000_000_i64]);
    prop_oneof![
        8 => (distance(), lines(), wait)
            .prop_map(|(distance, sold, handled_after_ms)| Step::Order { distance, sold, handled_after_ms }),
        2 => (distance(), 0..4_u64, 1..500_i64)
            .prop_map(|(distance, product, quantity)| Step::Delivery { distance, product, quantity }),
        1 => (distance(), any::<bool>())
            .prop_map(|(distance, duplicate)| Step::Uncounted { distance, duplicate }),
        1 => distance().prop_map(Step::Look),
    ]
}

/// The records that there are, one after the other.
#[derive(Debug, Clone, Default)]
struct Log {
    shop: Shop,
    uncounted: Vec<(i64, Uncounted)>,
}

impl Log {
    /// What had happened by a moment.
    fn until(&self, moment: i64) -> Self {
        let shop = Shop {
            orders: kept(&self.shop.orders, |order: &Order| order.second() <= moment),
            deliveries: kept(&self.shop.deliveries, |delivery: &Delivery| delivery.at.timestamp() <= moment),
            handled: kept(&self.shop.handled, |handled: &Handled| handled.second() <= moment),
        };
        Self { shop, uncounted: kept(&self.uncounted, |(second, _)| *second <= moment) }
    }

    fn counted(&self, why: Uncounted) -> u64 {
        self.uncounted.iter().filter(|(_, reason)| *reason == why).count() as u64
    }

    /// Every order with the stage that it has reached, the last change first.
    fn feed(&self) -> Vec<(u64, Stage, i64)> {
        let pieces =
            |order: &Order| order.lines.iter().fold(0_i64, |sum, line| sum.saturating_add(line.quantity));
        let handled: BTreeMap<u64, &Handled> =
            self.shop.handled.iter().map(|one| (one.order_id, one)).collect();
        let mut rows: Vec<_> = self
            .shop
            .orders
            .iter()
            .map(|order| match handled.get(&order.order_id) {
                Some(handled) => (handled.handled_at, order.order_id, Stage::Mailed, pieces(order)),
                None => (order.created_at, order.order_id, Stage::Sold, pieces(order)),
            })
            .collect();
        rows.sort_by_key(|row| std::cmp::Reverse((row.0, row.1)));
        rows.into_iter().take(FEED).map(|(_, id, stage, pieces)| (id, stage, pieces)).collect()
    }
}

fn kept<T: Clone>(all: &[T], is_kept: impl Fn(&T) -> bool) -> Vec<T> {
    all.iter().filter(|one| is_kept(one)).cloned().collect()
}

/// Compares a moment with what a naive computation over the records up to it says.
fn compare(history: &mut History, log: &Log, moment: i64, zone: Zone) -> Result<(), TestCaseError> {
    let Moment { figures, feed } = history.at(moment);
    let then = log.until(moment);
    let (shop, tz, today) = (&then.shop, zone.0, zone.date(moment));
    prop_assert_eq!((figures.shop_second, figures.today), (moment, today));
    prop_assert_eq!((figures.orders_today, figures.sales_today_ore), shop.day(today, tz));
    prop_assert_eq!(figures.sales_last_hour_ore, shop.sales_between(moment - 3600, moment));
    let slots: Vec<(u64, i64)> =
        figures.orders_by_slot.iter().copied().zip(figures.sales_by_slot.iter().copied()).collect();
    prop_assert_eq!(slots, shop.slots(moment, tz));
    let before: Vec<(u64, i64)> =
        figures.yesterday.orders.iter().copied().zip(figures.yesterday.sales_ore.iter().copied()).collect();
    prop_assert_eq!(&before, &shop.slots_of_yesterday(today, tz));
    let yesterday = today.pred_opt().map(|yesterday| shop.day(yesterday, tz));
    prop_assert_eq!(figures.whole_yesterday().is_some(), yesterday.is_some_and(|(orders, _)| orders > 0));

    let of_today = shop.products(Some(today), tz);
    let sold: BTreeMap<u64, (String, i64)> = figures
        .products_today
        .iter()
        .map(|(id, product)| (*id, (product.name.clone(), product.units)))
        .collect();
    prop_assert_eq!(sold, of_today);
    let ore: BTreeMap<u64, i64> =
        figures.products_today.iter().map(|(id, product)| (*id, product.sales_ore)).collect();
    prop_assert_eq!(ore, shop.sales_by_product(today, tz));

    let (delivered, sold) = (shop.delivered(), shop.products(None, tz));
    let stock: BTreeSet<u64> = delivered.keys().chain(sold.keys()).copied().collect();
    prop_assert_eq!(figures.stock.iter().map(|line| line.product_id).collect::<BTreeSet<_>>(), stock);
    for line in &figures.stock {
        let (name, units) = sold.get(&line.product_id).cloned().unwrap_or_default();
        let pieces = delivered.get(&line.product_id).copied().unwrap_or(0);
        prop_assert_eq!((&line.name, line.sold, line.delivered), (&name, units, pieces));
    }

    let (orders, handled) = (shop.orders.len() as u64, shop.handled.len() as u64);
    prop_assert_eq!((figures.produced, figures.pending, figures.mails), (orders, orders - handled, handled));
    prop_assert_eq!(figures.duplicates, then.counted(Uncounted::Duplicate));
    prop_assert_eq!(figures.dead_letters, then.counted(Uncounted::DeadLetter));
    let windows = &figures.handled;
    prop_assert_eq!(windows.total, handled);
    for (count, length) in [
        (windows.last_5_min, 300),
        (windows.last_30_min, 1800),
        (windows.last_1_h, 3600),
        (windows.last_2_h, 7200),
    ] {
        prop_assert_eq!(count, shop.handled_between(moment - length, moment));
    }
    for (interval, back) in windows.intervals.iter().rev().zip(0..) {
        prop_assert_eq!(*interval, shop.handled_between(moment - (back + 1) * 300, moment - back * 300));
    }
    prop_assert_eq!(windows.by_day.get(&today).copied().unwrap_or(0), shop.handled_on(today, tz));
    prop_assert_eq!(windows.waits.orders(), shop.waits(moment).len() as u64);

    let mut days: Vec<_> = shop.days(tz);
    days.retain(|day| *day < today);
    for day in days {
        let note = figures.reports.iter().find(|note| note.date == day);
        prop_assert_eq!(note.map(|note| (note.orders, note.sales_ore)), Some(shop.day(day, tz)), "{}", day);
    }
    prop_assert!(figures.reports.iter().all(|note| note.date < today));
    prop_assert!(figures.reports.is_sorted_by_key(|note| note.date));
    let rows: Vec<_> = feed.iter().map(|row| (row.order_id, row.stage, row.pieces)).collect();
    prop_assert_eq!(rows, then.feed());
    prop_assert_eq!(&figures.latest[..], &feed[..feed.len().min(60)]);
    Ok(())
}

proptest! {
    #![proptest_config(crate::testing::cases(60))]

    #[test]
    fn fifty_moments_are_what_a_naive_computation_of_the_records_up_to_them_says(
        (zone, present) in prop::sample::select(&PLACES[..]),
        steps in prop::collection::vec(step(), 0..120),
        moments in prop::collection::vec(distance(), 50),
        apart in prop_oneof![1..8_usize, Just(APART)],
    ) {
        let zone = Zone(zone);
        let mut history = History { apart, ..History::new(zone) };
        let mut log = Log::default();
        for (step, id) in steps.into_iter().zip(1..) {
            match step {
                Step::Order { distance, sold, handled_after_ms } => {
                    let order = naive::order(id, present + distance, &sold);
                    history.add(Fact::Event(Event::Order(order.clone())));
                    if let Some(wait) = handled_after_ms {
                        let at_ms = order.created_at.timestamp_millis() + wait;
                        let handled = Handled {
                            handled_at: naive::time(at_ms.div_euclid(1000), at_ms.rem_euclid(1000)),
                            created_at: order.created_at,
                            ..naive::handled(id, 0, 0)
                        };
                        history.add(Fact::Event(Event::Handled(handled.clone())));
                        log.shop.handled.push(handled);
                    }
                    log.shop.orders.push(order);
                }
                Step::Delivery { distance, product, quantity } => {
                    let delivery = naive::delivery(product, present + distance, quantity);
                    history.add(Fact::Event(Event::Delivery(delivery.clone())));
                    log.shop.deliveries.push(delivery);
                }
                Step::Uncounted { distance, duplicate } => {
                    let why = if duplicate { Uncounted::Duplicate } else { Uncounted::DeadLetter };
                    history.add(Fact::Uncounted(why, present + distance));
                    log.uncounted.push((present + distance, why));
                }
                Step::Look(distance) => {
                    history.at(present + distance);
                    history.apart = apart;
                }
            }
        }
        history.settle();
        history.apart = apart;
        let mut seen = HashMap::new();
        for distance in moments.into_iter().chain([0]) {
            compare(&mut history, &log, present + distance, zone)?;
            seen.insert(distance, history.at(present + distance));
        }
        // Whatever was looked at in between.
        for (distance, then) in seen {
            prop_assert_eq!(history.at(present + distance), then);
        }
    }
}

#[test]
fn what_belongs_to_the_moment_is_news_and_what_comes_after_it_is_none() {
    let mut history = History::new(Zone::default());
    assert_eq!(history.first(), None);
    history.add(Fact::Event(Event::Order(naive::order(1, 5_000, &[(1, 1, 2, 300)]))));
    assert!(history.is_news(5_000) && !history.is_news(4_999));
    assert_eq!(history.first(), Some(5_000));
    assert!(!history.is_news(5_000), "it was looked at");
    history.add(Fact::Event(Event::Delivery(naive::delivery(1, 4_000, 9))));
    assert!(history.is_news(4_000));
    assert_eq!(history.first(), Some(4_000));
    assert_eq!(history.at(4_500).figures.produced, 0);
}

#[test]
fn a_long_log_leaves_copies_of_the_views_on_the_way_and_what_comes_late_forgets_those_behind_it() {
    let mut history = History { apart: 100, ..History::new(Zone::default()) };
    let sale = |id: i64| {
        let order = naive::order(id.unsigned_abs(), 1_795_000_000 + id, &[(1, 1, 1, 100)]);
        Fact::Event(Event::Order(order))
    };
    (0..1_000).for_each(|id| history.add(sale(id)));
    history.settle();
    history.apart = 100;
    let last = 1_795_000_999;
    // The way there can be left, and gone on with.
    let mut steps = Vec::new();
    let mut step = |done, of| {
        steps.push((done, of));
        done < 300
    };
    assert!(!history.approach(last, &mut step));
    assert!(history.approach(last, |done, of| step(done + 1_000, of) || done > 300));
    assert_eq!(steps[..4], [(100, 1_000), (200, 1_000), (300, 1_000), (1_400, 1_000)]);
    assert_eq!((steps.len(), history.copies.len()), (9, 9));
    assert_eq!(history.at(last).figures.produced, 1_000);
    assert_eq!(history.copies.len(), 9);
    assert_eq!(history.at(last - 450).figures.produced, 550);
    assert_eq!(history.copies.len(), 9, "they are there already");
    history.add(sale(550));
    assert_eq!(history.at(last).figures.produced, 1_001);
    assert!(history.copies.len() >= 5 && history.at(last - 450).figures.produced == 550);
}
