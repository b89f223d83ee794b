//! One compaction pass: selects the records to keep and writes them to new segments.
//!
//! The last record of every key stays; a tombstone stays until `delete.retention.ms` after the first pass over it;
//! records of aborted transactions are dropped; a marker stays at least as long as any record of its transaction.
//! Offsets and sequence numbers do not change. Modelled on Kafka's `LogCleaner` (KIP-98, KIP-534).

use std::{
    collections::{HashMap, HashSet, hash_map::RandomState},
    fs::{self, OpenOptions},
    hash::BuildHasher,
    io,
    path::PathBuf,
    sync::Arc,
};

use super::{
    Aborted, LogConfig, LogError, Segment,
    batch::{self, BatchHeader, HEADER, Marker, marker_of},
    batch_scan::Scan,
    codec,
    compaction_schedule::{Compacted, Plan},
    handle::Handle,
    record,
    segment::file_name,
};
use crate::fsync;

const WINDOW: usize = 1 << 20;

/// A segment to be compacted.
#[derive(Clone)]
pub(crate) struct Source {
    pub(super) base: i64,
    pub(super) next_offset: i64,
    pub(super) file: Arc<Handle>,
    pub(super) size: u64,
    pub(super) born: i64,
}

impl Source {
    pub(super) fn of(segment: &Segment) -> Self {
        Self {
            base: segment.base,
            next_offset: segment.next_offset,
            file: Arc::clone(&segment.file),
            size: segment.size,
            born: segment.born,
        }
    }

    /// Calls `each` with every batch.
    fn each_batch(
        &self,
        mut each: impl FnMut(&BatchHeader, &[u8]) -> Result<(), LogError>,
    ) -> Result<(), LogError> {
        let mut scan = Scan::new(self.file.open()?, 0, self.size, WINDOW);
        while let Some((position, header)) = scan.header()? {
            each(&header, scan.batch(position, &header)?)?;
        }
        Ok(())
    }
}

/// A compacted segment that will replace its sources.
pub(crate) struct Cleaned {
    pub(super) segment: Segment,
    /// The end offset of the replaced range.
    pub(super) end: i64,
    pub(super) sources: Vec<Source>,
    /// Aborted transactions to filter.
    pub(super) aborted: Vec<Aborted>,
    path: PathBuf,
}

impl Cleaned {
    /// Marks it as complete: a start after a crash installs it then.
    pub(super) fn ready(&self) -> io::Result<PathBuf> {
        let swap = self.path.with_file_name(format!("{}-{}.swap", self.segment.base, self.end));
        fs::rename(&self.path, &swap)?;
        Ok(swap)
    }

    pub(super) fn discard(&self) -> io::Result<()> {
        fs::remove_file(&self.path)
    }
}

/// The offset of the last record of each key. Keys are stored as 128-bit digests with a random seed: all have the same
/// size, and nobody can craft two that collide.
struct Latest {
    by_digest: HashMap<[u64; 2], i64>,
    digests: [RandomState; 2],
    most: usize,
}

impl Latest {
    /// Sized for as many keys as fit into `memory` bytes. The map doubles when it is seven eighths full; the old and
    /// the new table then exist at once.
    fn within(memory: usize) -> Self {
        const SLOT: usize = size_of::<([u64; 2], i64)>() + 1;
        let slots = (memory / SLOT * 2 / 3).max(8);
        let slots = 1 << slots.ilog2();
        Self { by_digest: HashMap::new(), digests: Default::default(), most: slots / 8 * 7 }
    }

    fn digest(&self, key: &[u8]) -> [u64; 2] {
        self.digests.each_ref().map(|digest| digest.hash_one(key))
    }

    /// Notes a record of a key; false if the map is full and the key is new.
    fn insert(&mut self, key: &[u8], offset: i64) -> bool {
        let digest = self.digest(key);
        if self.by_digest.len() == self.most && !self.by_digest.contains_key(&digest) {
            return false;
        }
        self.by_digest.insert(digest, offset);
        true
    }

