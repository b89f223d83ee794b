//! The files under `--out`, by their path relative to it.

use std::io;

/// Where the consumers' files lie. One consumer owns each path.
pub trait Files: Send {
    /// The files of a folder (its direct children that are files) with their lengths in bytes; empty where there is none.
    fn list(&self, folder: &str) -> io::Result<Vec<(String, u64)>>;
    /// Cuts the file to `at` bytes (making it and its folder where missing), writes `bytes` behind, and syncs the data.
    /// After an error the file may hold any part of `bytes` behind `at`; the next call with the same `at` mends it.
    fn append(&mut self, path: &str, at: u64, bytes: &[u8]) -> io::Result<()>;
    /// Cuts the file to `length` bytes; removes it where `length` is 0.
    fn cut(&mut self, path: &str, length: u64) -> io::Result<()>;
    /// Puts a whole file in place: written aside under `state/`, synced, renamed, the folder synced.
    fn replace(&mut self, path: &str, bytes: &[u8]) -> io::Result<()>;
    /// Moves a file away to `state/set-aside/`, keeping its name and never overwriting one; nothing where it is missing.
    fn set_aside(&mut self, path: &str) -> io::Result<()>;
}
