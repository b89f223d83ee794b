//! Runs the fuzz targets `records` and `mail` (in `fuzz/`) for seconds on a stable toolchain; they run for hours
//! elsewhere.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

#[path = "fuzzed/mail.rs"]
mod mail;
#[path = "fuzzed/records.rs"]
mod records;

use proptest::prelude::*;

/// A valid record of each topic, and a mail's texts: the seeds of a fuzzer.
const SEEDS: [&str; 7] = [
    r#"{"order_id":1,"created_at":"2026-11-21T14:03:07.123+01:00","customer":{"customer_id":77,"name":"Åsa","email":"a@example.com"},"lines":[{"product_id":3,"name":"Kopp","quantity":2,"unit_price_ore":49900}],"total_ore":99800}"#,
    r#"{"delivery_id":1,"at":"2026-11-21T14:03:07.123+01:00","product_id":3,"quantity":50}"#,
    r#"{"order_id":1,"created_at":"2026-11-21T14:03:07.123+01:00","handled_at":"2026-11-21T14:03:17.123+01:00","customer":{"customer_id":77,"name":"Åsa","email":"a@example.com"},"total_ore":99800}"#,
    r#"{"shop_time":"2026-11-21T14:03:07.123+01:00","wall_time":"2026-11-21T14:03:07.123+01:00","speed":1.0,"rate":5.0,"state":"running","who":"a","host":"b","pid":1,"orders":2,"lost_sales":3,"last_delivery_id":4,"under_way":[{"product_id":1,"quantity":2,"due":"2026-11-21T14:03:07.123+01:00"}]}"#,
    r#"{"ask":"rate","rate":5.0}"#,
    r#"{"partition":0,"shop_second":1,"wall_ms":2,"who":"a","next":3,"last":{"offset":2,"timestamp":1,"hash":9},"ids":"seen","end_seen":0,"figures":{"mail":{"mails":1,"latest":[]}}}"#,
    "2026-11-21T14:03:07.123+01:00\u{1f}Åsa \"Ek\" <x>\u{1f}asa@example.com\u{1f}\nFrom x@y Thu Jan  1 00:00:00 1970\n",
];

/// A seed with bytes changed, cut out, and put in.
fn input() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop_oneof![
        prop::collection::vec(any::<u8>(), 0..6),
        prop::sample::select(vec![
            "-1",
            "0",
            "1e999",
            "9223372036854775807",
            "18446744073709551616",
            "null",
            "\"",
            "\\u0000",
            "\\ud800",
            "[",
            "{}",
            "-262143-01-01T00:00:00Z",
            "+262142-12-31T23:59:59Z",
            "\r\nBcc: x@y.example\r\n",
            "\nFrom ",
            "\n>From ",
            "=?utf-8?q?x?=",
            "\u{202e}",
            "\u{1b}]0;x\u{7}",
            "@",
            "\u{1f}",
        ])
        .prop_map(|text| text.as_bytes().to_vec()),
    ];
    let change = (any::<prop::sample::Index>(), 0..4_usize, piece);
    (prop::sample::select(&SEEDS[..]), prop::collection::vec(change, 0..6)).prop_map(|(seed, changes)| {
        let mut bytes = seed.as_bytes().to_vec();
        for (at, cut, piece) in changes {
            let at = at.index(bytes.len() + 1);
            let end = bytes.len().min(at + cut);
            bytes.splice(at..end, piece);
        }
        bytes
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 4_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_record_makes_a_decoder_or_a_view_stumble(input in input()) {
        records::check(&input);
    }

    #[test]
    fn whatever_a_customer_is_called_it_makes_one_mail(input in input()) {
        mail::check(&input);
    }
}

#[test]
fn the_seeds_are_what_they_are_meant_to_be() {
    let understood = SEEDS.map(|seed| records::check(seed.as_bytes()));
    assert_eq!(understood, [1, 1, 1, 1, 1, 1, 0]);
}
