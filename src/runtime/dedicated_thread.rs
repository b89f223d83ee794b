//! Dedicated threads for consumers and readers.

use std::{
    future::Future,
    io,
    panic::{AssertUnwindSafe, catch_unwind, resume_unwind},
    thread,
};

use tokio::{runtime::Builder, sync::oneshot};

use super::priority;

/// A task has no thread to run on.
#[derive(Debug, thiserror::Error)]
#[error("there is no thread for it ({0})")]
pub struct NoThread(#[from] io::Error);

/// Runs a task on a thread of its own, which it may block. On a shared runtime a task that waits for a disk would move
/// to another thread, and each wake-up would wake a second worker to look for more work. An error if no thread can be
/// started; panics if the task does. Dropping the future does not stop the task.
pub async fn run<T: Send + 'static>(
    name: &str,
    task: impl Future<Output = T> + Send + 'static,
) -> Result<T, NoThread> {
    let runtime = Builder::new_current_thread().enable_all().build()?;
    let (done, ended) = oneshot::channel();
    let work = move || {
        priority::stand_back();
        priority::may_be_late();
        // The caller resumes the panic.
        let left = catch_unwind(AssertUnwindSafe(|| runtime.block_on(task)));
        // Does not wait for its blocking calls.
        runtime.shutdown_background();
        // Fails if the caller has dropped the future.
        let _ = done.send(left);
    };
    thread::Builder::new().name(name.to_owned()).spawn(work)?;
    match ended.await {
        Ok(Ok(left)) => Ok(left),
        Ok(Err(panic)) => resume_unwind(panic),
        Err(_) => Err(NoThread(io::ErrorKind::BrokenPipe.into())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_task_may_hold_its_thread_up_and_its_panic_arrives() {
        let here = thread::current().id();
        let (go, wait) = std::sync::mpsc::channel();
        let held = async move { (wait.recv(), thread::current().id()) };
        let release = async move { go.send(7) };
        // On one thread the first would never let the second begin.
        let (held, released) = tokio::join!(run("held", held), release);
        let (value, there) = held.unwrap();
        assert_eq!((value, released), (Ok(7), Ok(())));
        assert_ne!(there, here);
        let panicked = tokio::spawn(run("panics", async { panic!("out of its wits") })).await;
        assert_eq!(
            super::super::supervisor::panic_message(&*panicked.unwrap_err().into_panic()),
            "out of its wits"
        );
    }
}
