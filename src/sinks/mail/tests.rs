#[path = "../../../tests/common/headers.rs"]
mod headers;
mod reference;

use chrono_tz::TZ_VARIANTS;
use headers::HEADERS;
use mailparse::{MailAddr, MailHeaderMap, addrparse_header, parse_mail};
use proptest::prelude::*;

use super::*;
use crate::shop::number_format::kronor;
use crate::sinks::samples::{any_address, any_handled, at, handled};

fn entry(handled: &Handled) -> String {
    in_language(handled, Lang::En)
}

fn in_language(handled: &Handled, lang: Lang) -> String {
    let mut out = Vec::new();
    write(handled, Zone::default(), lang, &mut out);
    String::from_utf8(out).unwrap()
}

/// Splits an mbox as in RFC 4155, and unquotes `>From` lines.
fn split(mbox: &str) -> Vec<String> {
    let mut mails: Vec<String> = Vec::new();
    let mut blank = true;
    for line in mbox.split_inclusive('\n') {
        if blank && line.starts_with("From ") {
            mails.push(String::new());
        } else {
            let quoted = line.starts_with('>') && line.trim_start_matches('>').starts_with("From ");
            mails.last_mut().expect("an mbox begins with a From line").push_str(&line[usize::from(quoted)..]);
        }
        blank = line == "\n";
    }
    for mail in &mut mails {
        assert_eq!(mail.pop(), Some('\n'), "a blank line ends each entry");
    }
    mails
}

#[test]
fn a_mail_reads_like_one() {
    let entry = entry(&handled());
    assert_eq!(
        entry.replace('\u{a0}', " "),
        "From orders@shop.example Fri Nov 20 23:00:29 2026\n\
         From: \"The Shop\" <orders@shop.example>\n\
         To: =?utf-8?b?w4VzYSDDlmJlcmc=?= <asa@example.com>\n\
         Subject: Your order 1234 has shipped\n\
         Date: Sat, 21 Nov 2026 00:00:29 +0100\n\
         Message-ID: <order-1234@shop.example>\n\
         X-Order-Id: 1234\n\
         MIME-Version: 1.0\n\
         Content-Type: multipart/alternative; boundary=\"=_shop\"\n\
         Content-Transfer-Encoding: 8bit\n\
         Content-Language: en\n\
         \n\
         This message has two parts, text and HTML.\n\
         \n\
         --=_shop\n\
         Content-Type: text/plain; charset=utf-8\n\
         Content-Transfer-Encoding: 8bit\n\
         \n\
         Hello Åsa Öberg,\n\
         \n\
         your order has shipped.\n\
         \n\
         Order:    1234\n\
         Ordered:  2026-11-20 23:59:59\n\
         Shipped:  2026-11-21 00:00:29\n\
         \n  \
           2 × Kaffekopp, blå  998,00 kr\n  \
           1 × Fat               2,00 kr\n\
         \n\
         Total:    1 000,00 kr\n\
         \n\
         Thank you for your order!\n\
         The Shop\n\
         \n\
         --=_shop\n\
         Content-Type: text/html; charset=utf-8\n\
         Content-Transfer-Encoding: 8bit\n\
         \n\
         <!DOCTYPE html>\n\
         <html lang=\"en\"><head><meta charset=\"utf-8\">\n\
         <title>Your order 1234 has shipped</title></head><body>\n\
         <p>Hello Åsa Öberg,</p>\n\
         <p>your order has shipped.</p>\n\
         <table cellpadding=\"4\">\n\
         <tr><th align=\"left\">Order</th><td>1234</td></tr>\n\
         <tr><th align=\"left\">Ordered</th><td>2026-11-20 23:59:59</td></tr>\n\
         <tr><th align=\"left\">Shipped</th><td>2026-11-21 00:00:29</td></tr>\n\
         </table>\n\
         <table cellpadding=\"4\">\n\
         <tr><td align=\"right\">2</td><td>Kaffekopp, blå</td><td align=\"right\">998,00 kr</td></tr>\n\
         <tr><td align=\"right\">1</td><td>Fat</td><td align=\"right\">2,00 kr</td></tr>\n\
         <tr><th align=\"left\">Total</th><td>1 000,00 kr</td></tr>\n\
         </table>\n\
         <p>Thank you for your order!<br>The Shop</p>\n\
         </body></html>\n\
         \n\
         --=_shop--\n\
         \n"
    );
    assert_eq!(file("2026-11-21".parse().unwrap()), "mail/2026-11-21.mbox");
}

