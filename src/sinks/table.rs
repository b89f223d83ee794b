//! Tab-separated tables: a row is one line with all its columns, whatever the values hold.

use chrono::{DateTime, FixedOffset};
use compact_str::CompactString;

use super::{clean, text};

/// A value of a table.
pub(super) trait Cell {
    /// Writes it; what would break the row becomes a space.
    fn write(&self, out: &mut Vec<u8>);
}

impl Cell for u64 {
    fn write(&self, out: &mut Vec<u8>) {
        text::number(out, *self);
    }
}

impl Cell for i64 {
    fn write(&self, out: &mut Vec<u8>) {
        text::number(out, *self);
    }
}

impl Cell for &str {
    fn write(&self, out: &mut Vec<u8>) {
        text::put(out, &[&clean::cell(self)]);
    }
}

impl Cell for CompactString {
    fn write(&self, out: &mut Vec<u8>) {
        self.as_str().write(out);
    }
}

/// RFC 3339 with milliseconds, and the offset that the time has.
impl Cell for DateTime<FixedOffset> {
    fn write(&self, out: &mut Vec<u8>) {
        text::rfc3339(out, self);
    }
}

/// Writes one row.
pub(super) fn row(out: &mut Vec<u8>, cells: &[&dyn Cell]) {
    begin(out, cells);
    out.pop();
    out.push(b'\n');
}

/// Writes the first cells of a row, which others follow.
pub(super) fn begin(out: &mut Vec<u8>, cells: &[&dyn Cell]) {
    for cell in cells {
        cell.write(out);
        out.push(b'\t');
    }
}
