//! The checkpoints, read from a copy: opening a database locks it, and writes.

use std::{
    collections::{BTreeMap, BTreeSet},
    env, fs, io,
    path::{Path, PathBuf},
    time::SystemTime,
};

use crate::{
    consumer::{Part, Position, Worker, output::NoOutput},
    consumers::{Consumer, Name, PartFigures, Visitor},
    read_model::PartState,
    shop::Zone,
    sinks::disk::Folder,
    store::{Batch, Store, Stores},
    verify::{CHECKPOINT, Claim},
    views::Source,
};

/// Copies that are tried: a checkpoint that is written meanwhile spoils one.
const TRIES: u32 = 5;

/// What the checkpoints say at shop second `now`, which is asked for when they are copied: what has left a window by their
/// own time is not in them any more. And why nothing is compared, where it is not.
pub(super) fn claims(state: &Path, zone: Zone, now: impl Fn() -> i64) -> (Vec<Claim>, Option<String>) {
    let database = state.join("sled");
    if !database.is_dir() {
        return (Vec::new(), None);
    }
    let copy = Copy(env::temp_dir().join(format!("shop-sim-verify-{}", std::process::id())));
    let told = |why: String| (Vec::new(), Some(format!("Not compared: the checkpoints, because {why}.")));
    for _ in 0..TRIES {
        match copy.take(&database) {
            Ok(true) => {
                return match read(&copy.0, zone, now()) {
                    Ok(claims) => (claims, None),
                    Err(error) => told(error),
                };
            }
            Ok(false) => std::thread::sleep(std::time::Duration::from_millis(300)),
            Err(error) => return told(format!("they cannot be copied to {} ({error})", copy.0.display())),
        }
    }
    told("a process that runs the consumers writes them".to_owned())
}

/// A folder that is removed in the end.
struct Copy(PathBuf);

impl Drop for Copy {
    fn drop(&mut self) {
        // It lies where the system tidies up.
        let _ = fs::remove_dir_all(&self.0);
    }
}

impl Copy {
    /// Copies a database; `false` where it was written meanwhile.
    fn take(&self, database: &Path) -> io::Result<bool> {
        let _ = fs::remove_dir_all(&self.0);
        let before = versions(database)?;
        for (name, ..) in &before {
            let to = self.0.join("sled").join(name);
            fs::create_dir_all(to.parent().unwrap_or(&self.0))?;
            match fs::copy(database.join(name), to) {
                Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
                copied => copied?,
            };
        }
        Ok(versions(database)? == before)
    }
}

/// The files of a database with what changes when they are written.
fn versions(database: &Path) -> io::Result<BTreeSet<(PathBuf, u64, SystemTime)>> {
    let mut files = BTreeSet::new();
    let mut folders = vec![PathBuf::new()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(database.join(&folder))? {
            let entry = entry?;
            let name = folder.join(entry.file_name());
            let data = entry.metadata()?;
            if data.is_dir() {
                folders.push(name);
            } else {
                files.insert((name, data.len(), data.modified()?));
            }
        }
    }
    Ok(files)
}

fn read(folder: &Path, zone: Zone, now: i64) -> Result<Vec<Claim>, String> {
    let (stores, moved) = Stores::open(folder).map_err(|error| error.to_string())?;
    if moved.is_some() {
        return Err("they cannot be opened: the consumers compute them again".to_owned());
    }
    let mut claims = Vec::new();
    for name in Name::ALL {
        claims.extend(name.visit(Checkpoint { stores: &stores, folder, zone, now })?);
    }
    Ok(claims)
}

/// The checkpoint of one consumer.
struct Checkpoint<'a> {
    stores: &'a Stores,
    folder: &'a Path,
    zone: Zone,
    now: i64,
}

impl Visitor for Checkpoint<'_> {
    type Done = Result<Vec<Claim>, String>;

    fn view<V: Consumer>(self) -> Self::Done {
        view::<V>(self.stores, self.folder, self.zone, self.now)
    }

    fn handling(self) -> Self::Done {
        // Its state lies in Kafka alone.
        Ok(Vec::new())
    }
}

/// What a view knows when it starts from its checkpoint.
fn view<V: Consumer>(stores: &Stores, folder: &Path, zone: Zone, now: i64) -> Result<Vec<Claim>, String> {
    let mut store = stores.view(V::NAME).map_err(|error| error.to_string())?;
    let rows = store.scan("position/").map_err(|error| error.to_string())?;
    let held: Vec<Part> = rows.iter().filter_map(|(key, _)| part(key)).collect();
    // The files are not in the copy.
    let files = store.scan("file/").map_err(|error| error.to_string())?;
    let without: Batch = files.into_iter().map(|(key, _)| (key, None)).collect();
    store.write(&without).map_err(|error| error.to_string())?;
    let files = Folder::open(&folder.join("files")).map_err(|error| error.to_string())?;
    let (mut worker, _) =
        Worker::<V, _>::open(zone, NoOutput, store, files).map_err(|error| error.to_string())?;
    for part in held {
        worker.assign(part).map_err(|error| error.to_string())?;
    }
    let claim = |(part, position, figures): (Part, Position, V::Figures)| Claim {
        by: CHECKPOINT,
        view: V::NAME,
        part,
        state: state(part, position, figures.into(), now),
    };
    Ok(worker.figures(now).into_iter().map(claim).collect())
}

fn state(part: Part, position: Position, figures: PartFigures, now: i64) -> PartState {
    PartState {
        partition: part.partition,
        shop_second: now,
        wall_ms: 0,
        who: String::new(),
        position,
        end_seen: 0,
        figures,
        reports: Vec::new(),
    }
}

/// The partition of a row `position/orders/3.`
fn part(key: &str) -> Option<Part> {
    let (source, number) = key.strip_prefix("position/")?.strip_suffix('.')?.split_once('/')?;
    let sources = BTreeMap::from([
        ("orders", Source::Orders),
        ("deliveries", Source::Deliveries),
        ("handled", Source::Handled),
    ]);
    Some(Part { source: *sources.get(source)?, partition: number.parse().ok()? })
}
