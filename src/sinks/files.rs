//! The files under `--out`, by their path relative to it.

use std::io;

/// Where the consumers' files lie. One consumer owns each path.
///
/// A path is made of names with `/` between them; a name of ASCII letters, digits and `-`, `_`, `+`, `.`, not
/// beginning with a dot. Any other path is refused with [`io::ErrorKind::InvalidInput`].
pub trait Files: Send {
    /// The files of a folder (its direct children that are files), by their paths under `--out`, with their
    /// lengths in bytes, in the order of their names; empty where there is no folder. A file whose name no path
    /// can have is not listed.
    fn list(&self, folder: &str) -> io::Result<Vec<(String, u64)>>;
    /// Cuts the file to `at` bytes (making it and its folder where missing), writes `bytes` behind, and syncs the data.
    /// After an error the file may hold any part of `bytes` behind `at`; the next call with the same `at` mends it.
    /// A file that is shorter than `at` has lost what was written: [`io::ErrorKind::UnexpectedEof`].
    fn append(&mut self, path: &str, at: u64, bytes: &[u8]) -> io::Result<()>;
    /// Cuts the file to `length` bytes; removes it where `length` is 0. A file that is shorter has lost what was
    /// written: [`io::ErrorKind::UnexpectedEof`].
    fn cut(&mut self, path: &str, length: u64) -> io::Result<()>;
    /// Puts a whole file in place: written aside under `state/`, synced, renamed, the folder synced.
    fn replace(&mut self, path: &str, bytes: &[u8]) -> io::Result<()>;
    /// Moves a file away to `state/set-aside/`, keeping its path and never overwriting one: where the name is
    /// taken it gets a number behind. Nothing where it is missing.
    fn set_aside(&mut self, path: &str) -> io::Result<()>;
}

/// Where [`Files::set_aside`] moves files to.
pub(super) const SET_ASIDE: &str = "state/set-aside";

/// Refuses what is no path of these files.
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

/// The error of a file that is shorter than what was written to it, both in bytes.
pub(super) fn too_short(length: u64, written: u64) -> io::Error {
    let sentence = format!(
        "{length} bytes are there where {written} were written, so it was changed from outside: write it again from \
         the log"
    );
    io::Error::new(io::ErrorKind::UnexpectedEof, sentence)
}

/// The names that a file set aside may get: its own, then numbered.
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
