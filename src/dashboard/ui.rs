//! What the person at the keyboard has done to the screen.

use chrono::NaiveDate;

use super::rates::{step_down, step_up};
use crate::{
    dashboard::{page::Page, snapshot::Snapshot},
    messages::Sentence,
    shop::pulse::RunState,
};

/// The presenter's ten minutes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Talk {
    /// Whole seconds of wall time that are left; below zero when it is over.
    pub left: i64,
}

impl Talk {
    /// How long a talk takes, seconds.
    pub const LENGTH: i64 = 600;
    /// From here on the end is near, seconds.
    pub const NEAR: i64 = 120;
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

impl StockSort {
    /// The way of sorting that comes after this one.
    #[must_use]
    pub fn next(self) -> Self {
        match self {
            Self::Need => Self::Name,
            Self::Name => Self::Balance,
            Self::Balance => Self::Sold,
            Self::Sold => Self::DaysLeft,
            Self::DaysLeft => Self::Need,
        }
    }
}

/// Over how long charts go, by steps; what a step is in seconds depends on the chart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span(pub usize);

impl Span {
    /// How many steps there are.
    pub const STEPS: usize = 5;

    /// The next shorter span; `None` at the shortest.
    pub fn narrower(self) -> Option<Self> {
        self.0.checked_sub(1).map(Self)
    }

    /// The next longer span; `None` at the longest.
    pub fn wider(self) -> Option<Self> {
        Some(Self(self.0 + 1)).filter(|span| span.0 < Self::STEPS)
    }
}

impl Default for Span {
    /// As much as there is.
    fn default() -> Self {
        Self(Self::STEPS - 1)
    }
}

/// A line of a list that was chosen: lists move, and the choice stays with what it is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Choice {
    /// What the line is of, see [`super::lists::keys`].
    pub key: u64,
    /// Where it was: what is there is chosen when it is gone.
    pub place: usize,
}

/// What became of a key: why it did nothing, or the shop's answer to it; said for a moment.
#[derive(Debug, Clone, PartialEq)]
pub enum Notice {
    /// Only accelerated time can be led to midnight or made busy.
    RealTime,
    /// No simulator of this shop sells.
    NobodySells,
    /// There is no shell that could call the program back.
    NoShell,
    /// The list has nothing that could be opened.
    NothingToOpen,
    /// No panel has the focus.
    NoPanel,
    /// There is no higher rate.
    Fastest,
    /// There is no lower rate.
    Slowest,
    /// What was saved, or why something was not done.
    Answer(Sentence),
    /// Something that the day is about.
    Event(Sentence),
}

/// What the person at the keyboard has done to the screen.
#[derive(Debug, Clone, PartialEq, Default)]
#[expect(clippy::struct_excessive_bools, reason = "each is a switch of its own")]
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
    /// The chosen line of each page's list, by [`Page::index`]; `None` for the first one, whichever that is.
    pub chosen: [Option<Choice>; Page::ALL.len()],
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
    /// Why the last key did nothing.
    pub notice: Option<Notice>,
    /// Messages from this number on are new.
    pub new_from: u64,
    /// Messages from this number on are recent.
    pub recent_from: u64,
    /// What the shop says of itself, also while the picture is frozen.
    simulator: Option<RunState>,
    /// Whether its time runs faster than the clock on the wall.
    accelerated: bool,
    /// Orders a second that the shop aims at, by its own word.
    target_rate: Option<f64>,
    /// Orders a second as measured.
    measured_rate: f64,
    /// What was asked for and is not confirmed yet.
    pub(super) asked_state: Option<RunState>,
    pub(super) asked_rate: Option<f64>,
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

    /// Whether there is a simulator whose time can be led on.
    pub fn time_bends(&self) -> bool {
        self.shop_listens() && self.accelerated
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

    /// What the list of the open page is filtered by; empty for nothing.
    pub fn filter(&self) -> &str {
        self.filters.get(self.page.index()).map_or("", String::as_str)
    }

    /// The panel of the overview that has the whole page.
    pub fn enlarged_panel(&self) -> Option<usize> {
        self.focus.filter(|_| self.enlarged && self.page == Page::Overview)
    }

    /// Whether the picture can be got rid of by going back a step.
    pub fn can_go_back(&self) -> bool {
        let here = match self.page {
            Page::Overview => self.focus.is_some(),
            Page::Orders => self.following.is_some(),
            Page::Reports => self.reading.is_some(),
            _ => false,
        };
        self.help || here || self.frozen || !self.filter().is_empty()
    }

    /// Learns what the shop says of itself; what it confirms is no wish any more.
    pub(super) fn hear(&mut self, shop: &Snapshot) {
        self.simulator = shop.simulator;
        self.accelerated = (shop.speed - 1.0).abs() > f64::EPSILON;
        self.target_rate = shop.target_rate;
        self.measured_rate = shop.orders_per_second;
        if self.asked_state == shop.simulator {
            self.asked_state = None;
        }
        if self.asked_rate == shop.target_rate {
            self.asked_rate = None;
        }
    }
}
