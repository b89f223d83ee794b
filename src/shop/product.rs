//! What the shop sells, and reading it from a file.

use std::{
    collections::HashSet,
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize};

/// Where the bundled range stands in the source; its name in messages.
const BUILTIN: &str = "assets/products.toml";

/// The most that a price (öre) or a number of pieces may be, so that no order's sum can overflow.
pub const MOST: i64 = 1_000_000_000_000;

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

/// Why a products file cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum CatalogError {
    /// The file cannot be read.
    #[error(
        "the products file {file} cannot be read ({source}): check the path given with --products, or leave the flag out to use the bundled range"
    )]
    Unreadable {
        /// As it was given.
        file: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// Not TOML, or a field is missing, unknown or of the wrong type.
    #[error("the products file {file} has a mistake in line {line} ({reason}): correct it there")]
    Malformed {
        /// As it was given.
        file: PathBuf,
        /// Line, from 1.
        line: usize,
        /// What is wrong there.
        reason: String,
    },
    /// There is not one product in it.
    #[error("the products file {file} has no products: add at least one [[product]]")]
    Empty {
        /// As it was given.
        file: PathBuf,
    },
    /// An id that another product has.
    #[error("the products file {file} has the id {id} twice: give every product an id of its own")]
    DuplicateId {
        /// As it was given.
        file: PathBuf,
        /// The id.
        id: u64,
    },
    /// A value that no product can have.
    #[error("the product {id} in {file} has {fault}: {remedy}")]
    Product {
        /// As it was given.
        file: PathBuf,
        /// The product's id.
        id: u64,
        /// What is wrong, field and value.
        fault: String,
        /// What it has to be.
        remedy: &'static str,
    },
}

/// The file as it is written.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(default)]
    product: Vec<Product>,
}

impl Catalog {
    /// The range that is bundled with the program.
    #[expect(
        clippy::expect_used,
        clippy::missing_panics_doc,
        reason = "the file is part of the program, and a test reads it"
    )]
    pub fn builtin() -> Self {
        Self::parse(include_str!("../../assets/products.toml"), Path::new(BUILTIN)).expect("bundled range")
    }

    /// The range in a file.
    pub fn load(path: &Path) -> Result<Self, CatalogError> {
        let text = std::fs::read_to_string(path)
            .map_err(|source| CatalogError::Unreadable { file: path.to_owned(), source })?;
        Self::parse(&text, path)
    }

    /// The range in a text; `file` is only for messages.
    pub fn parse(text: &str, file: &Path) -> Result<Self, CatalogError> {
        let mut products = toml::from_str::<File>(text)
            .map_err(|error| CatalogError::Malformed {
                file: file.to_owned(),
                line: line_of(text, error.span().map_or(0, |span| span.start)),
                reason: error.message().to_owned(),
            })?
            .product;
        if products.is_empty() {
            return Err(CatalogError::Empty { file: file.to_owned() });
        }
        let mut ids = HashSet::new();
        for product in &products {
            if !ids.insert(product.id) {
                return Err(CatalogError::DuplicateId { file: file.to_owned(), id: product.id });
            }
            if let Some((fault, remedy)) = product.fault() {
                return Err(CatalogError::Product { file: file.to_owned(), id: product.id, fault, remedy });
            }
        }
        products.sort_by_key(|product| product.id);
        Ok(Self { products })
    }
}

impl Product {
    /// The first thing that is wrong with it, and what to do.
    fn fault(&self) -> Option<(String, &'static str)> {
        for (field, text) in [("name", &self.name), ("category", &self.category)] {
            if text.trim().is_empty() {
                return Some((format!("an empty {field}"), "give it one"));
            }
            if text.chars().any(char::is_control) {
                return Some((format!("a control character in its {field}"), "take it out"));
            }
        }
        if !(self.popularity.is_finite() && self.popularity > 0.0) {
            return Some((format!("the popularity {}", self.popularity), "it must be a number above 0"));
        }
        let at_least_0 = "it must be at least 0";
        for (field, value, least, remedy) in [
            ("price_ore", self.price_ore, 0, at_least_0),
            ("opening_stock", self.opening_stock, 0, at_least_0),
            ("reorder_point", self.reorder_point, 0, at_least_0),
            ("reorder_quantity", self.reorder_quantity, 1, "it must be at least 1"),
            ("delivery_minutes", self.delivery_minutes, 0, at_least_0),
        ] {
            if value < least {
                return Some((format!("the {field} {value}"), remedy));
            }
            if value > MOST {
                return Some((format!("the {field} {value}"), "it must be at most 1000000000000"));
            }
        }
        None
    }
}

