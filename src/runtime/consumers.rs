//! Starts the consumers, and starts one again that fails.

use std::{path::PathBuf, sync::Arc};

use futures::FutureExt;

use super::{stage::Stage, supervisor::Supervisor};
use crate::{
    cli::ViewArg,
    consumer::{
        Output,
        output::NoOutput,
        outputs::{JournalFiles, MailFiles, ReportFiles, StockFiles},
    },
    handling::Parameters,
    shop::Catalog,
    sinks::disk::Folder,
    store::Stores,
    stream::{
        StreamError,
        env::{Ended, Env},
        handling_loop, topics,
        view_loop::{self, ViewError},
    },
    views::{DailyReport, HandledWindows, Journal, Mail, OrdersToday, Sales, Stock, View},
};

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
    let env = &tools.env;
    // With an end to come to, nothing is waited for but the consumers.
    if env.until.is_none() {
        let (session, board) = (env.session.clone(), Arc::clone(&env.board));
        let (clock, stop) = (env.clock.clone(), env.stop.clone());
        stage.keep("the keeper of the topics", move || {
            let keeping = topics::keep(session.clone(), Arc::clone(&board), clock.clone(), stop.clone());
            keeping.map(|()| Ok::<_, StreamError>(Ended::Done))
        });
    }
    for view in views {
        let tools = tools.clone();
        let zone = tools.env.zone;
        match view {
            ViewArg::OrdersToday => keep::<OrdersToday, _>(stage, tools, |_| NoOutput),
            ViewArg::Sales => keep::<Sales, _>(stage, tools, |_| NoOutput),
            ViewArg::DailyReport => keep::<DailyReport, _>(stage, tools, |_| ReportFiles::default()),
            ViewArg::Stock => keep::<Stock, _>(stage, tools, |tools| StockFiles::new(&tools.catalog)),
            ViewArg::Mail => keep::<Mail, _>(stage, tools, move |_| MailFiles::new(zone)),
            ViewArg::HandledWindows => keep::<HandledWindows, _>(stage, tools, |_| NoOutput),
            ViewArg::Journal => keep::<Journal, _>(stage, tools, move |_| JournalFiles::new(zone)),
            ViewArg::Handling => stage.spawn_apart(handling_loop::NAME, async move {
                let run = || handling_loop::run(&tools.env, tools.parameters);
                supervisor(&tools.env).keep(handling_loop::NAME, run).await;
            }),
        }
    }
}

/// Runs one view, from its checkpoint, again and again.
fn keep<V: View, O: Output<V> + 'static>(
    stage: &mut Stage,
    tools: Tools,
    output: impl Fn(&Tools) -> O + Send + Sync + 'static,
) {
    stage.spawn_apart(V::NAME, async move {
        let run = || async {
            let store = tools.stores.view(V::NAME).map_err(|error| ViewError::Trouble(error.into()))?;
            let files = Folder::open(&tools.out).map_err(|error| {
                let path = tools.out.display().to_string();
                ViewError::Trouble(crate::consumer::Trouble::File { path, error })
            })?;
            view_loop::run::<V, O, _, _>(&tools.env, output(&tools), store, files).await
        };
        supervisor(&tools.env).keep(V::NAME, run).await;
    });
}

fn supervisor(env: &Env) -> Supervisor {
    Supervisor { board: Arc::clone(&env.board), clock: env.clock.clone(), stop: env.stop.clone() }
}
