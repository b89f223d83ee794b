//! The broker's errors.

use std::{io, net::SocketAddr, path::PathBuf};

use super::{log::LogError, topics::TopicError};

/// Why a broker does not start.
#[derive(Debug, thiserror::Error)]
pub enum BrokerError {
    /// A setting is invalid.
    #[error("the broker cannot be set up like this: {what}")]
    Setting {
        /// What is wrong.
        what: String,
    },
    /// Another process serves this folder.
    #[error("another process is using the broker's data in {}; connect to that one, or stop it first", data.display())]
    Locked {
        /// The data folder.
        data: PathBuf,
    },
    /// The address is already in use.
    #[error("the address {listen} is already in use; choose another one, or stop the program that uses it")]
    AddressInUse {
        /// The address asked for.
        listen: SocketAddr,
    },
    /// The broker cannot listen on the address.
    #[error("cannot listen on {listen} ({source}); choose an address of this machine")]
    Listen {
        /// The address asked for.
        listen: SocketAddr,
        /// The system's error.
        source: io::Error,
    },
    /// The data folder cannot be read or written.
    #[error("cannot use the broker's data in {} ({source}); {}", data.display(), remedy(source))]
    Io {
        /// The data folder.
        data: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The data are damaged, and not just at a torn end.
    #[error("the broker's data in {} are damaged ({what}); move the folder aside, or restore it from a copy", data.display())]
    Corrupt {
        /// The data folder.
        data: PathBuf,
        /// What is wrong.
        what: String,
    },
}

/// Why a topic is not created.
#[derive(Debug, thiserror::Error)]
pub enum CreateTopicError {
    /// A topic of this name exists.
    #[error("there is a topic {name} already")]
    Exists {
        /// Its name.
        name: String,
    },
    /// The name, the number of partitions or a setting is invalid, or the disk failed.
    #[error("the topic {name} cannot be made: {why}")]
    Refused {
        /// Its name.
        name: String,
        /// What is wrong with it.
        why: String,
    },
}

/// Why records cannot be written or read.
#[derive(Debug, thiserror::Error)]
pub enum RecordError {
    /// There is no such partition.
    #[error("there is no partition {partition} of a topic {topic}")]
    Unknown {
        /// The topic's name.
        topic: String,
        /// The partition.
        partition: i32,
    },
    /// The record is invalid for the topic, the offset is outside the log, or the disk failed.
    #[error("the topic {topic} refuses: {why}")]
    Refused {
        /// The topic's name.
        topic: String,
        /// What is wrong.
        why: String,
    },
}

/// What to do about a file system error.
pub fn remedy(error: &io::Error) -> &'static str {
    use rustix::io::Errno;
    match Errno::from_io_error(error) {
        Some(Errno::MFILE | Errno::NFILE) => {
            "raise the limit of open files (`ulimit -n`), or end other programs"
        }
        Some(Errno::NOLCK | Errno::NOTSUP | Errno::NOSYS) => {
            "its file system has no locks: use a folder on a disk of this machine"
        }
        Some(Errno::NOSPC | Errno::DQUOT) => "make room on its disk",
        Some(Errno::ROFS) => "its disk takes nothing but reads: use a folder on another",
        Some(Errno::ACCESS | Errno::PERM) => "make it writable, or use another folder",
        _ => "make it a folder that can be written, or use another",
    }
}

impl BrokerError {
    pub(super) fn topics(data: PathBuf, error: TopicError) -> Self {
        match error {
            TopicError::Io(source) | TopicError::Log(LogError::Io(source)) => Self::Io { data, source },
            other => Self::Corrupt { data, what: other.to_string() },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_helps_fits_what_is_wrong() {
        let remedies = [
            (24, "open files"),
            (23, "open files"),
            (37, "locks"),
            (95, "locks"),
            (28, "room"),
            (30, "another"),
            (13, "writable"),
        ];
        for (number, words) in remedies {
            let error = io::Error::from_raw_os_error(number);
            assert!(remedy(&error).contains(words), "{error}: {}", remedy(&error));
        }
        assert!(remedy(&io::Error::other("anything")).contains("folder"));
    }
}
