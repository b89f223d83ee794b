//! The shop model against a naive recomputation from its events.

use chrono::TimeDelta;
use proptest::prelude::*;

use super::*;
use crate::{
    shop::{Campaign, Product, Zone, campaign::Times},
    simulator::campaigns::Campaigns,
};

const STOCKHOLM: Zone = Zone(chrono_tz::Europe::Stockholm);

/// What a caller may do with a model.
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
        Catalog { products, ..Catalog::default() }
    })
}

/// A catalog with campaigns that begin and end in the first minutes of 1970.
fn with_campaigns() -> impl Strategy<Value = Catalog> {
    let campaign = (0_i64..500, 1_i64..500, any::<prop::sample::Index>(), 0.01..100.0_f64);
    (catalog(), prop::collection::vec(campaign, 0..4)).prop_map(|(catalog, campaigns)| {
        let campaign = |(from, length, product, factor): (i64, i64, prop::sample::Index, f64)| {
            let local = |second| STOCKHOLM.at(second).naive_local();
            let products = [product.get(&catalog.products).id].into();
            let times = Times::Once(local(from), local(from + length));
            Campaign { name: "x".into(), times, products, factor }
        };
        let campaigns = campaigns.into_iter().map(campaign).collect();
        Catalog { campaigns, ..catalog }
    })
}

