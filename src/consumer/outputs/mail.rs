//! `mail/DATE.mbox` with the mails, `handled/DATE.txt` with the register of handled orders.

use crate::{
    consumer::output::{Appends, Output},
    shop::Zone,
    sinks::{mail, register},
    views::{Event, Mail},
};

/// The mails' files.
#[derive(Debug)]
pub struct MailFiles {
    zone: Zone,
    row: Vec<u8>,
}

impl MailFiles {
    /// Days are those of `zone`.
    pub fn new(zone: Zone) -> Self {
        Self { zone, row: Vec::new() }
    }
}

impl Output<Mail> for MailFiles {
    fn folders(&self) -> &'static [&'static str] {
        &["mail", "handled"]
    }

    fn event(&mut self, event: &Event, appends: &mut Appends) {
        if let Event::Handled(handled) = event {
            let date = self.zone.date(handled.second());
            appends.push(mail::file(date), "", &mail::mbox_entry(handled, self.zone));
            self.row.clear();
            register::write(handled, &mut self.row);
            appends.push(register::file(date), register::HEADING, &self.row);
        }
    }
}
