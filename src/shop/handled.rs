//! A handled order, as it lies on `shop.handled`.

use chrono::{DateTime, FixedOffset};
use serde::{Deserialize, Serialize};

use super::{Customer, day, written::Written};

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
}

impl Handled {
    /// Reads the bytes of a record; the error is a sentence.
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
        };
        record.after(b"}").map(|_| handled)
    }

    /// The whole second of shop time of the handling: Unix seconds, rounded down.
    pub fn second(&self) -> i64 {
        self.handled_at.timestamp()
    }
}
