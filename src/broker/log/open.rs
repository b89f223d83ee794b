//! Opening a log: indexes are believed, everything else is checked batch by batch, torn tails are cut.

use std::{fs, io, path::Path, sync::Arc};

use super::{
    Aborted, Log, LogError, Producers, Sealing, Segment, batch::marker_of, compaction::History, files,
    segment::file_name,
};

/// Bytes read at a time while headers are walked.
const REPLAY_WINDOW: usize = 64 * 1024;

/// What the files told.
#[derive(Default)]
struct Opened {
    /// From the indexes.
    aborted: Vec<Aborted>,
    /// Segments with a tail that no index covers: base, and the offset where that tail begins.
    checked: Vec<(i64, i64)>,
}

impl Log {
    /// Opens the log in `folder`, making it where it is missing. `start` is the first offset that may be read.
    pub(crate) fn open(folder: &Path, start: i64, now: i64) -> Result<Self, LogError> {
        fs::create_dir_all(folder)?;
        finish_swaps(folder)?;
        let mut segments = Vec::new();
        let mut opened = Opened::default();
        for (base, path) in files::listed(folder, "log")? {
            let mut segment = Segment::empty(base, Segment::open_file(&path)?, now);
            opened.aborted.extend(files::read_index(folder, &mut segment).unwrap_or_default());
            let believed = segment.next_offset;
            let torn = segment.recover()?;
            if torn > 0 {
                tracing::warn!(file = %path.display(), bytes = torn, "cut a torn tail off a segment");
            }
            if segment.next_offset > believed {
                opened.checked.push((base, believed));
            }
            segments.push(segment);
        }
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
            history: History::read(folder),
            checkpointed: (0, 0),
            closed: false,
        };
        log.replay_producers(&mut opened)?;
        Ok(log)
    }

    /// Brings the producers from the newest snapshot up to the end of the log, and finds the transactions that were
    /// aborted where no index tells of them. Full segments without an index are to be sealed anew.
    fn replay_producers(&mut self, opened: &mut Opened) -> Result<(), LogError> {
        let trusted = opened.checked.first().map_or(self.end(), |(_, believed)| *believed);
        let (from, producers) = files::read_producers(&self.folder, trusted, self.end())?.unwrap_or_default();
        self.producers = producers;
        let active = self.active().base;
        for segment in self.segments.iter().filter(|segment| segment.next_offset > from) {
            let unknown =
                opened.checked.iter().find(|(base, _)| *base == segment.base).map(|(_, from)| *from);
            let begin = segment.locate(from)?.map_or(segment.size, |(position, _)| position);
            let mut scan = segment.scan(begin, REPLAY_WINDOW);
            while let Some((position, header)) = scan.header()? {
                if header.is_control() {
                    let marker = marker_of(&header, scan.batch(position, &header)?);
                    let ended = marker.and_then(|marker| self.producers.ended(&header, marker));
                    let news = unknown.is_some_and(|from| header.base_offset >= from);
                    opened.aborted.extend(ended.filter(|_| news));
                } else {
                    self.producers.wrote(&header);
                }
            }
            if unknown.is_some() && segment.base < active {
                let aborted = Aborted::inside(&opened.aborted, segment);
                let producers = files::producers_bytes(&self.producers);
                let sealing = Sealing::of(&self.folder, segment, aborted, segment.next_offset, producers);
                self.sealing.push(Arc::new(sealing));
            }
        }
        opened.aborted.sort_by_key(|aborted| aborted.last_offset);
        self.aborted = std::mem::take(&mut opened.aborted);
        Ok(())
    }
}

/// Completes or undoes a compaction that a crash cut short: what is not complete yet is dropped; a complete
/// `<base>-<end>.swap` takes the place of all segments that begin within it.
fn finish_swaps(folder: &Path) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        match path.extension().and_then(|extension| extension.to_str()) {
            Some("cleaned" | "new") => fs::remove_file(&path)?,
            Some("swap") => {
                let range = path.file_stem().and_then(|stem| stem.to_str()?.split_once('-'));
                let Some((Ok(base), Ok(end))) = range.map(|(base, end)| (base.parse(), end.parse())) else {
                    continue;
                };
                install_swap(folder, &path, base, end)?;
            }
            _ => {}
        }
    }
    Ok(())
}

/// Puts a complete compacted segment in the place of those it was made from.
pub(super) fn install_swap(folder: &Path, swap: &Path, base: i64, end: i64) -> io::Result<()> {
    for (old, _) in files::listed(folder, "log")? {
        if (base..end).contains(&old) {
            files::remove_segment(folder, old)?;
        }
    }
    fs::rename(swap, folder.join(file_name(base, "log")))
}
