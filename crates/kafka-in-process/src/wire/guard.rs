//! Checks a request before it is decoded: the decoder allocates as many items as an array claims to have, so a claim
//! that exceeds the bytes must not reach it.

use std::{collections::HashMap, sync::LazyLock};

use kafka_protocol::messages::ApiKey;

use super::versions::{Api, TABLE};

/// The most array items in a request, over all arrays: a decoded item takes up to some hundred bytes.
const MOST_ITEMS: usize = 200_000;
/// The largest request except Produce, which consists of records.
const LARGEST_QUESTION: usize = 8 << 20;

/// A part of a request.
#[derive(Debug)]
struct Field {
    shape: Shape,
    from: i16,
    to: i16,
}

#[derive(Debug)]
enum Shape {
    Fixed(usize),
    Text,
    Bytes,
    Structures(Vec<Field>),
    Values(Vec<Field>),
    Optional(Vec<Field>),
}

static SHAPES: LazyLock<HashMap<i16, Vec<Field>>> = LazyLock::new(|| {
    let parsed = |api: &Api| (api.key as i16, parse(&mut api.shape.split_whitespace(), ""));
    TABLE.iter().map(parsed).collect()
});

/// Reads fields up to the closing token.
fn parse<'a>(tokens: &mut impl Iterator<Item = &'a str>, close: &str) -> Vec<Field> {
    let mut fields = Vec::new();
    while let Some(token) = tokens.next().filter(|token| *token != close) {
        let (shape, versions) = token.split_once(':').unwrap_or((token, "0+"));
        let (from, to) = match versions.strip_suffix('+') {
            Some(from) => (from, ""),
            None => versions.split_once('-').unwrap_or(("", "")),
        };
        let shape = match shape {
            "s" => Shape::Text,
            "b" => Shape::Bytes,
            "[" => Shape::Structures(parse(tokens, "]")),
            "<" => Shape::Values(parse(tokens, ">")),
            "(" => Shape::Optional(parse(tokens, ")")),
            size => Shape::Fixed(size.parse().unwrap_or(0)),
        };
        fields.push(Field { shape, from: from.parse().unwrap_or(0), to: to.parse().unwrap_or(i16::MAX) });
    }
    fields
}

/// Checks the claimed lengths and counts of a request.
pub(super) fn check(key: ApiKey, version: i16, body: &[u8]) -> Result<(), &'static str> {
    if key != ApiKey::Produce && body.len() > LARGEST_QUESTION {
        return Err("the request is too large for its kind");
    }
    let fields = SHAPES.get(&(key as i16)).ok_or("the request is not known")?;
    let flexible = key.request_header_version(version) >= 2;
    let mut walk = Walk { rest: body, version, flexible, items: MOST_ITEMS };
    walk.structure(fields).ok_or("the request claims to hold more than it does")
}

/// A walk over a body; `None` if it ends early or holds too much.
struct Walk<'a> {
    rest: &'a [u8],
    version: i16,
    /// Lengths are varints and structures end with tagged fields (KIP-482).
    flexible: bool,
    /// Array items still permitted.
    items: usize,
}

impl Walk<'_> {
    fn structure(&mut self, fields: &[Field]) -> Option<()> {
        self.plain(fields)?;
        if self.flexible {
            for _ in 0..self.varint()? {
                self.varint()?;
                let size = self.varint()?;
                self.skip(size)?;
            }
        }
        Some(())
    }

    fn plain(&mut self, fields: &[Field]) -> Option<()> {
        let version = self.version;
        for field in fields.iter().filter(|field| (field.from..=field.to).contains(&version)) {
            match &field.shape {
                Shape::Fixed(size) => self.skip(*size)?,
                Shape::Text => {
                    let length = self.length(2)?;
                    self.skip(length)?;
                }
                Shape::Bytes => {
                    let length = self.length(4)?;
                    self.skip(length)?;
                }
                Shape::Structures(fields) => {
                    for _ in 0..self.count()? {
                        self.structure(fields)?;
                    }
                }
                Shape::Values(fields) => {
                    for _ in 0..self.count()? {
                        self.plain(fields)?;
                    }
                }
                Shape::Optional(fields) => {
                    if self.take(1)? == [1] {
                        self.structure(fields)?;
                    }
                }
            }
        }
        Some(())
    }

    fn take(&mut self, size: usize) -> Option<&[u8]> {
        let (taken, rest) = self.rest.split_at_checked(size)?;
        self.rest = rest;
        Some(taken)
    }

    fn skip(&mut self, size: usize) -> Option<()> {
        self.take(size).map(|_| ())
    }

    fn varint(&mut self) -> Option<usize> {
        let mut value = 0usize;
        for shift in (0..35).step_by(7) {
            let byte = *self.take(1)?.first()?;
            value |= usize::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return Some(value);
            }
        }
        None
    }

    /// A fixed-width length, or a varint minus one; `None` for null.
    fn length(&mut self, width: usize) -> Option<usize> {
        if self.flexible {
            return Some(self.varint()?.saturating_sub(1));
        }
        let raw = self.take(width)?;
        let value = match *raw {
            [a, b] => i32::from(i16::from_be_bytes([a, b])),
            [a, b, c, d] => i32::from_be_bytes([a, b, c, d]),
            _ => return None,
        };
        if value == -1 { Some(0) } else { usize::try_from(value).ok() }
    }

    /// The number of items of an array, within the limit; the walk shows whether they exist.
    fn count(&mut self) -> Option<usize> {
        let count = self.length(4)?;
        self.items = self.items.checked_sub(count)?;
        Some(count)
    }
}
