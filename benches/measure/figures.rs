//! Figures with their spread, and the table they are shown in.

use std::fs;

/// Minimum, median and maximum of several measurements.
pub(crate) struct Spread {
    pub(crate) least: f64,
    pub(crate) median: f64,
    pub(crate) most: f64,
}

impl Spread {
    pub(crate) fn of(figures: &[f64]) -> Self {
        Self { least: quantile(figures, 0.0), median: quantile(figures, 0.5), most: quantile(figures, 1.0) }
    }

    pub(crate) fn show(&self) -> String {
        if self.least.total_cmp(&self.most).is_eq() {
            return short(self.median);
        }
        format!("{} / {} / {}", short(self.least), short(self.median), short(self.most))
    }
}

/// Rounded to the digits that are significant.
pub(crate) fn short(figure: f64) -> String {
    match figure.abs() {
        size if size >= 1000.0 => thousands(figure),
        size if size >= 10.0 => format!("{figure:.1}"),
        size if size >= 0.1 => format!("{figure:.2}"),
        _ => format!("{figure:.3}"),
    }
}

/// Prints a table as Markdown, ready for docs/benchmarks.md.
pub(crate) fn table(head: &[&str], rows: &[Vec<String>]) {
    println!("\n| {} |", head.join(" | "));
    println!("|{}", "---|".repeat(head.len()));
    for row in rows {
        println!("| {} |", row.join(" | "));
    }
}

/// The figure at a quantile (nearest rank).
pub(crate) fn quantile(figures: &[f64], share: f64) -> f64 {
    let mut sorted = figures.to_vec();
    sorted.sort_by(f64::total_cmp);
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a share of a length")]
    let rank = (share * sorted.len() as f64).ceil() as usize;
    sorted.get(rank.saturating_sub(1)).copied().unwrap_or(f64::NAN)
}

/// Whole, with commas.
#[allow(clippy::needless_pass_by_value, reason = "figures are copied")]
pub(crate) fn thousands(figure: impl ToString) -> String {
    let text = figure.to_string();
    let whole = text.split('.').next().unwrap_or_default();
    let mut out = String::new();
    for (at, digit) in whole.chars().enumerate() {
        if at > 0 && (whole.len() - at).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// The hardware and system.
pub(crate) fn machine() {
    let read = |path: &str| fs::read_to_string(path).unwrap_or_default();
    let cpu = read("/proc/cpuinfo");
    let model = cpu.lines().find_map(|line| line.strip_prefix("model name")).unwrap_or(": unknown");
    let cores = std::thread::available_parallelism().map_or(0, std::num::NonZero::get);
    let memory = read("/proc/meminfo");
    let memory = memory.lines().next().unwrap_or_default().replace("MemTotal:", "");
    println!("machine: {cores} cores,{}; memory {}", model.trim_start_matches(['\t', ':']), memory.trim());
    println!("load before: {}", read("/proc/loadavg").trim());
}
