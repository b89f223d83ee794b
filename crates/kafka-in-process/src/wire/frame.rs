//! Reads frames in bounded memory: buffers grow with the received bytes, not with the claimed length.

use std::{io, sync::Arc, time::Duration};

use bytes::{Buf, Bytes, BytesMut};
use tokio::{
    io::{AsyncRead, AsyncReadExt},
    sync::{OwnedSemaphorePermit, Semaphore},
    time::{Instant, timeout},
};

use super::budget::{Budget, Share};

/// The largest request (Kafka's `socket.request.max.bytes`).
pub(crate) const LARGEST_FRAME: usize = 100 << 20;
/// The bytes of a frame that do not count against the shared budget.
const FREE: usize = 128 << 10;
/// A connection without a request for this long is closed (Kafka's `connections.max.idle.ms`).
const IDLE: Duration = Duration::from_secs(600);
/// Time to receive a frame once it has begun, and as much again for every 16 MiB.
const STALLED: Duration = Duration::from_secs(30);
/// Least buffer growth.
const STEP: usize = 64 << 10;

/// The memory that the frames of all connections share.
#[derive(Clone, Debug)]
pub(crate) struct FrameMemory {
    budget: Budget,
    /// Permits one frame at a time to exceed the budget: otherwise several incomplete frames could wait for each other.
    beyond: Arc<Semaphore>,
}

impl FrameMemory {
    /// So many bytes.
    pub(crate) fn new(bytes: usize) -> Self {
        Self { budget: Budget::new(bytes), beyond: Arc::new(Semaphore::new(1)) }
    }
}

/// The frames of a connection.
pub(crate) struct Frames<R> {
    reader: R,
    memory: FrameMemory,
    buffer: BytesMut,
}

/// A frame and its memory.
pub(crate) struct Frame {
    pub(crate) bytes: Bytes,
    _room: Room,
}

/// A frame's share of the budget. It grows with the received bytes: a claimed length takes nothing.
#[derive(Default)]
struct Room {
    share: Option<Share>,
    beyond: Option<OwnedSemaphorePermit>,
}

impl Room {
    async fn grow(&mut self, memory: &FrameMemory, bytes: usize) {
        if self.beyond.is_some() {
            return;
        }
        tokio::select! {
            biased;
            more = memory.budget.share(bytes) => match (&mut self.share, more) {
                (Some(share), Some(more)) => share.merge(more),
                (share, more) => *share = more,
            },
            beyond = Arc::clone(&memory.beyond).acquire_owned() => self.beyond = beyond.ok(),
        }
    }
}

impl<R: AsyncRead + Unpin> Frames<R> {
    pub(crate) fn new(reader: R, memory: FrameMemory) -> Self {
        Self { reader, memory, buffer: BytesMut::new() }
    }

    /// The next frame; `None` if the client has disconnected, or was idle for too long.
    pub(crate) async fn next(&mut self) -> io::Result<Option<Frame>> {
        if self.buffer.is_empty() {
            // Frees the buffer of the last frame, which may be large.
            self.buffer = BytesMut::new();
        }
        if !timeout(IDLE, self.fill(4)).await.unwrap_or(Ok(false))? {
            return Ok(None);
        }
        let length = self.buffer.get_u32() as usize;
        if length > LARGEST_FRAME {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "a frame is too large"));
        }
        let room = self.body(length).await?;
        Ok(Some(Frame { bytes: self.buffer.split_to(length).freeze(), _room: room }))
    }

    /// Reads a frame's body.
    async fn body(&mut self, length: usize) -> io::Result<Room> {
        let mut room = Room::default();
        let mut wanted = length.min(FREE);
        let mut patience = STALLED * u32::try_from(1 + length / (16 << 20)).unwrap_or(u32::MAX);
        loop {
            let begun = Instant::now();
            if !timeout(patience, self.fill(wanted)).await?? {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            // The wait for the budget does not count.
            patience = patience.saturating_sub(begun.elapsed());
            if wanted == length {
                return Ok(room);
            }
            // Doubles what was received.
            let more = wanted.min(length - wanted);
            room.grow(&self.memory, more).await;
            wanted += more;
        }
    }

    /// Reads until there are `wanted` bytes; false at the end of the stream.
    async fn fill(&mut self, wanted: usize) -> io::Result<bool> {
        while self.buffer.len() < wanted {
            let missing = wanted - self.buffer.len();
            // Doubles the buffer: large frames take few steps, claims cost nothing.
            self.buffer.reserve(missing.min(self.buffer.len().max(STEP)));
            if self.reader.read_buf(&mut self.buffer).await? == 0 {
                return Ok(false);
            }
        }
        Ok(true)
    }
}
