//! Tab-separated tables: a row is one line with all its columns, whatever the values hold.

use std::fmt::{self, Display, Write};

use super::clean;

/// Writes one row; what would break it becomes a space.
pub(super) fn row(out: &mut Vec<u8>, cells: &[&dyn Display]) {
    for (column, cell) in cells.iter().enumerate() {
        if column > 0 {
            out.push(b'\t');
        }
        // The writer takes everything, so only a value's own `Display` could give up.
        let _ = write!(Cell(out), "{cell}");
    }
    out.push(b'\n');
}

struct Cell<'a>(&'a mut Vec<u8>);

impl Write for Cell<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.0.extend_from_slice(clean::cell(text).as_bytes());
        Ok(())
    }
}
