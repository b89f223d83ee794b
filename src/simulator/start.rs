//! Start of a simulator: reads the log, checks for another simulator, and resumes shop time.

use std::time::Instant;

use tokio_util::sync::CancellationToken;

use super::{
    backfill_or_live::Phase,
    campaigns::Campaigns,
    clock::{Clock, Moment},
    log_totals::LogTotals,
    meter::Meter,
    options::{Pace, SimulatorError, SimulatorOptions},
    order_encoder::OrderEncoder,
    order_writer::OrderWriter,
    outbox::Outbox,
    pulse_and_control_reader::PulseAndControlReader,
    pulse_timer::PulseTimer,
    read_topics::{self, Pulses},
    run::Simulator,
    rush::Rush,
    shop_model::{Beginning, ShopModel},
    simulator_identity::Identity,
    single_writer::{self, Succession},
};
use crate::{
    shop::{Zone, pulse::RunState},
    stream::{Session, StreamError, Topic, retry::FAILOVER},
};

/// How far the log may be ahead of real time: clocks of two machines differ by so much.
const TOLERANCE_MS: i64 = 2_000;

/// Learns from Kafka what was sold before, and makes a simulator that goes on from there.
///
/// The topics have to exist. It reads the whole of `orders` and `deliveries`, refuses where another
/// simulator sells (or takes its place), and where the options lie before the log's time.
pub async fn start(session: &Session, options: SimulatorOptions) -> Result<Simulator, SimulatorError> {
    options.check()?;
    // Dropped with this future: then the reading ends as well.
    let stop = CancellationToken::new();
    let _guard = stop.clone().drop_guard();
    let us = Identity::here(Moment::now().wall_ms);

    let (partitions, control_end) = blocking(session, &stop, |session, _| {
        let orders = session.partitions_of(Topic::Orders, FAILOVER)?;
        let deliveries = session.partitions_of(Topic::Deliveries, FAILOVER)?;
        Ok(((orders, deliveries), read_topics::end_of(session, Topic::Control)?))
    })
    .await?;
    let outbox = Outbox::new(session, partitions.0, partitions.1)?;
    let pulses = settle(session, &options, &us, &outbox, &stop).await?;

    let pulse = pulses.last.as_ref();
    let count = |partitions: i32| usize::try_from(partitions).unwrap_or_default();
    let history = LogTotals::new(count(partitions.0), count(partitions.1), pulse);
    let told_orders = pulse.map_or(0, |pulse| pulse.orders);
    let read = move |session: &_, stop: &_| read_topics::read_books(session, history, told_orders, stop);
    let history = blocking(session, &stop, read).await?;

    let wall_ms = Moment::now().wall_ms;
    let log_ms = history.time_ms(pulse);
    let options = options.rest(log_ms);
    let from_ms = first_moment(&options, log_ms, wall_ms)?;
    let beginning = Beginning {
        from_ms,
        last_order_id: history.last_order_id(),
        last_delivery_id: history.last_delivery_id(),
        under_way: history.under_way(pulse),
        lost_sales: pulse.map_or(0, |pulse| pulse.lost_sales),
        delivered: history.delivered,
        sold: history.sold,
    };
    let phase = Phase::first(&options, wall_ms);
    let mean_gap_ms = phase.mean_gap_ms(options.pace, options.rate);
    let rhythm = options.rhythm.clone().with(Campaigns::new(&options.catalog, options.zone));
    let model = ShopModel::new(options.seed, &options.catalog, &beginning, mean_gap_ms, rhythm);
    let encoder = OrderEncoder::new(&options.catalog, options.zone)
        .map_err(|error| SimulatorError::Record(error.to_string()))?;
    let heard = [(Topic::Pulse, pulses.next_offset), (Topic::Control, control_end)];
    let reader = PulseAndControlReader::open(session, &heard, options.pace != Pace::Real)?;
    let told_ms = pulse.map(|pulse| pulse.shop_time.timestamp_millis());
    Ok(Simulator {
        succession: Succession::new(&us, pulses.who),
        us,
        zone: options.zone,
        reader,
        writer: OrderWriter::new(model, encoder, outbox, options.count),
        clock: Clock::new(options.pace, from_ms),
        pace: options.pace,
        rate: options.rate,
        phase,
        then_live: options.then_live,
        pulse_timer: PulseTimer::new(told_ms, from_ms),
        state: RunState::Running,
        rush: Rush::default(),
        orders_before: history.order_count,
        told: (0, 0),
        meter: Meter::default(),
        obstacle: None,
        looked: Instant::now(),
    })
}

