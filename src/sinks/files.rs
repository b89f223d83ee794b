//! The files under `--out`, by their relative paths.

use std::io;

/// The storage of the consumers' files. Each path has one owner.
///
/// A path consists of names separated by `/`; a name of ASCII letters, digits and `-`, `_`, `+`, `.`, not starting with
/// a dot. All others are rejected with [`io::ErrorKind::InvalidInput`].
pub trait Files: Send {
    /// The files directly in a folder: their paths under `--out` and lengths in bytes, sorted by name; empty if the
    /// folder does not exist. Files whose name is invalid in a path are not listed.
    fn list(&self, folder: &str) -> io::Result<Vec<(String, u64)>>;
    /// Truncates the file to `at` bytes (creating it and its folder if missing), appends `bytes`, and syncs the data.
    /// After an error the file may contain any part of `bytes` after `at`; the next call with the same `at` repairs it.
    /// A file shorter than `at` has lost data: [`io::ErrorKind::UnexpectedEof`].
    fn append(&mut self, path: &str, at: u64, bytes: &[u8]) -> io::Result<()>;
    /// Truncates the file to `length` bytes; removes it if `length` is 0. A shorter file has lost data:
    /// [`io::ErrorKind::UnexpectedEof`].
    fn cut(&mut self, path: &str, length: u64) -> io::Result<()>;
    /// Replaces a whole file: written to a temporary file under `state/`, synced, renamed, the folder synced.
    fn replace(&mut self, path: &str, bytes: &[u8]) -> io::Result<()>;
    /// Moves a file to `state/set-aside/`, with its path and without overwriting others: if the name is taken, a number
    /// is appended. Does nothing if the file is missing.
    fn set_aside(&mut self, path: &str) -> io::Result<()>;
}

/// Where [`Files::set_aside`] moves files to.
pub(super) const SET_ASIDE: &str = "state/set-aside";

/// Rejects an invalid path.
pub(super) fn checked(path: &str) -> io::Result<&str> {
    if path.split('/').all(is_name) {
        return Ok(path);
    }
    let sentence = format!("{path:?} is no path of a file of the shop: use letters, digits and -_+. alone");
    Err(io::Error::new(io::ErrorKind::InvalidInput, sentence))
}

pub(super) fn is_name(name: &str) -> bool {
    let known = |byte: u8| byte.is_ascii_alphanumeric() || b"-_+.".contains(&byte);
    !name.is_empty() && !name.starts_with('.') && name.bytes().all(known)
}

/// The error for a file shorter than the bytes written to it.
pub(super) fn too_short(length: u64, written: u64) -> io::Error {
    let sentence = format!(
        "{length} bytes are there where {written} were written, so it was changed from outside: write it again from \
         the log"
    );
    io::Error::new(io::ErrorKind::UnexpectedEof, sentence)
}

/// The candidate names of a file set aside: its own, then numbered ones.
pub(super) fn spare_names(path: &str) -> impl Iterator<Item = String> {
    let first = format!("{SET_ASIDE}/{path}");
    let numbered = first.clone();
    std::iter::once(first).chain((1_u64..).map(move |number| format!("{numbered}.{number}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_plain_relative_paths_are_taken() {
        for good in ["stock.txt", "mail/2026-11-20.mbox", "orders/+12345-01-01.txt", "orders/-0044-03-15.txt"]
        {
            assert_eq!(checked(good).unwrap(), good);
        }
        for bad in [
            "",
            "/etc/passwd",
            "..",
            "mail/../x",
            "mail/",
            "/",
            "a//b",
            ".hidden",
            "a/.",
            "a\\b",
            "c:",
            "å",
            "a\0",
            "a\n",
        ] {
            assert_eq!(checked(bad).unwrap_err().kind(), io::ErrorKind::InvalidInput, "{bad:?}");
        }
    }
}
