//! The settings that all processes of a shop share, and topics that existed before it.

use std::{collections::BTreeSet, fs, time::Duration};

use rdkafka::{
    ClientConfig,
    admin::{AdminClient, AdminOptions, NewTopic, TopicReplication},
    client::DefaultClientContext,
    consumer::{BaseConsumer, Consumer},
};

use crate::{
    common::{
        kafka,
        shop::{Done, PATIENCE, Running, Shop, wait_for},
    },
    kit::{assert_agrees, consume, sell},
};

const NEW_YORK: [&str; 2] = ["--tz", "America/New_York"];

fn assert_names_both_zones(done: &Done) {
    let told = done.refused();
    for word in ["--tz Europe/Stockholm", "America/New_York"] {
        assert!(told.contains(word), "{told}");
    }
}

#[test]
fn whoever_has_another_zone_is_refused_and_changes_nothing() {
    let shop = Shop::new();
    shop.bootstrap();
    sell(&shop, "2026-03-28 20:00..2026-03-29 04:00", "0.05", "51");
    let status = consume(&shop);
    assert_agrees(&shop, &status);
    for command in [
        &["consume", "--until-end"][..],
        &["consume", "sales", "--until-end"],
        &["status", "--json"],
        &["verify"],
        &["produce", "--backfill", "2026-03-29 04:00..2026-03-29 05:00", "--rate", "0.05"],
    ] {
        assert_names_both_zones(&shop.run_elsewhere("other", &[command, &NEW_YORK].concat()));
    }
    assert_eq!(shop.run(&["status", "--json"]).ok().json(), status);
    assert_agrees(&shop, &consume(&shop));
}

/// Both find no stored settings.
#[test]
fn of_two_that_begin_at_once_one_decides() {
    for round in 0..3 {
        let shop = Shop::new();
        shop.bootstrap();
        make(&shop, "orders", 6, &[("retention.ms", "-1")]);
        let zones = ["Europe/Stockholm", "America/New_York", "Asia/Tokyo"];
        let begun = zones.map(|zone| {
            shop.start_elsewhere(
                &format!("{round}-{}", &zone[..4]),
                &["consume", "--until-end", "--tz", zone],
            )
        });
        let ended = begun.map(Running::finish);
        let kept = ended.iter().filter(|done| done.status.success()).count();
        assert_eq!(kept, 1, "{}\n{}\n{}", ended[0], ended[1], ended[2]);
        ended.iter().filter(|done| !done.status.success()).for_each(|done| drop(done.refused().to_owned()));
    }
}

#[test]
fn two_machines_handle_by_the_same_parameters() {
    let shop = Shop::new();
    shop.bootstrap();
    let mut here = shop.start_elsewhere("here", &["consume", "--handle-every", "10s"]);
    here.wait_until("a member of the group", || is_member(&shop, "here"));
    let done = shop.run_elsewhere("there", &["consume", "--handle-every", "3s"]);
    let told = done.refused();
    assert!(told.contains("--handle-every 10s") && told.contains("3s"), "{told}");
    // A view that handles nothing does not need it.
    shop.run_elsewhere("there", &["consume", "sales", "--until-end"]).ok();
    here.terminate().ok();
    // No other process: they may change.
    let mut there = shop.start_elsewhere("there", &["consume", "--handle-every", "3s"]);
    there.wait_until("a member of the group", || is_member(&shop, "there"));
    there.terminate().ok();
    shop.run_elsewhere("here", &["consume", "--until-end", "--handle-every", "3s"]).ok();
}

/// Whether the consumers of a folder are members of the group of `handling`.
fn is_member(shop: &Shop, out: &str) -> bool {
    let Ok(id) = fs::read_to_string(shop.home().join(out).join("state/instance")) else { return false };
    let group = shop.topic("handling");
    let probe: BaseConsumer =
        ClientConfig::new().set("bootstrap.servers", shop.bootstrap()).create().unwrap();
    let groups = probe.fetch_group_list(Some(&group), PATIENCE).unwrap();
    groups
        .groups()
        .iter()
        .flat_map(rdkafka::groups::GroupInfo::members)
        .any(|member| member.id().starts_with(&id))
}

