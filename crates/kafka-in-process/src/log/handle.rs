//! A segment's file handle, opened on demand: a log may have more segments than the process may open files.

use std::{
    fs::{File, OpenOptions},
    io,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

/// A file that is opened on demand.
#[derive(Debug)]
pub(crate) struct Handle {
    path: PathBuf,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    file: Option<Arc<File>>,
    /// Used since the last idle check.
    used: bool,
}

impl Handle {
    /// A handle of an open file, which is at `path`, or will be before it is opened again.
    pub(super) fn of(path: PathBuf, file: File) -> Arc<Self> {
        Arc::new(Self { path, state: Mutex::new(State { file: Some(Arc::new(file)), used: true }) })
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The open file.
    pub(crate) fn open(&self) -> io::Result<Arc<File>> {
        let mut state = self.state();
        state.used = true;
        if let Some(file) = &state.file {
            return Ok(Arc::clone(file));
        }
        let file = Arc::new(open_file(&self.path)?);
        state.file = Some(Arc::clone(&file));
        Ok(file)
    }

    /// Drops the file; holders of a clone keep it open.
    pub(super) fn close(&self) {
        self.state().file = None;
    }

    /// Drops the file if it was not used since the last call.
    pub(super) fn close_if_idle(&self) {
        let mut state = self.state();
        if !std::mem::replace(&mut state.used, false) {
            state.file = None;
        }
    }
}

/// Opens a segment's file for reading and writing.
pub(super) fn open_file(path: &Path) -> io::Result<File> {
    OpenOptions::new().read(true).write(true).open(path)
}
