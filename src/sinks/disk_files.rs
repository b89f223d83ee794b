//! The folder of `--out` on disk.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use super::files::{Files, checked, is_name, spare_names, too_short};

/// Where whole files are written before they are renamed into place.
const ASIDE: &str = "state/aside";

/// A folder whose files survive a crash at any point. It keeps no file open between calls.
#[derive(Debug)]
pub struct Folder {
    root: PathBuf,
}

impl Folder {
    /// Opens the folder `out`, or creates it.
    pub fn open(out: &Path) -> io::Result<Self> {
        let root = fs::create_dir_all(out.join(ASIDE)).and_then(|()| out.canonicalize());
        Ok(Self { root: root.map_err(about(&out.display().to_string()))? })
    }

    fn place(&self, path: &str) -> io::Result<PathBuf> {
        checked(path).map(|path| self.root.join(path))
    }

    fn append_at(&self, place: &Path, at: u64, bytes: &[u8]) -> io::Result<()> {
        if at == 0 {
            make_parent(place)?;
        }
        let mut file = open_cut(place, at, at == 0)?;
        file.seek(SeekFrom::Start(at))?;
        file.write_all(bytes)?;
        file.sync_data()?;
        // A new file's bytes are durable only once its name is.
        if at == 0 { self.sync_folders_of(place) } else { Ok(()) }
    }

    fn remove(&self, place: &Path) -> io::Result<()> {
        match fs::remove_file(place) {
            Ok(()) => self.sync_folders_of(place),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            Err(error) => Err(error),
        }
    }

    fn put(&self, place: &Path, aside: &Path, bytes: &[u8]) -> io::Result<()> {
        make_parent(place)?;
        make_parent(aside)?;
        let mut file = File::create(aside)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        drop(file);
        fs::rename(aside, place)?;
        self.sync_folders_of(place)
    }

    fn move_away(&self, place: &Path, path: &str) -> io::Result<()> {
        if !place.try_exists()? {
            return Ok(());
        }
        for name in spare_names(path) {
            let spare = self.root.join(name);
            if !spare.try_exists()? {
                make_parent(&spare)?;
                fs::rename(place, &spare)?;
                self.sync_folders_of(&spare)?;
                return self.sync_folders_of(place);
            }
        }
        Ok(())
    }

    /// Syncs the folders of a file, up to the root, so that its name is durable.
    fn sync_folders_of(&self, place: &Path) -> io::Result<()> {
        for folder in place.ancestors().skip(1).take_while(|folder| folder.starts_with(&self.root)) {
            // Windows cannot open folders as files, and persists names itself.
            if cfg!(unix) {
                File::open(folder)?.sync_all()?;
            }
        }
        Ok(())
    }
}

impl Files for Folder {
    fn list(&self, folder: &str) -> io::Result<Vec<(String, u64)>> {
        let entries = match fs::read_dir(self.place(folder)?) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            entries => entries.map_err(about(folder))?,
        };
        let mut files = Vec::new();
        for entry in entries {
            let entry = entry.map_err(about(folder))?;
            let meta = entry.metadata().map_err(about(folder))?;
            if let Some(name) = entry.file_name().to_str().filter(|name| meta.is_file() && is_name(name)) {
                files.push((format!("{folder}/{name}"), meta.len()));
            }
        }
        files.sort_unstable();
        Ok(files)
    }

    fn append(&mut self, path: &str, at: u64, bytes: &[u8]) -> io::Result<()> {
        let place = self.place(path)?;
        self.append_at(&place, at, bytes).map_err(about(path))
    }

    fn cut(&mut self, path: &str, length: u64) -> io::Result<()> {
        let place = self.place(path)?;
        let cut = match length {
            0 => self.remove(&place),
            _ => open_cut(&place, length, false).and_then(|file| file.sync_all()),
        };
        cut.map_err(about(path))
    }

    fn replace(&mut self, path: &str, bytes: &[u8]) -> io::Result<()> {
        let place = self.place(path)?;
        // File names never contain `~`, so the temporary paths are distinct.
        let aside = self.root.join(ASIDE).join(path.replace('/', "~"));
        self.put(&place, &aside, bytes).map_err(about(path))
    }

    fn set_aside(&mut self, path: &str) -> io::Result<()> {
        let place = self.place(path)?;
        self.move_away(&place, path).map_err(about(path))
    }
}

/// Opens a file for writing, truncated to `length`. Creates it only if `may_be_new`.
fn open_cut(place: &Path, length: u64, may_be_new: bool) -> io::Result<File> {
    let file = match OpenOptions::new().write(true).create(may_be_new).truncate(false).open(place) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Err(too_short(0, length)),
        file => file?,
    };
    let now = file.metadata()?.len();
    if now < length {
        return Err(too_short(now, length));
    }
    if now > length {
        file.set_len(length)?;
    }
    Ok(file)
}

fn make_parent(place: &Path) -> io::Result<()> {
    place.parent().map_or(Ok(()), fs::create_dir_all)
}

/// Adds the path to an error.
fn about(path: &str) -> impl Fn(io::Error) -> io::Error {
    move |error| io::Error::new(error.kind(), format!("{path}: {error}"))
}

#[cfg(test)]
mod tests;
