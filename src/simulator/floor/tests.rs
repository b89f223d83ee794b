//! The shop floor against a naive recomputation from its events.

use proptest::prelude::*;

use super::*;
use crate::shop::Product;

/// What a caller may do with a floor.
#[derive(Debug, Clone)]
enum Step {
    /// Let shop time come so much further, ms, doors open or not, and take at most so many events.
    Go(i64, bool, usize),
    /// Change the mean gap.
    Gap(Option<f64>),
    /// Pass so much time with nothing happening.
    Skip(i64),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => (1_i64..200_000, any::<bool>(), 1_usize..400).prop_map(|(ms, open, n)| Step::Go(ms, open, n)),
        1 => prop_oneof![Just(None), (0.001_f64..5_000.0).prop_map(Some)].prop_map(Step::Gap),
        1 => (1_i64..100_000).prop_map(Step::Skip),
    ]
}

prop_compose! {
    fn product()(
        popularity in 0.01_f64..10.0,
        opening_stock in 0_i64..60,
        reorder_point in 0_i64..30,
        reorder_quantity in 1_i64..60,
        delivery_minutes in 0_i64..20,
    ) -> Product {
        Product {
            id: 0, name: "x".into(), category: "y".into(), price_ore: 100,
            popularity, opening_stock, reorder_point, reorder_quantity, delivery_minutes,
        }
    }
}

fn catalog() -> impl Strategy<Value = Catalog> {
    prop::collection::vec(product(), 1..8).prop_map(|mut products| {
        for (id, product) in (10..).zip(&mut products) {
            product.id = id;
        }
        Catalog { products }
    })
}

/// All events of a run, in their order.
fn run(seed: u64, catalog: &Catalog, steps: &[Step]) -> (Floor, Vec<Event>) {
    let mut floor =
        Floor::new(seed, catalog, &Beginning { from_ms: 1_000, ..Beginning::default() }, Some(300.0));
    let mut events = Vec::new();
    for step in steps {
        match *step {
            Step::Go(ms, open, most) => {
                let until = floor.complete_ms() + ms;
                for _ in 0..most {
                    let Some(event) = floor.next(until, open) else {
                        assert_eq!(floor.complete_ms(), until);
                        break;
                    };
                    events.push(event);
                }
            }
            Step::Gap(gap) => floor.set_mean_gap(gap),
            Step::Skip(ms) => floor.skip_to(floor.complete_ms() + ms),
        }
    }
    (floor, events)
}

/// The visits once more, as the events that came of them tell which was which.
struct Asked {
    visits: Visits,
    order_id: u64,
    attempt: u64,
}

impl Asked {
    fn new(seed: u64, catalog: &Catalog) -> Self {
        Self { visits: Visits::new(seed, catalog), order_id: 1, attempt: 0 }
    }

    /// The visit that came to this end.
    fn next(&mut self, event: &Event) -> Visit {
        let visit = self.visits.visit(self.order_id, self.attempt);
        (self.order_id, self.attempt) = match event {
            Event::Sale(_) => (self.order_id + 1, 0),
            _ => (self.order_id, self.attempt + 1),
        };
        visit
    }
}

fn pieces(wishes: &[Wish]) -> i64 {
    wishes.iter().map(|wish| wish.quantity).sum()
}

