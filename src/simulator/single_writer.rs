//! A single simulator at a time: detects another one, waits for it to end, and notices a successor.

use std::{collections::HashSet, time::Duration};

use tokio::time::{Instant, timeout_at};

use super::{
    pulse_and_control_reader::{Heard, PulseAndControlReader},
    read_topics::Pulses,
    simulator_identity::{Identity, is_gone},
};
use crate::{
    shop::{Pulse, pulse::RunState},
    stream::{Session, StreamError, Topic},
};

/// A simulator that sells pulses at least once in this time.
const SILENCE: Duration = Duration::from_secs(3);
/// A simulator that was told to stop writes what it has sold in this time.
const FAREWELL: Duration = Duration::from_secs(6);

/// Looks for another simulator: its next pulse, if one comes. How old the last one is says nothing: its clock may be
/// another one than ours.
pub(super) async fn find(session: &Session, pulses: &Pulses) -> Result<Option<Pulse>, StreamError> {
    let Some(last) = &pulses.last else { return Ok(None) };
    if last.state == RunState::Stopped || is_gone(last) {
        return Ok(None);
    }
    let reader = PulseAndControlReader::open(session, &[(Topic::Pulse, pulses.next_offset)], false)?;
    let pulse = next_pulse(&reader, Instant::now() + SILENCE, |_| true).await;
    Ok(pulse.filter(|pulse| pulse.state != RunState::Stopped))
}

/// Waits until a simulator that has seen our pulse has stopped, or is silent.
pub(super) async fn wait_for_farewell(
    session: &Session,
    pulses: &Pulses,
    rival: &Pulse,
) -> Result<(), StreamError> {
    let reader = PulseAndControlReader::open(session, &[(Topic::Pulse, pulses.next_offset)], false)?;
    let deadline = Instant::now() + FAREWELL;
    loop {
        let silent = (Instant::now() + SILENCE).min(deadline);
        match next_pulse(&reader, silent, |pulse| pulse.who == rival.who).await {
            Some(pulse) if pulse.state != RunState::Stopped => {}
            _ => return Ok(()),
        }
    }
}

/// The pulse with which a simulator says that it takes another's place: the other's last one, under our name.
pub(super) fn claim(last: &Pulse, us: &Identity, wall: chrono::DateTime<chrono::FixedOffset>) -> Pulse {
    Pulse { wall_time: wall, who: us.who.clone(), host: us.place.clone(), pid: us.pid, ..last.clone() }
}

async fn next_pulse(
    reader: &PulseAndControlReader,
    until: Instant,
    wanted: impl Fn(&Pulse) -> bool,
) -> Option<Pulse> {
    loop {
        match timeout_at(until, reader.next()).await {
            Ok(Heard::Pulse(pulse)) if wanted(&pulse) => return Some(*pulse),
            Ok(_) => {}
            Err(_) => return None,
        }
    }
}

/// Tells a successor from earlier simulators, by the order of the pulses in the log.
#[derive(Debug)]
pub(super) struct Succession {
    us: String,
    /// Whether our own first pulse was read: a simulator that is new after it started after us.
    we_were_heard: bool,
    elders: HashSet<String>,
}

impl Succession {
    /// After the pulses of `heard` were read, ours perhaps among them.
    pub(super) fn new(us: &Identity, heard: Vec<String>) -> Self {
        let we_were_heard = heard.contains(&us.who);
        Self { us: us.who.clone(), we_were_heard, elders: heard.into_iter().collect() }
    }

    /// Hears a pulse; whether it is a successor's.
    pub(super) fn is_successor(&mut self, pulse: &Pulse) -> bool {
        if pulse.who == self.us {
            self.we_were_heard = true;
            return false;
        }
        if !self.we_were_heard {
            self.elders.insert(pulse.who.clone());
        }
        pulse.state != RunState::Stopped && !self.elders.contains(&pulse.who)
    }
}
