//! The same mails by a whole mail library, lettre, and by chrono's formats.

use std::fmt::Write;

use chrono::{DateTime, Datelike, TimeZone};
use lettre::Address;
use lettre::message::header::{
    ContentTransferEncoding, ContentType, From, HeaderName, HeaderValue, Headers, MIME_VERSION_1_0,
    MessageId, Subject, To,
};
use lettre::message::{Mailbox, Mailboxes};

use unicode_width::UnicodeWidthStr;

use crate::shop::number_format::kronor;
use crate::shop::{Handled, Line, Zone};
use crate::sinks::sanitize;

/// The shop's own domain, of its sender and its message ids.
const DOMAIN: &str = "shop.example";
/// The longest customer name, in terminal columns.
const NAME_COLUMNS: usize = 60;
/// Terminal columns of the longest name of a product.
const GOODS_COLUMNS: usize = 48;
/// The longest unusable address that is quoted, in terminal columns.
const ADDRESS_COLUMNS: usize = 120;

/// One entry, from its `From ` line to the blank line after it.
pub(super) fn mbox_entry(handled: &Handled, zone: Zone) -> String {
    let sent = calendar(handled.handled_at.to_utc()).format("%a %b %e %H:%M:%S %Y");
    format!("From {} {sent}\n{}\n", sender(), quote(&message(handled, zone)))
}

/// A message as in an mbox: lines end in LF, and no line is a `From ` line (mboxrd).
fn quote(message: &str) -> String {
    let mut quoted = String::with_capacity(message.len());
    for line in message.lines() {
        if line.trim_start_matches('>').starts_with("From ") {
            quoted.push('>');
        }
        quoted.push_str(line);
        quoted.push('\n');
    }
    quoted
}

fn message(handled: &Handled, zone: Zone) -> String {
    let mut headers = Headers::new();
    headers.set(From::from(Mailboxes::from(Mailbox::new(Some("The Shop".into()), sender()))));
    let name = sanitize::shown(&handled.customer.name, NAME_COLUMNS);
    let address = address(&handled.customer.email);
    match &address {
        Some(address) => {
            let name = Some(name.clone().into_owned()).filter(|name| !name.is_empty());
            headers.set(To::from(Mailboxes::from(Mailbox::new(name, address.clone()))));
        }
        // An empty group (RFC 5322 §3.4) stands for a recipient that cannot be named.
        None => headers.insert_raw(header("To", "undisclosed-recipients:;".into())),
    }
    let order_id = handled.order_id;
    headers.set(Subject::from(format!("Your order {order_id} has shipped")));
    headers.insert_raw(header("Date", calendar(zone.at(handled.second())).to_rfc2822()));
    headers.set(MessageId::from(format!("<order-{order_id}@{DOMAIN}>")));
    headers.insert_raw(header("X-Order-Id", order_id.to_string()));
    headers.set(MIME_VERSION_1_0);
    headers.insert_raw(header("Content-Type", "multipart/alternative; boundary=\"=_shop\"".into()));
    // Lines are short and parts say what they are, so they can stay readable as they lie.
    headers.set(ContentTransferEncoding::EightBit);
    headers.insert_raw(header("Content-Language", "en".into()));
    let unreachable = address.is_none().then(|| sanitize::shown(&handled.customer.email, ADDRESS_COLUMNS));
    let part = |kind: ContentType, text: String| {
        let mut headers = Headers::new();
        headers.set(kind);
        headers.set(ContentTransferEncoding::EightBit);
        format!("--=_shop\n{headers}\n{text}\n")
    };
    let text = part(ContentType::TEXT_PLAIN, body(handled, zone, &name, unreachable.as_deref()));
    let html = part(ContentType::TEXT_HTML, html(handled, zone, &name, unreachable.as_deref()));
    format!("{headers}\nThis message has two parts, text and HTML.\n\n{text}{html}--=_shop--\n")
}

/// Quantity, name and sum of each of the goods.
fn goods(handled: &Handled) -> Vec<[String; 3]> {
    let row = |line: &Line| {
        let sum = kronor(line.total_ore().unwrap_or(i64::MAX));
        [line.quantity.to_string(), sanitize::shown(&line.name, GOODS_COLUMNS).into_owned(), sum]
    };
    handled.lines.iter().map(row).collect()
}