proptest! {
    #[test]
    fn the_books_balance_at_every_moment(
        seed: u64, catalog in catalog(), steps in prop::collection::vec(step(), 1..40),
    ) {
        let (floor, events) = run(seed, &catalog, &steps);
        let mut balance = vec![0_i64; catalog.products.len()];
        let (mut orders, mut deliveries, mut last_ms) = (0_u64, 0_u64, 0_i64);
        for event in &events {
            match event {
                Event::Sale(sale) => {
                    orders += 1;
                    prop_assert_eq!(sale.order_id, orders, "ids go up without gaps");
                    prop_assert!(!sale.lines().is_empty());
                    prop_assert!(sale.at_ms >= last_ms, "time goes backwards");
                    last_ms = sale.at_ms;
                    for line in sale.lines() {
                        prop_assert!(line.quantity >= 1);
                        balance[line.product] -= line.quantity;
                        prop_assert!(balance[line.product] >= 0, "sold what was not there");
                    }
                }
                Event::Goods(goods) => {
                    deliveries += 1;
                    prop_assert_eq!(goods.delivery_id, deliveries);
                    prop_assert!(goods.at_ms >= last_ms, "time goes backwards");
                    last_ms = goods.at_ms;
                    balance[goods.product] += goods.quantity;
                    prop_assert!(goods.quantity >= 1);
                }
                Event::Missed => {}
            }
        }
        for (place, balance) in balance.iter().enumerate() {
            prop_assert_eq!(floor.shelf().balance(place), *balance);
        }
        prop_assert_eq!((floor.last_order_id(), floor.last_delivery_id()), (orders, deliveries));
    }

    #[test]
    fn nothing_happens_at_a_time_that_was_complete(
        seed: u64, catalog in catalog(), steps in prop::collection::vec(step(), 1..40),
    ) {
        let mut floor = Floor::new(seed, &catalog, &Beginning::default(), Some(50.0));
        for step in steps {
            match step {
                Step::Go(ms, open, most) => {
                    let until = floor.complete_ms() + ms;
                    for _ in 0..most {
                        let complete = floor.complete_ms();
                        match floor.next(until, open) {
                            Some(Event::Sale(Sale { at_ms, .. }) | Event::Goods(Goods { at_ms, .. })) => {
                                prop_assert!(complete < at_ms && at_ms <= until);
                                prop_assert!(floor.complete_ms() < at_ms);
                            }
                            Some(Event::Missed) => {}
                            None => break,
                        }
                    }
                }
                Step::Gap(gap) => floor.set_mean_gap(gap),
                Step::Skip(ms) => floor.skip_to(floor.complete_ms() + ms),
            }
        }
    }

    #[test]
    fn a_lost_sale_is_a_basket_that_nothing_was_there_for(
        seed: u64, catalog in catalog(), steps in prop::collection::vec(step(), 1..40),
    ) {
        let (floor, events) = run(seed, &catalog, &steps);
        let mut asked = Asked::new(seed, &catalog);
        let mut balance = vec![0_i64; catalog.products.len()];
        let mut lost = 0;
        for event in &events {
            if let Event::Goods(goods) = event {
                balance[goods.product] += goods.quantity;
                continue;
            }
            let visit = asked.next(event);
            let mut taken = Vec::new();
            for wish in visit.wishes() {
                let quantity = wish.quantity.min(balance[wish.product]);
                balance[wish.product] -= quantity;
                taken.extend((quantity > 0).then_some(Wish { product: wish.product, quantity }));
            }
            match event {
                Event::Sale(sale) => {
                    prop_assert_eq!(sale.customer_id, visit.customer_id);
                    prop_assert_eq!(sale.lines(), &taken[..]);
                }
                _ => prop_assert!(taken.is_empty(), "left with nothing, and there was some"),
            }
            lost += u64::from(taken.is_empty());
        }
        prop_assert_eq!(floor.lost_sales(), lost);
    }

    #[test]
    fn a_seed_gives_the_same_run_however_it_is_cut_into_batches(
        seed: u64, catalog in catalog(), batches in prop::collection::vec(1_usize..50, 1..20),
    ) {
        let until = 400_000;
        let (_, whole) = run(seed, &catalog, &[Step::Go(until, true, usize::MAX)]);
        let steps: Vec<Step> = batches.iter().map(|_| Step::Go(20_000, true, usize::MAX)).collect();
        let (floor, cut) = run(seed, &catalog, &steps);
        let complete = floor.complete_ms();
        let expected: Vec<Event> = whole
            .into_iter()
            .take_while(|event| match event {
                Event::Sale(Sale { at_ms, .. }) | Event::Goods(Goods { at_ms, .. }) => *at_ms <= complete,
                Event::Missed => true,
            })
            .collect();
        // Customers who left with nothing bear no time: those after the last dated event may differ.
        let dated = |events: &[Event]| -> Vec<Event> {
            events.iter().copied().filter(|event| !matches!(event, Event::Missed)).collect()
        };
        prop_assert_eq!(dated(&cut), dated(&expected));
    }
}

