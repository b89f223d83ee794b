//! Injected faults, for tests of clients.

use std::{
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use kafka_protocol::{ResponseError, messages::ApiKey};

/// The fault of a request; see [`crate::Broker::fail`].
#[derive(Clone, Copy, Debug)]
pub enum Fault {
    /// Answers with this error and does nothing else: for each partition, topic or group of the request, or for the
    /// whole if the response has a single error. Closes the connection of produce requests without acknowledgement, and
    /// of admin requests other than `CreateTopics` and `DeleteTopics`.
    Error(ResponseError),
    /// Handles the request after this time.
    Delay(Duration),
    /// Closes the connection without handling the request.
    HangUp,
}

/// The faults that are still pending.
#[derive(Debug, Default)]
pub(crate) struct Faults {
    any: AtomicBool,
    planned: Mutex<Vec<Planned>>,
}

#[derive(Debug)]
struct Planned {
    request: ApiKey,
    fault: Fault,
    times: usize,
}

impl Faults {
    fn planned(&self) -> MutexGuard<'_, Vec<Planned>> {
        self.planned.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Injects a fault into the next `times` requests of a kind.
    pub(crate) fn plan(&self, request: ApiKey, fault: Fault, times: usize) {
        self.planned().push(Planned { request, fault, times });
        self.any.store(true, Ordering::Release);
    }

    /// Removes all pending faults.
    pub(crate) fn clear(&self) {
        self.planned().clear();
        self.any.store(false, Ordering::Release);
    }

    /// The next fault of a request of this kind.
    pub(crate) fn take(&self, request: ApiKey) -> Option<Fault> {
        if !self.any.load(Ordering::Acquire) {
            return None;
        }
        let mut planned = self.planned();
        let at = planned.iter().position(|one| one.request == request && one.times > 0)?;
        let one = planned.get_mut(at)?;
        one.times -= 1;
        let fault = one.fault;
        if one.times == 0 {
            planned.remove(at);
        }
        Some(fault)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn faults_come_in_order_as_often_as_they_were_planned() {
        let faults = Faults::default();
        assert!(faults.take(ApiKey::Produce).is_none());
        faults.plan(ApiKey::Produce, Fault::HangUp, 2);
        faults.plan(ApiKey::Produce, Fault::Delay(Duration::ZERO), 1);
        faults.plan(ApiKey::Fetch, Fault::HangUp, usize::MAX);
        assert!(matches!(faults.take(ApiKey::Produce), Some(Fault::HangUp)));
        assert!(matches!(faults.take(ApiKey::Fetch), Some(Fault::HangUp)));
        assert!(matches!(faults.take(ApiKey::Produce), Some(Fault::HangUp)));
        assert!(matches!(faults.take(ApiKey::Produce), Some(Fault::Delay(_))));
        assert!(faults.take(ApiKey::Produce).is_none());
        faults.clear();
        assert!(faults.take(ApiKey::Fetch).is_none());
    }
}