fn goods_in_text(handled: &Handled) -> String {
    let rows: Vec<(String, String)> = goods(handled)
        .into_iter()
        .map(|[quantity, name, sum]| (format!("  {quantity} × {name}"), sum))
        .collect();
    let widest = rows.iter().map(|(goods, sum)| goods.width() + sum.width()).max().unwrap_or(0);
    let line = |(goods, sum): &(String, String)| {
        format!("{goods}{}{sum}\n", " ".repeat(2 + widest - goods.width() - sum.width()))
    };
    let lines: String = rows.iter().map(line).collect();
    if lines.is_empty() { lines } else { format!("\n{lines}\n") }
}

fn html(handled: &Handled, zone: Zone, name: &str, unreachable: Option<&str>) -> String {
    let escape = |text: &str| text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
    let moment = |second| zone.at(second).format("%Y-%m-%d %H:%M:%S").to_string();
    let fact =
        |label: &str, value: &str| format!("<tr><th align=\"left\">{label}</th><td>{value}</td></tr>\n");
    let greeting = if name.is_empty() { "Hello".to_owned() } else { format!("Hello {}", escape(name)) };
    let id = handled.order_id.to_string();
    let row = |[quantity, name, sum]: [String; 3]| {
        let name = escape(&name);
        format!("<tr><td align=\"right\">{quantity}</td><td>{name}</td><td align=\"right\">{sum}</td></tr>\n")
    };
    let goods: String = goods(handled).into_iter().map(row).collect();
    let unreachable = unreachable.map_or(String::new(), |address| {
        format!("<p>The order has no address that mail can be sent to: {}</p>\n", escape(address))
    });
    [
        "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\n",
        &format!("<title>Your order {id} has shipped</title></head><body>\n"),
        &format!("<p>{greeting},</p>\n<p>your order has shipped.</p>\n<table cellpadding=\"4\">\n"),
        &fact("Order", &id),
        &fact("Ordered", &moment(handled.created_at.timestamp())),
        &fact("Shipped", &moment(handled.second())),
        "</table>\n<table cellpadding=\"4\">\n",
        &goods,
        &fact("Total", &kronor(handled.total_ore)),
        "</table>\n",
        &unreachable,
        "<p>Thank you for your order!<br>The Shop</p>\n</body></html>\n",
    ]
    .concat()
}

fn body(handled: &Handled, zone: Zone, name: &str, unreachable: Option<&str>) -> String {
    let greeting = if name.is_empty() { "Hello".to_owned() } else { format!("Hello {name}") };
    let moment = |second| zone.at(second).format("%Y-%m-%d %H:%M:%S");
    let mut body = format!(
        "{greeting},\n\
         \n\
         your order has shipped.\n\
         \n\
         Order:    {}\n\
         Ordered:  {}\n\
         Shipped:  {}\n\
         {}Total:    {}\n",
        handled.order_id,
        moment(handled.created_at.timestamp()),
        moment(handled.second()),
        goods_in_text(handled),
        kronor(handled.total_ore),
    );
    if let Some(address) = unreachable {
        // Writing to a String cannot fail.
        let _ = write!(body, "\nThe order has no address that mail can be sent to: {address}\n");
    }
    body.push_str("\nThank you for your order!\nThe Shop\n");
    body
}

/// The customer's address, if a header can contain it as is: an addr-spec of two dot-atoms (RFC 5322 §3.4.1). Quoted
/// local parts, address literals and non-ASCII addresses are not accepted.
pub(super) fn address(email: &str) -> Option<Address> {
    let email = email.trim();
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b".@!#$%&'*+-/=?^_`{|}~".contains(&byte);
    if email.bytes().all(plain) { email.parse().ok() } else { None }
}

fn sender() -> Address {
    // The program's own address needs no check.
    Address::new_dangerous("orders", DOMAIN)
}

fn header(name: &'static str, value: String) -> HeaderValue {
    HeaderValue::new(HeaderName::new_from_ascii_str(name), value)
}

/// A time that a mail can carry (RFC 5322 §3.3): one outside the years 1900 to 9999 becomes the Unix epoch.
fn calendar<Z: TimeZone>(time: DateTime<Z>) -> DateTime<Z> {
    if (1900..=9999).contains(&time.year()) { time } else { time.timezone().timestamp_nanos(0) }
}
