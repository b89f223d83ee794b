//! The mail that tells a customer that an order has shipped: an entry of `mail/DATE.mbox`.
//!
//! An entry is a message of text and HTML (RFC 5322, RFC 2045 to 2047) behind a `From ` line (mboxrd, RFC 4155). The same
//! order gives the same bytes, so that a replay writes the same file.

use std::{
    borrow::Cow,
    fmt::{self, Write},
};

use chrono::{DateTime, Datelike, NaiveDate, TimeZone};
use chrono_tz::Tz;
use email_address::EmailAddress;
use email_encoding::headers::{quoted_string, writer::EmailWriter};

use super::{fast_format, sanitize};
use crate::{
    messages::Lang,
    shop::{Handled, Line, Zone},
};

/// The longest customer name, in terminal columns.
const NAME_COLUMNS: usize = 60;
/// Terminal columns of the longest name of a product.
const GOODS_COLUMNS: usize = 48;
/// The longest unusable address that is quoted, in terminal columns.
const ADDRESS_COLUMNS: usize = 120;

/// The path of the mails of a local day of handling.
pub fn file(date: NaiveDate) -> String {
    format!("mail/{date}.mbox")
}

/// Bytes to reserve for a message.
const TYPICAL: usize = 2048;
/// MIME boundary between the text and the HTML part. No line of either begins with it.
const BOUNDARY: &str = "=_shop";

/// The label of a fact.
struct Label {
    /// In the text part.
    text: &'static str,
    /// In the HTML part: the beginning of its table row.
    row: &'static str,
}

macro_rules! label {
    ($name:literal, $gap:literal) => {
        Label { text: concat!($name, ":", $gap), row: concat!("<tr><th align=\"left\">", $name, "</th><td>") }
    };
}

