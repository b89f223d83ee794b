//! The mouse targets of a frame; recorded while it is drawn, so that they match the screen.

use ratatui::layout::{Position, Rect};

use crate::dashboard::page::Page;

/// A target of the mouse.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Target {
    /// The tab of a page.
    Page(Page),
    /// A panel of the overview, by its order on the screen.
    Panel(usize),
    /// A line of the page's list, by its index.
    Line(usize),
}

/// All mouse targets of one frame.
#[derive(Debug, Clone, Default)]
pub struct Targets(Vec<(Rect, Target)>);

impl Targets {
    /// The target at a column and row; the last one drawn is on top.
    pub fn at(&self, column: u16, row: u16) -> Option<Target> {
        let place = Position::new(column, row);
        self.0.iter().rev().find(|(area, _)| area.contains(place)).map(|(_, target)| *target)
    }

    /// How many list lines are visible.
    pub fn lines(&self) -> usize {
        self.0.iter().filter(|(_, target)| matches!(target, Target::Line(_))).count()
    }

    pub(super) fn push(&mut self, area: Rect, target: Target) {
        self.0.push((area, target));
    }
}
