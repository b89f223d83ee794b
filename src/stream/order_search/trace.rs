//! One order that is followed from its sale to its mail.

use std::sync::Arc;

use crate::{
    messages::Sentence,
    shop::{Handled, Order},
};

/// The order that a person asked for.
#[derive(Debug, Clone, PartialEq)]
pub struct TrackedOrder {
    /// Its id.
    pub order_id: u64,
    /// What is known of it.
    pub status: OrderStatus,
}

/// How far an order has come.
#[derive(Debug, Clone, PartialEq)]
pub enum OrderStatus {
    /// It is being looked for.
    Searching,
    /// It is not in the log, or the log could not be read.
    Unknown(Sentence),
    /// It was sold.
    Found(Arc<OrderTrace>),
}

/// An order with all that followed.
#[derive(Debug, Clone, PartialEq)]
pub struct OrderTrace {
    /// The order as it was sold.
    pub order: Order,
    /// Where its record lies.
    pub sold: TopicPartitionOffset,
    /// Its handled record and where it lies.
    pub handled: Option<(Handled, TopicPartitionOffset)>,
    /// The mail's file under the folder of the shop, once it is written.
    pub mail: Option<String>,
}

/// Where a record lies.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TopicPartitionOffset {
    /// The topic's full name.
    pub topic: String,
    /// Its partition.
    pub partition: i32,
    /// Its offset.
    pub offset: i64,
}