/// Makes sure that nobody else sells, and reads the last pulse.
async fn settle(
    session: &Session,
    options: &SimulatorOptions,
    us: &Identity,
    outbox: &Outbox,
    stop: &CancellationToken,
) -> Result<Pulses, SimulatorError> {
    let pulses = blocking(session, stop, read_topics::read_pulses).await?;
    let Some(rival) = single_writer::find(session, &pulses).await? else { return Ok(pulses) };
    if !options.take_over {
        return Err(SimulatorError::Rival { place: rival.host, prefix: session.prefix.to_string() });
    }
    tracing::info!(rival = %rival.host, "taking over");
    outbox.pulse(&single_writer::claim(&rival, us, options.zone.stamp(Moment::now().wall_ms)))?;
    single_writer::wait_for_farewell(session, &pulses, &rival).await?;
    let mut after = blocking(session, stop, read_topics::read_pulses).await?;
    if let Some(last) = &after.last
        && last.who != rival.who
        && last.who != us.who
        && single_writer::find(session, &after).await?.is_some()
    {
        return Err(SimulatorError::Rival { place: last.host.clone(), prefix: session.prefix.to_string() });
    }
    // Compaction may have removed the rival's.
    after.who.push(rival.who);
    Ok(after)
}

/// The first moment of shop time that something may happen in, Unix ms, when the log has come to `log_ms`.
fn first_moment(
    options: &SimulatorOptions,
    log_ms: Option<i64>,
    wall_ms: i64,
) -> Result<i64, SimulatorError> {
    let say = |ms: i64| said(options.zone, ms);
    let not_before_log = |option, asked: i64| match log_ms {
        Some(log) if asked < log => {
            Err(SimulatorError::BeforeLog { option, asked: say(asked), log: say(log) })
        }
        _ => Ok(asked),
    };
    let not_ahead = |ms: i64| {
        let ahead = ms > wall_ms.saturating_add(TOLERANCE_MS);
        if ahead { Err(SimulatorError::AheadOfRealTime { log: say(ms) }) } else { Ok(()) }
    };
    let from_ms = match (options.backfill, options.pace) {
        (Some(backfill), pace) => {
            if options.then_live && pace == Pace::Real {
                not_ahead(backfill.to_ms)?;
            }
            not_before_log("--backfill", backfill.from_ms)?
        }
        (None, Pace::Accelerated { start: Some(start), .. }) => not_before_log("--start", start)?,
        (None, Pace::Accelerated { start: None, .. }) => log_ms.unwrap_or(wall_ms),
        (None, Pace::Real) => {
            log_ms.map_or(Ok(()), not_ahead)?;
            wall_ms
        }
    };
    // The log is complete up to `log_ms`: the next event is later.
    Ok(log_ms.map_or(from_ms, |log| from_ms.max(log.saturating_add(1))))
}

fn said(zone: Zone, ms: i64) -> String {
    zone.stamp(ms).format("%Y-%m-%d %H:%M:%S%:z").to_string()
}

/// Runs something that blocks aside.
async fn blocking<T: Send + 'static>(
    session: &Session,
    stop: &CancellationToken,
    work: impl FnOnce(&Session, &CancellationToken) -> Result<T, StreamError> + Send + 'static,
) -> Result<T, SimulatorError> {
    let stop = stop.clone();
    Ok(session.aside(move |session| work(session, &stop)).await?)
}
