//! The simulator's loop: advances the shop to its clock, takes requests, and sends pulses.

use std::time::{Duration, Instant};

use tokio::{
    sync::{mpsc, watch},
    time::{sleep_until, timeout},
};
use tokio_util::sync::CancellationToken;

use super::{
    backfill_or_live::Phase,
    clock::{Clock, Moment},
    meter::{Meter, TICK},
    options::{Outcome, Pace, Progress, Rate, SimulatorError},
    order_writer::{OrderWriter, Round},
    pulse_and_control_reader::{Heard, PulseAndControlReader},
    pulse_timer::PulseTimer,
    rush::Rush,
    simulator_identity::Identity,
    single_writer::Succession,
};
use crate::shop::{
    Control, Pulse, Zone,
    pulse::{OnShelf, RunState, UnderWay},
};

/// In real time, a delay of more than this postpones the next customers.
const LATE_MS: i64 = 1_000;
/// How far accelerated time may run ahead of the sales, as wall time.
const LEAD: Duration = Duration::from_millis(250);
/// A pulse without acknowledgement for so long means that Kafka is away.
const AWAY: Duration = Duration::from_millis(500);
/// An outage of this length is reported.
const LONG_AWAY: Duration = Duration::from_secs(3);
/// A clock set back by more than this is reported, ms.
const SET_BACK_MS: i64 = 5_000;
/// Period of the check for added partitions.
const PARTITIONS: Duration = Duration::from_secs(10);
/// Period of the check for the acknowledgement that the next pulse waits for.
const OVERDUE: Duration = Duration::from_millis(20);
/// The longest wait at the end for records in flight, the last pulse included.
const CLOSING: Duration = Duration::from_secs(5);
/// The part of it for the last pulse.
const LAST_WORD: Duration = Duration::from_secs(1);
/// Period of the check for room, in case a notification was missed.
const RETRY: Duration = Duration::from_millis(5);

/// A simulator that knows the log and is ready to sell.
pub struct Simulator {
    pub(super) us: Identity,
    pub(super) zone: Zone,
    pub(super) reader: PulseAndControlReader,
    pub(super) succession: Succession,
    pub(super) writer: OrderWriter,
    pub(super) clock: Clock,
    pub(super) pace: Pace,
    pub(super) rate: Rate,
    pub(super) phase: Phase,
    pub(super) then_live: bool,
    pub(super) pulse_timer: PulseTimer,
    pub(super) state: RunState,
    pub(super) rush: Rush,
    /// Orders in the log before this run.
    pub(super) orders_before: u64,
    /// Orders and deliveries that were acknowledged when the last pulse went out.
    pub(super) told: (u64, u64),
    pub(super) meter: Meter,
    /// The obstacle that was reported last.
    pub(super) obstacle: Option<Obstacle>,
    /// When added partitions were checked for last.
    pub(super) looked: Instant,
}

/// What keeps a simulator from selling.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Obstacle {
    /// Kafka takes nothing.
    Away,
    /// The clock was set back.
    Clock,
}

/// What to do after a step.
enum Next {
    /// Go on at once.
    Again,
    /// Wait until then.
    Wait(Instant),
    /// Wait for an acknowledgement.
    Acknowledgement,
    /// Stop in good order.
    End(Outcome),
}

impl Simulator {
    /// Valid orders that were in the log before this run, each counted once.
    pub fn orders_before(&self) -> u64 {
        self.orders_before
    }

    /// Sells until `stop`, until all is written that was to be written, or until another simulator takes
    /// over; then it waits at most five seconds for what is on its way, and says in a last pulse that it
    /// has stopped. Fails when Kafka refuses a record for good; Kafka being away is waited out.
    pub async fn run(
        mut self,
        mut control: mpsc::Receiver<Control>,
        progress: watch::Sender<Progress>,
        stop: CancellationToken,
    ) -> Result<Outcome, SimulatorError> {
        // After a takeover our last pulse must not be taken for the present state.
        let mut silent = false;
        let outcome = loop {
            let now = Moment::now();
            let next = self.step(now, progress.receiver_count() > 0)?;
            self.report(now, &progress, false);
            let (again, on_acknowledgement, until) = match next {
                Next::End(outcome) => break outcome,
                Next::Again => (true, false, now.instant),
                Next::Wait(until) => (false, false, until),
                Next::Acknowledgement => (false, true, now.instant + RETRY),
            };
            tokio::select! {
                biased;
                () = stop.cancelled() => break Outcome::Stopped,
                Some(ask) = control.recv() => self.ask(ask, now),
                heard = self.reader.next() => match heard {
                    Heard::Control(ask) => self.ask(ask, now),
                    Heard::Pulse(pulse) if self.succession.is_successor(&pulse) => {
                        silent = self.pulse_timer.is_behind(pulse.shop_time.timestamp_millis());
                        break Outcome::Replaced { by: pulse.host };
                    }
                    Heard::Pulse(_) => {}
                },
                () = tokio::task::yield_now(), if again => {}
                () = self.writer.outbox.acknowledgement(), if on_acknowledgement => {}
                () = sleep_until(until.into()), if !again => {}
            }
        };
        self.close(&progress, silent).await?;
        Ok(outcome)
    }

