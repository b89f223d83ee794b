//! The products of the shop, and their file format.

use std::{
    collections::HashSet,
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize};

use super::{Campaign, campaign};

/// The path of the bundled range in the repository, for messages.
const BUILTIN: &str = "assets/products.toml";

/// The largest price (öre) or quantity, so that no order's sum overflows.
pub const MOST: i64 = 1_000_000_000_000;

/// A product of the range.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Product {
    /// The product's number.
    pub id: u64,
    /// Name as customers read it.
    pub name: String,
    /// Its department in the shop.
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

/// The whole range, each id once, and its campaigns.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Catalog {
    /// The products, by id.
    pub products: Vec<Product>,
    /// The campaigns, as the file lists them.
    pub campaigns: Vec<Campaign>,
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
    /// The file has no product.
    #[error("the products file {file} has no products: add at least one [[product]]")]
    Empty {
        /// As it was given.
        file: PathBuf,
    },
    /// An id occurs twice.
    #[error("the products file {file} has the id {id} twice: give every product an id of its own")]
    DuplicateId {
        /// As it was given.
        file: PathBuf,
        /// The id.
        id: u64,
    },
    /// A product has an invalid value.
    #[error("the product {id} in {file} has {fault}: {remedy}")]
    Product {
        /// As it was given.
        file: PathBuf,
        /// The product's id.
        id: u64,
        /// The field and its value.
        fault: String,
        /// What is valid.
        remedy: &'static str,
    },
    /// A campaign has an invalid value.
    #[error("the campaign {name:?} in {file} has {fault}: {remedy}")]
    Campaign {
        /// As it was given.
        file: PathBuf,
        /// The campaign's name.
        name: String,
        /// The field and its value.
        fault: String,
        /// What is valid.
        remedy: &'static str,
    },
}

/// The file format.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(default)]
    product: Vec<Product>,
    #[serde(default)]
    campaigns: Vec<campaign::Entry>,
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

    /// The range in a text; `file` is only for messages.
    pub fn parse(text: &str, file: &Path) -> Result<Self, CatalogError> {
        let File { product: mut products, campaigns } =
            toml::from_str(text).map_err(|error| CatalogError::Malformed {
                file: file.to_owned(),
                line: line_of(text, error.span().map_or(0, |span| span.start)),
                reason: error.message().to_owned(),
            })?;
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
        let campaigns = campaigns.into_iter().map(|entry| {
            let name = entry.name.clone();
            entry.campaign(&products).map_err(|(fault, remedy)| CatalogError::Campaign {
                file: file.to_owned(),
                name,
                fault,
                remedy,
            })
        });
        let campaigns = campaigns.collect::<Result<_, _>>()?;
        Ok(Self { products, campaigns })
    }

    /// The popularity of each product as a share of the largest, so that no sum of them overflows.
    pub fn weights(&self) -> Vec<f64> {
        let popularity = self.products.iter().map(|product| product.popularity);
        let most = popularity.clone().fold(f64::MIN_POSITIVE, f64::max);
        popularity.map(|popularity| popularity / most).collect()
    }
}

impl Product {
    /// The first invalid value, and its remedy.
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

/// The line number of a byte, from 1.
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

    /// A campaign with one of its lines replaced, or a line more.
    fn campaign(instead: &str) -> String {
        let field = instead.split(' ').next().unwrap_or_default();
        let lines = ["name = \"Rea\"", "from = \"2026-11-27\"", "to = \"2026-11-30T16:00\"", "factor = 3"];
        let lines =
            lines.into_iter().filter(|line| field.is_empty() || !line.starts_with(&format!("{field} ")));
        format!("[[campaigns]]\n{}\n{instead}\n", lines.collect::<Vec<_>>().join("\n"))
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
    fn campaigns_are_for_products_and_categories_or_for_all() {
        let other = product("id = 8").replace("Friluft", "Kök").replace("Kåsa", "Panna");
        let read = |instead: &str| {
            let text = format!("{}{other}{}", product(""), campaign(instead));
            Catalog::parse(&text, Path::new("x")).unwrap().campaigns.remove(0)
        };
        let ids = |instead: &str| read(instead).products.into_iter().collect::<Vec<_>>();
        assert_eq!((read("").name.as_str(), read("").factor), ("Rea", 3.0));
        assert_eq!(ids(""), [7, 8]);
        assert_eq!((ids("products = [8]"), ids("products = [\"Kåsa\"]")), (vec![8], vec![7]));
        assert_eq!(ids("categories = [\"Kök\"]"), [8]);
        assert_eq!(ids("products = [7]\ncategories = [\"Kök\"]"), [7, 8]);
        // Times of TOML's own are read, too.
        for to in ["2026-11-30T16:00:00", "\"2026-11-30 16:00\""] {
            assert_eq!(read(&format!("to = {to}")).times, read("").times);
        }
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
        for (line, part) in [
            ("name = \"\"", "has an empty name: give it one"),
            ("name = \"a\\tb\"", "a control character in its name"),
            ("factor = 0", "the campaign \"Rea\" in varor.toml has the factor 0: it must be a number from"),
            ("factor = -1.5", "the factor -1.5"),
            ("factor = inf", "the factor inf"),
            ("factor = nan", "the factor NaN"),
            ("factor = 101", "the factor 101"),
            ("to = \"2026-11-27\"", "the times 2026-11-27 to 2026-11-27: the second must be later"),
            ("to = 2026-11-26", "the times 2026-11-27 to 2026-11-26"),
            ("to = \"16:00\"", "the times 2026-11-27 to 16:00: give two times such as"),
            ("to = \"2026-02-30\"", "2026-02-30"),
            ("to = 2026-11-30T00:00:00Z", "2026-11-30T00:00:00Z"),
            ("to = 5", "the times 2026-11-27 to 5"),
            ("weekdays = [\"fri\"]", "with weekdays they must be times of day"),
            ("weekdays = [\"fredag\"]", "line 16"),
            ("products = [8]", "the product 8: give one that a [[product]] of the file has"),
            ("products = [-7]", "the product -7"),
            (
                "products = [7, \"Kåsa\"]",
                "the product \"Kåsa\": give one that a [[product]] of the file has, and each once",
            ),
            ("products = [true]", "the product true"),
            ("categories = [\"Kök\"]", "the category \"Kök\""),
            ("discount = 5", "line 16"),
        ] {
            let text = error(&format!("{}{}", product(""), campaign(line)));
            assert!(text.contains(part) && text.contains("varor.toml"), "{line}: {text}");
            assert!(!text.contains('\n'), "{text}");
        }
        assert!(error(&format!("{0}{0}", product(""))).contains("the id 7 twice"));
        assert!(error(&format!("{}colour = 1\n", product(""))).contains("line 11"));
        let source = std::io::ErrorKind::NotFound.into();
        let missing = CatalogError::Unreadable { file: "/nowhere/varor.toml".into(), source }.to_string();
        assert!(missing.contains("/nowhere/varor.toml") && missing.contains("--products"), "{missing}");
    }
}
