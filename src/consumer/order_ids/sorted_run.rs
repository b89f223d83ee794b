//! A run: ids in order in a file, which is written once and never changed.
//!
//! Blocks of 4 KiB, each with its check sum, its first id and the gaps to the next ones in LEB128; a progression of more
//! than three ids is a zero, its step and how many ids follow. Behind the blocks lie their first ids and a Bloom filter
//! for each, which are kept in memory: so an id that is there takes one read, and one that is not takes none but for one
//! in 150. Ids at random over 64 bits take 6 bytes each and 1.5 of memory, ids that go up evenly next to nothing.

use std::{
    fs::File,
    io::{self, BufWriter, Write},
    os::unix::fs::FileExt,
    path::{Path, PathBuf},
    sync::Arc,
};

use super::{
    progressions::{Joiner, Progression},
    varint::{Reader, put},
};

/// Bytes of a block, which is what is read at once.
const BLOCK: usize = 4096;
/// Bytes of a block's filter: 12 bits an id, where ids are at random.
const FILTER: usize = 1024;
/// Ids of a block above which its filter says nothing.
const FILTERED: u64 = 2_000;
/// Check sum, number of bytes that are used, and the first id.
const HEAD: usize = 4 + 4 + 8;
/// Bytes that one progression takes at most: a gap, and a zero with two numbers.
const LARGEST: usize = 32;
/// What a file ends with: this, the number of blocks, the last id, and the check sum of the index.
const MAGIC: u64 = u64::from_le_bytes(*b"shop ids");
const TRAILER: usize = 8 + 8 + 8 + 4;

/// A run that can be looked into.
#[derive(Debug)]
pub(super) struct Run {
    pub(super) number: u64,
    file: Arc<File>,
    /// The first id of each block.
    firsts: Vec<u64>,
    filters: Vec<u8>,
    last: u64,
    /// The block that was read last, and its number.
    read: Option<(usize, Box<[u8]>)>,
}

fn damaged() -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, "a file of order ids is damaged")
}

fn path(folder: &Path, number: u64) -> PathBuf {
    folder.join(format!("{number}.run"))
}

/// The number of a run's file.
pub(super) fn number_of(name: &str) -> Option<u64> {
    name.strip_suffix(".run")?.parse().ok()
}

impl Run {
    /// Opens the run with a number; its index must be whole.
    pub(super) fn open(folder: &Path, number: u64) -> io::Result<Self> {
        let file = File::open(path(folder, number))?;
        let length = file.metadata()?.len();
        let mut trailer = [0; TRAILER];
        let at = length.checked_sub(TRAILER as u64).ok_or_else(damaged)?;
        file.read_exact_at(&mut trailer, at)?;
        let word = |from: usize| word(&trailer, from);
        let blocks = usize::try_from(word(8)).map_err(|_| damaged())?;
        let whole = (blocks as u64)
            .checked_mul((BLOCK + 8 + FILTER) as u64)
            .and_then(|sum| sum.checked_add(TRAILER as u64));
        if word(0) != MAGIC || whole != Some(length) || blocks == 0 {
            return Err(damaged());
        }
        let mut index = vec![0; blocks * (8 + FILTER)];
        file.read_exact_at(&mut index, blocks as u64 * BLOCK as u64)?;
        let sum =
            crc32c::crc32c_append(crc32c::crc32c(&index), trailer.get(..TRAILER - 4).unwrap_or_default());
        if trailer.get(TRAILER - 4..) != Some(&sum.to_le_bytes()) {
            return Err(damaged());
        }
        let filters = index.split_off(blocks * 8);
        let firsts = index.chunks_exact(8).map(|bytes| self::word(bytes, 0)).collect();
        Ok(Self { number, file: Arc::new(file), firsts, filters, last: word(16), read: None })
    }

    /// How many blocks it has.
    pub(super) fn blocks(&self) -> usize {
        self.firsts.len()
    }

    /// The highest id.
    pub(super) fn last(&self) -> u64 {
        self.last
    }

    /// Its file, for whoever reads or syncs it.
    pub(super) fn file(&self) -> Arc<File> {
        Arc::clone(&self.file)
    }

