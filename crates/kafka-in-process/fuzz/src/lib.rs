//! What the targets need.

use std::path::Path;

/// An empty folder, in memory if the system has a RAM disk.
pub fn folder() -> tempfile::TempDir {
    let memory = Path::new("/dev/shm");
    let place = if memory.is_dir() { memory.to_owned() } else { std::env::temp_dir() };
    tempfile::tempdir_in(place).expect("a folder can be made")
}
