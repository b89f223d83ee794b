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

impl TrackedOrder {
    /// How far it had come at a second of shop time.
    #[must_use]
    pub fn at(&self, moment: i64) -> Self {
        let status = match &self.status {
            OrderStatus::Found(trace) if trace.order.second() > moment => {
                OrderStatus::Unknown(Sentence::NoOrder {
                    order_id: self.order_id,
                    topic: trace.sold.topic.clone(),
                })
            }
            OrderStatus::Found(trace) if trace.is_handled_after(moment) => {
                OrderStatus::Found(Arc::new(OrderTrace { handled: None, mail: None, ..(**trace).clone() }))
            }
            other => other.clone(),
        };
        Self { order_id: self.order_id, status }
    }
}

impl OrderTrace {
    fn is_handled_after(&self, moment: i64) -> bool {
        self.handled.as_ref().is_some_and(|(handled, _)| handled.second() > moment)
    }
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
