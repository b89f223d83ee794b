//! Order handling: not a view, since its state is committed in the transactions that it produces.

use super::{Contribution, Recount};
pub use crate::handling::Resume as Figures;
use crate::views::{Source, figures_merger::Summary};

/// The consumer that handles orders.
#[derive(Debug)]
pub struct Handling;

impl Handling {
    /// Its name, also that of its group.
    pub const NAME: &'static str = "handling";
    /// The logs it reads.
    pub const SOURCES: &'static [Source] = &[Source::Orders];
    /// Whether its figures change without new records.
    pub const HAS_WINDOWS: bool = false;
}

impl Contribution for Figures {
    fn add_to(&self, shop: &mut Summary) {
        let (part, figures) = (&self.figures, &mut shop.figures);
        let pending = part.accepted.saturating_sub(part.handled);
        figures.produced = figures.produced.saturating_add(part.accepted);
        figures.pending = figures.pending.saturating_add(pending);
        figures.duplicates = figures.duplicates.saturating_add(part.duplicates);
        figures.dead_letters = figures.dead_letters.saturating_add(part.dead_letters);
    }

    fn recount(&self) -> Recount<'_> {
        Recount::Handling(self)
    }
}
