//! Navigation of pages, panels, lists and filters; always on the shown snapshot, frozen or not.

use super::App;
use crate::dashboard::{
    action::{Command, Effect, Request},
    lists,
    mouse_targets::Target,
    page::{PANELS, Page},
    ui_state::{Choice, Notice},
};
use crate::{
    chaos::{Fault, Kind},
    consumers::Name,
};

/// The longest filter, in characters.
const LONGEST_FILTER: usize = 60;

impl App {
    /// Applies a navigation command; returns its effect, if any, or why it has none.
    pub(super) fn navigate(&mut self, command: Command) -> Result<Option<Effect>, Notice> {
        let request = match command {
            Command::Enter => self.enter()?,
            Command::Point(target) => self.point(target)?,
            other => self.step(other),
        };
        Ok(request.map(Effect::Ask))
    }

    fn step(&mut self, command: Command) -> Option<Request> {
        match command {
            Command::Go(page) => return self.go(page),
            Command::Back => return self.back(),
            Command::FocusNext => self.move_focus(1),
            Command::FocusPrevious => self.move_focus(PANELS - 1),
            Command::Up => self.choose(|line, _| line.saturating_sub(1)),
            Command::Down => self.choose(|line, _| line.saturating_add(1)),
            // A presenter's remote sends these.
            Command::PageUp if self.ui.enlarged_panel().is_some() => self.move_focus(PANELS - 1),
            Command::PageDown if self.ui.enlarged_panel().is_some() => self.move_focus(1),
            Command::PageUp => self.choose(usize::saturating_sub),
            Command::PageDown => self.choose(usize::saturating_add),
            Command::First => self.choose(|_, _| 0),
            Command::Last => self.choose(|_, _| usize::MAX),
            Command::Filter if self.ui.page.has_filter() => self.ui.typing = Some(self.ui.page),
            Command::Type(character) => self.write(&[character]),
            Command::Erase => self.edit(|filter| {
                filter.pop();
            }),
            Command::Sort if self.ui.page == Page::Stock => self.ui.sort = self.ui.sort.next(),
            _ => {}
        }
        None
    }

    fn go(&mut self, page: Page) -> Option<Request> {
        self.ui.typing = None;
        self.ui.page = page;
        (page == Page::Faults).then_some(Request::Audit)
    }

    /// Undoes the last overlay, filter, selection or freeze.
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
        } else if self.ui.frozen {
            self.freeze(false);
        } else if let Some(Effect::Ask(request)) = self.return_to_now() {
            return Some(request);
        }
        None
    }

    fn enter(&mut self) -> Result<Option<Request>, Notice> {
        if self.ui.typing.take().is_some() {
            return Ok(None);
        }
        Ok(match self.ui.page {
            Page::Overview => {
                self.ui.focus.ok_or(Notice::NoPanel)?;
                self.ui.enlarged = !self.ui.enlarged;
                None
            }
            // From here on the selection stays with this order, whatever is added above.
            Page::Orders => {
                let place = self.chosen_line();
                let orders = lists::orders(&self.shown, &self.ui);
                let order = orders.get(place).ok_or(Notice::NothingToOpen)?.order_id;
                self.choose_line(Some(place));
                self.ui.following = Some(order);
                Some(Request::Follow(Some(order)))
            }
            Page::Reports => {
                let place = self.chosen_line();
                let date = lists::reports(&self.shown).get(place).ok_or(Notice::NothingToOpen)?.date;
                self.choose_line(Some(place));
                self.ui.reading = Some(date);
                Some(Request::Open(Some(date)))
            }
            Page::Faults if self.ui.moment.is_some() => return Err(Notice::Past),
            Page::Faults => {
                let kind = Kind::ALL.get(self.chosen_line()).ok_or(Notice::NothingToOpen)?;
                Some(Request::Break(Fault::new(*kind, self.ui.victim())))
            }
            Page::Sales | Page::Stock | Page::Handling | Page::Kafka | Page::Log => None,
        })
    }

    /// Moves the focus forward, with wrap-around.
    fn move_focus(&mut self, by: usize) {
        if self.ui.page == Page::Faults {
            let victims = Name::ALL.len();
            let step = if by == 1 { 1 } else { victims - 1 };
            self.ui.victim = (self.ui.victim + step) % victims;
        } else if self.ui.page == Page::Overview {
            // Without a focus, `Tab` selects the first panel, shift+tab the last.
            let from = self.ui.focus.unwrap_or(if by == 1 { PANELS - 1 } else { 0 });
            self.ui.focus = Some((from + by) % PANELS);
        }
    }

    /// The index of the selected line in the open page's list.
    fn chosen_line(&self) -> usize {
        lists::chosen(&self.shown, &self.ui, self.ui.page)
    }

    /// Selects the line at an index of the open page's list; `None` always selects the first line.
    fn choose_line(&mut self, place: Option<usize>) {
        let page = self.ui.page;
        let keys = lists::keys(&self.shown, &self.ui, page);
        let choice = place.and_then(|place| keys.get(place).map(|key| Choice { key: *key, place }));
        if let Some(chosen) = self.ui.chosen.get_mut(page.index()) {
            *chosen = choice;
        }
    }

    /// Moves the selection: `to` gets the selected index and the lines of a page.
    fn choose(&mut self, to: impl Fn(usize, usize) -> usize) {
        let Some(last) = lists::keys(&self.shown, &self.ui, self.ui.page).len().checked_sub(1) else {
            return;
        };
        let visible = self.targets.lines().max(2) - 1;
        let line = to(self.chosen_line().min(last), visible).min(last);
        self.choose_line(Some(line).filter(|line| *line > 0));
    }

    /// Pasted text goes into the filter being typed; otherwise it is ignored.
    pub(super) fn paste(&mut self, text: &str) {
        self.write(&text.chars().collect::<Vec<_>>());
    }

    fn write(&mut self, text: &[char]) {
        self.edit(|filter| {
            let room = LONGEST_FILTER.saturating_sub(filter.chars().count());
            filter.extend(text.iter().filter(|character| !character.is_control()).take(room));
        });
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

    fn point(&mut self, target: Target) -> Result<Option<Request>, Notice> {
        match target {
            Target::Page(page) => return Ok(self.go(page)),
            Target::Panel(panel) if self.ui.focus == Some(panel) => return self.enter(),
            Target::Panel(panel) => self.ui.focus = Some(panel),
            Target::Line(line) if self.chosen_line() == line => return self.enter(),
            Target::Line(line) => self.choose(|_, _| line),
        }
        Ok(None)
    }
}
