//! The mails: parses the mbox as a mail client would, and compares each message with its handled order.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
};

use chrono::{DateTime, NaiveDate};
use mailparse::{MailAddr, MailHeaderMap, addrparse_header, parse_mail};

use super::{Differences, Oracle, record::Handled, same_text};
use crate::common::files::tree;

/// Headers that a message has once and no more.
const ONCE: [&str; 5] = ["From", "To", "Subject", "Date", "X-Order-Id"];

/// One message, read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mail {
    pub order_id: u64,
    pub to_name: Option<String>,
    pub to: String,
    pub subject: String,
    /// Unix seconds.
    pub date: i64,
    pub body: String,
    /// The same as HTML, where it is there.
    pub html: String,
}

/// The messages of an mboxrd file, unquoted; the error is a sentence.
pub fn split_mbox(bytes: &[u8]) -> Result<Vec<Vec<u8>>, String> {
    let mut messages: Vec<Vec<u8>> = Vec::new();
    if bytes.is_empty() {
        return Ok(messages);
    }
    if !bytes.ends_with(b"\n") {
        return Err("the last message is not whole".to_owned());
    }
    let mut blank = true;
    for line in bytes.split_inclusive(|byte| *byte == b'\n') {
        let text = line.strip_suffix(b"\n").unwrap_or(line);
        let unquoted = text.iter().position(|byte| *byte != b'>').unwrap_or(text.len());
        if text.starts_with(b"From ") {
            if !blank {
                return Err(format!("no blank line before {:?}", String::from_utf8_lossy(text)));
            }
            if text.split(|byte| *byte == b' ').filter(|part| !part.is_empty()).count() < 7 {
                return Err(format!("not «From address date»: {:?}", String::from_utf8_lossy(text)));
            }
            messages.push(Vec::new());
        } else {
            let Some(message) = messages.last_mut() else {
                return Err("does not begin with «From »".to_owned());
            };
            let quoted = unquoted > 0 && text[unquoted..].starts_with(b"From ");
            message.extend_from_slice(if quoted { &line[1..] } else { line });
        }
        blank = text.is_empty();
    }
    if !blank {
        return Err("no blank line after the last message".to_owned());
    }
    // The blank line that parts it from the next is no part of a message.
    for message in &mut messages {
        message.pop();
    }
    Ok(messages)
}

impl Mail {
    /// Reads a message and holds it against RFC 5322; the error is a sentence.
    pub fn read(bytes: &[u8]) -> Result<Self, String> {
        let bare_cr = bytes.windows(2).any(|pair| pair[0] == b'\r' && pair[1] != b'\n');
        if bare_cr || bytes.contains(&0) {
            return Err("a bare CR or a NUL".to_owned());
        }
        if bytes.split(|byte| *byte == b'\n').any(|line| line.len() > 998) {
            return Err("a line of more than 998 bytes".to_owned());
        }
        let mail = parse_mail(bytes).map_err(|error| error.to_string())?;
        for header in &mail.headers {
            let name = header.get_key();
            if !header.get_value_raw().is_ascii() {
                return Err(format!("the header {name} has bytes that are not ASCII"));
            }
            if matches!(name.to_ascii_lowercase().as_str(), "bcc" | "cc" | "reply-to" | "sender") {
                return Err(format!("a header {name} that nobody asked for"));
            }
        }
        let mut values = BTreeMap::new();
        for name in ONCE {
            match mail.headers.get_all_headers(name).as_slice() {
                [only] => values.insert(name, *only),
                several => return Err(format!("{} headers {name}", several.len())),
            };
        }
        single(values["From"])?;
        // An order may have an invalid address; its mail must be readable all the same.
        let (to_name, to) = single(values["To"]).unwrap_or_default();
        let subject = values["Subject"].get_value();
        if subject.trim().is_empty() {
            return Err("an empty subject".to_owned());
        }
        let date = values["Date"].get_value();
        let order_id = values["X-Order-Id"].get_value();
        let (text, html) = match mail.subparts.as_slice() {
            [] => (&mail, None),
            [text, html] if mail.ctype.mimetype == "multipart/alternative" => (text, Some(html)),
            parts => return Err(format!("{} parts of {}", parts.len(), mail.ctype.mimetype)),
        };
        if text.ctype.mimetype != "text/plain" || html.is_some_and(|html| html.ctype.mimetype != "text/html")
        {
            return Err("parts of other types than text and HTML".to_owned());
        }
        let body = text.get_body().map_err(|error| error.to_string())?;
        let html =
            html.map(mailparse::ParsedMail::get_body).transpose().map_err(|error| error.to_string())?;
        let html = html.unwrap_or_default();
        if body.trim().is_empty() {
            return Err("no text".to_owned());
        }
        if [&body, &html, &subject].iter().any(|text| text.contains('\u{fffd}')) {
            return Err("text that does not decode".to_owned());
        }
        Ok(Self {
            order_id: order_id.parse().map_err(|_| format!("X-Order-Id is {order_id:?}"))?,
            to_name,
            to,
            subject,
            date: DateTime::parse_from_rfc2822(&date)
                .map_err(|error| format!("Date {date:?}: {error}"))?
                .timestamp(),
            body,
            html,
        })
    }