/// Makes one of the shop's topics before the shop does.
pub(crate) fn make(shop: &Shop, suffix: &str, partitions: i32, config: &[(&str, &str)]) {
    let admin: AdminClient<DefaultClientContext> =
        ClientConfig::new().set("bootstrap.servers", shop.bootstrap()).create().unwrap();
    let topic = shop.topic(suffix);
    let mut new = NewTopic::new(&topic, partitions, TopicReplication::Fixed(1));
    for (key, value) in config {
        new = new.set(key, value);
    }
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let made = runtime.block_on(admin.create_topics([&new], &AdminOptions::new())).unwrap();
    assert!(made.iter().all(Result::is_ok), "{made:?}");
    wait_for("the topic", PATIENCE, || {
        let metadata = admin.inner().fetch_metadata(Some(&topic), PATIENCE).unwrap();
        metadata
            .topics()
            .iter()
            .any(|found| i32::try_from(found.partitions().len()) == Ok(partitions))
            .then_some(())
    });
}

#[test]
fn topics_that_are_there_and_do_not_fit_are_named() {
    let compact = [("cleanup.policy", "compact")];
    for (suffix, partitions, config, words) in [
        ("state", 1, &compact[..], "has 1 partition and needs 3"),
        ("state", 3, &[], "has cleanup.policy=delete"),
        ("deliveries", 6, &compact, "has cleanup.policy=compact"),
        ("pulse", 1, &[], "has cleanup.policy=delete"),
    ] {
        let shop = Shop::new();
        make(&shop, suffix, partitions, config);
        make(&shop, "orders", 6, &[("retention.ms", "-1")]);
        let sell = ["produce", "--backfill", "2026-03-28 20:00..2026-03-28 20:10", "--rate", "0.05"];
        for command in [&["consume", "--until-end"][..], &sell] {
            let done = shop.run_elsewhere("out-there", command);
            let told = done.refused();
            assert!(told.contains(&shop.topic(suffix)) && told.contains(words), "{told}");
        }
    }
    // As many as are wanted, or more.
    let shop = Shop::new();
    make(&shop, "state", 4, &compact);
    make(&shop, "orders", 3, &[("retention.ms", "-1")]);
    sell(&shop, "2026-03-28 20:00..2026-03-28 20:10", "0.05", "52");
    consume(&shop);
}

#[test]
fn of_a_folder_and_its_copy_one_goes_on_and_the_other_says_why_it_does_not() {
    let shop = Shop::new();
    shop.bootstrap();
    sell(&shop, "2026-03-28 20:00..2026-03-28 21:00", "0.1", "53");
    shop.run_elsewhere("first", &["consume", "--until-end"]).ok();
    let (first, copy) = (shop.home().join("first"), shop.home().join("copy"));
    fs::create_dir_all(copy.join("state")).unwrap();
    fs::copy(first.join("state/instance"), copy.join("state/instance")).unwrap();

    let mut original = shop.start_elsewhere("first", &["consume"]);
    original.wait_until("a member of the group", || is_member(&shop, "first"));
    std::thread::sleep(Duration::from_secs(3));
    let mut copied = shop.start_elsewhere("copy", &["consume"]);
    wait_for("the end of one of them", PATIENCE, || {
        (!(original.is_running() && copied.is_running())).then_some(())
    });
    // Only one stays, for good.
    std::thread::sleep(Duration::from_secs(8));
    assert!(!original.is_running() && copied.is_running(), "the one that came last stays");
    let done = original.finish();
    let told = done.refused();
    let id = fs::read_to_string(first.join("state/instance")).unwrap();
    assert!(told.contains(&id) && told.contains("copied"), "{told}");
    copied.terminate().ok();
    let mailed: BTreeSet<_> =
        kafka::read(shop.bootstrap(), &shop.topic("handled")).into_iter().map(|record| record.key).collect();
    assert_eq!(mailed.len(), kafka::read(shop.bootstrap(), &shop.topic("handled")).len(), "each once");
}
