//! `tui`: the whole shop live.

mod demo;
mod exit_summary;
mod request_check;
mod request_handler;
pub(super) mod shop;

use std::{
    convert::Infallible,
    sync::Arc,
    time::{Duration, Instant},
};

use chrono::Utc;
use futures::FutureExt;
use tokio::{
    runtime::Handle,
    sync::{mpsc, watch},
    time::timeout,
};
use tokio_util::sync::CancellationToken;

pub(super) use self::demo::on_cluster;
use self::{
    demo::{Demo, Start},
    request_handler::RequestHandler,
};
use super::{Failure, Setting};
use crate::{
    cli::TuiArgs,
    clock::Clock,
    consumers::NAMES,
    dashboard::{self, Marker, ScreenOptions, ThemeName, action::Request, lang::ExitSummary, marks},
    engine::Ended,
    runtime::{
        chaos::Injector,
        kafka::{Kafka, Want},
        services::Services,
        snapshots::Painter,
    },
    stream::topics,
};

/// The demo's folder, within the shop's.
pub(super) const DEMO: &str = "demo";

/// Time for the shop to close cleanly after the user has left.
const CLOSING: Duration = Duration::from_secs(3);

/// Shows the shop and, unless with --watch, runs it.
pub(super) async fn run(mut setting: Setting, mut args: TuiArgs) -> Result<(), Failure> {
    if !args.plain {
        dashboard::terminal::check()?;
    }
    if args.demo {
        demo::folder(&mut setting);
    }
    let _lock = if args.watch { None } else { Some(setting.out_dir.lock_consumers()?) };
    let demo = if args.demo { Some(Demo::find(&setting, args.fresh, Utc::now())?) } else { None };
    if let Some((demo, _)) = &demo {
        demo.prepare(&mut setting, &mut args);
    }
    let goes_on = demo.as_ref().is_some_and(|(_, start)| *start == Start::GoesOn);
    let plan = shop::Plan::new(&setting, &args, goes_on)?;
    let mut left_over = None;
    let demo = match demo {
        Some((demo, start)) => {
            if start == Start::Anew {
                left_over = demo.left_over(&setting.out_dir)?;
            }
            demo.begin(&setting.out_dir, start)?;
            Some(demo)
        }
        None => None,
    };
    if !args.watch {
        setting.out_dir.check_zone(setting.zone.0)?;
    }
    // Without a shop on the built-in broker there is nothing to watch.
    let nothing = args.watch && setting.common.bootstrap.is_none();
    let want = if nothing { Want::Data } else { Want::Way };
    let kafka = Kafka::open(&setting.common, &setting.out_dir, want).await?;
    if let Some(prefix) = left_over {
        // In the background: if Kafka does not respond, the old topics stay.
        let session = kafka.session.with_prefix(&prefix);
        tokio::spawn(async move { topics::remove(&session, &NAMES).await });
    }
    let begun = Instant::now();
    let files = exit_summary::files(&setting.out_dir);
    let talked = demo.as_ref().and_then(Demo::talked);
    let shown = show(&setting, &args, &kafka, plan, talked).await;
    kafka.close().await;
    if demo.is_some() {
        demo::note(&setting.out_dir, |demo| demo.left = true)?;
    }
    let shop::Ran { before, after, unread } = shown?;
    let said = ExitSummary {
        lasted: begun.elapsed(),
        unread,
        before: exit_summary::tally(&before, files),
        after: exit_summary::tally(&after, exit_summary::files(&setting.out_dir)),
        out: setting.out_dir.path().display().to_string(),
    };
    let mut said = args.lang.exit_summary(&said);
    if marker(&args) == Marker::Ascii {
        let plain = |sign| if sign == '\n' { sign } else { marks::to_ascii(sign) };
        said = said.chars().map(plain).collect();
    }
    dashboard::terminal::say(&format!("{said}\n"));
    Ok(())
}

