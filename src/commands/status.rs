//! `status`: the dashboard's figures, once.

use std::{
    collections::BTreeMap,
    fs,
    io::{self, Write as _},
    path::Path,
    time::{Duration, Instant},
};

use chrono::Utc;
use serde::Serialize;
use serde_json::Value;

use super::{Failure, Setting, counted, exists, print};
use crate::{
    cli::StatusArgs,
    clock::Clock,
    dashboard::webpage::{self, Day},
    messages::{Lang, Sentence},
    read_model::ReadModel,
    runtime::{
        kafka::{Kafka, Want},
        services::Services,
        snapshots::shelves,
    },
    shop::{
        Zone,
        number_format::{signed, thousands},
    },
    sinks::sanitize,
    stream::retry::FAILOVER,
    views::shop_figures::{Audit, ShopFigures},
};

/// Time for the figures of a selling shop to agree.
const MOMENT: Duration = Duration::from_secs(3);
/// Time to learn which consumers run: silent ones must be waited for.
const LISTENING: Duration = Duration::from_secs(6);
/// Time between two checks.
const LOOK: Duration = Duration::from_millis(50);
/// Running consumers publish each second: after this silence, wall ms, figures will not change.
const SILENT_MS: i64 = 2_000;

/// Prints the figures; changes nothing.
pub(super) async fn run(setting: Setting, args: &StatusArgs) -> Result<(), Failure> {
    let kafka = Kafka::open(&setting.common, &setting.out_dir, Want::Data).await?;
    let printed = show(&setting, &kafka, args).await;
    kafka.close().await;
    printed
}

async fn show(setting: &Setting, kafka: &Kafka, args: &StatusArgs) -> Result<(), Failure> {
    exists(&kafka.session, setting.zone).await?;
    let mut services = Services::open(kafka, setting.zone, Clock::default())?;
    let known = services.known(FAILOVER).await;
    let is_told = || {
        services
            .model
            .told_ms()
            .is_some_and(|told| Utc::now().timestamp_millis().saturating_sub(told) < SILENT_MS)
    };
    let unattended = unattended(&services.model).await;
    let figures = agreed(|| services.figures(&setting.catalog), is_told, MOMENT).await;
    let pulse = services.clock.pulse();
    services.close().await;
    if !known {
        return Err(kafka.session.halted("the shop's state could not be read in time".to_owned()).into());
    }
    let trouble =
        unattended.split_first().map(|(view, others)| Sentence::NobodyRuns { view, others: others.len() });
    if let Some(trouble) = &trouble {
        // If stderr is closed, nobody reads it.
        let _ = writeln!(io::stderr(), "shop-sim: {}", beside(trouble, &figures, setting.zone));
    }
    if let Some(path) = &args.html {
        let shelf = shelves(&setting.catalog, pulse.as_ref());
        let lost_sales = pulse.map_or(0, |pulse| pulse.lost_sales);
        let trouble = trouble.as_ref();
        let day = Day { figures: &figures, zone: setting.zone, shelf: &shelf, lost_sales, trouble };
        return save(path, &webpage::render(day, args.lang));
    }
    print(&if args.json { json(&figures, setting.zone) } else { text(&figures, setting.zone) })
}

/// The consumers that do not run, once that is known.
async fn unattended(model: &ReadModel) -> Vec<&'static str> {
    let begun = Instant::now();
    loop {
        match model.unattended() {
            Some(views) => return views,
            None if begun.elapsed() >= LISTENING => return Vec::new(),
            None => tokio::time::sleep(LOOK).await,
        }
    }
}

/// What is said beside figures that nobody keeps: `nobody runs sales and 7 more consumers: start …; lag 226 records`.
fn beside(trouble: &Sentence, figures: &ShopFigures, zone: Zone) -> String {
    let mut text = trouble.to_string().trim_end_matches('.').to_owned();
    if let Some(first) = text.get_mut(..1) {
        first.make_ascii_lowercase();
    }
    let lag = Some(Audit::of(figures).behind).filter(|lag| *lag > 0);
    let lag = lag.map(|lag| format!("; lag {}", counted(lag, "record")));
    let told =
        figures.told_until.map(|told| zone.at(told).format("; the windows are as of %H:%M:%S").to_string());
    text.extend(lag.into_iter().chain(told));
    text
}

