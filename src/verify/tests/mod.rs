//! A whole shop in memory: intact it shows no difference, and any single thing that is changed in it is found.

mod shop;
mod spoil;

use proptest::{prelude::*, sample::Index};

use crate::consumer::Rule;
use shop::{Shop, any_orders};
use spoil::any_spoil;

proptest! {
    #![proptest_config(ProptestConfig { cases: 100, failure_persistence: None, ..ProptestConfig::default() })]

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
}
