//! Connections: each is a task that handles its requests one by one, in order.

use std::{
    collections::HashSet,
    io,
    net::SocketAddr,
    sync::{Arc, LazyLock, Mutex, PoisonError},
    time::Duration,
};

use bytes::{Buf, BytesMut};
use kafka_protocol::messages::{RequestKind, ResponseKind};
use rustix::process::{Resource, getrlimit};
use tokio::{
    io::AsyncWriteExt,
    net::{TcpListener, TcpStream, tcp::OwnedWriteHalf},
    task::JoinSet,
    time::timeout,
};

use super::{
    api::{self, Fetched, Peer},
    cluster::Cluster,
    faults::Fault,
    wire::{self, Context, Frames, Request, WireError},
};

/// The wait after a failed accept, for example for lack of file handles.
const BREATH: Duration = Duration::from_millis(100);
/// A client that does not read its records for this long is disconnected (Kafka's `connections.max.idle.ms`).
const GONE: Duration = Duration::from_secs(600);
/// After this time without progress a response's records are freed.
const SLOW: Duration = Duration::from_millis(100);
/// A client that reads nothing of a response for this long is disconnected.
const STALLED: Duration = Duration::from_secs(60);

/// Accepts connections until the broker stops, then waits for the open ones.
pub(super) async fn serve(listener: TcpListener, cluster: Arc<Cluster>) {
    let mut connections = JoinSet::new();
    let most = cluster.settings.most_connections.unwrap_or_else(half_of_files);
    let mut full = false;
    loop {
        tokio::select! {
            () = cluster.stopping.cancelled() => break,
            Some(_) = connections.join_next() => {}
            accepted = listener.accept() => match accepted {
                // Unreachable on request: closes the connection.
                Ok(_) if !*cluster.reachable.borrow() => {}
                Ok((_, remote)) if connections.len() >= most => {
                    if !std::mem::replace(&mut full, true) {
                        tracing::warn!(%remote, most, "there are as many connections as there may be: hung up on another");
                    }
                }
                Ok((stream, remote)) => {
                    full = false;
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

/// Half of the limit of open files: the rest is for the logs.
fn half_of_files() -> usize {
    let files = getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX);
    usize::try_from(files / 2).unwrap_or(usize::MAX)
}

async fn connection(stream: TcpStream, remote: SocketAddr, cluster: Arc<Cluster>) {
    let mut reachable = cluster.reachable.subscribe();
    let cut_off = async { reachable.wait_for(|reachable| !reachable).await.map(drop) };
    let ended = tokio::select! {
        ended = converse(stream, remote, &cluster) => ended,
        _ = cut_off => Ok(()),
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
    let mut frames = Frames::new(reader, cluster.frames.clone());
    while let Some(frame) = frames.next().await? {
        let decoded = wire::decode(frame.bytes.clone());
        if let Ok(request) = &decoded
            && let Some(fault) = cluster.faults.take(request.context.key)
        {
            let Some(answer) = meet(fault, cluster, (local, remote), request).await? else { return Ok(()) };
            if !answer.is_empty() {
                send(&mut writer, &answer).await?;
                continue;
            }
        }
        let answer = match decoded {
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
        // Frees the request before the response is sent to a slow reader.
        drop(frame);
        match answer {
            Ok(Some(answer)) => send(&mut writer, &answer).await?,
            Ok(None) => {}
            // As in Kafka: an invalid request closes the connection.
            Err(error) => {
                complain(&error);
                return Ok(());
            }
        }
    }
    Ok(())
}

/// Applies a fault to a request; returns the response, an empty one if the request is handled after all, or `None` to
/// close the connection.
async fn meet(
    fault: Fault,
    cluster: &Cluster,
    (local, remote): (SocketAddr, SocketAddr),
    request: &Request,
) -> io::Result<Option<BytesMut>> {
    match fault {
        Fault::HangUp => Ok(None),
        Fault::Delay(time) => {
            tokio::time::sleep(time).await;
            Ok(Some(BytesMut::new()))
        }
        Fault::Error(error) => {
            let context = &request.context;
            let peer = Peer { local, remote, client_id: context.client_id.clone() };
            let refusal = api::refuse(cluster, &peer, &request.kind, context.version, error).await;
            let answer = refusal.map(|refusal| wire::encode(context, &refusal)).transpose();
            answer.map_err(io::Error::other)
        }
    }
}

/// Sends a response, while the client keeps reading: a stalled one is not worth the memory.
async fn send(writer: &mut OwnedWriteHalf, mut answer: &[u8]) -> io::Result<()> {
    while !answer.is_empty() {
        let written = timeout(STALLED, writer.write(answer)).await??;
        answer = answer.get(written..).unwrap_or_default();
    }
    Ok(())
}

/// Sends a response with records. While the client does not read, the records are freed, and read from their files
/// again when it continues: so a stalled reader uses almost no memory.
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

/// Logs each unsupported request version once; malformed requests only at debug level.
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