/// The line of a byte of a text, from 1.
fn line_of(text: &str, byte: usize) -> usize {
    1 + text.bytes().take(byte).filter(|byte| *byte == b'\n').count()
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: [&str; 9] = [
        "id = 7",
        "name = \"Kåsa\"",
        "category = \"Friluft\"",
        "price_ore = 29900",
        "popularity = 1.5",
        "opening_stock = 10",
        "reorder_point = 2",
        "reorder_quantity = 5",
        "delivery_minutes = 15",
    ];

    /// A product with one of its lines replaced.
    fn product(instead: &str) -> String {
        let field = instead.split(' ').next().unwrap_or_default();
        let lines: Vec<&str> = GOOD
            .into_iter()
            .map(
                |line| {
                    if !field.is_empty() && line.starts_with(&format!("{field} ")) { instead } else { line }
                },
            )
            .collect();
        format!("[[product]]\n{}\n", lines.join("\n"))
    }

    fn error(text: &str) -> String {
        Catalog::parse(text, Path::new("varor.toml")).unwrap_err().to_string()
    }

    #[test]
    fn the_bundled_range_fits_a_screen() {
        let catalog = Catalog::builtin();
        assert!((24..=28).contains(&catalog.products.len()));
        for product in &catalog.products {
            assert!(product.name.chars().count() <= 24, "{}", product.name);
            assert!([0, 4900, 9900].contains(&(product.price_ore % 10_000)), "{}", product.name);
            assert!(product.opening_stock > product.reorder_point, "{}", product.name);
        }
    }

    #[test]
    fn a_good_product_is_read_whole() {
        let catalog = Catalog::parse(&product(""), Path::new("x")).unwrap();
        assert_eq!(
            catalog.products,
            [Product {
                id: 7,
                name: "Kåsa".into(),
                category: "Friluft".into(),
                price_ore: 29_900,
                popularity: 1.5,
                opening_stock: 10,
                reorder_point: 2,
                reorder_quantity: 5,
                delivery_minutes: 15,
            }]
        );
    }

    #[test]
    fn every_mistake_is_one_sentence_that_names_file_and_remedy() {
        for (line, part) in [
            ("price_ore = -1", "the price_ore -1: it must be at least 0"),
            ("popularity = 0.0", "the popularity 0"),
            ("popularity = inf", "the popularity inf"),
            ("popularity = nan", "the popularity NaN"),
            ("opening_stock = -1", "the opening_stock -1"),
            ("reorder_point = -3", "the reorder_point -3"),
            ("reorder_quantity = 0", "the reorder_quantity 0: it must be at least 1"),
            ("delivery_minutes = -1", "the delivery_minutes -1"),
            ("name = \" \"", "an empty name"),
            ("name = \"a\\tb\"", "a control character in its name"),
            ("price_ore = 9223372036854775807", "at most 1000000000000"),
            ("price_ore = \"dear\"", "line 5"),
        ] {
            let text = error(&product(line));
            assert!(text.contains(part) && text.contains("varor.toml"), "{line}: {text}");
            assert!(!text.contains('\n'), "{text}");
        }
        assert!(error("").contains("no products"));
        assert!(error(&format!("{0}{0}", product(""))).contains("the id 7 twice"));
        assert!(error(&format!("{}colour = 1\n", product(""))).contains("line 11"));
        let missing = Catalog::load(Path::new("/nowhere/varor.toml")).unwrap_err().to_string();
        assert!(missing.contains("/nowhere/varor.toml") && missing.contains("--products"), "{missing}");
    }
}
