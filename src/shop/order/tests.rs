use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;

/// Time strings, and whether they are valid.
const TIMES: [(&str, bool); 12] = [
    ("2026-11-21T14:03:07.123+01:00", true),
    ("2026-11-21T14:03:07Z", true),
    ("2026-11-21T14:03:07.123456789-23:59", true),
    ("1969-12-31T23:59:59.999+00:00", true),
    ("2026-11-21T14:03:07.123", false),
    ("2026-11-21T14:03:07", false),
    ("2026-11-21", false),
    ("2026-02-30T14:03:07Z", false),
    ("2026-11-21T25:03:07Z", false),
    ("2026-11-21T14:03:07+25:00", false),
    ("now", false),
    ("", false),
];

const FIELDS: [&str; 13] = [
    "/order_id",
    "/created_at",
    "/customer",
    "/customer/customer_id",
    "/customer/name",
    "/customer/email",
    "/lines",
    "/lines/0",
    "/lines/0/product_id",
    "/lines/0/name",
    "/lines/0/quantity",
    "/lines/0/unit_price_ore",
    "/total_ore",
];

fn valid() -> Value {
    json!({
        "order_id": 1, "created_at": TIMES[0].0,
        "customer": {"customer_id": 77, "name": "Åsa\u{7}", "email": ""},
        "lines": [
            {"product_id": 3, "name": "Kopp", "quantity": 2, "unit_price_ore": 49_900},
            {"product_id": 3, "name": "Fat", "quantity": 1, "unit_price_ore": 0},
        ],
        "total_ore": 99_800,
    })
}

