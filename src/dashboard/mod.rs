//! The live dashboard: from a key press to the cells of a terminal.
//!
//! It draws a [`snapshot::Snapshot`] that someone else makes and never talks to Kafka itself; what it
//! wants of the shop leaves as a [`action::Request`].
//!
//! - [`run`] is the loop and [`terminal`] the screen it owns: the only two with effects.
//! - [`page`] names the pages and [`lists`] is what stands in their lists, filtered and sorted.
//! - [`app`] is the state and how an [`action::Action`] changes it; [`ui`] is what of it the person at the keyboard has
//!   done to the screen, [`rates`] are the steps of `+` and `-`, and [`keymap`] says what the keys mean.
//! - [`webpage`] is the day as a file for a browser.
//! - [`view`] draws, one file for each panel, with the words of [`lang`], the styles of [`theme`] and the
//!   marks of [`marks`]; what comes from outside passes [`crate::messages::clean`] first.

pub mod action;
pub mod app;
pub mod keymap;
pub mod lang;
pub mod lists;
pub mod marks;
pub mod page;
pub mod picture;
pub mod rates;
pub mod run;
pub mod snapshot;
pub mod targets;
pub mod terminal;
pub mod theme;
pub mod ui;
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
