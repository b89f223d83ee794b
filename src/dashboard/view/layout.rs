//! The layout of the screen, for every window size.

use ratatui::layout::{Constraint, Layout, Rect};

/// The least width and height that hold every figure.
pub(super) const LEAST: (u16, u16) = (60, 16);

/// Blank columns between the page's columns, and at its edges.
pub(super) const GUTTER: u16 = 2;
pub(super) const MARGIN: u16 = 1;

/// A panel of the overview.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Panel {
    Orders,
    Sales,
    Handled,
    Stock,
    Latest,
    Messages,
}

use Panel::{Handled, Latest, Messages, Orders, Sales, Stock};

/// Rows of panels, each with its number of columns.
type Form = [&'static [(Panel, usize)]; 3];

/// Three columns, and their least size.
const FULL_FROM: u16 = 120;
const FULL_FROM_HEIGHT: u16 = 24;
const FULL: Form = [&[(Orders, 1), (Sales, 2)], &[(Handled, 1), (Stock, 1), (Latest, 1)], &[(Messages, 3)]];
/// Two columns.
const COMPACT: Form =
    [&[(Orders, 1), (Sales, 1)], &[(Handled, 1), (Stock, 1)], &[(Latest, 1), (Messages, 1)]];

/// The areas of one frame.
#[derive(Debug)]
pub(super) struct Places {
    pub(super) header: Rect,
    /// The grid columns that all is aligned to; only their x and width count.
    pub(super) columns: Vec<Rect>,
    /// All between header and audit line.
    pub(super) body: Rect,
    /// The tabs, if they have a row of their own.
    pub(super) tabs: Option<Rect>,
    /// The panels of the overview.
    pub(super) panels: Vec<(Panel, Rect)>,
    /// A presenter's lines; empty without a talk.
    pub(super) say: Rect,
    pub(super) audit: Rect,
    pub(super) footer: Rect,
}

impl Places {
    /// The layout of a window, with `say` rows for a presenter's lines if these can be spared; `None` if it is too
    /// small to show every figure.
    pub(super) fn of(window: Rect, say: u16) -> Option<Self> {
        let (width, height) = LEAST;
        if window.width < width || window.height < height {
            return None;
        }
        let compact = window.width < FULL_FROM || window.height < FULL_FROM_HEIGHT;
        let form = if compact { COMPACT } else { FULL };
        let inside = Rect { x: window.x + MARGIN, width: window.width - 2 * MARGIN, ..window };

        // In a low window, blank rows are dropped first.
        let airy = u16::from(window.height >= 28);
        let say = if window.height >= height + say { say } else { 0 };
        let [header, tabs, body, _, say, audit, footer] = Layout::vertical([
            Constraint::Length(if compact { 2 } else { 3 }),
            Constraint::Length(airy),
            Constraint::Fill(1),
            Constraint::Length(airy),
            Constraint::Length(say),
            Constraint::Length(1),
            Constraint::Length(1),
        ])
        .areas(inside);

        let heights = if compact {
            [Constraint::Fill(8), Constraint::Fill(7), Constraint::Fill(5)]
        } else {
            [Constraint::Fill(11), Constraint::Fill(10), Constraint::Length(1 + window.height / 12)]
        };
        let bands = Layout::vertical(heights).spacing(airy).split(body);
        let columns: Vec<Rect> = Layout::horizontal(vec![Constraint::Fill(1); if compact { 2 } else { 3 }])
            .spacing(GUTTER)
            .split(inside)
            .to_vec();

        let mut panels = Vec::with_capacity(6);
        for (row, band) in form.iter().zip(bands.iter()) {
            let mut rest = columns.as_slice();
            for &(panel, span) in *row {
                let (own, others) = rest.split_at(span.min(rest.len()));
                if let (Some(first), Some(last)) = (own.first(), own.last()) {
                    let area = Rect { x: first.x, width: last.right() - first.x, ..*band };
                    panels.push((panel, area));
                }
                rest = others;
            }
        }
        let tabs = Some(tabs).filter(|tabs| tabs.height > 0);
        Some(Self { header, columns, body, tabs, panels, say, audit, footer })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dashboard::page::PANELS;

    #[test]
    fn every_panel_has_its_place_and_none_overlap() {
        for width in LEAST.0..=250 {
            for height in LEAST.1..=90 {
                let window = Rect::new(0, 0, width, height);
                let page = Places::of(window, height % 4).unwrap();
                let mut areas = vec![page.header, page.say, page.audit, page.footer];
                areas.extend(page.tabs);
                assert_eq!(page.panels.len(), PANELS);
                for panel in [Orders, Sales, Handled, Stock, Latest, Messages] {
                    let places: Vec<_> = page.panels.iter().filter(|(p, _)| *p == panel).collect();
                    assert_eq!(places.len(), 1, "{panel:?} at {width}×{height}");
                    let area = places[0].1;
                    assert!(area.height >= 3 && area.width >= 28, "{panel:?} is {area} at {width}×{height}");
                    areas.push(area);
                }
                for (index, area) in areas.iter().enumerate() {
                    assert_eq!(area.intersection(window), *area);
                    assert!(areas[index + 1..].iter().all(|other| !area.intersects(*other)));
                }
            }
        }
    }

    #[test]
    fn there_is_no_page_where_it_cannot_hold_everything() {
        assert!(Places::of(Rect::new(0, 0, 59, 40), 0).is_none());
        assert!(Places::of(Rect::new(0, 0, 200, 15), 0).is_none());
        assert!(Places::of(Rect::ZERO, 0).is_none());
    }
}
