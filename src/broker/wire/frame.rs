//! Frames off a socket, in bounded memory: room is made as bytes come, not as a length claims.

use std::{io, sync::LazyLock, time::Duration};

use bytes::{Buf, Bytes, BytesMut};
use tokio::{
    io::{AsyncRead, AsyncReadExt},
    sync::{Semaphore, SemaphorePermit},
    time::timeout,
};

/// No request is larger (Kafka's `socket.request.max.bytes`).
pub(crate) const LARGEST_FRAME: usize = 100 << 20;
/// Frames above this size share a budget among all connections.
const LARGE: usize = 1 << 20;
const BUDGET_UNIT: usize = 64 << 10;
/// The budget: 400 MiB.
static BUDGET: LazyLock<Semaphore> = LazyLock::new(|| Semaphore::new(4 * LARGEST_FRAME / BUDGET_UNIT));
/// A connection on which nothing was asked for so long is closed (Kafka's `connections.max.idle.ms`).
const IDLE: Duration = Duration::from_secs(600);
/// A frame that has begun must go on.
const STALLED: Duration = Duration::from_secs(30);
/// Room made at a time.
const STEP: usize = 64 << 10;

/// The frames of a connection.
pub(crate) struct Frames<R> {
    reader: R,
    buffer: BytesMut,
}

/// A frame with its share of the memory budget.
pub(crate) struct Frame {
    pub(crate) bytes: Bytes,
    _share: Option<SemaphorePermit<'static>>,
}

impl<R: AsyncRead + Unpin> Frames<R> {
    pub(crate) fn new(reader: R) -> Self {
        Self { reader, buffer: BytesMut::new() }
    }

    /// The next frame; `None` when the client has gone, or has been silent for too long.
    pub(crate) async fn next(&mut self) -> io::Result<Option<Frame>> {
        if !self.fill(4, IDLE).await? {
            return Ok(None);
        }
        let length = self.buffer.get_u32() as usize;
        if length > LARGEST_FRAME {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "a frame is too large"));
        }
        let share = if length > LARGE {
            let units = u32::try_from(length / BUDGET_UNIT).unwrap_or(u32::MAX);
            BUDGET.acquire_many(units).await.ok()
        } else {
            None
        };
        if !self.fill(length, STALLED).await? {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        Ok(Some(Frame { bytes: self.buffer.split_to(length).freeze(), _share: share }))
    }

    /// Reads until there are `wanted` bytes; false when they do not come.
    async fn fill(&mut self, wanted: usize, patience: Duration) -> io::Result<bool> {
        while self.buffer.len() < wanted {
            let missing = wanted - self.buffer.len();
            // Twice what is there already: large frames grow in few steps, claims cost nothing.
            self.buffer.reserve(missing.min(self.buffer.len().max(STEP)));
            match timeout(patience, self.reader.read_buf(&mut self.buffer)).await {
                Ok(read) => {
                    if read? == 0 {
                        return Ok(false);
                    }
                }
                Err(_) => return Ok(false),
            }
        }
        Ok(true)
    }
}
