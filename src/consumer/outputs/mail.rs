//! `mail/DATE.mbox` with the mails, `handled/DATE.txt` with the register of handled orders.

use crate::{
    consumer::output::{Appends, DayPath, Output},
    shop::Zone,
    sinks::{mail, register},
    views::{Event, Mail},
};

/// The mails' files.
#[derive(Debug)]
pub struct MailFiles {
    zone: Zone,
    mails: DayPath,
    register: DayPath,
}

impl MailFiles {
    /// Days are those of `zone`.
    pub fn new(zone: Zone) -> Self {
        Self { zone, mails: DayPath::new(mail::file), register: DayPath::new(register::file) }
    }
}

impl Output<Mail> for MailFiles {
    fn folders(&self) -> &'static [&'static str] {
        &["mail", "handled"]
    }

    fn event(&mut self, event: &Event, appends: &mut Appends) {
        if let Event::Handled(handled) = event {
            let date = self.zone.date(handled.second());
            appends.push(self.mails.of(date), "", |out| mail::write(handled, self.zone, out));
            appends.push(self.register.of(date), register::HEADING, |out| register::write(handled, out));
        }
    }
}