#[test]
fn a_mail_is_in_the_language_that_is_asked_for() {
    let entry = in_language(&handled(), Lang::Sv).replace('\u{a0}', " ");
    for line in [
        "Subject: Din order 1234 har skickats",
        "Content-Language: sv",
        "Hej Åsa Öberg,",
        "din order har skickats.",
        "Lagd:     2026-11-20 23:59:59",
        "Skickad:  2026-11-21 00:00:29",
        "  2 × Kaffekopp, blå  998,00 kr",
        "Summa:    1 000,00 kr",
        "Tack för din beställning!",
        "<p>Hej Åsa Öberg,</p>",
        "<tr><th align=\"left\">Skickad</th><td>2026-11-21 00:00:29</td></tr>",
        "<tr><th align=\"left\">Summa</th><td>1 000,00 kr</td></tr>",
    ] {
        assert!(entry.lines().any(|there| there == line), "{line}\n{entry}");
    }
    assert!(!["your", "Your", "Total", "Hello"].iter().any(|word| entry.contains(word)), "{entry}");
}

#[test]
fn an_order_whose_goods_are_not_told_has_a_mail_without() {
    let entry = entry(&Handled { lines: Vec::new(), ..handled() });
    assert!(entry.contains("\nShipped:  2026-11-21 00:00:29\nTotal:    1"), "{entry}");
    assert!(!entry.contains('×'), "{entry}");
}

#[test]
fn an_address_that_is_none_goes_into_the_body() {
    let none = [
        "",
        "nobody",
        "@c.example",
        "a@",
        "a@b@c.example",
        "a b@c.example",
        "a..b@c.example",
        ".a@c.example",
        "a@c..example",
        "å@c.example",
        "a@å.example",
        "a@::1",
        "\"a b\"@c.example",
        "x@y\r\nBcc: z@w.example",
    ];
    for email in none {
        let mut handled = handled();
        handled.customer.email = email.into();
        let entry = entry(&handled);
        assert!(entry.contains("\nTo: undisclosed-recipients:;\n"), "{entry}");
        let sentence = format!("mail can be sent to: {}\n", sanitize::shown(email, 99));
        assert!(entry.contains(&sentence), "{entry}");
    }
}

#[test]
fn a_year_that_mail_cannot_hold_is_the_epoch() {
    for time in ["+262142-12-31T23:59:59Z", "-0044-03-15T12:00:00Z"] {
        let mut handled = handled();
        handled.handled_at = time.parse().unwrap();
        let entry = entry(&handled);
        assert!(entry.starts_with("From orders@shop.example Thu Jan  1 00:00:00 1970\n"), "{entry}");
        assert!(entry.contains("\nDate: Thu, 1 Jan 1970 01:00:00 +0100\n"), "{entry}");
    }
}

#[test]
fn a_mail_says_the_time_of_the_shop() {
    let mut handled = handled();
    handled.handled_at = at("2026-07-01T03:00:00-05:00");
    let entry = entry(&handled);
    assert!(entry.contains("\nDate: Wed, 1 Jul 2026 10:00:00 +0200\n"), "{entry}");
}

