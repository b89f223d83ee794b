//! The dashboard's state and how it changes: [`App::update`] is the only way, and it has no effects.

use std::{
    collections::VecDeque,
    sync::Arc,
    time::{Duration, Instant},
};

use chrono::NaiveDate;

use super::{
    action::{Action, Command, Request},
    page::Page,
    snapshot::Snapshot,
};
use crate::shop::pulse::RunState;

/// The presenter's ten minutes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Talk {
    /// Whole seconds of wall time that are left; below zero when it is over.
    pub left: i64,
}

/// How the stock table is sorted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum StockSort {
    /// Sold out and low first.
    #[default]
    Need,
    /// By name.
    Name,
    /// The fewest pieces first.
    Balance,
    /// The most sold today first.
    Sold,
    /// The soonest empty first.
    DaysLeft,
}

/// Over how long charts go, by steps; what a step is in seconds depends on the chart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span(pub usize);

impl Span {
    /// How many steps there are.
    pub const STEPS: usize = 5;
}

impl Default for Span {
    /// As much as there is.
    fn default() -> Self {
        Self(Self::STEPS - 1)
    }
}

/// Orders a second that the keys reach at the least and at the most.
pub const RATES: std::ops::RangeInclusive<f64> = 0.1..=100_000.0;

/// How long a message is new, and then how long it is recent, wall time.
const NEW_FOR: Duration = Duration::from_secs(8);
const RECENT_FOR: Duration = Duration::from_secs(45);

/// How long a wish is shown as the truth before the shop confirms it, wall time.
const PATIENCE: Duration = Duration::from_secs(5);

/// Everything the screen depends on.
#[derive(Debug)]
pub struct App {
    /// The newest picture.
    newest: Arc<Snapshot>,
    /// The picture that is drawn: the newest, unless it is frozen.
    shown: Arc<Snapshot>,
    ui: Ui,
    /// Messages that are not old yet: number and when it was first seen, oldest first.
    young: VecDeque<(u64, Instant)>,
    /// The number from which messages were never seen.
    unseen_from: u64,
    /// When the wishes are given up.
    patience_ends: Option<Instant>,
    changed: bool,
}

/// What the person at the keyboard has done to the screen.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Ui {
    /// The picture is held still.
    pub frozen: bool,
    /// The keys are shown.
    pub help: bool,
    /// The page that is shown.
    pub page: Page,
    /// Which panel of the overview has the focus, by its order on the screen; `None` before `Tab` was pressed.
    pub focus: Option<usize>,
    /// The panel in focus has the whole page.
    pub enlarged: bool,
    /// The chosen line of each page's list, by [`Page::index`].
    pub chosen: [usize; Page::ALL.len()],
    /// The chosen order: the feed moves, the choice stays with it. `None` for the newest.
    pub chosen_order: Option<u64>,
    /// What each page's list is filtered by, by [`Page::index`]; empty for nothing.
    pub filters: [String; Page::ALL.len()],
    /// The page whose filter is being typed.
    pub typing: Option<Page>,
    /// How the stock is sorted.
    pub sort: StockSort,
    /// Over how long charts go.
    pub span: Span,
    /// The order that is followed.
    pub following: Option<u64>,
    /// The report that is read.
    pub reading: Option<NaiveDate>,
    /// The presentation, where one is given.
    pub talk: Option<Talk>,
    /// Messages from this number on are new.
    pub new_from: u64,
    /// Messages from this number on are recent.
    pub recent_from: u64,
    /// What the shop says of itself, also while the picture is frozen.
    simulator: Option<RunState>,
    /// Orders a second that the shop aims at, by its own word.
    target_rate: Option<f64>,
    /// Orders a second as measured.
    measured_rate: f64,
    /// What was asked for and is not confirmed yet.
    asked_state: Option<RunState>,
    asked_rate: Option<f64>,
}

impl Ui {
    /// What the simulator does, or is about to do because it was asked to.
    pub fn simulator(&self) -> Option<RunState> {
        self.asked_state.or(self.simulator)
    }

    /// Whether there is a simulator that could do what it is asked.
    pub fn shop_listens(&self) -> bool {
        matches!(self.simulator, Some(RunState::Running | RunState::Paused))
    }

    /// The rate that was asked for and is not confirmed yet.
    pub fn asked_rate(&self) -> Option<f64> {
        self.asked_rate
    }

    /// The next higher rate; `None` where there is none, or already no limit.
    pub fn faster(&self) -> Option<f64> {
        let rate = self.asked_rate.or(self.target_rate)?;
        self.shop_listens().then(|| step_up(rate)).filter(|next| *next > rate)
    }

    /// The next lower rate; from no limit, the one below what is measured.
    pub fn slower(&self) -> Option<f64> {
        let rate = self.asked_rate.or(self.target_rate).unwrap_or(self.measured_rate);
        self.shop_listens().then(|| step_down(rate)).filter(|next| *next < rate)
    }
}

impl App {
    /// The state at the start.
    pub fn new(picture: Arc<Snapshot>, now: Instant) -> Self {
        let mut app = Self {
            newest: Arc::clone(&picture),
            shown: Arc::clone(&picture),
            ui: Ui::default(),
            young: VecDeque::new(),
            unseen_from: 0,
            patience_ends: None,
            changed: true,
        };
        app.take(picture, now);
        app.changed = true;
        app
    }