/// The words of a mail.
struct Words {
    /// Content-Language (RFC 3282).
    lang: &'static str,
    subject: [&'static str; 2],
    hello: &'static str,
    shipped: &'static str,
    order: Label,
    ordered_at: Label,
    shipped_at: Label,
    total: Label,
    unreachable: &'static str,
    thanks: &'static str,
}

const ENGLISH: Words = Words {
    lang: "en",
    subject: ["Your order ", " has shipped"],
    hello: "Hello",
    shipped: "your order has shipped.",
    order: label!("Order", "    "),
    ordered_at: label!("Ordered", "  "),
    shipped_at: label!("Shipped", "  "),
    total: label!("Total", "    "),
    unreachable: "The order has no address that mail can be sent to: ",
    thanks: "Thank you for your order!",
};

const SWEDISH: Words = Words {
    lang: "sv",
    subject: ["Din order ", " har skickats"],
    hello: "Hej",
    shipped: "din order har skickats.",
    order: label!("Order", "    "),
    ordered_at: label!("Lagd", "     "),
    shipped_at: label!("Skickad", "  "),
    total: label!("Summa", "    "),
    unreachable: "Ordern har ingen adress som e-post kan skickas till: ",
    thanks: "Tack för din beställning!",
};

/// The data of a message, for both parts.
struct Letter<'a> {
    handled: &'a Handled,
    words: &'a Words,
    order_id: &'a str,
    name: Cow<'a, str>,
    /// Displayed name of each line's product, and its terminal columns.
    goods: Vec<(Cow<'a, str>, usize)>,
    ordered: DateTime<Tz>,
    shipped: DateTime<Tz>,
    /// The address, if mail cannot be sent to it.
    unreachable: Option<Cow<'a, str>>,
}

/// Writes one entry, from its `From ` line to the blank line after it.
///
/// Outside text never starts a line, so no other line is a `From ` line and none needs quoting.
pub fn write(handled: &Handled, zone: Zone, lang: Lang, out: &mut Vec<u8>) {
    let words = match lang {
        Lang::En => &ENGLISH,
        Lang::Sv => &SWEDISH,
    };
    let address = address(&handled.customer.email);
    let mut digits = itoa::Buffer::new();
    let letter = Letter {
        handled,
        words,
        order_id: digits.format(handled.order_id),
        name: sanitize::shown(&handled.customer.name, NAME_COLUMNS),
        goods: handled.lines.iter().map(goods_name).collect(),
        ordered: zone.at(handled.created_at.timestamp()),
        shipped: zone.at(handled.second()),
        unreachable: match address {
            Some(_) => None,
            None => Some(sanitize::shown(&handled.customer.email, ADDRESS_COLUMNS)),
        },
    };
    out.reserve(TYPICAL);
    letter.head(address, out);
    // All lines are short and each part says what it is, so it can stay readable as it lies. What comes before the first
    // part is for mail programs that know no parts.
    fast_format::put(
        out,
        &[
            "\nMIME-Version: 1.0\nContent-Type: multipart/alternative; boundary=\"",
            BOUNDARY,
            "\"\nContent-Transfer-Encoding: 8bit\nContent-Language: ",
            words.lang,
            "\n\nThis message has two parts, text and HTML.\n\n--",
            BOUNDARY,
            "\nContent-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: 8bit\n\n",
        ],
    );
    letter.text(out);
    fast_format::put(
        out,
        &["\n--", BOUNDARY, "\nContent-Type: text/html; charset=utf-8\nContent-Transfer-Encoding: 8bit\n\n"],
    );
    letter.html(out);
    fast_format::put(out, &["\n--", BOUNDARY, "--\n\n"]);
}

impl Letter<'_> {
    fn head(&self, address: Option<&str>, out: &mut Vec<u8>) {
        let [before, behind] = self.words.subject;
        fast_format::put(out, &["From orders@shop.example "]);
        fast_format::asctime(out, &calendar(self.handled.handled_at.to_utc()));
        fast_format::put(out, &["\nFrom: \"The Shop\" <orders@shop.example>\nTo: "]);
        match address {
            Some(address) => {
                // Writing to a vector cannot fail.
                let _ = recipient(out, &self.name, address);
            }
            // An empty group (RFC 5322 §3.4) stands for a recipient that cannot be named.
            None => fast_format::put(out, &["undisclosed-recipients:;"]),
        }
        fast_format::put(out, &["\nSubject: ", before, self.order_id, behind, "\nDate: "]);
        fast_format::rfc5322(out, &calendar(self.shipped));
        fast_format::put(
            out,
            &["\nMessage-ID: <order-", self.order_id, "@shop.example>\nX-Order-Id: ", self.order_id],
        );
    }

    fn text(&self, out: &mut Vec<u8>) {
        let words = self.words;
        let space = if self.name.is_empty() { "" } else { " " };
        fast_format::put(out, &[words.hello, space, &self.name, ",\n\n", words.shipped, "\n\n"]);
        fast_format::put(out, &[words.order.text, self.order_id, "\n", words.ordered_at.text]);
        fast_format::date_time(out, &self.ordered);
        fast_format::put(out, &["\n", words.shipped_at.text]);
        fast_format::date_time(out, &self.shipped);
        fast_format::put(out, &["\n"]);
        self.goods(out);
        fast_format::put(out, &[words.total.text]);
        fast_format::kronor(out, self.handled.total_ore);
        fast_format::put(out, &["\n"]);
        if let Some(email) = &self.unreachable {
            fast_format::put(out, &["\n", words.unreachable, email, "\n"]);
        }
        fast_format::put(out, &["\n", words.thanks, "\nThe Shop\n"]);
    }

