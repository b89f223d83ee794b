//! When each stage of an order is first visible in the orders feed.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex},
};

use chrono::Utc;

use crate::terminal::Terminal;

/// The stages of an order and their marks in the feed.
const STAGES: [char; 3] = ['●', '✓', '✉'];

/// When an order was seen as sold, handled and mailed (Unix ms).
pub(crate) type Seen = [Option<i64>; 3];

/// The sightings so far, by order id.
pub(crate) type Sightings = Arc<Mutex<HashMap<u64, Seen>>>;

/// Records from now on, for every picture, the orders in the feed.
pub(crate) fn watch(terminal: &Terminal) -> Sightings {
    let sightings = Sightings::default();
    let kept = Arc::clone(&sightings);
    terminal.watch(move |screen| {
        let now = Utc::now().timestamp_millis();
        let mut kept = kept.lock().unwrap();
        let (_, columns) = screen.size();
        for (order, stage) in screen.rows(0, columns.into()).filter_map(|row| read(&row)) {
            // An order at a later stage has passed the earlier ones.
            for seen in &mut kept.entry(order).or_default()[..=stage] {
                seen.get_or_insert(now);
            }
        }
    });
    sightings
}

/// The order and the stage that a row of the feed shows: `14:03:07   52 000   Anna   3   799,11 kr   ● sold`.
fn read(row: &str) -> Option<(u64, usize)> {
    let row = row.trim_start();
    let (time, rest) = row.split_at_checked("14:03:07".len())?;
    time.bytes()
        .enumerate()
        .all(|(at, byte)| if at % 3 == 2 { byte == b':' } else { byte.is_ascii_digit() })
        .then_some(())?;
    let rest = rest.trim_start_matches(' ');
    // Thousands are grouped by no-break spaces.
    let end = rest.find(|one: char| !one.is_ascii_digit() && one != '\u{a0}')?;
    let order = rest[..end].replace('\u{a0}', "").parse().ok()?;
    // There are marks to the right of the feed, too: the first one is the feed's.
    let mark = rest.chars().find(|one| STAGES.contains(one))?;
    Some((order, STAGES.iter().position(|stage| *stage == mark)?))
}
