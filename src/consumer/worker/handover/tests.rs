use proptest::prelude::*;

use super::*;
use crate::{
    consumer::{Record, Taken},
    consumers::{Journal, journal::JournalFiles},
    shop::Zone,
    sinks::faulty_memory_files::{Disk, MemoryFiles},
    store::MemoryStore,
    views::{Source, naive},
};

const PART: Part = Part { source: Source::Orders, partition: 0 };
const NOW: i64 = 1_774_700_000;

/// A machine: what outlives its processes.
#[derive(Default)]
struct Machine {
    store: MemoryStore,
    disk: Disk,
}

impl Machine {
    fn start(&self) -> Worker<Journal, JournalFiles> {
        let zone = Zone::default();
        let (output, files) = (JournalFiles::new(zone), MemoryFiles::new(&self.disk));
        Worker::open(zone, output, self.store.clone(), files).unwrap().0
    }

    /// The ids in its tables, one for each row.
    fn rows(&self) -> Vec<u64> {
        let all = self.disk.all();
        let tables = all.iter().filter(|(path, _)| path.starts_with("orders/") && !path.contains("last"));
        let text: String = tables.map(|(_, bytes)| String::from_utf8(bytes.clone()).unwrap()).collect();
        text.lines().filter_map(|row| row.split('\t').next()?.parse().ok()).collect()
    }
}

/// Takes the records from `start` up to `end`, of which the order at offset n has the id n + 1, and saves.
fn read(worker: &mut Worker<Journal, JournalFiles>, start: Start, end: i64, told: i64) {
    let from = if let Start::Offset(offset) = start { offset } else { 0 };
    for offset in from..end {
        let id = u64::try_from(offset).unwrap() + 1;
        let order = serde_json::to_vec(&naive::order(id, NOW, &[(1, 1, 1, 5)])).unwrap();
        let record = Record { part: PART, offset, timestamp: NOW, key: None, payload: Some(&order) };
        assert_ne!(worker.take(PART, &record.decode()), Taken::OtherLog);
        let next = worker.positions().next().unwrap().1.next;
        assert_eq!(worker.may_tell(PART), next >= told, "at {next}, where another was told of {told}");
    }
    worker.checkpoint(Some(NOW)).unwrap();
}

proptest! {
    /// One machine hands over its state now and then, and reads on; another goes on from there, and is killed on its
    /// way.
    #[test]
    fn what_another_machine_has_written_is_not_written_again(
        handed in 0..9_i64, more in 1..9_i64, before in 0..9_i64, after in 0..9_i64,
    ) {
        let (a, b) = (Machine::default(), Machine::default());
        let mut first = a.start();
        let start = first.assign(PART).unwrap();
        read(&mut first, start, handed, 0);
        let state = first.handover(PART).unwrap();
        let told = handed + more;
        read(&mut first, Start::Offset(handed), told, 0);

        let mut second = b.start();
        let start = second.inherit(PART, Some(&state), told).unwrap();
        read(&mut second, start, handed + before, told);
        let mut third = b.start();
        let start = third.assign(PART).unwrap();
        let end = told.max(handed + before) + after;
        read(&mut third, start, end, told);
        let all: Vec<u64> = (1..=u64::try_from(end).unwrap()).collect();
        prop_assert_eq!([a.rows(), b.rows()].concat(), all);
    }
}
