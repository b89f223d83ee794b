//! Opens compressed batches, for the rare times their records matter: look-ups by time, and compaction.

use std::{
    borrow::Cow,
    io::{self, Read},
};

use super::LogError;

/// No batch opens to more than this: a small one that claims to is an attack.
pub(crate) const LARGEST: usize = 100 << 20;
/// How snappy-java begins its own framing, which Java producers use.
const XERIAL: &[u8] = b"\x82SNAPPY\0";
const XERIAL_HEADER: usize = 16;

/// The records of a batch, opened by codec number (Kafka protocol guide: attributes, bits 0–2).
pub(crate) fn decompress(codec: i16, records: &[u8]) -> Result<Cow<'_, [u8]>, LogError> {
    let opened = match codec {
        0 => return Ok(Cow::Borrowed(records)),
        1 => all(flate2::read::GzDecoder::new(records)),
        2 => snappy(records),
        3 => all(lz4_flex::frame::FrameDecoder::new(records)),
        4 => ruzstd::decoding::StreamingDecoder::new(records).map_err(io::Error::other).and_then(all),
        _ => return Err(LogError::InvalidRecord("the batch is compressed in a way that is not known")),
    };
    opened.map(Cow::Owned).map_err(|_| LogError::CorruptBatch)
}

fn all(reader: impl Read) -> io::Result<Vec<u8>> {
    let mut opened = Vec::new();
    reader.take(LARGEST as u64 + 1).read_to_end(&mut opened)?;
    if opened.len() > LARGEST {
        return Err(io::Error::other("the batch opens to too many bytes"));
    }
    Ok(opened)
}

fn snappy(records: &[u8]) -> io::Result<Vec<u8>> {
    if !records.starts_with(XERIAL) {
        return snappy_block(records);
    }
    let mut rest = records.get(XERIAL_HEADER..).unwrap_or_default();
    let mut opened = Vec::new();
    while let Some((length, tail)) = rest.split_first_chunk::<4>() {
        let length = u32::from_be_bytes(*length) as usize;
        let (block, tail) = tail.split_at_checked(length).ok_or(io::ErrorKind::UnexpectedEof)?;
        opened.extend(snappy_block(block)?);
        if opened.len() > LARGEST {
            return Err(io::Error::other("the batch opens to too many bytes"));
        }
        rest = tail;
    }
    Ok(opened)
}

fn snappy_block(block: &[u8]) -> io::Result<Vec<u8>> {
    if snap::raw::decompress_len(block)? > LARGEST {
        return Err(io::Error::other("the batch opens to too many bytes"));
    }
    Ok(snap::raw::Decoder::new().decompress_vec(block)?)
}
