//! How a broker is to run.

use std::{net::SocketAddr, path::PathBuf};

/// What an acknowledged record, offset or transaction survives.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Durability {
    /// The end of the process, kill -9 included: everything is handed to the operating system before it is
    /// acknowledged. A power cut loses at most what the system had not written back yet.
    #[default]
    Process,
    /// A power cut: everything is synced to the disk before it is acknowledged; concurrent requests share a sync.
    Power,
}

/// How a broker is to run.
#[derive(Clone, Debug)]
pub struct BrokerConfig {
    /// The data folder; made where it is missing.
    pub data: PathBuf,
    /// The address to listen on; port 0 picks a free one.
    pub listen: SocketAddr,
    /// What acknowledged data survives.
    pub durability: Durability,
}

impl BrokerConfig {
    /// A broker on `data` that listens on `listen` and survives the end of its process.
    pub fn new(data: impl Into<PathBuf>, listen: SocketAddr) -> Self {
        Self { data: data.into(), listen, durability: Durability::default() }
    }
}
