//! The figures of the whole shop, as `status` and the dashboard tell them.

use super::{difference::Differences, expected_figures::Whole, replayed_log::Log, sales_sums::fitting};
use crate::{shop::Zone, views::shop_figures::ShopFigures};

impl Log {
    /// Compares the merged figures with what the partitions should add up to.
    pub fn compare_status(&self, figures: &ShopFigures, zone: Zone, found: &mut Differences) {
        self.whole(zone.date(figures.shop_second)).compare(figures, found);
    }

    /// What must hold of the figures of a shop whose log is worked off: no order is both pending and handled, or
    /// neither.
    pub fn compare_sums(&self, figures: &ShopFigures, found: &mut Differences) {
        let both = figures.pending.saturating_add(figures.handled.total);
        found.compare("sums", "orders produced, against pending and handled", &figures.produced, &both);
    }
}

impl Whole {
    /// Compares merged figures with these.
    pub(super) fn compare(self, figures: &ShopFigures, found: &mut Differences) {
        let whole = self;
        let handled = &figures.handled;
        let [five, thirty, one_hour, two_hours] = whole.last;
        for (what, expected, said) in [
            ("orders since midnight", whole.orders_today, figures.orders_today),
            ("orders produced", whole.produced, figures.produced),
            ("pending", whole.pending, figures.pending),
            ("duplicates", whole.duplicates, figures.duplicates),
            ("dead letters", whole.dead_letters, figures.dead_letters),
            ("mails", whole.mails, figures.mails),
            ("handled", whole.handled, handled.total),
            ("handled in 5 min", five, handled.last_5_min),
            ("handled in 30 min", thirty, handled.last_30_min),
            ("handled in 1 h", one_hour, handled.last_1_h),
            ("handled in 2 h", two_hours, handled.last_2_h),
        ] {
            found.compare("status", format!("status, {what}"), &expected, &said);
        }
        for (what, expected, said) in [
            ("sales today", whole.sales_today, figures.sales_today_ore),
            ("sales of the last hour", whole.last_hour, figures.sales_last_hour_ore),
        ] {
            found.compare("status", format!("status, {what}"), &fitting(expected), &said);
        }
        let mut products = whole.today.products;
        for (id, said) in &figures.products_today {
            let product = products.remove(id).unwrap_or_default();
            let about = |what: &str| format!("status, {what} of product {id} today");
            found.compare("status", about("units"), &fitting(product.sold), &said.units);
            found.compare("status", about("sales"), &fitting(product.sales_ore), &said.sales_ore);
        }
        for (id, _) in products {
            found.add("status", format!("status, product {id} today"), "units", "none");
        }
        let mut products = whole.stock.products;
        for line in &figures.stock {
            let product = products.remove(&line.product_id).unwrap_or_default();
            let balance = fitting(product.delivered).saturating_sub(fitting(product.sold));
            let about = |what: &str| format!("status, {what} of product {}", line.product_id);
            found.compare("status", about("balance"), &balance, &line.balance());
            if product.sold > 0 {
                found.compare("status", about("name"), &product.name.text, &line.name);
            }
        }
        for (id, _) in products {
            found.add("status", format!("status, product {id}"), "a balance", "none");
        }
    }
}