    /// Lets the shop come as far as its clock; `watched` where somebody looks at its progress.
    fn step(&mut self, now: Moment, watched: bool) -> Result<Next, SimulatorError> {
        self.writer.outbox.catch_up()?;
        if now.instant.saturating_duration_since(self.looked) >= PARTITIONS {
            self.looked = now.instant;
            self.writer.outbox.look_for_partitions();
        }
        self.end_rush(now);
        let running = self.state == RunState::Running;
        let away = self.writer.outbox.pulse_open() && self.pulse_timer.since(now.instant) > AWAY;
        self.clock.set_going(running && !away && self.phase == Phase::Live, now);
        let until_ms = self.until_ms(now);
        self.tell_obstacle(until_ms, now);
        let round = if running || self.phase == Phase::Live {
            let late =
                self.is_real_live() && until_ms.saturating_sub(self.writer.model.complete_ms()) > LATE_MS;
            self.writer.round(until_ms, running && !late)?
        } else {
            Round::UpToDate
        };
        self.hold_clock_back(now);
        let ended = self.turn_the_page(round, until_ms);
        self.beat(now)?;
        Ok(match (ended, round) {
            (Some(outcome), _) => Next::End(outcome),
            (None, Round::More) => Next::Again,
            (None, Round::Blocked | Round::Counted) => Next::Acknowledgement,
            (None, Round::UpToDate) if self.writer.outbox.held() > 0 => Next::Acknowledgement,
            (None, Round::UpToDate) => self.wait(now, running, watched),
        })
    }

    /// Tells what keeps it from selling, once.
    fn tell_obstacle(&mut self, until_ms: i64, now: Moment) {
        let sold_ms = self.writer.model.complete_ms();
        let obstacle = if self.writer.outbox.pulse_open() && self.pulse_timer.since(now.instant) > LONG_AWAY {
            Some(Obstacle::Away)
        } else if self.is_real_live() && until_ms.saturating_add(SET_BACK_MS) < sold_ms {
            Some(Obstacle::Clock)
        } else {
            None
        };
        if obstacle == self.obstacle {
            return;
        }
        match obstacle {
            Some(Obstacle::Away) => tracing::error!(
                "Kafka takes no records: it is away, or its disk takes none; nothing is lost, and selling goes on when it does"
            ),
            Some(Obstacle::Clock) => tracing::error!(
                "the machine's clock was set back: nothing is sold until it shows {} again",
                self.zone.stamp(sold_ms).format("%Y-%m-%d %H:%M:%S")
            ),
            None => tracing::info!("selling goes on"),
        }
        self.obstacle = obstacle;
    }

    /// Up to when things may happen, Unix ms of shop time: the last millisecond that is over.
    fn until_ms(&self, now: Moment) -> i64 {
        let end_ms = match self.phase {
            Phase::Live => self.clock.now_ms(now),
            Phase::Backfill { to_ms, follow: true, .. } => to_ms.max(now.wall_ms),
            Phase::Backfill { to_ms, .. } => to_ms,
        };
        end_ms.saturating_sub(1)
    }

    fn is_real_live(&self) -> bool {
        self.phase == Phase::Live && self.pace == Pace::Real
    }

    /// Limits the lead of accelerated time over the sales.
    fn hold_clock_back(&mut self, now: Moment) {
        #[expect(clippy::cast_possible_truncation, reason = "saturates, and so does the sum")]
        let lead_ms = (LEAD.as_secs_f64() * 1_000.0 * self.clock.speed()) as i64;
        let latest_ms = self.writer.model.complete_ms().saturating_add(lead_ms).saturating_add(1);
        if self.phase == Phase::Live {
            self.clock.hold_back(latest_ms, now);
        }
    }

    /// At the end of what was to be written, once all of it is acknowledged: goes on live, or ends.
    fn turn_the_page(&mut self, round: Round, until_ms: i64) -> Option<Outcome> {
        let Phase::Backfill { .. } = self.phase else {
            return (round == Round::Counted && self.writer.is_settled()).then_some(Outcome::Finished);
        };
        let written = self.writer.model.complete_ms() >= until_ms || round == Round::Counted;
        if !written || !self.writer.is_settled() {
            return None;
        }
        if round != Round::Counted {
            self.writer.model.skip_to(until_ms.saturating_add(1));
        }
        self.pulse_timer.change();
        if !self.then_live || round == Round::Counted {
            return Some(Outcome::Finished);
        }
        self.phase = Phase::Live;
        self.clock = Clock::new(self.pace, self.writer.model.complete_ms().saturating_add(1));
        self.set_mean_gap();
        None
    }

