//! The Kafka and log pages in unusual situations.

use std::sync::Arc;

use super::{
    Lang, Look, Marker, Snapshot, ThemeName,
    pages::{assert_style, at_place, cells, dark, used},
    text,
};
use crate::{
    dashboard::{page::Page, ui_state::Ui},
    messages::Sentence,
};

/// The tests' shop with a burst at the beginning of each group's last quarter of an hour.
fn after_a_burst() -> (Snapshot, Ui) {
    let (mut shop, ui) = used(Page::Kafka);
    for group in &mut shop.groups {
        let history = Arc::make_mut(&mut group.history);
        for second in 0..10 {
            history.rate[second] = 6_900.0;
            history.lag[second] = 400_000;
        }
    }
    (shop, ui)
}

#[test]
fn a_burst_is_cut_and_said_at_every_size() {
    let (shop, mut ui) = after_a_burst();
    for chosen in 0..shop.groups.len() {
        ui.chosen[Page::Kafka.index()] = Some(at_place(chosen));
        for lang in Lang::ALL {
            for width in (60..=200).step_by(7) {
                let look = Look::new(ThemeName::Dark, lang, Marker::Block);
                let shown = text(&cells(width, 30, &shop, &ui, &look));
                assert_eq!(shown.matches('▲').count(), 2, "{width}:\n{shown}");
            }
        }
    }
    let shown = text(&cells(200, 50, &shop, &ui, &dark()));
    assert!(shown.contains("▲ 6\u{a0}900") && shown.contains("▲ 400\u{a0}000  records"), "{shown}");
    let ascii = Look::new(ThemeName::Dark, Lang::En, Marker::Ascii);
    assert!(text(&cells(200, 50, &shop, &ui, &ascii)).contains("^ 6 900"));
}

#[test]
fn a_group_of_another_process_is_alive_where_somebody_tells_of_it() {
    let (mut shop, ui) = used(Page::Kafka);
    let group = &mut shop.groups[1];
    (group.partitions, group.rebalances, group.errors) = (6, None, None);
    let line = |shop: &Snapshot| {
        let shown = text(&cells(120, 30, shop, &ui, &dark()));
        let line = shown.lines().find(|line| line.contains(" sales  ")).unwrap();
        line.chars().take(80).collect::<String>().trim_end().to_owned()
    };
    let alive = line(&shop);
    assert!(alive.starts_with(" ● sales") && alive.ends_with("6      –    –"), "{alive}");
    shop.groups[1].partitions = 0;
    let away = line(&shop);
    assert!(away.starts_with(" ○ sales") && away.ends_with("0      –    –"), "{away}");
}

#[test]
fn what_went_wrong_with_records_is_on_the_page_of_kafka_however_narrow_it_is() {
    let (mut shop, ui) = used(Page::Kafka);
    let shown = |shop: &Snapshot, lang| {
        let look = Look::new(ThemeName::Dark, lang, Marker::Block);
        text(&cells(80, 24, shop, &ui, &look))
    };
    for lang in Lang::ALL {
        let words = lang.words();
        (shop.figures.dead_letters, shop.figures.duplicates) = (2, 0);
        let few = shown(&shop, lang);
        assert!(
            few.contains(&format!("2 {}  0 {}", words.dead_letters.many, words.duplicates.many)),
            "{few}"
        );
        (shop.figures.dead_letters, shop.figures.duplicates) = (0, 123_456);
        let many = shown(&shop, lang);
        shop.figures.dead_letters = 12_345;
        let both = shown(&shop, lang);
        assert!(both.contains(&format!("123\u{a0}456 {}", words.duplicates.many)), "{both}");
        assert!(many.contains(&format!("123\u{a0}456 {}", words.duplicates.many)), "{many}");
    }
}

#[test]
fn the_log_says_that_its_time_is_the_wall_s_where_the_shop_s_is_another() {
    let (mut shop, ui) = used(Page::Log);
    let shown = |shop: &Snapshot, width| text(&cells(width, 30, shop, &ui, &dark()));
    assert!(shown(&shop, 120).contains("real time"));
    shop.speed = 1.0;
    let log = shown(&shop, 120);
    assert!(!log.lines().skip(3).any(|line| line.contains("real time")), "{log}");
    // A narrow window leaves the room to the texts.
    let narrow = shown(&shop, 80);
    assert!(narrow.contains("✗  worker      sales: the disk is full"), "{narrow}");
    assert!(narrow.contains("Daily report saved: reports/2026-11-19.txt"), "{narrow}");
}

#[test]
fn a_group_in_trouble_says_so() {
    let (mut shop, ui) = used(Page::Kafka);
    let group = &mut shop.groups[4];
    group.trouble = Some(Sentence::Text("Kafka does not answer".to_owned()));
    group.lag = 1_234;
    for (width, height) in [(60, 16), (80, 24), (120, 30), (200, 50)] {
        let buffer = cells(width, height, &shop, &ui, &dark());
        assert_style(&buffer, "✗ handling", ThemeName::Dark.theme().alarm);
        assert_style(&buffer, "1\u{a0}234", ThemeName::Dark.theme().warning);
    }
    assert!(text(&cells(120, 30, &shop, &ui, &dark())).contains("Kafka does not answer"));
}

#[test]
fn only_a_group_that_works_and_keeps_up_is_green() {
    let theme = ThemeName::Dark.theme();
    let (mut shop, ui) = used(Page::Kafka);
    let style = |shop: &Snapshot, mark: char| {
        super::find(&cells(120, 30, shop, &ui, &dark()), &format!("{mark} sales")).style().fg
    };
    assert_eq!(style(&shop, '●'), theme.good.fg);
    (shop.groups[1].lag, shop.groups[1].rate) = (226, 5.0);
    assert_eq!(style(&shop, '●'), theme.warning.fg, "it is behind");
    shop.groups[1].lag_seconds = 45;
    let shown = text(&cells(120, 30, &shop, &ui, &dark()));
    let row = shown.lines().find(|line| line.contains("● sales")).unwrap();
    assert!(row.split_whitespace().collect::<Vec<_>>().windows(2).any(|pair| pair == ["226", "45"]), "{row}");
    shop.groups[1].trouble = Some(Sentence::NobodyRuns { view: "sales", others: 0 });
    assert_eq!(style(&shop, '✗'), theme.alarm.fg);
    // The selected group shows all of it.
    shop.groups[4].trouble = Some(Sentence::NobodyRuns { view: "handling", others: 0 });
    let chosen = text(&cells(120, 30, &shop, &ui, &dark()));
    assert!(chosen.contains("Nobody runs handling: start `shop-sim"), "{chosen}");
    shop.connection.up = false;
    assert_eq!(style(&shop, '○'), theme.warning.fg, "nobody knows");
}