    /// Whether an id is there.
    pub(super) fn contains(&mut self, id: u64) -> io::Result<bool> {
        let Some(number) = self.firsts.partition_point(|first| *first <= id).checked_sub(1) else {
            return Ok(false);
        };
        let filter = self.filters.get(number * FILTER..(number + 1) * FILTER).unwrap_or_default();
        let may_be = |bit: usize| filter.get(bit / 8).is_some_and(|byte| byte >> (bit % 8) & 1 == 1);
        if id > self.last || !bits(id).into_iter().all(may_be) {
            return Ok(false);
        }
        let block = match self.read.take() {
            Some((read, block)) if read == number => block,
            other => {
                let mut block = other.map_or_else(|| vec![0; BLOCK].into(), |(_, block)| block);
                read_block(&self.file, number, &mut block)?;
                block
            }
        };
        let mut progressions = BlockReader::of(&block);
        let found = loop {
            match progressions.next()? {
                Some(progression) if progression.last < id => {}
                found => break found.is_some_and(|progression| progression.contains(id)),
            }
        };
        self.read = Some((number, block));
        Ok(found)
    }

    /// Its ids in order, read from the file.
    pub(super) fn ids(&self) -> Ids {
        Ids { file: self.file(), blocks: self.blocks(), next: 0, held: Vec::new().into_iter() }
    }
}

