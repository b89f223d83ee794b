//! The engine's log line for every batch applied to a view, and the delays of the batch's orders.
//!
//! With `--log-level trace`, target `shop_sim::latency`: `applied view=sales orders=3 oldest_ms=9 newest_ms=4`. Ages
//! are wall time since the records' Kafka timestamps. Without such lines nothing is measured.

use std::{collections::BTreeMap, fs, path::Path};

use chrono::{DateTime, Utc};

const TARGET: &str = "shop_sim::latency";

/// The delays of the orders that each view applied between two moments (ms).
pub(crate) fn delays(log: &Path, from: DateTime<Utc>, to: DateTime<Utc>) -> BTreeMap<String, Vec<f64>> {
    let text = fs::read_to_string(log).unwrap_or_default();
    let mut delays: BTreeMap<String, Vec<f64>> = BTreeMap::new();
    for line in text.lines().filter(|line| line.contains(TARGET)) {
        if let Some((_, batch)) = read(line).filter(|(at, _)| (from..to).contains(at)) {
            delays.entry(batch.view).or_default().extend(spread(batch.orders, batch.newest, batch.oldest));
        }
    }
    delays
}

struct Batch {
    view: String,
    orders: usize,
    oldest: f64,
    newest: f64,
}

/// The time of an applied batch, and the batch.
fn read(line: &str) -> Option<(DateTime<Utc>, Batch)> {
    let (at, rest) = line.split_once(' ')?;
    let fields: BTreeMap<&str, &str> = rest.split(' ').filter_map(|word| word.split_once('=')).collect();
    let number = |name: &str| fields.get(name)?.parse::<f64>().ok();
    let batch = Batch {
        view: fields.get("view")?.trim_matches('"').to_owned(),
        orders: fields.get("orders")?.parse().ok()?,
        oldest: number("oldest_ms")?,
        newest: number("newest_ms")?,
    };
    Some((DateTime::parse_from_rfc3339(at).ok()?.to_utc(), batch))
}

/// The ages of a batch's orders, interpolated between the oldest and the newest.
fn spread(orders: usize, newest: f64, oldest: f64) -> impl Iterator<Item = f64> {
    let apart = (oldest - newest) / (orders.saturating_sub(1).max(1)) as f64;
    (0..orders).map(move |at| newest + apart * at as f64)
}
