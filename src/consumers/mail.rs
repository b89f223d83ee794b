//! The mails: `mail/DATE.mbox`, and `handled/DATE.txt` with the register of handled orders; how many were written, and the
//! newest of them.

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};

use super::{Consumer, Contribution, FileSetting, Recount};
use crate::{
    consumer::output::{Appends, DayPath, Output},
    messages::Lang,
    shop::Zone,
    sinks::{handled_table, mail},
    views::{
        Event, Source, View,
        figures_merger::Summary,
        shop_figures::{FEED, LatestOrder, Stage, feed_name},
        table::{Saved, Table},
    },
};

/// One mail per handled order.
#[derive(Debug, Clone, Default)]
pub struct Mail {
    /// One row, 0: all mails of the partition.
    written: Table<u8, u64>,
    /// Only for the feed: lost at a restart.
    latest: VecDeque<LatestOrder>,
}

impl View for Mail {
    const NAME: &'static str = "mail";
    const SOURCES: &'static [Source] = &[Source::Handled];
    const HAS_WINDOWS: bool = false;
    type Figures = Figures;

    fn apply(&mut self, event: &Event, _: Zone) {
        if let Event::Handled(handled) = event {
            *self.written.row(0) += 1;
            self.latest.push_front(LatestOrder {
                order_id: handled.order_id,
                created_at: handled.created_at,
                customer: feed_name(&handled.customer.name),
                pieces: 0,
                total_ore: handled.total_ore,
                stage: Stage::Mailed,
                handled_at: Some(handled.handled_at),
            });
            self.latest.truncate(FEED);
        }
    }

    fn figures(&self, _: i64, _: Zone) -> Figures {
        Figures {
            mails: self.written.get(0).copied().unwrap_or(0),
            latest: self.latest.iter().cloned().collect(),
        }
    }

    fn tables(&mut self) -> Vec<(&'static str, &mut dyn Saved)> {
        vec![("written", &mut self.written)]
    }
}

/// Mails written.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Figures {
    /// How many.
    pub mails: u64,
    /// The newest ones, newest first.
    pub latest: Vec<LatestOrder>,
}

impl Contribution for Figures {
    fn add_to(&self, shop: &mut Summary) {
        shop.figures.mails = shop.figures.mails.saturating_add(self.mails);
        shop.add_latest(&self.latest);
    }

    fn latest(&self) -> &[LatestOrder] {
        &self.latest
    }

    fn recount(&self) -> Recount<'_> {
        Recount::Mail(self)
    }
}

impl Consumer for Mail {
    type Files = MailFiles;

    fn files(setting: &FileSetting<'_>) -> MailFiles {
        MailFiles::new(setting.zone, setting.lang)
    }
}

/// The mails' files.
#[derive(Debug)]
pub struct MailFiles {
    zone: Zone,
    lang: Lang,
    mails: DayPath,
    register: DayPath,
}

impl MailFiles {
    /// Days are those of `zone`; the mails are in `lang`.
    pub fn new(zone: Zone, lang: Lang) -> Self {
        Self { zone, lang, mails: DayPath::new(mail::file), register: DayPath::new(handled_table::file) }
    }
}

impl Output<Mail> for MailFiles {
    fn folders(&self) -> &'static [&'static str] {
        &["mail", "handled"]
    }

    fn event(&mut self, event: &Event, appends: &mut Appends) {
        if let Event::Handled(handled) = event {
            let date = self.zone.date(handled.second());
            appends.push(self.mails.of(date), "", |out| mail::write(handled, self.zone, self.lang, out));
            appends.push(self.register.of(date), handled_table::HEADING, |out| {
                handled_table::write(handled, out);
            });
        }
    }
}
