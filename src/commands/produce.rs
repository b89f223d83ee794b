//! `produce`: the simulator alone.

use chrono::Utc;
use tokio::sync::{mpsc, watch};
use tokio_util::sync::CancellationToken;

use super::{Failure, Setting, counted, interrupted, progress};
use crate::{
    cli::ProduceArgs,
    logging,
    messages::Lang,
    runtime::kafka::{Kafka, Want},
    shop::Zone,
    simulator::{self, Outcome, Progress},
    stream::{agreed_settings::Agreement, retry::FAILOVER, topics},
};

/// Sells until it is stopped, or the period or count is complete.
pub(super) async fn run(setting: Setting, args: ProduceArgs) -> Result<(), Failure> {
    let mut options =
        super::simulator(&setting, &args.simulator, args.seed, args.backfill, Utc::now().timestamp_millis())?;
    options.count = args.count;
    options.check()?;
    let has_end = options.count.is_some() || options.backfill.is_some();
    let stop = interrupted()?;
    let Some(kafka) = super::opened(&setting, Want::Answer, &stop).await? else { return stopped(has_end) };
    let outcome = sell(&setting, &kafka, options, &stop).await;
    kafka.close().await;
    match outcome? {
        Outcome::Finished => Ok(()),
        Outcome::Stopped => stopped(has_end),
        Outcome::Replaced { by } => {
            Err(Failure::Other(format!("another simulator ({by}) has taken over: this one has stopped")))
        }
    }
}

/// After an interrupt: an error if the run has an end.
fn stopped(has_end: bool) -> Result<(), Failure> {
    if has_end {
        return Err(Failure::Other(
            "interrupted before all was written: what was written is in the log, and `shop-sim status` says how far it goes"
                .to_owned(),
        ));
    }
    Ok(())
}

async fn sell(
    setting: &Setting,
    kafka: &Kafka,
    options: simulator::SimulatorOptions,
    stop: &CancellationToken,
) -> Result<Outcome, Failure> {
    setting.log()?;
    logging::speak();
    let zone = options.zone;
    let begin = async {
        topics::ensure(&kafka.session, FAILOVER).await?;
        super::agree(&kafka.session, Agreement::of(setting.zone), None).await?;
        Ok::<_, Failure>(simulator::start(&kafka.session, options).await?)
    };
    let Some(simulator) = stop.run_until_cancelled(begin).await else { return Ok(Outcome::Stopped) };
    let simulator = simulator?;
    let (told, shown) = watch::channel(Progress::default());
    // Requests only come by the control topic: this process has no dashboard.
    let (_asking, asked) = mpsc::channel(1);
    let over = CancellationToken::new();
    let line = tokio::spawn(progress::show(move || line(&shown.borrow(), zone), over.clone()));
    let outcome = simulator.run(asked, told, stop.clone()).await;
    over.cancel();
    // The progress line is cosmetic: its result is ignored.
    let _ = line.await;
    Ok(outcome?)
}

/// `1 204 orders, 5.0/s, 3 lost sales, shop time 2026-11-20 14:03:07`.
fn line(now: &Progress, zone: Zone) -> String {
    format!(
        "{}, {}/s, {}, shop time {}",
        counted(now.orders, "order"),
        Lang::En.decimal(now.orders_per_second, 1),
        counted(now.lost_sales, "lost sale"),
        zone.stamp(now.shop_ms).format("%Y-%m-%d %H:%M:%S")
    )
}
