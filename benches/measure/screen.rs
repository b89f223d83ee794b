//! The cost of the whole program with its screen: broker, simulator, eight consumers and dashboard.

use std::{
    thread,
    time::{Duration, Instant},
};

use crate::{
    cluster::Cluster,
    figures::{self, Spread},
    tui::Tui,
};

/// A figure with its name and unit, and what was measured.
type Row = (String, &'static str, Vec<f64>);

/// How long is watched.
pub(crate) struct Plan {
    /// A warm-up: a new process looks up twice as often.
    pub(crate) warm: Duration,
    pub(crate) stretch: Duration,
    pub(crate) stretches: usize,
    /// Repetitions for the time to the first picture, and for key presses.
    pub(crate) tries: usize,
}

/// Processor share, wake-ups and memory over stretches of wall time.
fn cost(cluster: &Cluster, plan: &Plan, what: &str, arguments: &[&str]) -> [Row; 3] {
    let tui = Tui::start(cluster, arguments);
    tui.see("produced", tui.begun);
    thread::sleep(plan.warm);
    let (mut shares, mut wakes, mut memory) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..plan.stretches {
        let (used, waits, begun) = (tui.cpu_seconds(), tui.waits(), Instant::now());
        thread::sleep(plan.stretch);
        let seconds = begun.elapsed().as_secs_f64();
        shares.push((tui.cpu_seconds() - used) / seconds * 100.0);
        wakes.push((tui.waits() - waits) / seconds);
        memory.push(tui.resident_mib());
    }
    [
        (format!("`tui` at {what}"), "% of a core", shares),
        (format!("… {what}"), "wake-ups a second", wakes),
        (format!("… {what}"), "MiB", memory),
    ]
}

/// From the start of the process to the first picture.
fn first_picture(cluster: &Cluster, plan: &Plan) -> Row {
    let first = |_| {
        let tui = Tui::start(cluster, &["--rate", "5"]);
        tui.see("Orders since midnight", tui.begun)
    };
    ("first picture".to_owned(), "ms", (0..plan.tries).map(first).collect())
}

/// From a key to its effect in a busy shop.
fn keys(cluster: &Cluster, plan: &Plan) -> Row {
    let busy = Tui::start(cluster, &["--rate", "10000"]);
    busy.see("produced", busy.begun);
    thread::sleep(plan.warm);
    let key = |turn: usize| {
        let (key, sign) =
            if turn.is_multiple_of(2) { ("3", "Reorder at") } else { ("1", "Orders since midnight") };
        thread::sleep(Duration::from_millis(173));
        busy.see(sign, busy.press(key))
    };
    ("a key's effect at 10,000 orders/s".to_owned(), "ms", (0..4 * plan.tries).map(key).collect())
}

pub(crate) fn measure(cluster: &Cluster, plan: &Plan) {
    println!(
        "\nThe whole program with its screen, on the {} broker: {} stretches of {} s after {} s",
        cluster.name(),
        plan.stretches,
        plan.stretch.as_secs(),
        plan.warm.as_secs()
    );
    let mut rows = vec![first_picture(cluster, plan), keys(cluster, plan)];
    // A minute is an hour in the shop: hours pass during the bench.
    let fast = ["--rate", "5", "--speed", "60", "--start", "2030-01-01 12:00"];
    rows.extend(cost(cluster, plan, "5 orders/s", &["--rate", "5"]));
    rows.extend(cost(cluster, plan, "1,000 orders/s", &["--rate", "1000"]));
    rows.extend(cost(cluster, plan, "5 orders/s and ×60", &fast));
    let row = |(what, unit, measured): &Row| {
        vec![what.clone(), (*unit).to_owned(), Spread::of(measured).show(), measured.len().to_string()]
    };
    let title = format!("{} broker", cluster.name());
    let head = [title.as_str(), "unit", "least / median / most", "times"];
    figures::table(&head, &rows.iter().map(row).collect::<Vec<_>>());
}
