//! The dashboard's events, and the requests that it sends.

use std::sync::Arc;

use chrono::NaiveDate;

use super::{page::Page, screenshot::Picture, snapshot::Snapshot};
use crate::{chaos::Fault, dashboard::mouse_targets::Target, views::shop_figures::ShopFigures};

/// Something that happened.
#[derive(Debug, Clone)]
pub enum Action {
    /// A key with a binding was pressed.
    Command(Command),
    /// A paste: never taken as keys.
    Paste(String),
    /// A new snapshot of the shop.
    Picture(Arc<Snapshot>),
    /// The terminal was resized, or must be redrawn.
    Redraw,
    /// A timer that [`super::app::App`] asked for.
    Wake,
}

/// The command of a key; see [`super::keymap`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Command {
    /// Leave.
    Quit,
    /// Pause or resume the shop.
    Pause,
    /// More orders a second.
    Faster,
    /// Fewer orders a second.
    Slower,
    /// Freeze the frame while data flow on, or unfreeze it.
    Freeze,
    /// Show or hide the help.
    Help,
    /// Undo the last overlay, filter, selection or freeze.
    Back,
    /// Go to a page.
    Go(Page),
    /// Move the focus to the next panel of the overview.
    FocusNext,
    /// Move the focus to the previous panel.
    FocusPrevious,
    /// Enlarge the focused panel, follow the selected order, open the selected report, inject the selected fault, or
    /// apply the filter.
    Enter,
    /// Select the line above.
    Up,
    /// Select the line below.
    Down,
    /// Select a line a page up.
    PageUp,
    /// Select a line a page down.
    PageDown,
    /// Select the first line.
    First,
    /// Select the last line.
    Last,
    /// Start typing a filter.
    Filter,
    /// Type a character of the filter.
    Type(char),
    /// Delete the last character of the filter.
    Erase,
    /// Sort the stock by the next column.
    Sort,
    /// Charts with a shorter span.
    Narrower,
    /// Charts with a longer span.
    Wider,
    /// Save frame and figures as files.
    Save,
    /// Suspend the program (SIGTSTP).
    Suspend,
    /// Move the shown moment by seconds of shop time; negative goes back.
    Rewind(i64),
    /// Show the shop as it is now.
    Now,
    /// Jump to just before midnight, in accelerated time.
    ToMidnight,
    /// A rush of customers, in accelerated time.
    Rush,
    /// A mouse click on a target.
    Point(Target),
}

/// The effect of an action.
#[derive(Debug, Clone, PartialEq)]
pub enum Effect {
    /// Send a request to the program.
    Ask(Request),
    /// Render the frame as files and request to save them.
    Save,
    /// Suspend the program (SIGTSTP).
    Suspend,
    /// Leave.
    Quit,
}

/// Requests to the program that runs the dashboard.
#[derive(Debug, Clone, PartialEq)]
pub enum Request {
    /// Pause the shop.
    Pause,
    /// Resume the shop.
    Resume,
    /// Sell this many orders a second of wall time.
    Rate(f64),
    /// Look up this order and track it; `None` to stop tracking.
    Follow(Option<u64>),
    /// Read the report of this day; `None` to close it.
    Open(Option<NaiveDate>),
    /// Show the shop as it was at this second of shop time; `None` for now.
    Rewind(Option<i64>),
    /// Save this frame and its figures.
    Save(Picture, Box<ShopFigures>),
    /// Fill the day until just before midnight, and resume there.
    ToMidnight,
    /// Sell many more for a short while.
    Rush,
    /// Audit the figures against the log, in the background.
    Audit,
    /// Inject a fault.
    Break(Fault),
    /// Record that the talk has begun.
    TalkBegan,
    /// The user wants to quit.
    Quit,
}
