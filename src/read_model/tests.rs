//! What the read model says of figures that others tell, and that nobody tells any more.

use super::*;
use crate::consumers::sales;

fn model() -> ReadModel {
    let link = Connection { bootstrap: String::new(), embedded: true, up: true, trouble: None };
    ReadModel::new(Zone::default(), link)
}

/// Sales told so long ago, of a shop second.
fn told(ms_ago: i64, shop_second: i64) -> PartState {
    PartState {
        partition: 0,
        shop_second,
        wall_ms: Utc::now().timestamp_millis() - ms_ago,
        who: String::new(),
        position: Position::default(),
        end_seen: 0,
        figures: sales::Figures { days: BTreeMap::new(), slots: BTreeMap::new(), last_hour_ore: 7 }.into(),
        reports: Vec::new(),
    }
}

#[test]
fn windows_are_said_to_be_old_when_nobody_tells_them_and_time_has_gone_on() {
    let part = |partition| Part { source: Source::Orders, partition };
    let model = model();
    assert_eq!(model.told_ms(), None);
    model.put("sales", part(0), told(1_000, 500));
    let first = model.told_ms();
    assert_eq!(model.figures(501).told_until, None);
    model.put("sales", part(1), told(60_000, 400));
    assert!(first.is_some() && model.told_ms() == first, "the newest counts");
    assert_eq!(model.figures(501).told_until, Some(400));
    assert_eq!(model.figures(400).told_until, None, "the shop's time stands still too");
    model.put("sales", part(1), told(0, 501));
    assert_eq!(model.figures(501).told_until, None);
}

#[test]
fn a_group_of_another_process_has_the_partitions_that_somebody_tells_of() {
    let part = |partition| Part { source: Source::Orders, partition };
    let model = model();
    let sales = || {
        let sales = model.readings().into_iter().find(|reading| reading.view == "sales").unwrap();
        (sales.partitions, sales.rebalances, sales.errors)
    };
    assert_eq!(sales(), (0, None, None));
    for (partition, ms_ago) in [(0, 0), (1, 15_000), (2, 25_000)] {
        model.put("sales", part(partition), told(ms_ago, 500));
    }
    assert_eq!(sales(), (2, None, None), "nobody has told of the third for long");
    // What this process runs itself it knows itself.
    model.set_group("sales", 1, 0, None);
    model.rebalanced("sales");
    assert_eq!(sales(), (1, Some(1), Some(0)));
}

/// What `who` says of the sales of partition 0, read so far; `last_hour_ore` tells it from others.
fn read(who: &str, next: i64, last_hour_ore: i64, ms_ago: i64) -> PartState {
    let figures = sales::Figures { days: BTreeMap::new(), slots: BTreeMap::new(), last_hour_ore };
    PartState {
        who: who.to_owned(),
        position: Position { next, ..Position::default() },
        figures: figures.into(),
        ..told(ms_ago, 500)
    }
}

const FIRST: Part = Part { source: Source::Orders, partition: 0 };

fn last_hour(model: &ReadModel) -> i64 {
    model.figures(500).sales_last_hour_ore
}

#[test]
fn the_state_that_has_read_further_counts_whatever_the_clocks_say() {
    let model = model();
    // An hour ahead, then one whose clock is right.
    model.hear("sales", FIRST, read("a", 10, 1, -3_600_000), false);
    model.hear("sales", FIRST, read("b", 12, 2, 0), false);
    assert_eq!(last_hour(&model), 2);
    model.hear("sales", FIRST, read("a", 11, 3, -3_600_000), false);
    assert_eq!(last_hour(&model), 2, "a former owner says no more");
    // Windows drain while nothing is read.
    model.hear("sales", FIRST, read("b", 12, 0, 3_600_000), false);
    assert_eq!(last_hour(&model), 0);

    // What a process says itself comes back from the topic late.
    model.put("sales", FIRST, read("c", 12, 5, 0));
    model.hear("sales", FIRST, read("c", 12, 4, 0), false);
    assert_eq!(last_hour(&model), 5);
    model.hear("sales", FIRST, read("b", 13, 6, 0), false);
    assert_eq!(last_hour(&model), 6, "another has its partition now");
}

#[test]
fn a_log_that_is_gone_gives_way_to_the_new_one() {
    let ends = |end| {
        let by_part = HashMap::from([(FIRST, end)]);
        Ends { by_part, asked: Some(Instant::now()), ..Ends::default() }
    };
    let model = model();
    model.hear("sales", FIRST, read("a", 100, 1, 0), false);
    model.set_ends(ends(100));
    model.hear("sales", FIRST, read("b", 3, 2, 0), false);
    assert_eq!(last_hour(&model), 1, "the log may hold them all");
    model.set_ends(ends(3));
    assert_eq!(last_hour(&model), 2, "it does not");
    model.hear("sales", FIRST, read("a", 100, 1, 0), false);
    model.set_ends(ends(4));
    model.hear("sales", FIRST, read("b", 4, 3, 0), false);
    assert_eq!(last_hour(&model), 3, "whoever has not seen it yet is not believed for long");
}

#[test]
fn who_begins_takes_no_state_of_a_log_that_is_gone_from_the_topic() {
    let model = model();
    let by_part = HashMap::from([(FIRST, 3)]);
    model.set_ends(Ends { by_part, asked: Some(Instant::now()), ..Ends::default() });
    model.hear("sales", FIRST, read("a", 100, 1, 0), true);
    model.hear("sales", FIRST, read("b", 3, 2, 0), true);
    assert_eq!(last_hour(&model), 2);
}
