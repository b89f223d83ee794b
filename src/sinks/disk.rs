//! The folder of `--out` on disk.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use super::files::{Files, checked, is_name, spare_names, too_short};

/// Where whole files are written before they are renamed into place.
const ASIDE: &str = "state/aside";

/// A folder whose files survive a crash at any point. It holds no file open between calls.
#[derive(Debug)]
pub struct Folder {
    root: PathBuf,
}

impl Folder {
    /// The files under `out`, which is made where it is missing.
    pub fn open(out: &Path) -> io::Result<Self> {
        fs::create_dir_all(out.join(ASIDE)).map_err(about(&out.display().to_string()))?;
        Ok(Self { root: out.to_owned() })
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
        // A file's first bytes are safe when its name is.
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

    /// Makes sure that the names on the way to a file survive, from its folder up to the root.
    fn sync_folders_of(&self, place: &Path) -> io::Result<()> {
        for folder in place.ancestors().skip(1).take_while(|folder| folder.starts_with(&self.root)) {
            // Windows opens no folder as a file, and keeps names by itself.
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
        // No name has a `~`, so each path has an aside of its own.
        let aside = self.root.join(ASIDE).join(path.replace('/', "~"));
        self.put(&place, &aside, bytes).map_err(about(path))
    }

    fn set_aside(&mut self, path: &str) -> io::Result<()> {
        let place = self.place(path)?;
        self.move_away(&place, path).map_err(about(path))
    }
}

/// Opens a file for writing, cut to `length`. Only one that may be new is made where it is missing.
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

/// Says which file an error is about.
fn about(path: &str) -> impl Fn(io::Error) -> io::Error {
    move |error| io::Error::new(error.kind(), format!("{path}: {error}"))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;
    use tempfile::TempDir;

    use super::*;
    use crate::sinks::memory::{Disk, MemoryFiles};

    fn folder() -> (TempDir, Folder) {
        let out = tempfile::tempdir().unwrap();
        let folder = Folder::open(&out.path().join("out")).unwrap();
        (out, folder)
    }

    /// Every file under a folder, by its path.
    fn all(root: &Path) -> BTreeMap<String, Vec<u8>> {
        let mut found = BTreeMap::new();
        let mut folders = vec![root.to_owned()];
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(&folder).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    folders.push(path);
                } else {
                    let name = path.strip_prefix(root).unwrap().to_str().unwrap().to_owned();
                    found.insert(name, fs::read(&path).unwrap());
                }
            }
        }
        found
    }

    #[test]
    fn a_lost_file_is_said_and_not_filled_with_zeros() {
        let (_out, mut folder) = folder();
        folder.append("mail/a.mbox", 0, b"abc").unwrap();
        for path in ["mail/a.mbox", "mail/b.mbox", "none/b.mbox"] {
            let errors = [folder.append(path, 4, b"x").unwrap_err(), folder.cut(path, 4).unwrap_err()];
            for error in errors {
                assert_eq!(error.kind(), io::ErrorKind::UnexpectedEof, "{error}");
                assert!(error.to_string().starts_with(path), "{error}");
            }
        }
        assert_eq!(all(&folder.root), BTreeMap::from([("mail/a.mbox".into(), b"abc".to_vec())]));
    }

    #[test]
    fn nothing_outside_is_touched() {
        let (out, mut folder) = folder();
        let outside = out.path().join("x");
        fs::write(&outside, "x").unwrap();
        for path in ["../x", outside.to_str().unwrap(), "mail/../../x"] {
            assert!(folder.list(path).is_err());
            assert!(folder.append(path, 0, b"y").is_err());
            assert!(folder.cut(path, 0).is_err());
            assert!(folder.replace(path, b"y").is_err());
            assert!(folder.set_aside(path).is_err());
        }
        assert_eq!(fs::read(&outside).unwrap(), b"x");
    }

    #[test]
    fn what_was_left_aside_by_a_crash_is_overwritten() {
        let (_out, mut folder) = folder();
        let aside = folder.root.join("state/aside/reports~a.txt");
        fs::write(&aside, "half of a long repo").unwrap();
        folder.replace("reports/a.txt", b"whole").unwrap();
        assert_eq!(all(&folder.root), BTreeMap::from([("reports/a.txt".into(), b"whole".to_vec())]));
    }

    #[test]
    fn strange_files_are_left_alone() {
        let (_out, mut folder) = folder();
        folder.append("mail/a.mbox", 0, b"abc").unwrap();
        fs::write(folder.root.join("mail/notes of mine (1).txt"), "x").unwrap();
        fs::create_dir(folder.root.join("mail/b")).unwrap();
        assert_eq!(folder.list("mail").unwrap(), [("mail/a.mbox".to_owned(), 3)]);
        assert_eq!(folder.list("orders").unwrap(), []);
    }

    #[derive(Debug, Clone)]
    enum Step {
        Append(usize, u64, Vec<u8>),
        /// An append of which only the first bytes get there before the process ends, then again.
        Torn(usize, u64, Vec<u8>, usize),
        Cut(usize, u64),
        Replace(usize, Vec<u8>),
        SetAside(usize),
    }

    const PATHS: [&str; 4] = ["stock.txt", "mail/a.mbox", "mail/b.mbox", "orders/a.txt"];

    fn step() -> impl Strategy<Value = Step> {
        let path = 0..PATHS.len();
        let bytes = prop::collection::vec(any::<u8>(), 0..12);
        prop_oneof![
            (path.clone(), 0_u64..20, bytes.clone())
                .prop_map(|(path, at, bytes)| Step::Append(path, at, bytes)),
            (path.clone(), 0_u64..20, bytes.clone(), 0_usize..12)
                .prop_map(|(path, at, bytes, kept)| Step::Torn(path, at, bytes, kept)),
            (path.clone(), 0_u64..20).prop_map(|(path, length)| Step::Cut(path, length)),
            (path.clone(), bytes).prop_map(|(path, bytes)| Step::Replace(path, bytes)),
            path.prop_map(Step::SetAside),
        ]
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn disk_and_memory_agree(steps in prop::collection::vec(step(), 1..30)) {
            let (_out, mut folder) = folder();
            let disk = Disk::default();
            let mut memory = MemoryFiles::new(&disk);
            for step in steps {
                let (path, on_disk, in_memory) = match step {
                    Step::Append(path, at, bytes) => {
                        let path = PATHS[path];
                        (path, folder.append(path, at, &bytes), memory.append(path, at, &bytes))
                    }
                    Step::Torn(path, at, bytes, kept) => {
                        let path = PATHS[path];
                        let kept = kept.min(bytes.len());
                        let torn = folder.append(path, at, &bytes[..kept]);
                        MemoryFiles::new(&disk).crash(0, kept).append(path, at, &bytes).unwrap_err();
                        if torn.is_ok() {
                            prop_assert_eq!(all(&folder.root), disk.all());
                        }
                        (path, folder.append(path, at, &bytes), memory.append(path, at, &bytes))
                    }
                    Step::Cut(path, length) => {
                        (PATHS[path], folder.cut(PATHS[path], length), memory.cut(PATHS[path], length))
                    }
                    Step::Replace(path, bytes) => {
                        (PATHS[path], folder.replace(PATHS[path], &bytes), memory.replace(PATHS[path], &bytes))
                    }
                    Step::SetAside(path) => {
                        (PATHS[path], folder.set_aside(PATHS[path]), memory.set_aside(PATHS[path]))
                    }
                };
                let kinds = [on_disk, in_memory].map(|result| result.map_err(|error| error.kind()));
                prop_assert_eq!(&kinds[0], &kinds[1], "{}", path);
                prop_assert_eq!(all(&folder.root), disk.all());
                for folder_path in ["mail", "orders", "reports"] {
                    prop_assert_eq!(folder.list(folder_path).unwrap(), memory.list(folder_path).unwrap());
                }
            }
        }

        #[test]
        fn appends_after_a_crash_are_exact(
            entries in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..40), 1..12),
            torn in prop::collection::vec(any::<prop::sample::Index>(), 12),
        ) {
            let (out, mut folder) = folder();
            let mut length = 0;
            for (entry, torn) in entries.iter().zip(&torn) {
                // The process ends within the write, and another one goes on from the checkpoint.
                folder.append("mail/a.mbox", length, &entry[..torn.index(entry.len() + 1)]).unwrap();
                folder = Folder::open(&out.path().join("out")).unwrap();
                folder.append("mail/a.mbox", length, entry).unwrap();
                length += entry.len() as u64;
            }
            prop_assert_eq!(fs::read(folder.root.join("mail/a.mbox")).unwrap(), entries.concat());
        }
    }
}
