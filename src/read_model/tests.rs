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
