//! The one way to the disk itself.

use std::{fs::File, io};

/// Waits until all that was written to a file is on the disk itself.
pub(crate) fn sync(file: &File) -> io::Result<()> {
    file.sync_data()?;
    #[cfg(test)]
    record::synced(file)?;
    Ok(())
}

/// What tests know of the disk: how much of each file would be there after a power cut.
#[cfg(test)]
pub(crate) mod record {
    use std::{
        collections::HashMap,
        fs::{File, Metadata},
        io,
        os::unix::fs::MetadataExt,
        sync::{LazyLock, Mutex},
        time::SystemTime,
    };

    /// Device, inode and birth: inodes are used again.
    type Id = (u64, u64, Option<SystemTime>);
    static SYNCED: LazyLock<Mutex<HashMap<Id, u64>>> = LazyLock::new(Mutex::default);

    fn id(file: &Metadata) -> Id {
        (file.dev(), file.ino(), file.created().ok())
    }

    pub(super) fn synced(file: &File) -> io::Result<()> {
        let metadata = file.metadata()?;
        SYNCED.lock().unwrap().insert(id(&metadata), metadata.len());
        Ok(())
    }

    /// How many bytes of a file are certain; none when it was never synced.
    pub(crate) fn certain(file: &Metadata) -> u64 {
        SYNCED.lock().unwrap().get(&id(file)).copied().unwrap_or(0).min(file.len())
    }
}
