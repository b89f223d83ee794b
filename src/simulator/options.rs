//! What a simulator is told, what it says of itself, and how it can end.

use super::rhythm::Rhythm;
use crate::{
    shop::{Catalog, Zone, pulse::RunState},
    stream::StreamError,
};

/// What a simulator is told before it starts.
#[derive(Debug, Clone)]
pub struct SimulatorOptions {
    /// What is sold.
    pub catalog: Catalog,
    /// Whose offset the records' times bear.
    pub zone: Zone,
    /// How fast it sells.
    pub rate: Rate,
    /// Decides who comes and what they want.
    pub seed: u64,
    /// When customers come.
    pub rhythm: Rhythm,
    /// How shop time passes.
    pub pace: Pace,
    /// Ends after this many orders.
    pub count: Option<u64>,
    /// A past period to write before anything else.
    pub backfill: Option<Backfill>,
    /// Whether it goes on live after the backfill; otherwise it ends there.
    pub then_live: bool,
    /// Whether `start` and `backfill` are where the shop was opened: what the log holds of them is not sold again, and it
    /// goes on where the log ends. Without it a time before the log's is refused.
    pub goes_on: bool,
    /// Whether it takes the place of a simulator that is selling.
    pub take_over: bool,
}

/// How fast a simulator sells.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Rate {
    /// Orders a second of wall time on average, more than 0.
    PerSecond(f64),
    /// As fast as the broker takes them.
    Max,
}

impl Rate {
    /// Orders a second, where that is aimed at.
    pub fn per_second(self) -> Option<f64> {
        match self {
            Self::PerSecond(rate) => Some(rate),
            Self::Max => None,
        }
    }
}

/// How shop time passes.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Pace {
    /// Shop time is wall time.
    Real,
    /// Shop time passes faster or slower, and stands still while the shop is paused or Kafka is away.
    Accelerated {
        /// Shop seconds a wall second, more than 0.
        speed: f64,
        /// Shop time at the start, Unix ms; where the log ends, or now, when it is not given.
        start: Option<i64>,
    },
}

/// A past period that is written as fast as the broker takes it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Backfill {
    /// Its first moment, Unix ms of shop time.
    pub from_ms: i64,
    /// Its end, exclusive, Unix ms of shop time.
    pub to_ms: i64,
    /// Orders a second of shop time on average, more than 0.
    pub per_second: f64,
}

/// What a simulator says of itself while it runs.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Progress {
    /// Orders of this run that Kafka has acknowledged.
    pub orders: u64,
    /// Deliveries of this run that Kafka has acknowledged.
    pub deliveries: u64,
    /// Customers who left with nothing since the shop opened, as far as is known.
    pub lost_sales: u64,
    /// Acknowledged orders a second of wall time over the last five seconds.
    pub orders_per_second: f64,
    /// Shop time, Unix ms.
    pub shop_ms: i64,
    /// What it is doing.
    pub state: RunState,
    /// Orders a second that are aimed at; `None` for as many as possible.
    pub rate: Option<f64>,
    /// Orders and deliveries that are not yet acknowledged.
    pub in_flight: usize,
}

impl Default for Progress {
    fn default() -> Self {
        Self {
            orders: 0,
            deliveries: 0,
            lost_sales: 0,
            orders_per_second: 0.0,
            shop_ms: 0,
            state: RunState::Stopped,
            rate: None,
            in_flight: 0,
        }
    }
}

/// How a run ended in good order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// It wrote what it was to write.
    Finished,
    /// It was told to stop.
    Stopped,
    /// Another simulator took over.
    Replaced {
        /// Where the other runs, for people.
        by: String,
    },
}

/// Why a simulator does not start or cannot go on.
#[derive(Debug, thiserror::Error)]
pub enum SimulatorError {
    /// An option that makes no sense.
    #[error("{option} cannot be {value}: {remedy}")]
    Option {
        /// As it is typed.
        option: &'static str,
        /// What was given.
        value: String,
        /// What to give.
        remedy: &'static str,
    },
    /// Another simulator sells on the same topics.
    #[error(
        "another simulator ({place}) is selling with the prefix {prefix}: stop it, or take its place with --take-over"
    )]
    Rival {
        /// Host and process id.
        place: String,
        /// Of the topics.
        prefix: String,
    },
    /// Real time on a log of later shop time.
    #[error(
        "the shop's time is already {log}, ahead of the clock on the wall: go on from there with --speed, or use another --prefix or an empty --out"
    )]
    AheadOfRealTime {
        /// Shop time of the log.
        log: String,
    },
    /// A start before what the log holds.
    #[error(
        "{option} {asked} lies before the shop's time, which is already {log}: give that time or a later one, or use another --prefix or an empty --out"
    )]
    BeforeLog {
        /// `--start` or `--backfill`.
        option: &'static str,
        /// Shop time that was asked for.
        asked: String,
        /// Shop time of the log.
        log: String,
    },
    /// Kafka refused a record for good.
    #[error(
        "Kafka refused a record of {topic} ({reason}): check the topic and what was given with -X, then start again"
    )]
    Refused {
        /// Where it was to go.
        topic: String,
        /// What the client library said.
        reason: String,
    },
    /// A record could not be written as JSON.
    #[error("a record could not be written ({0}): check the products file")]
    Record(String),
    /// Kafka cannot be reached or its topics cannot be used.
    #[error(transparent)]
    Stream(#[from] StreamError),
}

