//! A pass of compaction: which records stay, and the segments that hold them.
//!
//! Of every key the last record stays; a tombstone until `delete.retention.ms` after the first pass that saw it;
//! records of aborted transactions go; a marker stays at least as long as a record of its transaction. Offsets and
//! sequence numbers stay as they were. After Kafka's `LogCleaner` (KIP-98, KIP-534).

use std::{
    collections::{HashMap, HashSet},
    fs::{self, File, OpenOptions},
    io,
    path::PathBuf,
    sync::Arc,
};

use super::{
    Aborted, LogConfig, LogError, Segment,
    batch::{self, BatchHeader, HEADER, Marker, marker_of},
    codec,
    compaction::Plan,
    records,
    scan::Scan,
    segment::file_name,
};
use crate::disk;

/// Keys that one pass remembers; a log with more of them takes several passes.
const MOST_KEYS: usize = 4_000_000;
const WINDOW: usize = 1 << 20;
const COMPRESSION: i16 = 0b111;

/// A segment to be compacted.
#[derive(Clone)]
pub(crate) struct Source {
    pub(super) base: i64,
    pub(super) next_offset: i64,
    pub(super) file: Arc<File>,
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
        let mut scan = Scan::new(&self.file, 0, self.size, WINDOW);
        while let Some((position, header)) = scan.header()? {
            each(&header, scan.batch(position, &header)?)?;
        }
        Ok(())
    }
}

/// A compacted segment that is to take the place of others.
pub(crate) struct Cleaned {
    pub(super) segment: Segment,
    /// The offset up to which it replaces.
    pub(super) end: i64,
    pub(super) sources: Vec<Source>,
    /// What its readers have to leave out.
    pub(super) aborted: Vec<Aborted>,
    path: PathBuf,
}

impl Cleaned {
    /// Marks it as complete: from now on a start would install it.
    pub(super) fn ready(&self) -> io::Result<PathBuf> {
        let swap = self.path.with_file_name(format!("{}-{}.swap", self.segment.base, self.end));
        fs::rename(&self.path, &swap)?;
        Ok(swap)
    }

    pub(super) fn discard(&self) -> io::Result<()> {
        fs::remove_file(&self.path)
    }
}

/// Where the last record of each key lies.
type Latest = HashMap<Box<[u8]>, i64>;

/// Transactions that were aborted, by producer: first offsets and those of the markers.
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
    /// Does the pass; what comes out is installed by [`super::Log::install_compaction`], together with the offset up to
    /// which it went.
    pub(crate) fn run(&self, now: i64, config: &LogConfig) -> Result<(Vec<Cleaned>, i64), LogError> {
        self.pass(now, config).inspect_err(|_| {
            for source in &self.sources {
                // Half a segment is of no use, and the disk may be full.
                let _ = fs::remove_file(self.folder.join(file_name(source.base, "cleaned")));
            }
        })
    }

    fn pass(&self, now: i64, config: &LogConfig) -> Result<(Vec<Cleaned>, i64), LogError> {
        let aborted = AbortedBy::new(&self.aborted);
        let (latest, taken) = self.latest(&aborted)?;
        let sources = self.sources.get(..taken).unwrap_or_default();
        let to = sources.last().map_or(0, |source| source.next_offset);
        let mut keep = Keep { plan: self, now, config, latest, aborted, unfinished: HashSet::new() };
        let mut done: Vec<Cleaned> = Vec::new();
        for source in sources {
            let fits = |one: &Cleaned| {
                one.segment.size + source.size <= config.segment_bytes
                    && source.next_offset - one.segment.base <= i64::from(i32::MAX)
            };
            if !done.last().is_some_and(fits) {
                done.push(self.begin(source)?);
            }
            if let Some(out) = done.last_mut() {
                out.sources.push(source.clone());
                out.end = source.next_offset;
                out.segment.next_offset = out.segment.next_offset.max(source.base);
                keep.copy(source, out)?;
                out.segment.next_offset = source.next_offset;
            }
        }
        for one in &done {
            disk::sync(&one.segment.file)?;
        }
        Ok((done, to))
    }

    /// The last record of each key among the segments not cleaned yet, and how many segments that covers.
    fn latest(&self, aborted: &AbortedBy) -> Result<(Latest, usize), LogError> {
        let mut latest = Latest::new();
        for (taken, source) in self.sources.iter().enumerate() {
            if source.next_offset <= self.history.cleaned_to {
                continue;
            }
            if latest.len() >= MOST_KEYS {
                return Ok((latest, taken));
            }
            source.each_batch(|header, bytes| {
                if header.is_control() || aborted.holds(header) {
                    return Ok(());
                }
                let plain = codec::decompress(header.compression(), bytes.get(HEADER..).unwrap_or_default())?;
                for record in records::iterate(&plain) {
                    let record = record?;
                    if let Some(key) = record.key {
                        latest.insert(key.into(), header.base_offset + record.offset_delta);
                    }
                }
                Ok(())
            })?;
        }
        Ok((latest, self.sources.len()))
    }

    fn begin(&self, source: &Source) -> Result<Cleaned, LogError> {
        let path = self.folder.join(file_name(source.base, "cleaned"));
        let file = OpenOptions::new().read(true).write(true).create(true).truncate(true).open(&path)?;
        Ok(Cleaned {
            segment: Segment::empty(source.base, file, source.born),
            end: source.next_offset,
            sources: Vec::new(),
            aborted: Vec::new(),
            path,
        })
    }
}

/// Decides what stays.
struct Keep<'a> {
    plan: &'a Plan,
    now: i64,
    config: &'a LogConfig,
    latest: Latest,
    aborted: AbortedBy,
    /// Producers of whose present transaction a record stayed: its marker has to stay as well.
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
            for record in records::iterate(&plain) {
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
            let (header, bytes) = thinned(header, bytes, &kept);
            append(&mut out.segment, &header, &bytes)
        })
    }

    fn stays(&self, header: &BatchHeader, record: &records::Record<'_>) -> bool {
        let offset = header.base_offset + record.offset_delta;
        let Some(key) = record.key else { return false };
        let superseded = self.latest.get(key).is_some_and(|latest| *latest > offset);
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

/// A batch with fewer records, uncompressed, at the same offsets.
fn thinned(header: &BatchHeader, bytes: &[u8], kept: &[records::Record<'_>]) -> (BatchHeader, Vec<u8>) {
    let mut batch = bytes.get(..HEADER).unwrap_or_default().to_vec();
    for record in kept {
        batch.extend_from_slice(record.raw);
    }
    let latest = kept.iter().map(|record| header.base_timestamp.saturating_add(record.timestamp_delta)).max();
    let header = BatchHeader {
        size: batch.len(),
        attributes: header.attributes & !COMPRESSION,
        records: i32::try_from(kept.len()).unwrap_or(i32::MAX),
        max_timestamp: latest.filter(|_| !header.is_append_time()).unwrap_or(header.max_timestamp),
        ..*header
    };
    batch::rewrite(&mut batch, &header);
    (header, batch)
}
