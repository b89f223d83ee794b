//! Orders to test texts with, harmless and hostile.

use chrono::{DateTime, FixedOffset, Timelike};
use proptest::prelude::*;

use crate::shop::{Customer, Handled, Line, Order};

pub(crate) fn at(text: &str) -> DateTime<FixedOffset> {
    DateTime::parse_from_rfc3339(text).unwrap()
}

pub(crate) fn customer() -> Customer {
    Customer { customer_id: 77, name: "Åsa Öberg".into(), email: "asa@example.com".into() }
}

pub(crate) fn order() -> Order {
    Order {
        order_id: 1234,
        created_at: at("2026-11-20T23:59:59.12+01:00"),
        customer: customer(),
        lines: vec![
            Line { product_id: 3, name: "Kaffekopp, blå".into(), quantity: 2, unit_price_ore: 49_900 },
            Line { product_id: 4, name: "Fat".into(), quantity: 1, unit_price_ore: 200 },
        ],
        total_ore: 100_000,
    }
}

pub(crate) fn handled() -> Handled {
    let Order { order_id, created_at, customer, total_ore, lines } = order();
    Handled {
        order_id,
        created_at,
        handled_at: at("2026-11-21T00:00:29.12+01:00"),
        customer,
        total_ore,
        lines,
    }
}

/// Names as from shops, and as from attackers.
pub(crate) fn hostile() -> impl Strategy<Value = String> {
    prop_oneof![
        any::<String>(),
        "\\PC{0,80}",
        "[a-zåäöÅÄÖ \"\\\\.,<>@=?_-]{0,120}",
        prop::collection::vec(
            prop::sample::select(vec![
                "a",
                "Å",
                " ",
                "  ",
                "\t",
                "\r\n",
                "\r",
                "\n",
                "\u{b}",
                "\u{c}",
                "\u{1c}",
                "\u{85}",
                "\u{2028}",
                "\u{2029}",
                "\0",
                "\u{1b}[2J",
                "\u{202e}",
                "\u{200b}",
                "\u{feff}",
                "e\u{301}",
                "日",
                "👩‍👩‍👧",
                "\r\nBcc: x@example.com",
                "\n\nFrom x@y Thu Jan  1 00:00:00 1970\n",
                "=?utf-8?q?x?=",
                "\"",
                "\\",
            ]),
            0..40,
        )
        .prop_map(|parts| parts.concat()),
        Just("x".repeat(10_000)),
        Just("\u{202e}å\n".repeat(4_000)),
    ]
}

/// Times valid in a record, sensible or not.
pub(crate) fn any_time() -> impl Strategy<Value = DateTime<FixedOffset>> {
    let millis = prop_oneof![
        8 => 1_700_000_000_000_i64..2_000_000_000_000,
        1 => DateTime::<chrono::Utc>::MIN_UTC.timestamp_millis()..DateTime::<chrono::Utc>::MAX_UTC.timestamp_millis(),
    ];
    (millis, -23_i32 * 60..23 * 60, prop::bool::weighted(0.1)).prop_map(|(millis, minutes, leap)| {
        let offset = FixedOffset::east_opt(minutes * 60).unwrap();
        let time = DateTime::from_timestamp_millis(millis).unwrap().with_timezone(&offset);
        if leap { time.with_nanosecond(1_234_567_890).unwrap_or(time) } else { time }
    })
}

/// An address, or nearly one.
pub(crate) fn any_address() -> impl Strategy<Value = String> {
    prop_oneof![
        "[a-zA-Z0-9.@!_-]{0,30}",
        "[a-z.]{0,4}[a-zA-Z0-9!#$%&'*+/=?^_`{|}~-]{1,70}@[a-z0-9._-]{1,66}(\\.[a-z0-9-]{0,66}){0,4}",
        "[a-z]{1,3}@[0-9]{1,3}(\\.[0-9]{1,3}){3}",
        " ?[a-z]{1,3}@xn--[a-z0-9]{0,5}\\.example ?",
    ]
}

fn any_customer() -> impl Strategy<Value = Customer> {
    let address = prop_oneof![hostile(), "[a-z.+-]{1,20}@[a-z-]{1,20}\\.example", any_address()];
    (any::<u64>(), hostile(), address).prop_map(|(customer_id, name, email)| Customer {
        customer_id,
        name: name.into(),
        email: email.into(),
    })
}

pub(crate) fn any_order() -> impl Strategy<Value = Order> {
    let line = (any::<u64>(), hostile(), 1_i64..1_000, 0_i64..1_000_000).prop_map(
        |(product_id, name, quantity, unit_price_ore)| Line {
            product_id,
            name: name.into(),
            quantity,
            unit_price_ore,
        },
    );
    (any::<u64>(), any_time(), any_customer(), prop::collection::vec(line, 1..4)).prop_map(
        |(order_id, created_at, customer, lines)| {
            let total_ore = lines.iter().map(|line| line.quantity * line.unit_price_ore).sum();
            Order { order_id, created_at, customer, lines, total_ore }
        },
    )
}

/// With the goods, and without as older records are; with any total.
pub(crate) fn any_handled() -> impl Strategy<Value = Handled> {
    (any_order(), any_time(), any::<bool>(), any::<i64>()).prop_map(
        |(order, handled_at, has_lines, total_ore)| Handled {
            order_id: order.order_id,
            created_at: order.created_at,
            handled_at,
            customer: order.customer,
            total_ore,
            lines: if has_lines { order.lines } else { Vec::new() },
        },
    )
}

/// A table as the strictest reader splits it: lines at everything that any program takes for a line break, columns at tabs.
pub(crate) fn cells(text: &str) -> Vec<Vec<&str>> {
    let breaks =
        ['\n', '\r', '\u{b}', '\u{c}', '\u{1c}', '\u{1d}', '\u{1e}', '\u{85}', '\u{2028}', '\u{2029}'];
    let body = text.strip_suffix('\n').expect("the last line ends");
    body.split(breaks).map(|line| line.split('\t').collect()).collect()
}

/// The expected form of a value in a table, by an independent implementation.
pub(crate) fn spaced(text: &str) -> String {
    text.chars()
        .map(|c| match u32::from(c) {
            0..=0x1f | 0x7f..=0x9f | 0x2028 | 0x2029 => ' ',
            _ => c,
        })
        .collect()
}