/// One change of a record.
#[derive(Debug, Clone)]
enum Change {
    Set(&'static str, Value),
    Remove(&'static str),
    Add(&'static str),
    /// Replaces an object by an array of its values.
    Flatten(&'static str),
    /// Sets the total to that of the first line.
    Agree,
}

fn odd() -> impl Strategy<Value = Value> {
    prop_oneof![
        Just(Value::Null),
        Just(json!(true)),
        Just(json!("5")),
        Just(json!(1.0)),
        Just(json!(-0.0)),
        Just(json!(1e300)),
        Just(json!([])),
        Just(json!({})),
        Just(json!(u64::MAX)),
        Just(json!(i64::MAX)),
        Just(json!(i64::MIN)),
        (-3..4_i64).prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        ".{0,5}".prop_map(Value::from),
        prop::sample::select(&TIMES[..]).prop_map(|(text, _)| json!(text)),
    ]
}

fn change() -> impl Strategy<Value = Change> {
    let field = || prop::sample::select(&FIELDS[..]);
    prop_oneof![
        6 => (field(), odd()).prop_map(|(field, value)| Change::Set(field, value)),
        1 => field().prop_map(Change::Remove),
        1 => prop::sample::select(vec!["", "/customer", "/lines/0"]).prop_map(Change::Add),
        1 => prop::sample::select(vec!["", "/customer", "/lines/0"]).prop_map(Change::Flatten),
        1 => (prop::sample::select(&FIELDS[10..12]), -1..2_i64)
            .prop_map(|(field, number)| Change::Set(field, json!(number))),
        3 => Just(Change::Agree),
    ]
}

fn make(record: &mut Value, change: &Change) {
    match change {
        Change::Set(field, value) => {
            if let Some(found) = record.pointer_mut(field) {
                found.clone_from(value);
            }
        }
        Change::Remove(field) => {
            let (parent, name) = field.rsplit_once('/').unwrap();
            if let Some(parent) = record.pointer_mut(parent).and_then(Value::as_object_mut) {
                parent.remove(name);
            }
        }
        Change::Add(object) => {
            if let Some(object) = record.pointer_mut(object).and_then(Value::as_object_mut) {
                object.insert("discount".to_owned(), json!({"percent": 1.5}));
            }
        }
        Change::Flatten(object) => {
            let prefix = format!("{object}/");
            if let Some(found) = record.pointer_mut(object)
                && found.is_object()
            {
                let names = FIELDS.iter().filter_map(|field| field.strip_prefix(&prefix));
                *found = names.filter_map(|name| found.get(name).cloned()).collect();
            }
        }
        Change::Agree => {
            let line = |name| record.pointer(&format!("/lines/0/{name}")).and_then(Value::as_i64);
            if let Some(total) =
                line("quantity").zip(line("unit_price_ore")).and_then(|(a, b)| a.checked_mul(b))
                && let Some(found) = record.pointer_mut("/total_ore")
            {
                *found = json!(total);
            }
        }
    }
}

/// Whether a record is a valid order, from its JSON alone.
fn is_valid(record: &Value) -> Option<()> {
    let time = record.as_object()?.get("created_at")?.as_str()?;
    TIMES.iter().find(|(text, good)| *text == time && *good)?;
    record["order_id"].as_u64()?;
    let customer = record["customer"].as_object()?;
    customer.get("customer_id")?.as_u64()?;
    customer.get("name")?.as_str()?;
    customer.get("email")?.as_str()?;
    let lines = record["lines"].as_array()?;
    let mut sum = 0_i128;
    for line in lines {
        let line = line.as_object()?;
        line.get("product_id")?.as_u64()?;
        line.get("name")?.as_str()?;
        let quantity = line.get("quantity")?.as_i64().filter(|quantity| *quantity >= 1)?;
        let price = line.get("unit_price_ore")?.as_i64().filter(|price| *price >= 0)?;
        sum += i128::from(quantity) * i128::from(price);
    }
    let total = record["total_ore"].as_i64()?;
    (!lines.is_empty() && sum == i128::from(total)).then_some(())
}

proptest! {
    #![proptest_config(crate::testing::cases(5_000))]

    #[test]
    fn an_order_is_taken_when_all_of_it_is_right(changes in prop::collection::vec(change(), 0..4)) {
        let mut record = valid();
        for change in &changes {
            make(&mut record, change);
        }
        let bytes = serde_json::to_vec(&record).unwrap();
        let decoded = Order::decode(Some(&bytes));
        prop_assert_eq!(decoded.is_ok(), is_valid(&record).is_some(), "{} gave {:?}", record, decoded);
        if let Ok(order) = decoded {
            let again = serde_json::to_vec(&order).unwrap();
            prop_assert_eq!(Order::decode(Some(&again)).unwrap().lines, order.lines);
        }
    }

    #[test]
    fn no_bytes_make_it_panic_or_talk_without_end(
        bytes in prop::collection::vec(any::<u8>(), 0..40),
        at in 0..400_usize,
        cut in 0..400_usize,
    ) {
        let _ = Order::decode(Some(&bytes));
        let mut text = serde_json::to_vec(&valid()).unwrap();
        text.truncate(cut);
        text.splice(at.min(text.len()).., bytes);
        if let Err(error) = Order::decode(Some(&text)) {
            prop_assert!(error.to_string().chars().count() < 300);
        }
    }
}

#[test]
fn a_long_text_in_the_wrong_place_is_not_quoted_whole() {
    let mut record = valid();
    record["order_id"] = json!("å".repeat(500_000));
    let error = Order::decode(Some(&serde_json::to_vec(&record).unwrap())).unwrap_err().to_string();
    assert!(error.chars().count() < 300, "{}", error.len());
    assert!(error.contains("order_id"), "{error}");
    // Invalid JSON has no fields, only a position.
    let error = Order::decode(Some(b"{\"order_id\":")).unwrap_err().to_string();
    assert!(error.contains("line 1 column"), "{error}");
}

#[test]
fn the_reason_names_the_field_that_is_missing_or_wrong() {
    for field in FIELDS {
        let (parent, name) = field.rsplit_once('/').unwrap();
        let mut wrong = valid();
        *wrong.pointer_mut(field).unwrap() = json!(true);
        let mut missing = valid();
        if let Some(object) = missing.pointer_mut(parent).unwrap().as_object_mut() {
            object.remove(name);
        }
        for record in [wrong, missing].iter().filter(|record| **record != valid()) {
            let error = Order::decode(Some(record.to_string().as_bytes())).unwrap_err().to_string();
            let place = field.replace("/lines/0", "line 1").trim_start_matches('/').replace('/', ".");
            let named = place.split('.').all(|word| error.contains(word));
            assert!(named && !error.contains("column"), "{field}: {error}");
        }
    }
}
