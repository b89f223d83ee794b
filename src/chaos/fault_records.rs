//! The records that faults write.

use crate::shop::{Customer, Delivery, Line, Order, Zone, order::LARGEST_COUNTED};

/// A product that the simulator does not sell, so its shelf still equals the balance. Above all sequential ids.
const PRODUCT: u64 = LARGEST_COUNTED + 1;
const PRODUCT_NAME: &str = "Gift card";
const PRICE_ORE: i64 = 10_000;

/// What a terminal must not be sent: it clears the screen, names the window, rings, goes on in another line, writes from
/// right to left, and ends a mail's header.
const HOSTILE_NAME: &str =
    "\u{1b}[2J\u{1b}[31m\u{1b}]0;owned\u{7}Robert\r\n\tX-Order-Id: 0\r\n\r\nFrom nobody\u{202e}\u{0}\u{9b}1m";

/// A record for the orders.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// Its key.
    pub key: Option<Vec<u8>>,
    /// Its value.
    pub payload: Option<Vec<u8>>,
}

/// Orders of yesterday and of an hour ago, at shop second `now`; their ids are made from `chance`.
pub fn late(now: i64, chance: u64, zone: Zone) -> Vec<Record> {
    let day = 86_400;
    let times = [now - day, now - day + 60, now - 3_600].into_iter().zip(0..);
    let order = |(second, number)| order(id(chance, number), second, zone, "Lena Larsson-Late");
    times.map(order).collect()
}

/// An order with a hostile name.
pub fn hostile(now: i64, chance: u64, zone: Zone) -> Vec<Record> {
    vec![order(id(chance, 0), now, zone, HOSTILE_NAME)]
}

/// What is no order: cut in the middle, no text at all, nothing, and a total that is not the sum of its lines.
pub fn garbage(now: i64, chance: u64, zone: Zone) -> Vec<Record> {
    let whole = order(id(chance, 0), now, zone, "Gustav Garbage").payload.unwrap_or_default();
    let half = whole.get(..whole.len() / 2).unwrap_or_default().to_vec();
    let text = String::from_utf8_lossy(&whole).replace("\"total_ore\":10000", "\"total_ore\":10001");
    let payloads =
        [Some(half), Some(vec![0xff, 0xfe, 0x00, 0x1b, b'[', b'2', b'J']), None, Some(text.into_bytes())];
    payloads.into_iter().map(|payload| Record { key: Some(b"garbage".to_vec()), payload }).collect()
}

/// The delivery of the pieces that so many orders take.
pub fn delivery(orders: usize, now: i64, zone: Zone) -> Record {
    let quantity = i64::try_from(orders).unwrap_or(i64::MAX);
    // Every valid delivery counts; the simulator goes on from the highest number.
    let delivery = Delivery { delivery_id: 0, at: stamp(now, zone), product_id: PRODUCT, quantity };
    Record { key: Some(PRODUCT.to_string().into_bytes()), payload: serde_json::to_vec(&delivery).ok() }
}

/// An id that nobody counts up to.
fn id(chance: u64, number: u64) -> u64 {
    LARGEST_COUNTED + 1 + ((chance >> 12) + number) % (1 << 52)
}

fn stamp(second: i64, zone: Zone) -> chrono::DateTime<chrono::FixedOffset> {
    zone.stamp(second.saturating_mul(1_000))
}

fn order(order_id: u64, second: i64, zone: Zone, name: &str) -> Record {
    let line =
        Line { product_id: PRODUCT, name: PRODUCT_NAME.into(), quantity: 1, unit_price_ore: PRICE_ORE };
    let customer = Customer { customer_id: order_id, name: name.into(), email: "nobody@example.com".into() };
    let order = Order {
        order_id,
        created_at: stamp(second, zone),
        customer,
        lines: vec![line],
        total_ore: PRICE_ORE,
    };
    Record { key: Some(order_id.to_string().into_bytes()), payload: serde_json::to_vec(&order).ok() }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: i64 = 1_774_738_920;

    #[test]
    fn late_and_hostile_orders_are_valid_and_garbage_is_not() {
        let zone = Zone::default();
        let decoded = |record: &Record| Order::decode(record.payload.as_deref());
        for chance in [0, 7 << 12, u64::MAX] {
            let late: Vec<Order> =
                late(NOW, chance, zone).iter().map(|record| decoded(record).unwrap()).collect();
            assert!(
                late.iter().all(|order| order.second() <= NOW - 3_600 && order.order_id > LARGEST_COUNTED)
            );
            assert!(zone.date(late[0].second()) < zone.date(NOW));
            assert!(late.windows(2).all(|pair| pair[0].order_id != pair[1].order_id));
            let hostile = decoded(&hostile(NOW, chance, zone)[0]).unwrap();
            assert!(hostile.customer.name.contains('\u{1b}') && hostile.second() == NOW);
            assert!(garbage(NOW, chance, zone).iter().all(|record| decoded(record).is_err()));
        }
        assert_eq!(Delivery::decode(delivery(3, NOW, zone).payload.as_deref()).unwrap().quantity, 3);
    }
}
