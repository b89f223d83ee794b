//! Where the built-in broker runs.

use std::{future::Future, io};

use tokio::{
    runtime::{Builder, Handle, Runtime},
    task::JoinHandle,
};

use super::priority;

/// The broker's own tokio runtime, so that no task of the shop delays it. It has one thread: with more, each request
/// would wake a second thread that finds nothing to do. Large work goes to the blocking pool.
pub(super) struct BrokerRuntime {
    handle: Handle,
    /// `None` only while it is dropped.
    runtime: Option<Runtime>,
}

impl BrokerRuntime {
    /// Starts the runtime.
    pub(super) fn open() -> io::Result<Self> {
        let mut runtime = Builder::new_multi_thread();
        let begin = || {
            priority::stand_back();
            priority::may_be_late();
        };
        runtime.worker_threads(1).thread_name("broker").on_thread_start(begin).enable_all();
        let runtime = runtime.build()?;
        Ok(Self { handle: runtime.handle().clone(), runtime: Some(runtime) })
    }

    /// Runs something on it.
    pub(super) fn spawn<T: Send + 'static>(
        &self,
        guest: impl Future<Output = T> + Send + 'static,
    ) -> JoinHandle<T> {
        self.handle.spawn(guest)
    }
}

impl Drop for BrokerRuntime {
    fn drop(&mut self) {
        // A runtime must not be waited for within another one.
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}
