//! Orders written by hand, and everything that is no order.

use serde_json::{Value, json};

use super::kafka::Record;

/// An order in the making.
#[derive(Debug, Clone)]
pub struct Hand(pub Value);

impl Hand {
    /// A valid order of two of product 1, without an id yet.
    pub fn at(created_at: &str) -> Self {
        Self(json!({
            "order_id": 0, "created_at": created_at,
            "customer": {"customer_id": 4711, "name": "Åsa Öberg", "email": "asa.oberg@example.com"},
            "lines": [{"product_id": 1, "name": "Något för hand", "quantity": 2, "unit_price_ore": 4950}],
            "total_ore": 9900,
        }))
    }

    #[must_use]
    pub fn id(self, id: u64) -> Self {
        self.with("/order_id", json!(id))
    }

    #[must_use]
    pub fn name(self, name: &str) -> Self {
        self.with("/customer/name", json!(name))
    }

    #[must_use]
    pub fn email(self, email: &str) -> Self {
        self.with("/customer/email", json!(email))
    }

    /// The same with one value changed; JSON pointers.
    #[must_use]
    pub fn with(mut self, pointer: &str, value: Value) -> Self {
        *self.0.pointer_mut(pointer).expect("a field") = value;
        self
    }

    /// The same with a field that no contract knows.
    #[must_use]
    pub fn and(mut self, field: &str, value: Value) -> Self {
        self.0[field] = value;
        self
    }

    /// The same without a field.
    #[must_use]
    pub fn without(mut self, field: &str) -> Self {
        self.0.as_object_mut().expect("an object").remove(field).expect("a field");
        self
    }

    /// Sets the lines, all of product 1 at 1 öre, and the total.
    #[must_use]
    pub fn lines(self, count: usize) -> Self {
        let line = json!({"product_id": 1, "name": "Något för hand", "quantity": 1, "unit_price_ore": 1});
        self.with("/lines", Value::Array(vec![line; count])).with("/total_ore", json!(count))
    }

    pub fn record(&self, partition: i32) -> Record {
        Record::new(partition, self.0["order_id"].to_string(), self.0.to_string())
    }
}

/// Payloads that are no valid orders: one of each kind.
pub fn garbage(created_at: &str) -> Vec<Option<Vec<u8>>> {
    let order = || Hand::at(created_at).id(77);
    let line = "/lines/0/";
    let wrong = [
        order().with("/total_ore", json!(9901)),
        order().with("/total_ore", json!("9900")),
        order().with("/total_ore", json!(-9900)),
        order().with("/lines", json!([])).with("/total_ore", json!(0)),
        order().with("/lines", json!({})),
        order().with("/lines", json!(null)),
        order().with(&format!("{line}quantity"), json!(0)).with("/total_ore", json!(0)),
        order().with(&format!("{line}quantity"), json!(-2)).with("/total_ore", json!(-9900)),
        order().with(&format!("{line}quantity"), json!(1.5)).with("/total_ore", json!(7425)),
        order().with(&format!("{line}quantity"), json!("2")),
        order().with(&format!("{line}unit_price_ore"), json!(-4950)).with("/total_ore", json!(-9900)),
        order().with(&format!("{line}unit_price_ore"), json!(i64::MAX)).with("/total_ore", json!(-2)),
        order().with(&format!("{line}unit_price_ore"), json!(u64::MAX)),
        order().with(&format!("{line}product_id"), json!(null)),
        order().with(&format!("{line}name"), json!(3)),
        order().with("/order_id", json!("77")),
        order().with("/order_id", json!(7.5)),
        order().with("/customer", json!("Åsa")),
        order().with("/customer/name", json!(null)),
        order().with("/customer/email", json!(["a@example.com"])),
        order().with("/created_at", json!("2026-03-28T23:00:00.000")),
        order().with("/created_at", json!("2026-02-30T23:00:00.000+01:00")),
        order().with("/created_at", json!("yesterday")),
        order().with("/created_at", json!(1_774_735_200)),
        order().without("order_id"),
        order().without("created_at"),
        order().without("customer"),
        order().without("lines"),
        order().without("total_ore"),
    ];
    // Two lines, each of which fits, and a sum that does not.
    let half = json!({"product_id": 1, "name": "Dyr", "quantity": 1, "unit_price_ore": i64::MAX / 2 + 1});
    let sum = order().with("/lines", json!([half, half])).with("/total_ore", json!(i64::MIN));
    let text = sum.0.to_string();
    let cut = text[..text.len() - 1].to_owned();
    let huge = order().with("/total_ore", json!(1)).and("filler", json!("x".repeat(990_000)));

    let mut payloads: Vec<Option<Vec<u8>>> =
        wrong.into_iter().map(|order| Some(order.0.to_string().into_bytes())).collect();
    payloads.extend([None, Some(Vec::new()), Some(text.into_bytes()), Some(cut.into_bytes())]);
    let texts = ["not JSON", "null", "[]", "{}", "42", "\"\"", " ", "\0", "{\"order_id\":", "\u{feff}{}"];
    payloads.extend(texts.map(|text| Some(text.as_bytes().to_vec())));
    payloads.push(Some(vec![0xff; 300]));
    payloads.push(Some(b"[".repeat(100_000)));
    payloads.push(Some(huge.0.to_string().into_bytes()));
    payloads
}
