//! Orders that are valid but malicious.

use std::{collections::BTreeSet, fs, time::Duration};

use mailparse::MailHeaderMap;

use crate::{
    common::{files::tree, headers::HEADERS, oracle::mail::split_mbox, orders::Hand, shop::Shop},
    kit::{consume, sell},
};

/// A cursor sequence that our dashboard never sends.
const MOVES: &str = "\u{1b}[1337;1338H";
const COLOURS: &str = "\u{1b}[38;5;213m";

fn hostile() -> Vec<Hand> {
    let texts = [
        format!("Eva{MOVES}{COLOURS}Ek"),
        "Eva\u{1b}]52;c;ZXZpbA==\u{7}Ek\u{1b}]0;title\u{1b}\\".to_owned(),
        "Eva\u{9b}1337;1338H\u{9d}0;x\u{9c}\0Ek\u{8}\u{7f}\u{18}".to_owned(),
        "\u{202e}ekaf \u{2066}Eva\u{2069}\u{200f}\u{200b}\u{feff}".to_owned(),
        "Eva\r\nBcc: eve@example.com\r\n\r\nFrom eve@example.com Thu Jan  1 00:00:00 1970\n".to_owned(),
        "\nFrom eve@example.com Thu Jan  1 00:00:00 1970\nTo: all".to_owned(),
        "../../../etc/passwd\0.txt".to_owned(),
        "e\u{301}\u{302}\u{303}".repeat(3_000),
        "Eva".repeat(3_334),
        "\u{1b}[".repeat(5_000),
    ];
    let mut orders = Vec::new();
    for text in &texts {
        let at = || Hand::at("2026-03-28T23:10:00.250+01:00");
        orders.push(at().name(text));
        orders.push(at().email(text));
        orders.push(at().email(&format!("eva{text}@example.com")));
        let product = |order: Hand| order.with("/lines/0/name", text.as_str().into());
        orders.push(product(at()).with("/lines/0/product_id", (orders.len() as u64 + 900).into()));
    }
    orders
}

/// Whether a text is safe for a terminal or a mail header.
fn is_harmless(text: &str) -> bool {
    !text.chars().any(|c| {
        (c.is_control() && c != '\n')
            || matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
    })
}

/// Every message has our headers, each once, and at most one recipient.
fn assert_mails_are_ours(shop: &Shop) {
    let mut read = 0;
    for path in tree(&shop.out().join("mail")).into_keys() {
        for mail in split_mbox(&fs::read(shop.out().join("mail").join(path)).unwrap()).unwrap() {
            let mail = mailparse::parse_mail(&mail).unwrap();
            let names: Vec<_> = mail.headers.iter().map(mailparse::MailHeader::get_key).collect();
            assert_eq!(names, HEADERS);
            let to = mail.headers.get_first_header("To").unwrap();
            assert!(mailparse::addrparse_header(to).unwrap().count_addrs() <= 1, "{}", to.get_value());
            read += 1;
        }
    }
    assert_eq!(read, shop.oracle().handled.len());
}

#[test]
fn a_hostile_order_reaches_no_terminal_header_or_path() {
    let shop = Shop::new();
    shop.bootstrap();
    sell(&shop, "2026-03-28 22:00..2026-03-29 01:00", "0.01", "71");
    let known: BTreeSet<_> = {
        consume(&shop);
        tree(&shop.out()).into_keys().collect()
    };
    let orders = hostile();
    let records: Vec<_> =
        orders.into_iter().zip(0_u64..).map(|(order, id)| order.id(1_000_000 + id).record(0)).collect();
    shop.write("orders", &records);
    let status = consume(&shop);
    let differences = shop.oracle().compare(&shop.out(), &status);
    // Texts for people are shortened and sanitized: they are checked below.
    let shortened = |sentence: &str| {
        sentence.starts_with("mail/") && sentence.contains(": to ")
            || sentence.starts_with("reports/") && sentence.contains("does not say product 9")
            || sentence.contains("more of that kind")
    };
    let differences: Vec<_> = differences.iter().filter(|sentence| !shortened(sentence)).collect();
    assert!(differences.is_empty(), "{differences:.3000?}");
    assert_mails_are_ours(&shop);
    assert_eq!(status["dead_letters"], 0, "they are valid");

    let new: Vec<_> = tree(&shop.out()).into_keys().filter(|path| !known.contains(path)).collect();
    let ours =
        |path: &str| path.starts_with("kafka/") || path.starts_with("state/") || path.starts_with("reports/");
    assert!(new.iter().all(|path| path.to_str().is_some_and(ours)), "{new:?}");

    for folder in ["orders", "handled", "mail", "reports"] {
        for path in tree(&shop.out().join(folder)).into_keys() {
            let text = fs::read_to_string(shop.out().join(folder).join(&path)).unwrap();
            let controls = |c: char| c.is_control() && !matches!(c, '\n' | '\t');
            assert!(!text.contains(controls), "{folder}/{}", path.display());
            let heads = ["mail", "reports"].contains(&folder);
            assert!(!heads || is_harmless(&text), "{folder}/{}", path.display());
        }
    }
    for id in 0..records.len() {
        let told = shop.run(&["order", &(1_000_000 + id).to_string()]).ok().stdout;
        assert!(is_harmless(&told) && told.lines().all(|line| line.chars().count() < 300), "{told:?}");
        // One of each kind is enough where each takes a process.
        if id > 3 && !crate::common::is_full() {
            break;
        }
    }
    for command in [&["status"][..], &["status", "--json"], &["report", "2026-03-28"]] {
        let told = shop.run(command).ok().stdout;
        assert!(is_harmless(&told), "{told:?}");
    }

    // Consumers with a new folder show all orders as they read them. With a theme the terminal is not asked for its colours.
    let mut tui = shop.start_in_terminal(&["tui", "--watch", "--theme", "dark"]);
    tui.wait_for_output("the feed", |screen| screen.contains("Eva") && screen.contains("23:11:"));
    tui.type_keys("q");
    let screen = tui.finish_within(Duration::from_secs(20)).ok().stdout;
    for raw in
        ["1337", "38;5;213m", "\u{1b}]", "\u{9b}", "\u{9d}", "\0", "\u{7}", "\u{8}", "\u{202e}", "\u{200b}"]
    {
        assert!(!screen.contains(raw), "{raw:?} is on the screen");
    }
}
