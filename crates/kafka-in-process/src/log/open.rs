//! Opening a log: indexes are trusted, everything else is checked batch by batch. The log is truncated at the first damaged
//! batch, so that it always serves an intact prefix of what was appended; a message reports what was cut.

use std::{
    fs, io,
    path::{Path, PathBuf},
    sync::Arc,
};

use super::{
    Aborted, Log, LogError, Producers, Sealing, Segment,
    batch::{HIGHEST_OFFSET, marker_of},
    batch_scan::is_damage,
    compaction_schedule::History,
    handle::{Handle, open_file},
    segment::file_name,
    sidecar_files::{self, Index},
};
use crate::fsync::Lost;

/// Bytes per read while batches are replayed.
const REPLAY_WINDOW: usize = 64 * 1024;
/// The same if only headers are needed.
const HEADERS_WINDOW: usize = 4 * 1024;

/// What the files contain.
#[derive(Default)]
struct Opened {
    segments: Vec<Segment>,
    /// From the indexes.
    aborted: Vec<Aborted>,
    /// Segments with a tail that no index covers: base, and the offset where that tail begins.
    checked: Vec<(i64, i64)>,
    /// The last segment is compacted, and may end before the next one begins.
    loose: bool,
}

impl Log {
    /// Opens or creates the log in `folder`. `start` is the log start offset.
    pub(crate) fn open(folder: &Path, start: i64, now: i64) -> Result<Self, LogError> {
        let start = if (0..=HIGHEST_OFFSET).contains(&start) { start } else { 0 };
        fs::create_dir_all(folder)?;
        finish_swaps(folder)?;
        let history = History::read(folder)?;
        let mut opened = Opened::read(folder, &history, now)?;
        if opened.segments.last().is_some_and(|last| last.next_offset < start) {
            let (file, offset) = (folder.display(), start);
            tracing::warn!(%file, offset, "the log ends before its first readable record: it begins anew there");
            for segment in std::mem::take(&mut opened).segments {
                sidecar_files::set_aside(folder, segment.base)?;
            }
        }
        let mut segments = std::mem::take(&mut opened.segments);
        if segments.is_empty() {
            segments.push(Segment::create(folder, start, now)?);
        }
        let mut log = Self {
            folder: folder.to_owned(),
            start: start.max(segments.first().map_or(0, |segment| segment.base)),
            segments,
            producers: Producers::default(),
            aborted: Vec::new(),
            markers: 0,
            sealing: Vec::new(),
            history,
            uncleanable: false,
            checkpointed: (0, 0),
            unflushed: (0, now),
            lost: Lost::default(),
            closed: false,
        };
        log.replay_producers(opened, now)?;
        let sealed = log.sealed_to();
        log.segments.iter().filter(|segment| segment.base < sealed).for_each(|segment| segment.file.close());
        Ok(log)
    }

    /// Replays the log's tail onto the newest producer snapshot, and collects the aborted transactions that no index
    /// lists. Full segments without an index are queued for sealing. Append times after the snapshot are unknown: `now`
    /// stands in for them, so that no producer expires early.
    fn replay_producers(&mut self, opened: Opened, now: i64) -> Result<(), LogError> {
        let Opened { checked, mut aborted, .. } = opened;
        let trusted = checked.first().map_or(self.end(), |(_, believed)| *believed);
        let (from, producers) =
            sidecar_files::read_producers(&self.folder, trusted, self.end())?.unwrap_or_default();
        self.producers = producers;
        let active = self.active().base;
        for segment in self.segments.iter().filter(|segment| segment.next_offset > from) {
            let unknown = checked.iter().find(|(base, _)| *base == segment.base).map(|(_, from)| *from);
            let news = unknown.unwrap_or(i64::MAX);
            match replay(segment, from, news, now, &mut self.producers, &mut aborted) {
                Err(error) if is_damage(&error) => {
                    let file = self.folder.join(file_name(segment.base, "log"));
                    tracing::warn!(file = %file.display(), %error, "what producers wrote behind it is not known");
                }
                replayed => replayed?,
            }
            if unknown.is_some() && segment.base < active {
                let aborted = Aborted::inside(&aborted, segment);
                let producers = sidecar_files::producers_bytes(&self.producers);
                let sealing =
                    Sealing::of(&self.folder, segment, aborted, segment.next_offset, producers, &self.lost);
                self.sealing.push(Arc::new(sealing));
            }
        }
        aborted.sort_by_key(|aborted| aborted.last_offset);
        self.aborted = aborted;
        Ok(())
    }
}

