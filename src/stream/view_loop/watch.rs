//! A watch on a loop, beside it.

use std::{sync::Arc, time::Duration};

use tokio_util::sync::{CancellationToken, DropGuard};

use super::shared::Shared;
use crate::{consumer::Output, dashboard::snapshot::Weight, sinks::files::Files, store::Store, views::View};

/// A loop that stands still for so long is told of.
const LONG: Duration = Duration::from_secs(5);

/// Tells where a loop has stood still for long, as it cannot do so itself.
pub(super) fn watch_over<V, O, S, F>(shared: &Arc<Shared<V, O, S, F>>) -> DropGuard
where
    V: View,
    O: Output<V> + 'static,
    S: Store + 'static,
    F: Files + 'static,
{
    let (env, beside) = (shared.env.clone(), shared.env.beside.clone());
    let (shared, stop) = (Arc::downgrade(shared), CancellationToken::new());
    let watching = async move {
        let mut told = false;
        let mut beat = env.beat();
        while let Some(shared) = shared.upgrade() {
            let silence = shared.lease.silence();
            let stands = silence > LONG;
            if stands && !told {
                let seconds = silence.as_secs();
                let what = format!(
                    "{} has stood still for {seconds} s: its disk or Kafka keeps it waiting",
                    V::NAME
                );
                env.board.say(
                    env.clock.now().unwrap_or_default(),
                    Weight::Warning,
                    format!("{what}.").into(),
                );
                env.board.set_trouble(V::NAME, what.into());
            }
            told = stands;
            drop(shared);
            beat.tick().await;
        }
    };
    let ended = stop.clone();
    beside.spawn(async move { ended.run_until_cancelled(watching).await });
    stop.drop_guard()
}
