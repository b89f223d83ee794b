//! Switches that kill or freeze the consumers of a process, or fill their disk.

use std::{
    fmt::Display,
    future::Future,
    io,
    pin::pin,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::Duration,
};

use rustix::io::Errno;
use tokio::sync::{Notify, watch};

use crate::{consumers::Name, engine::Ended, sinks::files::Files};

/// What is done to a consumer.
#[derive(Debug, Clone, Copy)]
pub(super) enum Interruption {
    /// Drops its task.
    Kill,
    /// Blocks its thread for this time.
    Freeze(Duration),
}

/// The switch of one consumer.
#[derive(Debug)]
pub struct Switch {
    interruption: Mutex<Option<Interruption>>,
    asked: Notify,
    /// How many interruptions are over.
    survived: watch::Sender<u64>,
    full: AtomicBool,
}

impl Default for Switch {
    fn default() -> Self {
        let survived = watch::Sender::new(0);
        Self { interruption: Mutex::default(), asked: Notify::new(), survived, full: AtomicBool::new(false) }
    }
}

impl Switch {
    /// Interrupts the consumer when it waits next; returns when that is over.
    pub(super) async fn interrupt(&self, interruption: Interruption) {
        let mut survived = self.survived.subscribe();
        survived.mark_unchanged();
        *self.interruption.lock().unwrap_or_else(PoisonError::into_inner) = Some(interruption);
        self.asked.notify_one();
        // The sender is this switch's own.
        let _ = survived.changed().await;
    }

    /// Whether the disk of the consumer is full.
    pub(super) fn set_full(&self, full: bool) {
        self.full.store(full, Ordering::Relaxed);
    }

    /// Runs a consumer, on its own thread, until it ends or is killed. What is killed is dropped where it stands, as after
    /// a panic.
    pub async fn run<E: Display>(
        &self,
        run: impl Future<Output = Result<Ended, E>>,
    ) -> Result<Ended, String> {
        // Dropped after the run.
        let mut over = Interrupted { switch: self, is: false };
        let mut run = pin!(run);
        loop {
            tokio::select! {
                biased;
                () = self.asked.notified() => {
                    match self.interruption.lock().unwrap_or_else(PoisonError::into_inner).take() {
                        Some(Interruption::Kill) => {
                            over.is = true;
                            return Err("it was killed".to_owned());
                        }
                        Some(Interruption::Freeze(time)) => {
                            thread::sleep(time);
                            self.survived.send_modify(|count| *count += 1);
                        }
                        None => {}
                    }
                }
                ended = &mut run => return ended.map_err(|error| error.to_string()),
            }
        }
    }
}

/// Tells that an interruption is over when it is dropped.
struct Interrupted<'a> {
    switch: &'a Switch,
    is: bool,
}

impl Drop for Interrupted<'_> {
    fn drop(&mut self) {
        if self.is {
            self.switch.survived.send_modify(|count| *count += 1);
        }
    }
}

/// The switches of all consumers.
#[derive(Debug, Clone, Default)]
pub struct Switches(Arc<[Arc<Switch>; Name::ALL.len()]>);

impl Switches {
    /// That of one consumer.
    pub fn of(&self, name: &str) -> Arc<Switch> {
        let known = Name::ALL.into_iter().zip(self.0.iter()).find(|(known, _)| known.name() == name);
        // An unknown name has no effect.
        known.map(|(_, switch)| Arc::clone(switch)).unwrap_or_default()
    }
}

/// Files of a consumer whose disk may be full.
#[derive(Debug)]
pub struct FillableFiles<F> {
    files: F,
    switch: Arc<Switch>,
}

impl<F> FillableFiles<F> {
    /// Files that have room until the switch says otherwise.
    pub fn new(files: F, switch: Arc<Switch>) -> Self {
        Self { files, switch }
    }

    fn room(&self, path: &str) -> io::Result<()> {
        if !self.switch.full.load(Ordering::Relaxed) {
            return Ok(());
        }
        let error = io::Error::from(Errno::NOSPC);
        Err(io::Error::new(error.kind(), format!("{path}: {error}")))
    }
}

impl<F: Files> Files for FillableFiles<F> {
    fn list(&self, folder: &str) -> io::Result<Vec<(String, u64)>> {
        self.files.list(folder)
    }

    fn append(&mut self, path: &str, at: u64, bytes: &[u8]) -> io::Result<()> {
        if let Err(error) = self.room(path) {
            // A disk that fills up takes what it has room for.
            self.files.append(path, at, bytes.get(..bytes.len() / 2).unwrap_or_default())?;
            return Err(error);
        }
        self.files.append(path, at, bytes)
    }

    fn cut(&mut self, path: &str, length: u64) -> io::Result<()> {
        self.files.cut(path, length)
    }

    fn replace(&mut self, path: &str, bytes: &[u8]) -> io::Result<()> {
        self.room(path)?;
        self.files.replace(path, bytes)
    }

    fn set_aside(&mut self, path: &str) -> io::Result<()> {
        self.files.set_aside(path)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sinks::faulty_memory_files::{Disk, MemoryFiles};

    /// Says when it is dropped.
    struct Held(Arc<AtomicBool>);

    impl Drop for Held {
        fn drop(&mut self) {
            self.0.store(true, Ordering::Relaxed);
        }
    }

    #[tokio::test]
    async fn a_killed_task_ends_where_it_stands_and_a_frozen_one_goes_on() {
        let switch = Switch::default();
        let dropped = Arc::new(AtomicBool::new(false));
        let held = Held(Arc::clone(&dropped));
        let run = switch.run(async move {
            let _held = held;
            std::future::pending::<Result<Ended, String>>().await
        });
        let interruptions = async {
            switch.interrupt(Interruption::Freeze(Duration::from_millis(20))).await;
            assert!(!dropped.load(Ordering::Relaxed));
            switch.interrupt(Interruption::Kill).await;
            assert!(dropped.load(Ordering::Relaxed), "what it held is gone when it is told of");
        };
        let (ended, ()) = tokio::join!(run, interruptions);
        assert_eq!(ended, Err("it was killed".to_owned()));
    }

    #[test]
    fn a_full_disk_takes_a_part_and_the_next_attempt_mends_it() {
        let (disk, switch) = (Disk::default(), Arc::new(Switch::default()));
        let mut files = FillableFiles::new(MemoryFiles::new(&disk), Arc::clone(&switch));
        files.append("mail/a.mbox", 0, b"one").unwrap();
        switch.set_full(true);
        let error = files.append("mail/a.mbox", 3, b"two!").unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::StorageFull);
        assert!(error.to_string().contains("mail/a.mbox: No space left"), "{error}");
        assert!(files.replace("stock.txt", b"x").is_err());
        assert_eq!(disk.read("mail/a.mbox").unwrap(), b"onetw");
        switch.set_full(false);
        files.append("mail/a.mbox", 3, b"two!").unwrap();
        assert_eq!(disk.read("mail/a.mbox").unwrap(), b"onetwo!");
    }
}
