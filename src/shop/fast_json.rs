//! A fast parser for records that are byte for byte in this program's own format.
//!
//! Nearly all are, and a log that is read again delivers hundreds of thousands of them a second. Other formats, and
//! errors, are left to serde.

use chrono::{DateTime, FixedOffset};
use compact_str::CompactString;

use super::day;

/// A record that is being read.
pub(super) struct Written<'a> {
    record: &'a str,
    /// Its unread rest.
    rest: &'a [u8],
}

impl<'a> Written<'a> {
    /// Parses a whole record; `None` if it is not in the usual format.
    pub(super) fn read<T>(bytes: &'a [u8], record: impl FnOnce(&mut Self) -> Option<T>) -> Option<T> {
        let mut written = Self { record: simdutf8::basic::from_utf8(bytes).ok()?, rest: bytes };
        record(&mut written).filter(|_| written.rest.is_empty())
    }

    /// Expects a literal and returns the rest; the compile-time length reduces the comparison to a few instructions.
    #[inline]
    pub(super) fn after<const N: usize>(&mut self, text: &[u8; N]) -> Option<&mut Self> {
        self.rest = self.rest.strip_prefix(text)?;
        Some(self)
    }

    /// A whole number from 0.
    #[inline]
    pub(super) fn number<N: TryFrom<u64>>(&mut self) -> Option<N> {
        let mut number = 0_u64;
        let mut length = 0;
        while let Some(digit) = self.rest.get(length).filter(|byte| byte.is_ascii_digit()) {
            number = number * 10 + u64::from(digit - b'0');
            length += 1;
            // May overflow.
            if length > 18 {
                return None;
            }
        }
        let (digits, rest) = self.rest.split_at(length);
        self.rest = rest;
        // JSON forbids leading zeros.
        if digits == b"0" || digits.first().is_some_and(|digit| *digit != b'0') {
            number.try_into().ok()
        } else {
            None
        }
    }

    /// A string without escapes and control characters.
    #[inline]
    pub(super) fn text(&mut self) -> Option<CompactString> {
        let mut rest = self.after(b"\"")?.rest;
        let from = self.record.len() - rest.len();
        // More than eight bytes follow every string of our format.
        let special = loop {
            let special = special(u64::from_le_bytes(*rest.first_chunk()?));
            if special != 0 {
                break special;
            }
            rest = rest.get(8..)?;
        };
        self.rest = rest.get((special.trailing_zeros() / 8) as usize..)?;
        let text = self.record.get(from..self.record.len() - self.rest.len())?;
        self.after(b"\"")?;
        Some(CompactString::from(text))
    }

    /// A time with milliseconds and offset.
    pub(super) fn time(&mut self) -> Option<DateTime<FixedOffset>> {
        let text = self.after(b"\"")?.rest.first_chunk()?;
        let time = day::parse(text)?;
        self.rest = self.rest.get(text.len()..)?;
        self.after(b"\"").map(|_| time)
    }

    /// A non-empty list.
    pub(super) fn list<T>(&mut self, item: impl Fn(&mut Self) -> Option<T>) -> Option<Vec<T>> {
        let mut items = Vec::with_capacity(4);
        items.push(item(self.after(b"[")?)?);
        while self.after(b",").is_some() {
            items.push(item(self)?);
        }
        self.after(b"]")?;
        Some(items)
    }
}

