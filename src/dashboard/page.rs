//! The pages of the dashboard, in the order of their number keys.

/// How many panels the overview has.
pub const PANELS: usize = 6;

/// One page.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Page {
    /// Every figure of the shop.
    #[default]
    Overview,
    /// Today's sales: over the day, by product and category, beside earlier days.
    Sales,
    /// Every product: balance, pace, days until empty, deliveries on their way.
    Stock,
    /// The order feed, and one order followed from sale to mail.
    Orders,
    /// Handled orders: windows, intervals, waiting times.
    Handling,
    /// The daily reports, to read.
    Reports,
    /// Brokers, topics, consumer groups with rate and lag over time.
    Kafka,
    /// What the program writes into its log.
    Log,
}

impl Page {
    /// All pages.
    pub const ALL: [Self; 8] = [
        Self::Overview,
        Self::Sales,
        Self::Stock,
        Self::Orders,
        Self::Handling,
        Self::Reports,
        Self::Kafka,
        Self::Log,
    ];

    /// Its place in [`Page::ALL`]; its key is one more.
    pub fn index(self) -> usize {
        self as usize
    }

    /// The page so many behind this one, the first behind the last.
    #[must_use]
    pub fn turned(self, pages: usize) -> Self {
        Self::ALL.get((self.index() + pages) % Self::ALL.len()).copied().unwrap_or(self)
    }

    /// Whether its list can be filtered.
    pub fn has_filter(self) -> bool {
        matches!(self, Self::Stock | Self::Orders | Self::Log)
    }

    /// Whether it has a list in which a line is chosen.
    pub fn has_list(self) -> bool {
        matches!(self, Self::Stock | Self::Orders | Self::Reports | Self::Kafka | Self::Log)
    }

    /// Whether it has charts whose span can be chosen.
    pub fn has_span(self) -> bool {
        matches!(self, Self::Sales | Self::Handling | Self::Kafka)
    }
}
