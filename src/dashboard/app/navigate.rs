//! Moving through pages, panels, lists and filters; always on the picture that is shown, frozen or not.

use super::App;
use crate::dashboard::{
    action::{Command, Request},
    lists,
    page::{PANELS, Page},
    targets::Target,
};

/// A filter is a word or two, characters.
const LONGEST_FILTER: usize = 60;

impl App {
    /// Obeys a command that moves; what is to be asked of the program around comes back.
    pub(super) fn navigate(&mut self, command: Command) -> Option<Request> {
        match command {
            Command::Go(page) => self.go(page),
            Command::Back => return self.back(),
            Command::Enter => return self.enter(),
            Command::FocusNext => self.move_focus(1),
            Command::FocusPrevious => self.move_focus(PANELS - 1),
            Command::Up => self.choose(|line, _| line.saturating_sub(1)),
            Command::Down => self.choose(|line, _| line.saturating_add(1)),
            // What a presenter's clicker sends.
            Command::PageUp if self.ui.enlarged_panel().is_some() => self.move_focus(PANELS - 1),
            Command::PageDown if self.ui.enlarged_panel().is_some() => self.move_focus(1),
            Command::PageUp => self.choose(usize::saturating_sub),
            Command::PageDown => self.choose(usize::saturating_add),
            Command::First => self.choose(|_, _| 0),
            Command::Last => self.choose(|_, _| usize::MAX),
            Command::Filter if self.ui.page.has_filter() => self.ui.typing = Some(self.ui.page),
            Command::Type(character) => self.edit(|filter| {
                if filter.chars().count() < LONGEST_FILTER && !character.is_control() {
                    filter.push(character);
                }
            }),
            Command::Erase => self.edit(|filter| {
                filter.pop();
            }),
            Command::Sort if self.ui.page == Page::Stock => self.ui.sort = self.ui.sort.next(),
            Command::Point(target) => return self.point(target),
            _ => {}
        }
        None
    }

    fn go(&mut self, page: Page) {
        self.ui.typing = None;
        self.ui.page = page;
    }

    /// Takes back the last thing that covers, narrows or holds the picture.
    fn back(&mut self) -> Option<Request> {
        let ui = &mut self.ui;
        let page = ui.page;
        if ui.typing.take().is_some() {
            self.clear_filter();
        } else if ui.help {
            ui.help = false;
        } else if ui.enlarged_panel().is_some() {
            ui.enlarged = false;
        } else if page == Page::Overview && ui.focus.is_some() {
            ui.focus = None;
        } else if page == Page::Orders && ui.following.take().is_some() {
            return Some(Request::Follow(None));
        } else if page == Page::Reports && ui.reading.take().is_some() {
            return Some(Request::Open(None));
        } else if !ui.filter().is_empty() {
            self.clear_filter();
        } else {
            self.freeze(false);
        }
        None
    }

    fn enter(&mut self) -> Option<Request> {
        if self.ui.typing.take().is_some() {
            return None;
        }
        match self.ui.page {
            Page::Overview => {
                self.ui.enlarged = self.ui.focus.is_some() && !self.ui.enlarged;
                None
            }
            Page::Orders => {
                let orders = lists::orders(&self.shown, &self.ui);
                let order = orders.get(lists::chosen_order(&orders, &self.ui))?.order_id;
                // From here on the choice is this order's, however many come.
                self.ui.chosen_order = Some(order);
                self.ui.following = Some(order);
                Some(Request::Follow(Some(order)))
            }
            Page::Reports => {
                let date = lists::reports(&self.shown).get(self.chosen(Page::Reports))?.date;
                self.ui.reading = Some(date);
                Some(Request::Open(Some(date)))
            }
            Page::Sales | Page::Stock | Page::Handling | Page::Kafka | Page::Log => None,
        }
    }

    /// Forward by so many panels, and around.
    fn move_focus(&mut self, by: usize) {
        if self.ui.page == Page::Overview {
            // Before the first `Tab`, the focus is as if behind the last.
            let from = self.ui.focus.unwrap_or(if by == 1 { PANELS - 1 } else { 0 });
            self.ui.focus = Some((from + by) % PANELS);
        }
    }

    /// The chosen line of a page's list, by its place.
    fn chosen(&self, page: Page) -> usize {
        self.ui.chosen.get(page.index()).copied().unwrap_or(0)
    }

    /// The chosen line of the open page's list.
    fn chosen_line(&self) -> usize {
        match self.ui.page {
            Page::Orders => lists::chosen_order(&lists::orders(&self.shown, &self.ui), &self.ui),
            page => self.chosen(page),
        }
    }

    /// Chooses another line: `to` has the chosen one and how many lines a page shows.
    fn choose(&mut self, to: impl Fn(usize, usize) -> usize) {
        let page = self.ui.page;
        let Some(last) = lists::length(&self.shown, &self.ui, page).checked_sub(1) else { return };
        let visible = self.targets.lines().max(2) - 1;
        let line = to(self.chosen_line().min(last), visible).min(last);
        if page == Page::Orders {
            // The first line is the newest order, whichever that is.
            let orders = lists::orders(&self.shown, &self.ui);
            self.ui.chosen_order = orders.get(line).filter(|_| line > 0).map(|order| order.order_id);
        } else if let Some(chosen) = self.ui.chosen.get_mut(page.index()) {
            *chosen = line;
        }
    }

    fn edit(&mut self, change: impl FnOnce(&mut String)) {
        let Some(page) = self.ui.typing else { return };
        if let Some(filter) = self.ui.filters.get_mut(page.index()) {
            change(filter);
        }
        self.choose(|_, _| 0);
    }

    fn clear_filter(&mut self) {
        if let Some(filter) = self.ui.filters.get_mut(self.ui.page.index()) {
            filter.clear();
        }
    }

    fn point(&mut self, target: Target) -> Option<Request> {
        match target {
            Target::Page(page) => self.go(page),
            Target::Panel(panel) if self.ui.focus == Some(panel) => return self.enter(),
            Target::Panel(panel) => self.ui.focus = Some(panel),
            Target::Line(line) if self.chosen_line() == line => return self.enter(),
            Target::Line(line) => self.choose(|_, _| line),
        }
        None
    }
}
