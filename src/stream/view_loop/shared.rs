//! The worker, as the loop and the rebalance callback share it.

use std::{
    ops::Deref,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use crate::{
    consumer::{Output, Part, Start, Worker},
    sinks::files::Files,
    store::Store,
    stream::{board::Board, clock::Clock, group::Keeper},
    views::View,
};

/// A worker, shared by the loop and the rebalance callback.
pub(super) struct Shared<V: View, O, S, F> {
    pub(super) worker: Mutex<Worker<V, O, S, F>>,
    pub(super) clock: Clock,
    pub(super) board: Arc<Board>,
    pub(super) lost: Mutex<bool>,
}

impl<V: View, O: Output<V>, S: Store, F: Files> Shared<V, O, S, F> {
    pub(super) fn worker(&self) -> MutexGuard<'_, Worker<V, O, S, F>> {
        self.worker.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn is_lost(&self) -> bool {
        *self.lost.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A loop's own hold on what it shares. When the loop ends, also by a panic, the worker retires: the consumer's
/// farewell calls it once more, maybe when its successor has the files.
pub(super) struct Hold<V: View, O: Output<V>, S: Store, F: Files>(pub(super) Arc<Shared<V, O, S, F>>);

impl<V: View, O: Output<V>, S: Store, F: Files> Deref for Hold<V, O, S, F> {
    type Target = Shared<V, O, S, F>;

    fn deref(&self) -> &Self::Target {
        &self.0
    }
}

impl<V: View, O: Output<V>, S: Store, F: Files> Drop for Hold<V, O, S, F> {
    fn drop(&mut self) {
        self.worker().retire();
    }
}

impl<V, O, S, F> Keeper for Shared<V, O, S, F>
where
    V: View,
    O: Output<V> + 'static,
    S: Store + 'static,
    F: Files + 'static,
{
    fn assign(&self, parts: &[Part]) -> Result<Vec<Start>, String> {
        self.board.rebalanced(V::NAME);
        let mut worker = self.worker();
        parts.iter().map(|part| worker.assign(*part).map_err(|trouble| trouble.to_string())).collect()
    }

    fn revoke(&self, parts: &[Part], lost: bool) {
        let mut worker = self.worker();
        // What another member reads already must not go to our files too: the loop starts again from the
        // last checkpoint. The same where no checkpoint can be made now.
        if lost || worker.checkpoint(self.clock.now()).is_err() {
            *self.lost.lock().unwrap_or_else(PoisonError::into_inner) = true;
        }
        worker.revoke(parts);
    }
}
