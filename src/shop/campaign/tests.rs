use chrono::{DateTime, Datelike, NaiveDate};
use chrono_tz::Tz;
use proptest::{prelude::*, sample::select};

use super::*;

/// Zones and days on which clocks change there: an hour in the night, half an hour, at midnight, a minute after it, and a
/// day that is left out.
const TURNS: [(Tz, &str); 8] = [
    (Tz::Europe__Stockholm, "2026-03-29"),
    (Tz::Europe__Stockholm, "2026-10-25"),
    (Tz::Australia__Lord_Howe, "2026-04-05"),
    (Tz::Australia__Lord_Howe, "2026-10-04"),
    (Tz::America__Sao_Paulo, "2018-11-04"),
    (Tz::America__Sao_Paulo, "2018-02-18"),
    (Tz::America__St_Johns, "2010-11-07"),
    (Tz::Pacific__Apia, "2011-12-30"),
];

/// The first second at which a clock shows this whole minute; of a minute that no clock shows, the first second that is
/// later.
fn shown(zone: Tz, local: NaiveDateTime) -> i64 {
    let about = local.and_utc().timestamp();
    let shows = |second: i64| DateTime::from_timestamp(second, 0).unwrap().with_timezone(&zone).naive_local();
    let seconds = || (about - 26 * 3600..about + 26 * 3600).step_by(60);
    let passed = |second: &i64| shows(second - 60) < local && shows(*second) > local;
    seconds().find(|second| shows(*second) == local).or_else(|| seconds().find(passed)).unwrap()
}

fn runs(times: &Times, zone: Tz, second: i64) -> bool {
    let within = |from, to| (shown(zone, from)..shown(zone, to)).contains(&second);
    match times {
        Times::Once(from, to) => within(*from, *to),
        Times::Weekly(weekdays, from, to) => {
            let date = DateTime::from_timestamp(second, 0).unwrap().with_timezone(&zone).date_naive();
            (-3..=3).map(|days| date + TimeDelta::days(days)).any(|date| {
                let midnight = date.and_time(NaiveTime::MIN);
                let is_one = weekdays.is_empty() || weekdays.contains(&date.weekday());
                is_one && within(midnight + *from, midnight + *to)
            })
        }
    }
}

fn campaign(times: Times) -> Campaign {
    Campaign { name: "x".into(), times, products: BTreeSet::new(), factor: 2.0 }
}

prop_compose! {
    /// Times near a day on which clocks change, and a moment near it.
    fn near_a_turn()(
        (tz, day) in select(TURNS.to_vec()), is_weekly: bool,
        weekdays in prop::collection::vec(0..7_u8, 0..4),
        from in 0..1440_i64, length in 1..1440_i64, shift in -1..=1_i64, second in -150_000..150_000_i64,
    ) -> (Tz, Times, i64) {
        let date: NaiveDate = day.parse().unwrap();
        let (from, to) = (TimeDelta::minutes(from), TimeDelta::minutes((from + length).min(1440)));
        let midnight = date.and_time(NaiveTime::MIN) + TimeDelta::days(shift);
        let weekdays = weekdays.into_iter().map(|day| Weekday::try_from(day).unwrap()).collect();
        let times = if is_weekly {
            Times::Weekly(weekdays, from, to)
        } else {
            Times::Once(midnight + from, midnight + to)
        };
        (tz, times, Zone(tz).start_of(date) + second)
    }
}

proptest! {
    #[test]
    fn it_runs_while_clocks_show_its_times((tz, times, second) in near_a_turn()) {
        prop_assert_eq!(campaign(times.clone()).runs(Zone(tz), second * 1000), runs(&times, tz, second));
    }

    #[test]
    fn up_to_the_next_turn_nothing_changes((tz, times, second) in near_a_turn()) {
        let campaign = campaign(times);
        let (now, until) = (second * 1000, campaign.unchanged_until(Zone(tz), second * 1000));
        prop_assert!(until > now);
        let runs = |ms| campaign.runs(Zone(tz), ms);
        for ms in (now..until.min(now + AHEAD_MS)).step_by(60_000).chain([until - 1]) {
            prop_assert_eq!(runs(ms), runs(now), "at {} of {}..{}", ms, now, until);
        }
    }
}

#[test]
fn a_friday_afternoon_comes_each_week_and_a_period_once() {
    let zone = Zone::default();
    let at = |text: &str| zone.resolve(day::local(text).unwrap());
    let hours = |from, to| (TimeDelta::hours(from), TimeDelta::hours(to));
    let (from, to) = hours(16, 24);
    let fridays = campaign(Times::Weekly(vec![Weekday::Fri], from, to));
    for (text, runs) in [
        ("2026-11-27 15:59:59", false),
        ("2026-11-27 16:00", true),
        ("2026-11-27 23:59:59", true),
        ("2026-11-28 00:00", false),
        ("2026-11-28 17:00", false),
        ("2026-12-04 17:00", true),
    ] {
        assert_eq!(fridays.runs(zone, at(text)), runs, "{text}");
    }
    let [from, to] = ["2026-11-23", "2026-11-30"].map(|text| day::local(text).unwrap());
    let week = campaign(Times::Once(from, to));
    assert!(week.runs(zone, at("2026-11-23")) && week.runs(zone, at("2026-11-30") - 1));
    assert!(!week.runs(zone, at("2026-11-23") - 1) && !week.runs(zone, at("2026-11-30")));
    assert_eq!(week.unchanged_until(zone, at("2026-11-30")), i64::MAX);
}