/// Sales, deliveries and the share of wanted pieces that was sold.
fn sell(mean_gap_ms: Option<f64>, shop_ms: i64, most: usize) -> (usize, usize, f64) {
    let catalog = Catalog::builtin();
    let mut floor = Floor::new(1, &catalog, &Beginning::default(), mean_gap_ms);
    let mut asked = Asked::new(1, &catalog);
    let (mut sales, mut goods, mut sold, mut wanted) = (0, 0, 0, 0);
    let mut until = 0;
    while until < shop_ms && sales < most {
        until += 1;
        // At once means some hundred customers a millisecond.
        let batch = if mean_gap_ms.is_some() { usize::MAX } else { 300 };
        for _ in 0..batch {
            let Some(event) = floor.next(until, true) else { break };
            if let Event::Goods(_) = event {
                goods += 1;
                continue;
            }
            wanted += pieces(asked.next(&event).wishes());
            if let Event::Sale(sale) = event {
                sales += 1;
                sold += pieces(sale.lines());
            }
        }
    }
    (sales, goods, sold as f64 / wanted as f64)
}

#[test]
fn the_bundled_range_sustains_any_rate() {
    for (gap, shop_ms, sales) in [
        // Five a second in real time for an hour, and sixty times as fast; five thousand a second; at once.
        (Some(200.0), 3_600_000, 17_000),
        (Some(12_000.0), 36_000_000, 2_900),
        (Some(0.2), 30_000, 145_000),
        (None, 1_000, 290_000),
    ] {
        let (sold, deliveries, served) = sell(gap, shop_ms, usize::MAX);
        assert!(sold >= sales, "{gap:?}: {sold} sales");
        assert!(served > 0.95, "{gap:?}: only {served} of the pieces were there");
        assert!(deliveries < 26 + sold / 20, "{gap:?}: {deliveries} deliveries for {sold} sales");
    }
}

#[test]
fn at_sixty_times_real_time_a_shelf_now_and_then_is_empty() {
    let catalog = Catalog::builtin();
    let mut floor = Floor::new(1, &catalog, &Beginning::default(), Some(12_000.0));
    let (mut empty, mut refilled) = (0, 0);
    let ten_minutes = 600 * 60_000;
    while let Some(event) = floor.next(ten_minutes, true) {
        match event {
            Event::Sale(sale) => {
                empty += sale.lines().iter().filter(|line| floor.shelf().balance(line.product) == 0).count();
            }
            Event::Goods(goods) => refilled += usize::from(goods.at_ms > 0),
            Event::Missed => {}
        }
    }
    assert!((5..60).contains(&empty), "sold out {empty} times");
    assert!((50..400).contains(&refilled), "refilled {refilled} times");
}

#[test]
fn a_shop_that_was_closed_goes_on_with_the_same_stream() {
    let catalog = Catalog::builtin();
    let mut floor = Floor::new(5, &catalog, &Beginning::default(), Some(12_000.0));
    while floor.last_order_id() < 400 {
        floor.next(i64::MAX, true);
    }
    let id = |place: usize| catalog.products[place].id;
    let beginning = Beginning {
        from_ms: floor.complete_ms() + 1,
        last_order_id: floor.last_order_id(),
        last_delivery_id: floor.last_delivery_id(),
        delivered: (0..catalog.products.len())
            .map(|place| (id(place), floor.shelf().balance(place)))
            .collect(),
        sold: BTreeMap::new(),
        under_way: floor.shelf().under_way().map(|(place, coming)| (id(place), coming)).collect(),
        lost_sales: floor.lost_sales(),
    };
    let mut again = Floor::new(5, &catalog, &beginning, Some(12_000.0));
    for _ in 0..100 {
        let (before, after) = (next_sale(&mut floor), next_sale(&mut again));
        assert_eq!((before.order_id, before.lines()), (after.order_id, after.lines()));
        assert_eq!(before.customer_id, after.customer_id);
    }
}

fn next_sale(floor: &mut Floor) -> Sale {
    loop {
        if let Some(Event::Sale(sale)) = floor.next(i64::MAX, true) {
            return sale;
        }
    }
}
