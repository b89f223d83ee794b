//! What the page says, and that nothing from outside becomes part of its markup.

use proptest::prelude::*;

use super::{escape, render};
use crate::{
    dashboard::{fixture, lang::Lang},
    shop::Zone,
    views::figures::ShopFigures,
};

/// Every element that is opened is closed in its turn, but for those that have no content.
fn well_formed(page: &str) -> Result<(), String> {
    let mut open = Vec::new();
    let style = page.find("<style>").zip(page.find("</style>"));
    let (from, to) = style.ok_or("no style")?;
    let text = format!("{}{}", &page[..from], &page[to + "</style>".len()..]);
    for tag in text.split('<').skip(1) {
        let tag = tag.split('>').next().unwrap_or_default();
        let name = tag.trim_start_matches('/').split(' ').next().unwrap_or_default();
        if tag.starts_with('/') {
            if open.pop() != Some(name) {
                return Err(format!("</{name}> closes nothing"));
            }
        } else if !tag.ends_with('/') && !matches!(name, "!DOCTYPE" | "meta") {
            open.push(name);
        }
    }
    if open.is_empty() { Ok(()) } else { Err(format!("{open:?} are not closed")) }
}

#[test]
fn the_page_has_every_figure_in_every_language() {
    let figures = fixture::afternoon().figures;
    for lang in Lang::ALL {
        let page = render(&figures, Zone::default(), lang);
        well_formed(&page).unwrap();
        let money = crate::shop::money::kronor(figures.sales_today_ore);
        let orders = crate::shop::money::thousands(figures.orders_today);
        for figure in [money.as_str(), &orders, "14:03", "Löparskor Stigfinnare", "2026-11-19"] {
            assert!(page.contains(figure), "{figure} is missing in {lang:?}");
        }
        assert!(!page.contains("http") && !page.contains("<script"), "a page of its own");
    }
}

#[test]
fn a_shop_without_orders_has_a_page() {
    well_formed(&render(&ShopFigures::default(), Zone::default(), Lang::En)).unwrap();
}

proptest! {
    #[test]
    fn nothing_from_outside_becomes_markup(name in "(\\PC|[<>&\"'/=! ]|script){0,60}") {
        let mut figures = fixture::afternoon().figures;
        for line in &mut figures.stock {
            line.name.clone_from(&name);
        }
        for sold in figures.products_today.values_mut() {
            sold.name.clone_from(&name);
        }
        let page = render(&figures, Zone::default(), Lang::En);
        prop_assert!(well_formed(&page).is_ok());
        prop_assert!(!page.contains("<script"));
        prop_assert!(!escape(&name).contains(['<', '>', '"', '\'']));
    }
}
