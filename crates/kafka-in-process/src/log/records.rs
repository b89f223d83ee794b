//! The records inside a batch: iterated where they lie, nothing copied.
//!
//! Layout after the Kafka protocol guide, "Record" (KIP-98): every number is a zigzag varint.

use super::LogError;

/// One record of an uncompressed run of records.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Record<'a> {
    /// The record with its length prefix, as it lies in the batch.
    pub(crate) raw: &'a [u8],
    pub(crate) timestamp_delta: i64,
    pub(crate) offset_delta: i64,
    pub(crate) key: Option<&'a [u8]>,
    /// `None` is a tombstone.
    pub(crate) value: Option<&'a [u8]>,
}

/// Iterates over records until the bytes end; the first malformed one is the last item.
pub(crate) fn iterate(records: &[u8]) -> impl Iterator<Item = Result<Record<'_>, LogError>> {
    let mut rest = records;
    let mut broken = false;
    std::iter::from_fn(move || {
        if rest.is_empty() || broken {
            return None;
        }
        let record = take(&mut rest).ok_or(LogError::InvalidRecord("a record is malformed"));
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
            return Some((value >> 1).cast_signed() ^ -((value & 1).cast_signed()));
        }
    }
    None
}

/// Checks a batch's records as a broker must before it stores them: as many as the header says, numbered
/// from nought, and each with a key where `keys` asks for it (compacted topics). Returns the latest time delta (ms).
pub(crate) fn check(records: &[u8], count: i32, keys: bool) -> Result<i64, LogError> {
    let mut expected = 0;
    let mut latest = i64::MIN;
    let mut keyless = Vec::new();
    for record in iterate(records) {
        let record = record?;
        if record.offset_delta != expected {
            return Err(LogError::InvalidRecord("the offsets inside a batch are not consecutive"));
        }
        if keys && record.key.is_none() {
            keyless.extend(i32::try_from(expected));
        }
        expected += 1;
        latest = latest.max(record.timestamp_delta);
    }
    if expected != i64::from(count) {
        return Err(LogError::InvalidRecord("the record count is not what the batch holds"));
    }
    if !keyless.is_empty() {
        return Err(LogError::Keyless(keyless));
    }
    Ok(latest)
}
