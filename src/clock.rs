//! The shop's clock, one per process.

use std::sync::{
    Arc, OnceLock,
    atomic::{AtomicBool, AtomicI64, Ordering},
};

use chrono::{DateTime, Utc};
use tokio::sync::watch;

use crate::shop::Pulse;

/// An older pulse no longer tells which orders are in the log, wall ms.
const LIVE_MS: i64 = 3_000;

/// Shop time: wall time, or in accelerated time the simulator's last pulse. It never goes backwards.
#[derive(Debug, Clone)]
pub struct Clock {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    pulse: watch::Sender<Option<Pulse>>,
    /// The latest second that was returned.
    floor: AtomicI64,
    /// Whether the log has orders: then, without a simulator, shop time is wall time.
    trading: AtomicBool,
    /// Whether all pulses from before the start of this process were read.
    heard: AtomicBool,
    /// The second of a stopped clock.
    fixed: OnceLock<i64>,
}

impl Default for Clock {
    fn default() -> Self {
        let inner = Inner {
            pulse: watch::Sender::new(None),
            floor: AtomicI64::new(i64::MIN),
            trading: AtomicBool::new(false),
            heard: AtomicBool::new(false),
            fixed: OnceLock::new(),
        };
        Self { inner: Arc::new(inner) }
    }
}

impl Clock {
    /// Stops the clock at a Unix second for good; does nothing if it is stopped already.
    pub fn fix(&self, second: i64) {
        self.inner.fixed.get_or_init(|| second);
    }

    /// Sets the simulator's latest pulse.
    pub fn beat(&self, pulse: Pulse) {
        self.inner.pulse.send_replace(Some(pulse));
    }

    /// Notes that all pulses from before this process were read.
    pub fn hear_out(&self) {
        self.inner.heard.store(true, Ordering::Relaxed);
    }

    /// Whether it is known if there is a simulator: before all earlier pulses were read, there may be one.
    pub fn has_heard(&self) -> bool {
        self.inner.heard.load(Ordering::Relaxed)
    }

    /// Notes that the log has orders, from any source.
    pub fn trade(&self) {
        self.inner.trading.store(true, Ordering::Relaxed);
    }

    /// The last pulse.
    pub fn pulse(&self) -> Option<Pulse> {
        self.inner.pulse.borrow().clone()
    }

    /// Whether shop time runs as fast as wall time, as far as is known.
    pub fn is_real_time(&self) -> bool {
        self.inner.pulse.borrow().as_ref().is_none_or(Pulse::is_real_time)
    }

    /// A receiver of new pulses.
    pub fn pulses(&self) -> watch::Receiver<Option<Pulse>> {
        self.inner.pulse.subscribe()
    }

    /// Shop time T, Unix seconds; `None` while nothing has happened in the shop.
    pub fn now(&self) -> Option<i64> {
        self.inner.fixed.get().copied().or_else(|| self.at(Utc::now()))
    }

    /// Shop time at a wall time. In real time it is never before the last pulse, even if the wall clock was set back.
    fn at(&self, wall: DateTime<Utc>) -> Option<i64> {
        let wall = wall.timestamp();
        let now = match &*self.inner.pulse.borrow() {
            Some(pulse) if pulse.is_real_time() => wall.max(pulse.shop_time.timestamp()),
            Some(pulse) => pulse.shop_time.timestamp(),
            None if self.inner.trading.load(Ordering::Relaxed) => wall,
            None => return None,
        };
        Some(self.inner.floor.fetch_max(now, Ordering::Relaxed).max(now))
    }

    /// The shop second up to which all orders are in the log, as far as is known.
    pub fn settled(&self) -> Option<i64> {
        self.inner.fixed.get().copied().or_else(|| self.settled_at(Utc::now()))
    }

