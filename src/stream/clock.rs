//! The shop's time, one clock for a whole process.

use std::sync::{
    Arc,
    atomic::{AtomicBool, AtomicI64, Ordering},
};

use chrono::Utc;
use tokio::sync::watch;

use crate::shop::Pulse;

/// A pulse older than this says nothing of orders under way any more, wall ms.
const LIVE_MS: i64 = 3_000;

/// Shop time: wall time, or in accelerated time the simulator's last pulse. It never goes backwards.
#[derive(Debug, Clone)]
pub struct Clock {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    pulse: watch::Sender<Option<Pulse>>,
    /// The latest second that was told.
    floor: AtomicI64,
    /// Whether a log without a simulator holds orders: then shop time is wall time.
    trading: AtomicBool,
    /// Where time was stopped for good.
    fixed: Option<i64>,
}

impl Default for Clock {
    fn default() -> Self {
        Self::with(None)
    }
}

impl Clock {
    fn with(fixed: Option<i64>) -> Self {
        let inner = Inner {
            pulse: watch::Sender::new(None),
            floor: AtomicI64::new(i64::MIN),
            trading: AtomicBool::new(false),
            fixed,
        };
        Self { inner: Arc::new(inner) }
    }

    /// A clock that stands still at a Unix second.
    pub fn fixed(second: i64) -> Self {
        Self::with(Some(second))
    }

    /// Takes in the simulator's latest pulse.
    pub fn beat(&self, pulse: Pulse) {
        self.inner.pulse.send_replace(Some(pulse));
    }

    /// Says that the log has orders, simulator or not.
    pub fn trade(&self) {
        self.inner.trading.store(true, Ordering::Relaxed);
    }

    /// The last pulse.
    pub fn pulse(&self) -> Option<Pulse> {
        self.inner.pulse.borrow().clone()
    }

    /// To be woken by pulses.
    pub fn pulses(&self) -> watch::Receiver<Option<Pulse>> {
        self.inner.pulse.subscribe()
    }

    /// Shop time T, Unix seconds; `None` while nothing has happened in the shop.
    pub fn now(&self) -> Option<i64> {
        if self.inner.fixed.is_some() {
            return self.inner.fixed;
        }
        let wall = Utc::now().timestamp();
        let now = match &*self.inner.pulse.borrow() {
            Some(pulse) if pulse.is_real_time() => wall,
            Some(pulse) => pulse.shop_time.timestamp(),
            None if self.inner.trading.load(Ordering::Relaxed) => wall,
            None => return None,
        };
        Some(self.inner.floor.fetch_max(now, Ordering::Relaxed).max(now))
    }

    /// The shop second up to which all orders are in the log, as far as can be told.
    pub fn settled(&self) -> Option<i64> {
        let now = self.now()?;
        if self.inner.fixed.is_some() {
            return Some(now);
        }
        let wall = Utc::now();
        let settled = match &*self.inner.pulse.borrow() {
            Some(pulse) if !pulse.is_real_time() => now,
            Some(pulse) if (wall - pulse.wall_time.to_utc()).num_milliseconds() < LIVE_MS => {
                pulse.shop_time.timestamp()
            }
            // Nobody says: what was sold three seconds ago has arrived.
            _ => now - LIVE_MS / 1000,
        };
        Some(settled.min(now))
    }
}
