//! Who comes to the shop, when, and what they want: a pure function of seed and order number, and of the campaigns that
//! run.
//!
//! Visits have no state in common, so a shop that was stopped resumes exactly the same stream.

use rand::{Rng, RngExt, SeedableRng, distr::Distribution};
use rand_chacha::ChaCha8Rng;
use rand_distr::{Exp1, Zipf, weighted::WeightedAliasIndex};

use super::customers::POOL;
use crate::shop::Catalog;

/// The most lines that a basket has.
pub const MOST_LINES: usize = 5;
/// How many baskets of a hundred have 1, 2, … lines.
const LINES: [u32; MOST_LINES] = [52, 26, 13, 6, 3];
/// How many lines of a hundred have 1, 2, 3 and 4 pieces.
const PIECES: [u32; 4] = [84, 11, 3, 2];
/// How much more often regulars come: the exponent of Zipf's law over the customers' numbers.
const REGULARS: f64 = 0.6;
/// An upper bound of the rounding errors of an estimate.
const NEAR: f64 = 1e-6;
/// Words of the generator that one visit may use; the most is about a fifth of it.
const WORDS: u128 = 1 << 10;
/// How often another product is drawn where the basket has the one drawn.
const TRIES: usize = 16;

/// One customer in the shop.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Visit {
    /// Time since the visit before, in units of the mean time between visits.
    pub gap: f64,
    /// Number of the customer, from 1.
    pub customer_id: u64,
    wishes: [Wish; MOST_LINES],
    lines: usize,
}

/// One product that a customer wants.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Wish {
    /// Place of the product in the catalog.
    pub product: usize,
    /// Pieces, at least 1.
    pub quantity: i64,
}

impl Visit {
    /// What the customer wants: 1 to [`MOST_LINES`] different products.
    pub fn wishes(&self) -> &[Wish] {
        self.wishes.get(..self.lines).unwrap_or_default()
    }
}

/// The stream of visits of a seed.
#[derive(Debug, Clone)]
pub struct Visits {
    random: ChaCha8Rng,
    /// By place in the catalog.
    weights: Vec<f64>,
    choice: Option<WeightedAliasIndex<f64>>,
    regulars: Option<Regulars>,
}

/// Who comes, by Zipf's law.
#[derive(Debug, Clone)]
struct Regulars {
    law: Zipf<f64>,
    /// The integral of `x^-REGULARS` over the pool, the first customer's share being 1.
    integral: f64,
}

impl Visits {
    /// The visits that a seed gives to a shop with this range.
    pub fn new(seed: u64, catalog: &Catalog) -> Self {
        let weights = catalog.weights();
        Self {
            random: ChaCha8Rng::seed_from_u64(seed),
            choice: choice(weights.clone()),
            weights,
            regulars: Regulars::new(),
        }
    }

    /// From now on each product, by its place in the catalog, is wanted so many times as often as by its popularity.
    pub fn set_factors(&mut self, factors: &[f64]) {
        self.choice =
            choice(self.weights.iter().zip(factors).map(|(weight, factor)| weight * factor).collect());
    }

    /// The visit that order `order_id` may come from. `attempt` counts the visits before it that took the
    /// same number and left with nothing.
    pub fn visit(&mut self, order_id: u64, attempt: u64) -> Visit {
        // ChaCha gives every nonce a stream of its own: one for each order, cut into attempts.
        self.random.set_word_pos(u128::from(attempt) * WORDS);
        self.random.set_stream(order_id);
        let gap = Exp1.sample(&mut self.random);
        let customer_id = self.customer();
        let mut visit = Visit { gap, customer_id, wishes: [Wish::default(); MOST_LINES], lines: 0 };
        let lines = (1 + pick(&mut self.random, &LINES)).min(self.weights.len());
        for slot in 0..lines {
            let Some(product) = self.another(visit.wishes()) else { break };
            let quantity = 1 + i64::try_from(pick(&mut self.random, &PIECES)).unwrap_or_default();
            if let Some(wish) = visit.wishes.get_mut(slot) {
                *wish = Wish { product, quantity };
                visit.lines = slot + 1;
            }
        }
        visit
    }

    fn customer(&mut self) -> u64 {
        self.regulars.as_ref().map_or(1, |regulars| regulars.draw(&mut self.random))
    }

    /// A product by popularity that is not yet in the basket.
    fn another(&mut self, basket: &[Wish]) -> Option<usize> {
        (0..TRIES).find_map(|_| {
            let product = match &self.choice {
                Some(weights) => weights.sample(&mut self.random),
                None => self.random.random_range(0..self.weights.len().max(1)),
            };
            (product < self.weights.len() && basket.iter().all(|wish| wish.product != product))
                .then_some(product)
        })
    }
}

impl Regulars {
    fn new() -> Option<Self> {
        let integral = (((POOL as f64).powf(1.0 - REGULARS)) - REGULARS) / (1.0 - REGULARS);
        Some(Self { law: Zipf::new(POOL as f64, REGULARS).ok()?, integral })
    }

    /// A customer's number, from 1, drawn by Zipf's law. The exact computation takes several powers, more time than the
    /// rest of a visit; mostly an estimate is enough.
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a number from 1 to POOL")]
    fn draw(&self, random: &mut ChaCha8Rng) -> u64 {
        let before = random.get_word_pos();
        let id = self.estimate(random.random(), random.random()).unwrap_or_else(|| {
            random.set_word_pos(before);
            self.law.sample(random)
        });
        (id as u64).clamp(1, POOL)
    }

