//! Files in memory, for crash tests: a disk that outlives its process, and operations that fail on demand.

use std::collections::BTreeMap;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::files::{Files, checked, spare_names, too_short};

type Contents = BTreeMap<String, Vec<u8>>;

/// The state that survives a crash. Clones share it.
#[derive(Debug, Clone, Default)]
pub struct Disk(Arc<Mutex<Contents>>);

impl Disk {
    /// Every file, by its path.
    pub fn all(&self) -> BTreeMap<String, Vec<u8>> {
        self.lock().clone()
    }

    /// A file's bytes; `None` if it is missing.
    pub fn read(&self, path: &str) -> Option<Vec<u8>> {
        self.lock().get(path).cloned()
    }

    fn lock(&self) -> MutexGuard<'_, Contents> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// [`Files`] on a [`Disk`], for the lifetime of one process.
#[derive(Debug)]
pub struct MemoryFiles {
    disk: Disk,
    health: Health,
}

#[derive(Debug, Clone, Copy)]
enum Health {
    Fine,
    /// `after` more changes succeed; the next one fails, with `kept` of it done.
    Failing {
        after: usize,
        kept: usize,
        then: After,
    },
    Gone,
}

#[derive(Debug, Clone, Copy)]
enum After {
    Fine,
    Gone,
}

impl MemoryFiles {
    /// The files of a disk, without faults.
    pub fn new(disk: &Disk) -> Self {
        Self { disk: disk.clone(), health: Health::Fine }
    }

    /// After `after` successful changes, one fails, and later ones succeed again. A failing append has written its
    /// first `kept` bytes; any other failing change has no effect if `kept` is 0, and its full effect otherwise.
    #[must_use]
    pub fn fail_once(self, after: usize, kept: usize) -> Self {
        Self { health: Health::Failing { after, kept, then: After::Fine }, ..self }
    }

    /// As [`MemoryFiles::fail_once`], but all later changes fail without effect, as after the end of the process: its
    /// successor opens the same [`Disk`].
    #[must_use]
    pub fn crash(self, after: usize, kept: usize) -> Self {
        Self { health: Health::Failing { after, kept, then: After::Gone }, ..self }
    }

    /// Whether a change succeeds (`None`), or how much of it is done when it fails.
    fn turn(&mut self) -> io::Result<Option<usize>> {
        match &mut self.health {
            Health::Fine => Ok(None),
            Health::Gone => Err(failed()),
            Health::Failing { after: 0, kept, then } => {
                let kept = *kept;
                self.health = match then {
                    After::Fine => Health::Fine,
                    After::Gone => Health::Gone,
                };
                Ok(Some(kept))
            }
            Health::Failing { after, .. } => {
                *after -= 1;
                Ok(None)
            }
        }
    }

    /// Applies an atomic change.
    fn change(&mut self, path: &str, change: impl FnOnce(&mut Contents) -> io::Result<()>) -> io::Result<()> {
        checked(path)?;
        match self.turn()? {
            Some(0) => Err(failed()),
            Some(_) => change(&mut self.disk.lock()).and(Err(failed())),
            None => change(&mut self.disk.lock()),
        }
    }
}

impl Files for MemoryFiles {
    fn list(&self, folder: &str) -> io::Result<Vec<(String, u64)>> {
        let within = format!("{}/", checked(folder)?);
        let is_child = |path: &str| path.strip_prefix(&within).is_some_and(|name| !name.contains('/'));
        let contents = self.disk.lock();
        let children = contents.iter().filter(|(path, _)| is_child(path));
        Ok(children.map(|(path, bytes)| (path.clone(), bytes.len() as u64)).collect())
    }

    fn append(&mut self, path: &str, at: u64, bytes: &[u8]) -> io::Result<()> {
        checked(path)?;
        let turn = self.turn()?;
        let mut contents = self.disk.lock();
        if at == 0 {
            contents.entry(path.to_owned()).or_default();
        }
        let file = cut(&mut contents, path, at)?;
        let kept = turn.unwrap_or(bytes.len()).min(bytes.len());
        file.extend(bytes.iter().take(kept));
        turn.map_or(Ok(()), |_| Err(failed()))
    }

    fn cut(&mut self, path: &str, length: u64) -> io::Result<()> {
        self.change(path, |contents| match length {
            0 => {
                contents.remove(path);
                Ok(())
            }
            _ => cut(contents, path, length).map(drop),
        })
    }

    fn replace(&mut self, path: &str, bytes: &[u8]) -> io::Result<()> {
        self.change(path, |contents| {
            contents.insert(path.to_owned(), bytes.to_vec());
            Ok(())
        })
    }

    fn set_aside(&mut self, path: &str) -> io::Result<()> {
        self.change(path, |contents| {
            let spare = spare_names(path).find(|name| !contents.contains_key(name));
            if let Some((name, bytes)) = spare.zip(contents.remove(path)) {
                contents.insert(name, bytes);
            }
            Ok(())
        })
    }
}

fn cut<'a>(contents: &'a mut Contents, path: &str, length: u64) -> io::Result<&'a mut Vec<u8>> {
    let file = contents.get_mut(path).ok_or_else(|| too_short(0, length))?;
    match usize::try_from(length) {
        Ok(length) if length <= file.len() => {
            file.truncate(length);
            Ok(file)
        }
        _ => Err(too_short(file.len() as u64, length)),
    }
}

fn failed() -> io::Error {
    io::Error::other("the disk in memory failed as it was told to")
}

#[cfg(test)]
mod tests {
    use super::*;

    const PATH: &str = "mail/a.mbox";

    #[test]
    fn a_fault_leaves_part_and_the_next_append_mends_it() {
        let disk = Disk::default();
        let mut files = MemoryFiles::new(&disk).fail_once(1, 2);
        files.append(PATH, 0, b"one ").unwrap();
        files.append(PATH, 4, b"two ").unwrap_err();
        assert_eq!(disk.read(PATH).unwrap(), b"one tw");
        files.append(PATH, 4, b"two ").unwrap();
        assert_eq!(disk.read(PATH).unwrap(), b"one two ");
    }

    #[test]
    fn a_crash_ends_the_process_and_not_the_disk() {
        let disk = Disk::default();
        let mut files = MemoryFiles::new(&disk).crash(1, 0);
        files.replace("stock.txt", b"old").unwrap();
        files.replace("stock.txt", b"new").unwrap_err();
        files.append("stock.txt", 0, b"x").unwrap_err();
        files.cut("stock.txt", 0).unwrap_err();
        files.set_aside("stock.txt").unwrap_err();
        assert_eq!(disk.read("stock.txt").unwrap(), b"old");

        let mut files = MemoryFiles::new(&disk).crash(0, 1);
        files.replace("stock.txt", b"new").unwrap_err();
        assert_eq!(disk.read("stock.txt").unwrap(), b"new", "done, though nobody was told");
        assert_eq!(MemoryFiles::new(&disk).list("mail").unwrap(), []);
    }
}
