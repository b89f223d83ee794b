//! Parses the records of the topics by hand.

use chrono::DateTime;
use serde_json::Value;

use super::{Record, Time};

#[derive(Debug, Clone)]
pub struct Order {
    pub id: u64,
    pub at: Time,
    pub customer: Customer,
    pub lines: Vec<Line>,
    pub total_ore: i64,
    pub key: Option<Vec<u8>>,
    pub partition: i32,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Customer {
    pub id: u64,
    pub name: String,
    pub email: String,
}

#[derive(Debug, Clone)]
pub struct Line {
    pub product_id: u64,
    pub name: String,
    pub quantity: i64,
    pub unit_price_ore: i64,
}

#[derive(Debug, Clone)]
pub struct Delivery {
    pub at: Time,
    pub product_id: u64,
    pub quantity: i64,
}

#[derive(Debug, Clone)]
pub struct Handled {
    pub order_id: u64,
    pub created_at: Time,
    /// `handled_at`.
    pub at: Time,
    pub customer: Customer,
    pub total_ore: i64,
    pub lines: Vec<Line>,
}

/// A dead letter: the record as it came, and what its headers say of where it came from.
#[derive(Debug, Clone)]
pub struct Letter {
    pub record: Record,
    pub error: Option<String>,
    pub topic: Option<String>,
    pub partition: Option<String>,
    pub offset: Option<String>,
}

fn field<'a>(value: &'a Value, name: &str) -> Result<&'a Value, String> {
    value.get(name).ok_or_else(|| format!("no {name}"))
}

fn whole(value: &Value, name: &str) -> Result<i64, String> {
    field(value, name)?.as_i64().ok_or_else(|| format!("{name} is no whole number that fits"))
}

fn id(value: &Value, name: &str) -> Result<u64, String> {
    field(value, name)?.as_u64().ok_or_else(|| format!("{name} is no id"))
}

fn text(value: &Value, name: &str) -> Result<String, String> {
    field(value, name)?.as_str().map(str::to_owned).ok_or_else(|| format!("{name} is no text"))
}

fn time(value: &Value, name: &str) -> Result<Time, String> {
    DateTime::parse_from_rfc3339(&text(value, name)?).map_err(|error| format!("{name}: {error}"))
}

fn json(record: &Record) -> Result<Value, String> {
    let bytes = record.payload.as_deref().filter(|bytes| !bytes.is_empty()).ok_or("empty")?;
    serde_json::from_slice(bytes).map_err(|error| error.to_string())
}

fn customer(value: &Value) -> Result<Customer, String> {
    let customer = field(value, "customer")?;
    Ok(Customer {
        id: id(customer, "customer_id")?,
        name: text(customer, "name")?,
        email: text(customer, "email")?,
    })
}

impl Line {
    pub fn total(&self) -> i128 {
        i128::from(self.quantity) * i128::from(self.unit_price_ore)
    }

    fn decode(value: &Value) -> Result<Self, String> {
        let line = Self {
            product_id: id(value, "product_id")?,
            name: text(value, "name")?,
            quantity: whole(value, "quantity")?,
            unit_price_ore: whole(value, "unit_price_ore")?,
        };
        if line.quantity < 1 {
            return Err("a quantity below 1".to_owned());
        }
        if line.unit_price_ore < 0 {
            return Err("a negative price".to_owned());
        }
        Ok(line)
    }
}

impl Order {
    /// A valid order, or why it is invalid.
    pub fn decode(record: &Record) -> Result<Self, String> {
        let value = json(record)?;
        let lines = field(&value, "lines")?.as_array().ok_or("lines is no list")?;
        let lines = lines.iter().map(Line::decode).collect::<Result<Vec<_>, _>>()?;
        if lines.is_empty() {
            return Err("no lines".to_owned());
        }
        let order = Self {
            id: id(&value, "order_id")?,
            at: time(&value, "created_at")?,
            customer: customer(&value)?,
            lines,
            total_ore: whole(&value, "total_ore")?,
            key: record.key.clone(),
            partition: record.partition,
        };
        // The sum of any number of lines fits an i128, and no line is negative: so if the sum fits an i64, every line
        // does.
        if order.lines.iter().map(Line::total).sum::<i128>() != i128::from(order.total_ore) {
            return Err("the total is not the sum of the lines".to_owned());
        }
        Ok(order)
    }
}

impl Delivery {
    pub fn decode(record: &Record) -> Self {
        let read = || {
            let value = json(record)?;
            id(&value, "delivery_id")?;
            Ok::<_, String>(Self {
                at: time(&value, "at")?,
                product_id: id(&value, "product_id")?,
                quantity: whole(&value, "quantity")?,
            })
        };
        read().unwrap_or_else(|error| panic!("{error} in the delivery {record:?}"))
    }
}

impl Handled {
    pub fn decode(record: &Record) -> Self {
        let read = || {
            let value = json(record)?;
            let order_id = id(&value, "order_id")?;
            if record.key.as_deref() != Some(order_id.to_string().as_bytes()) {
                return Err(format!("the key is not {order_id}"));
            }
            Ok(Self {
                order_id,
                created_at: time(&value, "created_at")?,
                at: time(&value, "handled_at")?,
                customer: customer(&value)?,
                total_ore: whole(&value, "total_ore")?,
                // An order of a megabyte has none of them in its handled record.
                lines: match value.get("lines").and_then(Value::as_array) {
                    Some(lines) => lines.iter().map(Line::decode).collect::<Result<_, _>>()?,
                    None => Vec::new(),
                },
            })
        };
        read().unwrap_or_else(|error| panic!("{error} in the handled order {record:?}"))
    }
}

impl Letter {
    pub fn decode(record: &Record) -> Self {
        Self {
            error: record.header("error"),
            topic: record.header("topic"),
            partition: record.header("partition"),
            offset: record.header("offset"),
            record: record.clone(),
        }
    }
}