/// Runs screen and shop concurrently until one ends; returns the shop's result.
async fn show(
    setting: &Setting,
    args: &TuiArgs,
    kafka: &Kafka,
    plan: shop::Plan,
    talked: Option<Duration>,
) -> Result<shop::Ran, Failure> {
    setting.log()?;
    let theme = if args.plain { ThemeName::default() } else { theme(args.theme).await };
    let services = Services::new(kafka, setting.zone, Clock::default());
    let catalog = Arc::clone(&setting.catalog);
    let injector = Injector::new(&services, plan.switches(), kafka.line());
    let (handler, asked_for) = RequestHandler::new(setting, &services, args.ids.ids, injector);
    let painter = {
        let (model, clock, zone) = (Arc::clone(&services.model), services.clock.clone(), setting.zone);
        let catalog = Arc::clone(&catalog);
        move || Painter::new(Arc::clone(&model), clock.clone(), zone, Arc::clone(&catalog), asked_for.clone())
    };
    let (pictures, drawn) = watch::channel(Arc::new(painter().paint()));
    let (ask, asked) = mpsc::unbounded_channel();
    let (to_shop, for_shop) = mpsc::unbounded_channel();
    let stop = services.stop.clone();
    let leave = ask.clone();
    // After leaving, the user can end the program at once, even before the terminal is restored.
    let runtime = Handle::current();
    let leaving = move || {
        let _guard = runtime.enter();
        super::end_at_once_when_interrupted();
    };
    let screen = if args.plain {
        tokio::spawn(dashboard::plain::run(args.lang, drawn, stop.clone()).inspect(move |_| leaving()))
    } else {
        let options = options(setting, args, theme, talked);
        tokio::spawn(dashboard::run(options, drawn, ask, stop.clone(), leaving))
    };
    let (supervisor, painted_until) = (services.supervisor(), stop.clone());
    let painting = tokio::spawn(async move {
        let paint = || {
            let painting = painter().run(pictures.clone(), painted_until.clone());
            painting.map(|()| Ok::<_, Infallible>(Ended::Done))
        };
        supervisor.keep("the painter of the dashboard", paint).await;
    });
    let serving = tokio::spawn(handler.keep(services.supervisor(), asked, to_shop));
    let running = tokio::spawn(shop::run(services, plan, for_shop));
    // When the screen or the shop ends, the other one is stopped.
    let (stopper, closed) = (stop.clone(), CancellationToken::new());
    let is_closed = closed.clone();
    let ended = tokio::spawn(async move {
        let ended = screen.await;
        // The shop gets time for a clean shutdown; the user may cut it short.
        let _ = leave.send(Request::Quit);
        let _ = timeout(CLOSING, is_closed.cancelled()).await;
        stopper.cancel();
        ended
    });
    let ran = running.await;
    closed.cancel();
    stop.cancel();
    // Nobody sees the last pictures.
    let _ = (painting.await, serving.await);
    match ended.await {
        Ok(Ok(Ok(_))) => {}
        Ok(Ok(Err(error))) => return Err(error.into()),
        Ok(Err(error)) | Err(error) => return Err(Failure::Other(format!("the screen failed ({error})"))),
    }
    ran.map_err(|error| Failure::Other(format!("the shop failed ({error})")))?
}

/// The marker of charts.
fn marker(args: &TuiArgs) -> Marker {
    Marker::choose(args.marker, marks::locale(|name| std::env::var_os(name)).as_deref())
}

/// The theme that was asked for, or that suits the terminal.
async fn theme(asked: Option<ThemeName>) -> ThemeName {
    let chosen =
        move || ThemeName::choose(asked, |name| std::env::var_os(name), dashboard::terminal::is_light);
    // The terminal may take its time to answer.
    tokio::task::spawn_blocking(chosen).await.unwrap_or_default()
}

fn options(setting: &Setting, args: &TuiArgs, theme: ThemeName, talked: Option<Duration>) -> ScreenOptions {
    ScreenOptions {
        lang: args.lang,
        theme,
        marker: marker(args),
        mouse: args.mouse,
        present: args.present,
        talked,
        at: args.at.map(|at| setting.zone.resolve(at).div_euclid(1000)),
        log: setting.out_dir.log(),
    }
}
