//! The wire protocol: decodes and encodes frames, and rejects hostile input.

mod answer;
mod budget;
mod frame;
mod guard;
pub(crate) mod versions;

use bytes::{Buf, Bytes, BytesMut};
use kafka_protocol::{
    ResponseError,
    messages::{ApiKey, RequestHeader, RequestKind, ResponseHeader, ResponseKind},
    protocol::{Decodable, Encodable},
};

pub(crate) use answer::encode_records;
pub(crate) use budget::{Budget, Share};
pub(crate) use frame::{FrameMemory, Frames};

/// A request, decoded.
pub(crate) struct Request {
    pub(crate) kind: RequestKind,
    pub(crate) context: Context,
}

/// What is needed to encode a response.
#[derive(Clone, Debug)]
pub(crate) struct Context {
    pub(crate) key: ApiKey,
    pub(crate) version: i16,
    correlation_id: i32,
    pub(crate) client_id: String,
}

/// Why a request gets no regular response.
#[derive(Debug, thiserror::Error)]
pub(crate) enum WireError {
    /// Answered with the supported versions.
    #[error("ApiVersions version {version} is not known here")]
    ApiVersions { version: i16, correlation_id: i32 },
    #[error("request {key} version {version} is not supported here")]
    Unsupported { key: i16, version: i16 },
    #[error("a request that makes no sense: {0}")]
    Malformed(String),
    #[error("an answer could not be written: {0}")]
    Unwritable(String),
}

/// Decodes a frame.
pub(crate) fn decode(mut frame: Bytes) -> Result<Request, WireError> {
    let malformed = |what: &str| WireError::Malformed(what.to_owned());
    let mut head = frame.clone();
    if head.remaining() < 8 {
        return Err(malformed("too short for a header"));
    }
    let (raw, version, correlation_id) = (head.get_i16(), head.get_i16(), head.get_i32());
    let key = ApiKey::try_from(raw).ok().filter(|key| versions::find(*key, version).is_some());
    let Some(key) = key else {
        return Err(if raw == ApiKey::ApiVersions as i16 {
            WireError::ApiVersions { version, correlation_id }
        } else {
            WireError::Unsupported { key: raw, version }
        });
    };
    let header = RequestHeader::decode(&mut frame, key.request_header_version(version))
        .map_err(|error| WireError::Malformed(error.to_string()))?;
    guard::check(key, version, &frame).map_err(malformed)?;
    let kind = RequestKind::decode(key, &mut frame, version)
        .map_err(|error| WireError::Malformed(format!("{error:#}")))?;
    let client_id = header.client_id.map(|id| id.to_string()).unwrap_or_default();
    Ok(Request { kind, context: Context { key, version, correlation_id, client_id } })
}

/// Encodes a response as a frame.
pub(crate) fn encode(context: &Context, response: &ResponseKind) -> Result<BytesMut, WireError> {
    let header_version = context.key.response_header_version(context.version);
    write(context.correlation_id, header_version, |frame| response.encode(frame, context.version))
}

/// The response to an unsupported version of `ApiVersions`: version 0, with the error and the supported versions
/// (KIP-511).
pub(crate) fn encode_api_versions(correlation_id: i32) -> Result<BytesMut, WireError> {
    let response = super::api::api_versions(Some(ResponseError::UnsupportedVersion));
    write(correlation_id, 0, |frame| response.encode(frame, 0))
}

fn write<E: std::fmt::Display>(
    correlation_id: i32,
    header_version: i16,
    body: impl FnOnce(&mut BytesMut) -> Result<(), E>,
) -> Result<BytesMut, WireError> {
    let unwritable = |error: &dyn std::fmt::Display| WireError::Unwritable(format!("{error:#}"));
    let mut frame = BytesMut::with_capacity(256);
    frame.extend_from_slice(&[0; 4]);
    let header = ResponseHeader::default().with_correlation_id(correlation_id);
    header.encode(&mut frame, header_version).map_err(|error| unwritable(&error))?;
    body(&mut frame).map_err(|error| unwritable(&error))?;
    let length = u32::try_from(frame.len() - 4).map_err(|error| unwritable(&error))?;
    frame[..4].copy_from_slice(&length.to_be_bytes());
    Ok(frame)
}

/// Decodes a response, as its client would.
#[cfg(any(test, fuzzing))]
pub(crate) fn decode_answer(context: &Context, mut frame: Bytes) -> Result<ResponseKind, String> {
    let read = |frame: &mut Bytes| {
        frame.advance(4);
        ResponseHeader::decode(frame, context.key.response_header_version(context.version))?;
        ResponseKind::decode(context.key, frame, context.version)
    };
    let answer =
        read(&mut frame).map_err(|error| format!("{:?} v{}: {error:#}", context.key, context.version))?;
    if frame.is_empty() { Ok(answer) } else { Err(format!("{:?} leaves {} bytes", context.key, frame.len())) }
}

#[cfg(test)]
pub(crate) mod tests;
