//! What each consumer knows: pure values, kept per partition and merged for show.

pub mod day_totals;
pub mod figures;
