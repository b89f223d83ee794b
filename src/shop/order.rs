//! A finished order, as a record of `shop.orders`, and its validation.

use chrono::{DateTime, FixedOffset};
use compact_str::CompactString;
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::{Map, Value};

use super::{
    day,
    fast_json::Written,
    strict_json::{Object, object, objects},
};

/// Most characters of a JSON error, which may quote the whole payload.
const REASON: usize = 200;

/// JavaScript cannot represent larger integers exactly, so sequential ids stay below: a larger one is random, or a
/// mistake, and is not continued from.
pub const LARGEST_COUNTED: u64 = (1 << 53) - 1;

/// A finished sale.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Order {
    /// Goes up within a partition of `shop.orders`.
    pub order_id: u64,
    /// Shop time of the sale, with its offset, to the millisecond.
    #[serde(serialize_with = "day::rfc3339_millis")]
    pub created_at: DateTime<FixedOffset>,
    /// Who bought.
    #[serde(deserialize_with = "object")]
    pub customer: Customer,
    /// What was bought; at least one line.
    #[serde(deserialize_with = "objects")]
    pub lines: Vec<Line>,
    /// Sum of `quantity × unit_price_ore` over the lines, in öre.
    pub total_ore: i64,
}

/// A buyer. Name and address are as the shop sent them, control characters included.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Customer {
    /// The shop's number for the customer.
    pub customer_id: u64,
    /// Full name.
    pub name: CompactString,
    /// Mail address.
    pub email: CompactString,
}

/// One product of an order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Line {
    /// The product's number.
    pub product_id: u64,
    /// The product's name at the time of sale.
    pub name: CompactString,
    /// Pieces, at least 1.
    pub quantity: i64,
    /// Price of one piece in öre, not negative.
    pub unit_price_ore: i64,
}

