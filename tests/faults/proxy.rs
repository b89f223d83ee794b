//! A TCP proxy for a single-broker Kafka that can break connections in the ways of real networks.
//!
//! It parses as little of the protocol as needed: frames, API keys, correlation ids, and broker addresses in responses,
//! which it replaces by its own.

use std::{
    collections::HashMap,
    io::{self, Read, Write},
    net::{Shutdown, SocketAddr, TcpListener, TcpStream},
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

/// `EndTxn`, Kafka protocol.
pub const END_TXN: i16 = 26;
pub const LIST_OFFSETS: i16 = 2;
/// How long requests of a type break their connections.
const SNAPPING: Duration = Duration::from_millis(600);
const METADATA: i16 = 3;
const FIND_COORDINATOR: i16 = 10;
const DESCRIBE_CLUSTER: i16 = 60;

#[derive(Default)]
struct Faults {
    /// Before each answer, ms.
    delay: AtomicU64,
    /// Whether new connections are refused.
    closed: AtomicBool,
    /// Answers to this many requests of this kind are swallowed.
    swallow: Mutex<Option<(i16, usize)>>,
    swallowed: AtomicUsize,
    /// Connections break at requests of this kind.
    snap: Mutex<Option<Snap>>,
    snapped: AtomicUsize,
    /// Requests of this kind that name this text are swallowed.
    mute: Mutex<Option<(i16, String)>>,
    open: Mutex<Vec<TcpStream>>,
}

pub struct Proxy {
    pub address: SocketAddr,
    faults: Arc<Faults>,
}

/// Breaks connections at requests of a type for a while, lets one through, and starts over.
struct Snap {
    api: i16,
    since: Option<Instant>,
    left: usize,
}

impl Faults {
    /// Whether this frame, a request or a response, breaks the connection.
    fn snaps(&self, api: Option<i16>, answer: bool) -> bool {
        let mut snap = self.snap.lock().unwrap();
        let Some(snap) = snap.as_mut().filter(|snap| Some(snap.api) == api && snap.left > 0) else {
            return false;
        };
        if answer {
            return snap.since.is_some_and(|since| since.elapsed() <= SNAPPING);
        }
        if snap.since.get_or_insert_with(Instant::now).elapsed() > SNAPPING {
            (snap.since, snap.left) = (None, snap.left - 1);
            return false;
        }
        // Every second request gets its response before its connection breaks.
        self.snapped.fetch_add(1, Ordering::Relaxed).is_multiple_of(2)
    }
}

impl Proxy {
    /// Opens one before the broker at `to`.
    pub fn before(to: &str) -> Self {
        let to: SocketAddr = to.parse().expect("one broker");
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let (address, faults) = (listener.local_addr().unwrap(), Arc::new(Faults::default()));
        let shared = Arc::clone(&faults);
        thread::spawn(move || {
            for near in listener.incoming().flatten() {
                if shared.closed.load(Ordering::Relaxed) {
                    continue;
                }
                let Ok(far) = TcpStream::connect(to) else { continue };
                shared.open.lock().unwrap().extend([near.try_clone().unwrap(), far.try_clone().unwrap()]);
                connect(near, far, to.port(), address.port(), &shared);
            }
        });
        Self { address, faults }
    }

    /// Cuts every connection there is.
    pub fn cut(&self) {
        for stream in self.faults.open.lock().unwrap().drain(..) {
            let _ = stream.shutdown(Shutdown::Both);
        }
    }

    /// Refuses connections, or takes them again.
    pub fn refuse(&self, refused: bool) {
        self.faults.closed.store(refused, Ordering::Relaxed);
    }

    /// Delays responses.
    pub fn delay(&self, by: Duration) {
        self.faults.delay.store(u64::try_from(by.as_millis()).unwrap(), Ordering::Relaxed);
    }

    /// The next `count` responses to requests of a type are lost; the requests arrive.
    pub fn swallow(&self, api: i16, count: usize) {
        *self.faults.swallow.lock().unwrap() = Some((api, count));
    }

    /// From the next request of a type on, each one breaks its connection for a while, before it reaches the broker or
    /// after its response: longer than librdkafka retries by itself. This repeats four times, so that it affects more
    /// than the first request.
    pub fn snap(&self, api: i16) {
        *self.faults.snap.lock().unwrap() = Some(Snap { api, since: None, left: 4 });
    }

    /// Requests of a type that name a topic are lost, as if its leader were away; `None` ends this.
    pub fn mute(&self, what: Option<(i16, String)>) {
        *self.faults.mute.lock().unwrap() = what;
    }

    /// Number of such breaks.
    pub fn snapped(&self) -> usize {
        self.faults.snapped.load(Ordering::Relaxed)
    }

    /// How many answers were swallowed.
    pub fn swallowed(&self) -> usize {
        self.faults.swallowed.load(Ordering::Relaxed)
    }
}

fn connect(near: TcpStream, far: TcpStream, from: u16, to: u16, faults: &Arc<Faults>) {
    for stream in [&near, &far] {
        let _ = stream.set_nodelay(true);
    }
    let asked: Arc<Mutex<HashMap<i32, i16>>> = Arc::default();
    let (mut near_in, mut far_out) = (near.try_clone().unwrap(), far.try_clone().unwrap());
    let (noted, snapping) = (Arc::clone(&asked), Arc::clone(faults));
    thread::spawn(move || {
        while let Ok(frame) = frame(&mut near_in) {
            let api = i16::from_be_bytes([frame[4], frame[5]]);
            let id = i32::from_be_bytes([frame[8], frame[9], frame[10], frame[11]]);
            noted.lock().unwrap().insert(id, api);
            if snapping.snaps(Some(api), false) {
                break;
            }
            if let Some((muted, name)) = &*snapping.mute.lock().unwrap()
                && api == *muted
                && frame.windows(name.len()).any(|window| window == name.as_bytes())
            {
                continue;
            }
            if far_out.write_all(&frame).is_err() {
                break;
            }
        }
        let _ = far_out.shutdown(Shutdown::Both);
        let _ = near_in.shutdown(Shutdown::Both);
    });
    let (mut far_in, mut near_out, faults) = (far, near, Arc::clone(faults));
    thread::spawn(move || {
        while let Ok(mut frame) = frame(&mut far_in) {
            let id = i32::from_be_bytes([frame[4], frame[5], frame[6], frame[7]]);
            let api = asked.lock().unwrap().remove(&id);
            if faults.snaps(api, true) {
                break;
            }
            if let Some((wanted, left)) = &mut *faults.swallow.lock().unwrap()
                && api == Some(*wanted)
                && *left > 0
            {
                *left -= 1;
                faults.swallowed.fetch_add(1, Ordering::Relaxed);
                continue;
            }
            if matches!(api, Some(METADATA | FIND_COORDINATOR | DESCRIBE_CLUSTER)) {
                readdress(&mut frame, from, to);
            }
            thread::sleep(Duration::from_millis(faults.delay.load(Ordering::Relaxed)));
            if near_out.write_all(&frame).is_err() {
                break;
            }
        }
        let _ = far_in.shutdown(Shutdown::Both);
        let _ = near_out.shutdown(Shutdown::Both);
    });
}

/// The next frame, its length included.
fn frame(stream: &mut TcpStream) -> io::Result<Vec<u8>> {
    let mut length = [0; 4];
    stream.read_exact(&mut length)?;
    let body = usize::try_from(i32::from_be_bytes(length)).map_err(io::Error::other)?;
    if !(8..100_000_000).contains(&body) {
        return Err(io::Error::other("no frame of Kafka's"));
    }
    let mut frame = vec![0; 4 + body];
    frame[..4].copy_from_slice(&length);
    stream.read_exact(&mut frame[4..])?;
    Ok(frame)
}

/// In responses a host is followed by its port.
fn readdress(frame: &mut [u8], from: u16, to: u16) {
    for host in [&b"127.0.0.1"[..], b"localhost"] {
        let wanted = [host, &i32::from(from).to_be_bytes()].concat();
        let mut at = 0;
        while let Some(found) = frame[at..].windows(wanted.len()).position(|window| window == wanted) {
            let port = at + found + host.len();
            frame[port..port + 4].copy_from_slice(&i32::from(to).to_be_bytes());
            at = port + 4;
        }
    }
}
