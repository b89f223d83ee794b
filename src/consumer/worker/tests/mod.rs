//! Whatever happens to its processes, a consumer's files are what the log says.

mod issues;
mod logs;
mod machines;
mod steps;
mod world;

use std::collections::BTreeMap;

use proptest::prelude::*;
use serde_json::Value;

use super::*;
use crate::{
    consumers::{
        DailyReport, Journal, Mail, Stock, daily_report::ReportFiles, journal::JournalFiles, mail::MailFiles,
        stock::StockFiles,
    },
    messages::Lang,
    shop::Catalog,
    sinks::faulty_memory_files::{Disk, MemoryFiles},
    store::MemoryStore,
    views::{Source, naive::PLACES},
};
use logs::kinds;
use steps::steps;
use world::played;

/// A time as the tables write it.
fn text(time: &chrono::DateTime<chrono::FixedOffset>) -> String {
    time.format("%Y-%m-%dT%H:%M:%S%.3f%:z").to_string()
}

fn sorted(mut files: BTreeMap<String, Vec<String>>) -> BTreeMap<String, Vec<String>> {
    for lines in files.values_mut() {
        lines.sort_unstable();
    }
    files
}

proptest! {
    #![proptest_config(crate::testing::cases(700))]

    #[test]
    fn every_order_is_in_the_journal_once(place in 0..PLACES.len(), kinds in kinds(), steps in steps()) {
        let (world, _, shop) = played::<Journal, _>(place, &kinds, &steps, JournalFiles::new);
        let mut expected: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for order in &shop.orders {
            let rows = order.lines.iter().map(|line| format!(
                "{}\t{}\t{}\t{}\t{}\t{}\t{}\t{}\t{}\t{}",
                order.order_id, text(&order.created_at), order.customer.customer_id, order.customer.name,
                order.customer.email, line.product_id, line.name, line.quantity, line.unit_price_ore,
                line.quantity * line.unit_price_ore,
            ));
            let date = order.created_at.with_timezone(&world.zone.0).date_naive();
            expected.entry(format!("orders/{date}.txt")).or_default().extend(rows);
        }
        let newest = world.newest().map(|order| order.order_id.to_string());
        let mut found = world.lines("orders/", 1);
        let last = found.remove("orders/last.txt");
        prop_assert_eq!(found, sorted(expected));
        prop_assert_eq!(last.map(|rows| rows[0].split('\t').next().unwrap().to_owned()), newest);
    }

    #[test]
    fn every_mail_and_its_row_is_there_once(place in 0..PLACES.len(), kinds in kinds(), steps in steps()) {
        let (world, figures, shop) = played::<Mail, _>(place, &kinds, &steps, |zone| MailFiles::new(zone, Lang::En));
        let mut rows: BTreeMap<String, Vec<String>> = BTreeMap::new();
        let mut mails: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for handled in &shop.handled {
            let date = handled.handled_at.with_timezone(&world.zone.0).date_naive();
            rows.entry(format!("handled/{date}.txt")).or_default().push(format!(
                "{}\t{}\t{}\t{}\t{}\t{}",
                handled.order_id, text(&handled.created_at), text(&handled.handled_at),
                handled.customer.customer_id, handled.customer.email, handled.total_ore,
            ));
            mails.entry(format!("mail/{date}.mbox")).or_default().push(format!("X-Order-Id: {}", handled.order_id));
        }
        prop_assert_eq!(world.lines("handled/", 1), sorted(rows));
        let mut found = world.lines("mail/", 0);
        for lines in found.values_mut() {
            prop_assert_eq!(lines.iter().filter(|line| line.starts_with("From orders@")).count(),
                lines.iter().filter(|line| line.starts_with("Thank you")).count());
            lines.retain(|line| line.starts_with("X-Order-Id: "));
        }
        prop_assert_eq!(found, sorted(mails));
        prop_assert_eq!(figures.mails, shop.handled.len() as u64);
    }

    #[test]
    fn every_report_is_right_and_counts_its_rewrites(place in 0..PLACES.len(), kinds in kinds(), steps in steps()) {
        let (world, _, _) = played::<DailyReport, _>(place, &kinds, &steps, |_| ReportFiles::default());
        let files = world.disk.all();
        let told = files.keys().filter(|path| path.starts_with("reports/") && path.contains(".json")).count();
        prop_assert_eq!(told, world.issues.days.len());
        for (date, (orders, sales, products, revision)) in &world.issues.days {
            let json: Value = serde_json::from_slice(&files[&format!("reports/{date}.json")]).unwrap();
            prop_assert_eq!(&json["date"], &date.to_string());
            prop_assert_eq!(&json["orders"], *orders);
            prop_assert_eq!(&json["sales_ore"], *sales);
            prop_assert_eq!(&json["revision"], *revision, "{}", date);
            let found: BTreeMap<u64, (String, i64)> = json["products"].as_array().unwrap().iter().map(|product| {
                let name = product["name"].as_str().unwrap().to_owned();
                (product["product_id"].as_u64().unwrap(), (name, product["units"].as_i64().unwrap()))
            }).collect();
            prop_assert_eq!(&found, products);
            let text = String::from_utf8(files[&format!("reports/{date}.txt")].clone()).unwrap();
            prop_assert!(text.contains(&format!("\nOrders    {orders}\n")), "{}", text);
            // As the other days are at the end, also where late orders have revised those alone.
            for ago in [1, 7] {
                let other = *date - chrono::Days::new(ago);
                let (orders, sales) = world.issues.days.get(&other).map_or((0, 0), |day| (day.0, day.1));
                let row = text.lines().find(|line| line.starts_with(&format!("{other}, "))).unwrap();
                let cells: Vec<&str> = row.split("  ").map(str::trim).filter(|cell| !cell.is_empty()).collect();
                prop_assert_eq!(cells[1].replace('\u{a0}', ""), orders.to_string(), "{}", text);
                prop_assert_eq!(cells[3], crate::shop::number_format::kronor(sales), "{}", text);
            }
        }
    }

    #[test]
    fn the_stock_table_is_what_was_delivered_less_what_was_sold(
        place in 0..PLACES.len(),
        kinds in kinds(),
        steps in steps(),
    ) {
        let (world, _, shop) = played::<Stock, _>(place, &kinds, &steps, |zone| {
            let mut catalog = Catalog::builtin();
            catalog.products.truncate(2);
            StockFiles::new(zone, &catalog)
        });
        let mut expected: BTreeMap<u64, (String, i128)> = BTreeMap::new();
        for (id, pieces) in shop.delivered() {
            expected.entry(id).or_default().1 += i128::from(pieces);
        }
        for (id, (name, pieces)) in shop.products(None, world.zone.0) {
            let product = expected.entry(id).or_default();
            *product = (name, product.1 - i128::from(pieces));
        }
        for product in Catalog::builtin().products.into_iter().take(2) {
            if let Some((name, _)) = expected.get_mut(&product.id).filter(|(name, _)| name.is_empty()) {
                *name = product.name;
            }
        }
        if expected.is_empty() {
            return Ok(());
        }
        let newest = |id: u64| {
            let sold = shop.orders.iter().filter(|order| order.lines.iter().any(|line| line.product_id == id));
            let sold = sold.map(|order| order.created_at);
            let delivered = shop.deliveries.iter().filter(|one| one.product_id == id).map(|one| one.at);
            let newest = sold.chain(delivered).max().unwrap().with_timezone(&world.zone.0);
            newest.format("%Y-%m-%d %H:%M:%S").to_string()
        };
        let rows: Vec<String> = expected
            .iter()
            .map(|(id, (name, balance))| format!("{id}\t{name}\t{balance}\t{}", newest(*id)))
            .collect();
        let text = String::from_utf8(world.disk.read("stock.txt").unwrap()).unwrap();
        let bare = |row: &str| {
            let cells: Vec<&str> = row.split('\t').map(|cell| cell.trim_matches(' ')).collect();
            [0, 1, 2, 5].map(|column| cells[column]).join("\t")
        };
        prop_assert_eq!(text.lines().skip(1).map(bare).collect::<Vec<_>>(), rows);
        for (id, (_, balance)) in &expected {
            let key = format!("out/balance/{id}");
            let rows = world.store.scan(&key).unwrap();
            let row = rows.iter().find(|(found, _)| *found == key).unwrap();
            prop_assert_eq!(&row.1, &balance.to_string().into_bytes());
        }
    }
}

#[test]
fn a_checkpoint_that_cannot_be_read_is_emptied() {
    let part = Part { source: Source::Orders, partition: 0 };
    let mut store = MemoryStore::default();
    for (key, value) in [("position/orders/0.", "{"), ("part/orders/0/newest/0", "{")] {
        store.write(&Batch::from([(key.to_owned(), Some(value.into()))])).unwrap();
        let open = || {
            let files = MemoryFiles::new(&Disk::default());
            let output = JournalFiles::new(Zone::default());
            Worker::<Journal, _>::open(Zone::default(), output, store.clone(), files).unwrap().0
        };
        assert!(matches!(open().assign(part), Err(Trouble::Unreadable { .. })), "{key}");
        assert_eq!(open().assign(part).unwrap(), Start::Beginning, "{key}");
    }
}
