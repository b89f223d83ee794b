//! How long the broker takes to open a large log: from the start of its process to its address.

use std::{
    fs::{self, File},
    path::Path,
    process::Child,
    time::{Duration, Instant},
};

use rustix::{
    fs::{Advice, fadvise},
    process::{Pid, Signal, kill_process},
};

use crate::{
    cluster::serve,
    figures::{Spread, thousands},
    load,
};

/// The value of a record that fills a batch, a little larger than the interval of index entries (16 KiB): this gives
/// the most entries.
const LARGE: usize = 16_400;
/// Unindexed records of [`load::PAYLOAD`] bytes: just fewer than trigger the write of an index (32 MiB a partition).
const TAIL: usize = 6 * (31 << 20) / 380;
/// The housekeeping has run by then.
const HOUSEKEEPING: Duration = Duration::from_secs(5);
const FULL_SPEED: Duration = Duration::from_secs(4);

/// A broker that serves the folder, and the log it holds.
struct Opened {
    broker: Child,
    bootstrap: String,
}

impl Opened {
    fn start(folder: &Path) -> (Self, f64) {
        let begun = Instant::now();
        let (broker, bootstrap) = serve(folder);
        (Self { broker, bootstrap }, begun.elapsed().as_secs_f64() * 1000.0)
    }

    fn stop(mut self) {
        kill_process(Pid::from_child(&self.broker), Signal::TERM).unwrap();
        assert!(self.broker.wait().unwrap().success());
    }

    fn kill(&mut self) {
        self.broker.kill().unwrap();
        self.broker.wait().unwrap();
    }
}

/// Drops the files from the page cache, as a reboot does.
fn evict(folder: &Path) {
    for entry in fs::read_dir(folder).unwrap() {
        let entry = entry.unwrap();
        if entry.file_type().unwrap().is_dir() {
            evict(&entry.path());
        } else {
            let file = File::open(entry.path()).unwrap();
            file.sync_all().unwrap();
            fadvise(&file, 0, None, Advice::DontNeed).unwrap();
        }
    }
}

/// Bytes and segments of all logs.
fn size(folder: &Path, topic: &str) -> (u64, usize) {
    let folders = (0..load::PARTITIONS).map(|at| folder.join(format!("kafka/{topic}-{at}")));
    let files = folders.flat_map(|folder| fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()));
    let logs = files.filter(|path| path.extension().is_some_and(|extension| extension == "log"));
    logs.fold((0, 0), |(bytes, count), path| (bytes + fs::metadata(path).unwrap().len(), count + 1))
}

/// Writes so many GiB through the broker, then opens them repeatedly after each kind of end.
pub(crate) fn measure(gib: usize, rounds: usize) {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let (opened, _) = Opened::start(folder);
    let topic = load::make_topic(&opened.bootstrap);
    let begun = Instant::now();
    load::produce(&opened.bootstrap, &topic, (gib << 30) / LARGE, LARGE);
    let mut known = load::records(&opened.bootstrap, &topic);
    opened.stop();
    let ((bytes, segments), took) = (size(folder, &topic), begun.elapsed().as_secs());
    println!(
        "\nOpening a log of {} MiB in {segments} segments, {} partitions (written in {took} s): ms from the start of the \
         process to its address, {rounds} times each",
        thousands(bytes >> 20),
        load::PARTITIONS
    );

    let [mut cold, mut cached, mut tail, mut cold_tail, mut amid, mut flooded] = [(); 6].map(|()| Vec::new());
    for _ in 0..rounds {
        // No record is lost after any end.
        let mut open = |times: &mut Vec<f64>| {
            let (opened, took) = Opened::start(folder);
            times.push(took);
            let there = load::records(&opened.bootstrap, &topic);
            assert!(there >= known, "{there} records of {known}");
            known = there;
            opened
        };
        evict(folder);
        open(&mut cold).stop();
        let mut opened = open(&mut cached);
        for (times, from_disk) in [(&mut tail, false), (&mut cold_tail, true)] {
            std::thread::sleep(HOUSEKEEPING);
            load::produce(&opened.bootstrap, &topic, TAIL, load::PAYLOAD);
            opened.kill();
            if from_disk {
                evict(folder);
            }
            opened = open(times);
        }
        let (before, _) = size(folder, &topic);
        let sending = load::flood(&opened.bootstrap, &topic, LARGE, FULL_SPEED);
        opened.kill();
        drop(sending);
        flooded.push(((size(folder, &topic).0 - before) >> 20) as f64);
        open(&mut amid).stop();
    }
    for (what, times) in [
        ("ended in order, files not in memory", &cold),
        ("ended in order", &cached),
        ("killed, 31 MiB a partition without index", &tail),
        ("the same, files not in memory", &cold_tail),
        ("killed while it took all it could", &amid),
    ] {
        println!("  {what:<42}{:>30}  (least / median / most)", Spread::of(times).show());
    }
    println!(
        "  It took {} MiB in {} s before it was killed.",
        Spread::of(&flooded).show(),
        FULL_SPEED.as_secs()
    );
}

/// Opens a broker with so many empty partitions after each kind of end.
pub(crate) fn partitions(count: i32, rounds: usize) {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let (mut opened, _) = Opened::start(folder);
    let topic = load::make_topic_with(&opened.bootstrap, count);
    println!(
        "\nOpening {count} empty partitions: ms from the start of the process to its address, {rounds} times each"
    );
    let [mut ended, mut killed] = [(); 2].map(|()| Vec::new());
    for _ in 0..rounds {
        opened.stop();
        let (mut after_end, took) = Opened::start(folder);
        ended.push(took);
        after_end.kill();
        let (after_kill, took) = Opened::start(folder);
        killed.push(took);
        assert_eq!(load::partitions(&after_kill.bootstrap, &topic), count);
        opened = after_kill;
    }
    opened.stop();
    for (what, times) in [("ended in order", &ended), ("killed", &killed)] {
        println!("  {what:<42}{:>30}  (least / median / most)", Spread::of(times).show());
    }
}
