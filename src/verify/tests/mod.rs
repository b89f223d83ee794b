//! A whole shop in memory: intact it shows no difference, and any single thing that is changed in it is found.

mod shop;
mod spoil;

use proptest::{prelude::*, sample::Index};

use super::live::{Check, Figure};
use crate::consumer::Rule;
use shop::{Shop, any_orders};
use spoil::{Spoil, any_spoil};

/// Whether everything that lay in the log is counted, and counted right.
fn agrees(check: &Check) -> bool {
    check.behind == 0 && check.found.count() == 0
}

proptest! {
    #![proptest_config(crate::testing::cases(100))]

    #[test]
    fn an_intact_shop_shows_no_difference_and_any_single_change_is_found(
        orders in any_orders(),
        ids in prop::sample::select(vec![
            Rule::Ascending, Rule::Seen { days: None }, Rule::Seen { days: Some(3) }, Rule::None,
        ]),
        how in any_spoil(),
        at in any::<Index>(),
        other in any::<Index>(),
    ) {
        let mut shop = Shop::worked_off(orders, ids);
        prop_assert_eq!(shop.audit().sentences(), Vec::<String>::new());
        let what = shop.spoil(how, at, other);
        let found = shop.audit().sentences();
        prop_assert!(!found.is_empty(), "not found: {:?}, {}", how, what);
    }

    #[test]
    fn the_audit_beside_a_running_shop_sees_no_difference_and_any_wrong_figure(
        orders in any_orders(),
        ids in prop::sample::select(vec![Rule::Ascending, Rule::Seen { days: None }, Rule::None]),
        at in any::<Index>(),
        other in any::<Index>(),
    ) {
        let mut shop = Shop::worked_off(orders, ids);
        let check = shop.check();
        prop_assert_eq!(check.found.sentences(), Vec::<String>::new());
        prop_assert!(agrees(&check) && check.values > 0);
        prop_assert!(check.rows.iter().all(|row| row.truth == row.screen && !row.differs), "{:?}", check.rows);
        let was = shop.claims.clone();
        let what = shop.spoil(Spoil::Figure, at, other);
        // What it does not compare: the rule on duplicates, and the last record.
        let is_figure = was.iter().zip(&shop.claims).any(|(was, is)| was.state.figures != is.state.figures);
        let found = shop.check().found;
        prop_assert!(found.count() > 0 || !is_figure, "not found: {}", what);
    }

    #[test]
    fn a_consumer_that_has_not_read_to_the_end_is_behind_and_not_wrong(
        orders in any_orders(), cut in any::<Index>(),
    ) {
        let all = Shop::worked_off(orders.clone(), Rule::default());
        let read = orders[..cut.index(orders.len())].to_vec();
        let early = Shop::worked_off(read.clone(), Rule::default());
        let late = Shop { claims: early.claims, figures: early.figures, ..all };
        let check = late.check();
        let unread = (orders.len() - read.len()) as u64;
        let of = |figure| check.rows.iter().find(|row| row.figure == figure).unwrap();
        prop_assert_eq!(of(Figure::OrdersToday).behind, unread);
        prop_assert!(!of(Figure::OrdersToday).differs && !of(Figure::InStock).differs, "{:?}", check.found.sentences());
        prop_assert_eq!(agrees(&check), unread == 0 && check.found.count() == 0);
    }
}