/// Waits for figures that agree: each consumer publishes its own, and while orders come, one is ahead of another. After
/// `patience`, or if no consumer publishes, returns them as they are.
async fn agreed(
    look: impl Fn() -> ShopFigures,
    is_told: impl Fn() -> bool,
    patience: Duration,
) -> ShopFigures {
    let begun = Instant::now();
    loop {
        let figures = look();
        if Audit::of(&figures).adds_up() || !is_told() || begun.elapsed() >= patience {
            return figures;
        }
        tokio::time::sleep(LOOK).await;
    }
}

/// Writes a temporary file first, so that a browser never sees a partial page.
fn save(path: &Path, page: &str) -> Result<(), Failure> {
    let aside = path.with_extension("html.new");
    let written = fs::write(&aside, page).and_then(|()| fs::rename(&aside, path));
    written.map_err(|error| {
        Failure::Other(format!(
            "the web page could not be written to {} ({error}): give a file in a folder that can be written",
            path.display()
        ))
    })?;
    print(&format!("The day is in {}: open it in a browser.", path.display()))
}

#[derive(Serialize)]
struct Status<'a> {
    shop_time: String,
    orders_since_midnight: u64,
    sales_today_ore: i64,
    sales_last_hour_ore: i64,
    stock: Vec<Stock<'a>>,
    handled: Handled,
    pending: u64,
    mails: u64,
    duplicates: u64,
    dead_letters: u64,
    lag: &'a BTreeMap<String, u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    windows_told_until: Option<String>,
    #[serde(flatten)]
    others: &'a BTreeMap<&'static str, Value>,
}

#[derive(Serialize)]
struct Stock<'a> {
    product_id: u64,
    name: &'a str,
    balance: i64,
}

#[derive(Serialize)]
struct Handled {
    total: u64,
    last_5_min: u64,
    last_30_min: u64,
    last_1_h: u64,
    last_2_h: u64,
    mean_per_5_min_last_2_h: f64,
}

/// The figures as one line of JSON.
pub(super) fn json(figures: &ShopFigures, zone: Zone) -> String {
    let handled = &figures.handled;
    let time = |second| zone.rfc3339(second);
    let status = Status {
        shop_time: time(figures.shop_second),
        orders_since_midnight: figures.orders_today,
        sales_today_ore: figures.sales_today_ore,
        sales_last_hour_ore: figures.sales_last_hour_ore,
        stock: figures
            .stock
            .iter()
            .map(|line| Stock { product_id: line.product_id, name: &line.name, balance: line.balance() })
            .collect(),
        handled: Handled {
            total: handled.total,
            last_5_min: handled.last_5_min,
            last_30_min: handled.last_30_min,
            last_1_h: handled.last_1_h,
            last_2_h: handled.last_2_h,
            mean_per_5_min_last_2_h: (handled.mean_per_5_min() * 100.0).round() / 100.0,
        },
        pending: figures.pending,
        mails: figures.mails,
        duplicates: figures.duplicates,
        dead_letters: figures.dead_letters,
        lag: &figures.lag,
        windows_told_until: figures.told_until.map(time),
        others: &figures.others,
    };
    // Numbers and texts, which JSON can represent.
    sanitize::json(serde_json::to_string(&status).unwrap_or_default())
}