/// The bits of a filter that an id sets (the mixer of `SplitMix64`).
fn bits(id: u64) -> [usize; 4] {
    let mixed = (id ^ (id >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    // Less than the bits of a filter each.
    [0, 13, 26, 39].map(|from| usize::try_from(mixed >> from).unwrap_or(0) % (FILTER * 8))
}

fn word(bytes: &[u8], from: usize) -> u64 {
    let bytes = bytes.get(from..from + 8).and_then(|bytes| bytes.try_into().ok());
    bytes.map_or(0, u64::from_le_bytes)
}

fn read_block(file: &File, number: usize, block: &mut [u8]) -> io::Result<()> {
    file.read_exact_at(block, number as u64 * BLOCK as u64)?;
    let (sum, rest) = block.split_at(4);
    if crc32c::crc32c(rest).to_le_bytes() != sum {
        return Err(damaged());
    }
    Ok(())
}

/// The progressions of a block whose check sum is right.
struct BlockReader<'a> {
    reader: Reader<'a>,
    /// The id before the next one; `None` at the first.
    at: Option<u64>,
    first: u64,
}

impl<'a> BlockReader<'a> {
    fn of(block: &'a [u8]) -> Self {
        let used = u32::try_from(word(block, 4) & u64::from(u32::MAX)).unwrap_or(0) as usize;
        let bytes = block.get(HEAD..HEAD + used).unwrap_or_default();
        Self { reader: Reader(bytes), at: None, first: word(block, 8) }
    }

    fn next(&mut self) -> io::Result<Option<Progression>> {
        let Some(at) = self.at else {
            self.at = Some(self.first);
            return Ok(Some(Progression::single(self.first)));
        };
        if self.reader.0.is_empty() {
            return Ok(None);
        }
        let progression = match self.reader.next().ok_or_else(damaged)? {
            0 => {
                let step = self.reader.next().ok_or_else(damaged)?;
                let count = self.reader.next().ok_or_else(damaged)?;
                let last = step.checked_mul(count).and_then(|length| at.checked_add(length));
                let first = at.checked_add(step).ok_or_else(damaged)?;
                Progression { first, last: last.ok_or_else(damaged)?, step: step.max(1) }
            }
            gap => Progression::single(at.checked_add(gap).ok_or_else(damaged)?),
        };
        self.at = Some(progression.last);
        Ok(Some(progression))
    }
}

/// The ids of a run in order, as progressions.
#[derive(Debug)]
pub(super) struct Ids {
    file: Arc<File>,
    blocks: usize,
    next: usize,
    held: std::vec::IntoIter<Progression>,
}

impl Ids {
    fn next(&mut self) -> io::Result<Option<Progression>> {
        loop {
            if let Some(progression) = self.held.next() {
                return Ok(Some(progression));
            }
            if self.next == self.blocks {
                return Ok(None);
            }
            let mut block = [0; BLOCK];
            read_block(&self.file, self.next, &mut block)?;
            self.next += 1;
            let (mut held, mut progressions) = (Vec::new(), BlockReader::of(&block));
            while let Some(progression) = progressions.next()? {
                held.push(progression);
            }
            self.held = held.into_iter();
        }
    }
}

/// Writes ids that come in order into a run.
pub(super) fn write(folder: &Path, number: u64, ids: impl Iterator<Item = Progression>) -> io::Result<Run> {
    let mut writer = Writer::begin(folder, number)?;
    for progression in ids {
        writer.push(progression)?;
    }
    writer.finish(folder, number)
}

/// Writes the ids of two runs, which have none in common, into a third one.
pub(super) fn merge(folder: &Path, number: u64, runs: [Ids; 2]) -> io::Result<Run> {
    let mut writer = Writer::begin(folder, number)?;
    let [mut lower, mut upper] = runs;
    let (mut low, mut up) = (lower.next()?, upper.next()?);
    loop {
        if let (Some(one), Some(other)) = (low, up)
            && one.first > other.first
        {
            std::mem::swap(&mut lower, &mut upper);
            std::mem::swap(&mut low, &mut up);
        }
        low = match (low, up) {
            (Some(one), Some(other)) if one.last > other.first => {
                let (below, rest) = one.split(other.first);
                writer.push(below)?;
                Some(rest)
            }
            (Some(one), _) => {
                writer.push(one)?;
                lower.next()?
            }
            (None, Some(other)) => {
                writer.push(other)?;
                up = upper.next()?;
                None
            }
            (None, None) => return writer.finish(folder, number),
        };
    }
}

struct Writer {
    out: BufWriter<File>,
    joiner: Joiner,
    block: Vec<u8>,
    firsts: Vec<u64>,
    filters: Vec<u8>,
    /// Ids in the block.
    ids: u64,
    /// The id that was written last.
    at: u64,
}

impl Writer {
    fn begin(folder: &Path, number: u64) -> io::Result<Self> {
        let file = File::create(path(folder, number))?;
        let out = BufWriter::with_capacity(64 * BLOCK, file);
        Ok(Self {
            out,
            joiner: Joiner::default(),
            block: Vec::new(),
            firsts: Vec::new(),
            filters: Vec::new(),
            ids: 0,
            at: 0,
        })
    }

    fn push(&mut self, progression: Progression) -> io::Result<()> {
        match self.joiner.push(progression) {
            Some(whole) => self.put(whole),
            None => Ok(()),
        }
    }

    fn put(&mut self, Progression { first, last, step }: Progression) -> io::Result<()> {
        if self.block.len() + LARGEST > BLOCK {
            self.close()?;
        }
        if self.block.is_empty() {
            self.block.extend_from_slice(&[0; HEAD - 8]);
            self.block.extend_from_slice(&first.to_le_bytes());
            self.firsts.push(first);
            self.filters.resize(self.firsts.len() * FILTER, 0);
            self.ids = 0;
        } else {
            put(&mut self.block, first - self.at);
        }
        let more = (last - first) / step;
        if more > 2 {
            put(&mut self.block, 0);
            put(&mut self.block, step);
            put(&mut self.block, more);
        } else {
            (0..more).for_each(|_| put(&mut self.block, step));
        }
        self.at = last;
        self.filter(first, step, more);
        Ok(())
    }

    /// Enters ids in the block's filter.
    fn filter(&mut self, first: u64, step: u64, more: u64) {
        let from = self.filters.len().saturating_sub(FILTER);
        let filter = self.filters.get_mut(from..).unwrap_or_default();
        self.ids = self.ids.saturating_add(more).saturating_add(1);
        if self.ids > FILTERED {
            filter.fill(u8::MAX);
            return;
        }
        for bit in (0..=more).flat_map(|number| bits(first + number * step)) {
            if let Some(byte) = filter.get_mut(bit / 8) {
                *byte |= 1 << (bit % 8);
            }
        }
    }

    fn close(&mut self) -> io::Result<()> {
        if self.block.is_empty() {
            return Ok(());
        }
        let used = u32::try_from(self.block.len() - HEAD).unwrap_or(0);
        self.block.resize(BLOCK, 0);
        self.block.splice(4..8, used.to_le_bytes());
        let sum = crc32c::crc32c(self.block.get(4..).unwrap_or_default());
        self.block.splice(..4, sum.to_le_bytes());
        self.out.write_all(&self.block)?;
        self.block.clear();
        Ok(())
    }

    fn finish(mut self, folder: &Path, number: u64) -> io::Result<Run> {
        if let Some(last) = std::mem::take(&mut self.joiner).finish() {
            self.put(last)?;
        }
        self.close()?;
        let mut index: Vec<u8> = self.firsts.iter().flat_map(|first| first.to_le_bytes()).collect();
        index.extend_from_slice(&self.filters);
        let trailer = [MAGIC, self.firsts.len() as u64, self.at].map(u64::to_le_bytes).concat();
        let sum = crc32c::crc32c_append(crc32c::crc32c(&index), &trailer);
        for bytes in [&index[..], &trailer, &sum.to_le_bytes()] {
            self.out.write_all(bytes)?;
        }
        self.out.flush()?;
        Run::open(folder, number)
    }
}

#[cfg(test)]
mod tests {
    use std::{collections::BTreeSet, fs};

    use proptest::prelude::*;

    use super::{
        super::progressions::{
            Progressions as Memory,
            tests::{any_id, elements},
        },
        *,
    };

    fn run(folder: &Path, number: u64, ids: impl IntoIterator<Item = u64>) -> Run {
        let mut memory = Memory::default();
        for id in ids {
            memory.insert(id);
        }
        write(folder, number, memory.iter()).unwrap()
    }

    fn all(run: &Run) -> Vec<u64> {
        let (mut ids, mut found) = (run.ids(), Vec::new());
        while let Some(progression) = ids.next().unwrap() {
            found.push(progression);
        }
        elements(found.into_iter())
    }

    proptest! {
        #![proptest_config(crate::testing::cases(200))]

        #[test]
        fn runs_hold_what_was_written_and_merged(
            ids in prop::collection::btree_map(any_id(), any::<bool>(), 2..300),
            many in 0..3_000_u64, others in prop::collection::vec(any_id(), 0..50),
        ) {
            let folder = tempfile::tempdir().unwrap();
            // Ids far apart fill more than one block.
            let far = (0..many).map(|number| (1 << 40) + number.wrapping_mul(0x9E37_79B9_7F4A_7C15) % (1 << 60));
            let which: Vec<(u64, bool)> = ids.into_iter().chain(far.map(|id| (id, id % 3 == 0))).collect();
            let set: BTreeSet<u64> = which.iter().map(|(id, _)| *id).collect();
            let half = |which_one: bool| {
                let in_one: BTreeSet<u64> = which.iter().filter(|(_, one)| *one).map(|(id, _)| *id).collect();
                set.iter().copied().filter(move |id| in_one.contains(id) == which_one).collect::<Vec<_>>()
            };
            let (one, other) = (half(true), half(false));
            prop_assume!(!one.is_empty() && !other.is_empty());
            let (one, other) = (run(folder.path(), 1, one), run(folder.path(), 2, other));
            let mut merged = merge(folder.path(), 3, [one.ids(), other.ids()]).unwrap();
            prop_assert_eq!(all(&merged), set.iter().copied().collect::<Vec<_>>());
            prop_assert_eq!(Some(merged.last()), set.last().copied());
            for id in set.iter().chain(&others) {
                for near in [id.saturating_sub(1), *id, id.saturating_add(1)] {
                    prop_assert_eq!(merged.contains(near).unwrap(), set.contains(&near));
                }
            }
        }
    }

    #[test]
    fn a_byte_that_changed_anywhere_is_noticed() {
        let folder = tempfile::tempdir().unwrap();
        let ids = |number: u64| number.wrapping_mul(0x9E37_79B9_7F4A_7C15);
        let whole = run(folder.path(), 1, (1..2_000).map(ids));
        assert!(whole.blocks() > 2);
        let bytes = fs::read(path(folder.path(), 1)).unwrap();
        let step = if crate::testing::is_full() { 7 } else { 71 };
        for at in (0..bytes.len()).step_by(step).chain(bytes.len() - TRAILER..bytes.len()) {
            let mut spoilt = bytes.clone();
            spoilt[at] ^= 0x10;
            fs::write(path(folder.path(), 2), &spoilt).unwrap();
            let noticed = Run::open(folder.path(), 2).and_then(|mut run| {
                (1..2_000).try_for_each(|number| run.contains(ids(number)).map(|found| assert!(found)))
            });
            assert!(noticed.is_err(), "byte {at}");
        }
        for length in [0, 1, TRAILER, BLOCK, bytes.len() - 1] {
            fs::write(path(folder.path(), 2), &bytes[..length]).unwrap();
            assert!(Run::open(folder.path(), 2).is_err(), "{length} bytes");
        }
    }

    #[test]
    fn a_hundred_million_even_ids_take_one_block() {
        let folder = tempfile::tempdir().unwrap();
        let progression = Progression { first: 3, last: 3 + 6 * 99_999_999, step: 6 };
        let mut run = write(folder.path(), 1, [progression].into_iter()).unwrap();
        assert_eq!(run.blocks(), 1);
        assert!(run.contains(3 + 6 * 55_555_555).unwrap() && !run.contains(4 + 6 * 55_555_555).unwrap());
    }
}
