//! The daily reports, both forms.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
};

use chrono::NaiveDate;
use serde_json::Value;

use super::{Differences, Oracle, Time};

/// A day as its report has it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Day {
    pub orders: i64,
    pub sales_ore: i64,
    /// Units sold by product.
    pub units: BTreeMap<u64, i64>,
}

impl Oracle {
    /// What was sold, by day of the sale.
    pub fn days(&self) -> BTreeMap<NaiveDate, Day> {
        let mut days: BTreeMap<NaiveDate, Day> = BTreeMap::new();
        for order in &self.orders {
            let day = days.entry(self.day(order.at)).or_default();
            day.orders += 1;
            day.sales_ore += order.total_ore;
            for line in &order.lines {
                *day.units.entry(line.product_id).or_default() += line.quantity;
            }
        }
        days
    }

    /// A report for every closed day that something was sold on. A day without a sale may have one, of zeros.
    pub(super) fn compare_reports(&self, found: &mut Differences, out: &Path, now: Time) {
        let today = self.day(now);
        let days = self.days();
        let folder = out.join("reports");
        let named: BTreeSet<String> = crate::common::files::tree(&folder)
            .into_keys()
            .map(|path| path.to_string_lossy().into_owned())
            .collect();
        let mut dates: BTreeSet<NaiveDate> = days.keys().copied().filter(|date| *date < today).collect();
        for name in &named {
            match name.strip_suffix(".json").or(name.strip_suffix(".txt")).map(str::parse) {
                Some(Ok(date)) if date < today => {
                    dates.insert(date);
                }
                Some(Ok(_)) => found.add(format!("reports/{name} is there before its day has ended")),
                _ => found.add(format!("reports/{name} does not belong there")),
            }
        }
        for date in dates {
            let expected = days.get(&date).cloned().unwrap_or_default();
            let path = folder.join(format!("{date}.json"));
            match fs::read(&path)
                .map_err(|error| error.to_string())
                .and_then(|bytes| self.read_report(&bytes))
            {
                Ok((inside, day)) => {
                    found.same(&format!("reports/{date}.json, date"), &date.to_string(), &inside);
                    found.same(&format!("reports/{date}.json"), &expected, &day);
                }
                Err(error) => found.add(format!("reports/{date}.json: {error}")),
            }
            let text = fs::read_to_string(folder.join(format!("{date}.txt"))).unwrap_or_default();
            self.compare_text(found, date, &expected, &text);
        }
    }

    fn read_report(&self, bytes: &[u8]) -> Result<(String, Day), String> {
        let value: Value = serde_json::from_slice(bytes).map_err(|error| error.to_string())?;
        let number = |value: &Value, name: &str| value[name].as_i64().ok_or(format!("no number {name}"));
        let mut day = Day {
            orders: number(&value, "orders")?,
            sales_ore: number(&value, "sales_ore")?,
            units: BTreeMap::new(),
        };
        if number(&value, "revision")? < 0 {
            return Err("a negative revision".to_owned());
        }
        for product in value["products"].as_array().ok_or("no products")? {
            let id = product["product_id"].as_u64().ok_or("a product without product_id")?;
            let name = product["name"].as_str().ok_or("a product without a name")?;
            if !self.may_be_called(id, name) {
                return Err(format!("product {id} is called {name:?}"));
            }
            let units = number(product, "units")?;
            if day.units.insert(id, units).is_some() {
                return Err(format!("product {id} is there twice"));
            }
        }
        // A product that nothing was sold of may be listed too.
        day.units.retain(|_, units| *units != 0);
        Ok((value["date"].as_str().unwrap_or_default().to_owned(), day))
    }

    /// The form for people is free; the date and all the numbers must be in it.
    fn compare_text(&self, found: &mut Differences, date: NaiveDate, day: &Day, text: &str) {
        // Whatever separates thousands.
        let plain: String =
            text.chars().filter(|one| !matches!(one, '\u{a0}' | '\u{202f}' | ',' | '.')).collect();
        let squeezed: String = plain.chars().filter(|one| *one != ' ').collect();
        let mut missing = Vec::new();
        if !text.contains(&date.to_string()) {
            missing.push(date.to_string());
        }
        for number in [day.orders, day.sales_ore / 100] {
            if !squeezed.contains(&number.to_string()) {
                missing.push(number.to_string());
            }
        }
        let squeeze = |text: &str| -> String { text.chars().filter(|one| !one.is_whitespace()).collect() };
        for (id, units) in &day.units {
            let names: BTreeSet<&str> = self.names_of(*id).collect();
            let names: Vec<String> = names.into_iter().map(squeeze).collect();
            let row = |row: &str| {
                let squeezed = squeeze(row);
                squeezed.contains(&units.to_string()) && names.iter().any(|name| squeezed.contains(name))
            };
            if !text.lines().any(|line| row(&line.replace(['\u{a0}', '\u{202f}'], ""))) {
                missing.push(format!("product {id} with {units}"));
            }
        }
        found.some(missing.into_iter().map(|what| format!("reports/{date}.txt does not say {what}")));
    }
}