impl From<rdkafka::error::KafkaError> for SimulatorError {
    fn from(error: rdkafka::error::KafkaError) -> Self {
        Self::Stream(error.into())
    }
}

impl SimulatorOptions {
    /// The options for a restart after a failure: live, from the end of the log.
    #[must_use]
    pub fn again(self) -> Self {
        let pace = match self.pace {
            Pace::Real => Pace::Real,
            Pace::Accelerated { speed, .. } => Pace::Accelerated { speed, start: None },
        };
        Self { pace, backfill: None, ..self }
    }

    /// The options that are left for a resumed run if the log ends at `log_ms`, Unix ms of shop time.
    #[must_use]
    pub(super) fn rest(self, log_ms: Option<i64>) -> Self {
        let Some(next_ms) = log_ms.filter(|_| self.goes_on).map(|log_ms| log_ms.saturating_add(1)) else {
            return self;
        };
        let pace = match self.pace {
            Pace::Accelerated { speed, start: Some(start) } => {
                Pace::Accelerated { speed, start: Some(start.max(next_ms)) }
            }
            pace => pace,
        };
        let backfill =
            self.backfill.map(|period| Backfill { from_ms: period.from_ms.max(next_ms), ..period });
        Self { pace, backfill: backfill.filter(|period| period.from_ms < period.to_ms), ..self }
    }

    /// Refuses what makes no sense whatever the log holds.
    pub fn check(&self) -> Result<(), SimulatorError> {
        let above_0 = |option, value: f64| {
            if value.is_finite() && value > 0.0 {
                Ok(())
            } else {
                let remedy = "give a number above 0";
                Err(SimulatorError::Option { option, value: value.to_string(), remedy })
            }
        };
        if let Rate::PerSecond(rate) = self.rate {
            above_0("--rate", rate)?;
        }
        if let Pace::Accelerated { speed, .. } = self.pace {
            above_0("--speed", speed)?;
        }
        let Some(backfill) = self.backfill else { return Ok(()) };
        above_0("--rate", backfill.per_second)?;
        if backfill.from_ms >= backfill.to_ms {
            let value = format!(
                "{}..{}",
                self.zone.stamp(backfill.from_ms).to_rfc3339(),
                self.zone.stamp(backfill.to_ms).to_rfc3339()
            );
            let remedy = "its end must lie after its beginning";
            return Err(SimulatorError::Option { option: "--backfill", value, remedy });
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn opened(goes_on: bool) -> SimulatorOptions {
        SimulatorOptions {
            catalog: Catalog::builtin(),
            zone: Zone::default(),
            rate: Rate::PerSecond(5.0),
            seed: 1,
            rhythm: Rhythm::flat(),
            pace: Pace::Accelerated { speed: 60.0, start: Some(9_000) },
            count: None,
            backfill: Some(Backfill { from_ms: 1_000, to_ms: 9_000, per_second: 1.0 }),
            then_live: true,
            goes_on,
            take_over: false,
        }
    }

    #[test]
    fn one_that_goes_on_sells_what_the_log_lacks_of_the_past_and_nothing_twice() {
        let rest = |goes_on, log_ms| {
            let rest = opened(goes_on).rest(log_ms);
            let Pace::Accelerated { start, .. } = rest.pace else { panic!("another pace") };
            (rest.backfill.map(|period| (period.from_ms, period.to_ms)), start)
        };
        let all = (Some((1_000, 9_000)), Some(9_000));
        assert_eq!(rest(true, None), all, "a new shop");
        assert_eq!(rest(true, Some(500)), all, "a log of the day before");
        assert_eq!(rest(true, Some(5_000)), (Some((5_001, 9_000)), Some(9_000)));
        assert_eq!(rest(true, Some(8_998)), (Some((8_999, 9_000)), Some(9_000)));
        assert_eq!(rest(true, Some(8_999)), (None, Some(9_000)), "all of it is sold");
        assert_eq!(rest(true, Some(70_000)), (None, Some(70_001)));
        assert_eq!(rest(false, Some(70_000)), all, "it is refused where it is looked at");
    }
}
