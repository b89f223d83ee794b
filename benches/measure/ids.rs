//! The order ids of a partition: time per check when a hundred million are known, and their space.

use std::{
    fs,
    path::Path,
    time::{Duration, Instant},
};

use shop_sim::{
    consumer::{Content, Decoded, Rule, order_ids::Index, position::Fingerprint},
    shop::{Customer, Order},
    views::Event,
};

/// Ids of a batch, as the reader of the logs hands them on.
const BATCH: u64 = 2_000;

/// A generator of ids: its name, and the id of each record by number.
type IdProducer = (&'static str, fn(u64) -> u64);

const PRODUCERS: [IdProducer; 3] = [
    ("go up by 6", |number| 1 + 6 * number),
    ("two producers in turn", |number| (number % 2) * 9_000_000_000 + number / 2),
    // A bijection, so that no id repeats.
    ("64 random bits", |number| {
        let mixed = (number + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15);
        let mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }),
];

/// Checks so many new ids of each kind.
pub(crate) fn measure(millions: u64) {
    println!("\nOrder ids, {millions} million in one partition, --ids seen");
    for (name, id) in PRODUCERS {
        let folder = tempfile::tempdir().unwrap();
        let mut index = Index::open(Rule::default(), folder.path()).unwrap();
        let mut batch = batch();
        let memory = resident_kib();
        let stretch = (millions / 10).max(1) * 1_000_000;
        let mut each = Vec::new();
        for from in (0..millions * 1_000_000).step_by(usize::try_from(stretch).unwrap()) {
            let mut took = Duration::ZERO;
            for first in (from..from + stretch).step_by(usize::try_from(BATCH).unwrap()) {
                took += judge(&mut index, &mut batch, first, id);
            }
            each.push(took.as_secs_f64() * 1e9 / stretch as f64);
        }
        let memory = resident_kib().saturating_sub(memory);
        let begun = Instant::now();
        index.snapshot().unwrap().write().unwrap();
        let saved = begun.elapsed();
        let disk = size(folder.path());
        let next = index.next();
        drop(index);
        let begun = Instant::now();
        let index = Index::open(Rule::default(), folder.path()).unwrap();
        assert_eq!(index.next(), next, "it was saved");
        let opened = begun.elapsed();
        let told: Vec<String> = each.iter().map(|ns| format!("{ns:.0}")).collect();
        println!(
            "  {name}: ns an id by tenth {}; memory {:.1} MiB, disk {:.1} MiB; saved in {:.0} ms, opened in {:.0} ms",
            told.join(" "),
            memory as f64 / 1024.0,
            disk as f64 / f64::from(1 << 20),
            saved.as_secs_f64() * 1e3,
            opened.as_secs_f64() * 1e3,
        );
    }
}

fn batch() -> Vec<Decoded> {
    let order = Order {
        order_id: 0,
        created_at: chrono::DateTime::UNIX_EPOCH.fixed_offset(),
        customer: Customer { customer_id: 1, name: "".into(), email: "".into() },
        lines: Vec::new(),
        total_ore: 0,
    };
    let fingerprint = Fingerprint { offset: 0, timestamp: 0, hash: 0 };
    (0..BATCH)
        .map(|_| Decoded { fingerprint, content: Content::Event(Event::Order(order.clone())) })
        .collect()
}

fn judge(index: &mut Index, batch: &mut [Decoded], first: u64, id: fn(u64) -> u64) -> Duration {
    for (record, number) in batch.iter_mut().zip(first..) {
        record.fingerprint.offset = number.cast_signed();
        if let Content::Event(Event::Order(order)) = &mut record.content {
            order.order_id = id(number);
        }
    }
    let (from, next) = (first.cast_signed(), (first + BATCH).cast_signed());
    let begun = Instant::now();
    assert!(index.judge(from, next, batch).unwrap());
    let took = begun.elapsed();
    assert!(batch.iter().all(|record| record.content != Content::Duplicate));
    took
}

fn resident_kib() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    line.and_then(|rest| rest.split_whitespace().next()?.parse().ok()).unwrap_or(0)
}

fn size(folder: &Path) -> u64 {
    fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().metadata().unwrap().len()).sum()
}
