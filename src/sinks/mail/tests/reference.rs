//! The same mails by a whole mail library, lettre, and by chrono's formats.

use std::fmt::Write;

use chrono::{DateTime, Datelike, TimeZone};
use lettre::Address;
use lettre::message::header::{
    ContentTransferEncoding, ContentType, From, HeaderName, HeaderValue, Headers, MIME_VERSION_1_0,
    MessageId, Subject, To,
};
use lettre::message::{Mailbox, Mailboxes};

use crate::shop::money::kronor;
use crate::shop::{Handled, Zone};
use crate::sinks::clean;

/// The shop's own domain, of its sender and its message ids.
const DOMAIN: &str = "shop.example";
/// Terminal columns of the longest customer's name.
const NAME_COLUMNS: usize = 60;
/// Terminal columns of the longest unusable address that is quoted.
const ADDRESS_COLUMNS: usize = 120;

/// One entry, from its `From ` line to the blank line behind it.
pub(super) fn mbox_entry(handled: &Handled, zone: Zone) -> String {
    let sent = calendar(handled.handled_at.to_utc()).format("%a %b %e %H:%M:%S %Y");
    format!("From {} {sent}\n{}\n", sender(), quote(&message(handled, zone)))
}

/// A message as it lies in an mbox: lines end in LF, and no line is a `From ` line (mboxrd).
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
    let name = clean::shown(&handled.customer.name, NAME_COLUMNS);
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
    headers.set(ContentType::TEXT_PLAIN);
    // Its lines are short and it says what it is, so it can stay readable as it lies.
    headers.set(ContentTransferEncoding::EightBit);
    let unreachable = address.is_none().then(|| clean::shown(&handled.customer.email, ADDRESS_COLUMNS));
    format!("{headers}\n{}", body(handled, zone, &name, unreachable.as_deref()))
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
         Total:    {}\n",
        handled.order_id,
        moment(handled.created_at.timestamp()),
        moment(handled.second()),
        kronor(handled.total_ore),
    );
    if let Some(address) = unreachable {
        // Writing to a String cannot fail.
        let _ = write!(body, "\nThe order has no address that mail can be sent to: {address}\n");
    }
    body.push_str("\nThank you for your order!\nThe Shop\n");
    body
}

/// The customer's address where a header can carry it as it is: an addr-spec of two dot-atoms
/// (RFC 5322 §3.4.1). Quoted local parts, address literals and addresses beyond ASCII are not.
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
