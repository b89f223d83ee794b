//! Why a shop refuses a request.

use crate::{
    dashboard::action::Request,
    messages::Sentence,
    shop::{Pulse, Zone, pulse::RunState},
    simulator::before_midnight,
};

/// The reason why a simulator with this pulse refuses a request that needs accelerated time.
pub(super) fn refusal(request: &Request, pulse: Option<&Pulse>, zone: Zone) -> Option<Sentence> {
    let Some(pulse) = pulse.filter(|pulse| pulse.state != RunState::Stopped) else {
        return Some(Sentence::NobodySells);
    };
    let now_ms = pulse.shop_time.timestamp_millis();
    if pulse.is_real_time() {
        Some(Sentence::RealTime)
    } else if pulse.speed <= 0.0 {
        Some(Sentence::Filling)
    } else if pulse.state == RunState::Paused {
        Some(Sentence::NotWhilePaused)
    } else if pulse.rate.is_none() {
        Some(Sentence::NoRate)
    } else if *request == Request::ToMidnight && before_midnight(zone, now_ms, pulse.speed).is_none() {
        Some(Sentence::AlmostMidnight)
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_shop_would_not_do_is_refused_with_the_reason() {
        let zone = Zone::default();
        // 2026-11-20 14:03:07 in Stockholm.
        let afternoon = 1_795_179_787_000;
        let pulse = Pulse { rate: Some(5.0), pid: 1, ..Pulse::sample(zone.stamp(afternoon), 60.0) };
        let why = |request: Request, pulse: &Pulse| refusal(&request, Some(pulse), zone);
        for request in [Request::Rush, Request::ToMidnight] {
            assert_eq!(why(request.clone(), &pulse), None);
            let with = |speed, rate, state| Pulse { speed, rate, state, ..pulse.clone() };
            let cases = [
                (with(1.0, Some(5.0), RunState::Running), Sentence::RealTime),
                (with(0.0, None, RunState::Running), Sentence::Filling),
                (with(60.0, Some(5.0), RunState::Paused), Sentence::NotWhilePaused),
                (with(60.0, None, RunState::Running), Sentence::NoRate),
                (with(60.0, Some(5.0), RunState::Stopped), Sentence::NobodySells),
            ];
            for (pulse, sentence) in cases {
                assert_eq!(why(request.clone(), &pulse), Some(sentence));
            }
            assert_eq!(refusal(&request, None, zone), Some(Sentence::NobodySells));
        }
        let late = Pulse { shop_time: zone.stamp(afternoon + 9 * 3_600_000 + 56 * 60_000), ..pulse };
        assert_eq!(why(Request::ToMidnight, &late), Some(Sentence::AlmostMidnight));
        assert_eq!(why(Request::Rush, &late), None);
    }
}
