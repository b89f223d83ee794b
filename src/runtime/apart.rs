//! Threads of their own for those who do the work.

use std::{future::Future, io, thread};

use tokio::{runtime::Builder, sync::oneshot};

use super::priority;

/// Runs a task on a thread of its own, which may be held up without holding anybody else up. What it leaves arrives at
/// the receiver; an error there says that it panicked. With one runtime for all, whoever is woken wakes a second thread
/// to look for more, and whoever waits for a disk hands its place on: about a quarter of all wake-ups of an idle shop.
pub fn spawn<T: Send + 'static>(
    name: &str,
    task: impl Future<Output = T> + Send + 'static,
) -> io::Result<oneshot::Receiver<T>> {
    let runtime = Builder::new_current_thread().enable_all().build()?;
    let (done, ended) = oneshot::channel();
    let work = move || {
        priority::stand_back();
        let left = runtime.block_on(task);
        // What it left in the background is not waited for.
        runtime.shutdown_background();
        // Where nobody waits any more there is nobody to tell.
        let _ = done.send(left);
    };
    thread::Builder::new().name(name.to_owned()).spawn(work)?;
    Ok(ended)
}
