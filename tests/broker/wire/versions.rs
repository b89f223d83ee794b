//! Requests that do not exist.

use bytes::{BufMut, BytesMut};
use kafka_protocol::{
    ResponseError as E,
    messages::{ApiVersionsRequest, ApiVersionsResponse, MetadataRequest, ResponseHeader},
    protocol::Decodable,
};

use super::client::{Wire, says, text};
use crate::kit::Cluster;

const PRODUCE: i16 = 0;
const FETCH: i16 = 1;
const METADATA: i16 = 3;
const LEADER_AND_ISR: i16 = 4;

/// A request's header in version 1, with nothing behind it.
fn bare(key: i16, version: i16) -> BytesMut {
    let mut frame = BytesMut::new();
    frame.put_i16(key);
    frame.put_i16(version);
    frame.put_i32(7);
    frame.put_i16(-1);
    frame
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_spoken_ends_the_connection() {
    let cluster = Cluster::start().await;
    for (key, version) in
        [(999, 0), (-1, 0), (METADATA, 99), (METADATA, -1), (PRODUCE, 2), (FETCH, 3), (LEADER_AND_ISR, 0)]
    {
        let mut wire = Wire::connect(&cluster.bootstrap);
        wire.send(&bare(key, version));
        assert!(wire.receive().is_none(), "request {key} version {version}");
    }
    // Known requests that are malformed, and frames that are too small, too large or of negative length.
    let mut cut = bare(METADATA, 4);
    cut.put_slice(&[0, 0]);
    for bytes in [&cut[..], &[0, 3], &[]] {
        let mut wire = Wire::connect(&cluster.bootstrap);
        wire.send(bytes);
        assert!(wire.receive().is_none(), "{bytes:?}");
    }
    for length in [[0xff, 0xff, 0xff, 0xff], [0x7f, 0xff, 0xff, 0xff]] {
        let mut wire = Wire::connect(&cluster.bootstrap);
        wire.send_raw(&length);
        assert!(wire.receive().is_none(), "{length:?}");
    }
    cluster.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unknown_version_of_api_versions_is_answered_in_version_0_and_the_connection_lives_on() {
    let cluster = Cluster::start().await;
    let mut wire = Wire::connect(&cluster.bootstrap);
    let mut unknown = bare(18, 99);
    // The header's tagged fields: none.
    unknown.put_u8(0);
    wire.send(&unknown);
    let mut frame = wire.receive().unwrap();
    assert_eq!(ResponseHeader::decode(&mut frame, 0).unwrap().correlation_id, 7);
    let answer = ApiVersionsResponse::decode(&mut frame, 0).unwrap();
    assert_eq!(says(answer.error_code), Some(E::UnsupportedVersion));
    assert!(answer.api_keys.iter().any(|api| api.api_key == 18));
    let answer = wire.ask(12, &MetadataRequest::default());
    assert_eq!(answer.controller_id, 1);
    cluster.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_has_a_name_or_none() {
    let cluster = Cluster::start().await;
    let mut wire = Wire::connect(&cluster.bootstrap);
    for (name, version, expected) in [
        ("shop", "1.0", None),
        ("", "1", Some(E::InvalidRequest)),
        ("a b", "1", Some(E::InvalidRequest)),
        ("a", "-", Some(E::InvalidRequest)),
    ] {
        let request = ApiVersionsRequest::default()
            .with_client_software_name(text(name))
            .with_client_software_version(text(version));
        assert_eq!(says(wire.ask(3, &request).error_code), expected, "{name:?} {version:?}");
    }
    // Before version 3 clients sent no name.
    assert_eq!(says(wire.ask(2, &ApiVersionsRequest::default()).error_code), None);
    cluster.stop().await;
}
