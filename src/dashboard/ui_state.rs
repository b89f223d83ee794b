//! The state that the user controls.

use chrono::NaiveDate;

use super::rates::{step_down, step_up};
use crate::{
    consumers::Name,
    dashboard::{page::Page, snapshot::Snapshot},
    messages::Sentence,
    shop::pulse::RunState,
};

/// The timer of a ten-minute talk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Talk {
    /// Remaining whole seconds of wall time; negative after the end.
    pub left: i64,
}

impl Talk {
    /// The length of a talk, seconds.
    pub const LENGTH: i64 = 600;
    /// From here on the end is highlighted, seconds.
    pub const NEAR: i64 = 60;
}

/// How the stock table is sorted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum StockSort {
    /// Sold out and low first.
    #[default]
    Need,
    /// By name.
    Name,
    /// By ascending balance.
    Balance,
    /// The most sold today first.
    Sold,
    /// Fewest days left first.
    DaysLeft,
}

impl StockSort {
    /// The sort order after this one.
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

/// The time span of charts, in steps; the seconds of a step depend on the chart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span(pub usize);

impl Span {
    /// The number of steps.
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
    /// The longest span.
    fn default() -> Self {
        Self(Self::STEPS - 1)
    }
}

/// A selected line of a list: when lines move, the selection stays with its item.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Choice {
    /// The key of the item, see [`super::lists::keys`].
    pub key: u64,
    /// Its index, which stays selected if the item disappears.
    pub place: usize,
}

/// The outcome of a key: why it had no effect, or the shop's response; shown for a few seconds.
#[derive(Debug, Clone, PartialEq)]
pub enum Notice {
    /// Only accelerated time can skip to midnight or have a rush.
    RealTime,
    /// No simulator of this shop sells.
    NobodySells,
    /// A past moment cannot be changed.
    Past,
    /// No shell could resume the program.
    NoShell,
    /// The list has nothing to open.
    NothingToOpen,
    /// No panel has the focus.
    NoPanel,
    /// There is no higher rate.
    Fastest,
    /// There is no lower rate.
    Slowest,
    /// A file that was saved, or why something was not done.
    Answer(Sentence),
    /// A shop event.
    Event(Sentence),
}

/// The state of the screen that the user controls.
#[derive(Debug, Clone, PartialEq, Default)]
#[expect(clippy::struct_excessive_bools, reason = "each is a switch of its own")]
pub struct Ui {
    /// Whether the frame is frozen.
    pub frozen: bool,
    /// The past moment on the screen: shop time, Unix seconds; `None` for now.
    pub moment: Option<i64>,
    /// Whether the help is open.
    pub help: bool,
    /// The open page.
    pub page: Page,
    /// The focused panel of the overview, by its order on the screen; `None` before the first `Tab`.
    pub focus: Option<usize>,
    /// Whether the focused panel is enlarged.
    pub enlarged: bool,
    /// The selected line of each page's list, by [`Page::index`]; `None` always selects the first line.
    pub chosen: [Option<Choice>; Page::ALL.len()],
    /// The filter of each page's list, by [`Page::index`]; empty for none.
    pub filters: [String; Page::ALL.len()],
    /// The page whose filter is being typed.
    pub typing: Option<Page>,
    /// The sort order of the stock.
    pub sort: StockSort,
    /// The time span of charts.
    pub span: Span,
    /// The followed order.
    pub following: Option<u64>,
    /// The open report.
    pub reading: Option<NaiveDate>,
    /// The consumer that the next fault is injected into, by its index.
    pub victim: usize,
    /// The talk's timer, if in a talk.
    pub talk: Option<Talk>,
    /// The current notice.
    pub notice: Option<Notice>,
    /// Messages from this number on are new.
    pub new_from: u64,
    /// Messages from this number on are recent.
    pub recent_from: u64,
    /// The shop's own state, updated even while frozen.
    simulator: Option<RunState>,
    /// Whether shop time runs faster than wall time.
    accelerated: bool,
    /// Target of orders a second, as the shop reports it.
    target_rate: Option<f64>,
    /// Orders a second as measured.
    measured_rate: f64,
    /// Requests that are not confirmed yet.
    pub(super) asked_state: Option<RunState>,
    pub(super) asked_rate: Option<f64>,
}

impl Ui {
    /// The simulator's state, or the one requested from it.
    pub fn simulator(&self) -> Option<RunState> {
        self.asked_state.or(self.simulator)
    }

    /// Whether a simulator can take requests; a past moment cannot be changed.
    pub fn shop_listens(&self) -> bool {
        self.moment.is_none() && matches!(self.simulator, Some(RunState::Running | RunState::Paused))
    }

    /// Whether a simulator's time can be skipped.
    pub fn time_bends(&self) -> bool {
        self.shop_listens() && self.accelerated
    }

    /// The requested rate, until it is confirmed.
    pub fn asked_rate(&self) -> Option<f64> {
        self.asked_rate
    }

    /// The next higher rate; `None` if there is none, or no limit already.
    pub fn faster(&self) -> Option<f64> {
        let rate = self.asked_rate.or(self.target_rate)?;
        self.shop_listens().then(|| step_up(rate)).filter(|next| *next > rate)
    }

    /// The next lower rate; without a limit, the one below the measured rate.
    pub fn slower(&self) -> Option<f64> {
        let rate = self.asked_rate.or(self.target_rate).unwrap_or(self.measured_rate);
        self.shop_listens().then(|| step_down(rate)).filter(|next| *next < rate)
    }

    /// The filter of the open page's list; empty for none.
    pub fn filter(&self) -> &str {
        self.filters.get(self.page.index()).map_or("", String::as_str)
    }

    /// The consumer that the next fault is injected into.
    pub fn victim(&self) -> Name {
        Name::ALL.get(self.victim).copied().unwrap_or(Name::OrdersToday)
    }

    /// The enlarged panel of the overview.
    pub fn enlarged_panel(&self) -> Option<usize> {
        self.focus.filter(|_| self.enlarged && self.page == Page::Overview)
    }

    /// Whether [`super::action::Command::Back`] has anything to undo.
    pub fn can_go_back(&self) -> bool {
        let here = match self.page {
            Page::Overview => self.focus.is_some(),
            Page::Orders => self.following.is_some(),
            Page::Reports => self.reading.is_some(),
            _ => false,
        };
        self.help || here || self.frozen || self.moment.is_some() || !self.filter().is_empty()
    }

    /// Takes over the shop's own state; confirmed requests are dropped.
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
