//! Tab-separated tables: a row is one line with all columns, whatever its values contain.

use chrono::{DateTime, FixedOffset};
use compact_str::CompactString;

use super::{fast_format, sanitize};

/// A value of a table.
pub(super) trait Cell {
    /// Writes it; characters that would break the row become spaces.
    fn write(&self, out: &mut Vec<u8>);
}

impl Cell for u64 {
    fn write(&self, out: &mut Vec<u8>) {
        fast_format::number(out, *self);
    }
}

impl Cell for i64 {
    fn write(&self, out: &mut Vec<u8>) {
        fast_format::number(out, *self);
    }
}

impl Cell for &str {
    fn write(&self, out: &mut Vec<u8>) {
        fast_format::put(out, &[&sanitize::cell(self)]);
    }
}

impl Cell for CompactString {
    fn write(&self, out: &mut Vec<u8>) {
        self.as_str().write(out);
    }
}

/// RFC 3339 with milliseconds and the time's own UTC offset.
impl Cell for DateTime<FixedOffset> {
    fn write(&self, out: &mut Vec<u8>) {
        fast_format::rfc3339(out, self);
    }
}

/// Writes one row.
pub(super) fn row(out: &mut Vec<u8>, cells: &[&dyn Cell]) {
    begin(out, cells);
    out.pop();
    out.push(b'\n');
}

/// Writes the first cells of a row; more follow.
pub(super) fn begin(out: &mut Vec<u8>, cells: &[&dyn Cell]) {
    for cell in cells {
        cell.write(out);
        out.push(b'\t');
    }
}
