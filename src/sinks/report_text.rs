//! The daily report for people, `reports/DATE.txt`: sums, the comparison with other days, and tables of categories and
//! products.

use std::{cmp::Reverse, collections::BTreeMap};

use chrono::{Days, NaiveDate};
use unicode_width::UnicodeWidthStr;

use super::{
    aligned_columns::{align, gap},
    sanitize,
};
use crate::{
    messages::Lang,
    shop::{
        Catalog,
        number_format::{kronor, thousands},
    },
    views::day_totals::{DayTotals, ProductTotals},
};

/// Terminal columns of the longest product name.
const NAME_COLUMNS: usize = 48;
/// Terminal columns of the longest category.
const CATEGORY_COLUMNS: usize = 24;
/// Placeholder for a missing value.
const NONE: &str = "–";

/// Days between a day and those that it is compared with: the day before, and the same weekday a week before.
pub const COMPARED: [u64; 2] = [1, 7];

/// The displayed category of each product, by product id. Products that are not in the products file have none.
#[derive(Debug, Clone, Default)]
pub struct Categories(BTreeMap<u64, String>);

impl Categories {
    /// Those of the products file.
    pub fn of(catalog: &Catalog) -> Self {
        let shown = |category| sanitize::shown(category, CATEGORY_COLUMNS).into_owned();
        let known = catalog.products.iter().map(|product| (product.id, shown(&product.category)));
        Self(known.filter(|(_, category)| !category.is_empty()).collect())
    }

    fn of_product(&self, id: u64) -> &str {
        self.0.get(&id).map_or(NONE, String::as_str)
    }
}

/// The words of a report.
struct Words {
    title: &'static str,
    orders: &'static str,
    sales: &'static str,
    mean: &'static str,
    per_order: &'static str,
    revision: &'static str,
    compared: &'static str,
    /// As [`COMPARED`].
    days_ago: [&'static str; 2],
    change: &'static str,
    category: &'static str,
    id: &'static str,
    product: &'static str,
    units: &'static str,
    nothing: &'static str,
}

impl Words {
    fn of(lang: Lang) -> Self {
        match lang {
            Lang::En => Self {
                title: "Daily report",
                orders: "Orders",
                sales: "Sales",
                mean: "Mean",
                per_order: "per order",
                revision: "Revision",
                compared: "Compared with",
                days_ago: ["the day before", "a week before"],
                change: "Change",
                category: "Category",
                id: "Id",
                product: "Product",
                units: "Units",
                nothing: "Nothing was sold.",
            },
            Lang::Sv => Self {
                title: "Dagsrapport",
                orders: "Order",
                sales: "Försäljning",
                mean: "Medel",
                per_order: "per order",
                revision: "Revision",
                compared: "Jämfört med",
                days_ago: ["dagen före", "en vecka före"],
                change: "Ändring",
                category: "Kategori",
                id: "Id",
                product: "Produkt",
                units: "Antal",
                nothing: "Inget såldes.",
            },
        }
    }
}

/// The date a number of days before another.
pub fn days_before(date: NaiveDate, days: u64) -> Option<NaiveDate> {
    date.checked_sub_days(Days::new(days))
}

/// The report of a day; `of_day` returns the sums of a day with orders.
pub fn text<'a>(
    date: NaiveDate,
    revision: u32,
    of_day: impl Fn(NaiveDate) -> Option<&'a DayTotals>,
    categories: &Categories,
    lang: Lang,
) -> String {
    let words = Words::of(lang);
    let nothing = DayTotals::default();
    let sums = |date| of_day(date).unwrap_or(&nothing);
    let day = sums(date);
    let title = format!("{} {date}", words.title);
    let ruler = "=".repeat(title.width());
    let mean = match i64::try_from(day.orders) {
        Ok(orders @ 1..) => format!("{} {}", kronor(rounded(day.sales_ore, orders)), words.per_order),
        _ => NONE.to_owned(),
    };
    let labels = [words.orders, words.sales, words.mean, words.revision];
    let widest = labels.iter().map(|label| label.width()).max().unwrap_or(0);
    let facts = [thousands(day.orders), kronor(day.sales_ore), mean, revision.to_string()];
    let fact = |(label, fact): (&&str, String)| format!("{label}{}  {fact}\n", gap(label, widest));
    let facts: String = labels.iter().zip(facts).take(if revision == 0 { 3 } else { 4 }).map(fact).collect();
    let others = COMPARED.into_iter().zip(words.days_ago).filter_map(|(days, ago)| {
        let before = days_before(date, days)?;
        Some(compared(&format!("{before}, {ago}"), day, sums(before)))
    });
    let heading = [words.compared, words.orders, words.change, words.sales, words.change];
    let compared = table(&[0], heading, others);
    if day.products.is_empty() {
        return format!("{title}\n{ruler}\n\n{facts}\n{compared}\n{}\n", words.nothing);
    }
    let by_category = table(&[0], [words.category, words.units, words.sales], by_category(day, categories));
    let heading = [words.id, words.product, words.category, words.units, words.sales];
    let by_product = table(&[1, 2], heading, by_product(day, categories));
    format!("{title}\n{ruler}\n\n{facts}\n{compared}\n{by_category}\n{by_product}")
}

