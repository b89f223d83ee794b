//! The pages other than the overview, one file each. Each draws into the body between header and audit line.

mod faults;
mod handling;
mod kafka;
mod log;
mod orders;
mod reports;
mod sales;
mod stock;

use ratatui::{buffer::Buffer, layout::Rect, text::Line};

use super::{Scene, text};
use crate::dashboard::page::Page;

/// Draws the body of a page that is not the overview.
pub(super) fn draw(scene: &Scene<'_>, page: Page, body: Rect, buf: &mut Buffer) {
    match page {
        // Lag, topics, log lines and the live audit are not recorded.
        Page::Kafka | Page::Log | Page::Faults if scene.shop.is_past => {
            let name = scene.words.page_names.get(page.index()).copied().unwrap_or_default();
            let body = text::title(scene, body, name, &Line::default(), buf);
            for (line, row) in text::wrapped(scene.words.unrecorded, body.width).iter().zip(body.rows()) {
                text::left(row, line, scene.theme.dim, buf);
            }
        }
        Page::Overview => {}
        Page::Sales => sales::draw(scene, body, buf),
        Page::Stock => stock::draw(scene, body, buf),
        Page::Orders => orders::draw(scene, body, buf),
        Page::Handling => handling::draw(scene, body, buf),
        Page::Reports => reports::draw(scene, body, buf),
        Page::Kafka => kafka::draw(scene, body, buf),
        Page::Log => log::draw(scene, body, buf),
        Page::Faults => faults::draw(scene, body, buf),
    }
}
