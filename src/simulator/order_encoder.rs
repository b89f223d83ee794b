//! Sales and goods as the bytes of their records.
//!
//! The records are those of [`Order`](crate::shop::Order) and [`Delivery`], byte
//! for byte as serde writes them. Names are put into JSON once and the clock's text once a second, since
//! hundreds of thousands of orders a second pass here.

use super::{
    customers::{POOL, customer},
    shop_model::{Goods, Sale},
};
use crate::shop::{Catalog, Delivery, Zone};

/// Writes records of one shop.
pub struct OrderEncoder {
    zone: Zone,
    /// `"customer":{…}` by number − 1.
    customers: Vec<Vec<u8>>,
    products: Vec<Printed>,
    stamp: Stamp,
}

/// A product as its lines have it.
struct Printed {
    id: u64,
    price_ore: i64,
    /// `{"product_id":…,"name":…,"quantity":`
    before: Vec<u8>,
    /// `,"unit_price_ore":…}`
    after: Vec<u8>,
}

/// A second of shop time as JSON, in two parts around the milliseconds.
struct Stamp {
    second: i64,
    before: String,
    after: String,
}

impl OrderEncoder {
    /// For a range of products and a time zone.
    pub fn new(catalog: &Catalog, zone: Zone) -> serde_json::Result<Self> {
        let customers =
            (1..=POOL).map(|id| serde_json::to_vec(&customer(id))).collect::<serde_json::Result<_>>()?;
        let products = catalog
            .products
            .iter()
            .map(|product| {
                let name = serde_json::to_string(&product.name)?;
                Ok(Printed {
                    id: product.id,
                    price_ore: product.price_ore,
                    before: format!(r#"{{"product_id":{},"name":{name},"quantity":"#, product.id)
                        .into_bytes(),
                    after: format!(r#","unit_price_ore":{}}}"#, product.price_ore).into_bytes(),
                })
            })
            .collect::<serde_json::Result<_>>()?;
        let stamp = Stamp { second: i64::MIN, before: String::new(), after: String::new() };
        Ok(Self { zone, customers, products, stamp })
    }

    /// Writes a sale's record at the end of `bytes`.
    pub fn sale(&mut self, sale: &Sale, bytes: &mut Vec<u8>) -> serde_json::Result<()> {
        bytes.extend_from_slice(br#"{"order_id":"#);
        serde_json::to_writer(&mut *bytes, &sale.order_id)?;
        bytes.extend_from_slice(br#","created_at":"#);
        self.stamp.write(self.zone, sale.at_ms, bytes);
        bytes.extend_from_slice(br#","customer":"#);
        let customer = usize::try_from(sale.customer_id.saturating_sub(1) % POOL).unwrap_or_default();
        bytes.extend_from_slice(self.customers.get(customer).map_or(&b"null"[..], Vec::as_slice));
        bytes.extend_from_slice(br#","lines":["#);
        let mut total_ore = 0_i64;
        for (number, line) in sale.lines().iter().enumerate() {
            let Some(product) = self.products.get(line.product) else { continue };
            if number > 0 {
                bytes.push(b',');
            }
            bytes.extend_from_slice(&product.before);
            serde_json::to_writer(&mut *bytes, &line.quantity)?;
            bytes.extend_from_slice(&product.after);
            // A catalog's prices are so bounded that no order overflows.
            total_ore = total_ore.saturating_add(line.quantity.saturating_mul(product.price_ore));
        }
        bytes.extend_from_slice(br#"],"total_ore":"#);
        serde_json::to_writer(&mut *bytes, &total_ore)?;
        bytes.push(b'}');
        Ok(())
    }

    /// The record of goods that came.
    pub fn goods(&self, goods: &Goods) -> Delivery {
        Delivery {
            delivery_id: goods.delivery_id,
            at: self.zone.stamp(goods.at_ms),
            product_id: self.product_id(goods.product),
            quantity: goods.quantity,
        }
    }

    /// The id of the product at a place of the catalog.
    pub fn product_id(&self, place: usize) -> u64 {
        self.products.get(place).map_or(0, |product| product.id)
    }
}

impl Stamp {
    fn write(&mut self, zone: Zone, at_ms: i64, bytes: &mut Vec<u8>) {
        let second = at_ms.div_euclid(1000);
        if second != self.second {
            let text = zone.rfc3339(second);
            // Behind the seconds stands the offset: `±hh:mm`, six characters of ASCII.
            let (before, after) = text.split_at(text.len().saturating_sub(6));
            (self.second, self.before, self.after) = (second, format!("\"{before}."), format!("{after}\""));
        }
        bytes.extend_from_slice(self.before.as_bytes());
        let millis = at_ms.rem_euclid(1000);
        bytes.extend([100, 10, 1].map(|unit| b'0' + u8::try_from(millis / unit % 10).unwrap_or_default()));
        bytes.extend_from_slice(self.after.as_bytes());
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use proptest::prelude::*;

    use super::*;
    use crate::{
        shop::{Line, Order},
        simulator::{
            Rhythm,
            shop_model::{Beginning, Event, ShopModel},
        },
    };

    proptest! {
        #![proptest_config(crate::testing::cases(256))]

        #[test]
        fn a_receipt_is_byte_for_byte_what_serde_writes(
            seed: u64, from_ms in -2_200_000_000_000_i64..4_000_000_000_000,
        ) {
            let text = include_str!("../../assets/products.toml").replace("Kåsa", "\\\"Kåsa\\\"");
            let catalog = Catalog::parse(&text, Path::new("x")).unwrap();
            let zone = Zone::default();
            let beginning = Beginning { from_ms, ..Beginning::default() };
            let mut model = ShopModel::new(seed, &catalog, &beginning, Some(400.0), Rhythm::flat());
            let mut encoder = OrderEncoder::new(&catalog, zone).unwrap();
            let mut sales = 0;
            while sales < 30 {
                let Some(event) = model.next(i64::MAX, true) else { break };
                let Event::Sale(sale) = event else { continue };
                sales += 1;
                let lines: Vec<Line> = sale
                    .lines()
                    .iter()
                    .map(|line| {
                        let product = &catalog.products[line.product];
                        Line {
                            product_id: product.id,
                            name: product.name.as_str().into(),
                            quantity: line.quantity,
                            unit_price_ore: product.price_ore,
                        }
                    })
                    .collect();
                let order = Order {
                    order_id: sale.order_id,
                    created_at: zone.stamp(sale.at_ms),
                    customer: customer(sale.customer_id),
                    total_ore: lines.iter().map(|line| line.quantity * line.unit_price_ore).sum(),
                    lines,
                };
                let mut bytes = Vec::new();
                encoder.sale(&sale, &mut bytes).unwrap();
                prop_assert_eq!(
                    String::from_utf8(bytes.clone()).unwrap(),
                    serde_json::to_string(&order).unwrap()
                );
                prop_assert_eq!(Order::decode(Some(&bytes)).unwrap(), order);
            }
        }
    }
}
