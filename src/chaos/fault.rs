//! The faults, how they are typed, and plans drawn from a seed.

use std::{fmt, str::FromStr, time::Duration};

use rand::{RngExt, SeedableRng, seq::SliceRandom};
use rand_chacha::ChaCha8Rng;

use crate::consumers::Name;

/// The consumers that write files.
const WITH_FILES: [Name; 4] = [Name::DailyReport, Name::Stock, Name::Mail, Name::Journal];

/// What is done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// A consumer's task ends where it stands, without a checkpoint, a commit or a goodbye.
    Kill,
    /// A consumer's thread is blocked for longer than its session time-out. Its client, which has threads of its own,
    /// still sends heartbeats; the consumer checks its membership before it writes.
    Freeze,
    /// There is no room for the files of a consumer.
    FullDisk,
    /// The built-in broker is cut off from everybody.
    Cut,
    /// The last orders of a partition are produced again.
    Twice,
    /// Orders of yesterday and of an hour ago arrive.
    Late,
    /// Records arrive that are no orders.
    Garbage,
    /// An order arrives with escape codes in the customer's name.
    Hostile,
}

impl Kind {
    /// All of them, in the order in which they are shown.
    pub const ALL: [Self; 8] = [
        Self::Kill,
        Self::Freeze,
        Self::FullDisk,
        Self::Cut,
        Self::Twice,
        Self::Late,
        Self::Garbage,
        Self::Hostile,
    ];

    /// As it is typed.
    pub fn name(self) -> &'static str {
        match self {
            Self::Kill => "kill",
            Self::Freeze => "freeze",
            Self::FullDisk => "full-disk",
            Self::Cut => "cut",
            Self::Twice => "twice",
            Self::Late => "late",
            Self::Garbage => "garbage",
            Self::Hostile => "hostile",
        }
    }

    /// Whether it is done to a consumer.
    pub fn has_victim(self) -> bool {
        matches!(self, Self::Kill | Self::Freeze | Self::FullDisk)
    }

    /// Whether it needs the process that runs the shop: the others are records that anybody could write.
    pub fn is_inside(self) -> bool {
        self.has_victim() || self == Self::Cut
    }

    /// How long it lasts.
    pub fn lasts(self) -> Duration {
        match self {
            // Two seconds longer than a session.
            Self::Freeze => Duration::from_secs(8),
            Self::FullDisk | Self::Cut => Duration::from_secs(10),
            Self::Kill | Self::Twice | Self::Late | Self::Garbage | Self::Hostile => Duration::ZERO,
        }
    }
}

/// One fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fault {
    /// What is done.
    pub kind: Kind,
    /// To which consumer, where it is done to one.
    pub victim: Option<Name>,
}

impl Fault {
    /// A fault of a kind, to `consumer` where it is done to one.
    pub fn new(kind: Kind, consumer: Name) -> Self {
        Self { kind, victim: kind.has_victim().then_some(consumer) }
    }

    /// Whether its consumer has what the fault needs.
    pub fn fits(self) -> bool {
        self.kind != Kind::FullDisk || self.victim.is_some_and(|victim| WITH_FILES.contains(&victim))
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.victim {
            Some(victim) => write!(f, "{}:{}", self.kind.name(), victim.name()),
            None => f.write_str(self.kind.name()),
        }
    }
}

impl FromStr for Fault {
    type Err = String;

    fn from_str(typed: &str) -> Result<Self, String> {
        let (name, consumer) = typed.split_once(':').map_or((typed, None), |(name, of)| (name, Some(of)));
        let kind = Kind::ALL.into_iter().find(|kind| kind.name() == name);
        let victim = consumer.map(|typed| Name::ALL.into_iter().find(|known| known.name() == typed));
        let fault = match (kind, victim) {
            (Some(kind), Some(Some(victim))) if kind.has_victim() => Self { kind, victim: Some(victim) },
            (Some(kind), None) if !kind.has_victim() => Self { kind, victim: None },
            _ => {
                return Err("use kill:CONSUMER, freeze:CONSUMER, full-disk:CONSUMER, cut, twice, late, garbage or hostile, \
                     with commas between them"
                    .to_owned());
            }
        };
        if fault.fits() {
            return Ok(fault);
        }
        let names = WITH_FILES.map(Name::name).join(", ");
        Err(format!("this consumer writes no files: use full-disk with one of {names}"))
    }
}

/// Every kind of fault once, in an order and with consumers drawn from `seed`; without those that need the process that
/// runs the shop unless `inside`, and without a cut unless the broker can be cut off.
pub fn plan(seed: u64, inside: bool, can_cut: bool) -> Vec<Fault> {
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    let mut kinds: Vec<Kind> = Kind::ALL.into_iter().filter(|kind| inside || !kind.is_inside()).collect();
    kinds.retain(|kind| can_cut || *kind != Kind::Cut);
    kinds.shuffle(&mut random);
    let mut draw = |kind| {
        let from: &[Name] = if kind == Kind::FullDisk { &WITH_FILES } else { &Name::ALL };
        let place = random.random_range(0..from.len());
        Fault::new(kind, from.get(place).copied().unwrap_or(Name::Sales))
    };
    kinds.into_iter().map(&mut draw).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_shown_can_be_typed_and_what_makes_no_sense_cannot() {
        for fault in plan(1, true, true) {
            assert_eq!(fault.to_string().parse(), Ok(fault));
        }
        for wrong in ["", "kill", "kill:", "kill:nobody", "cut:sales", "full-disk:sales", "fire"] {
            assert!(wrong.parse::<Fault>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_plan_has_each_kind_once_and_follows_from_its_seed() {
        for seed in 0..50 {
            let faults = plan(seed, true, true);
            assert!(
                Kind::ALL.iter().all(|kind| faults.iter().filter(|fault| fault.kind == *kind).count() == 1)
            );
            assert!(faults.iter().all(|fault| fault.fits()));
            assert_eq!(faults, plan(seed, true, true));
            assert!(plan(seed, false, true).iter().all(|fault| !fault.kind.is_inside()));
            assert!(plan(seed, true, false).iter().all(|fault| fault.kind != Kind::Cut));
        }
        assert_ne!(plan(1, true, true), plan(2, true, true));
    }
}
