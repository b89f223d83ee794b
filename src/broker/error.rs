//! Why a broker does not start.

use std::{io, net::SocketAddr, path::PathBuf};

use super::{log::LogError, topics::TopicError};

/// Why a broker does not start.
#[derive(Debug, thiserror::Error)]
pub enum BrokerError {
    /// Another process serves this folder.
    #[error("another process is using the broker's data in {}; connect to that one, or stop it first", data.display())]
    Locked {
        /// The data folder.
        data: PathBuf,
    },
    /// Something else listens on the address.
    #[error("the address {listen} is already in use; choose another one, or stop the program that uses it")]
    AddressInUse {
        /// The address asked for.
        listen: SocketAddr,
    },
    /// The address cannot be listened on.
    #[error("cannot listen on {listen} ({source}); choose an address of this machine")]
    Listen {
        /// The address asked for.
        listen: SocketAddr,
        /// What the system said.
        source: io::Error,
    },
    /// The data folder cannot be read or written.
    #[error("cannot use the broker's data in {} ({source}); check its permissions and the room on its disk", data.display())]
    Io {
        /// The data folder.
        data: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The data are damaged in a way that is not a torn end.
    #[error("the broker's data in {} are damaged ({what}); move the folder aside, or restore it from a copy", data.display())]
    Corrupt {
        /// The data folder.
        data: PathBuf,
        /// What is wrong.
        what: String,
    },
}

impl BrokerError {
    pub(super) fn topics(data: PathBuf, error: TopicError) -> Self {
        match error {
            TopicError::Io(source) | TopicError::Log(LogError::Io(source)) => Self::Io { data, source },
            other => Self::Corrupt { data, what: other.to_string() },
        }
    }
}
