//! The live dashboard: from key events to terminal cells.
//!
//! It draws a [`snapshot::Snapshot`] that others build and never talks to Kafka itself; its requests to the shop are
//! [`action::Request`]s.
//!
//! - [`run()`] is the event loop and [`terminal`] its screen: the only two with side effects.
//! - [`plain`] prints lines instead of a screen.
//! - [`page`] names the pages; [`lists`] filters and sorts the content of their lists.
//! - [`app`] is the state and how an [`action::Action`] changes it; [`ui_state`] is the part of it that the user controls,
//!   [`rates`] are the steps of `+` and `-`, and [`keymap`] has the key bindings.
//! - [`webpage`] exports the day as an HTML file.
//! - [`view`] draws, one file for each panel, with the texts of [`lang`], the styles of [`theme`] and the characters of
//!   [`marks`]; text from outside passes [`crate::messages::sanitize`] first.

pub mod action;
pub mod app;
pub mod keymap;
pub mod lang;
pub mod lists;
pub mod marks;
pub mod mouse_targets;
pub mod page;
pub mod plain;
pub mod rates;
pub mod run;
pub mod screenshot;
pub mod snapshot;
pub mod terminal;
pub mod theme;
pub mod ui_state;
pub mod view;
pub mod webpage;

#[cfg(test)]
mod fixture;
#[cfg(test)]
mod tests;

pub use action::Request;
pub use marks::Marker;
pub use run::{Exit, ScreenOptions, run};
pub use snapshot::Snapshot;
pub use terminal::ScreenError;
pub use theme::ThemeName;
