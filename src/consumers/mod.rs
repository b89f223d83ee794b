//! The consumers: one file each, and the one table of them that everything else follows from.
//!
//! A view has its name, its sources, its figures with how they are merged, and its files in a file of its own here.
//! Another one takes such a file and a line in the table: then it is in the list of names and can be asked for, it is
//! started, its figures travel and are merged and shown by `status`, and its checkpoints are audited.

use clap::ValueEnum;
use serde::{Deserialize, Serialize};

use crate::{
    consumer::Output,
    shop::{Catalog, Zone},
    views::{
        Source, View,
        figures::{LatestOrder, ShopFigures},
        summary::Summary,
    },
};

/// A view with what it writes.
pub trait Consumer: View<Figures: Contribution + Into<PartFigures>> {
    /// Its files; [`NoOutput`](crate::consumer::output::NoOutput) where it has none.
    type Files: Output<Self> + 'static;

    /// Its files as they are in the beginning. Days are those of `zone`; products that no order has named yet are called
    /// as in `catalog`.
    fn files(zone: Zone, catalog: &Catalog) -> Self::Files;
}

/// What a consumer says of one partition: its part of the figures of the shop.
pub trait Contribution {
    /// Adds it to what was said of the other partitions. The sum is the same in whatever order they come. What the
    /// dashboard knows no field for goes to [`Summary::other`].
    fn add_to(&self, shop: &mut Summary);

    /// The orders that it has for the feed, newest first.
    fn latest(&self) -> &[LatestOrder] {
        &[]
    }

    /// What the audit counts anew, to hold it against this.
    fn recount(&self) -> Recount<'_>;
}

/// What the audit has a count of its own for.
#[derive(Debug, Clone, Copy)]
pub enum Recount<'a> {
    /// Orders by day.
    OrdersToday(&'a orders_today::Figures),
    /// Sales by day, and of the last hour.
    Sales(&'a sales::Figures),
    /// The day so far.
    DailyReport(&'a daily_report::Figures),
    /// Deliveries and sales.
    Stock(&'a stock::Figures),
    /// What was handled.
    Handling(&'a handling::Figures),
    /// Mails.
    Mail(&'a mail::Figures),
    /// Handled orders in their windows.
    HandledWindows(&'a handled_windows::Figures),
    /// Nothing but its files: the newest orders are a feed and no figure.
    Journal,
    /// Nothing: the audit says so.
    None,
}

/// Something to be done with a consumer, whichever it is.
pub trait Visitor {
    /// What it comes to.
    type Done;

    /// Does it with a view.
    fn view<V: Consumer>(self) -> Self::Done;

    /// Does it with the consumer that is no view.
    fn handling(self) -> Self::Done;
}

macro_rules! consumers {
    ($($kind:ident $module:ident::$consumer:ident,)+) => {
        $(
            pub mod $module;
            pub use $module::$consumer;
        )+

        /// A consumer by name.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
        #[expect(missing_docs, reason = "the names say it")]
        pub enum Name {
            $($consumer,)+
        }

        impl Name {
            /// All consumers.
            pub const ALL: [Self; COUNT] = [$(Self::$consumer),+];

            /// The logs it reads.
            pub fn sources(self) -> &'static [Source] {
                match self {
                    $(Self::$consumer => $consumer::SOURCES,)+
                }
            }

            /// Whether its figures change while nothing happens.
            pub fn has_windows(self) -> bool {
                match self {
                    $(Self::$consumer => $consumer::HAS_WINDOWS,)+
                }
            }

            /// Shows it to a visitor.
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
            // The tag of its figures, and what is typed.
            const _: () = assert!(is_kebab_case($consumer::NAME, stringify!($consumer)));
        )+

        /// What a consumer says of one partition at one second of shop time: what goes to `shop.state` and what the
        /// figures of the shop are merged from.
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

/// Whether a consumer's figures change while nothing happens.
pub fn has_windows(name: &str) -> bool {
    Name::of(name).is_some_and(Name::has_windows)
}

/// Merges what all consumers say of all partitions into the figures at shop second `now`. Lag and reports are not known
/// to them and stay empty.
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
