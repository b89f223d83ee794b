//! `tui`: the whole shop live.

mod demo;
mod desk;
mod farewell;
mod refusal;
mod shop;

use std::{
    convert::Infallible,
    sync::Arc,
    time::{Duration, Instant},
};

use chrono::Utc;
use futures::FutureExt;
use tokio::{
    sync::{mpsc, watch},
    time::timeout,
};
use tokio_util::sync::CancellationToken;

use self::{
    demo::{Demo, Start},
    desk::Desk,
};
use super::{Failure, Setting};
use crate::{
    cli::TuiArgs,
    clock::Clock,
    consumers::NAMES,
    dashboard::{self, Marker, ScreenOptions, ThemeName, action::Request, lang::Farewell, marks},
    engine::Ended,
    runtime::{
        kafka::{Kafka, Want},
        services::Services,
        snapshots::Painter,
    },
    stream::{Session, topics},
};

/// The folder of a demo, in that of the shop.
pub(super) const DEMO: &str = "demo";

/// How long the shop may take to close in good order when the person has left.
const CLOSING: Duration = Duration::from_secs(3);

/// Shows the shop, and unless it only watches, runs it.
pub(super) async fn run(mut setting: Setting, mut args: TuiArgs) -> Result<(), Failure> {
    dashboard::terminal::check()?;
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
        setting.out_dir.keep_zone(setting.zone.0)?;
    }
    // Where the built-in broker would be one without a shop, there is nothing to watch.
    let nothing = args.watch && setting.common.bootstrap.is_none();
    let want = if nothing { Want::Data } else { Want::Way };
    let kafka = Kafka::open(&setting.common, &setting.out_dir, want).await?;
    if let Some(prefix) = left_over {
        // Nobody waits for it: where Kafka does not answer, they stay.
        let session = Session { prefix: prefix.into(), ..kafka.session.clone() };
        tokio::spawn(async move { topics::remove(&session, &NAMES).await });
    }
    let begun = Instant::now();
    let files = farewell::files(&setting.out_dir);
    let talked = demo.as_ref().and_then(Demo::talked);
    let shown = show(&setting, &args, &kafka, plan, talked).await;
    kafka.close().await;
    if demo.is_some() {
        demo::note(&setting.out_dir, |demo| demo.left = true)?;
    }
    let shop::Ran { before, after, unread } = shown?;
    let said = Farewell {
        lasted: begun.elapsed(),
        unread,
        before: farewell::tally(&before, files),
        after: farewell::tally(&after, farewell::files(&setting.out_dir)),
        out: setting.out_dir.path().display().to_string(),
    };
    let mut said = args.lang.farewell(&said);
    if marker(&args) == Marker::Ascii {
        let plain = |sign| if sign == '\n' { sign } else { marks::to_ascii(sign) };
        said = said.chars().map(plain).collect();
    }
    dashboard::terminal::say(&format!("{said}\n"));
    Ok(())
}

/// Runs screen and shop side by side until one of them ends; gives what the shop did.
async fn show(
    setting: &Setting,
    args: &TuiArgs,
    kafka: &Kafka,
    plan: shop::Plan,
    talked: Option<Duration>,
) -> Result<shop::Ran, Failure> {
    setting.log()?;
    let services = Services::new(kafka, setting.zone, Clock::default());
    let catalog = Arc::clone(&setting.catalog);
    let (desk, asked_for) = Desk::new(setting, &services);
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
    let screen = tokio::spawn(dashboard::run(options(setting, args, talked), drawn, ask, stop.clone()));
    let (supervisor, painted_until) = (services.supervisor(), stop.clone());
    let painting = tokio::spawn(async move {
        let paint = || {
            let painting = painter().run(pictures.clone(), painted_until.clone());
            painting.map(|()| Ok::<_, Infallible>(Ended::Done))
        };
        supervisor.keep("the painter of the dashboard", paint).await;
    });
    let serving = tokio::spawn(desk.keep(services.supervisor(), asked, to_shop));
    let running = tokio::spawn(shop::run(services, plan, for_shop));
    // Whichever ends first ends the other: the person leaves, or the shop cannot run.
    let (stopper, closed) = (stop.clone(), CancellationToken::new());
    let is_closed = closed.clone();
    let ended = tokio::spawn(async move {
        let ended = screen.await;
        // The shop closes in good order, if it can, and if the person waits for it.
        super::end_at_once_when_interrupted();
        let _ = leave.send(Request::Quit);
        let _ = timeout(CLOSING, is_closed.cancelled()).await;
        stopper.cancel();
        ended
    });
    let ran = running.await;
    closed.cancel();
    stop.cancel();
    // The picture is of no use to anybody now.
    let _ = (painting.await, serving.await);
    match ended.await {
        Ok(Ok(Ok(_))) => {}
        Ok(Ok(Err(error))) => return Err(error.into()),
        Ok(Err(error)) | Err(error) => return Err(Failure::Other(format!("the screen failed ({error})"))),
    }
    ran.map_err(|error| Failure::Other(format!("the shop failed ({error})")))?
}

/// What charts are drawn with.
fn marker(args: &TuiArgs) -> Marker {
    Marker::choose(args.marker, marks::locale(|name| std::env::var_os(name)).as_deref())
}

fn options(setting: &Setting, args: &TuiArgs, talked: Option<Duration>) -> ScreenOptions {
    ScreenOptions {
        lang: args.lang,
        theme: ThemeName::choose(args.theme, std::env::var_os("NO_COLOR").as_deref()),
        marker: marker(args),
        mouse: args.mouse,
        present: args.present,
        talked,
        log: setting.out_dir.log(),
    }
}
