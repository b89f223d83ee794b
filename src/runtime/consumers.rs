//! Starts the consumers, and starts one again that fails.

use std::{
    any::Any, fmt::Display, future::Future, panic::AssertUnwindSafe, path::PathBuf, sync::Arc, time::Duration,
};

use futures::FutureExt;

use super::stage::Stage;
use crate::{
    cli::ViewArg,
    consumer::{
        Output,
        output::NoOutput,
        outputs::{JournalFiles, MailFiles, ReportFiles, StockFiles},
    },
    dashboard::snapshot::{Said, Weight},
    handling::Parameters,
    shop::Catalog,
    sinks::disk::Folder,
    store::Stores,
    stream::{
        env::{Ended, Env},
        handling_loop,
        view_loop::{self, ViewError},
    },
    views::{DailyReport, HandledWindows, Journal, Mail, OrdersToday, Sales, Stock, View},
};

/// Waits between two attempts to run a consumer, from the first to the last.
const FIRST_WAIT: Duration = Duration::from_millis(200);
const LAST_WAIT: Duration = Duration::from_secs(5);

/// All consumers, in the order of the design.
pub const ALL: [ViewArg; 8] = [
    ViewArg::OrdersToday,
    ViewArg::Sales,
    ViewArg::DailyReport,
    ViewArg::Stock,
    ViewArg::Handling,
    ViewArg::Mail,
    ViewArg::HandledWindows,
    ViewArg::Journal,
];

/// What consumers work with.
#[derive(Clone)]
pub struct Tools {
    /// What loops share.
    pub env: Env,
    /// Checkpoints.
    pub stores: Arc<Stores>,
    /// The folder under `--out`.
    pub out: PathBuf,
    /// Names of products.
    pub catalog: Arc<Catalog>,
    /// When orders are handled.
    pub parameters: Parameters,
}

/// Starts consumers on a stage; each ends when the stage stops, or at the end it was given.
pub fn start(stage: &mut Stage, tools: &Tools, views: &[ViewArg]) {
    for view in views {
        let tools = tools.clone();
        let zone = tools.env.zone;
        match view {
            ViewArg::OrdersToday => stage.spawn(keep::<OrdersToday, _>(tools, |_| NoOutput)),
            ViewArg::Sales => stage.spawn(keep::<Sales, _>(tools, |_| NoOutput)),
            ViewArg::DailyReport => stage.spawn(keep::<DailyReport, _>(tools, |_| ReportFiles::default())),
            ViewArg::Stock => stage.spawn(keep::<Stock, _>(tools, |tools| StockFiles::new(&tools.catalog))),
            ViewArg::Mail => stage.spawn(keep::<Mail, _>(tools, move |_| MailFiles::new(zone))),
            ViewArg::HandledWindows => stage.spawn(keep::<HandledWindows, _>(tools, |_| NoOutput)),
            ViewArg::Journal => stage.spawn(keep::<Journal, _>(tools, move |_| JournalFiles::new(zone))),
            ViewArg::Handling => stage.spawn(async move {
                let run = || handling_loop::run(&tools.env, tools.parameters);
                again_and_again(&tools.env, handling_loop::NAME, run).await;
            }),
        }
    }
}

/// Runs one view, from its checkpoint, again and again.
async fn keep<V: View, O: Output<V> + 'static>(tools: Tools, output: impl Fn(&Tools) -> O + Send + Sync) {
    let run = || async {
        let store = tools.stores.view(V::NAME).map_err(|error| ViewError::Trouble(error.into()))?;
        let files = Folder::open(&tools.out).map_err(|error| {
            let path = tools.out.display().to_string();
            ViewError::Trouble(crate::consumer::Trouble::File { path, error })
        })?;
        view_loop::run::<V, O, _, _>(&tools.env, output(&tools), store, files).await
    };
    again_and_again(&tools.env, V::NAME, run).await;
}

/// Runs a loop until it is done; after a failure or a panic it is built again, ever more slowly.
async fn again_and_again<F, R, E>(env: &Env, name: &'static str, run: F)
where
    F: Fn() -> R,
    R: Future<Output = Result<Ended, E>>,
    E: Display,
{
    let mut wait = FIRST_WAIT;
    let mut told = None;
    while !env.stop.is_cancelled() {
        let begun = tokio::time::Instant::now();
        let why = match AssertUnwindSafe(run()).catch_unwind().await {
            Ok(Ok(Ended::Done)) => return,
            Ok(Ok(Ended::Again(why))) => why,
            Ok(Err(error)) => error.to_string(),
            Err(panic) => format!("it panicked ({})", words(panic.as_ref())),
        };
        if env.stop.is_cancelled() {
            return;
        }
        // A run that lasted starts the patience anew.
        if begun.elapsed() > LAST_WAIT * 2 {
            (wait, told) = (FIRST_WAIT, None);
        }
        let second = env.clock.now().unwrap_or_default();
        env.board.failed(name);
        // The same over and over is said once: a disk may be full for long.
        if told.as_ref() != Some(&why) {
            env.board.say(second, Weight::Warning, Said::Restarted { view: name, why: why.clone() });
        }
        env.board.set_group(name, 0, 0, Some(Said::Text(why.clone())));
        told = Some(why);
        tokio::select! {
            () = env.stop.cancelled() => return,
            () = tokio::time::sleep(wait) => {}
        }
        wait = (wait * 2).min(LAST_WAIT);
    }
}

fn words(panic: &(dyn Any + Send)) -> &str {
    panic
        .downcast_ref::<&str>()
        .copied()
        .or_else(|| panic.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("without a word")
}
