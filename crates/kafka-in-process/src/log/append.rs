//! Appending: checks a batch, assigns its offsets, writes it and updates the producers' states.

use std::{io::Read, sync::Arc};

use bytes::Bytes;

use super::{
    Log, LogConfig, LogError,
    batch::{self, BatchHeader, HEADER, Marker},
    codec,
    producers::Sequence,
    record,
    segment::Segment,
};

/// A produced batch that has been validated, without holding any lock.
pub(crate) struct Batch {
    header: BatchHeader,
    bytes: Bytes,
}

/// Where a batch was put.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Appended {
    pub(crate) base_offset: i64,
    /// Wall time (ms) for `LogAppendTime` topics, else -1.
    pub(crate) append_time: i64,
    /// The batch had been appended before.
    pub(crate) duplicate: bool,
}

impl Batch {
    /// Validates a produced batch.
    pub(crate) fn check(mut bytes: Bytes, now: i64, config: &LogConfig) -> Result<Self, LogError> {
        let mut header = batch::check(&bytes)?;
        if header.size > config.max_message_bytes {
            return Err(LogError::TooLarge);
        }
        // The batch is stored and served as received, but its header must match its records.
        let latest = match header.compression() {
            0 => record::check(&bytes[HEADER..], header.records, config.compact),
            codec => {
                let opened = codec::open(codec, &bytes[HEADER..])?.take(codec::LARGEST as u64);
                record::check(opened, header.records, config.compact)
            }
        }?;
        let latest = header.base_timestamp.saturating_add(latest);
        if header.max_timestamp != latest && !header.is_append_time() {
            // Some clients omit the max timestamp; look-ups by time need it.
            let mut corrected = bytes.to_vec();
            header.max_timestamp = latest;
            batch::rewrite(&mut corrected, &header);
            bytes = corrected.into();
        }
        let too_late = header.max_timestamp.saturating_sub(now) > config.timestamp_after_max_ms;
        let too_early = now.saturating_sub(header.max_timestamp) > config.timestamp_before_max_ms;
        if !config.append_time && header.max_timestamp >= 0 && (too_late || too_early) {
            return Err(LogError::InvalidTimestamp);
        }
        Ok(Self { header, bytes })
    }

    /// The cost of validating a produced batch, in bytes: a compressed one is decompressed.
    pub(crate) fn weight(bytes: &[u8]) -> usize {
        const OPENED: usize = 16;
        let compressed = BatchHeader::parse(bytes).is_some_and(|header| header.compression() != 0);
        if compressed { bytes.len() * OPENED } else { bytes.len() }
    }

    /// The transaction's producer id and epoch, for a transactional batch.
    pub(crate) fn transaction(&self) -> Option<(i64, i16)> {
        self.header.transaction()
    }

    /// The same, of a produced batch that has not been validated.
    pub(crate) fn transaction_of(bytes: &[u8]) -> Option<(i64, i16)> {
        BatchHeader::parse(bytes)?.transaction()
    }
}

impl Log {
    /// Appends a produced batch. For the first one of a transaction in this partition, `verified` is the value of
    /// [`Self::markers`] before the coordinator was asked whether the transaction includes the partition.
    pub(crate) fn append(
        &mut self,
        batch: &Batch,
        verified: Option<u64>,
        now: i64,
        config: &LogConfig,
    ) -> Result<Appended, LogError> {
        let mut header = batch.header;
        if header.has_producer() {
            if let Sequence::Duplicate(written) = self.producers.check(&header)? {
                return Ok(Appended { base_offset: written.base_offset, append_time: -1, duplicate: true });
            }
            if header.is_transactional() && self.needs_verifying(batch) && verified != Some(self.markers) {
                return Err(LogError::NotInTransaction);
            }
        }
        header.base_offset = self.end();
        let append_time = if config.append_time { now } else { -1 };
        if config.append_time {
            let mut stamped = batch.bytes.to_vec();
            batch::stamp_append_time(&mut stamped, now);
            header.max_timestamp = now;
            self.write(header, &mut stamped[..], now, config)?;
        } else {
            let mut head = [0; HEADER];
            head.copy_from_slice(&batch.bytes[..HEADER]);
            self.write_split(header, &mut head, &batch.bytes[HEADER..], now, config)?;
        }
        self.producers.wrote(&header, now);
        if self.unflushed.0 == 0 {
            self.unflushed.1 = now;
        }
        self.unflushed.0 += i64::from(header.records);
        Ok(Appended { base_offset: header.base_offset, append_time, duplicate: false })
    }

