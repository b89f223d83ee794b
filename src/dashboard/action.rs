//! What can happen to the dashboard, and what it asks of the shop.

use std::sync::Arc;

use super::snapshot::Snapshot;

/// Something that happened.
#[derive(Debug, Clone)]
pub enum Action {
    /// A key that means something was pressed.
    Command(Command),
    /// The shop has a new picture.
    Picture(Arc<Snapshot>),
    /// The terminal has another size or asks to be drawn again.
    Redraw,
    /// A moment that the state had asked to be woken at.
    Wake,
}

/// What a key means; see [`super::keymap`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Command {
    /// Leave.
    Quit,
    /// Pause the shop, or let it go on.
    Pause,
    /// More orders a second.
    Faster,
    /// Fewer orders a second.
    Slower,
    /// Hold the picture still while the data flow on, or let it go.
    Freeze,
    /// Show or hide the keys.
    Help,
    /// Undo the last thing that covers or holds the picture.
    Back,
}

/// What the dashboard asks of the program around it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Request {
    /// Pause the shop.
    Pause,
    /// Let the shop go on.
    Resume,
    /// Sell this many orders a second of wall time.
    Rate(f64),
    /// The person wants to leave.
    Quit,
}
