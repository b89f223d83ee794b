//! Follows one order from its sale to its mail, beside everything else.

use std::time::{Duration, Instant};

use tokio::{runtime::Handle, sync::watch};
use tokio_util::sync::CancellationToken;

use crate::{
    messages::Sentence,
    shop::Zone,
    stream::{
        Session, StreamError,
        order_search::{Finder, OrderStatus, TrackedOrder, Tracker},
    },
};

/// Wall time between look-ups of an order: found but not mailed, not found, none followed.
const SOON: Duration = Duration::from_millis(300);
const LATER: Duration = Duration::from_secs(2);
const NEVER: Duration = Duration::from_secs(3600);
/// The client is kept for the next order for so long.
const KEPT: Duration = Duration::from_secs(30);

/// Looks for the order that `wanted` names and tells what it finds, until told to stop. Blocks: it has a thread of its
/// own, and a client only while there is something to look for.
pub fn track(
    session: &Session,
    zone: Zone,
    mut wanted: watch::Receiver<Option<u64>>,
    told: &watch::Sender<Option<TrackedOrder>>,
    stop: &CancellationToken,
) {
    let runtime = Handle::current();
    let mut finder: Option<Finder> = None;
    let mut used = Instant::now();
    let mut tracker: Option<Tracker> = None;
    loop {
        let order_id = *wanted.borrow_and_update();
        if tracker.as_ref().map(Tracker::order_id) != order_id {
            tracker = order_id.map(|order_id| Tracker::new(order_id, zone));
            told.send_replace(
                order_id.map(|order_id| TrackedOrder { order_id, status: OrderStatus::Searching }),
            );
        }
        let mut pause = if finder.is_some() { KEPT } else { NEVER };
        if let Some(tracker) = tracker.as_mut().filter(|tracker| !tracker.is_complete()) {
            let gone = || stop.is_cancelled() || wanted.has_changed().unwrap_or(true);
            let status = match look(session, &mut finder, tracker, gone) {
                Ok(()) => tracker.status().clone(),
                Err(error) => OrderStatus::Unknown(Sentence::NotRead { why: error.to_string() }),
            };
            pause = match &status {
                OrderStatus::Found(_) if tracker.is_complete() => KEPT,
                OrderStatus::Found(_) => SOON,
                OrderStatus::Searching | OrderStatus::Unknown(_) => LATER,
            };
            let followed = Some(TrackedOrder { order_id: tracker.order_id(), status });
            told.send_if_modified(|last| {
                let news = *last != followed;
                *last = followed;
                news
            });
            used = Instant::now();
        } else if used.elapsed() >= KEPT
            && let Some(finder) = finder.take()
        {
            finder.let_go();
        }
        let goes_on = runtime.block_on(async {
            tokio::select! {
                () = stop.cancelled() => false,
                changed = wanted.changed() => changed.is_ok(),
                () = tokio::time::sleep(pause) => true,
            }
        });
        if !goes_on {
            break;
        }
    }
    if let Some(finder) = finder {
        finder.let_go();
    }
}

fn look(
    session: &Session,
    finder: &mut Option<Finder>,
    tracker: &mut Tracker,
    gone: impl Fn() -> bool,
) -> Result<(), StreamError> {
    let finder = match finder {
        Some(finder) => finder,
        None => finder.insert(Finder::new(session)?),
    };
    tracker.look(finder, gone)
}
