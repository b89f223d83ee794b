use proptest::prelude::*;

use super::*;
use crate::sinks::samples::hostile;

fn day() -> NaiveDate {
    "2026-11-20".parse().unwrap()
}

fn totals(orders: u64, sold: &[(u64, &str, i64, i64)]) -> DayTotals {
    let products = sold
        .iter()
        .map(|&(id, name, units, sales_ore)| {
            (id, ProductTotals { name: name.to_owned(), named_by: 1, units, sales_ore })
        })
        .collect();
    DayTotals { orders, sales_ore: sold.iter().map(|(.., ore)| ore).sum(), products }
}

fn categories(known: &[(u64, &str)]) -> Categories {
    Categories(known.iter().map(|(id, category)| (*id, (*category).to_owned())).collect())
}

fn written(
    days: &BTreeMap<NaiveDate, DayTotals>,
    revision: u32,
    categories: &Categories,
    lang: Lang,
) -> String {
    text(day(), revision, |date| days.get(&date), categories, lang).replace('\u{a0}', " ")
}

#[test]
fn people_read_sums_comparisons_and_even_tables() {
    let sold = [
        (3, "Fat", 5, 100_000),
        (10, "Kaffekopp, blå\r\n", 1500, 98_565_400),
        (2, "日本\u{202e}茶", 5, 100_000),
    ];
    let days = BTreeMap::from([
        ("2026-11-13".parse().unwrap(), totals(1_300, &[(3, "Fat", 1, 98_765_400)])),
        ("2026-11-19".parse().unwrap(), totals(1_100, &[(3, "Fat", 1, 90_000_000)])),
        (day(), totals(1234, &sold)),
    ]);
    let known = categories(&[(3, "Kök"), (10, "Kök")]);
    assert_eq!(
        written(&days, 1, &known, Lang::En),
        "Daily report 2026-11-20\n\
         =======================\n\
         \n\
         Orders    1 234\n\
         Sales     987 654,00 kr\n\
         Mean      800,37 kr per order\n\
         Revision  1\n\
         \n\
         Compared with               Orders   Change          Sales  Change\n\
         --------------------------  ------  -------  -------------  ------\n\
         2026-11-19, the day before   1 100  +12,2 %  900 000,00 kr  +9,7 %\n\
         2026-11-13, a week before    1 300   −5,1 %  987 654,00 kr   0,0 %\n\
         \n\
         Category  Units          Sales\n\
         --------  -----  -------------\n\
         Kök       1 505  986 654,00 kr\n\
         –             5    1 000,00 kr\n\
         \n\
         Id  Product         Category  Units          Sales\n\
         --  --------------  --------  -----  -------------\n\
         10  Kaffekopp, blå  Kök       1 500  985 654,00 kr\n \
          2  日本茶          –             5    1 000,00 kr\n \
          3  Fat             Kök           5    1 000,00 kr\n"
    );
    assert!(written(&days, 1, &known, Lang::Sv).starts_with(
        "Dagsrapport 2026-11-20\n\
         ======================\n\
         \n\
         Order        1 234\n\
         Försäljning  987 654,00 kr\n\
         Medel        800,37 kr per order\n\
         Revision     1\n\
         \n\
         Jämfört med                Order  Ändring    Försäljning  Ändring\n\
         -------------------------  -----  -------  -------------  -------\n\
         2026-11-19, dagen före     1 100  +12,2 %  900 000,00 kr   +9,7 %\n"
    ));
}

#[test]
fn a_day_without_sales_says_so_and_nothing_is_no_base_for_a_share() {
    let text = written(&BTreeMap::new(), 0, &Categories::default(), Lang::En);
    assert!(text.contains("\n\nOrders    0\nSales     0,00 kr\nMean      –\n\n"), "{text}");
    assert!(text.contains("\n2026-11-19, the day before       0       –  0,00 kr       –\n"), "{text}");
    assert!(text.ends_with("\n\nNothing was sold.\n"), "{text}");
}

#[test]
fn shares_are_rounded_to_the_nearest_tenth() {
    for (now, then, expected) in [
        (0, 100, "−100,0\u{a0}%"),
        (100, 0, "–"),
        (10_005, 10_000, "+0,1\u{a0}%"),
        (10_004, 10_000, "0,0\u{a0}%"),
        (9_995, 10_000, "−0,1\u{a0}%"),
        (1_234_567, 100, "+1\u{a0}234\u{a0}467,0\u{a0}%"),
    ] {
        assert_eq!(change(now, then), expected, "{now} after {then}");
    }
}

proptest! {
    #[test]
    fn whatever_names_there_are_the_tables_are_even(
        orders in any::<u64>(),
        products in prop::collection::btree_map(any::<u64>(), (hostile(), 0..i64::MAX, 0..i64::MAX), 1..5),
        category in hostile(),
        before in any::<u64>(),
        lang in prop::sample::select(&Lang::ALL[..]),
    ) {
        let known: BTreeMap<u64, String> = products.keys().take(2).map(|id| (*id, category.clone())).collect();
        let mut catalog = Catalog::builtin();
        catalog.products.truncate(known.len());
        for (product, (id, category)) in catalog.products.iter_mut().zip(known) {
            (product.id, product.category) = (id, category);
        }
        let products: BTreeMap<u64, ProductTotals> = products
            .into_iter()
            .map(|(id, (name, units, sales_ore))| (id, ProductTotals { name, named_by: 0, units, sales_ore }))
            .collect();
        let day = DayTotals { orders, sales_ore: i64::MAX, products };
        let other = DayTotals { orders: before, sales_ore: 7, ..DayTotals::default() };
        let of_day = |date| Some(if date == super::tests::day() { &day } else { &other });
        let text = text(super::tests::day(), 0, of_day, &Categories::of(&catalog), lang);
        let blocks: Vec<&str> = text.split("\n\n").collect();
        prop_assert_eq!(blocks.len(), 5, "{}", text);
        for block in &blocks[2..] {
            let widths: Vec<usize> = block.lines().map(UnicodeWidthStr::width).collect();
            prop_assert!(widths.iter().all(|width| *width == widths[0]), "{}", block);
        }
        prop_assert_eq!(blocks[4].lines().count(), 2 + day.products.len());
    }
}
