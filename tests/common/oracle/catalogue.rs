//! The products file, read on our own.

use std::{collections::BTreeMap, fs, path::Path};

/// A product as the file has it.
#[derive(Debug, Clone)]
pub struct Product {
    pub name: String,
    pub price_ore: i64,
    pub opening_stock: i64,
    pub reorder_point: i64,
}

/// The products by number.
#[derive(Debug, Clone, Default)]
pub struct Catalogue {
    pub products: BTreeMap<u64, Product>,
}

impl Catalogue {
    pub fn bundled() -> Self {
        Self::read(Path::new(crate::common::PRODUCTS))
    }

    pub fn read(path: &Path) -> Self {
        let text = fs::read_to_string(path).expect("a products file");
        let file: toml::Table = text.parse().expect("TOML");
        let number = |table: &toml::Table, field: &str| table[field].as_integer().expect("a number");
        let products = file["product"].as_array().expect("products").iter().map(|product| {
            let product = product.as_table().expect("a product");
            let found = Product {
                name: product["name"].as_str().expect("a name").to_owned(),
                price_ore: number(product, "price_ore"),
                opening_stock: number(product, "opening_stock"),
                reorder_point: number(product, "reorder_point"),
            };
            (u64::try_from(number(product, "id")).expect("an id"), found)
        });
        Self { products: products.collect() }
    }
}
