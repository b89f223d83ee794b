//! Record batches of format v2: the header, its check sum, and the control batches that end transactions.
//!
//! Layout after the Kafka protocol guide, "Record Batch" (KIP-98); markers after KIP-98 "Control messages".

use super::LogError;

/// Bytes before the first record.
pub(crate) const HEADER: usize = 61;
/// Bytes that `batch_length` does not count.
const LENGTH_PREFIX: usize = 12;
/// Start of the part that the CRC covers.
const CHECKED_FROM: usize = 21;
/// The leader epoch's bytes; see [`place`].
const EPOCH: std::ops::Range<usize> = 12..16;
/// The highest offset: adding the size of any batch to it does not overflow.
pub(crate) const HIGHEST_OFFSET: i64 = i64::MAX >> 1;

const COMPRESSION_MASK: i16 = 0b111;
const LOG_APPEND_TIME: i16 = 1 << 3;
const TRANSACTIONAL: i16 = 1 << 4;
const CONTROL: i16 = 1 << 5;

/// A decoded batch header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct BatchHeader {
    pub(crate) base_offset: i64,
    /// Size of the batch in bytes, header included.
    pub(crate) size: usize,
    /// Check sum of the offset; see [`place`].
    pub(crate) stamp: u32,
    pub(crate) magic: i8,
    pub(crate) crc: u32,
    pub(crate) attributes: i16,
    pub(crate) last_offset_delta: i32,
    pub(crate) base_timestamp: i64,
    pub(crate) max_timestamp: i64,
    pub(crate) producer_id: i64,
    pub(crate) producer_epoch: i16,
    pub(crate) base_sequence: i32,
    pub(crate) records: i32,
}

fn bytes<const N: usize>(from: &[u8], at: usize) -> [u8; N] {
    let mut out = [0; N];
    out.copy_from_slice(&from[at..at + N]);
    out
}

impl BatchHeader {
    /// Decodes a header; `None` if there are too few bytes or the lengths are invalid.
    pub(crate) fn parse(raw: &[u8]) -> Option<Self> {
        let raw = raw.get(..HEADER)?;
        let length = usize::try_from(i32::from_be_bytes(bytes(raw, 8))).ok()?;
        let header = Self {
            base_offset: i64::from_be_bytes(bytes(raw, 0)),
            size: length + LENGTH_PREFIX,
            stamp: u32::from_be_bytes(bytes(raw, EPOCH.start)),
            magic: i8::from_be_bytes(bytes(raw, 16)),
            crc: u32::from_be_bytes(bytes(raw, 17)),
            attributes: i16::from_be_bytes(bytes(raw, 21)),
            last_offset_delta: i32::from_be_bytes(bytes(raw, 23)),
            base_timestamp: i64::from_be_bytes(bytes(raw, 27)),
            max_timestamp: i64::from_be_bytes(bytes(raw, 35)),
            producer_id: i64::from_be_bytes(bytes(raw, 43)),
            producer_epoch: i16::from_be_bytes(bytes(raw, 51)),
            base_sequence: i32::from_be_bytes(bytes(raw, 53)),
            records: i32::from_be_bytes(bytes(raw, 57)),
        };
        let possible = (0..=HIGHEST_OFFSET).contains(&header.base_offset);
        (possible && header.size >= HEADER && header.last_offset_delta >= 0).then_some(header)
    }

    /// Whether [`place`] has set the base offset, and the format is known.
    pub(crate) fn is_placed(&self) -> bool {
        self.magic == 2 && (self.stamp == 0 || self.stamp == stamp(self.base_offset))
    }

    /// The offset of the last record.
    pub(crate) fn last_offset(&self) -> i64 {
        self.base_offset + i64::from(self.last_offset_delta)
    }

    /// The offset that follows this batch.
    pub(crate) fn next_offset(&self) -> i64 {
        self.last_offset() + 1
    }