    fn settled_at(&self, wall: DateTime<Utc>) -> Option<i64> {
        let now = self.at(wall)?;
        let settled = match &*self.inner.pulse.borrow() {
            Some(pulse) if !pulse.is_real_time() => now,
            Some(pulse) if (wall - pulse.wall_time.to_utc()).num_milliseconds() < LIVE_MS => {
                pulse.shop_time.timestamp()
            }
            // No live pulse: assume orders arrive within three seconds.
            _ => now - LIVE_MS / 1000,
        };
        Some(settled.min(now))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const OPENED: i64 = 1_795_000_000;

    fn wall(second: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(second, 0).unwrap()
    }

    fn pulse(shop: i64, sent: i64, speed: f64) -> Pulse {
        Pulse { wall_time: wall(sent).fixed_offset(), ..Pulse::sample(wall(shop).fixed_offset(), speed) }
    }

    #[derive(Debug, Clone)]
    enum Step {
        /// The wall clock is at this second after the opening.
        Wall(i64),
        /// A pulse of real or of accelerated time, at this shop second after the opening.
        Beat {
            shop: i64,
            real: bool,
        },
        Trade,
        /// The process restarts and reads the last pulse from Kafka.
        Restart,
    }

    fn step() -> impl Strategy<Value = Step> {
        let near = || -5_000..5_000_i64;
        prop_oneof![
            4 => near().prop_map(Step::Wall),
            3 => (near(), any::<bool>()).prop_map(|(shop, real)| Step::Beat { shop, real }),
            1 => Just(Step::Trade),
            1 => Just(Step::Restart),
        ]
    }

    proptest! {
        #[test]
        fn time_never_goes_back(steps in prop::collection::vec(step(), 1..40)) {
            let mut clock = Clock::default();
            let (mut told, mut at) = (i64::MIN, OPENED);
            for step in steps {
                match step {
                    Step::Wall(second) => at = OPENED + second,
                    Step::Beat { shop, real } => {
                        let speed = if real { 1.0 } else { 60.0 };
                        clock.beat(pulse(OPENED + shop, at, speed));
                    }
                    Step::Trade => clock.trade(),
                    Step::Restart => {
                        let last = clock.pulse();
                        clock = Clock::default();
                        // A restart only knows what is in Kafka.
                        told = i64::MIN;
                        if let Some(last) = last {
                            told = last.shop_time.timestamp();
                            clock.beat(last);
                        }
                    }
                }
                let (now, settled) = (clock.at(wall(at)), clock.settled_at(wall(at)));
                prop_assert_eq!(now.is_some(), settled.is_some());
                if let Some((now, settled)) = now.zip(settled) {
                    prop_assert!(now >= told, "{} after {}", now, told);
                    prop_assert!(settled <= now);
                    told = now;
                }
            }
        }
    }

    #[test]
    fn a_wall_clock_set_back_an_hour_stops_time_until_it_has_caught_up() {
        let clock = Clock::default();
        clock.beat(pulse(OPENED, OPENED, 1.0));
        assert_eq!(clock.at(wall(OPENED + 2)), Some(OPENED + 2));
        assert_eq!(clock.at(wall(OPENED - 3600)), Some(OPENED + 2));
        assert_eq!(clock.at(wall(OPENED + 3)), Some(OPENED + 3));
        // A process that starts within that hour has the pulse, and closed days stay closed.
        let started = Clock::default();
        started.beat(pulse(OPENED, OPENED, 1.0));
        assert_eq!(started.at(wall(OPENED - 3600)), Some(OPENED));
        assert_eq!(started.settled_at(wall(OPENED - 3600)), Some(OPENED));
    }

    #[test]
    fn accelerated_time_is_the_last_pulse_and_stands_still_between() {
        let clock = Clock::default();
        assert_eq!(clock.at(wall(OPENED)), None);
        clock.beat(pulse(OPENED + 500, OPENED, 60.0));
        assert_eq!(clock.at(wall(OPENED + 9)), Some(OPENED + 500));
        assert_eq!(clock.settled_at(wall(OPENED + 9000)), Some(OPENED + 500));
    }
}
