//! The dashboard's state. Only [`App::update`] changes it, and it has no side effects.
//!
//! `navigate` moves through pages, panels, lists and filters.

mod navigate;

use std::{
    collections::VecDeque,
    sync::Arc,
    time::{Duration, Instant},
};

use super::{
    action::{Action, Command, Effect, Request},
    mouse_targets::Targets,
    snapshot::{Answer, Snapshot},
    ui_state::{Notice, Talk, Ui},
};
use crate::{shop::pulse::RunState, stream::order_search::OrderStatus};

/// How long a message is new, and after that recent, wall time.
const NEW_FOR: Duration = Duration::from_secs(8);
const RECENT_FOR: Duration = Duration::from_secs(45);

/// How long a request is shown as done before the shop confirms it, wall time.
const PATIENCE: Duration = Duration::from_secs(5);

/// How long a notice is shown, and how long one of a shop event, wall time.
const NOTICED_FOR: Duration = Duration::from_secs(5);
const EVENT_FOR: Duration = Duration::from_secs(10);

/// The state that the screen depends on.
#[derive(Debug)]
pub struct App {
    /// The latest snapshot.
    newest: Arc<Snapshot>,
    /// The past snapshot shown instead, if any.
    past: Option<Arc<Snapshot>>,
    /// The snapshot on the screen: the latest or the past one; unchanged while frozen.
    shown: Arc<Snapshot>,
    ui: Ui,
    /// Mouse targets of the last frame.
    targets: Targets,
    /// Messages that are new or recent: number and time first seen, oldest first.
    young: VecDeque<(u64, Instant)>,
    /// The lowest message number not seen yet.
    unseen_from: u64,
    /// When unconfirmed requests expire.
    patience_ends: Option<Instant>,
    /// When the notice expires.
    notice_ends: Option<Instant>,
    /// When the talk began.
    talk_began: Option<Instant>,
    /// Whether that is yet to be reported.
    talk_is_news: bool,
    changed: bool,
}

impl App {
    /// The state at the start.
    pub fn new(picture: Arc<Snapshot>, now: Instant) -> Self {
        let mut app = Self {
            newest: Arc::clone(&picture),
            past: None,
            shown: Arc::clone(&picture),
            ui: Ui::default(),
            targets: Targets::default(),
            young: VecDeque::new(),
            unseen_from: 0,
            patience_ends: None,
            notice_ends: None,
            talk_began: None,
            talk_is_news: false,
            changed: true,
        };
        app.take(picture, now);
        app.changed = true;
        app
    }

    /// The initial state of a talk, or of one resumed after `gone`: one figure at a time, as large as possible.
    pub fn for_a_talk(picture: Arc<Snapshot>, now: Instant, gone: Option<Duration>) -> Self {
        let mut app = Self::new(picture, now);
        app.ui.talk = Some(Talk { left: Talk::LENGTH });
        app.talk_began = gone.and_then(|gone| now.checked_sub(gone));
        app.ui.focus = Some(0);
        app.ui.enlarged = true;
        app.begin_talk_if_selling(now);
        app.wake(now);
        app
    }

    /// Goes back to a second of shop time; the caller sends the request.
    pub fn go_to(&mut self, moment: i64) -> Request {
        self.ui.moment = Some(moment);
        self.freeze(false);
        Request::Rewind(self.ui.moment)
    }

    /// The snapshot to draw.
    pub fn picture(&self) -> &Snapshot {
        &self.shown
    }

    /// The user's state of the screen.
    pub fn ui(&self) -> &Ui {
        &self.ui
    }

    /// Whether anything visible changed since the last call.
    pub fn take_changed(&mut self) -> bool {
        std::mem::take(&mut self.changed)
    }

    /// A frame was drawn, with these mouse targets.
    pub fn drawn(&mut self, targets: Targets) {
        self.targets = targets;
    }

    /// The mouse targets of the last frame.
    pub fn targets(&self) -> &Targets {
        &self.targets
    }

    /// When the screen changes next without an input; [`Action::Wake`] is due then.
    pub fn wakes_at(&self) -> Option<Instant> {
        let new_from = self.ui.new_from;
        let fades = self
            .young
            .iter()
            .map(|&(number, seen)| seen + if number >= new_from { NEW_FOR } else { RECENT_FOR });
        let second = self.ui.talk.zip(self.talk_began).map(|(talk, began)| next_second(talk, began));
        fades.chain(self.patience_ends).chain(self.notice_ends).chain(second).min()
    }