/// All events of a run, in their order.
fn run(seed: u64, catalog: &Catalog, steps: &[Step]) -> (ShopModel, Vec<Event>) {
    let mut model = ShopModel::new(
        seed,
        catalog,
        &Beginning { from_ms: 1_000, ..Beginning::default() },
        Some(300.0),
        if seed.is_multiple_of(2) { Rhythm::flat() } else { Rhythm::shop(STOCKHOLM) }
            .with(Campaigns::new(catalog, STOCKHOLM)),
    );
    let mut events = Vec::new();
    for step in steps {
        match *step {
            Step::Go(ms, open, most) => {
                let until = model.complete_ms() + ms;
                for _ in 0..most {
                    let Some(event) = model.next(until, open) else {
                        assert_eq!(model.complete_ms(), until);
                        break;
                    };
                    events.push(event);
                }
            }
            Step::Gap(gap) => model.set_mean_gap(gap),
            Step::Skip(ms) => model.skip_to(model.complete_ms() + ms),
        }
    }
    (model, events)
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
        seed: u64, catalog in with_campaigns(), steps in prop::collection::vec(step(), 1..40),
    ) {
        let (model, events) = run(seed, &catalog, &steps);
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
            prop_assert_eq!(model.shelf().balance(place), *balance);
        }
        prop_assert_eq!((model.last_order_id(), model.last_delivery_id()), (orders, deliveries));
    }

    #[test]
    fn nothing_happens_at_a_time_that_was_complete(
        seed: u64, catalog in catalog(), steps in prop::collection::vec(step(), 1..40),
    ) {
        let mut model = ShopModel::new(seed, &catalog, &Beginning::default(), Some(50.0), Rhythm::flat());
        for step in steps {
            match step {
                Step::Go(ms, open, most) => {
                    let until = model.complete_ms() + ms;
                    for _ in 0..most {
                        let complete = model.complete_ms();
                        match model.next(until, open) {
                            Some(Event::Sale(Sale { at_ms, .. }) | Event::Goods(Goods { at_ms, .. })) => {
                                prop_assert!(complete < at_ms && at_ms <= until);
                                prop_assert!(model.complete_ms() < at_ms);
                            }
                            Some(Event::Missed) => {}
                            None => break,
                        }
                    }
                }
                Step::Gap(gap) => model.set_mean_gap(gap),
                Step::Skip(ms) => model.skip_to(model.complete_ms() + ms),
            }
        }
    }

    #[test]
    fn a_lost_sale_is_a_basket_that_nothing_was_there_for(
        seed: u64, catalog in catalog(), steps in prop::collection::vec(step(), 1..40),
    ) {
        let (model, events) = run(seed, &catalog, &steps);
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
        prop_assert_eq!(model.lost_sales(), lost);
    }

    #[test]
    fn a_seed_gives_the_same_run_however_it_is_cut_into_batches(
        seed: u64, catalog in with_campaigns(), batches in prop::collection::vec(1_usize..50, 1..20),
    ) {
        let until = 400_000;
        let (_, whole) = run(seed, &catalog, &[Step::Go(until, true, usize::MAX)]);
        let steps: Vec<Step> = batches.iter().map(|_| Step::Go(20_000, true, usize::MAX)).collect();
        let (model, cut) = run(seed, &catalog, &steps);
        let complete = model.complete_ms();
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
    let mut model = ShopModel::new(1, &catalog, &Beginning::default(), mean_gap_ms, Rhythm::flat());
    let mut asked = Asked::new(1, &catalog);
    let (mut sales, mut goods, mut sold, mut wanted) = (0, 0, 0, 0);
    let mut until = 0;
    while until < shop_ms && sales < most {
        until += 1;
        // At once means some hundred customers a millisecond.
        let batch = if mean_gap_ms.is_some() { usize::MAX } else { 300 };
        for _ in 0..batch {
            let Some(event) = model.next(until, true) else { break };
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
    let mut model = ShopModel::new(1, &catalog, &Beginning::default(), Some(12_000.0), Rhythm::flat());
    let (mut empty, mut refilled) = (0, 0);
    let ten_minutes = 600 * 60_000;
    while let Some(event) = model.next(ten_minutes, true) {
        match event {
            Event::Sale(sale) => {
                empty += sale.lines().iter().filter(|line| model.shelf().balance(line.product) == 0).count();
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
    closed(&Catalog::builtin());
    // In the middle of a campaign, too; the third product is hardly ever wanted without it.
    let campaign = Campaign {
        name: "x".into(),
        times: Times::Weekly(Vec::new(), TimeDelta::zero(), TimeDelta::days(1)),
        products: [3].into(),
        factor: 100.0,
    };
    closed(&Catalog { campaigns: vec![campaign], ..Catalog::builtin() });
}

fn closed(catalog: &Catalog) {
    let rhythm = Rhythm::flat().with(Campaigns::new(catalog, STOCKHOLM));
    let mut model = ShopModel::new(5, catalog, &Beginning::default(), Some(12_000.0), rhythm.clone());
    while model.last_order_id() < 400 {
        model.next(i64::MAX, true);
    }
    let id = |place: usize| catalog.products[place].id;
    let beginning = Beginning {
        from_ms: model.complete_ms() + 1,
        last_order_id: model.last_order_id(),
        last_delivery_id: model.last_delivery_id(),
        delivered: (0..catalog.products.len())
            .map(|place| (id(place), model.shelf().balance(place)))
            .collect(),
        sold: BTreeMap::new(),
        under_way: model.shelf().under_way().map(|(place, coming)| (id(place), coming)).collect(),
        lost_sales: model.lost_sales(),
    };
    let mut again = ShopModel::new(5, catalog, &beginning, Some(12_000.0), rhythm);
    for _ in 0..100 {
        let (before, after) = (next_sale(&mut model), next_sale(&mut again));
        assert_eq!((before.order_id, before.lines()), (after.order_id, after.lines()));
        assert_eq!(before.customer_id, after.customer_id);
    }
}

fn next_sale(model: &mut ShopModel) -> Sale {
    loop {
        if let Some(Event::Sale(sale)) = model.next(i64::MAX, true) {
            return sale;
        }
    }
}

#[test]
fn customers_come_by_the_hours_of_the_rhythm() {
    const HOUR_MS: i64 = 3_600_000;
    let rhythm = Rhythm::shop(Zone(chrono_tz::UTC));
    // Thursday 1970-01-01 00:00, one customer each twelve seconds.
    let beginning = Beginning { from_ms: 0, ..Beginning::default() };
    let mut model = ShopModel::new(3, &Catalog::builtin(), &beginning, Some(12_000.0), rhythm.clone());
    let mut hours = [0_u32; 7 * 24];
    while let Some(event) = model.next(7 * 24 * HOUR_MS - 1, true) {
        if !matches!(event, Event::Goods(_)) {
            hours[usize::try_from(model.complete_ms() / HOUR_MS).unwrap()] += 1;
        }
    }
    for (hour, count) in (0..).zip(hours) {
        let quarters = (0..4).map(|quarter| rhythm.shaped(hour * HOUR_MS + quarter * HOUR_MS / 4).unwrap());
        let expected = 300.0 * quarters.sum::<f64>() / 4.0;
        assert!(
            (f64::from(count) - expected).abs() < 5.0 * expected.sqrt(),
            "{count} for {expected} in hour {hour}"
        );
    }
}

#[test]
fn in_a_campaign_its_products_are_wanted_so_many_times_as_often_and_the_others_as_before() {
    const HOUR_MS: i64 = 3_600_000;
    // From 10:00 to 16:00 on Thursday 1970-01-01.
    let time = |hour: i64| STOCKHOLM.at((hour - 1) * 3600).naive_local();
    let campaign = Campaign {
        name: "x".into(),
        times: Times::Once(time(10), time(16)),
        products: [1, 7].into(),
        factor: 4.0,
    };
    let plenty = |product| Product { opening_stock: 1_000_000, ..product };
    let products: Vec<_> = Catalog::builtin().products.into_iter().map(plenty).collect();
    let catalog = Catalog { products, campaigns: vec![campaign] };
    let beginning = Beginning { from_ms: 3 * HOUR_MS, ..Beginning::default() };
    let rhythm = Rhythm::flat().with(Campaigns::new(&catalog, STOCKHOLM));
    let mut model = ShopModel::new(8, &catalog, &beginning, Some(500.0), rhythm);
    // Before, during and after it, six hours each: how often each product was wanted first.
    let mut wanted = vec![[0_u32; 3]; catalog.products.len()];
    while let Some(event) = model.next(21 * HOUR_MS - 1, true) {
        if let Event::Sale(sale) = event {
            let phase = usize::try_from((sale.at_ms / HOUR_MS - 3) / 6).unwrap();
            wanted[sale.lines()[0].product][phase] += 1;
        }
    }
    let total: f64 = catalog.products.iter().map(|product| product.popularity).sum();
    for (product, counts) in catalog.products.iter().zip(wanted) {
        let usual = 6.0 * 7200.0 * product.popularity / total;
        let more = if [1, 7].contains(&product.id) { 4.0 } else { 1.0 };
        for (count, expected) in counts.into_iter().zip([usual, usual * more, usual]) {
            let off = (f64::from(count) - expected).abs();
            assert!(off < 5.0 * expected.sqrt(), "{}: {counts:?} for {usual}", product.name);
        }
    }
}
