//! The mails: what the log says that each has to tell, and what the messages of a file do.

use std::io::{self, BufRead};

use chrono::{DateTime, Datelike, NaiveDate};

use super::rows::{Rows, digest};
use crate::shop::{Handled, Zone, money::kronor};

/// The last line of each mail.
const END: &str = "The Shop";

/// What a mail has to tell, whatever words it uses.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Told {
    /// `X-Order-Id`.
    order_ids: Vec<String>,
    to: Vec<String>,
    /// `Date`, Unix seconds.
    sent: Vec<Option<i64>>,
    subject: Vec<String>,
    /// The first line of the body that begins so: order, when it was placed and shipped, the sum.
    order: Option<String>,
    ordered: Option<String>,
    shipped: Option<String>,
    total: Option<String>,
}

impl Told {
    fn digest(&self) -> u64 {
        let to = self.to.first().map_or("", |to| recipient(to));
        let sent = self.sent.first().copied().flatten().unwrap_or(i64::MIN);
        let mut parts = vec![to.as_bytes(), self.subject.first().map_or(b"", String::as_bytes)];
        let sent = sent.to_be_bytes();
        parts.push(&sent);
        for fact in [&self.order, &self.ordered, &self.shipped, &self.total] {
            parts.push(fact.as_ref().map_or(b"-", String::as_bytes));
        }
        digest(&parts)
    }

    /// What the log says.
    fn of(handled: &Handled, zone: Zone) -> Self {
        let moment = |second| Some(zone.at(second).format("%Y-%m-%d %H:%M:%S").to_string());
        let local = zone.at(handled.second());
        // RFC 5322 knows no years but these.
        let sent = if (1900..=9999).contains(&local.year()) { handled.second() } else { 0 };
        Self {
            order_ids: vec![handled.order_id.to_string()],
            to: vec![handled.customer.email.to_string()],
            sent: vec![Some(sent)],
            subject: vec![format!("Your order {} has shipped", handled.order_id)],
            order: Some(handled.order_id.to_string()),
            ordered: moment(handled.created_at.timestamp()),
            shipped: moment(handled.second()),
            total: Some(kronor(handled.total_ore)),
        }
    }

    fn header(&mut self, line: &str) {
        let Some((name, value)) = line.split_once(':') else { return };
        let value = value.trim();
        match name.to_ascii_lowercase().as_str() {
            "x-order-id" => self.order_ids.push(value.to_owned()),
            "to" => {
                let inside = value.rsplit_once('<').and_then(|(_, rest)| rest.split_once('>'));
                self.to.push(inside.map_or(value, |(address, _)| address).to_owned());
            }
            "date" => self.sent.push(DateTime::parse_from_rfc2822(value).ok().map(|time| time.timestamp())),
            "subject" => self.subject.push(value.to_owned()),
            _ => {}
        }
    }

    fn body(&mut self, line: &str) {
        let Some((name, value)) = line.split_once(':') else { return };
        let fact = match name {
            "Order" => &mut self.order,
            "Ordered" => &mut self.ordered,
            "Shipped" => &mut self.shipped,
            "Total" => &mut self.total,
            _ => return,
        };
        fact.get_or_insert_with(|| value.trim_start().to_owned());
    }

    /// Whether each header is there once.
    fn is_one_mail(&self) -> bool {
        [self.order_ids.len(), self.to.len(), self.sent.len(), self.subject.len()] == [1; 4]
    }
}

/// An address that every mail program takes, or nothing: what becomes of a stranger one is left open.
fn recipient(address: &str) -> &str {
    let address = address.trim();
    let atom = |text: &str, more: &[u8]| {
        !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || more.contains(&byte))
    };
    let label = |text: &str| atom(text, b"-") && !text.starts_with('-') && !text.ends_with('-');
    let plain = address.len() <= 200
        && address.split_once('@').is_some_and(|(local, domain)| {
            let labels: Vec<&str> = domain.split('.').collect();
            local.len() <= 64
                && local.split('.').all(|part| atom(part, b"_+-"))
                && labels.len() > 1
                && labels.iter().all(|text| label(text) && text.len() <= 63)
                && labels.last().is_some_and(|last| last.bytes().all(|byte| byte.is_ascii_alphabetic()))
        });
    if plain { address } else { "" }
}

/// Where in a file the reading is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum At {
    /// Before the first message.
    Nothing,
    Header,
    Body,
}

impl Rows {
    /// Adds the mail that a handled order leads to.
    pub(super) fn expect_mail(&mut self, date: NaiveDate, handled: &Handled, zone: Zone) {
        self.add(date, handled.order_id, Told::of(handled, zone).digest());
    }

    /// Reads the mbox of a day (mboxrd, RFC 4155).
    pub fn read_mbox(&mut self, date: NaiveDate, mut file: impl BufRead) -> io::Result<()> {
        self.open(date);
        let path = format!("mail/{date}.mbox");
        let mut at = At::Nothing;
        let mut told = Told::default();
        // A header may go over several lines.
        let mut header = String::new();
        let (mut last, mut blank, mut whole) = (String::new(), true, true);
        let mut bytes = Vec::new();
        for number in 1_u64.. {
            bytes.clear();
            if file.read_until(b'\n', &mut bytes)? == 0 {
                break;
            }
            whole = bytes.pop_if(|byte| *byte == b'\n').is_some();
            let line = String::from_utf8_lossy(&bytes);
            if line.starts_with("From ") {
                if at != At::Nothing {
                    self.close(date, &path, &told, last == END && blank);
                }
                (at, told) = (At::Header, Told::default());
                header.clear();
                last.clear();
            } else if at == At::Nothing {
                self.broken().add(
                    "mails",
                    format!("{path}, line {number}"),
                    "a message",
                    super::tables::quoted(&line),
                );
            } else if at == At::Header {
                if line.starts_with([' ', '\t']) {
                    header.push_str(&line);
                } else {
                    told.header(&header);
                    header.clear();
                    header.push_str(&line);
                }
                if line.is_empty() {
                    at = At::Body;
                }
            } else {
                let quoted = line.trim_start_matches('>').starts_with("From ");
                told.body(if quoted { line.get(1..).unwrap_or_default() } else { &line });
                if !line.is_empty() {
                    last.clear();
                    last.push_str(&line);
                }
            }
            blank = line.is_empty();
        }
        if at != At::Nothing {
            self.close(date, &path, &told, last == END && blank && whole);
        }
        Ok(())
    }

    /// A message has come to its end.
    fn close(&mut self, date: NaiveDate, path: &str, told: &Told, whole: bool) {
        let id = told.order_ids.first().and_then(|id| id.parse().ok());
        match id {
            Some(id) if whole && told.is_one_mail() => self.add(date, id, told.digest()),
            _ => {
                let what = match told.order_ids.first() {
                    Some(id) => format!("{path}, order {id:?}"),
                    None => format!("{path}, a mail"),
                };
                let found = if whole { "headers that are missing or double" } else { "a part of one" };
                self.broken().add("mails", what, "a whole mail with X-Order-Id, To, Date and Subject", found);
            }
        }
    }
}