    /// Applies an action; returns its effect, if any.
    pub fn update(&mut self, action: Action, now: Instant) -> Option<Effect> {
        let before = self.ui.clone();
        let mut effect = None;
        match action {
            Action::Command(command) => {
                self.begin_talk(now);
                self.ui.notice = None;
                self.notice_ends = None;
                effect = self.obey(command, now);
            }
            Action::Picture(picture) => self.take(picture, now),
            Action::Paste(text) => self.paste(&text),
            Action::Redraw => self.changed = true,
            Action::Wake => self.wake(now),
        }
        self.changed |= self.ui != before;
        effect
    }

    /// Shows a notice for a few seconds.
    pub fn notice(&mut self, notice: Notice, now: Instant) {
        let lasts = if matches!(notice, Notice::Event(_)) { EVENT_FOR } else { NOTICED_FOR };
        let notice = Some(notice);
        self.changed |= self.ui.notice != notice;
        self.ui.notice = notice;
        self.notice_ends = Some(now + lasts);
    }

    fn obey(&mut self, command: Command, now: Instant) -> Option<Effect> {
        match command {
            Command::Quit => return Some(Effect::Quit),
            Command::Save => return Some(Effect::Save),
            Command::Suspend => return Some(Effect::Suspend),
            Command::Help => self.ui.help = !self.ui.help,
            Command::Freeze => self.freeze(!self.ui.frozen),
            Command::Rewind(seconds) => return self.rewind(seconds),
            Command::Now => return self.return_to_now(),
            Command::Pause | Command::Faster | Command::Slower | Command::ToMidnight | Command::Rush
                if self.ui.moment.is_some() =>
            {
                self.notice(Notice::Past, now);
            }
            Command::Pause if self.ui.shop_listens() => {
                let pause = self.ui.simulator() == Some(RunState::Running);
                self.ui.asked_state = Some(if pause { RunState::Paused } else { RunState::Running });
                self.patience_ends = Some(now + PATIENCE);
                return Some(Effect::Ask(if pause { Request::Pause } else { Request::Resume }));
            }
            Command::Pause => self.notice(Notice::NobodySells, now),
            Command::Faster => return self.change_rate(self.ui.faster(), Notice::Fastest, now),
            Command::Slower => return self.change_rate(self.ui.slower(), Notice::Slowest, now),
            Command::ToMidnight => return self.bend_time(Request::ToMidnight, now),
            Command::Rush => return self.bend_time(Request::Rush, now),
            Command::Narrower => self.ui.span = self.ui.span.narrower().unwrap_or(self.ui.span),
            Command::Wider => self.ui.span = self.ui.span.wider().unwrap_or(self.ui.span),
            other => {
                return self.navigate(other).unwrap_or_else(|why| {
                    self.notice(why, now);
                    None
                });
            }
        }
        None
    }

    /// Requests another rate; without one, shows `none` as the reason.
    fn change_rate(&mut self, rate: Option<f64>, none: Notice, now: Instant) -> Option<Effect> {
        let Some(rate) = rate else {
            self.notice(if self.ui.shop_listens() { none } else { Notice::NobodySells }, now);
            return None;
        };
        self.ui.asked_rate = Some(rate);
        self.patience_ends = Some(now + PATIENCE);
        Some(Effect::Ask(Request::Rate(rate)))
    }

    fn bend_time(&mut self, request: Request, now: Instant) -> Option<Effect> {
        if self.ui.time_bends() {
            return Some(Effect::Ask(request));
        }
        let why = if self.ui.shop_listens() { Notice::RealTime } else { Notice::NobodySells };
        self.notice(why, now);
        None
    }

    /// Moves the shown moment by seconds of shop time.
    fn rewind(&mut self, seconds: i64) -> Option<Effect> {
        let now = self.newest.figures.shop_second;
        let moment = self.ui.moment.unwrap_or(now).saturating_add(seconds);
        if moment < now { Some(Effect::Ask(self.go_to(moment))) } else { self.return_to_now() }
    }

    /// Returns to the present.
    fn return_to_now(&mut self) -> Option<Effect> {
        self.ui.moment.take()?;
        self.past = None;
        self.freeze(false);
        Some(Effect::Ask(Request::Rewind(None)))
    }

