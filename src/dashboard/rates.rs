//! The rates of the `+` and `-` keys: 1, 2, 5, 10, 20, 50, …

/// The lowest and highest orders a second that the keys reach.
pub const RATES: std::ops::RangeInclusive<f64> = 0.1..=100_000.0;

/// The next higher rate.
pub(super) fn step_up(rate: f64) -> f64 {
    steps().find(|step| *step > rate * 1.001).unwrap_or(rate)
}

/// The next lower rate.
pub(super) fn step_down(rate: f64) -> f64 {
    steps().take_while(|step| *step < rate * 0.999).last().unwrap_or(rate)
}

fn steps() -> impl Iterator<Item = f64> {
    // Tenths, so that every step is the `f64` nearest to its decimal value.
    (0..7_u32)
        .flat_map(|power| [1_u32, 2, 5].map(|digit| f64::from(digit * 10_u32.pow(power)) / 10.0))
        .filter(|rate| RATES.contains(rate))
}
