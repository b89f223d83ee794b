//! A shop so small that its figures and files are known by heart.

use serde_json::{Value, json};

use crate::common::{
    kafka::Record,
    oracle::{
        Topics,
        catalogue::{Catalogue, Product},
    },
};

/// One minute past midnight, on the day that has 23 hours.
pub(crate) const NOW: &str = "2026-03-29T00:01:00+01:00";

pub(crate) fn catalogue() -> Catalogue {
    let product = |name: &str, price_ore| Product {
        name: name.to_owned(),
        price_ore,
        opening_stock: 10,
        reorder_point: 3,
    };
    Catalogue { products: [(1, product("Kaffe", 4990)), (2, product("Te", 3000))].into() }
}

pub(crate) fn order(id: u64, at: &str, name: &str, lines: &[(u64, &str, i64, i64)]) -> Value {
    let total: i64 = lines.iter().map(|(_, _, quantity, price)| quantity * price).sum();
    let lines: Vec<Value> = lines
        .iter()
        .map(|(product, name, quantity, price)| {
            json!({"product_id": product, "name": name, "quantity": quantity, "unit_price_ore": price})
        })
        .collect();
    json!({"order_id": id, "created_at": at, "lines": lines, "total_ore": total, "colour": "unknown fields are fine",
        "customer": {"customer_id": 70 + id, "name": name, "email": format!("kund{id}@example.com")}})
}

pub(crate) fn handled(order: &Value, at: &str) -> Value {
    json!({"order_id": order["order_id"], "created_at": order["created_at"], "handled_at": at,
        "customer": order["customer"], "total_ore": order["total_ore"]})
}

pub(crate) fn record(partition: i32, offset: i64, key: &Value, value: &Value) -> Record {
    Record { offset, ..Record::new(partition, key.to_string(), value.to_string()) }
}

/// Three orders, one of them on the day before; two are handled; one duplicate; two records that are no orders.
pub(crate) fn topics() -> Topics {
    let first = order(1, "2026-03-28T23:59:50.500+01:00", "Åsa\tÖberg", &[(1, "Kaffe", 2, 4990)]);
    let second =
        order(2, "2026-03-29T00:00:05.250+01:00", "Bo Ek", &[(1, "Kaffe", 1, 4990), (2, "Te", 3, 3000)]);
    let third = order(3, "2026-03-29T00:00:10.000+01:00", "Åsa\tÖberg", &[(2, "Te", 1, 3000)]);
    let wrong = json!({"order_id": 9, "total_ore": 1});
    let at = "2026-03-28T23:00:00.000+01:00";
    let delivery = |id: u64| json!({"delivery_id": id, "at": at, "product_id": id, "quantity": 10});
    let letter = |offset: i64, payload: Option<String>| Record {
        partition: 0,
        offset: offset - 1,
        key: Some(b"9".to_vec()),
        payload: payload.map(String::into_bytes),
        headers: [("error", "no lines"), ("topic", "shop.orders"), ("partition", "0")]
            .iter()
            .map(|(key, value)| ((*key).to_owned(), value.as_bytes().to_vec()))
            .chain([("offset".to_owned(), offset.to_string().into_bytes())])
            .collect(),
    };
    Topics {
        orders: vec![
            record(0, 0, &json!(1), &first),
            record(0, 1, &json!(9), &wrong),
            Record { offset: 2, key: Some(b"9".to_vec()), ..Record::default() },
            record(0, 3, &json!(1), &first),
            record(0, 4, &json!(3), &third),
            record(1, 0, &json!(2), &second),
        ],
        deliveries: vec![record(0, 0, &json!(1), &delivery(1)), record(0, 1, &json!(2), &delivery(2))],
        handled: vec![
            record(0, 0, &json!(1), &handled(&first, "2026-03-29T00:00:00.500+01:00")),
            record(0, 1, &json!(3), &handled(&third, "2026-03-29T00:00:30.000+01:00")),
        ],
        dead_letters: vec![letter(1, Some(wrong.to_string())), letter(2, None)],
    }
}