    /// A line for each of the goods: `  2 × Kaffekopp, blå  998,00 kr`, the sums at the right.
    fn goods(&self, out: &mut Vec<u8>) {
        if self.goods.is_empty() {
            return;
        }
        let lines = || self.handled.lines.iter().zip(&self.goods);
        let columns = |line: &Line, of_name: usize| {
            let quantity = line.quantity.checked_ilog10().unwrap_or(0) as usize;
            quantity + of_name + fast_format::kronor_columns(sum(line))
        };
        let widest = lines().map(|(line, (_, of_name))| columns(line, *of_name)).max().unwrap_or(0);
        out.push(b'\n');
        for (line, (name, of_name)) in lines() {
            fast_format::put(out, &["  "]);
            fast_format::number(out, line.quantity);
            fast_format::put(out, &[" × ", name]);
            fast_format::spaces(out, 2 + widest - columns(line, *of_name));
            fast_format::kronor(out, sum(line));
            out.push(b'\n');
        }
        out.push(b'\n');
    }

    fn html(&self, out: &mut Vec<u8>) {
        let words = self.words;
        let [before, behind] = words.subject;
        let space = if self.name.is_empty() { "" } else { " " };
        fast_format::put(
            out,
            &["<!DOCTYPE html>\n<html lang=\"", words.lang, "\"><head><meta charset=\"utf-8\">\n"],
        );
        fast_format::put(out, &["<title>", before, self.order_id, behind, "</title></head><body>\n"]);
        fast_format::put(out, &["<p>", words.hello, space]);
        fast_format::html(out, &self.name);
        fast_format::put(out, &[",</p>\n<p>", words.shipped, "</p>\n<table cellpadding=\"4\">\n"]);
        fact(out, &words.order, |out| fast_format::put(out, &[self.order_id]));
        fact(out, &words.ordered_at, |out| fast_format::date_time(out, &self.ordered));
        fact(out, &words.shipped_at, |out| fast_format::date_time(out, &self.shipped));
        fast_format::put(out, &["</table>\n<table cellpadding=\"4\">\n"]);
        for (line, (name, _)) in self.handled.lines.iter().zip(&self.goods) {
            fast_format::put(out, &["<tr><td align=\"right\">"]);
            fast_format::number(out, line.quantity);
            fast_format::put(out, &["</td><td>"]);
            fast_format::html(out, name);
            fast_format::put(out, &["</td><td align=\"right\">"]);
            fast_format::kronor(out, sum(line));
            fast_format::put(out, &["</td></tr>\n"]);
        }
        fact(out, &words.total, |out| fast_format::kronor(out, self.handled.total_ore));
        fast_format::put(out, &["</table>\n"]);
        if let Some(email) = &self.unreachable {
            fast_format::put(out, &["<p>", words.unreachable]);
            fast_format::html(out, email);
            fast_format::put(out, &["</p>\n"]);
        }
        fast_format::put(out, &["<p>", words.thanks, "<br>The Shop</p>\n</body></html>\n"]);
    }
}

/// A table row with a label and a value.
fn fact(out: &mut Vec<u8>, label: &Label, value: impl FnOnce(&mut Vec<u8>)) {
    fast_format::put(out, &[label.row]);
    value(out);
    fast_format::put(out, &["</td></tr>\n"]);
}

fn goods_name(line: &Line) -> (Cow<'_, str>, usize) {
    let name = sanitize::shown(&line.name, GOODS_COLUMNS);
    let columns = sanitize::columns(&name);
    (name, columns)
}

/// Total of an order line, öre; it fits in valid orders.
fn sum(line: &Line) -> i64 {
    line.total_ore().unwrap_or(i64::MAX)
}

/// The value of `To`: a non-ASCII name is encoded (RFC 2047), and long ones are folded.
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

/// The customer's address, if a header can contain it as is: an addr-spec of two dot-atoms (RFC 5322 §3.4.1). Quoted
/// local parts, address literals and non-ASCII addresses are not accepted.
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

/// Writes text with LF as the line end, as in an mbox; messages have CR LF.
struct Lines<'a>(&'a mut Vec<u8>);

impl fmt::Write for Lines<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        // A fold arrives as a separate write.
        fast_format::put(self.0, &[if text == "\r\n" { "\n" } else { text }]);
        Ok(())
    }
}

#[cfg(test)]
mod tests;