    /// What a mail must have for its order.
    fn fits(&self, order: &Handled) -> Result<(), String> {
        let id = order.order_id;
        let email = order.customer.email.as_str();
        if self.to.is_empty() && !is_mailbox(email) {
            // A mail without a recipient names the customer in its text.
            return Ok(());
        }
        if self.to != email {
            return Err(format!(
                "order {id}: to {:?} where it should be {:?}",
                self.to, order.customer.email
            ));
        }
        let name = self.to_name.as_deref().unwrap_or_default();
        let cut = name.strip_suffix('…').filter(|begin| !begin.is_empty());
        let cut_fits =
            cut.is_some_and(|begin| order.customer.name.starts_with(begin) && begin.chars().count() > 20);
        if !cut_fits && !same_text(&order.customer.name, name) {
            return Err(format!("order {id}: to {name:?} where it should be {:?}", order.customer.name));
        }
        if !self.body.contains(&id.to_string()) && !self.subject.contains(&id.to_string()) {
            return Err(format!("order {id}: neither subject nor text names the order"));
        }
        // What is letters and figures in a name stays as it is.
        let bare = |text: &str| text.chars().filter(|one| one.is_alphanumeric()).collect::<String>();
        for line in order.lines.iter().filter(|line| line.name.chars().count() < 24) {
            let is_there = |row: &str| {
                let row = bare(row);
                row.contains(&format!("{}{}", line.quantity, bare(&line.name)))
                    && row.contains(&(line.total() / 100).to_string())
            };
            if !self.body.lines().any(is_there) {
                return Err(format!("order {id}: the text does not tell of {line:?}"));
            }
            let name = line.name.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
            let name = bare(&name);
            if !self.html.lines().any(|row| row.starts_with("<tr>") && bare(row).contains(&name)) {
                return Err(format!("order {id}: the HTML does not tell of {line:?}"));
            }
        }
        if self.date != order.at.timestamp() {
            return Err(format!("order {id}: dated {} where it was handled at {}", self.date, order.at));
        }
        Ok(())
    }
}

/// Whether an address is certainly valid.
fn is_plain(address: &str) -> bool {
    let plain = |part: &str| {
        !part.is_empty() && part.chars().all(|one| one.is_ascii_alphanumeric() || ".-_+".contains(one))
    };
    address.split_once('@').is_some_and(|(user, host)| plain(user) && plain(host) && host.contains('.'))
}

/// The one mailbox of an address header: display name and address.
fn single(header: &mailparse::MailHeader<'_>) -> Result<(Option<String>, String), String> {
    let name = header.get_key();
    let list = addrparse_header(header).map_err(|error| format!("{name}: {error}"))?.into_inner();
    match list.as_slice() {
        [MailAddr::Single(one)] if one.addr.contains('@') => Ok((one.display_name.clone(), one.addr.clone())),
        other => Err(format!("{name}: {other:?} is not one mailbox")),
    }
}

impl Oracle {
    /// One mail for each handled order, in the file of the day it was handled on.
    pub(super) fn compare_mails(&self, found: &mut Differences, out: &Path) {
        let folder = out.join("mail");
        let mut days: BTreeMap<NaiveDate, BTreeMap<u64, &Handled>> = BTreeMap::new();
        for handled in &self.handled {
            days.entry(self.day(handled.at)).or_default().insert(handled.order_id, handled);
        }
        let there: BTreeSet<String> =
            tree(&folder).into_keys().map(|path| path.to_string_lossy().into_owned()).collect();
        let wanted: BTreeSet<String> = days.keys().map(|date| format!("{date}.mbox")).collect();
        found.same("the files in mail/", &wanted, &there);
        for (date, handled) in days {
            let what = format!("mail/{date}.mbox");
            let bytes = fs::read(folder.join(format!("{date}.mbox"))).unwrap_or_default();
            let messages = match split_mbox(&bytes) {
                Ok(messages) => messages,
                Err(error) => {
                    found.add(format!("{what}: {error}"));
                    continue;
                }
            };
            let read: Vec<_> = messages.iter().map(|message| Mail::read(message)).collect();
            found.some(
                read.iter().filter_map(|mail| mail.as_ref().err()).map(|error| format!("{what}: {error}")),
            );
            let mails: Vec<&Mail> = read.iter().flatten().collect();
            found.same_bag(&what, handled.keys().copied(), mails.iter().map(|mail| mail.order_id));
            let wrong = mails.iter().filter_map(|mail| mail.fits(handled.get(&mail.order_id)?).err());
            found.some(wrong.map(|error| format!("{what}: {error}")));
        }
    }
}

/// Whether an address is deliverable: one `@` between parts of letters, digits and a few marks.
fn is_mailbox(address: &str) -> bool {
    let part = |part: &str| {
        !part.is_empty()
            && part.chars().all(|one| one.is_ascii_alphanumeric() || "!#$%&'*+/=?^_`{|}~.-".contains(one))
    };
    address.split_once('@').is_some_and(|(local, domain)| part(local) && part(domain))
}
