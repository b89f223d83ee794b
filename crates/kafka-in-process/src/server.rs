//! Connections: each is a task that answers its requests one after the other, in order.

use std::{
    collections::HashSet,
    io,
    net::SocketAddr,
    sync::{Arc, LazyLock, Mutex, PoisonError},
    time::Duration,
};

use bytes::Buf;
use kafka_protocol::messages::{RequestKind, ResponseKind};
use tokio::{
    io::AsyncWriteExt,
    net::{TcpListener, TcpStream, tcp::OwnedWriteHalf},
    task::JoinSet,
    time::timeout,
};

use super::{
    api::{self, Fetched, Peer},
    cluster::Cluster,
    wire::{self, Context, Frames, Request, WireError},
};

/// How long to wait after the system has refused a connection, for example for want of file handles.
const BREATH: Duration = Duration::from_millis(100);
/// Whose records wait for so long, costing nothing, has gone (Kafka's `connections.max.idle.ms`).
const GONE: Duration = Duration::from_secs(600);
/// After this time without progress the records of an answer are put down.
const SLOW: Duration = Duration::from_millis(100);
/// A client that takes nothing of its answer for so long is hung up on.
const STALLED: Duration = Duration::from_secs(60);

/// Accepts connections until the broker stops, then waits for those that are open.
pub(super) async fn serve(listener: TcpListener, cluster: Arc<Cluster>) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            () = cluster.stopping.cancelled() => break,
            Some(_) = connections.join_next() => {}
            accepted = listener.accept() => match accepted {
                Ok((stream, remote)) => {
                    connections.spawn(connection(stream, remote, Arc::clone(&cluster)));
                }
                Err(error) => {
                    tracing::warn!(%error, "a connection could not be accepted");
                    tokio::time::sleep(BREATH).await;
                }
            },
        }
    }
    drop(listener);
    while connections.join_next().await.is_some() {}
}

async fn connection(stream: TcpStream, remote: SocketAddr, cluster: Arc<Cluster>) {
    let ended = tokio::select! {
        ended = converse(stream, remote, &cluster) => ended,
        () = cluster.stopping.cancelled() => Ok(()),
    };
    if let Err(error) = ended {
        tracing::debug!(%remote, %error, "a connection ended");
    }
}

async fn converse(stream: TcpStream, remote: SocketAddr, cluster: &Cluster) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let local = stream.local_addr()?;
    let (reader, mut writer) = stream.into_split();
    let mut frames = Frames::new(reader);
    while let Some(frame) = frames.next().await? {
        let answer = match wire::decode(frame.bytes.clone()) {
            Ok(Request { kind: RequestKind::Fetch(request), context }) => {
                drop(frame);
                let fetched = api::fetch(cluster, request, context.version).await;
                send_records(&mut writer, &context, &fetched).await?;
                continue;
            }
            Ok(request) => {
                let context = request.context;
                let peer = Peer { local, remote, client_id: context.client_id.clone() };
                let response = api::answer(cluster, &peer, request.kind, context.version).await;
                response.map(|response: ResponseKind| wire::encode(&context, &response)).transpose()
            }
            Err(WireError::ApiVersions { correlation_id, .. }) => {
                wire::encode_api_versions(correlation_id).map(Some)
            }
            Err(error) => Err(error),
        };
        // The request's bytes are let go before its answer is on its way to a slow reader.
        drop(frame);
        match answer {
            Ok(Some(answer)) => send(&mut writer, &answer).await?,
            Ok(None) => {}
            // As in Kafka: a client that cannot be understood is hung up on.
            Err(error) => {
                complain(&error);
                return Ok(());
            }
        }
    }
    Ok(())
}

/// Writes an answer, as long as the client takes some of it now and then: one that does not is not worth the memory.
async fn send(writer: &mut OwnedWriteHalf, mut answer: &[u8]) -> io::Result<()> {
    while !answer.is_empty() {
        let written = timeout(STALLED, writer.write(answer)).await??;
        answer = answer.get(written..).unwrap_or_default();
    }
    Ok(())
}

/// Writes an answer with records. While the client takes nothing of it the records are put down: they lie in their
/// files, and are read again when it goes on. So readers who do not read cost next to nothing.
async fn send_records(writer: &mut OwnedWriteHalf, context: &Context, fetched: &Fetched) -> io::Result<()> {
    let mut sent = 0;
    let mut length = None;
    loop {
        let (response, share) = timeout(STALLED, fetched.load()).await?;
        let mut answer = wire::encode_records(context, response).map_err(io::Error::other)?;
        if length.is_some_and(|length| length != answer.remaining()) {
            return Err(io::Error::other("records have changed while they were sent"));
        }
        length = Some(answer.remaining());
        answer.advance(sent);
        while answer.has_remaining() {
            match timeout(SLOW, writer.write_buf(&mut answer)).await {
                Ok(written) => sent += written?,
                Err(_) => break,
            }
        }
        if !answer.has_remaining() {
            return Ok(());
        }
        drop((answer, share));
        timeout(GONE, writer.writable()).await??;
    }
}

/// Says once what a client wanted that there is not; malformed requests are the network's weather.
fn complain(error: &WireError) {
    static SAID: LazyLock<Mutex<HashSet<(i16, i16)>>> = LazyLock::new(Mutex::default);
    match error {
        WireError::Unsupported { key, version } => {
            let mut said = SAID.lock().unwrap_or_else(PoisonError::into_inner);
            if said.len() < 1000 && said.insert((*key, *version)) {
                tracing::warn!(%error, "closed a connection");
            }
        }
        WireError::Unwritable(_) => tracing::error!(%error, "closed a connection"),
        _ => tracing::debug!(%error, "closed a connection"),
    }
}
