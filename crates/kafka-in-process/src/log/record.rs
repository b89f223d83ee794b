//! The records of a batch, iterated in place without copies.
//!
//! Layout after the Kafka protocol guide, "Record" (KIP-98): every number is a zigzag varint.

use std::io::{BufRead, Read};

use super::LogError;

const MALFORMED: LogError = LogError::InvalidRecord("a record is malformed");
const OTHER_COUNT: LogError = LogError::InvalidRecord("the record count is not what the batch holds");

/// One record of an uncompressed run of records.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Record<'a> {
    /// The encoded record with its length prefix.
    pub(crate) raw: &'a [u8],
    pub(crate) timestamp_delta: i64,
    pub(crate) offset_delta: i64,
    pub(crate) key: Option<&'a [u8]>,
    /// `None` is a tombstone.
    pub(crate) value: Option<&'a [u8]>,
}

/// Iterates over encoded records; a malformed one is the last item.
pub(crate) fn iterate(records: &[u8]) -> impl Iterator<Item = Result<Record<'_>, LogError>> {
    let mut rest = records;
    let mut broken = false;
    std::iter::from_fn(move || {
        if rest.is_empty() || broken {
            return None;
        }
        let record = take(&mut rest).ok_or(MALFORMED);
        broken = record.is_err();
        Some(record)
    })
}

fn take<'a>(rest: &mut &'a [u8]) -> Option<Record<'a>> {
    let start = *rest;
    let length = usize::try_from(varint(rest)?).ok()?;
    let mut body = rest.get(..length)?;
    *rest = rest.get(length..)?;
    let raw = start.get(..start.len() - rest.len())?;
    let _attributes = split(&mut body, 1)?;
    let timestamp_delta = varint(&mut body)?;
    let offset_delta = varint(&mut body)?;
    let key = nullable(&mut body)?;
    let value = nullable(&mut body)?;
    let headers = varint(&mut body)?;
    for _ in 0..headers {
        nullable(&mut body)??;
        nullable(&mut body)?;
    }
    (body.is_empty() && headers >= 0).then_some(Record { raw, timestamp_delta, offset_delta, key, value })
}

fn split<'a>(rest: &mut &'a [u8], length: usize) -> Option<&'a [u8]> {
    let (head, tail) = rest.split_at_checked(length)?;
    *rest = tail;
    Some(head)
}

#[expect(clippy::option_option, reason = "malformed, null, bytes are three answers")]
fn nullable<'a>(rest: &mut &'a [u8]) -> Option<Option<&'a [u8]>> {
    match varint(rest)? {
        -1 => Some(None),
        length => Some(Some(split(rest, usize::try_from(length).ok()?)?)),
    }
}

fn varint(rest: &mut &[u8]) -> Option<i64> {
    let mut value = 0u64;
    for shift in (0..64).step_by(7) {
        let (&byte, tail) = rest.split_first()?;
        *rest = tail;
        value |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return Some(unzigzag(value));
        }
    }
    None
}

fn unzigzag(value: u64) -> i64 {
    (value >> 1).cast_signed() ^ -((value & 1).cast_signed())
}

/// Validates a batch's records before they are stored: as many as in the header, offset deltas from 0 on, and with
/// `keys` (compacted topics) a key in each. Returns the latest time delta (ms). Streams the records, since a small
/// batch may decompress to a large one.
pub(crate) fn check(mut records: impl BufRead, count: i32, keys: bool) -> Result<i64, LogError> {
    let mut expected = 0;
    let mut latest = i64::MIN;
    let mut keyless = Vec::new();
    while !peek(&mut records)?.is_empty() {
        if expected == i64::from(count) {
            return Err(OTHER_COUNT);
        }
        let outline = outline(&mut records)?;
        if outline.offset_delta != expected {
            return Err(LogError::InvalidRecord("the offsets inside a batch are not consecutive"));
        }
        if keys && !outline.has_key {
            keyless.extend(i32::try_from(expected));
        }
        expected += 1;
        latest = latest.max(outline.timestamp_delta);
    }
    if expected != i64::from(count) {
        return Err(OTHER_COUNT);
    }
    if !keyless.is_empty() {
        return Err(LogError::Keyless(keyless));
    }
    Ok(latest)
}

/// The fields of a record that validation needs.
struct Outline {
    timestamp_delta: i64,
    offset_delta: i64,
    has_key: bool,
}

fn outline(records: &mut impl BufRead) -> Result<Outline, LogError> {
    let length = u64::try_from(read_varint(records)?).map_err(|_| MALFORMED)?;
    let mut body = records.take(length);
    skip(&mut body, 1)?;
    let timestamp_delta = read_varint(&mut body)?;
    let offset_delta = read_varint(&mut body)?;
    let has_key = skip_nullable(&mut body)?;
    skip_nullable(&mut body)?;
    let headers = read_varint(&mut body)?;
    for _ in 0..headers {
        if !skip_nullable(&mut body)? {
            return Err(MALFORMED);
        }
        skip_nullable(&mut body)?;
    }
    if body.limit() > 0 || headers < 0 {
        return Err(MALFORMED);
    }
    Ok(Outline { timestamp_delta, offset_delta, has_key })
}

/// The buffered bytes; empty at the end.
fn peek(from: &mut impl BufRead) -> Result<&[u8], LogError> {
    from.fill_buf().map_err(|_| LogError::CorruptBatch)
}

fn read_varint(from: &mut impl BufRead) -> Result<i64, LogError> {
    let mut value = 0u64;
    for shift in (0..64).step_by(7) {
        let byte = *peek(from)?.first().ok_or(MALFORMED)?;
        from.consume(1);
        value |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return Ok(unzigzag(value));
        }
    }
    Err(MALFORMED)
}

fn skip(from: &mut impl BufRead, mut length: u64) -> Result<(), LogError> {
    while length > 0 {
        let there = peek(from)?.len();
        if there == 0 {
            return Err(MALFORMED);
        }
        let step = usize::try_from(length).unwrap_or(usize::MAX).min(there);
        from.consume(step);
        length -= step as u64;
    }
    Ok(())
}

/// Skips nullable bytes; false for null.
fn skip_nullable(from: &mut impl BufRead) -> Result<bool, LogError> {
    match read_varint(from)? {
        -1 => Ok(false),
        length => skip(from, u64::try_from(length).map_err(|_| MALFORMED)?).map(|()| true),
    }
}
