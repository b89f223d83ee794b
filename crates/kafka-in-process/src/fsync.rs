//! The only place that syncs files.

use std::{
    fs::File,
    io,
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

/// Whether a sync of some files has ever failed. The system reports a failure once, drops the dirty pages, and lets the
/// next sync succeed: from then on the content of the files is unknown.
#[derive(Clone, Debug, Default)]
pub(crate) struct Lost(Arc<AtomicBool>);

impl Lost {
    pub(crate) fn is_set(&self) -> bool {
        self.0.load(Ordering::SeqCst)
    }

    /// The files were rewritten.
    pub(crate) fn clear(&self) {
        self.0.store(false, Ordering::SeqCst);
    }

    /// Syncs files; sets the flag if one fails.
    pub(crate) fn sync<'a>(&self, mut files: impl Iterator<Item = &'a Arc<File>>) -> io::Result<()> {
        files.try_for_each(|file| sync(file)).inspect_err(|_| self.0.store(true, Ordering::SeqCst))
    }
}

/// Syncs a file's data to the disk.
pub(crate) fn sync(file: &File) -> io::Result<()> {
    #[cfg(test)]
    record::refuse(file)?;
    file.sync_data()?;
    #[cfg(test)]
    record::synced(file)?;
    Ok(())
}

/// Opens a folder for a sync: only that makes new files in it survive a power cut.
pub(crate) fn folder(path: &Path) -> io::Result<Arc<File>> {
    File::open(path).map(Arc::new)
}

/// Simulates power cuts in tests: records what was synced.
#[cfg(test)]
pub(crate) mod record {
    use std::{
        collections::HashMap,
        fs::{self, File, Metadata},
        io,
        os::unix::fs::MetadataExt,
        path::Path,
        sync::{LazyLock, Mutex},
        time::SystemTime,
    };

    /// Device, inode and birth time, as inodes are reused.
    type Id = (u64, u64, Option<SystemTime>);
    /// Files with a sync that fails, and whether it has failed already.
    static REFUSED: LazyLock<Mutex<HashMap<Id, bool>>> = LazyLock::new(Mutex::default);
    /// Length and modification time at the last sync.
    static SYNCED: LazyLock<Mutex<HashMap<Id, (u64, SystemTime)>>> = LazyLock::new(Mutex::default);

    fn id(file: &Metadata) -> Id {
        (file.dev(), file.ino(), file.created().ok())
    }

    pub(super) fn synced(file: &File) -> io::Result<()> {
        let metadata = file.metadata()?;
        if REFUSED.lock().unwrap().contains_key(&id(&metadata)) {
            return Ok(());
        }
        SYNCED.lock().unwrap().insert(id(&metadata), (metadata.len(), metadata.modified()?));
        Ok(())
    }

    /// Makes the next sync of a file fail; later ones succeed, but nothing more reaches the disk.
    pub(crate) fn refuse_next(path: &Path) {
        REFUSED.lock().unwrap().insert(id(&path.metadata().unwrap()), false);
    }

    pub(super) fn refuse(file: &File) -> io::Result<()> {
        let mut refused = REFUSED.lock().unwrap();
        let told = refused.get_mut(&id(&file.metadata()?)).map(|told| std::mem::replace(told, true));
        if told == Some(false) { Err(io::Error::other("refused by a test")) } else { Ok(()) }
    }

    /// Copies what survives a power cut: of the files in a synced folder, their synced part.
    pub(crate) fn power_cut(from: &Path, to: &Path) {
        fs::create_dir_all(to).unwrap();
        let known = SYNCED.lock().unwrap().get(&id(&from.metadata().unwrap())).copied();
        let Some((_, listed)) = known else { return };
        for entry in fs::read_dir(from).unwrap() {
            let entry = entry.unwrap();
            let metadata = entry.metadata().unwrap();
            if metadata.created().unwrap() > listed {
                continue;
            }
            let target = to.join(entry.file_name());
            if metadata.is_dir() {
                power_cut(&entry.path(), &target);
                continue;
            }
            let length = SYNCED.lock().unwrap().get(&id(&metadata)).map_or(0, |(length, _)| *length);
            let bytes = fs::read(entry.path()).unwrap();
            fs::write(target, &bytes[..bytes.len().min(usize::try_from(length).unwrap())]).unwrap();
        }
    }
}
