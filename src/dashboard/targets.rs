//! What of a picture answers to the mouse; said while it is drawn, so that it is where it is seen.

use ratatui::layout::{Position, Rect};

use crate::dashboard::page::Page;

/// Something that can be pointed at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Target {
    /// The name of a page.
    Page(Page),
    /// A panel of the overview, by its order on the screen.
    Panel(usize),
    /// A line of the page's list, by its place in the list.
    Line(usize),
}

/// Everything on one picture that can be pointed at.
#[derive(Debug, Clone, Default)]
pub struct Targets(Vec<(Rect, Target)>);

impl Targets {
    /// What stands at a column and row; the last drawn lies on top.
    pub fn at(&self, column: u16, row: u16) -> Option<Target> {
        let place = Position::new(column, row);
        self.0.iter().rev().find(|(area, _)| area.contains(place)).map(|(_, target)| *target)
    }

    /// How many lines of a list are seen.
    pub fn lines(&self) -> usize {
        self.0.iter().filter(|(_, target)| matches!(target, Target::Line(_))).count()
    }

    pub(super) fn push(&mut self, area: Rect, target: Target) {
        self.0.push((area, target));
    }
}