    /// Whether the batch must be verified with the transaction coordinator first (KIP-890, part 1).
    pub(crate) fn needs_verifying(&self, batch: &Batch) -> bool {
        batch.transaction().is_some_and(|producer| !self.is_open(producer))
    }

    /// Whether a producer, by id and epoch, has a transaction open here (`UnifiedLog.hasOngoingTransaction`). One of an
    /// earlier epoch has been decided and lacks its marker: a batch of the next one must not join it.
    pub(crate) fn is_open(&self, (id, epoch): (i64, i16)) -> bool {
        self.producers.get(id).is_some_and(|known| known.open_from.is_some() && known.epoch == epoch)
    }

    /// Whether the first batch of a producer that is not known here does not have its first sequence.
    pub(crate) fn lacks_beginning(&self, batch: &Batch) -> bool {
        batch.header.base_sequence != 0 && self.producers.get(batch.header.producer_id).is_none()
    }

    /// Markers written so far.
    pub(crate) fn markers(&self) -> u64 {
        self.markers
    }

    /// Appends the marker that ends a producer's transaction here. If none is open, it is still written for a new
    /// epoch, to fence the old one.
    pub(crate) fn append_marker(
        &mut self,
        kind: Marker,
        producer_id: i64,
        epoch: i16,
        now: i64,
        config: &LogConfig,
    ) -> Result<(), LogError> {
        let known = self.producers.get(producer_id).map(|producer| producer.epoch);
        // After a crash: the marker is already in the log.
        if !self.producers.is_open(producer_id) && known.is_some_and(|known| known >= epoch) {
            self.markers += 1;
            return Ok(());
        }
        let mut bytes = batch::marker(kind, producer_id, epoch, now);
        let Some(mut header) = BatchHeader::parse(&bytes) else {
            return Err(LogError::InvalidRecord("a marker did not come out right"));
        };
        header.base_offset = self.end();
        self.write(header, &mut bytes, now, config)?;
        self.markers += 1;
        self.aborted.extend(self.producers.ended(&header, kind, now));
        Ok(())
    }

    fn write(
        &mut self,
        header: BatchHeader,
        bytes: &mut [u8],
        now: i64,
        config: &LogConfig,
    ) -> Result<(), LogError> {
        let (head, rest) = bytes.split_at_mut(HEADER);
        self.write_split(header, head, rest, now, config)
    }

    fn write_split(
        &mut self,
        header: BatchHeader,
        head: &mut [u8],
        rest: &[u8],
        now: i64,
        config: &LogConfig,
    ) -> Result<(), LogError> {
        if self.closed {
            return Err(LogError::Closed);
        }
        if self.lost.is_set() {
            return Err(LogError::Lost);
        }
        batch::place(head, header.base_offset);
        let active = self.active();
        let old = active.size > 0 && now.saturating_sub(active.born) >= config.segment_ms;
        if old || active.is_full(&header, header.base_offset, config.segment_bytes) {
            self.roll(now)?;
        }
        let active = self.active_mut();
        active.write(head, rest)?;
        if active.size == 0 {
            active.born = now;
        }
        active.extend(&header);
        Ok(())
    }

    /// Rolls to a new segment; housekeeping seals the old one.
    pub(super) fn roll(&mut self, now: i64) -> Result<(), LogError> {
        let next = Segment::create(&self.folder, self.end(), now)?;
        self.sealing.push(Arc::new(self.sealing_of_active()));
        self.segments.push(next);
        Ok(())
    }
}
