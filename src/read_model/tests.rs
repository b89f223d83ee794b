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
fn a_new_owner_says_nothing_less_of_markers_than_the_one_before() {
    let model = model();
    let seen = |who, end_seen| PartState { end_seen, ..read(who, 7, 1, 0) };
    model.hear("sales", FIRST, seen("a", 9), false);
    model.hear("sales", FIRST, seen("b", 0), false);
    assert_eq!(model.end_seen("sales", FIRST, 7), 9);
    assert_eq!(model.part("sales", FIRST).unwrap().end_seen, 9);
    assert_eq!(model.end_seen("sales", FIRST, 8), 0, "of another position it says nothing");
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
fn states_of_partitions_that_their_topic_does_not_have_count_nowhere() {
    let part = |partition| Part { source: Source::Orders, partition };
    let windows_told_until = |model: &ReadModel| model.figures(501).told_until;
    let model = model();
    model.hear("sales", part(0), told(0, 500), false);
    model.hear("sales", part(3), told(60_000, 400), false);
    assert_eq!(
        (last_hour(&model), windows_told_until(&model)),
        (14, Some(400)),
        "of the topic nothing is known"
    );
    let ends = |count: i32| {
        let by_part = (0..count).map(|partition| (part(partition), 9)).collect();
        Ends { by_part, asked: Some(Instant::now()), ..Ends::default() }
    };
    model.set_ends(ends(2));
    assert_eq!((last_hour(&model), windows_told_until(&model)), (7, None));
    assert_eq!(model.parts("sales").len(), 1);
    // While the topic is absent, the last ends stay.
    model.doubt_ends();
    assert_eq!(last_hour(&model), 7);
    model.set_ends(ends(4));
    assert_eq!(last_hour(&model), 14);
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

#[test]
fn a_consumer_that_nobody_runs_says_so_and_its_windows_are_old_at_once() {
    let part = Part { source: Source::Orders, partition: 0 };
    let model = model();
    model.hear("sales", part, told(1_000, 500), false);
    let share = Share { partitions: 3, trouble: Some("the disk is full".to_owned()) };
    let presence = Presence { consumers: BTreeMap::from([("sales".to_owned(), share)]), process: None };
    let now = Instant::now();
    let long_ago = now.checked_sub(Duration::from_secs(9)).unwrap();
    model.hear_presence("a", long_ago, Some(presence.clone()));
    assert_eq!(model.unattended(), None, "that others run nothing is not known yet");
    let sales = || {
        let sales = model.readings().into_iter().find(|reading| reading.view == "sales").unwrap();
        (sales.partitions, sales.trouble)
    };
    model.hear_presence("a", now, Some(presence));
    assert_eq!(sales(), (3, Some(Sentence::Text("the disk is full".to_owned()))));
    assert_eq!(model.figures(501).told_until, None);
    model.follow_others(true);
    model.hear_presence("a", now, None);
    assert_eq!(sales(), (0, Some(Sentence::NobodyRuns { view: "sales", others: 0 })));
    assert_eq!(model.figures(501).told_until, Some(500));
    assert_eq!(model.unattended(), Some(Vec::new()), "it ended in order, and left nothing unread");
    model.set_ends(Ends { by_part: HashMap::from([(part, 7)]), ..Ends::default() });
    let left = model.unattended().unwrap();
    assert!(left.contains(&"sales") && !left.contains(&"mail"), "{left:?}");
}

#[test]
fn what_this_process_runs_is_told_to_others_with_what_is_wrong() {
    let model = model();
    model.set_group("sales", 2, 0, None);
    model.set_group("mail", 0, 0, Some(Sentence::KafkaAway));
    model.set_group("the reader of the logs", 0, 0, None);
    let presence = model.presence();
    let shown: Vec<_> =
        presence.consumers.iter().map(|(view, share)| (view.as_str(), share.partitions)).collect();
    assert_eq!(shown, [("mail", 0), ("sales", 2)]);
    assert!(presence.consumers["mail"].trouble.is_some());
    let read: Presence = serde_json::from_str(&serde_json::to_string(&presence).unwrap()).unwrap();
    assert_eq!(read, presence);
}

#[test]
fn the_handling_and_its_readers_agree_where_as_much_was_read_as_was_told_to_be_there() {
    use crate::{
        handling::{Counted, HandlingFigures, Resume},
        views::shop_figures::HandledFigures,
    };
    let model = model();
    let ends = [Source::Orders, Source::Handled]
        .into_iter()
        .flat_map(|source| (0..2).map(move |partition| (Part { source, partition }, 100)));
    model.set_ends(Ends { by_part: ends.collect(), ..Ends::default() });
    let sent = |partition, counted, handled| {
        let figures = HandlingFigures { accepted: 50, handled, ..HandlingFigures::default() };
        let counted = Some(Counted { handled: counted, ..Counted::default() });
        let figures = PartFigures::Handling(Resume { counted, figures, ..Resume::default() });
        let position = Position { next: 50, ..Position::default() };
        model.hear(
            "handling",
            Part { source: Source::Orders, partition },
            PartState { position, figures, ..told(0, 1) },
            false,
        );
    };
    let read = |partition, next, total| {
        let figures =
            PartFigures::HandledWindows(Box::new(HandledFigures { total, ..HandledFigures::default() }));
        let position = Position { next, ..Position::default() };
        let part = Part { source: Source::Handled, partition };
        model.hear("handled-windows", part, PartState { position, figures, ..told(0, 1) }, false);
    };
    sent(0, 12, 10);
    sent(1, 9, 7);
    // The next transaction is told of before what was read of this one.
    sent(0, 16, 13);
    read(0, 12, 10);
    assert_eq!(model.agreed().on_handled, None, "nothing was read of the other one");
    read(1, 9, 6);
    assert_eq!(model.agreed().on_handled, None, "an order is missing");
    read(1, 9, 7);
    assert!(model.agreed().on_handled.is_some());
}
