//! Tables: columns, which are dropped by rank in a narrow window, and their headings.

use ratatui::{buffer::Buffer, layout::Rect, style::Style};

use super::{Scene, text};

/// Blank columns between two columns of a table.
const GAP: u16 = 2;
/// How many more at most, if there is room.
const WIDER: u16 = 4;

#[derive(Debug, Clone, Copy)]
pub(super) struct Column<K> {
    /// The column's content.
    pub(super) key: K,
    /// Its heading.
    pub(super) title: &'static str,
    /// The least width, apart from its heading.
    pub(super) least: u16,
    /// The width if there is room; `u16::MAX` for all of it.
    pub(super) most: u16,
    /// The alignment.
    pub(super) edge: Edge,
    /// 0 for a permanent column; of the others the highest rank is dropped first.
    pub(super) rank: u8,
}

/// A column's alignment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Edge {
    /// For words and bars.
    Left,
    /// For figures.
    Right,
}

/// The columns that fit, with their positions.
#[derive(Debug)]
pub(super) struct Table<K> {
    /// The columns, each with its x offset and width.
    columns: Vec<(Column<K>, u16, u16)>,
}

impl<K: Copy + PartialEq> Table<K> {
    /// Fits columns into a width: drops those that must go, and distributes the rest of the width from left to right.
    pub(super) fn fit(columns: &[Column<K>], width: u16) -> Self {
        let mut kept: Vec<Column<K>> = columns.to_vec();
        let needs = |kept: &[Column<K>]| {
            let sum: u16 = kept.iter().map(Column::needs).sum();
            sum + GAP * u16::try_from(kept.len().saturating_sub(1)).unwrap_or(0)
        };
        while needs(&kept) > width {
            let Some(last) = kept.iter().map(|column| column.rank).max().filter(|rank| *rank > 0) else {
                break;
            };
            kept.retain(|column| column.rank < last);
        }
        let mut spare = width.saturating_sub(needs(&kept));
        let mut own: Vec<u16> = Vec::with_capacity(kept.len());
        for column in &kept {
            let more =
                if column.is_open() { 0 } else { column.most.saturating_sub(column.needs()).min(spare) };
            spare -= more;
            own.push(column.needs() + more);
        }
        // The remaining width is shared equally among columns without a maximum.
        let open = u16::try_from(kept.iter().filter(|column| column.is_open()).count()).unwrap_or(0);
        let share = spare.checked_div(open).unwrap_or(0);
        // If no column takes it, the gaps grow.
        let gaps = u16::try_from(kept.len().saturating_sub(1)).unwrap_or(0);
        let wider = if open == 0 { spare.checked_div(gaps).unwrap_or(0).min(WIDER) } else { 0 };
        let mut x = 0;
        let place = |(column, own): (Column<K>, u16)| {
            let own = if column.is_open() { own + share } else { own };
            let place = (column, x, own);
            x += own + GAP + wider;
            place
        };
        Self { columns: kept.into_iter().zip(own).map(place).collect() }
    }

    /// Draws the headings; the one of the sort column is highlighted, with a mark.
    pub(super) fn head(&self, scene: &Scene<'_>, row: Rect, sorted: Option<(K, char)>, buf: &mut Buffer) {
        for (column, area) in self.places(row) {
            let by_this = sorted.filter(|(key, _)| *key == column.key);
            let (title, style) = match by_this {
                // The mark takes the blank before a right-aligned heading, so that nothing moves.
                Some((_, mark)) if column.edge == Edge::Right => {
                    (format!("{mark}{}", column.title), scene.theme.strong)
                }
                Some((_, mark)) => (format!("{}{mark}", column.title), scene.theme.strong),
                None => (column.title.to_owned(), scene.theme.dim),
            };
            let over = text::columns(&title).saturating_sub(area.width);
            let area = match column.edge {
                Edge::Right => {
                    Rect { x: area.x.saturating_sub(over).max(row.x), width: area.width + over, ..area }
                }
                Edge::Left => Rect { width: area.width + over, ..area },
            }
            .intersection(row);
            column.set(area, &title, style, buf);
        }
    }

    /// The cells of a row.
    pub(super) fn cells(&self, row: Rect) -> impl Iterator<Item = (Cell<K>, K)> {
        self.places(row).map(|(column, area)| (Cell { column, area }, column.key))
    }

    fn places(&self, row: Rect) -> impl Iterator<Item = (Column<K>, Rect)> {
        self.columns.iter().map(move |&(column, x, width)| {
            let from = text::right_of(row, x);
            (column, Rect { width: width.min(from.width), ..from })
        })
    }
}

impl<K> Column<K> {
    /// A left-aligned column of words.
    pub(super) fn words(key: K, title: &'static str, least: u16, most: u16, rank: u8) -> Self {
        Self { key, title, least, most, edge: Edge::Left, rank }
    }

    /// A right-aligned column of figures.
    pub(super) fn figures(key: K, title: &'static str, least: u16, rank: u8) -> Self {
        Self { key, title, least, most: least, edge: Edge::Right, rank }
    }

    fn is_open(&self) -> bool {
        self.most == u16::MAX
    }

    fn needs(&self) -> u16 {
        self.least.max(text::columns(self.title))
    }

    fn set(&self, area: Rect, content: &str, style: Style, buf: &mut Buffer) {
        match self.edge {
            Edge::Left => text::left(area, content, style, buf),
            Edge::Right => text::right(area, content, style, buf),
        }
    }
}

/// One cell of a row.
pub(super) struct Cell<K> {
    column: Column<K>,
    /// Its area.
    pub(super) area: Rect,
}

impl<K> Cell<K> {
    /// Its width in columns.
    pub(super) fn width(&self) -> usize {
        self.area.width.into()
    }

    /// Draws its content with the column's alignment.
    pub(super) fn set(&self, content: &str, style: Style, buf: &mut Buffer) {
        self.column.set(self.area, content, style, buf);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn columns() -> [Column<u8>; 4] {
        [
            Column::words(0, "name", 10, 30, 0),
            Column::figures(1, "pieces", 4, 1),
            Column::words(2, "bar", 6, u16::MAX, 3),
            Column::figures(3, "sum", 8, 0),
        ]
    }

    #[test]
    fn the_least_wanted_columns_go_first_and_nothing_ever_overlaps() {
        for width in 0..200 {
            let row = Rect::new(5, 0, width, 1);
            let table = Table::fit(&columns(), width);
            let cells: Vec<_> = table.cells(row).collect();
            let keys: Vec<u8> = cells.iter().map(|(_, key)| *key).collect();
            let wanted: &[u8] = match width {
                0..28 => &[0, 3],
                28..36 => &[0, 1, 3],
                _ => &[0, 1, 2, 3],
            };
            assert_eq!(keys, wanted, "{width}");
            for pair in cells.windows(2) {
                assert!(pair[0].0.area.right() <= pair[1].0.area.x);
            }
            assert!(cells.iter().all(|(cell, _)| cell.area.right() <= row.right()));
        }
    }
}