    /// The picture to draw.
    pub fn picture(&self) -> &Snapshot {
        &self.shown
    }

    /// What else the screen depends on.
    pub fn ui(&self) -> &Ui {
        &self.ui
    }

    /// Whether anything that is drawn changed since this was last asked.
    pub fn take_changed(&mut self) -> bool {
        std::mem::take(&mut self.changed)
    }

    /// When something will change by itself; [`Action::Wake`] is due then.
    pub fn wakes_at(&self) -> Option<Instant> {
        let new_from = self.ui.new_from;
        let fades = self
            .young
            .iter()
            .map(|&(number, seen)| seen + if number >= new_from { NEW_FOR } else { RECENT_FOR });
        fades.chain(self.patience_ends).min()
    }

    /// Something happened; what is to be asked of the program around comes back.
    pub fn update(&mut self, action: Action, now: Instant) -> Option<Request> {
        let before = self.ui.clone();
        let mut request = None;
        match action {
            Action::Command(command) => request = self.obey(command, now),
            Action::Picture(picture) => self.take(picture, now),
            Action::Redraw => self.changed = true,
            Action::Wake => {
                if self.patience_ends.is_some_and(|end| end <= now) {
                    self.give_up_wishes();
                }
                self.age(now);
            }
        }
        self.changed |= self.ui != before;
        request
    }

    fn obey(&mut self, command: Command, now: Instant) -> Option<Request> {
        match command {
            Command::Quit => return Some(Request::Quit),
            Command::Help => self.ui.help = !self.ui.help,
            Command::Freeze => self.freeze(!self.ui.frozen),
            Command::Back if self.ui.help => self.ui.help = false,
            Command::Back => self.freeze(false),
            Command::Pause if self.ui.shop_listens() => {
                let pause = self.ui.simulator() == Some(RunState::Running);
                self.ui.asked_state = Some(if pause { RunState::Paused } else { RunState::Running });
                self.patience_ends = Some(now + PATIENCE);
                return Some(if pause { Request::Pause } else { Request::Resume });
            }
            Command::Faster => return self.ui.faster().map(|rate| self.ask_rate(rate, now)),
            Command::Slower => return self.ui.slower().map(|rate| self.ask_rate(rate, now)),
            Command::Go(page) => self.ui.page = page,
            _ => {}
        }
        None
    }

    fn ask_rate(&mut self, rate: f64, now: Instant) -> Request {
        self.ui.asked_rate = Some(rate);
        self.patience_ends = Some(now + PATIENCE);
        Request::Rate(rate)
    }

    fn freeze(&mut self, frozen: bool) {
        self.ui.frozen = frozen;
        if !frozen {
            self.show_newest();
        }
    }

    fn show_newest(&mut self) {
        if *self.shown != *self.newest {
            self.changed = true;
        }
        self.shown = Arc::clone(&self.newest);
    }

    fn take(&mut self, picture: Arc<Snapshot>, now: Instant) {
        for message in picture.messages.iter().filter(|message| message.number >= self.unseen_from) {
            self.young.push_back((message.number, now));
        }
        if let Some((newest, _)) = self.young.back() {
            self.unseen_from = newest.saturating_add(1);
        }
        self.ui.simulator = picture.simulator;
        self.ui.target_rate = picture.target_rate;
        self.ui.measured_rate = picture.orders_per_second;
        if self.ui.asked_state == picture.simulator {
            self.ui.asked_state = None;
        }
        if self.ui.asked_rate == picture.target_rate {
            self.ui.asked_rate = None;
        }
        if self.ui.asked_state.is_none() && self.ui.asked_rate.is_none() {
            self.patience_ends = None;
        }
        self.newest = picture;
        if !self.ui.frozen {
            self.show_newest();
        }
        self.age(now);
    }

    fn give_up_wishes(&mut self) {
        self.patience_ends = None;
        self.ui.asked_state = None;
        self.ui.asked_rate = None;
    }

    /// Lets messages fade. Numbers count up, so one number parts the new from the recent.
    fn age(&mut self, now: Instant) {
        let past = |term: Duration| {
            let old = self.young.iter().filter(|(_, seen)| now.saturating_duration_since(*seen) >= term);
            old.map(|(number, _)| number.saturating_add(1)).max().unwrap_or(0)
        };
        let (new_from, recent_from) = (past(NEW_FOR), past(RECENT_FOR));
        self.ui.new_from = self.ui.new_from.max(new_from);
        self.ui.recent_from = self.ui.recent_from.max(recent_from);
        self.young.retain(|(number, _)| *number >= self.ui.recent_from);
    }
}

/// The next rate above: 1, 2, 5, 10, 20, 50, …
fn step_up(rate: f64) -> f64 {
    steps().find(|step| *step > rate * 1.001).unwrap_or(rate)
}

/// The next rate below.
fn step_down(rate: f64) -> f64 {
    steps().take_while(|step| *step < rate * 0.999).last().unwrap_or(rate)
}

fn steps() -> impl Iterator<Item = f64> {
    // Tenths, so that every step is the nearest number to what it says.
    (0..7_u32)
        .flat_map(|power| [1_u32, 2, 5].map(|digit| f64::from(digit * 10_u32.pow(power)) / 10.0))
        .filter(|rate| RATES.contains(rate))
}
