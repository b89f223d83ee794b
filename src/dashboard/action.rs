//! What can happen to the dashboard, and what it asks of the shop.

use std::sync::Arc;

use chrono::NaiveDate;

use super::{page::Page, picture::Picture, snapshot::Snapshot};
use crate::{dashboard::targets::Target, views::figures::ShopFigures};

/// Something that happened.
#[derive(Debug, Clone)]
pub enum Action {
    /// A key that means something was pressed.
    Command(Command),
    /// Text was pasted: no keys.
    Paste(String),
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
    /// Undo the last thing that covers, narrows or holds the picture.
    Back,
    /// Go to a page.
    Go(Page),
    /// Move the focus to the next panel of the overview.
    FocusNext,
    /// Move the focus to the panel before.
    FocusPrevious,
    /// Enlarge the panel in focus; follow the chosen order; open the chosen report; keep what was typed.
    Enter,
    /// Choose the line above.
    Up,
    /// Choose the line below.
    Down,
    /// Choose a line a page above.
    PageUp,
    /// Choose a line a page below.
    PageDown,
    /// Choose the first line.
    First,
    /// Choose the last line.
    Last,
    /// Begin to type a filter.
    Filter,
    /// Type a character of the filter.
    Type(char),
    /// Take back the last character of the filter.
    Erase,
    /// Sort the stock by the next column.
    Sort,
    /// Charts over less time.
    Narrower,
    /// Charts over more time.
    Wider,
    /// Save picture and figures as files.
    Save,
    /// Give the terminal back to the shell until it is called again.
    Suspend,
    /// Jump to just before midnight, in accelerated time.
    ToMidnight,
    /// A rush of customers, in accelerated time.
    Rush,
    /// The mouse was pressed on something.
    Point(Target),
}

/// What is to be done because of an action.
#[derive(Debug, Clone, PartialEq)]
pub enum Effect {
    /// Ask the program around the dashboard.
    Ask(Request),
    /// Write the picture as text and have it saved.
    Save,
    /// Give the terminal back to the shell until it is called again.
    Suspend,
    /// Leave.
    Quit,
}

/// What the dashboard asks of the program around it.
#[derive(Debug, Clone, PartialEq)]
pub enum Request {
    /// Pause the shop.
    Pause,
    /// Let the shop go on.
    Resume,
    /// Sell this many orders a second of wall time.
    Rate(f64),
    /// Look for this order and keep looking at it; `None` when it is of no interest any more.
    Follow(Option<u64>),
    /// Read the report of this day; `None` when it is closed.
    Open(Option<NaiveDate>),
    /// Save this picture, and the figures that it shows.
    Save(Picture, Box<ShopFigures>),
    /// Fill the day until just before midnight and go on from there.
    ToMidnight,
    /// Sell many more for a short while.
    Rush,
    /// Keep that the talk has begun.
    TalkBegan,
    /// The person wants to leave.
    Quit,
}
