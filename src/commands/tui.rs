//! `tui`: the whole shop live.

mod demo;
mod shop;

use std::{
    convert::Infallible,
    io::{IsTerminal, stderr, stdin, stdout},
    sync::Arc,
    time::{Duration, Instant},
};

use chrono::Utc;
use futures::FutureExt;
use tokio::sync::{mpsc, watch};

use super::{Failure, Setting, print};
use crate::{
    cli::TuiArgs,
    dashboard::{self, ScreenError, ScreenOptions, ThemeName},
    runtime::{
        link::{Link, Want},
        snapshots::Painter,
        stage::Stage,
    },
    shop::money::{kronor, thousands},
    stream::{clock::Clock, env::Ended},
    views::figures::ShopFigures,
};

/// Shows the shop, and unless it only watches, runs it.
pub(super) async fn run(mut setting: Setting, mut args: TuiArgs) -> Result<(), Failure> {
    if !(stdin().is_terminal() && stdout().is_terminal()) {
        return Err(ScreenError::NoTerminal.into());
    }
    if args.demo {
        demo::prepare(&mut setting, &mut args, Utc::now());
    }
    let plan = shop::Plan::new(&setting, &args)?;
    let _lock = if args.watch { None } else { Some(setting.place.lock_consumers()?) };
    if args.demo {
        demo::empty(&setting.place)?;
    }
    let want = if args.watch { Want::Data } else { Want::Way };
    let link = Link::open(&setting.common, &setting.place, want).await?;
    let begun = Instant::now();
    let shown = show(&setting, &args, &link, plan).await;
    link.close().await;
    print(&summary(&shown?, begun.elapsed(), &setting))
}

/// Runs screen and shop side by side until one of them ends; gives the last figures.
async fn show(
    setting: &Setting,
    args: &TuiArgs,
    link: &Link,
    plan: shop::Plan,
) -> Result<ShopFigures, Failure> {
    setting.log()?;
    let stage = Stage::new(link, setting.zone, Clock::default());
    let catalog = Arc::clone(&setting.catalog);
    let painter = {
        let (board, clock, zone) = (Arc::clone(&stage.board), stage.clock.clone(), setting.zone);
        move || Painter::new(Arc::clone(&board), clock.clone(), zone, Arc::clone(&catalog))
    };
    let (pictures, drawn) = watch::channel(Arc::new(painter().paint()));
    let (ask, asked) = mpsc::unbounded_channel();
    let stop = stage.stop.clone();
    let screen = tokio::spawn(dashboard::run(options(args), drawn, ask, stop.clone()));
    let (supervisor, painted_until) = (stage.supervisor(), stop.clone());
    let painting = tokio::spawn(async move {
        let paint = || {
            let painting = painter().run(pictures.clone(), painted_until.clone());
            painting.map(|()| Ok::<_, Infallible>(Ended::Done))
        };
        supervisor.keep("the painter of the dashboard", paint).await;
    });
    let running = tokio::spawn(shop::run(stage, plan, asked));
    // Whichever ends first ends the other: the person leaves, or the shop cannot run.
    let stopper = stop.clone();
    let ended = tokio::spawn(async move {
        let ended = screen.await;
        stopper.cancel();
        ended
    });
    let ran = running.await;
    stop.cancel();
    // The picture is of no use to anybody now.
    let _ = painting.await;
    match ended.await {
        Ok(Ok(Ok(_))) => {}
        Ok(Ok(Err(error))) => return Err(error.into()),
        Ok(Err(error)) | Err(error) => return Err(Failure::Other(format!("the screen failed ({error})"))),
    }
    ran.map_err(|error| Failure::Other(format!("the shop failed ({error})")))?
}

fn options(args: &TuiArgs) -> ScreenOptions {
    ScreenOptions {
        lang: args.lang,
        theme: ThemeName::choose(args.theme, std::env::var_os("NO_COLOR").as_deref()),
        marker: args.marker,
        mouse: args.mouse,
    }
}

/// What is said when the screen is gone.
fn summary(figures: &ShopFigures, lasted: Duration, setting: &Setting) -> String {
    let seconds = lasted.as_secs();
    let mut lines = vec![
        format!("shop-sim ran for {}:{:02}:{:02}.", seconds / 3600, seconds / 60 % 60, seconds % 60),
        format!("  Orders today   {:>14}", thousands(figures.orders_today)),
        format!("  Sales today    {:>14}", kronor(figures.sales_today_ore)),
        format!("  Handled in all {:>14}", thousands(figures.handled.total)),
        format!("  Mails in all   {:>14}", thousands(figures.mails)),
        format!("  Reports        {:>14}", figures.reports.len()),
        format!("  Files          {}", setting.place.out().display()),
    ];
    if stderr().is_terminal() {
        lines.push(String::new());
    }
    lines.join("\n").trim_end().to_owned()
}
