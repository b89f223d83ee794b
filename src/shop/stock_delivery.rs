//! A delivery, as a record of `shop.deliveries`.

use chrono::{DateTime, FixedOffset};
use serde::{Deserialize, Serialize};

use super::{day, fast_json::Written};

/// One arrival of one product; the opening stock is a product's first delivery.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Delivery {
    /// Number of the delivery.
    pub delivery_id: u64,
    /// Shop time of the arrival.
    #[serde(serialize_with = "day::rfc3339_millis")]
    pub at: DateTime<FixedOffset>,
    /// What arrived.
    pub product_id: u64,
    /// Pieces, at least 1.
    pub quantity: i64,
}

impl Delivery {
    /// Decodes and validates a record; the error is a sentence.
    pub fn decode(payload: Option<&[u8]>) -> Result<Self, String> {
        let bytes = payload.filter(|bytes| !bytes.is_empty()).ok_or("the payload is empty")?;
        let delivery = match Written::read(bytes, Self::written) {
            Some(delivery) => delivery,
            None => serde_json::from_slice(bytes).map_err(|error| format!("not a delivery: {error}"))?,
        };
        if delivery.quantity < 1 {
            return Err(format!("the quantity {} is below 1", delivery.quantity));
        }
        Ok(delivery)
    }

    /// Reads a delivery that serde wrote.
    pub(super) fn written(record: &mut Written<'_>) -> Option<Self> {
        let delivery = Self {
            delivery_id: record.after(br#"{"delivery_id":"#)?.number()?,
            at: record.after(br#","at":"#)?.time()?,
            product_id: record.after(br#","product_id":"#)?.number()?,
            quantity: record.after(br#","quantity":"#)?.number()?,
        };
        record.after(b"}").map(|_| delivery)
    }
}
