//! Even columns in tables for people.

use unicode_width::UnicodeWidthStr;

/// Pads the cells of each column to the width of the widest, in terminal columns, and returns the widths. The columns in
/// `texts` are left-aligned, the others right-aligned.
pub(super) fn align<const N: usize>(rows: &mut [[String; N]], texts: &[usize]) -> [usize; N] {
    let mut widths = [0; N];
    for row in rows.iter() {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = cell.width().max(*width);
        }
    }
    for row in rows {
        for (column, (cell, width)) in row.iter_mut().zip(widths).enumerate() {
            let gap = gap(cell, width);
            let at = if texts.contains(&column) { cell.len() } else { 0 };
            cell.insert_str(at, &gap);
        }
    }
    widths
}

/// The spaces that fill a cell up to `width` terminal columns.
pub(super) fn gap(cell: &str, width: usize) -> String {
    " ".repeat(width.saturating_sub(cell.width()))
}
