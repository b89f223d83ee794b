//! What the shop sells.

use serde::{Deserialize, Serialize};

/// A product of the range.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Product {
    /// The product's number.
    pub id: u64,
    /// Name as customers read it.
    pub name: String,
    /// Shelf of the shop it belongs to.
    pub category: String,
    /// Price of one piece in öre, not negative.
    pub price_ore: i64,
    /// Weight among the products in a customer's choice, more than 0.
    pub popularity: f64,
    /// Pieces on the shelf when the shop opens.
    pub opening_stock: i64,
    /// At this balance or below it a delivery is ordered.
    pub reorder_point: i64,
    /// Pieces of one reorder, at least 1.
    pub reorder_quantity: i64,
    /// Minutes of shop time from reorder to arrival.
    pub delivery_minutes: i64,
}

/// The whole range, each id once.
#[derive(Debug, Clone, PartialEq)]
pub struct Catalog {
    /// The products, by id.
    pub products: Vec<Product>,
}
