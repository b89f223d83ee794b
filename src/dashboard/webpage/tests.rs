//! The content of the page, and that no outside text becomes markup.

use proptest::prelude::*;

use super::{Day, render};
use crate::dashboard::screenshot::escape;
use crate::{
    dashboard::{fixture, lang::EN, snapshot::Snapshot},
    messages::{Lang, Sentence},
    shop::{Zone, number_format::thousands},
    views::shop_figures::ShopFigures,
};

fn page(shop: &Snapshot, lang: Lang) -> String {
    let Snapshot { figures, zone, shelf, lost_sales, .. } = shop;
    render(Day { figures, zone: *zone, shelf, lost_sales: *lost_sales, trouble: None }, lang)
}

/// Checks that all elements are closed in order, except void ones.
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
    let shop = fixture::afternoon();
    let figures = &shop.figures;
    for lang in Lang::ALL {
        let page = page(&shop, lang);
        well_formed(&page).unwrap();
        let money = lang.kronor(figures.sales_today_ore);
        let orders = thousands(figures.orders_today);
        for figure in [money.as_str(), &orders, "14:03", "Löparskor Stigfinnare", "2026-11-19"] {
            assert!(page.contains(figure), "{figure} is missing in {lang:?}");
        }
        assert!(!page.contains("http") && !page.contains("<script"), "a page of its own");
    }
}

#[test]
fn figures_that_nobody_tells_any_more_say_of_when_they_are() {
    let mut shop = fixture::afternoon();
    assert!(!page(&shop, Lang::En).contains("as of"));
    shop.figures.told_until = Some(fixture::AFTERNOON - 8);
    let Snapshot { figures, zone, shelf, .. } = &shop;
    let trouble = Sentence::NobodyRuns { view: "sales", others: 7 };
    for lang in Lang::ALL {
        let day = Day { figures, zone: *zone, shelf, lost_sales: 0, trouble: Some(&trouble) };
        let page = render(day, lang);
        well_formed(&page).unwrap();
        assert!(page.contains(&format!("{} 14:02:59</span>", lang.words().as_of)), "{page}");
        assert!(page.contains(&escape(&lang.say(&trouble))), "{page}");
    }
}

#[test]
fn a_shelf_has_the_colour_that_it_has_on_the_screen() {
    let mut shop = fixture::afternoon();
    shop.figures.stock.truncate(3);
    for (line, (delivered, name)) in
        shop.figures.stock.iter_mut().zip([(0, "Empty"), (10, "Scarce"), (11, "Ample")])
    {
        (line.delivered, line.sold, line.name) = (delivered, 0, name.to_owned());
    }
    for plan in &mut shop.shelf {
        (plan.reorder_point, plan.full) = (10, 20);
    }
    let page = page(&shop, Lang::En);
    for (name, class, width) in [("Empty", "out", ""), ("Scarce", "low", "50.0%"), ("Ample", "", "55.0%")] {
        let row = page.lines().find(|line| line.starts_with(&format!("<tr><td>{name}<"))).unwrap();
        assert!(row.contains(&format!("\"bar goods {class}\"")), "{row}");
        assert!(row.contains(&format!("\"n {class}\"")) && row.contains(width), "{row}");
    }
}

#[test]
fn what_was_handled_today_stands_beside_todays_orders_and_lost_sales_are_told() {
    let mut shop = fixture::afternoon();
    shop.figures.handled.by_day.insert(shop.figures.today, 1_608);
    let page = page(&shop, Lang::En);
    let sums = page.split("</dl>").next().unwrap();
    let title = sums.find(EN.pages.handled_today).expect("its title");
    assert!(sums[title..].contains(&thousands(1_608)), "{sums}");
    assert!(!sums.contains(&thousands(shop.figures.handled.total)), "all time is not today");
    assert!(page.contains(&format!("14 {}", EN.lost_sales.many)), "{page}");
}

#[test]
fn what_is_read_below_a_chart_is_text_of_the_page() {
    let page = page(&fixture::afternoon(), Lang::En);
    assert!(!page.contains("<text"), "letters of a picture shrink with it");
    assert!(page.contains("<span style=\"left:50.00%\">12:00</span>"), "{page}");
}

#[test]
fn a_day_at_the_end_of_the_calendar_has_a_page() {
    let zone = Zone::default();
    for today in [chrono::NaiveDate::MAX, chrono::NaiveDate::MIN] {
        let figures = ShopFigures { today, shop_second: zone.start_of(today), ..ShopFigures::default() };
        let page =
            render(Day { figures: &figures, zone, shelf: &[], lost_sales: 0, trouble: None }, Lang::Sv);
        well_formed(&page).unwrap();
        assert!(page.len() < 100_000, "{} bytes", page.len());
    }
}

#[test]
fn a_shop_without_orders_has_a_page() {
    let figures = ShopFigures::default();
    well_formed(&render(
        Day { figures: &figures, zone: Zone::default(), shelf: &[], lost_sales: 0, trouble: None },
        Lang::En,
    ))
    .unwrap();
}

proptest! {
    #[test]
    fn nothing_from_outside_becomes_markup(name in "(\\PC|[<>&\"'/=! ]|script){0,60}") {
        let mut shop = fixture::afternoon();
        for line in &mut shop.figures.stock {
            line.name.clone_from(&name);
        }
        for sold in shop.figures.products_today.values_mut() {
            sold.name.clone_from(&name);
        }
        let page = page(&shop, Lang::En);
        prop_assert!(well_formed(&page).is_ok());
        prop_assert!(!page.contains("<script"));
        prop_assert!(!escape(&name).contains(['<', '>', '"', '\'']));
    }
}
