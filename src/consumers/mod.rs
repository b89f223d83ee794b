//! The consumers: a module each, and the table of them that all else is generated from.
//!
//! The module of a view has its name, its sources, its figures and their merging, and its output files. A new view is
//! such a module and a line in the table: it can then be listed, named and started, its figures are published, merged
//! and shown by `status`, and its checkpoints are audited.

use clap::ValueEnum;
use serde::{Deserialize, Serialize};

use crate::{
    consumer::Output,
    messages::Lang,
    shop::{Catalog, Zone},
    views::{
        Source, View,
        figures_merger::Summary,
        shop_figures::{LatestOrder, ShopFigures},
    },
};

/// A view with its output files.
pub trait Consumer: View<Figures: Contribution + Into<PartFigures>> {
    /// Its files; [`NoOutput`](crate::consumer::output::NoOutput) if it has none.
    type Files: Output<Self> + 'static;

    /// Its files as they are in the beginning.
    fn files(setting: &FileSetting<'_>) -> Self::Files;
}

/// What the content of files depends on besides the log.
#[derive(Debug, Clone, Copy)]
pub struct FileSetting<'a> {
    /// Time zone of days and times.
    pub zone: Zone,
    /// Names of products that no order has named yet, categories, reorder points.
    pub catalog: &'a Catalog,
    /// Language of mails and reports.
    pub lang: Lang,
}

/// A consumer's figures of one partition: its part of the shop's figures.
pub trait Contribution {
    /// Adds it to the contributions of the other partitions; the order does not matter. Figures without a field in the
    /// dashboard go to [`Summary::other`].
    fn add_to(&self, shop: &mut Summary);

    /// Its orders for the feed, newest first.
    fn latest(&self) -> &[LatestOrder] {
        &[]
    }

    /// What the audit recounts, to compare with this.
    fn recount(&self) -> Recount<'_>;
}

/// What the audit has a recount for.
#[derive(Debug, Clone, Copy)]
pub enum Recount<'a> {
    /// Orders by day.
    OrdersToday(&'a orders_today::Figures),
    /// Sales by day, and of the last hour.
    Sales(&'a sales::Figures),
    /// Today's totals.
    DailyReport(&'a daily_report::Figures),
    /// Deliveries and sales.
    Stock(&'a stock::Figures),
    /// Handled orders.
    Handling(&'a handling::Figures),
    /// Mails.
    Mail(&'a mail::Figures),
    /// Handled orders by window.
    HandledWindows(&'a handled_windows::Figures),
    /// Only files: the newest orders are a feed, not a figure.
    Journal,
    /// Nothing: the audit reports that.
    None,
}

/// An operation that is generic over consumers.
pub trait Visitor {
    /// Its result.
    type Done;

    /// Runs it for a view.
    fn view<V: Consumer>(self) -> Self::Done;

    /// Runs it for the consumer that is not a view.
    fn handling(self) -> Self::Done;
}

macro_rules! consumers {
    ($($kind:ident $module:ident::$consumer:ident,)+) => {
        $(
            pub mod $module;
            pub use $module::$consumer;
        )+

        /// A consumer's name.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
        #[expect(missing_docs, reason = "the names say it")]
        pub enum Name {
            $($consumer,)+
        }

        impl Name {
            /// All consumers.
            pub const ALL: [Self; COUNT] = [$(Self::$consumer),+];

            /// Its name, also that of its group.
            pub fn name(self) -> &'static str {
                match self {
                    $(Self::$consumer => $consumer::NAME,)+
                }
            }

            /// The logs it reads.
            pub fn sources(self) -> &'static [Source] {
                match self {
                    $(Self::$consumer => $consumer::SOURCES,)+
                }
            }

            /// Whether its figures change without new records.
            pub fn has_windows(self) -> bool {
                match self {
                    $(Self::$consumer => $consumer::HAS_WINDOWS,)+
                }
            }

            /// Dispatches a visitor.
            pub fn visit<D>(self, visitor: impl Visitor<Done = D>) -> D {
                match self {
                    $(Self::$consumer => visit!($kind $consumer visitor),)+
                }
            }
        }

        const COUNT: usize = [$(Name::$consumer),+].len();

        /// The names of all consumers, as in their groups.
        pub const NAMES: [&str; COUNT] = [$($consumer::NAME),+];

        $(
            // Its serde tag and command-line value equal its name.
            const _: () = assert!(is_kebab_case($consumer::NAME, stringify!($consumer)));
        )+

        /// A consumer's figures of one partition at one second of shop time: published to `shop.state`, and merged into
        /// the shop's figures.
        #[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
        #[serde(rename_all = "kebab-case")]
        #[expect(missing_docs, reason = "the names say it")]
        pub enum PartFigures {
            $($consumer($module::Figures),)+
        }

        $(
            impl From<$module::Figures> for PartFigures {
                fn from(figures: $module::Figures) -> Self {
                    Self::$consumer(figures)
                }
            }
        )+

        impl Contribution for PartFigures {
            fn add_to(&self, shop: &mut Summary) {
                match self {
                    $(Self::$consumer(figures) => figures.add_to(shop),)+
                }
            }

            fn latest(&self) -> &[LatestOrder] {
                match self {
                    $(Self::$consumer(figures) => figures.latest(),)+
                }
            }

            fn recount(&self) -> Recount<'_> {
                match self {
                    $(Self::$consumer(figures) => figures.recount(),)+
                }
            }
        }
    };
}

macro_rules! visit {
    (view $consumer:ident $visitor:ident) => {
        $visitor.view::<$consumer>()
    };
    (handling $consumer:ident $visitor:ident) => {
        $visitor.handling()
    };
}

// In the order of the design, which is that of screens and lists.
consumers! {
    view orders_today::OrdersToday,
    view sales::Sales,
    view daily_report::DailyReport,
    view stock::Stock,
    handling handling::Handling,
    view mail::Mail,
    view handled_windows::HandledWindows,
    view journal::Journal,
}

impl Name {
    /// The consumer with this name.
    fn of(name: &str) -> Option<Self> {
        NAMES.iter().zip(Self::ALL).find(|(known, _)| **known == name).map(|(_, consumer)| consumer)
    }
}

/// Whether a consumer reads a log.
pub fn reads(name: &str, source: Source) -> bool {
    Name::of(name).is_some_and(|consumer| consumer.sources().contains(&source))
}

/// Whether a consumer's figures change without new records.
pub fn has_windows(name: &str) -> bool {
    Name::of(name).is_some_and(Name::has_windows)
}

/// Merges all consumers' figures of all partitions into those at shop second `now`. Lag and reports are not part of
/// them and stay empty.
pub fn summarize<'a>(parts: impl Iterator<Item = &'a PartFigures>, now: i64, zone: Zone) -> ShopFigures {
    let mut shop = Summary::new(now, zone);
    for part in parts {
        part.add_to(&mut shop);
    }
    shop.finish()
}

/// Whether `name` is the `identifier` in kebab case.
const fn is_kebab_case(name: &str, identifier: &str) -> bool {
    let (name, identifier) = (name.as_bytes(), identifier.as_bytes());
    let (mut at, mut next) = (0, 0);
    while next < identifier.len() {
        if next > 0 && identifier[next].is_ascii_uppercase() {
            if at >= name.len() || name[at] != b'-' {
                return false;
            }
            at += 1;
        }
        if at >= name.len() || name[at] != identifier[next].to_ascii_lowercase() {
            return false;
        }
        at += 1;
        next += 1;
    }
    at == name.len()
}

#[cfg(test)]
mod tests;