proptest! {
    #[test]
    fn a_mail_is_what_a_mail_library_makes(handled in any_handled(), zone in prop::sample::select(&TZ_VARIANTS[..])) {
        let mut out = b"before".to_vec();
        write(&handled, Zone(zone), Lang::En, &mut out);
        let expected = format!("before{}", reference::mbox_entry(&handled, Zone(zone)));
        prop_assert_eq!(String::from_utf8(out).unwrap(), expected);
    }

    #[test]
    fn an_address_is_what_a_mail_library_takes(email in any_address()) {
        let expected = reference::address(&email);
        prop_assert_eq!(address(&email), expected.as_ref().map(AsRef::as_ref));
    }

    #[test]
    fn any_order_makes_one_good_mail(handled in any_handled()) {
        let text = entry(&handled);
        prop_assert!(text.lines().all(|line| line.len() <= 998));
        prop_assert!(!text.contains(|c: char| c.is_control() && c != '\n'));
        let mails = split(&text);
        prop_assert_eq!(mails.len(), 1);
        let (head, _) = mails[0].split_once("\n\n").expect("a blank line ends the headers");
        prop_assert!(head.is_ascii(), "{}", head);

        let mail = parse_mail(mails[0].as_bytes()).unwrap();
        let names: Vec<String> = mail.headers.iter().map(mailparse::MailHeader::get_key).collect();
        prop_assert_eq!(names, HEADERS);
        let get = |name: &str| mail.headers.get_first_value(name).unwrap();
        prop_assert_eq!(get("X-Order-Id"), handled.order_id.to_string());
        prop_assert_eq!(get("Subject"), format!("Your order {} has shipped", handled.order_id));
        prop_assert_eq!(get("Message-ID"), format!("<order-{}@shop.example>", handled.order_id));
        let date = DateTime::parse_from_rfc2822(&get("Date")).unwrap().timestamp();
        let held = (1901..9999).contains(&handled.handled_at.year());
        prop_assert!(date == handled.second() || (!held && date == 0));

        let name = sanitize::shown(&handled.customer.name, NAME_COLUMNS);
        let to = addrparse_header(mail.headers.get_first_header("To").unwrap()).unwrap();
        match &to[0] {
            MailAddr::Single(to) => {
                prop_assert_eq!(&to.addr, handled.customer.email.trim());
                prop_assert_eq!(to.display_name.as_deref().unwrap_or_default(), &*name);
            }
            MailAddr::Group(group) => {
                prop_assert_eq!(&group.group_name, "undisclosed-recipients");
                prop_assert!(address(&handled.customer.email).is_none());
            }
        }
        prop_assert_eq!(to.len(), 1);
        prop_assert_eq!(mail.subparts.len(), 2);
        let html = mail.subparts[1].get_body().unwrap();
        prop_assert!(html.starts_with("<!DOCTYPE html>") && html.ends_with("</html>\n"), "{}", html);
        let body = mail.subparts[0].get_body().unwrap();
        prop_assert!(body.starts_with(&format!("Hello {name}").trim_end().to_owned()), "{}", body);
        let total = format!("\nTotal:    {}\n", kronor(handled.total_ore));
        prop_assert!(body.contains(&total), "{}", body);
    }

    #[test]
    fn names_that_need_no_cleaning_arrive_whole(name in "[A-ZÅÄÖ][a-zåäöéü.'\"\\\\,-]{0,20}( [A-ZÅÄÖ][a-zåäö]{1,12}){0,2}") {
        let mut handled = handled();
        handled.customer.name = name.as_str().into();
        let text = entry(&handled);
        prop_assert_eq!(&text, &reference::mbox_entry(&handled, Zone::default()));
        let mails = split(&text);
        let mail = parse_mail(mails[0].as_bytes()).unwrap();
        let to = addrparse_header(mail.headers.get_first_header("To").unwrap()).unwrap();
        prop_assert_eq!(to.extract_single_info().unwrap().display_name.unwrap(), name);
    }

    #[test]
    fn entries_in_a_row_split_again(orders in prop::collection::vec(any_handled(), 0..6)) {
        let mbox: String = orders.iter().map(entry).collect();
        let mails = split(&mbox);
        prop_assert_eq!(mails.len(), orders.len());
        for (mail, order) in mails.iter().zip(&orders) {
            let mail = parse_mail(mail.as_bytes()).unwrap();
            prop_assert_eq!(mail.headers.get_first_value("X-Order-Id").unwrap(), order.order_id.to_string());
        }
    }
}