    fn get(&self, key: &[u8]) -> Option<i64> {
        self.by_digest.get(&self.digest(key)).copied()
    }
}

/// By producer: first offsets and marker offsets of aborted transactions.
struct AbortedBy(HashMap<i64, Vec<(i64, i64)>>);

impl AbortedBy {
    fn new(aborted: &[Aborted]) -> Self {
        let mut by: HashMap<i64, Vec<(i64, i64)>> = HashMap::new();
        for one in aborted {
            by.entry(one.producer_id).or_default().push((one.first_offset, one.last_offset));
        }
        Self(by)
    }

    fn holds(&self, header: &BatchHeader) -> bool {
        let within = |(first, last): &(i64, i64)| (*first..*last).contains(&header.base_offset);
        header.is_transactional() && self.0.get(&header.producer_id).is_some_and(|all| all.iter().any(within))
    }
}

impl Plan {
    /// Runs the pass; [`super::Log::install_compaction`] installs the result.
    pub(crate) fn run(&self, now: i64, config: &LogConfig) -> Result<Compacted, LogError> {
        self.pass(now, config).inspect_err(|_| {
            for source in &self.sources {
                // A partial segment is useless, and the disk may be full.
                let _ = fs::remove_file(self.folder.join(file_name(source.base, "cleaned")));
            }
        })
    }

    fn pass(&self, now: i64, config: &LogConfig) -> Result<Compacted, LogError> {
        let aborted = AbortedBy::new(&self.aborted);
        let (latest, to) = self.latest(&aborted)?;
        let sources = self.sources.iter().take_while(|source| source.base < to);
        let mut keep = Keep { plan: self, now, config, latest, aborted, unfinished: HashSet::new() };
        let mut done: Vec<Cleaned> = Vec::new();
        let mut gaps_to = 0;
        for source in sources {
            let fits = |one: &Cleaned| {
                one.segment.size + source.size <= config.segment_bytes
                    && source.next_offset - one.segment.base <= i64::from(i32::MAX)
            };
            if !done.last().is_some_and(fits) {
                done.push(self.begin(source)?);
            }
            if let Some(out) = done.last_mut() {
                gaps_to = source.next_offset;
                out.sources.push(source.clone());
                out.end = source.next_offset;
                out.segment.next_offset = out.segment.next_offset.max(source.base);
                keep.copy(source, out)?;
                out.segment.next_offset = source.next_offset;
            }
        }
        for one in &done {
            fsync::sync(&*one.segment.file.open()?)?;
        }
        let mut history = self.history.clone();
        history.expect_gaps(gaps_to, &self.folder)?;
        history.advance(to, now, config.delete_retention_ms);
        Ok(Compacted { cleaned: done, history, folder: self.folder.clone() })
    }

    /// The last record of each key in the uncleaned part, and the end offset of what was read: the end of the sources,
    /// or where the map was full.
    fn latest(&self, aborted: &AbortedBy) -> Result<(Latest, i64), LogError> {
        let mut latest = Latest::within(self.memory);
        let end = self.sources.last().map_or(0, |source| source.next_offset);
        let mut full_at = None;
        for source in &self.sources {
            if full_at.is_some() {
                break;
            }
            if source.next_offset <= self.history.cleaned_to {
                continue;
            }
            source.each_batch(|header, bytes| {
                let cleaned = header.next_offset() <= self.history.cleaned_to;
                if full_at.is_some() || cleaned || header.is_control() || aborted.holds(header) {
                    return Ok(());
                }
                let plain = codec::decompress(header.compression(), bytes.get(HEADER..).unwrap_or_default())?;
                for record in record::iterate(&plain) {
                    let record = record?;
                    let offset = header.base_offset + record.offset_delta;
                    let news = record.key.filter(|_| offset >= self.history.cleaned_to);
                    if !news.is_none_or(|key| latest.insert(key, offset)) {
                        full_at = Some(offset);
                        break;
                    }
                }
                Ok(())
            })?;
        }
        Ok((latest, full_at.unwrap_or(end)))
    }

