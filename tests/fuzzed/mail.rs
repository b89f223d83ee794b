//! Arbitrary texts as a customer's name and address.

#[path = "../common/headers.rs"]
mod headers;

use headers::HEADERS;
use mailparse::MailHeaderMap;
use shop_sim::{
    messages::Lang,
    shop::{Customer, Handled, Line, Zone},
    sinks::mail,
};

/// Makes two mails of time, name and address (parted by U+001F) and reads them back.
pub(crate) fn check(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    let mut parts = text.splitn(3, '\u{1f}');
    let time = parts.next().unwrap_or_default();
    let name = parts.next().unwrap_or(time);
    let email = parts.next().unwrap_or(name);
    let number = bytes.iter().fold(7_u64, |sum, byte| sum.wrapping_mul(31).wrapping_add(u64::from(*byte)));
    let default = chrono::DateTime::from_timestamp(1_795_000_000, 0).unwrap_or_default().fixed_offset();
    let time = chrono::DateTime::parse_from_rfc3339(time).unwrap_or(default);
    let handled = Handled {
        order_id: number,
        created_at: default,
        handled_at: time,
        customer: Customer { customer_id: 1, name: name.into(), email: email.into() },
        total_ore: i64::from_le_bytes(number.to_le_bytes()),
        lines: vec![Line { product_id: 1, name: name.into(), quantity: 1, unit_price_ore: 100 }],
    };
    let mut mbox = Vec::new();
    mail::write(&handled, Zone::default(), Lang::En, &mut mbox);
    mail::write(&handled, Zone::default(), Lang::En, &mut mbox);
    let mbox = String::from_utf8(mbox).expect("UTF-8");
    assert!(!mbox.chars().any(|c| c.is_control() && c != '\n'), "{mbox:?}");
    assert!(mbox.lines().all(|line| line.len() <= 998), "RFC 5322, 2.1.1");

    let messages = split(&mbox);
    assert_eq!(messages.len(), 2);
    for message in messages {
        let mail = mailparse::parse_mail(message.as_bytes()).expect("a message");
        let names: Vec<String> = mail.headers.iter().map(mailparse::MailHeader::get_key).collect();
        assert_eq!(names, HEADERS, "{message:?}");
        let header = |name: &str| mail.headers.get_first_value(name).expect("a value");
        assert_eq!(header("X-Order-Id"), number.to_string());
        let to = mail.headers.get_first_header("To").expect("a recipient");
        let to = mailparse::addrparse_header(to).expect("addresses");
        assert!(to.count_addrs() <= 1, "{message:?}");
        if let Some(one) = to.extract_single_info() {
            assert_eq!(one.addr, email.trim());
        }
        assert_eq!(mail.subparts.len(), 2, "{message:?}");
        let html = mail.subparts[1].get_body().expect("a body");
        assert!(html.starts_with("<!DOCTYPE html>") && html.ends_with("</html>\n"), "{html:?}");
        let body = mail.subparts[0].get_body().expect("a body");
        assert!(
            body.starts_with("Hello") && body.ends_with("Thank you for your order!\nThe Shop\n"),
            "{body:?}"
        );
    }
}

/// The messages of an mbox, split at each line that starts with `From `, as every reader does; unquoted once.
fn split(mbox: &str) -> Vec<String> {
    let mut messages: Vec<String> = Vec::new();
    for line in mbox.split_inclusive('\n') {
        if line.starts_with("From ") {
            assert!(messages.last().is_none_or(|last| last.ends_with("\n\n")), "a blank line comes before");
            messages.push(String::new());
            continue;
        }
        let quoted = line.starts_with('>') && line.trim_start_matches('>').starts_with("From ");
        messages.last_mut().expect("it begins with a From line").push_str(&line[usize::from(quoted)..]);
    }
    for message in &mut messages {
        assert_eq!(message.pop(), Some('\n'), "the blank line behind");
    }
    messages
}