    /// How long there is nothing to do.
    fn wait(&self, now: Moment, running: bool, watched: bool) -> Next {
        if let Phase::Backfill { .. } = self.phase
            && running
        {
            return Next::Acknowledgement;
        }
        // If nobody watches the progress, only an outage must be noticed.
        let longest = if watched { TICK } else { AWAY };
        let mut beat = self.pulse_timer.next(self.every(), now.instant);
        if self.writer.outbox.pulse_open() {
            beat = beat.max(now.instant + OVERDUE);
        }
        let tick = (now.instant + longest).min(beat);
        // It happens once its millisecond is over.
        let ahead_ms = self.writer.model.next_ms().saturating_add(1).saturating_sub(self.clock.now_ms(now));
        let ahead_ms = if running { ahead_ms.max(1) as f64 / self.clock.speed() } else { f64::INFINITY };
        let ahead = Duration::try_from_secs_f64(ahead_ms / 1_000.0).unwrap_or(longest).min(longest);
        Next::Wait(tick.min(now.instant + ahead).max(now.instant + Duration::from_millis(1)))
    }

    /// How often a pulse goes out.
    fn every(&self) -> Duration {
        if self.is_real_live() { Duration::from_secs(1) } else { Duration::from_millis(100) }
    }

    /// Sends a pulse if one is due; whether it did.
    fn beat(&mut self, now: Moment) -> Result<bool, SimulatorError> {
        let reorders = self.writer.model.reorders();
        if self.writer.outbox.pulse_open() || !self.pulse_timer.is_due(self.every(), reorders, now.instant) {
            return Ok(false);
        }
        let complete_ms = self.writer.model.complete_ms();
        let Some(time_ms) = self.pulse_timer.time_ms(complete_ms, self.writer.outbox.oldest_ms()) else {
            return Ok(false);
        };
        let acknowledged = self.writer.outbox.acknowledged();
        let stands = acknowledged == self.told || self.state == RunState::Stopped;
        let mut pulse = self.pulse(time_ms, now);
        if stands && self.writer.is_settled() {
            pulse.shelf = self.shelf();
        }
        let sent = self.writer.outbox.pulse(&pulse)?;
        if sent {
            self.told = acknowledged;
            self.pulse_timer.sent(time_ms, reorders, now.instant);
        }
        Ok(sent)
    }

    fn pulse(&self, time_ms: i64, now: Moment) -> Pulse {
        let live = self.phase == Phase::Live;
        let model = &self.writer.model;
        Pulse {
            shop_time: self.zone.stamp(time_ms),
            wall_time: self.zone.stamp(now.wall_ms),
            speed: if live { self.clock.speed() } else { 0.0 },
            rate: if live { self.rate.per_second() } else { None },
            state: self.state,
            rhythm: model.rhythm_factor(),
            campaigns: model.campaigns(),
            rush: self.rush.is_on(),
            rush_seconds: self.rush.seconds_left(now.instant),
            who: self.us.who.clone(),
            host: self.us.place.clone(),
            pid: self.us.pid,
            orders: self.orders_before + self.writer.outbox.acknowledged().0,
            lost_sales: model.lost_sales(),
            last_delivery_id: model.last_delivery_id(),
            under_way: model
                .shelf()
                .under_way()
                .map(|(place, coming)| UnderWay {
                    product_id: self.writer.encoder.product_id(place),
                    quantity: coming.quantity,
                    due: self.zone.stamp(coming.due_ms),
                })
                .collect(),
            shelf: Vec::new(),
        }
    }

    fn shelf(&self) -> Vec<OnShelf> {
        let balances = self.writer.model.shelf().balances();
        let product = |(place, pieces)| OnShelf { product_id: self.writer.encoder.product_id(place), pieces };
        balances.map(product).collect()
    }

    fn report(&mut self, now: Moment, progress: &watch::Sender<Progress>, at_once: bool) {
        if progress.receiver_count() == 0 || !at_once && !self.meter.is_due(now.instant) {
            return;
        }
        let (orders, deliveries) = self.writer.outbox.acknowledged();
        progress.send_replace(Progress {
            orders,
            deliveries,
            lost_sales: self.writer.model.lost_sales(),
            orders_per_second: self.meter.rate(now.instant, orders),
            shop_ms: self.writer.model.complete_ms(),
            state: self.state,
            rate: self.rate.per_second(),
            in_flight: self.writer.outbox.open(),
        });
    }

    /// Waits for what is on its way and says good-bye, both within [`CLOSING`].
    async fn close(mut self, progress: &watch::Sender<Progress>, silent: bool) -> Result<(), SimulatorError> {
        let deadline = Instant::now() + CLOSING;
        self.state = RunState::Stopped;
        let mut said = silent;
        self.pulse_timer.change();
        self.writer.model.finish();
        while Instant::now() < deadline {
            self.writer.outbox.catch_up()?;
            let settled = self.writer.is_settled();
            if settled && said && !self.writer.outbox.pulse_open() {
                break;
            }
            // An early last pulse is better than none.
            if !said && (settled || Instant::now() + LAST_WORD > deadline) {
                said = self.beat(Moment::now())?;
            }
            // An elapsed time-out only means to look again.
            let _ = timeout(RETRY, self.writer.outbox.acknowledgement()).await;
        }
        self.report(Moment::now(), progress, true);
        Ok(())
    }
}