    fn begin(&self, source: &Source) -> Result<Cleaned, LogError> {
        let path = self.folder.join(file_name(source.base, "cleaned"));
        let file = OpenOptions::new().read(true).write(true).create(true).truncate(true).open(&path)?;
        let place = self.folder.join(file_name(source.base, "log"));
        Ok(Cleaned {
            segment: Segment::empty(source.base, Handle::of(place, file), source.born),
            end: source.next_offset,
            sources: Vec::new(),
            aborted: Vec::new(),
            path,
        })
    }
}

/// Decides what to keep.
struct Keep<'a> {
    plan: &'a Plan,
    now: i64,
    config: &'a LogConfig,
    latest: Latest,
    aborted: AbortedBy,
    /// Producers with a kept record in the current transaction: its marker must be kept, too.
    unfinished: HashSet<i64>,
}

impl Keep<'_> {
    fn copy(&mut self, source: &Source, out: &mut Cleaned) -> Result<(), LogError> {
        source.each_batch(|header, bytes| {
            if header.is_control() {
                return self.copy_marker(header, bytes, out);
            }
            if self.aborted.holds(header) {
                return Ok(());
            }
            let plain = codec::decompress(header.compression(), bytes.get(HEADER..).unwrap_or_default())?;
            let mut kept = Vec::new();
            for record in record::iterate(&plain) {
                let record = record?;
                if self.stays(header, &record) {
                    kept.push(record);
                }
            }
            if kept.is_empty() {
                return Ok(());
            }
            if header.is_transactional() {
                self.unfinished.insert(header.producer_id);
            }
            if kept.len() == usize::try_from(header.records).unwrap_or(0) {
                return append(&mut out.segment, header, bytes);
            }
            let (header, bytes) = thinned(header, bytes, &kept)?;
            append(&mut out.segment, &header, &bytes)
        })
    }

    fn stays(&self, header: &BatchHeader, record: &record::Record<'_>) -> bool {
        let offset = header.base_offset + record.offset_delta;
        let Some(key) = record.key else { return false };
        let superseded = self.latest.get(key).is_some_and(|latest| latest > offset);
        let over = record.value.is_none()
            && self.plan.history.is_over(offset, self.now, self.config.delete_retention_ms);
        offset >= self.plan.start && !superseded && !over
    }

    fn copy_marker(&mut self, header: &BatchHeader, bytes: &[u8], out: &mut Cleaned) -> Result<(), LogError> {
        let needed = self.unfinished.remove(&header.producer_id);
        let offset = header.base_offset;
        let over = self.plan.history.is_over(offset, self.now, self.config.delete_retention_ms);
        if over && !needed {
            return Ok(());
        }
        if marker_of(header, bytes) == Some(Marker::Abort) {
            let mut all = self.plan.aborted.iter();
            out.aborted.extend(all.find(|one| one.last_offset == offset).copied());
        }
        append(&mut out.segment, header, bytes)
    }
}

fn append(segment: &mut Segment, header: &BatchHeader, bytes: &[u8]) -> Result<(), LogError> {
    segment.write(bytes, &[])?;
    segment.extend(header);
    Ok(())
}

/// A batch with only the kept records, at the same offsets and with the same codec.
fn thinned(
    header: &BatchHeader,
    bytes: &[u8],
    kept: &[record::Record<'_>],
) -> Result<(BatchHeader, Vec<u8>), LogError> {
    let plain: Vec<&[u8]> = kept.iter().map(|record| record.raw).collect();
    let mut batch = bytes.get(..HEADER).unwrap_or_default().to_vec();
    batch.extend_from_slice(&codec::compress(header.compression(), plain.concat())?);
    let latest = kept.iter().map(|record| header.base_timestamp.saturating_add(record.timestamp_delta)).max();
    let header = BatchHeader {
        size: batch.len(),
        records: i32::try_from(kept.len()).unwrap_or(i32::MAX),
        max_timestamp: latest.filter(|_| !header.is_append_time()).unwrap_or(header.max_timestamp),
        ..*header
    };
    batch::rewrite(&mut batch, &header);
    Ok((header, batch))
}
