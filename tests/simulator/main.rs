//! The simulator on a Kafka: the embedded broker, or a real one at `SHOP_SIM_TEST_BOOTSTRAP`. Its records are read back
//! and compared with an independent computation.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stdout, reason = "a test")]

mod log;
mod shop;

use std::time::{Duration, Instant};

use rdkafka::{
    ClientConfig,
    admin::{AdminClient, AdminOptions, NewPartitions},
};

use shop_sim::{
    shop::{Catalog, Control, Order, Pulse, pulse::RunState},
    simulator::{Backfill, Outcome, Pace, Rate, SimulatorError, SimulatorOptions},
    stream::{Session, Topic, reader::watermarks},
};

use log::Log;
use shop::{Shop, options};

/// 2026-11-20 12:00 in Stockholm, Unix ms.
const NOON: i64 = 1_795_172_400_000;

fn period(from_ms: i64, minutes: i64) -> Backfill {
    Backfill { from_ms, to_ms: from_ms + minutes * 60_000, per_second: 5.0 }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_count_is_produced_exactly_and_a_restart_goes_on() {
    let shop = Shop::open().await;
    let run = async |count| {
        let options = SimulatorOptions { rate: Rate::Max, count: Some(count), ..options() };
        assert_eq!(shop.run(options).await.unwrap(), Outcome::Finished);
        shop.read()
    };
    let first = run(3_000).await;
    assert_eq!(first.orders.len(), 3_000);
    first.audit();
    let last = first.pulses.last().unwrap();
    assert_eq!((last.state, last.orders), (RunState::Stopped, 3_000));
    let mut told: Vec<(u64, i64)> = last.shelf.iter().map(|on| (on.product_id, on.pieces)).collect();
    told.sort_unstable();
    assert_eq!(told, first.balances().into_iter().collect::<Vec<_>>(), "the shelf is the balance of the log");

    let second = run(2_000).await;
    assert_eq!(second.orders.len(), 5_000);
    assert!(second.openings_come_once());
    second.audit();
    assert_eq!(second.pulses.last().unwrap().orders, 5_000);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_seed_gives_the_same_bytes() {
    let mut written = Vec::new();
    for _ in 0..2 {
        let shop = Shop::open().await;
        let options = SimulatorOptions { backfill: Some(period(NOON, 60)), seed: 7, ..options() };
        assert_eq!(shop.run(options).await.unwrap(), Outcome::Finished);
        let log = shop.read();
        assert!((16_000..20_000).contains(&log.orders.len()), "{} orders", log.orders.len());
        log.audit();
        let end = log.pulses.last().unwrap();
        assert_eq!(end.shop_time.timestamp_millis(), NOON + 3_600_000);
        assert_eq!((end.state, end.speed), (RunState::Stopped, 0.0));
        assert!(log.orders.iter().all(|order| order.created_at.timestamp_millis() < NOON + 3_600_000));
        written.push(log.bytes);
    }
    assert!(written[0] == written[1], "two runs of one seed differ");
}

#[tokio::test(flavor = "multi_thread")]
async fn periods_follow_each_other_and_an_earlier_one_is_refused() {
    let shop = Shop::open().await;
    let run = async |from_ms, minutes| {
        let backfill = Some(period(from_ms, minutes));
        shop.run(SimulatorOptions { backfill, ..options() }).await
    };
    run(NOON, 10).await.unwrap();
    run(NOON + 600_000, 10).await.unwrap();
    let log = shop.read();
    log.audit();
    assert!(log.openings_come_once());
    let error = run(NOON + 1_199_999, 10).await.unwrap_err();
    assert!(matches!(error, SimulatorError::BeforeLog { option: "--backfill", .. }), "{error}");
    let start = Pace::Accelerated { speed: 60.0, start: Some(NOON) };
    let error = shop.run(SimulatorOptions { pace: start, ..options() }).await.unwrap_err();
    assert!(error.to_string().contains("--start 2026-11-20 12:00:00+01:00 lies before"), "{error}");
    let error = run(NOON, 0).await.unwrap_err();
    assert!(matches!(error, SimulatorError::Option { option: "--backfill", .. }), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn real_time_is_refused_on_a_log_that_is_ahead_and_accelerated_time_goes_on_from_it() {
    let shop = Shop::open().await;
    let tomorrow = chrono::Utc::now().timestamp_millis() + 86_400_000;
    let past = SimulatorOptions { backfill: Some(period(tomorrow, 1)), ..options() };
    shop.run(past).await.unwrap();
    let error = shop.run(options()).await.unwrap_err();
    assert!(matches!(error, SimulatorError::AheadOfRealTime { .. }), "{error}");
    let accelerated = SimulatorOptions {
        pace: Pace::Accelerated { speed: 60.0, start: None },
        rate: Rate::PerSecond(200.0),
        count: Some(50),
        ..options()
    };
    let before = shop.read().orders.len();
    shop.run(accelerated).await.unwrap();
    let log = shop.read();
    assert_eq!(log.orders.len(), before + 50);
    log.audit();
    assert!(log.latest_ms() < tomorrow + 60_000 + 60_000, "50 orders are 15 shop seconds");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_simulator_is_refused_and_may_take_over() {
    let shop = Shop::open().await;
    let first = shop.start(options()).await.unwrap();
    first.until(|progress| progress.orders > 3).await;

    let refused = shop.start(options()).await.map(|_| ()).unwrap_err();
    assert!(refused.to_string().contains("--take-over"), "{refused}");
    assert!(matches!(refused, SimulatorError::Rival { .. }));

    let over = SimulatorOptions { take_over: true, ..options() };
    let second = shop.start(over).await.unwrap();
    assert!(matches!(first.outcome().await.unwrap(), Outcome::Replaced { .. }));
    second.until(|progress| progress.orders > 3).await;
    assert_eq!(second.stop().await.unwrap(), Outcome::Stopped);
    let log = shop.read();
    log.audit();
    assert!(log.openings_come_once());
}

/// Its machine's clock is an hour late.
#[tokio::test(flavor = "multi_thread")]
async fn a_simulator_with_another_clock_is_a_rival_too() {
    let shop = Shop::open().await;
    let first = shop.start(options()).await.unwrap();
    first.until(|progress| progress.orders > 3).await;
    let pulse = shop.pulse(|pulse| pulse.orders > 3).await;
    first.stop().await.unwrap();
    let elsewhere = Pulse {
        who: "another".to_owned(),
        host: "elsewhere, pid 1".to_owned(),
        state: RunState::Running,
        wall_time: pulse.wall_time - chrono::Duration::hours(1),
        ..pulse
    };
    shop.tell(&elsewhere);
    let telling = async {
        loop {
            tokio::time::sleep(Duration::from_millis(500)).await;
            shop.tell(&elsewhere);
        }
    };
    let refused = tokio::select! {
        () = telling => unreachable!(),
        refused = shop.start(options()) => refused.map(|_| ()).unwrap_err(),
    };
    assert!(matches!(refused, SimulatorError::Rival { .. }), "{refused}");
    // A simulator without new pulses has died.
    shop.start(options()).await.unwrap().stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn it_pauses_resumes_and_changes_its_rate_by_either_way() {
    let shop = Shop::open().await;
    let pace = Pace::Accelerated { speed: 60.0, start: Some(NOON) };
    let simulator = shop.start(SimulatorOptions { pace, ..options() }).await.unwrap();
    simulator.until(|progress| progress.orders > 3 && progress.shop_ms > NOON).await;

    simulator.control.send(Control::Pause).await.unwrap();
    let paused =
        simulator.until(|progress| progress.state == RunState::Paused && progress.in_flight == 0).await;
    let told = shop.pulse(|pulse| pulse.state == RunState::Paused).await;
    assert_eq!(told.shop_time.timestamp_millis(), paused.shop_ms, "shop time stands still");
    let later =
        shop.pulse(|pulse| pulse.wall_time - told.wall_time > chrono::Duration::milliseconds(300)).await;
    assert_eq!((later.shop_time, later.orders), (told.shop_time, told.orders));

    shop.ask(Control::Rate { rate: 900.0 });
    let told = shop.pulse(|pulse| pulse.rate == Some(900.0)).await;
    assert_eq!(told.state, RunState::Paused);
    shop.ask(Control::Rate { rate: -1.0 });
    shop.ask(Control::Resume);
    simulator
        .until(|progress| progress.state == RunState::Running && progress.orders > paused.orders + 900)
        .await;
    assert_eq!(simulator.stop().await.unwrap(), Outcome::Stopped);
    let log = shop.read();
    log.audit();
    assert_eq!(log.pulses.last().unwrap().rate, Some(900.0));
}

#[tokio::test(flavor = "multi_thread")]
async fn it_sells_to_partitions_that_are_added() {
    let shop = Shop::open().await;
    let simulator = shop.start(options()).await.unwrap();
    simulator.until(|progress| progress.orders > 3).await;
    let admin: AdminClient<_> =
        ClientConfig::new().set("bootstrap.servers", &*shop.session.bootstrap).create().unwrap();
    let topic = shop.session.topic(Topic::Orders);
    let probe = shop.session.probe().unwrap();
    let end = |partition| watermarks(&*probe, &topic, partition, shop::DEADLINE).unwrap().1;
    assert!((0..6).any(|partition| end(partition) > 0), "this client knows the topic as it was before");
    let added =
        admin.create_partitions(&[NewPartitions::new(&topic, 8)], &AdminOptions::new()).await.unwrap();
    assert!(added.iter().all(Result::is_ok), "{added:?}");
    let deadline = Instant::now() + shop::DEADLINE;
    // With another client: the first one keeps what it knows.
    let other = Session::new(&shop.session.bootstrap, &shop.session.prefix, 6, Vec::new());
    while other.partitions_of(Topic::Orders, shop::DEADLINE).unwrap() < 8 {
        assert!(Instant::now() < deadline, "Kafka does not tell of the new partitions");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    while [6, 7].into_iter().any(|partition| end(partition) == 0) {
        assert!(Instant::now() < deadline, "nothing is sold to the new partitions");
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    simulator.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn it_jumps_to_just_before_midnight_and_goes_on_live() {
    let shop = Shop::open().await;
    let (speed, midnight) = (600.0, NOON + 12 * 3_600_000);
    let pace = Pace::Accelerated { speed, start: Some(NOON) };
    let options = SimulatorOptions { pace, rate: Rate::PerSecond(20.0), ..options() };
    let simulator = shop.start(options).await.unwrap();
    simulator.until(|progress| progress.orders > 3).await;
    shop.ask(Control::ToMidnight);
    let there = midnight - 8_000 * 600;
    let landed = shop.pulse(|pulse| pulse.shop_time.timestamp_millis() > there && pulse.speed > 1.0).await;
    let before = midnight - landed.shop_time.timestamp_millis();
    assert!(before > 0, "the jump went beyond midnight by {before} ms");
    assert_eq!(landed.rate, Some(20.0));
    // Live again, it reaches the next day at normal speed.
    simulator.until(|progress| progress.shop_ms > midnight).await;
    simulator.stop().await.unwrap();
    let log = shop.read();
    log.audit();
    // The ten and a half hours from noon to there were filled at the same rate: 64 seconds of the wall, 20 orders each.
    let filled = log.orders.iter().filter(|order| order.created_at.timestamp_millis() < there).count();
    assert!((1_100..1_500).contains(&filled), "{filled} orders");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rush_sells_ten_times_as_much_in_accelerated_time_alone() {
    let shop = Shop::open().await;
    let pace = Pace::Accelerated { speed: 60.0, start: Some(NOON) };
    let rate = Rate::PerSecond(20.0);
    let simulator = shop.start(SimulatorOptions { pace, rate, ..options() }).await.unwrap();
    simulator.until(|progress| progress.orders > 3).await;
    shop.ask(Control::Rush);
    let begun = shop.pulse(|pulse| pulse.rush).await;
    assert_eq!(begun.rate, Some(20.0), "the aim stays");
    let over = shop.pulse(|pulse| !pulse.rush && pulse.shop_time > begun.shop_time).await;
    simulator.stop().await.unwrap();
    let span = (over.shop_time - begun.shop_time).num_milliseconds() as f64 / 60_000.0;
    let rate = (over.orders - begun.orders) as f64 / span;
    assert!((150.0..250.0).contains(&rate), "{rate} orders a second in {span} s");
    shop.read().audit();

    let other = Shop::open().await;
    let simulator = other.start(SimulatorOptions { rate: Rate::PerSecond(20.0), ..options() }).await.unwrap();
    other.ask(Control::Rush);
    other.ask(Control::ToMidnight);
    other.ask(Control::Rate { rate: 30.0 });
    other.pulse(|pulse| pulse.rate == Some(30.0)).await;
    simulator.stop().await.unwrap();
    assert!(other.read().pulses.iter().all(|pulse| !pulse.rush && pulse.is_real_time()));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backfill_up_to_now_goes_on_live_without_a_gap() {
    let shop = Shop::open().await;
    let now = chrono::Utc::now().timestamp_millis();
    let simulator = shop
        .start(SimulatorOptions {
            backfill: Some(period(now - 1_200_000, 20)),
            then_live: true,
            rate: Rate::PerSecond(50.0),
            ..options()
        })
        .await
        .unwrap();
    shop.pulse(|pulse| pulse.is_real_time() && pulse.orders > 5_000).await;
    simulator.until(|progress| progress.shop_ms > now + 1_000).await;
    simulator.stop().await.unwrap();
    let log = shop.read();
    log.audit();
    let mut times: Vec<i64> = log.orders.iter().map(|order| order.created_at.timestamp_millis()).collect();
    times.sort_unstable();
    let gap = times.windows(2).map(|pair| pair[1] - pair[0]).max().unwrap();
    assert!(gap < 4_000, "a gap of {gap} ms");
}

#[tokio::test(flavor = "multi_thread")]
async fn it_says_what_is_wrong_with_its_options_and_with_missing_topics() {
    let shop = Shop::open().await;
    let rate = SimulatorOptions { rate: Rate::PerSecond(0.0), ..options() };
    assert!(shop.run(rate).await.unwrap_err().to_string().contains("--rate cannot be 0"));
    let elsewhere = shop.with_other_prefix();
    let error = shop_sim::simulator::start(&elsewhere, options()).await.map(|_| ()).unwrap_err();
    assert!(error.to_string().contains("there is no topic"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn no_pulse_is_ahead_of_the_orders_in_the_log() {
    let shop = Shop::open().await;
    let pace = Pace::Accelerated { speed: 60.0, start: Some(NOON) };
    // As fast as it can, so that orders queue up behind the clock.
    let options = SimulatorOptions { pace, rate: Rate::Max, count: Some(300_000), ..options() };
    // Set up before the first pulse: with every millisecond of delay, one that is too early could be missed.
    let (probe, pulses) = (shop.session.probe().unwrap(), shop.follow(Topic::Pulse));
    shop.ends(&probe, Topic::Orders);
    let simulator = shop.start(options).await.unwrap();
    // Each new pulse, and where the partitions ended after it was seen.
    let mut seen: Vec<(i64, Vec<i64>)> = Vec::new();
    while let Some(bytes) = shop::poll(&pulses) {
        let pulse = Pulse::decode(Some(&bytes)).unwrap();
        seen.push((pulse.shop_time.timestamp_millis(), shop.ends(&probe, Topic::Orders)));
        if pulse.state == RunState::Stopped {
            break;
        }
    }
    simulator.outcome().await.unwrap();
    assert!(seen.len() > 3, "{} pulses", seen.len());
    for partition in 0..6_u8 {
        let records = shop::read_partition(&shop.session, Topic::Orders, i32::from(partition));
        for (offset, bytes) in (0..).zip(&records) {
            let at = Order::decode(Some(bytes)).unwrap().created_at.timestamp_millis();
            for (told, ends) in &seen {
                assert!(at > *told || offset < ends[usize::from(partition)], "told {told}, order of {at}");
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_kill_in_the_middle_leaves_books_that_balance() {
    let shop = Shop::open().await;
    for _ in 0..3 {
        let simulator = shop.start(SimulatorOptions { rate: Rate::Max, ..options() }).await.unwrap();
        simulator.until(|progress| progress.orders > 2_000).await;
        simulator.kill().await;
    }
    let last = SimulatorOptions { rate: Rate::Max, count: Some(1_000), ..options() };
    assert_eq!(shop.run(last).await.unwrap(), Outcome::Finished);
    let log = shop.read();
    assert!(log.orders.len() > 7_000);
    log.audit_after_crash();
    assert!(log.openings_come_once());
    assert_eq!(log.pulses.last().unwrap().orders, log.orders.len() as u64);
}

#[tokio::test(flavor = "multi_thread")]
async fn while_kafka_is_away_accelerated_time_stands_still_and_nothing_is_lost() {
    let mut shop = Shop::open().await;
    let pace = Pace::Accelerated { speed: 60.0, start: Some(NOON) };
    let rate = Rate::PerSecond(500.0);
    // Enough for days, so that no sale waits for goods.
    let mut catalog = Catalog::builtin();
    for product in &mut catalog.products {
        product.opening_stock = 1_000_000;
    }
    let simulator = shop.start(SimulatorOptions { pace, rate, catalog, ..options() }).await.unwrap();
    simulator.until(|progress| progress.orders > 200).await;
    let Some(broker) = shop.take_broker_away().await else { return };
    // Time stands still once two checks, a second apart, see the same time.
    let mut stood = simulator.now().shop_ms;
    loop {
        tokio::time::sleep(Duration::from_secs(1)).await;
        let now = simulator.now().shop_ms;
        if std::mem::replace(&mut stood, now) == now {
            break;
        }
        assert!(now < NOON + 600_000, "it goes on without Kafka");
    }
    shop.bring_broker_back(broker).await;
    let before = simulator.now().orders;
    simulator.until(|progress| progress.orders > before + 500).await;
    assert_eq!(simulator.stop().await.unwrap(), Outcome::Stopped);
    shop.read().audit();
}

#[tokio::test(flavor = "multi_thread")]
async fn it_stops_in_a_bounded_time_when_kafka_is_gone() {
    let mut shop = Shop::open().await;
    let simulator = shop.start(SimulatorOptions { rate: Rate::PerSecond(500.0), ..options() }).await.unwrap();
    simulator.until(|progress| progress.orders > 100).await;
    let Some(_) = shop.take_broker_away().await else { return };
    let start = std::time::Instant::now();
    assert_eq!(simulator.stop().await.unwrap(), Outcome::Stopped);
    assert!(start.elapsed() < Duration::from_secs(7), "{:?}", start.elapsed());
}

/// Not a benchmark: checks that nothing is lost when Kafka is the bottleneck.
#[tokio::test(flavor = "multi_thread")]
async fn at_any_rate_the_books_balance() {
    let shop = Shop::open().await;
    let start = std::time::Instant::now();
    let count = if std::env::var_os("SHOP_SIM_TEST_LOAD").is_some() { 2_000_000 } else { 60_000 };
    let options = SimulatorOptions { rate: Rate::Max, count: Some(count), ..options() };
    assert_eq!(shop.run(options).await.unwrap(), Outcome::Finished);
    let took = start.elapsed();
    println!("{count} orders in {took:?}: {:.0} a second", count as f64 / took.as_secs_f64());
    let log: Log = shop.read();
    assert_eq!(log.orders.len() as u64, count);
    log.audit();
    let lost = log.pulses.last().unwrap().lost_sales;
    assert!((lost as f64) < 0.05 * count as f64, "{lost} sales lost, {count} made");
    assert!(took < Duration::from_secs(60));
}