/// The figures for people.
pub(super) fn text(figures: &ShopFigures, zone: Zone) -> String {
    let handled = &figures.handled;
    let mut lines = vec![
        format!("Shop time                {}", zone.at(figures.shop_second).format("%Y-%m-%d %H:%M:%S %Z")),
        format!("Orders since midnight    {}", thousands(figures.orders_today)),
        format!("Sales today              {}", Lang::En.kronor(figures.sales_today_ore)),
        format!("Sales in the last hour   {}", Lang::En.kronor(figures.sales_last_hour_ore)),
        format!(
            "Handled                  {} in all; {} in 5 min, {} in 30 min, {} in 1 h, {} in 2 h; mean {} per 5 min",
            thousands(handled.total),
            thousands(handled.last_5_min),
            thousands(handled.last_30_min),
            thousands(handled.last_1_h),
            thousands(handled.last_2_h),
            Lang::En.decimal(handled.mean_per_5_min(), 2)
        ),
        format!("Waiting to be handled    {}", thousands(figures.pending)),
        format!("Mails                    {}", thousands(figures.mails)),
        format!(
            "Duplicates, dead letters {}, {}",
            thousands(figures.duplicates),
            thousands(figures.dead_letters)
        ),
    ];
    lines.extend(
        figures.others.iter().map(|(name, figures)| format!("{:<24} {}", label(name), list(figures))),
    );
    if let Some(told) = figures.told_until {
        lines.insert(
            1,
            format!(
                "Windows as of            {}: nobody has told the last hour's sales and the handled orders since; `shop-sim consume` does",
                zone.at(told).format("%Y-%m-%d %H:%M:%S %Z")
            ),
        );
    }
    let lag: Vec<String> =
        figures.lag.iter().map(|(view, lag)| format!("{view} {}", thousands(*lag))).collect();
    lines.push(format!("Lag                      {}", lag.join(", ")));
    lines.push("Stock".to_owned());
    for line in &figures.stock {
        let name = sanitize::shown(&line.name, 40);
        lines.push(format!("  {:>6}  {name:<40}  {:>10}", line.product_id, signed(line.balance())));
    }
    lines.join("\n")
}

/// `largest-order` as `Largest order`.
fn label(name: &str) -> String {
    let mut words = name.replace('-', " ");
    if let Some(first) = words.get_mut(..1) {
        first.make_ascii_uppercase();
    }
    words
}

/// Figures of any kind on one line: `order id 17, total ore 99 800`.
fn list(figures: &Value) -> String {
    match figures {
        Value::Object(fields) => {
            let field =
                |(name, value): (&String, &Value)| format!("{} {}", name.replace('_', " "), list(value));
            fields.iter().map(field).collect::<Vec<_>>().join(", ")
        }
        Value::Array(values) => values.iter().map(list).collect::<Vec<_>>().join(", "),
        Value::String(text) => sanitize::shown(text, 40).into_owned(),
        Value::Number(number) => match (number.as_u64(), number.as_i64()) {
            (Some(number), _) => thousands(number),
            (None, Some(number)) => signed(number),
            (None, None) => number.to_string(),
        },
        Value::Bool(_) | Value::Null => figures.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    /// The number of checks until figures agree that differ for so many.
    async fn looks(apart: u64, told: u64, patience: Duration) -> u64 {
        let looks = Cell::new(0);
        let look = || {
            looks.set(looks.get() + 1);
            let pending = u64::from(looks.get() > apart);
            ShopFigures { produced: 1, pending, ..ShopFigures::default() }
        };
        let figures = agreed(look, || looks.get() < told, patience).await;
        assert_eq!(figures.pending, u64::from(looks.get() > apart), "the last ones are shown");
        looks.get()
    }

    #[tokio::test]
    async fn figures_that_are_apart_are_looked_at_again_while_somebody_tells_others() {
        let long = Duration::from_secs(60);
        assert_eq!(looks(0, 9, long).await, 1, "what agrees is shown at once");
        assert_eq!(looks(2, 9, long).await, 3);
        assert_eq!(looks(5, 3, long).await, 3, "nobody tells anything any more");
        assert!(looks(u64::MAX, u64::MAX, LOOK).await <= 2, "not for ever");
    }

    #[test]
    fn figures_that_no_line_is_of_are_shown_under_the_name_of_their_consumer() {
        let mut figures = ShopFigures::default();
        let largest = serde_json::json!({ "order_id": 17, "total_ore": 99_800, "name": "a\u{1b}[1mb", "of": [-1, 2.5] });
        figures.others.insert("largest-order", largest);
        let shown = text(&figures, Zone::default());
        let line = shown.lines().find(|line| line.starts_with("Largest order ")).unwrap();
        assert_eq!(
            line,
            "Largest order            name a [1mb, of −1, 2.5, order id 17, total ore 99\u{a0}800"
        );
        assert!(json(&figures, Zone::default()).contains(r#","largest-order":{"#));
    }
}
