//! The mail that tells a customer that an order has shipped: an entry of `mail/DATE.mbox`.
//!
//! An entry is a message (RFC 5322, RFC 2045, RFC 2047) behind a `From ` line (mboxrd, RFC 4155). The same
//! order gives the same bytes, so that a replay writes the same file.

use std::fmt::{self, Write};

use chrono::{DateTime, Datelike, NaiveDate, TimeZone};
use email_address::EmailAddress;
use email_encoding::headers::{quoted_string, writer::EmailWriter};

use super::{clean, text};
use crate::shop::money::kronor;
use crate::shop::{Handled, Zone};

/// Terminal columns of the longest customer's name.
const NAME_COLUMNS: usize = 60;
/// Terminal columns of the longest unusable address that is quoted.
const ADDRESS_COLUMNS: usize = 120;

/// Where the mails of a local day of handling lie.
pub fn file(date: NaiveDate) -> String {
    format!("mail/{date}.mbox")
}

/// Writes one entry, from its `From ` line to the blank line behind it.
///
/// What comes from outside never begins a line, so no other line is a `From ` line and none needs quoting.
pub fn write(handled: &Handled, zone: Zone, out: &mut Vec<u8>) {
    let name = clean::shown(&handled.customer.name, NAME_COLUMNS);
    let address = address(&handled.customer.email);
    let shipped = zone.at(handled.second());
    let mut digits = itoa::Buffer::new();
    let order_id = digits.format(handled.order_id);

    text::put(out, &["From orders@shop.example "]);
    text::asctime(out, &calendar(handled.handled_at.to_utc()));
    text::put(out, &["\nFrom: \"The Shop\" <orders@shop.example>\nTo: "]);
    match address {
        Some(address) => {
            // The writer takes everything.
            let _ = recipient(out, &name, address);
        }
        // An empty group (RFC 5322 §3.4) stands for a recipient that cannot be named.
        None => text::put(out, &["undisclosed-recipients:;"]),
    }
    text::put(out, &["\nSubject: Your order ", order_id, " has shipped\nDate: "]);
    text::rfc5322(out, &calendar(shipped));
    text::put(out, &["\nMessage-ID: <order-", order_id, "@shop.example>\nX-Order-Id: ", order_id]);
    // The body's lines are short and it says what it is, so it can stay readable as it lies.
    text::put(
        out,
        &[
            "\nMIME-Version: 1.0\nContent-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: 8bit\n\n",
        ],
    );

    text::put(out, &["Hello", if name.is_empty() { "" } else { " " }, &name]);
    text::put(out, &[",\n\nyour order has shipped.\n\nOrder:    ", order_id, "\nOrdered:  "]);
    text::date_time(out, &zone.at(handled.created_at.timestamp()));
    text::put(out, &["\nShipped:  "]);
    text::date_time(out, &shipped);
    text::put(out, &["\nTotal:    ", &kronor(handled.total_ore), "\n"]);
    if address.is_none() {
        let email = clean::shown(&handled.customer.email, ADDRESS_COLUMNS);
        text::put(out, &["\nThe order has no address that mail can be sent to: ", &email, "\n"]);
    }
    text::put(out, &["\nThank you for your order!\nThe Shop\n\n"]);
}

/// The value of `To`: a name that is not plain ASCII is encoded (RFC 2047), long ones are folded.
fn recipient(out: &mut Vec<u8>, name: &str, address: &str) -> fmt::Result {
    let mut lines = Lines(out);
    let mut value = EmailWriter::new(&mut lines, "To: ".len(), 0, false);
    if name.is_empty() {
        return value.write_str(address);
    }
    quoted_string::encode(name, &mut value)?;
    value.space();
    value.write_char('<')?;
    value.write_str(address)?;
    value.write_char('>')
}

/// The customer's address where a header can carry it as it is: an addr-spec of two dot-atoms
/// (RFC 5322 §3.4.1). Quoted local parts, address literals and addresses beyond ASCII are not.
fn address(email: &str) -> Option<&str> {
    let email = email.trim();
    let (local, domain) = email.rsplit_once('@')?;
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b".@!#$%&'*+-/=?^_`{|}~".contains(&byte);
    let valid = email.bytes().all(plain)
        && EmailAddress::is_valid_local_part(local)
        && EmailAddress::is_valid_domain(domain);
    valid.then_some(email)
}

/// A time that a mail can carry (RFC 5322 §3.3): one outside the years 1900 to 9999 becomes the Unix epoch.
fn calendar<Z: TimeZone>(time: DateTime<Z>) -> DateTime<Z> {
    if (1900..=9999).contains(&time.year()) { time } else { time.timezone().timestamp_nanos(0) }
}

/// Text whose lines end in LF, as in an mbox, where a message's end in CR LF.
struct Lines<'a>(&'a mut Vec<u8>);

impl fmt::Write for Lines<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        // A fold is written on its own.
        text::put(self.0, &[if text == "\r\n" { "\n" } else { text }]);
        Ok(())
    }
}

#[cfg(test)]
mod tests;