    /// The law's result for its first two random numbers (0 to 1); `None` if only the exact computation can tell.
    ///
    /// The law maps `first` to a point of the pool, and accepts the customer there if `second` is below
    /// (point / end)^`REGULARS`. Since that is at least point / end, a `second` below point / end is accepted.
    fn estimate(&self, first: f64, second: f64) -> Option<f64> {
        let share = first * self.integral;
        // To the power of 1 / (1 - REGULARS), which is 2.5.
        let root = share * (1.0 - REGULARS) + REGULARS;
        let point = if share < 1.0 { share } else { root * root * root.sqrt() };
        let end = point.floor() + 1.0;
        let sure = (point - point.round()).abs() > NEAR && (end < 2.0 || second < point / end - NEAR);
        sure.then_some(end)
    }
}

/// The choice of an index by these weights. They are checked when a catalog is read; without any, all are alike.
fn choice(weights: Vec<f64>) -> Option<WeightedAliasIndex<f64>> {
    WeightedAliasIndex::new(weights).ok()
}

/// An index, drawn by weights in percent.
fn pick(random: &mut impl Rng, percent: &[u32]) -> usize {
    let mut ticket = random.random_range(0..100_u32);
    for (index, share) in percent.iter().enumerate() {
        if ticket < *share {
            return index;
        }
        ticket -= share;
    }
    0
}

#[cfg(test)]
mod tests {
    use std::{collections::HashSet, path::Path};

    use proptest::prelude::*;

    use super::*;

    fn visits(seed: u64) -> Visits {
        Visits::new(seed, &Catalog::builtin())
    }

    proptest! {
        #[test]
        fn a_visit_is_a_function_of_seed_order_and_attempt(
            seed: u64, order: u64, attempt in 0_u64..1000, before: Vec<(u64, u8)>,
        ) {
            let mut used = visits(seed);
            for (order, attempt) in before {
                used.visit(order, u64::from(attempt));
            }
            prop_assert_eq!(used.visit(order, attempt), visits(seed).visit(order, attempt));
        }

        #[test]
        fn a_basket_has_one_to_five_different_products(seed: u64, order: u64) {
            let visit = visits(seed).visit(order, 0);
            let products: HashSet<usize> = visit.wishes().iter().map(|wish| wish.product).collect();
            prop_assert!((1..=5).contains(&visit.wishes().len()));
            prop_assert_eq!(products.len(), visit.wishes().len());
            prop_assert!(visit.wishes().iter().all(|wish| (1..=4).contains(&wish.quantity)));
            prop_assert!((1..=POOL).contains(&visit.customer_id));
            prop_assert!(visit.gap >= 0.0);
        }
    }

    #[test]
    fn arrivals_have_the_mean_and_the_variance_of_a_poisson_process() {
        let mut visits = visits(7);
        let mut counts = vec![0_u32];
        let mut clock = 0.0;
        for order in 0..200_000 {
            clock += visits.visit(order, 0).gap;
            // Windows of ten mean gaps.
            while clock >= counts.len() as f64 * 10.0 {
                counts.push(0);
            }
            *counts.last_mut().unwrap() += 1;
        }
        let n = counts.len() as f64;
        let mean = counts.iter().map(|count| f64::from(*count)).sum::<f64>() / n;
        let variance = counts.iter().map(|count| (f64::from(*count) - mean).powi(2)).sum::<f64>() / n;
        assert!((mean - 10.0).abs() < 0.1, "mean {mean}");
        assert!((variance - 10.0).abs() < 0.5, "variance {variance}");
    }

    #[test]
    fn products_are_wanted_by_popularity_and_regulars_come_often() {
        let catalog = Catalog::builtin();
        let mut visits = visits(3);
        let mut wanted = vec![0_u32; catalog.products.len()];
        let mut regular = 0;
        let n = 100_000;
        for order in 0..n {
            let visit = visits.visit(order, 0);
            // The first wish is drawn from all products.
            wanted[visit.wishes()[0].product] += 1;
            regular += u32::from(visit.customer_id == 1);
        }
        let total: f64 = catalog.products.iter().map(|product| product.popularity).sum();
        for (product, count) in catalog.products.iter().zip(wanted) {
            let expected = n as f64 * product.popularity / total;
            assert!((f64::from(count) - expected).abs() < 6.0 * expected.sqrt(), "{}: {count}", product.name);
        }
        assert!(f64::from(regular) > 5.0 * n as f64 / POOL as f64, "the first regular came {regular} times");
    }

    #[test]
    fn an_estimated_customer_is_the_one_that_the_law_draws() {
        let regulars = Regulars::new().unwrap();
        let mut estimated = 0;
        for order in 0..200_000 {
            let mut random = ChaCha8Rng::seed_from_u64(5);
            random.set_stream(order);
            let mut again = random.clone();
            estimated += u32::from(regulars.estimate(again.random(), again.random()).is_some());
            let mut again = random.clone();
            let (drawn, by_law) = (regulars.draw(&mut random), regulars.law.sample(&mut again));
            assert!((drawn as f64 - by_law).abs() < f64::EPSILON, "{drawn} for {by_law}, order {order}");
            assert_eq!(random.get_word_pos(), again.get_word_pos());
        }
        assert!(estimated > 190_000, "{estimated} were estimated");
    }

    #[test]
    fn extreme_popularities_end_with_fewer_lines() {
        let product = |id: u64, popularity: &str| {
            format!(
                "[[product]]\nid = {id}\nname = \"x\"\ncategory = \"y\"\nprice_ore = 1\npopularity = {popularity}\n\
                 opening_stock = 1\nreorder_point = 0\nreorder_quantity = 1\ndelivery_minutes = 0\n"
            )
        };
        let text = product(1, "1e308") + &product(2, "1e308") + &product(3, "1e-320");
        let mut visits = Visits::new(1, &Catalog::parse(&text, Path::new("x")).unwrap());
        for order in 0..1000 {
            assert!((1..=2).contains(&visits.visit(order, 0).wishes().len()));
        }
    }
}
