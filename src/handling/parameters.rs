//! How often and with which chance orders are handled, and the draw that decides it.

use serde::{Deserialize, Serialize};

/// Chances are kept in millionths.
const WHOLE: u64 = 1_000_000;

/// Attempts after which an order counts as never handled: with a chance of a millionth, one order in
/// twenty thousand comes that far.
const ATTEMPTS: u32 = 10_000_000;

/// What decides when an order is handled.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Parameters {
    /// Seed of the draw.
    pub seed: u64,
    /// Shop time between two attempts, ms; at least 1.
    pub every_ms: i64,
    /// Chance of each attempt, in millionths.
    pub chance_ppm: u32,
}

impl Default for Parameters {
    fn default() -> Self {
        Self { seed: 0, every_ms: 10_000, chance_ppm: 250_000 }
    }
}

impl Parameters {
    /// Which attempt will succeed, from 1; `None` for an order that is never handled.
    pub fn attempt(&self, order_id: u64) -> Option<u32> {
        if self.chance_ppm == 0 {
            return None;
        }
        (1..=ATTEMPTS).find(|attempt| self.draw(order_id, *attempt) % WHOLE < u64::from(self.chance_ppm))
    }

    /// The time of the handling of an order sold at `created_ms`, both Unix ms of shop time: the sale plus
    /// a whole number of intervals.
    pub fn handled_ms(&self, order_id: u64, created_ms: i64) -> Option<i64> {
        let wait = self.every_ms.checked_mul(i64::from(self.attempt(order_id)?))?;
        created_ms.checked_add(wait)
    }

    /// A hash of seed, order and attempt: `SplitMix64` (Steele, Lea, Flood 2014) over the three in turn.
    fn draw(&self, order_id: u64, attempt: u32) -> u64 {
        mix(mix(mix(self.seed) ^ order_id) ^ u64::from(attempt))
    }
}

fn mix(value: u64) -> u64 {
    let mut z = value.wrapping_add(0x9E37_79B9_7F4A_7C15);
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn attempts_are_geometric() {
        let parameters = Parameters { seed: 7, ..Parameters::default() };
        let mut first = 0_u32;
        let mut sum = 0_u64;
        let orders = 40_000;
        for order in 1..=orders {
            let attempt = parameters.attempt(order).unwrap();
            first += u32::from(attempt == 1);
            sum += u64::from(attempt);
        }
        // Mean 1/p = 4 with a standard error of sqrt(12/40000) = 0.017; a quarter at the first attempt.
        let mean = sum as f64 / orders as f64;
        assert!((mean - 4.0).abs() < 0.09, "{mean}");
        assert!((f64::from(first) / orders as f64 - 0.25).abs() < 0.012, "{first}");
    }

    #[test]
    fn a_certain_chance_needs_one_attempt_and_none_never_succeeds() {
        let certain = Parameters { chance_ppm: 1_000_000, ..Parameters::default() };
        let never = Parameters { chance_ppm: 0, ..Parameters::default() };
        for order in 0..1000 {
            assert_eq!(certain.attempt(order), Some(1));
            assert_eq!(never.attempt(order), None);
        }
        assert_eq!(certain.handled_ms(3, 1_000), Some(11_000));
        assert_eq!(certain.handled_ms(3, i64::MAX), None);
    }
}