/// Replays the producers' batches of a segment from an offset on. From offset `news` on, recovery has just checked the
/// batches; aborted transactions there are collected.
fn replay(
    segment: &Segment,
    from: i64,
    news: i64,
    now: i64,
    producers: &mut Producers,
    aborted: &mut Vec<Aborted>,
) -> io::Result<()> {
    let begin = segment.locate(from)?.map_or(segment.size, |(position, _)| position);
    let window = if from < news { REPLAY_WINDOW } else { HEADERS_WINDOW };
    let mut scan = segment.scan(begin, window)?;
    while let Some((position, header)) = scan.header()? {
        let is_news = header.base_offset >= news;
        if header.is_control() {
            let batch = scan.batch(position, &header)?;
            let ended = marker_of(&header, batch).and_then(|marker| producers.ended(&header, marker, now));
            aborted.extend(ended.filter(|_| is_news));
            continue;
        }
        if !is_news {
            scan.batch(position, &header)?;
        }
        producers.wrote(&header, now);
    }
    Ok(())
}

impl Opened {
    /// Opens the segments in order; sets aside those after a gap.
    fn read(folder: &Path, history: &History, now: i64) -> io::Result<Self> {
        let mut opened = Self::default();
        let mut hole = false;
        for (base, path) in sidecar_files::listed(folder, "log")? {
            let end = opened.segments.last().map_or(base, |before| before.next_offset);
            hole |= end < base && !opened.loose;
            if hole || end > base {
                let file = path.display();
                tracing::warn!(%file, end, "a segment does not begin where the one before it ends: set it aside");
                sidecar_files::set_aside(folder, base)?;
                continue;
            }
            if let Some(before) = opened.segments.last_mut() {
                before.next_offset = base;
            }
            opened.take(folder, (base, path), history, now)?;
        }
        Ok(opened)
    }

    fn take(
        &mut self,
        folder: &Path,
        (base, path): (i64, PathBuf),
        history: &History,
        now: i64,
    ) -> io::Result<()> {
        let file = path.display();
        let handle = Handle::of(path.clone(), open_file(&path)?);
        let mut segment = Segment::empty(base, handle, now);
        let mut lost = 0;
        match sidecar_files::read_index(folder, &mut segment)? {
            Index::Missing => {}
            Index::Sound(aborted) => self.aborted.extend(aborted),
            Index::Damaged => {
                tracing::warn!(%file, "a segment's index is damaged: checked the segment instead");
                sidecar_files::remove_index(folder, base)?;
            }
            Index::Outlived(by) => {
                lost = by;
                sidecar_files::remove_index(folder, base)?;
            }
        }
        let believed = segment.next_offset;
        let position = segment.size;
        let dense = base >= history.gaps_to;
        let torn = segment.recover(dense)?;
        if torn + lost > 0 {
            let (offset, position) = (segment.next_offset, segment.size);
            tracing::warn!(%file, offset, position, cut = torn, missing = lost, "a segment is damaged or torn: cut it behind its last intact batch");
        }
        if segment.size > position {
            self.checked.push((base, believed));
        }
        self.loose = !dense && torn + lost == 0;
        self.segments.push(segment);
        Ok(())
    }
}

/// Completes or undoes a compaction that a crash interrupted: drops incomplete files; a complete `<base>-<end>.swap`
/// replaces all segments with a base offset in its range.
fn finish_swaps(folder: &Path) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        match path.extension().and_then(|extension| extension.to_str()) {
            Some("cleaned" | "new") => fs::remove_file(&path)?,
            Some("swap") => {
                let range = path.file_stem().and_then(|stem| stem.to_str()?.split_once('-'));
                let range = range.and_then(|(base, end)| Some((base.parse().ok()?, end.parse().ok()?)));
                let sensible = |(base, end): &(i64, i64)| (0..*end).contains(base) && *end <= HIGHEST_OFFSET;
                let Some((base, end)) = range.filter(sensible) else { continue };
                // The first source is removed first: while it exists, all sources do.
                if folder.join(file_name(base, "log")).exists() && !is_intact(&path, base)? {
                    tracing::warn!(file = %path.display(), "a compacted segment is damaged: dropped it");
                    fs::remove_file(&path)?;
                } else {
                    sidecar_files::install_swap(folder, &path, base, end)?;
                }
            }
            _ => {}
        }
    }
    Ok(())
}

fn is_intact(path: &Path, base: i64) -> io::Result<bool> {
    let file = open_file(path)?;
    let mut segment = Segment::empty(base, Handle::of(path.to_owned(), file), 0);
    Ok(segment.recover(false)? == 0)
}
