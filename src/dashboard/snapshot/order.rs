//! One order that is followed from its sale to its mail.

use std::sync::Arc;

use super::Said;
use crate::shop::{Handled, Order};

/// The order that a person asked for.
#[derive(Debug, Clone, PartialEq)]
pub struct Followed {
    /// Its id.
    pub order_id: u64,
    /// What is known of it.
    pub way: Way,
}

/// How far an order has come.
#[derive(Debug, Clone, PartialEq)]
pub enum Way {
    /// It is being looked for.
    Looking,
    /// It is not in the log, or the log could not be read.
    Unknown(Said),
    /// It was sold.
    Sold(Arc<OrderWay>),
}

/// An order with all that followed.
#[derive(Debug, Clone, PartialEq)]
pub struct OrderWay {
    /// The order as it was sold.
    pub order: Order,
    /// Where its record lies.
    pub sold: Place,
    /// Its handled record and where it lies.
    pub handled: Option<(Handled, Place)>,
    /// The mail's file under the folder of the shop, once it is written.
    pub mail: Option<String>,
}

/// Where a record lies.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// The topic's full name.
    pub topic: String,
    /// Its partition.
    pub partition: i32,
    /// Its offset.
    pub offset: i64,
}
