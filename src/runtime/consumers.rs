//! Starts the consumers, and restarts those that fail.

use std::{fmt::Display, future::Future, path::PathBuf, sync::Arc, time::Duration};

use futures::FutureExt;

use super::{
    chaos::switches::{FillableFiles, Switches},
    dedicated_thread,
    services::Services,
    supervisor::Supervisor,
};
use crate::{
    consumers::{Consumer, FileSetting, Name, Visitor},
    engine::{ConsumerError, Ended, Env, Ticker, handling, view},
    handling::Parameters,
    messages::Lang,
    read_model::Presence,
    shop::{Catalog, Zone},
    sinks::disk_files::Folder,
    store::Stores,
    stream::{StreamError, agreed_settings::Agreement, topics},
};

/// How often the order ids are saved, wall time; those since then are read again after a kill.
const SAVED: Duration = Duration::from_secs(10);

/// What consumers work with.
#[derive(Clone)]
pub struct Tools {
    /// What loops share.
    pub env: Env,
    /// Checkpoints.
    pub stores: Arc<Stores>,
    /// The folder under `--out`.
    pub out: PathBuf,
    /// The products.
    pub catalog: Arc<Catalog>,
    /// The language of mails and reports.
    pub lang: Lang,
    /// When orders are handled.
    pub parameters: Parameters,
    /// Switches for faults on demand.
    pub switches: Switches,
}

/// The settings that a process with these consumers shares with all others.
pub fn agreement(zone: Zone, parameters: &Parameters, names: &[Name]) -> Agreement {
    let ours = Agreement::of(zone);
    if names.contains(&Name::Handling) { ours.with_handling(parameters) } else { ours }
}

/// Starts consumers; each ends when the services stop, or at the end it was given.
pub fn start(services: &mut Services, tools: &Tools, names: &[Name]) {
    let env = &tools.env;
    // With `--until-end` only the consumers are awaited.
    if env.until.is_none() {
        let (session, model) = (env.session.clone(), Arc::clone(&env.model));
        let (clock, stop) = (env.clock.clone(), env.stop.clone());
        let (ours, instance) = (agreement(env.zone, &tools.parameters, names), Arc::clone(&env.instance));
        services.keep("the keeper of the topics", move || {
            let shop = topics::Kept {
                session: session.clone(),
                model: Arc::clone(&model),
                clock: clock.clone(),
                agreement: ours.clone(),
                instance: Arc::clone(&instance),
            };
            let keeping = topics::keep(shop, stop.clone());
            keeping.map(|()| Ok::<_, StreamError>(Ended::Done))
        });
    }
    let (ids, stop) = (Arc::clone(&env.ids), env.stop.clone());
    services.serve(async move {
        while stop.run_until_cancelled(tokio::time::sleep(SAVED)).await.is_some() {
            let ids = Arc::clone(&ids);
            if let Ok(Err(error)) = tokio::task::spawn_blocking(move || ids.save()).await {
                tracing::warn!("the order ids could not be saved: {error}");
            }
        }
    });
    services.serve(say_present(env.clone()));
    env.reader.expect(names.len());
    let reading = env.clone();
    services.serve(async move {
        let run = || {
            let env = reading.clone();
            dedicated("log-reader", async move { env.reader.run(&env).await })
        };
        supervisor(&reading).keep("the reader of the logs", run).await;
    });
    for name in names {
        name.visit(Start { services: &mut *services, tools: tools.clone() });
    }
}

/// Publishes a presence record each second, and a tombstone at the end. Otherwise a dashboard elsewhere could not see
/// that the consumers are gone: a static member stays in its group for a while, and an idle consumer publishes nothing
/// new.
async fn say_present(env: Env) {
    let mut ticker = Ticker::new(false);
    while env.stop.run_until_cancelled(ticker.tick()).await.is_some() {
        let presence = Presence { process: Some(env.process.to_string()), ..env.model.presence() };
        env.publisher.say_present(&env.instance, Some(&presence));
        ticker.rest();
    }
    env.publisher.say_present(&env.instance, None);
}

/// Starts one consumer.
struct Start<'a> {
    services: &'a mut Services,
    tools: Tools,
}

impl Visitor for Start<'_> {
    type Done = ();

    fn view<V: Consumer>(self) {
        self.tools.env.model.will_run([V::NAME]);
        self.services.spawn(keep::<V>(self.tools));
    }

    fn handling(self) {
        let Self { services, tools } = self;
        tools.env.model.will_run([handling::NAME]);
        services.spawn(async move {
            let size = handling::TransactionSize::default();
            let switch = tools.switches.of(handling::NAME);
            let run = || {
                let (Tools { env, parameters, .. }, size) = (tools.clone(), size.clone());
                let switch = Arc::clone(&switch);
                dedicated(
                    handling::NAME,
                    async move { switch.run(handling::run(&env, parameters, size)).await },
                )
            };
            supervisor(&tools.env).keep(handling::NAME, run).await;
        });
    }
}

/// Runs one view, from its checkpoint, again and again.
async fn keep<V: Consumer>(tools: Tools) {
    let switch = tools.switches.of(V::NAME);
    let run = || {
        let (tools, switch) = (tools.clone(), Arc::clone(&switch));
        let disk = Arc::clone(&switch);
        let run = async move {
            let setting = FileSetting { zone: tools.env.zone, catalog: &tools.catalog, lang: tools.lang };
            let output = V::files(&setting);
            let store = tools.stores.view(V::NAME).map_err(|error| ConsumerError::Trouble(error.into()))?;
            let files = Folder::open(&tools.out).map_err(|error| {
                let path = tools.out.display().to_string();
                ConsumerError::Trouble(crate::consumer::Trouble::File { path, error })
            })?;
            view::run::<V, V::Files>(&tools.env, output, store, FillableFiles::new(files, disk)).await
        };
        dedicated(V::NAME, async move { switch.run(run).await })
    };
    supervisor(&tools.env).keep(V::NAME, run).await;
}

/// One run of a consumer, on a thread of its own.
async fn dedicated<E: Display + Send + 'static>(
    name: &str,
    run: impl Future<Output = Result<Ended, E>> + Send + 'static,
) -> Result<Ended, String> {
    match dedicated_thread::run(name, run).await {
        Ok(ended) => ended.map_err(|error| error.to_string()),
        Err(error) => Err(error.to_string()),
    }
}

fn supervisor(env: &Env) -> Supervisor {
    Supervisor { model: Arc::clone(&env.model), clock: env.clock.clone(), stop: env.stop.clone() }
}
