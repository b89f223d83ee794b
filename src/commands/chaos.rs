//! `chaos`: injects faults into a shop, and after each waits until all figures agree with the log.

use std::time::{Duration, Instant};

use tokio::{
    sync::{mpsc, watch},
    task::JoinHandle,
};
use tokio_util::sync::CancellationToken;

use super::{
    Failure, Setting, counted, exists, interrupted, opened, print,
    tui::shop::{self, Plan, Ran},
};
use crate::{
    chaos::{Fault, LiveAudit, State, plan},
    cli::ChaosArgs,
    clock::Clock,
    dashboard::action::Request,
    messages::Lang,
    runtime::{
        chaos::Injector,
        kafka::{Kafka, Want},
        out_dir::OutDirError,
        services::Services,
    },
    stream::retry::FAILOVER,
};

/// Time for the figures to agree after a fault is over.
const HEALING: Duration = Duration::from_secs(60);
/// Orders a second of the shop that it runs.
const RATE: f64 = 20.0;

/// Breaks the running shop, by records alone, or one that it runs itself.
pub(super) async fn run(setting: Setting, args: ChaosArgs) -> Result<(), Failure> {
    let stop = interrupted()?;
    let lock = match setting.out_dir.lock_consumers() {
        Ok(lock) if setting.common.bootstrap.is_none() => Some(lock),
        Ok(_) | Err(OutDirError::Busy { .. }) => None,
        Err(error) => return Err(error.into()),
    };
    let want = if lock.is_some() { Want::Answer } else { Want::Data };
    let Some(kafka) = opened(&setting, want, &stop).await? else { return Ok(()) };
    let broken = break_all(&setting, &args, &kafka, lock.is_some(), &stop).await;
    kafka.close().await;
    broken
}

async fn break_all(
    setting: &Setting,
    args: &ChaosArgs,
    kafka: &Kafka,
    own: bool,
    stop: &CancellationToken,
) -> Result<(), Failure> {
    let mut services = Services::new(kafka, setting.zone, Clock::default());
    let sell = if own { Some(Plan::headless(setting, args.seed, RATE)?) } else { None };
    let switches = sell.as_ref().and_then(Plan::switches);
    let injector = Injector::new(&services, switches, kafka.line());
    let ended = services.stop.clone();
    let (auditor, supervisor) = (injector.auditor(), services.supervisor());
    // Not awaited: its thread ends soon, unless Kafka is unreachable.
    tokio::spawn(async move { auditor.keep(&supervisor).await });
    let (ask, asked) = mpsc::unbounded_channel();
    let (shop, watching) = if let Some(sell) = sell {
        setting.out_dir.check_zone(setting.zone.0)?;
        setting.log()?;
        (Some(tokio::spawn(shop::run(services, sell, asked))), None)
    } else {
        exists(&kafka.session, setting.zone).await?;
        services.follow()?;
        services.known(FAILOVER).await;
        (None, Some(services))
    };
    let faults =
        if args.plan.is_empty() { plan(args.seed, own, injector.can_cut()) } else { args.plan.clone() };
    let breaking = one_after_another(&injector, &faults, args.seed);
    let broken = tokio::select! {
        broken = breaking => broken,
        () = stop.cancelled() => Err(Failure::Other("interrupted: not every fault was brought about".to_owned())),
        () = ended.cancelled() => Err(Failure::Other("the shop has ended by itself: its log says why".to_owned())),
    };
    let _ = ask.send(Request::Quit);
    let closed = close(shop, watching).await;
    ended.cancel();
    closed?;
    broken
}

async fn close(
    shop: Option<JoinHandle<Result<Ran, Failure>>>,
    watching: Option<Services>,
) -> Result<(), Failure> {
    if let Some(services) = watching {
        services.close().await;
    }
    match shop {
        Some(shop) => match shop.await {
            Ok(ran) => ran.map(drop),
            Err(error) => Err(Failure::Other(format!("the shop failed ({error})"))),
        },
        None => Ok(()),
    }
}

/// Injects the faults, each after the figures agree again, and prints a line per fault.
async fn one_after_another(injector: &Injector, faults: &[Fault], seed: u64) -> Result<(), Failure> {
    let mut live_audit = injector.live_audit();
    agreement(&mut live_audit, LiveAudit::agrees).await.map_err(|why| {
        Failure::Other(format!("before anything was broken the figures did not agree within a minute: {why}"))
    })?;
    let mut healed = 0;
    for (fault, chance) in faults.iter().zip(seed..) {
        let begun = Instant::now();
        // Spreads the seed over all bits, deterministically.
        let chance = chance.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let number = injector.inject(*fault, chance).await.map_err(|why| {
            Failure::Other(format!("{fault} did not come about: {}", why.to_string().trim_end_matches('.')))
        })?;
        let lasted = begun.elapsed();
        let healed_after = |live_audit: &LiveAudit| {
            live_audit.injections.iter().find_map(|injection| match injection.state {
                State::Healed(took) if injection.number == number => Some(took),
                _ => None,
            })
        };
        if let Err(why) = agreement(&mut live_audit, |audit| healed_after(audit).is_some()).await {
            print(&format!("{:<24} no agreement within a minute: {why}", fault.to_string()))?;
            return Err(Failure::Other(format!(
                "after {fault} the figures did not agree with the log again: run `shop-sim verify` for all that differs"
            )));
        }
        let Some(took) = healed_after(&live_audit.borrow()) else { continue };
        let seconds = |time: Duration| Lang::En.decimal(time.as_secs_f64(), 1);
        print(&format!(
            "{:<24} lasted {:>4} s, agreed {:>4} s after it",
            fault.to_string(),
            seconds(lasted),
            seconds(took)
        ))?;
        healed += 1;
    }
    let (values, records) = {
        let live_audit = live_audit.borrow();
        (live_audit.values, live_audit.records)
    };
    print(&format!(
        "{}, and after each all agreed: {} of {}",
        counted(healed, "fault"),
        counted(values, "value"),
        counted(records, "record")
    ))
}

/// Waits until the audit satisfies `shows`; the error says what differs.
async fn agreement(
    live_audit: &mut watch::Receiver<std::sync::Arc<LiveAudit>>,
    shows: impl Fn(&LiveAudit) -> bool,
) -> Result<(), String> {
    let waited = tokio::time::timeout(HEALING, live_audit.wait_for(|live_audit| shows(live_audit))).await;
    if waited.is_ok_and(|shown| shown.is_ok()) {
        return Ok(());
    }
    let live_audit = live_audit.borrow();
    Err(match (&live_audit.trouble, live_audit.found.first(), live_audit.behind) {
        (Some(trouble), ..) => trouble.to_string(),
        (None, Some(found), _) => found.clone(),
        (None, None, behind) if behind > 0 => format!("the consumers' lag is {}", counted(behind, "record")),
        _ => "a consumer does not run, or nothing was counted yet".to_owned(),
    })
}