    /// The last sequence number, which wraps after `i32::MAX`.
    pub(crate) fn last_sequence(&self) -> i32 {
        if self.base_sequence < 0 {
            return -1;
        }
        let last = i64::from(self.base_sequence) + i64::from(self.last_offset_delta);
        // The remainder is below 2^31.
        i32::try_from(last % (i64::from(i32::MAX) + 1)).unwrap_or(0)
    }

    pub(crate) fn is_transactional(&self) -> bool {
        self.attributes & TRANSACTIONAL != 0
    }

    /// The transaction's producer id and epoch, for a transactional batch.
    pub(crate) fn transaction(&self) -> Option<(i64, i16)> {
        self.is_transactional().then_some((self.producer_id, self.producer_epoch))
    }

    pub(crate) fn is_control(&self) -> bool {
        self.attributes & CONTROL != 0
    }

    /// The codec number: 0 none, 1 gzip, 2 snappy, 3 lz4, 4 zstd.
    pub(crate) fn compression(&self) -> i16 {
        self.attributes & COMPRESSION_MASK
    }

    /// Whether records have the timestamp of their append.
    pub(crate) fn is_append_time(&self) -> bool {
        self.attributes & LOG_APPEND_TIME != 0
    }

    pub(crate) fn has_producer(&self) -> bool {
        self.producer_id >= 0
    }
}

/// Computes the CRC of a whole batch.
pub(crate) fn checksum(batch: &[u8]) -> u32 {
    batch.get(CHECKED_FROM..).map_or(0, crc32c::crc32c)
}

/// The header of the intact batch that starts `bytes`.
pub(crate) fn intact(bytes: &[u8]) -> Option<BatchHeader> {
    let header = BatchHeader::parse(bytes)?;
    let batch = bytes.get(..header.size)?;
    (header.is_placed() && checksum(batch) == header.crc).then_some(header)
}

/// Sets the base offset of a batch. The CRC covers neither the base offset nor the leader epoch. The epoch is constant
/// here, so on disk its bytes hold a check sum of the offset; [`unplace`] removes it.
pub(crate) fn place(header: &mut [u8], base_offset: i64) {
    header[..8].copy_from_slice(&base_offset.to_be_bytes());
    header[EPOCH].copy_from_slice(&stamp(base_offset).to_be_bytes());
}

/// Restores leader epoch 0, which clients get.
pub(crate) fn unplace(header: &mut [u8]) {
    header[EPOCH].fill(0);
}

/// Never 0: that is the epoch of an unstamped batch.
fn stamp(base_offset: i64) -> u32 {
    crc32c::crc32c(&base_offset.to_be_bytes()).max(1)
}

/// Sets the time of all records to `now`, for `message.timestamp.type=LogAppendTime`.
pub(crate) fn stamp_append_time(batch: &mut [u8], now: i64) {
    let attributes = i16::from_be_bytes(bytes(batch, 21)) | LOG_APPEND_TIME;
    batch[21..23].copy_from_slice(&attributes.to_be_bytes());
    batch[35..43].copy_from_slice(&now.to_be_bytes());
    seal(batch);
}

/// Sets the length and CRC of an otherwise complete batch.
pub(crate) fn seal(batch: &mut [u8]) {
    let length = i32::try_from(batch.len() - LENGTH_PREFIX).unwrap_or(i32::MAX);
    batch[8..12].copy_from_slice(&length.to_be_bytes());
    let crc = checksum(batch);
    batch[17..21].copy_from_slice(&crc.to_be_bytes());
}

/// Sets the CRC of arbitrary bytes to that of a valid batch.
#[cfg(any(test, fuzzing))]
pub(crate) fn reseal(batch: &mut [u8]) {
    if batch.len() >= HEADER {
        seal(batch);
    }
}

/// The same for consecutive batches, while their lengths are valid.
#[cfg(any(test, fuzzing))]
pub(crate) fn reseal_all(bytes: &mut [u8]) {
    let mut at = 0;
    while let Some(header) = bytes.get(at..).and_then(BatchHeader::parse) {
        let Some(batch) = bytes.get_mut(at..at + header.size) else { return };
        place(batch, header.base_offset);
        seal(batch);
        at += header.size;
    }
}

