//! Reads records that lie byte for byte as this program writes them.
//!
//! Nearly all records do, and a log that is read again has hundreds of thousands of them a second. What is
//! written in any other way, and all that is wrong, is left to serde.

use chrono::{DateTime, FixedOffset};
use compact_str::CompactString;

use super::day;

/// The part of a record that is not read yet.
pub(super) struct Written<'a>(&'a str);

impl<'a> Written<'a> {
    /// Reads a whole record; `None` where it is not written the usual way.
    pub(super) fn read<T>(bytes: &'a [u8], record: impl FnOnce(&mut Self) -> Option<T>) -> Option<T> {
        // Within strings these would have to be judged, elsewhere they are not written.
        let odd = bytes.iter().fold(0, |odd, byte| odd | u8::from(*byte < b' ') | u8::from(*byte == b'\\'));
        if odd > 0 {
            return None;
        }
        let mut rest = Self(str::from_utf8(bytes).ok()?);
        record(&mut rest).filter(|_| rest.0.is_empty())
    }

    /// What comes after a text that must come first; its length is known when the program is compiled, which makes the
    /// comparison a few instructions.
    #[inline]
    pub(super) fn after<const N: usize>(&mut self, text: &[u8; N]) -> Option<&mut Self> {
        let is_there = self.0.as_bytes().first_chunk() == Some(text);
        self.0 = self.0.get(N..).filter(|_| is_there)?;
        Some(self)
    }

    /// A whole number from 0.
    #[inline]
    pub(super) fn number<N: TryFrom<u64>>(&mut self) -> Option<N> {
        let mut number = 0_u64;
        let mut length = 0;
        while let Some(digit) = self.0.as_bytes().get(length).filter(|byte| byte.is_ascii_digit()) {
            number = number * 10 + u64::from(digit - b'0');
            length += 1;
            // More may not fit.
            if length > 18 {
                return None;
            }
        }
        let (digits, rest) = self.0.split_at(length);
        self.0 = rest;
        // JSON has no zeros in front.
        if digits == "0" || digits.as_bytes().first().is_some_and(|digit| *digit != b'0') {
            number.try_into().ok()
        } else {
            None
        }
    }

    /// A string without escapes.
    #[inline]
    pub(super) fn text(&mut self) -> Option<CompactString> {
        let from = self.after(b"\"")?.0;
        // Most are short: searching byte by byte is quicker than what begins by aligning.
        let end = from.bytes().position(|byte| byte == b'"')?;
        self.0 = from.get(end + 1..)?;
        from.get(..end).map(CompactString::from)
    }

    /// A time with milliseconds and offset.
    pub(super) fn time(&mut self) -> Option<DateTime<FixedOffset>> {
        let text = self.after(b"\"")?.0.as_bytes().first_chunk()?;
        let time = day::parse(text)?;
        self.0 = self.0.get(text.len()..)?;
        self.after(b"\"").map(|_| time)
    }

    /// A list of at least one.
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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde::de::DeserializeOwned;
    use std::fmt::Debug;

    use super::{
        super::{Delivery, Handled, Order, object::Object},
        *,
    };

    const ORDER: &str = r#"{"order_id":1,"created_at":"2026-11-21T14:03:07.123+01:00","customer":{"customer_id":77,"name":"Åsa Ek","email":"a@example.com"},"lines":[{"product_id":3,"name":"Kopp, blå","quantity":2,"unit_price_ore":49900},{"product_id":40,"name":"","quantity":1,"unit_price_ore":0}],"total_ore":99800}"#;
    const HANDLED: &str = r#"{"order_id":0,"created_at":"2026-11-21T14:03:07.123-00:00","handled_at":"2026-11-21T14:03:17.123+01:00","customer":{"customer_id":77,"name":"Åsa","email":"a@example.com"},"total_ore":99800}"#;
    const DELIVERY: &str = r#"{"delivery_id":123456789012345678,"at":"2026-11-21T14:03:07.123+01:00","product_id":3,"quantity":50}"#;

    /// Whether the bytes are taken; what they say is compared with what serde reads.
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
        (prop::sample::select(vec![ORDER, HANDLED, DELIVERY]), prop::collection::vec(change, 1..4)).prop_map(
            |(record, changes)| {
                let mut bytes = record.as_bytes().to_vec();
                for (at, cut, piece) in changes {
                    let at = at.index(bytes.len() + 1);
                    let end = bytes.len().min(at + cut);
                    bytes.splice(at..end, piece);
                }
                bytes
            },
        )
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 50_000, failure_persistence: None, ..ProptestConfig::default() })]

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
        assert!(taken(&serde_json::to_vec(&delivery).unwrap(), Delivery::written));
    }
}
