//! What the board says of figures that nobody tells any more.

use super::*;

fn board() -> Board {
    let link = Link { bootstrap: String::new(), embedded: true, up: true, trouble: None };
    Board::new(Zone::default(), link)
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
        figures: PartFigures::Sales { days: BTreeMap::new(), slots: BTreeMap::new(), last_hour_ore: 7 },
        reports: Vec::new(),
    }
}

#[test]
fn windows_are_said_to_be_old_when_nobody_tells_them_and_time_has_gone_on() {
    let part = |partition| Part { source: Source::Orders, partition };
    let board = board();
    assert_eq!(board.told_ms(), None);
    board.put("sales", part(0), told(1_000, 500));
    let first = board.told_ms();
    assert_eq!(board.figures(501).told_until, None);
    board.put("sales", part(1), told(60_000, 400));
    assert!(first.is_some() && board.told_ms() == first, "the newest counts");
    assert_eq!(board.figures(501).told_until, Some(400));
    assert_eq!(board.figures(400).told_until, None, "the shop's time stands still too");
    board.put("sales", part(1), told(0, 501));
    assert_eq!(board.figures(501).told_until, None);
}
