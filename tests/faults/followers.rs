//! States of other processes are read while any run.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use shop_sim::{
    consumer::{Part, Position},
    consumers::{NAMES, orders_today, reads},
    read_model::PartState,
    stream::pulse_and_state_reader::PulseAndStateReader,
    views::Source,
};
use tokio::{sync::watch, time::sleep};

use crate::{
    bench::{Bench, until},
    common::shop::Shop,
};

const VIEW: &str = "orders-today";
const PART: Part = Part { source: Source::Orders, partition: 0 };

/// Publishes a new state of a partition, as another process.
fn publish(bench: &Bench, next: i64) {
    let state = PartState {
        partition: PART.partition,
        shop_second: next,
        wall_ms: chrono::Utc::now().timestamp_millis(),
        who: "another".to_owned(),
        position: Position { next, ..Position::default() },
        end_seen: 0,
        figures: orders_today::Figures { days: BTreeMap::new(), slots: BTreeMap::new() }.into(),
        reports: Vec::new(),
    };
    bench.env.publisher.publish(VIEW, PART, &state);
}

/// The position of the partition in the read model.
fn shown(bench: &Bench) -> i64 {
    bench.env.model.part(VIEW, PART).map_or(0, |state| state.position.next)
}

/// As if this process ran all consumers, except so many partitions of one.
fn hold_all_but(bench: &Bench, others: usize) {
    let parts = bench.env.model.ends().by_part;
    for view in NAMES {
        let all = parts.keys().filter(|part| reads(view, part.source)).count();
        bench.env.model.set_group(view, if view == VIEW { all - others } else { all }, 0, None);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn states_are_not_read_by_who_runs_all_consumers_and_all_are_known_once_another_does() {
    let shop = Shop::new();
    let bench = Bench::open(&shop, "a", &[]).await;
    let (ready, mut followed) = watch::channel(false);
    let env = &bench.env;
    let follower =
        PulseAndStateReader::new(&env.session, Arc::clone(&env.model), env.clock.clone(), ready).unwrap();
    let following = tokio::spawn(follower.run(env.stop.clone()));
    followed.wait_for(|ready| *ready).await.unwrap();
    until("the ends", || !env.model.ends().by_part.is_empty()).await;

    hold_all_but(&bench, 1);
    let mut said = 1;
    publish(&bench, said);
    until("what another says", || shown(&bench) == 1).await;

    // It keeps publishing until its states are not read.
    hold_all_but(&bench, 0);
    let mut unheard = 0;
    while unheard < 15 {
        said += 1;
        assert!(said < 400, "states are read by who needs none");
        publish(&bench, said);
        let before = shown(&bench);
        sleep(Duration::from_millis(100)).await;
        unheard = if shown(&bench) == before { unheard + 1 } else { 0 };
    }

    hold_all_but(&bench, 1);
    until("what was said meanwhile", || shown(&bench) == said).await;
    said += 1;
    publish(&bench, said);
    until("what is said now", || shown(&bench) == said).await;
    bench.env.stop.cancel();
    following.await.unwrap();
}