/// Updates a batch's bytes from a header with changed attributes, times or record count.
pub(crate) fn rewrite(batch: &mut [u8], header: &BatchHeader) {
    batch[21..23].copy_from_slice(&header.attributes.to_be_bytes());
    batch[35..43].copy_from_slice(&header.max_timestamp.to_be_bytes());
    batch[57..61].copy_from_slice(&header.records.to_be_bytes());
    seal(batch);
}

/// Validates the only batch of a produce request: complete, v2, with a correct CRC.
pub(crate) fn check(batch: &[u8]) -> Result<BatchHeader, LogError> {
    let header = BatchHeader::parse(batch).ok_or(LogError::InvalidRecord("a record batch is cut short"))?;
    if header.magic != 2 {
        return Err(LogError::UnsupportedFormat);
    }
    if header.size < batch.len() {
        return Err(LogError::InvalidRecord("a produce request holds one batch per partition"));
    }
    if header.size > batch.len() {
        return Err(LogError::InvalidRecord("a record batch is cut short"));
    }
    if checksum(batch) != header.crc {
        return Err(LogError::CorruptBatch);
    }
    if header.is_control() {
        return Err(LogError::InvalidRecord("control batches are the broker's to write"));
    }
    if header.records <= 0 || i64::from(header.records) != i64::from(header.last_offset_delta) + 1 {
        return Err(LogError::InvalidRecord("the record count does not fit the offsets"));
    }
    if header.has_producer() && (header.producer_epoch < 0 || header.base_sequence < 0) {
        return Err(LogError::InvalidRecord("an idempotent batch needs an epoch and a sequence"));
    }
    if header.is_transactional() && !header.has_producer() {
        return Err(LogError::InvalidRecord("a transactional batch needs a producer id"));
    }
    Ok(header)
}

/// A transaction's outcome.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Marker {
    Abort,
    Commit,
}

/// Builds the control batch of a marker.
pub(crate) fn marker(kind: Marker, producer_id: i64, epoch: i16, now: i64) -> Vec<u8> {
    let key_type: i16 = match kind {
        Marker::Abort => 0,
        Marker::Commit => 1,
    };
    // attributes, time delta 0, offset delta 0, key of 4 bytes, value of 6 bytes, no headers;
    // the lengths are zigzag: 4 → 8, 6 → 12.
    let mut record = vec![0, 0, 0, 8];
    record.extend_from_slice(&0i16.to_be_bytes());
    record.extend_from_slice(&key_type.to_be_bytes());
    record.push(12);
    record.extend_from_slice(&0i16.to_be_bytes());
    record.extend_from_slice(&0i32.to_be_bytes());
    record.push(0);

    let mut batch = vec![0; HEADER];
    batch[16] = 2;
    batch[21..23].copy_from_slice(&(TRANSACTIONAL | CONTROL).to_be_bytes());
    batch[27..35].copy_from_slice(&now.to_be_bytes());
    batch[35..43].copy_from_slice(&now.to_be_bytes());
    batch[43..51].copy_from_slice(&producer_id.to_be_bytes());
    batch[51..53].copy_from_slice(&epoch.to_be_bytes());
    batch[53..57].copy_from_slice(&(-1i32).to_be_bytes());
    batch[57..61].copy_from_slice(&1i32.to_be_bytes());
    // The record's length is at most 17: one varint byte.
    batch.push(u8::try_from(record.len() * 2).unwrap_or(0));
    batch.extend_from_slice(&record);
    seal(&mut batch);
    batch
}

/// Decodes the marker of a control batch.
pub(crate) fn marker_of(header: &BatchHeader, batch: &[u8]) -> Option<Marker> {
    if !header.is_control() {
        return None;
    }
    let record = super::record::iterate(batch.get(HEADER..)?).next()?.ok()?;
    match i16::from_be_bytes(record.key?.get(2..4)?.try_into().ok()?) {
        0 => Some(Marker::Abort),
        1 => Some(Marker::Commit),
        _ => None,
    }
}
