//! A handled order, as a record of `shop.handled`.

use chrono::{DateTime, FixedOffset};
use serde::{Deserialize, Serialize};

use super::{Customer, Line, day, fast_json::Written, strict_json::objects};

/// An order that was handled: its customer is to be told that it has shipped.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Handled {
    /// Number of the order.
    pub order_id: u64,
    /// Shop time of the sale.
    #[serde(serialize_with = "day::rfc3339_millis")]
    pub created_at: DateTime<FixedOffset>,
    /// Shop time of the handling: `created_at` plus a whole number of handling intervals.
    #[serde(serialize_with = "day::rfc3339_millis")]
    pub handled_at: DateTime<FixedOffset>,
    /// Who bought.
    pub customer: Customer,
    /// The order's total in öre.
    pub total_ore: i64,
    /// What was bought. Empty in records of earlier versions, and if the record would be too large with it.
    #[serde(default, deserialize_with = "objects", skip_serializing_if = "Vec::is_empty")]
    pub lines: Vec<Line>,
}

impl Handled {
    /// Decodes a record; the error is a sentence.
    pub fn decode(payload: Option<&[u8]>) -> Result<Self, String> {
        let bytes = payload.filter(|bytes| !bytes.is_empty()).ok_or("the payload is empty")?;
        match Written::read(bytes, Self::written) {
            Some(handled) => Ok(handled),
            None => serde_json::from_slice(bytes).map_err(|error| format!("not a handled order: {error}")),
        }
    }

    /// Reads a handled order that serde wrote.
    pub(super) fn written(record: &mut Written<'_>) -> Option<Self> {
        let handled = Self {
            order_id: record.after(br#"{"order_id":"#)?.number()?,
            created_at: record.after(br#","created_at":"#)?.time()?,
            handled_at: record.after(br#","handled_at":"#)?.time()?,
            customer: Customer::written(record.after(br#","customer":"#)?)?,
            total_ore: record.after(br#","total_ore":"#)?.number()?,
            lines: match record.after(br#","lines":"#) {
                Some(lines) => lines.list(Line::written)?,
                None => Vec::new(),
            },
        };
        record.after(b"}").map(|_| handled)
    }

    /// The whole second of shop time of the handling: Unix seconds, rounded down.
    pub fn second(&self) -> i64 {
        self.handled_at.timestamp()
    }
}