pub(crate) fn status() -> Value {
    let views =
        ["orders-today", "sales", "daily-report", "stock", "handling", "mail", "handled-windows", "journal"];
    let lag: serde_json::Map<_, _> = views.iter().map(|view| ((*view).to_owned(), json!(0))).collect();
    json!({"shop_time": NOW, "orders_since_midnight": 2, "sales_today_ore": 16990, "sales_last_hour_ore": 26970,
        "stock": [{"product_id": 1, "name": "Kaffe", "balance": 7}, {"product_id": 2, "name": "Te", "balance": 6}],
        "handled": {"total": 2, "last_5_min": 2, "last_30_min": 2, "last_1_h": 2, "last_2_h": 2,
            "mean_per_5_min_last_2_h": 0.08},
        "pending": 1, "mails": 2, "duplicates": 1, "dead_letters": 2, "lag": lag})
}

pub(crate) const FILES: [(&str, &str); 9] = [
    ("reports/2026-03-28.txt", "2026-03-28\n1 order, 99,80 kr\nKaffe  2\n"),
    (
        "reports/2026-03-28.json",
        r#"{"date":"2026-03-28","orders":1,"sales_ore":9980,"products":[{"product_id":1,"name":"Kaffe","units":2}],"revision":0}"#,
    ),
    (
        "orders/2026-03-28.txt",
        "order_id\tcreated_at\tcustomer_id\tcustomer\temail\tproduct_id\tproduct\tquantity\tunit_price_ore\tline_total_ore\n\
         1\t2026-03-28T23:59:50.500+01:00\t71\tÅsa Öberg\tkund1@example.com\t1\tKaffe\t2\t4990\t9980\n",
    ),
    (
        "orders/2026-03-29.txt",
        "order_id\tcreated_at\tcustomer_id\tcustomer\temail\tproduct_id\tproduct\tquantity\tunit_price_ore\tline_total_ore\n\
         3\t2026-03-29T00:00:10.000+01:00\t73\tÅsa Öberg\tkund3@example.com\t2\tTe\t1\t3000\t3000\n\
         2\t2026-03-29T00:00:05.250+01:00\t72\tBo Ek\tkund2@example.com\t1\tKaffe\t1\t4990\t4990\n\
         2\t2026-03-29T00:00:05.250+01:00\t72\tBo Ek\tkund2@example.com\t2\tTe\t3\t3000\t9000\n",
    ),
    (
        "orders/last.txt",
        "order_id\tcreated_at\tcustomer_id\tcustomer\temail\tproduct_id\tproduct\tquantity\tunit_price_ore\tline_total_ore\n\
         3\t2026-03-29T00:00:10.000+01:00\t73\tÅsa Öberg\tkund3@example.com\t2\tTe\t1\t3000\t3000\n",
    ),
    (
        "handled/2026-03-29.txt",
        "order_id\tcreated_at\thandled_at\tcustomer_id\temail\ttotal_ore\n\
         1\t2026-03-28T23:59:50.500+01:00\t2026-03-29T00:00:00.500+01:00\t71\tkund1@example.com\t9980\n\
         3\t2026-03-29T00:00:10.000+01:00\t2026-03-29T00:00:30.000+01:00\t73\tkund3@example.com\t3000\n",
    ),
    (
        "stock.txt",
        "product_id\tproduct\tbalance\treorder_point\ton_the_way\tas_of              \n\
         1\tKaffe  \t7\t3\t–\t2026-03-29 00:00:05\n\
         2\tTe     \t6\t3\t20\t2026-03-29 00:00:10\n",
    ),
    (
        "mail/2026-03-29.mbox",
        "From shop@example.com Sun Mar 29 00:00:00 2026\n\
         From: Shop <shop@example.com>\n\
         To: =?utf-8?B?w4VzYSDDlmJlcmc=?= <kund1@example.com>\n\
         Subject: Order 1\n\
         Date: Sun, 29 Mar 2026 00:00:00 +0100\n\
         X-Order-Id: 1\n\
         MIME-Version: 1.0\n\
         Content-Type: text/plain; charset=utf-8\n\
         Content-Transfer-Encoding: quoted-printable\n\
         \n\
         Hej =C3=85sa,\n\
         >From now on it is yours.\n\
         \n\
         From shop@example.com Sun Mar 29 00:00:30 2026\n\
         From: Shop <shop@example.com>\n\
         To: =?utf-8?Q?=C3=85sa_=C3=96berg?= <kund3@example.com>\n\
         Subject: Order 3\n\
         Date: Sun, 29 Mar 2026 00:00:30 +0100\n\
         X-Order-Id: 3\n\
         \n\
         Hej\n\
         \n",
    ),
    // Other files under --out are ignored.
    ("shop-sim.log", "whatever\n"),
];