    /// Takes the response to the last request for a past moment, if it is there.
    fn take_past(&mut self, now: Instant) {
        let Some(rewound) = self.newest.rewound.clone() else { return };
        if self.ui.moment != Some(rewound.asked) {
            return;
        }
        match &rewound.answer {
            Answer::Underway(_) => {}
            Answer::Shop(shop) => self.past = Some(Arc::clone(shop)),
            // Stay at the last moment.
            Answer::No(why) => {
                self.ui.moment = self.past.as_ref().map(|past| past.figures.shop_second);
                self.notice(Notice::Answer(why.clone()), now);
            }
        }
    }

    /// The snapshot to show if not frozen.
    fn current(&self) -> Arc<Snapshot> {
        match &self.past {
            Some(past) => Arc::new(self.newest.beside(past)),
            None => Arc::clone(&self.newest),
        }
    }

    fn freeze(&mut self, frozen: bool) {
        self.ui.frozen = frozen;
        if !frozen {
            self.show_newest();
        }
    }

    fn show_newest(&mut self) {
        let current = self.current();
        if *self.shown != *current {
            self.changed = true;
        }
        self.shown = current;
    }

    /// Adds the responses for the followed order and the open report to a frozen snapshot.
    fn show_answers(&mut self) {
        let known = |shop: &Snapshot| {
            shop.followed
                .as_ref()
                .filter(|order| matches!(order.status, OrderStatus::Found(_)))
                .map(|order| order.order_id)
        };
        let current = self.current();
        if self.ui.following.is_some() && known(&self.shown) != self.ui.following {
            let answer = current.followed.clone();
            if self.shown.followed != answer {
                Arc::make_mut(&mut self.shown).followed = answer;
                self.changed = true;
            }
        }
        if self.ui.reading.is_some() && self.shown.opened != current.opened {
            let answer = current.opened.clone();
            Arc::make_mut(&mut self.shown).opened = answer;
            self.changed = true;
        }
    }

    fn take(&mut self, picture: Arc<Snapshot>, now: Instant) {
        let unseen_from = self.unseen_from;
        for message in picture.messages.iter().filter(|message| message.number >= unseen_from) {
            self.young.push_back((message.number, now));
            // Only the overview lists messages, and a frozen frame gets no new ones.
            if message.sentence.answers_a_key() {
                self.notice(Notice::Answer(message.sentence.clone()), now);
            } else if message.sentence.is_an_event() && self.ui.moment.is_none() {
                self.notice(Notice::Event(message.sentence.clone()), now);
            }
        }
        if let Some((newest, _)) = self.young.back() {
            self.unseen_from = newest.saturating_add(1);
        }
        self.ui.hear(&picture);
        if self.ui.asked_state.is_none() && self.ui.asked_rate.is_none() {
            self.patience_ends = None;
        }
        self.newest = picture;
        self.take_past(now);
        if self.ui.frozen {
            self.show_answers();
        } else {
            self.show_newest();
        }
        self.begin_talk_if_selling(now);
        self.age(now);
    }

    fn wake(&mut self, now: Instant) {
        if self.patience_ends.is_some_and(|end| end <= now) {
            self.patience_ends = None;
            self.ui.asked_state = None;
            self.ui.asked_rate = None;
        }
        if self.notice_ends.is_some_and(|end| end <= now) {
            self.notice_ends = None;
            self.ui.notice = None;
        }
        if let Some((talk, began)) = self.ui.talk.as_mut().zip(self.talk_began) {
            let gone = now.saturating_duration_since(began).as_secs();
            talk.left = Talk::LENGTH.saturating_sub(i64::try_from(gone).unwrap_or(i64::MAX));
        }
        self.age(now);
    }

    /// The first key or the first order starts the talk.
    fn begin_talk(&mut self, now: Instant) {
        if self.ui.talk.is_some() && self.talk_began.is_none() {
            self.talk_began = Some(now);
            self.talk_is_news = true;
        }
    }

    /// Whether the talk has begun since the last call.
    pub fn take_talk_began(&mut self) -> bool {
        std::mem::take(&mut self.talk_is_news)
    }

    fn begin_talk_if_selling(&mut self, now: Instant) {
        if self.newest.figures.produced > 0 {
            self.begin_talk(now);
        }
    }

    /// Ages messages. Numbers are ascending, so one number separates new from recent.
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

/// When the remaining time changes next.
fn next_second(talk: Talk, began: Instant) -> Instant {
    let gone = u64::try_from(Talk::LENGTH.saturating_sub(talk.left)).unwrap_or(0);
    began + Duration::from_secs(gone + 1)
}
