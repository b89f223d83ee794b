//! Reads the checkpoints from a copy, since opening a database locks and changes it.

use std::{
    collections::{BTreeSet, HashMap},
    env, fs, io,
    path::{Path, PathBuf},
    time::SystemTime,
};

use crate::{
    consumer::{Part, Position, Trouble, Worker, Written, output::NoOutput, saved_parts},
    consumers::{Consumer, NAMES, Name, PartFigures, Visitor},
    read_model::PartState,
    shop::Zone,
    sinks::disk_files::Folder,
    store::{Batch, Store, Stores},
    verify::{CHECKPOINT, Claim},
};

/// Attempts to copy: a checkpoint written meanwhile invalidates a copy.
const TRIES: u32 = 5;

/// The checkpoints of a folder.
#[derive(Debug, Default)]
pub(super) struct Checkpoints {
    pub(super) claims: Vec<Claim>,
    /// By view: the records with rows in its files.
    pub(super) written: HashMap<&'static str, HashMap<Part, Written>>,
    /// By path: the lengths of the appended files.
    pub(super) lengths: HashMap<String, u64>,
}

/// The checkpoints at shop second `now`, which is evaluated after the copy: they lack what has left a window by their
/// own time. The note says why nothing is compared, if so.
pub(super) fn read(state: &Path, zone: Zone, now: impl Fn() -> i64) -> (Checkpoints, Option<String>) {
    let database = state.join("sled");
    if !database.is_dir() {
        // Files without a checkpoint are removed when the consumers start.
        let written = NAMES.map(|view| (view, HashMap::new())).into();
        return (Checkpoints { written, ..Checkpoints::default() }, None);
    }
    let copy = Copy(env::temp_dir().join(format!("shop-sim-verify-{}", std::process::id())));
    let told = |why: String| {
        let note = format!("Not compared: the checkpoints in {}, because {why}.", state.display());
        (Checkpoints::default(), Some(note))
    };
    for _ in 0..TRIES {
        match copy.take(&database) {
            Ok(true) => {
                return match read_copy(&copy.0, zone, now()) {
                    Ok(checkpoints) => (checkpoints, None),
                    Err(error) => told(error),
                };
            }
            Ok(false) => std::thread::sleep(std::time::Duration::from_millis(300)),
            Err(error) => return told(format!("they cannot be copied to {} ({error})", copy.0.display())),
        }
    }
    told("a process that runs the consumers writes them".to_owned())
}

/// A folder that is removed on drop.
struct Copy(PathBuf);

impl Drop for Copy {
    fn drop(&mut self) {
        // The system cleans that folder.
        let _ = fs::remove_dir_all(&self.0);
    }
}

impl Copy {
    /// Copies a database; `false` if it was written meanwhile.
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

/// The files of a database, with their lengths and modification times.
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

fn read_copy(folder: &Path, zone: Zone, now: i64) -> Result<Checkpoints, String> {
    let (stores, moved) = Stores::open(folder).map_err(|error| error.to_string())?;
    if moved.is_some() {
        return Err("they cannot be opened: the consumers compute them again".to_owned());
    }
    let mut all = Checkpoints::default();
    for name in Name::ALL {
        name.visit(Checkpoint { stores: &stores, folder, zone, now, all: &mut all })?;
    }
    Ok(all)
}

/// The checkpoint of one consumer.
struct Checkpoint<'a> {
    stores: &'a Stores,
    folder: &'a Path,
    zone: Zone,
    now: i64,
    all: &'a mut Checkpoints,
}

impl Visitor for Checkpoint<'_> {
    type Done = Result<(), String>;

    fn view<V: Consumer>(self) -> Self::Done {
        self.add::<V>().map_err(|error| error.to_string())
    }

    fn handling(self) -> Self::Done {
        // Its state is only in Kafka.
        Ok(())
    }
}

impl Checkpoint<'_> {
    /// Adds the state of a view at its checkpoint.
    fn add<V: Consumer>(self) -> Result<(), Trouble> {
        let Self { stores, folder, zone, now, all } = self;
        let mut store = stores.view(V::NAME)?;
        let held = saved_parts(&store)?;
        // The copy lacks the files.
        let mut without = Batch::new();
        for (key, length) in store.scan("file/")? {
            let path = key.trim_start_matches("file/").to_owned();
            all.lengths.insert(path, serde_json::from_slice(&length).unwrap_or(u64::MAX));
            without.insert(key, None);
        }
        store.write(&without)?;
        let files = Folder::open(&folder.join("files"))
            .map_err(|error| Trouble::File { path: folder.display().to_string(), error })?;
        let (mut worker, _) = Worker::<V, _>::open(zone, NoOutput, store, files)?;
        let written = held.iter().map(|part| Ok((*part, worker.written(*part)?)));
        let written = written.collect::<Result<Vec<_>, Trouble>>()?.into_iter();
        if let Some(written) = written.map(|(part, written)| Some((part, written?))).collect() {
            all.written.insert(V::NAME, written);
        }
        for part in held {
            worker.assign(part)?;
        }
        all.claims.extend(worker.figures(now).into_iter().map(|(part, position, figures)| Claim {
            by: CHECKPOINT,
            view: V::NAME,
            part,
            state: state(part, position, figures.into(), now),
        }));
        Ok(())
    }
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
