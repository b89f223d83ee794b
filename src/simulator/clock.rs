//! How shop time passes while a simulator is live; pure, the clocks come in.

use std::time::Instant;

use super::options::Pace;

/// The clocks of the machine at one moment.
#[derive(Debug, Clone, Copy)]
pub struct Moment {
    /// Wall time, Unix ms.
    pub wall_ms: i64,
    /// The same on a clock that never jumps.
    pub instant: Instant,
}

impl Moment {
    /// Now.
    pub fn now() -> Self {
        Self { wall_ms: chrono::Utc::now().timestamp_millis(), instant: Instant::now() }
    }
}

/// Shop time.
#[derive(Debug, Clone, Copy)]
pub enum Clock {
    /// Shop time is wall time.
    Real,
    /// Shop time is its own.
    Accelerated {
        /// Shop seconds a wall second.
        speed: f64,
        /// Shop time when it was set going last, or where it stands, Unix ms.
        at_ms: i64,
        /// Since when it goes; `None` while it stands still.
        going: Option<Instant>,
    },
}

impl Clock {
    /// A clock that stands at a moment of shop time, Unix ms, where it can stand at all.
    pub fn new(pace: Pace, at_ms: i64) -> Self {
        match pace {
            Pace::Real => Self::Real,
            Pace::Accelerated { speed, .. } => Self::Accelerated { speed, at_ms, going: None },
        }
    }

    /// Shop time, Unix ms.
    pub fn now_ms(&self, now: Moment) -> i64 {
        match *self {
            Self::Real => now.wall_ms,
            Self::Accelerated { at_ms, going: None, .. } => at_ms,
            Self::Accelerated { speed, at_ms, going: Some(since) } => {
                let elapsed = now.instant.saturating_duration_since(since).as_secs_f64() * 1000.0 * speed;
                #[expect(clippy::cast_possible_truncation, reason = "saturates, and so does the sum")]
                let elapsed = elapsed as i64;
                at_ms.saturating_add(elapsed)
            }
        }
    }

    /// Sets it going or stops it; real time cannot be stopped.
    pub fn set_going(&mut self, go: bool, now: Moment) {
        let now_ms = self.now_ms(now);
        if let Self::Accelerated { at_ms, going, .. } = self
            && going.is_some() != go
        {
            *at_ms = now_ms;
            *going = go.then_some(now.instant);
        }
    }

    /// Sets it back where it has run ahead of a moment of shop time, Unix ms; real time cannot be set back.
    pub fn hold_back(&mut self, latest_ms: i64, now: Moment) {
        if self.now_ms(now) <= latest_ms {
            return;
        }
        if let Self::Accelerated { at_ms, going, .. } = self {
            *at_ms = latest_ms;
            *going = going.map(|_| now.instant);
        }
    }

    /// Shop seconds a wall second as a pulse says it: exactly 1 for real time alone.
    pub fn speed(&self) -> f64 {
        match *self {
            Self::Real => 1.0,
            Self::Accelerated { speed, .. } if (speed - 1.0).abs() < 1e-9 => 1.0 + 1e-9,
            Self::Accelerated { speed, .. } => speed,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn accelerated_time_passes_only_while_it_goes() {
        let start = Moment::now();
        let after = |ms: u64| Moment {
            wall_ms: start.wall_ms + i64::try_from(ms).unwrap(),
            instant: start.instant + Duration::from_millis(ms),
        };
        let mut clock = Clock::new(Pace::Accelerated { speed: 60.0, start: None }, 1_000);
        assert_eq!(clock.now_ms(after(500)), 1_000);
        clock.set_going(true, after(500));
        clock.set_going(true, after(600));
        assert_eq!(clock.now_ms(after(1_500)), 61_000);
        clock.set_going(false, after(1_500));
        assert_eq!(clock.now_ms(after(9_000)), 61_000);
        clock.set_going(true, after(9_000));
        assert_eq!(clock.now_ms(after(9_100)), 67_000);
        clock.hold_back(62_000, after(9_100));
        clock.hold_back(70_000, after(9_100));
        assert_eq!(clock.now_ms(after(9_200)), 68_000);
    }

    #[test]
    fn real_time_is_the_wall_s_whatever_is_done_to_it() {
        let mut clock = Clock::new(Pace::Real, 0);
        let now = Moment::now();
        clock.set_going(false, now);
        clock.hold_back(5, now);
        assert_eq!(clock.now_ms(now), now.wall_ms);
        assert!((clock.speed() - 1.0).abs() < f64::EPSILON);
    }

    #[test]
    fn accelerated_time_is_never_taken_for_real() {
        let clock = Clock::new(Pace::Accelerated { speed: 1.0, start: Some(0) }, 0);
        assert!((clock.speed() - 1.0).abs() > f64::EPSILON);
    }
}