impl Customer {
    /// Reads a customer that serde wrote.
    pub(super) fn written(record: &mut Written<'_>) -> Option<Self> {
        let customer = Self {
            customer_id: record.after(br#"{"customer_id":"#)?.number()?,
            name: record.after(br#","name":"#)?.text()?,
            email: record.after(br#","email":"#)?.text()?,
        };
        record.after(b"}").map(|_| customer)
    }
}

impl Line {
    /// Reads a line that serde wrote.
    pub(super) fn written(record: &mut Written<'_>) -> Option<Self> {
        let line = Self {
            product_id: record.after(br#"{"product_id":"#)?.number()?,
            name: record.after(br#","name":"#)?.text()?,
            quantity: record.after(br#","quantity":"#)?.number()?,
            unit_price_ore: record.after(br#","unit_price_ore":"#)?.number()?,
        };
        record.after(b"}").map(|_| line)
    }

    /// `quantity × unit_price_ore` in öre; `None` when it does not fit an `i64`.
    pub fn total_ore(&self) -> Option<i64> {
        self.quantity.checked_mul(self.unit_price_ore)
    }
}

/// Why a payload is not a valid order. The text goes into the dead letter's `error` header.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Invalid {
    /// No payload, or one of no bytes.
    #[error("the payload is empty")]
    Empty,
    /// Not JSON, or a field is missing or of the wrong type.
    #[error("not an order: {0}")]
    Malformed(String),
    /// No lines at all.
    #[error("the order has no lines")]
    NoLines,
    /// A quantity below 1.
    #[error("line {line} has the quantity {quantity}, which is below 1")]
    Quantity {
        /// Which line, from 1.
        line: usize,
        /// The quantity as it came.
        quantity: i64,
    },
    /// A price below 0.
    #[error("line {line} has a negative price")]
    NegativePrice {
        /// Which line, from 1.
        line: usize,
    },
    /// A product of quantity and price, or their sum, does not fit an `i64`.
    #[error("the sum of the lines overflows")]
    Overflow,
    /// The stated total differs from the sum of the lines.
    #[error("the total is {stated} öre but the lines add up to {lines} öre")]
    Total {
        /// What the order says, öre.
        stated: i64,
        /// What its lines add up to, öre.
        lines: i64,
    },
}

impl Order {
    /// Decodes and validates a record. Unknown fields are ignored.
    pub fn decode(payload: Option<&[u8]>) -> Result<Self, Invalid> {
        let bytes = payload.filter(|bytes| !bytes.is_empty()).ok_or(Invalid::Empty)?;
        let order = if let Some(order) = Written::read(bytes, Self::written) {
            order
        } else {
            let Object(order) = serde_json::from_slice(bytes)
                .map_err(|error| Invalid::Malformed(shortened(wrong_field(bytes), &error)))?;
            order
        };
        order.check()?;
        Ok(order)
    }

    /// Reads an order that serde wrote.
    pub(super) fn written(record: &mut Written<'_>) -> Option<Self> {
        let order = Self {
            order_id: record.after(br#"{"order_id":"#)?.number()?,
            created_at: record.after(br#","created_at":"#)?.time()?,
            customer: Customer::written(record.after(br#","customer":"#)?)?,
            lines: record.after(br#","lines":"#)?.list(Line::written)?,
            total_ore: record.after(br#","total_ore":"#)?.number()?,
        };
        record.after(b"}").map(|_| order)
    }

    fn check(&self) -> Result<(), Invalid> {
        if self.lines.is_empty() {
            return Err(Invalid::NoLines);
        }
        let mut sum = 0_i64;
        for (line, number) in self.lines.iter().zip(1..) {
            if line.quantity < 1 {
                return Err(Invalid::Quantity { line: number, quantity: line.quantity });
            }
            if line.unit_price_ore < 0 {
                return Err(Invalid::NegativePrice { line: number });
            }
            sum = line.total_ore().and_then(|ore| sum.checked_add(ore)).ok_or(Invalid::Overflow)?;
        }
        if sum == self.total_ore {
            Ok(())
        } else {
            Err(Invalid::Total { stated: self.total_ore, lines: sum })
        }
    }

    /// The second of the sale, in shop time: Unix seconds, rounded down.
    pub fn second(&self) -> i64 {
        self.created_at.timestamp()
    }
}

/// Shortens a JSON error to [`REASON`]: the `field` if it is known, otherwise the position, which is at its end.
fn shortened(field: Option<String>, error: &serde_json::Error) -> String {
    let has_field = field.is_some();
    let text = field.unwrap_or_else(|| error.to_string());
    if text.chars().nth(REASON).is_none() {
        return text;
    }
    let start: String = text.chars().take(REASON).collect();
    if has_field {
        format!("{start}…")
    } else {
        format!("{start}… at line {} column {}", error.line(), error.column())
    }
}

/// The first missing or mistyped field of a JSON payload, with the error.
fn wrong_field(payload: &[u8]) -> Option<String> {
    let order: Value = serde_json::from_slice(payload).ok()?;
    order.as_object()?;
    let customer = || {
        let customer = order.get("customer")?;
        wrong::<u64>(customer, "customer.", "customer_id")
            .or_else(|| wrong::<CompactString>(customer, "customer.", "name"))
            .or_else(|| wrong::<CompactString>(customer, "customer.", "email"))
    };
    let lines = || {
        order.get("lines")?.as_array()?.iter().zip(1..).find_map(|(line, number)| {
            let path = format!("line {number}: ");
            (!line.is_object())
                .then(|| format!("{path}not an object"))
                .or_else(|| wrong::<u64>(line, &path, "product_id"))
                .or_else(|| wrong::<CompactString>(line, &path, "name"))
                .or_else(|| wrong::<i64>(line, &path, "quantity"))
                .or_else(|| wrong::<i64>(line, &path, "unit_price_ore"))
        })
    };
    wrong::<u64>(&order, "", "order_id")
        .or_else(|| wrong::<DateTime<FixedOffset>>(&order, "", "created_at"))
        .or_else(|| wrong::<Map<String, Value>>(&order, "", "customer"))
        .or_else(customer)
        .or_else(|| wrong::<Vec<Value>>(&order, "", "lines"))
        .or_else(lines)
        .or_else(|| wrong::<i64>(&order, "", "total_ore"))
}

/// The error of an object's field, if there is one; `path` leads to the object.
fn wrong<T: DeserializeOwned>(object: &Value, path: &str, name: &str) -> Option<String> {
    match object.get(name) {
        None => Some(format!("{path}{name} is missing")),
        Some(value) => T::deserialize(value).err().map(|error| format!("{path}{name}: {error}")),
    }
}

#[cfg(test)]
mod tests;
