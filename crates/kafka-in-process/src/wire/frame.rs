//! Frames off a socket, in bounded memory: room is made as bytes come, not as a length claims.

use std::{io, time::Duration};

use bytes::{Buf, Bytes, BytesMut};
use tokio::{
    io::{AsyncRead, AsyncReadExt},
    sync::{Semaphore, SemaphorePermit},
    time::{Instant, timeout},
};

use super::budget::{Budget, Share};

/// No request is larger (Kafka's `socket.request.max.bytes`).
pub(crate) const LARGEST_FRAME: usize = 100 << 20;
/// What lies beyond so much of a frame comes out of a budget of all connections.
const FREE: usize = 128 << 10;
static BUDGET: Budget = Budget::new(LARGEST_FRAME);
/// The right to go beyond the budget, for one frame at a time: where several have begun and none gets what it still needs,
/// they would wait for each other.
static BEYOND: Semaphore = Semaphore::const_new(1);
/// A connection on which nothing was asked for so long is closed (Kafka's `connections.max.idle.ms`).
const IDLE: Duration = Duration::from_secs(600);
/// A frame that has begun must be there after this, and as much again for every 16 MiB.
const STALLED: Duration = Duration::from_secs(30);
/// Room made at a time.
const STEP: usize = 64 << 10;

/// The frames of a connection.
pub(crate) struct Frames<R> {
    reader: R,
    buffer: BytesMut,
}

/// A frame with the room that it takes.
pub(crate) struct Frame {
    pub(crate) bytes: Bytes,
    _room: Room,
}

/// What a frame has of the budget. It grows with what has come of the frame: a mere claim takes nothing from anybody.
#[derive(Default)]
struct Room {
    share: Option<Share>,
    beyond: Option<SemaphorePermit<'static>>,
}

impl Room {
    async fn grow(&mut self, bytes: usize) {
        if self.beyond.is_some() {
            return;
        }
        tokio::select! {
            biased;
            more = BUDGET.share(bytes) => match (&mut self.share, more) {
                (Some(share), Some(more)) => share.merge(more),
                (share, more) => *share = more,
            },
            beyond = BEYOND.acquire() => self.beyond = beyond.ok(),
        }
    }
}

impl<R: AsyncRead + Unpin> Frames<R> {
    pub(crate) fn new(reader: R) -> Self {
        Self { reader, buffer: BytesMut::new() }
    }

    /// The next frame; `None` when the client has gone, or has been silent for too long.
    pub(crate) async fn next(&mut self) -> io::Result<Option<Frame>> {
        if self.buffer.is_empty() {
            // The room of a frame before, which may have been large.
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

    /// Reads the whole of a frame.
    async fn body(&mut self, length: usize) -> io::Result<Room> {
        let mut room = Room::default();
        let mut wanted = length.min(FREE);
        let mut patience = STALLED * u32::try_from(1 + length / (16 << 20)).unwrap_or(u32::MAX);
        loop {
            let begun = Instant::now();
            if !timeout(patience, self.fill(wanted)).await?? {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            // Waiting for others is not its fault.
            patience = patience.saturating_sub(begun.elapsed());
            if wanted == length {
                return Ok(room);
            }
            // As much again as there is.
            let more = wanted.min(length - wanted);
            room.grow(more).await;
            wanted += more;
        }
    }

    /// Reads until there are `wanted` bytes; false when they do not come.
    async fn fill(&mut self, wanted: usize) -> io::Result<bool> {
        while self.buffer.len() < wanted {
            let missing = wanted - self.buffer.len();
            // Twice what is there already: large frames grow in few steps, claims cost nothing.
            self.buffer.reserve(missing.min(self.buffer.len().max(STEP)));
            if self.reader.read_buf(&mut self.buffer).await? == 0 {
                return Ok(false);
            }
        }
        Ok(true)
    }
}