fn compared(label: &str, day: &DayTotals, before: &DayTotals) -> [String; 5] {
    [
        label.to_owned(),
        thousands(before.orders),
        change(day.orders.into(), before.orders.into()),
        kronor(before.sales_ore),
        change(day.sales_ore.into(), before.sales_ore.into()),
    ]
}

/// Categories by sales, most first.
fn by_category(day: &DayTotals, categories: &Categories) -> Vec<[String; 3]> {
    let mut sums: BTreeMap<&str, (i64, i64)> = BTreeMap::new();
    for (id, sold) in &day.products {
        let (units, sales_ore) = sums.entry(categories.of_product(*id)).or_default();
        *units = units.saturating_add(sold.units);
        *sales_ore = sales_ore.saturating_add(sold.sales_ore);
    }
    let mut sums: Vec<_> = sums.into_iter().collect();
    sums.sort_by_key(|(_, (_, sales_ore))| Reverse(*sales_ore));
    let row = |(category, (units, sales_ore)): (&str, (i64, i64))| {
        [category.to_owned(), pieces(units), kronor(sales_ore)]
    };
    sums.into_iter().map(row).collect()
}

/// Products by units, most first.
fn by_product(day: &DayTotals, categories: &Categories) -> Vec<[String; 5]> {
    let mut products: Vec<_> = day.products.iter().collect();
    products.sort_by_key(|(id, sold)| (Reverse(sold.units), **id));
    let row = |(id, sold): (&u64, &ProductTotals)| {
        let name = sanitize::shown(&sold.name, NAME_COLUMNS).into_owned();
        let category = categories.of_product(*id).to_owned();
        [id.to_string(), name, category, pieces(sold.units), kronor(sold.sales_ore)]
    };
    products.into_iter().map(row).collect()
}

/// Pieces sold are never negative.
fn pieces(units: i64) -> String {
    thousands(units.unsigned_abs())
}

/// The change from `then` to `now` in per cent, rounded to a tenth: `+12,5 %`.
fn change(now: i128, then: i128) -> String {
    if then == 0 {
        return NONE.to_owned();
    }
    let difference = now - then;
    let tenths = (difference.abs() * 2000 + then) / (2 * then);
    let sign = match difference {
        _ if tenths == 0 => "",
        1.. => "+",
        _ => "−",
    };
    let whole = u64::try_from(tenths / 10).unwrap_or(u64::MAX);
    format!("{sign}{},{}\u{a0}%", thousands(whole), tenths % 10)
}

/// `sum / count`, rounded to whole öre; `count` is above 0.
fn rounded(sum: i64, count: i64) -> i64 {
    let share = (i128::from(sum) * 2 + i128::from(count)).div_euclid(2 * i128::from(count));
    i64::try_from(share).unwrap_or(i64::MAX)
}

/// A table with a ruler under its heading: the columns in `texts` are left-aligned, the others right-aligned.
fn table<const N: usize>(
    texts: &[usize],
    heading: [&str; N],
    rows: impl IntoIterator<Item = [String; N]>,
) -> String {
    let mut rows: Vec<[String; N]> = [heading.map(str::to_owned)].into_iter().chain(rows).collect();
    let widths = align(&mut rows, texts);
    rows.insert(1, widths.map(|width| "-".repeat(width)));
    rows.iter().map(|row| row.join("  ") + "\n").collect()
}

#[cfg(test)]
mod tests;
