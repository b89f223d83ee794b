//! The pages of the dashboard, in the order of their number keys.

/// The number of panels of the overview.
pub const PANELS: usize = 6;

/// One page.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Page {
    /// Every figure of the shop.
    #[default]
    Overview,
    /// Today's sales: over the day, by product and category, beside earlier days.
    Sales,
    /// Every product: balance, pace, days until sold out, pending deliveries.
    Stock,
    /// The order feed, and one order followed from sale to mail.
    Orders,
    /// Handled orders: windows, intervals, waiting times.
    Handling,
    /// The daily reports in full.
    Reports,
    /// Brokers, topics, consumer groups with rate and lag over time.
    Kafka,
    /// The program's log.
    Log,
    /// Faults to inject on demand, and the live audit.
    Faults,
}

impl Page {
    /// All pages.
    pub const ALL: [Self; 9] = [
        Self::Overview,
        Self::Sales,
        Self::Stock,
        Self::Orders,
        Self::Handling,
        Self::Reports,
        Self::Kafka,
        Self::Log,
        Self::Faults,
    ];

    /// Its index in [`Page::ALL`]; its number key is one more.
    pub fn index(self) -> usize {
        self as usize
    }

    /// The page so many after this one; the first follows the last.
    #[must_use]
    pub fn turned(self, pages: usize) -> Self {
        Self::ALL.get((self.index() + pages) % Self::ALL.len()).copied().unwrap_or(self)
    }

    /// Whether its list can be filtered.
    pub fn has_filter(self) -> bool {
        matches!(self, Self::Stock | Self::Orders | Self::Log)
    }

    /// Whether it has a list with a selected line.
    pub fn has_list(self) -> bool {
        matches!(self, Self::Stock | Self::Orders | Self::Reports | Self::Kafka | Self::Log | Self::Faults)
    }

    /// Whether it has charts with an adjustable span.
    pub fn has_span(self) -> bool {
        matches!(self, Self::Sales | Self::Handling | Self::Kafka)
    }
}