/// Of eight bytes, the high bit of the first that is a quote, a backslash or a control character; bits behind it mean
/// nothing.
fn special(bytes: u64) -> u64 {
    const EACH: u64 = u64::MAX / 255;
    let control = bytes.wrapping_sub(EACH * 0x20);
    let is = |byte: u8| (bytes ^ (EACH * u64::from(byte))).wrapping_sub(EACH);
    (control | is(b'"') | is(b'\\')) & !bytes & (EACH * 0x80)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde::de::DeserializeOwned;
    use std::fmt::Debug;

    use super::{
        super::{Delivery, Handled, Order, strict_json::Object},
        *,
    };

    const ORDER: &str = r#"{"order_id":1,"created_at":"2026-11-21T14:03:07.123+01:00","customer":{"customer_id":77,"name":"Åsa Ek","email":"a@example.com"},"lines":[{"product_id":3,"name":"Kopp, blå","quantity":2,"unit_price_ore":49900},{"product_id":40,"name":"","quantity":1,"unit_price_ore":0}],"total_ore":99800}"#;
    const HANDLED: &str = r#"{"order_id":0,"created_at":"2026-11-21T14:03:07.123-00:00","handled_at":"2026-11-21T14:03:17.123+01:00","customer":{"customer_id":77,"name":"Åsa","email":"a@example.com"},"total_ore":99800}"#;
    const SHIPPED: &str = r#"{"order_id":0,"created_at":"2026-11-21T14:03:07.123-00:00","handled_at":"2026-11-21T14:03:17.123+01:00","customer":{"customer_id":77,"name":"Åsa","email":"a@example.com"},"total_ore":99800,"lines":[{"product_id":3,"name":"Kopp, blå","quantity":2,"unit_price_ore":49900}]}"#;
    const DELIVERY: &str = r#"{"delivery_id":123456789012345678,"at":"2026-11-21T14:03:07.123+01:00","product_id":3,"quantity":50}"#;

    /// Whether the bytes are parsed; compares the result with serde's.
    fn taken<T: Debug + DeserializeOwned>(bytes: &[u8], record: fn(&mut Written<'_>) -> Option<T>) -> bool {
        let Some(read) = Written::read(bytes, record) else { return false };
        let Object(parsed): Object<T> = serde_json::from_slice(bytes).unwrap();
        // Unlike `==`, this tells apart the offsets of two times.
        assert_eq!(format!("{read:?}"), format!("{parsed:?}"));
        true
    }

    fn changed() -> impl Strategy<Value = Vec<u8>> {
        let piece = prop_oneof![
            prop::collection::vec(any::<u8>(), 1..3),
            prop::sample::select(vec![
                "",
                "0",
                "5",
                "00",
                "-1",
                "-0",
                "1.0",
                "1e3",
                "999999999999999999",
                "9223372036854775807",
                "9223372036854775808",
                "18446744073709551616",
                "null",
                "\"",
                "\\",
                "\\u0041",
                "\u{1f}",
                "\u{7f}",
                "\n",
                " ",
                "å",
                "[",
                "]",
                "{}",
                "}",
                ",",
                ":60",
                "Z",
                "\"x\":1,",
            ])
            .prop_map(|text| text.as_bytes().to_vec()),
        ];
        let change = (any::<prop::sample::Index>(), 0..3_usize, piece);
        (prop::sample::select(vec![ORDER, HANDLED, SHIPPED, DELIVERY]), prop::collection::vec(change, 1..4))
            .prop_map(|(record, changes)| {
                let mut bytes = record.as_bytes().to_vec();
                for (at, cut, piece) in changes {
                    let at = at.index(bytes.len() + 1);
                    let end = bytes.len().min(at + cut);
                    bytes.splice(at..end, piece);
                }
                bytes
            })
    }

    proptest! {
        #![proptest_config(crate::testing::cases(50_000))]

        #[test]
        fn what_is_taken_is_what_serde_reads(bytes in changed()) {
            taken(&bytes, Order::written);
            taken(&bytes, Handled::written);
            taken(&bytes, Delivery::written);
        }
    }

    #[test]
    fn records_as_they_are_written_are_taken() {
        let order: Order = serde_json::from_str(ORDER).unwrap();
        let handled: Handled = serde_json::from_str(HANDLED).unwrap();
        let delivery: Delivery = serde_json::from_str(DELIVERY).unwrap();
        assert!(taken(&serde_json::to_vec(&order).unwrap(), Order::written));
        assert!(taken(&serde_json::to_vec(&handled).unwrap(), Handled::written));
        let shipped: Handled = serde_json::from_str(SHIPPED).unwrap();
        assert_eq!(serde_json::to_string(&shipped).unwrap(), SHIPPED.replace("-00:00", "+00:00"));
        assert!(taken(SHIPPED.as_bytes(), Handled::written));
        assert!(taken(&serde_json::to_vec(&delivery).unwrap(), Delivery::written));
    }
}
