//! A disk in memory that hangs or fails on request.

use std::{
    io,
    sync::{Arc, Condvar, Mutex},
};

use shop_sim::sinks::{faulty_memory_files::MemoryFiles, files::Files};

use crate::bench::PATIENCE;

/// What happens to appended data.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Does {
    #[default]
    Write,
    Hang,
    Refuse,
}

#[derive(Default)]
pub struct Gate {
    /// The behaviour, and the refusals.
    state: Mutex<(Does, usize)>,
    changed: Condvar,
}

impl Gate {
    pub fn set(&self, does: Does) {
        self.state.lock().unwrap().0 = does;
        self.changed.notify_all();
    }

    pub fn refused(&self) -> usize {
        self.state.lock().unwrap().1
    }

    fn pass(&self) -> io::Result<()> {
        let state = self.state.lock().unwrap();
        let hangs = |state: &mut (Does, usize)| state.0 == Does::Hang;
        let (mut state, _) = self.changed.wait_timeout_while(state, PATIENCE, hangs).unwrap();
        if state.0 == Does::Refuse {
            state.1 += 1;
            return Err(io::ErrorKind::StorageFull.into());
        }
        Ok(())
    }
}

pub struct GatedFiles(pub MemoryFiles, pub Arc<Gate>);

impl Files for GatedFiles {
    fn list(&self, folder: &str) -> io::Result<Vec<(String, u64)>> {
        self.0.list(folder)
    }

    fn append(&mut self, path: &str, at: u64, bytes: &[u8]) -> io::Result<()> {
        self.1.pass()?;
        self.0.append(path, at, bytes)
    }

    fn cut(&mut self, path: &str, length: u64) -> io::Result<()> {
        self.0.cut(path, length)
    }

    fn replace(&mut self, path: &str, bytes: &[u8]) -> io::Result<()> {
        self.0.replace(path, bytes)
    }

    fn set_aside(&mut self, path: &str) -> io::Result<()> {
        self.0.set_aside(path)
    }
}
