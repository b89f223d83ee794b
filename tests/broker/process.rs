//! The program's broker in a process of its own, to be killed and to be measured.
//!
//! `SHOP_SIM_TEST_PROGRAM` names another build of the program.

use std::{
    net::{SocketAddr, TcpListener, TcpStream},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
};

use rand::RngExt;

use crate::kit::until;

/// `shop-sim broker` on its own port, killed when dropped.
pub(crate) struct Served {
    data: PathBuf,
    pub address: SocketAddr,
    process: Child,
}

impl Served {
    pub(crate) fn start(data: &Path) -> Self {
        // Below the ephemeral ports: otherwise a client that connects while nobody listens could be assigned the very
        // port that it connects to.
        let free = |port: &u16| TcpListener::bind(("127.0.0.1", *port)).is_ok();
        let port = (0..100).map(|_| rand::rng().random_range(12_000..20_000)).find(free).unwrap();
        let address = SocketAddr::from(([127, 0, 0, 1], port));
        let served = Self { data: data.to_owned(), address, process: spawn(data, address) };
        served.await_ready();
        served
    }

    /// The most memory it has had so far (KiB).
    pub(crate) fn peak(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.process.id())).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
        line.trim().trim_end_matches(" kB").parse().unwrap()
    }

    fn await_ready(&self) {
        until("the broker to serve", || TcpStream::connect(self.address).is_ok());
    }

    pub(crate) fn kill(&mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }

    pub(crate) fn restart(&mut self) {
        self.process = spawn(&self.data, self.address);
        self.await_ready();
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn spawn(data: &Path, address: SocketAddr) -> Child {
    let program = std::env::var("SHOP_SIM_TEST_PROGRAM");
    Command::new(program.as_deref().unwrap_or(env!("CARGO_BIN_EXE_shop-sim")))
        .args(["broker", "--listen", &address.to_string(), "--data"])
        .arg(data.join("kafka"))
        .arg("--out")
        .arg(data)
        .stdout(Stdio::null())
        .spawn()
        .unwrap()
}
