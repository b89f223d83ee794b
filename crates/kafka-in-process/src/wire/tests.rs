use std::time::Duration;

use bytes::BufMut;
use proptest::prelude::*;
use tokio::io::AsyncWriteExt;

use super::{versions::TABLE, *};

/// A well-formed body of a shape, with `n` items in every array.
fn body(shape: &str, version: i16, flexible: bool, n: usize) -> Vec<u8> {
    fn length(out: &mut Vec<u8>, flexible: bool, width: usize, length: usize) {
        if flexible {
            // One byte holds it: the lengths here are small.
            out.push(u8::try_from(length + 1).unwrap());
        } else if width == 2 {
            out.put_i16(i16::try_from(length).unwrap());
        } else {
            out.put_i32(i32::try_from(length).unwrap());
        }
    }
    fn fields<'a>(
        tokens: &mut (impl Iterator<Item = &'a str> + Clone),
        close: &str,
        version: i16,
        flexible: bool,
        n: usize,
        out: &mut Vec<u8>,
    ) {
        while let Some(token) = tokens.next().filter(|token| *token != close) {
            let (shape, versions) = token.split_once(':').unwrap_or((token, "0+"));
            let there = if let Some(from) = versions.strip_suffix('+') {
                version >= from.parse::<i16>().unwrap()
            } else {
                let (from, to) = versions.split_once('-').unwrap();
                version >= from.parse().unwrap_or(0) && version <= to.parse().unwrap()
            };
            let mut nothing = Vec::new();
            let out = if there { &mut *out } else { &mut nothing };
            match shape {
                "s" => {
                    length(out, flexible, 2, 3);
                    out.extend_from_slice(b"abc");
                }
                "b" => {
                    length(out, flexible, 4, 2);
                    out.extend_from_slice(b"xy");
                }
                "[" | "<" => {
                    let (end, tagged) = if shape == "[" { ("]", flexible) } else { (">", false) };
                    length(out, flexible, 4, n);
                    let start = tokens.clone();
                    fields(tokens, end, version, flexible, n, &mut Vec::new());
                    for _ in 0..n {
                        fields(&mut start.clone(), end, version, flexible, n, out);
                        if tagged {
                            out.push(0);
                        }
                    }
                }
                "(" => {
                    out.push(1);
                    fields(tokens, ")", version, flexible, n, out);
                    if flexible {
                        out.push(0);
                    }
                }
                size => out.extend(std::iter::repeat_n(1, size.parse().unwrap())),
            }
        }
    }
    let mut out = Vec::new();
    fields(&mut shape.split_whitespace(), "", version, flexible, n, &mut out);
    if flexible {
        out.push(0);
    }
    out
}

fn frame(key: ApiKey, version: i16, body: &[u8]) -> Bytes {
    let mut frame = BytesMut::new();
    let header = RequestHeader::default()
        .with_request_api_key(key as i16)
        .with_request_api_version(version)
        .with_correlation_id(7);
    header.encode(&mut frame, key.request_header_version(version)).unwrap();
    frame.extend_from_slice(body);
    frame.freeze()
}

fn every_version() -> impl Iterator<Item = (ApiKey, i16, &'static str)> {
    TABLE.iter().flat_map(|api| (api.min..=api.max).map(|version| (api.key, version, api.shape)))
}

/// One connection for each kind of request, with a frame in every version.
pub(crate) fn samples() -> impl Iterator<Item = (String, Vec<u8>)> {
    TABLE.iter().map(|api| {
        let frames = (api.min..=api.max).flat_map(|version| {
            let flexible = api.key.request_header_version(version) >= 2;
            let frame = frame(api.key, version, &body(api.shape, version, flexible, 1));
            [&u32::try_from(frame.len()).unwrap().to_be_bytes()[..], &frame[..]].concat()
        });
        (format!("{:?}", api.key), frames.collect())
    })
}

#[test]
fn the_shapes_are_what_the_decoder_reads() {
    for (key, version, shape) in every_version() {
        let flexible = key.request_header_version(version) >= 2;
        for n in [0, 1, 2] {
            let body = body(shape, version, flexible, n);
            guard::check(key, version, &body).unwrap_or_else(|what| panic!("{key:?} v{version}: {what}"));
            let mut left = Bytes::from(body);
            RequestKind::decode(key, &mut left, version)
                .unwrap_or_else(|error| panic!("{key:?} v{version}, {n} items: {error:#}"));
            assert!(left.is_empty(), "{key:?} v{version}: the decoder left {} bytes", left.len());
        }
    }
}

