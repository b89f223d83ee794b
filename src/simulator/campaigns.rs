//! What the campaigns of a shop change at a moment: which products customers want, and with that how many come. Pure.
//!
//! While a campaign runs, its products are wanted `factor` times as often, and the others as often as before: customers
//! choose by popularity times factor, and as many more come as the sum of these is larger than the sum of the
//! popularities.

use std::sync::Arc;

use crate::shop::{Campaign, Catalog, Zone};

/// The factors of campaigns that run at once are multiplied, and kept within these.
const FACTORS: (f64, f64) = (0.001, 1000.0);

/// All campaigns of a shop.
#[derive(Debug, Clone, Default)]
pub struct Campaigns {
    zone: Zone,
    catalog: Arc<Catalog>,
}

impl Campaigns {
    /// Those of a catalog, by the local time of a zone.
    pub fn new(catalog: &Catalog, zone: Zone) -> Self {
        Self { zone, catalog: Arc::new(catalog.clone()) }
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.catalog.campaigns.is_empty()
    }

    /// Those that run at a moment, Unix ms.
    pub fn running(&self, ms: i64) -> impl Iterator<Item = &Campaign> + Clone {
        self.catalog.campaigns.iter().filter(move |campaign| campaign.runs(self.zone, ms))
    }

    /// A later moment, Unix ms, up to which none begins or ends.
    pub fn unchanged_until(&self, ms: i64) -> i64 {
        let campaigns = self.catalog.campaigns.iter();
        campaigns.map(|campaign| campaign.unchanged_until(self.zone, ms)).fold(i64::MAX, i64::min)
    }

    /// How many times as often each product is wanted at a moment, Unix ms, by its place in the catalog.
    pub fn factors(&self, ms: i64) -> Vec<f64> {
        let running: Vec<&Campaign> = self.running(ms).collect();
        let factor = |id: u64| {
            let all = running.iter().filter(|campaign| campaign.products.contains(&id));
            all.map(|campaign| campaign.factor).product::<f64>().clamp(FACTORS.0, FACTORS.1)
        };
        self.catalog.products.iter().map(|product| factor(product.id)).collect()
    }

    /// How many times as many customers come at a moment, Unix ms; `None` while no campaign runs.
    pub fn visits(&self, ms: i64) -> Option<f64> {
        self.running(ms).next()?;
        let weights = self.catalog.weights();
        let now: f64 = weights.iter().zip(self.factors(ms)).map(|(weight, factor)| weight * factor).sum();
        Some(now / weights.iter().sum::<f64>())
    }
}

#[cfg(test)]
mod tests;
