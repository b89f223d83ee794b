//! The pages beside the overview, one file each. Each draws into the body between header and audit line.

mod handling;
mod kafka;
mod log;
mod orders;
mod reports;
mod sales;
mod stock;

use ratatui::{buffer::Buffer, layout::Rect};

use super::Scene;
use crate::dashboard::page::Page;

/// Draws the body of a page that is not the overview.
pub(super) fn draw(scene: &Scene<'_>, page: Page, body: Rect, buf: &mut Buffer) {
    match page {
        Page::Overview => {}
        Page::Sales => sales::draw(scene, body, buf),
        Page::Stock => stock::draw(scene, body, buf),
        Page::Orders => orders::draw(scene, body, buf),
        Page::Handling => handling::draw(scene, body, buf),
        Page::Reports => reports::draw(scene, body, buf),
        Page::Kafka => kafka::draw(scene, body, buf),
        Page::Log => log::draw(scene, body, buf),
    }
}