#[test]
fn a_body_that_is_cut_is_refused_before_it_is_decoded() {
    for (key, version, shape) in every_version() {
        let whole = body(shape, version, key.request_header_version(version) >= 2, 2);
        for cut in 0..whole.len() {
            assert!(guard::check(key, version, &whole[..cut]).is_err(), "{key:?} v{version} cut at {cut}");
        }
    }
}

#[test]
fn an_array_that_claims_too_much_is_refused() {
    // Metadata v1: one array of topics.
    let claims = i32::MAX.to_be_bytes();
    assert!(matches!(decode(frame(ApiKey::Metadata, 1, &claims)), Err(WireError::Malformed(_))));
    // The same in varints, v9.
    let claims = [0xff, 0xff, 0xff, 0xff, 0x0f, 0, 0, 0, 0];
    assert!(matches!(decode(frame(ApiKey::Metadata, 9, &claims)), Err(WireError::Malformed(_))));
    // As many empty names as bytes allow, but more than any client has topics.
    let mut many = 300_000i32.to_be_bytes().to_vec();
    many.extend(vec![0; 600_000]);
    assert!(matches!(decode(frame(ApiKey::Metadata, 1, &many)), Err(WireError::Malformed(_))));
}

#[test]
fn unknown_requests_and_versions_are_told_apart() {
    let unknown = decode(Bytes::from_static(&[0x7f, 0, 0, 0, 0, 0, 0, 9, 0xff, 0xff]));
    assert!(matches!(unknown, Err(WireError::Unsupported { key: 0x7f00, version: 0 })));
    let versions = decode(Bytes::from_static(&[0, 18, 0, 99, 0, 0, 0, 9, 0xff, 0xff]));
    assert!(matches!(versions, Err(WireError::ApiVersions { version: 99, correlation_id: 9 })));
    let answer = encode_api_versions(9).unwrap();
    assert_eq!(&answer[4..10], [0, 0, 0, 9, 0, 35], "correlation id, then UNSUPPORTED_VERSION");
}

/// A frame of which a part comes, in pieces.
fn coming(memory: &FrameMemory, length: usize, sent: usize) -> Frames<tokio::io::DuplexStream> {
    const PIECE: usize = 64 << 10;
    let (mut client, server) = tokio::io::duplex(PIECE);
    tokio::spawn(async move {
        let piece = vec![0; PIECE];
        client.write_all(&u32::try_from(length).unwrap().to_be_bytes()).await.unwrap();
        for _ in 0..sent / PIECE {
            client.write_all(&piece).await.unwrap();
        }
        // It stays connected.
        std::future::pending::<()>().await;
    });
    Frames::new(server, memory.clone())
}

#[tokio::test]
async fn a_claim_takes_no_room_from_others() {
    let memory = FrameMemory::new(100 << 20);
    let mut claims = coming(&memory, 100 << 20, 128 << 10);
    let claiming = tokio::spawn(async move { claims.next().await.is_err() });
    for _ in 0..100 {
        tokio::task::yield_now().await;
    }
    let mut other = coming(&memory, 320 << 10, 320 << 10);
    let frame = tokio::time::timeout(Duration::from_secs(20), other.next()).await.unwrap();
    assert_eq!(frame.unwrap().unwrap().bytes.len(), 320 << 10);
    claiming.abort();
}

#[tokio::test]
async fn frames_that_together_need_more_room_than_there_is_come_all() {
    let memory = FrameMemory::new(100 << 20);
    let one = |_| {
        let memory = memory.clone();
        tokio::spawn(async move {
            let frame = coming(&memory, 60 << 20, 60 << 20).next().await.unwrap();
            frame.unwrap().bytes.len()
        })
    };
    let all: Vec<_> = (0..3).map(one).collect();
    for one in all {
        let came = tokio::time::timeout(Duration::from_secs(25), one).await.unwrap();
        assert_eq!(came.unwrap(), 60 << 20);
    }
}

proptest! {
    #[test]
    fn random_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        let _ = decode(Bytes::from(bytes));
    }

    #[test]
    fn random_bodies_never_panic(
        pick in any::<prop::sample::Index>(),
        bytes in proptest::collection::vec(any::<u8>(), 0..300),
    ) {
        let all: Vec<_> = every_version().collect();
        let (key, version, _) = *pick.get(&all);
        let _ = decode(frame(key, version, &bytes));
    }
}
