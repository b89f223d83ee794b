//! Decompresses batches to inspect their records, and compresses those that compaction has rewritten.

use std::{
    borrow::Cow,
    io::{BufRead, Read},
};

use super::LogError;

/// The largest decompressed size of a batch: a small batch beyond it is an attack.
pub(crate) const LARGEST: usize = 100 << 20;
const UNKNOWN: LogError = LogError::InvalidRecord("the batch is compressed in a way that is not known");

/// A reader that decompresses a batch's records by codec number (Kafka protocol guide: attributes, bits 0–2).
pub(crate) fn open(codec: i16, records: &[u8]) -> Result<Box<dyn BufRead + '_>, LogError> {
    Ok(match codec {
        0 => Box::new(records),
        #[cfg(feature = "gzip")]
        1 => Box::new(std::io::BufReader::new(flate2::read::MultiGzDecoder::new(records))),
        #[cfg(feature = "snappy")]
        2 => Box::new(std::io::Cursor::new(snappy::open(records).map_err(|_| LogError::CorruptBatch)?)),
        #[cfg(feature = "lz4")]
        3 => Box::new(std::io::BufReader::new(lz4_flex::frame::FrameDecoder::new(records))),
        #[cfg(feature = "zstd")]
        4 => {
            let decoder = ruzstd::decoding::StreamingDecoder::new(records);
            Box::new(std::io::BufReader::new(decoder.map_err(|_| LogError::CorruptBatch)?))
        }
        _ => return Err(UNKNOWN),
    })
}

/// Decompresses a batch.
pub(crate) fn decompress(codec: i16, records: &[u8]) -> Result<Cow<'_, [u8]>, LogError> {
    if codec == 0 {
        return Ok(Cow::Borrowed(records));
    }
    let mut opened = Vec::new();
    let read = open(codec, records)?.take(LARGEST as u64 + 1).read_to_end(&mut opened);
    if read.is_err() || opened.len() > LARGEST {
        return Err(LogError::CorruptBatch);
    }
    Ok(Cow::Owned(opened))
}

/// Compresses records with the codec of this number.
pub(crate) fn compress(codec: i16, records: Vec<u8>) -> Result<Vec<u8>, LogError> {
    Ok(match codec {
        0 => records,
        #[cfg(feature = "gzip")]
        1 => {
            let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
            std::io::Write::write_all(&mut encoder, &records)?;
            encoder.finish()?
        }
        #[cfg(feature = "snappy")]
        2 => snap::raw::Encoder::new().compress_vec(&records).map_err(std::io::Error::from)?,
        #[cfg(feature = "lz4")]
        3 => {
            let mut encoder = lz4_flex::frame::FrameEncoder::new(Vec::new());
            std::io::Write::write_all(&mut encoder, &records)?;
            encoder.finish().map_err(std::io::Error::from)?
        }
        #[cfg(feature = "zstd")]
        4 => ruzstd::encoding::compress_to_vec(&records[..], ruzstd::encoding::CompressionLevel::Fastest),
        _ => return Err(UNKNOWN),
    })
}

#[cfg(feature = "snappy")]
mod snappy {
    use std::io;

    use super::LARGEST;

    /// The magic bytes of snappy-java's framing, which Java producers use.
    const XERIAL: &[u8] = b"\x82SNAPPY\0";
    const XERIAL_HEADER: usize = 16;

    /// Decompresses a block, or blocks in snappy-java's framing.
    pub(super) fn open(records: &[u8]) -> io::Result<Vec<u8>> {
        if !records.starts_with(XERIAL) {
            return block_of(records);
        }
        let mut rest = records.get(XERIAL_HEADER..).unwrap_or_default();
        let mut opened = Vec::new();
        while let Some((length, tail)) = rest.split_first_chunk::<4>() {
            let length = u32::from_be_bytes(*length) as usize;
            let (block, tail) = tail.split_at_checked(length).ok_or(io::ErrorKind::UnexpectedEof)?;
            opened.extend(block_of(block)?);
            if opened.len() > LARGEST {
                return Err(io::Error::other("the batch opens to too many bytes"));
            }
            rest = tail;
        }
        Ok(opened)
    }

    fn block_of(block: &[u8]) -> io::Result<Vec<u8>> {
        /// Three compressed bytes yield at most 64 bytes.
        const MOST_TIMES: usize = 22;
        if snap::raw::decompress_len(block)? > LARGEST.min(block.len() * MOST_TIMES) {
            return Err(io::Error::other("the batch opens to too many bytes"));
        }
        Ok(snap::raw::Decoder::new().decompress_vec(block)?)
    }
}
