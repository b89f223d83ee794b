//! The log, read once: orders and deliveries first, then handled orders and dead letters.

use std::collections::{BTreeMap, HashMap};

use chrono::NaiveDate;

use super::{
    claim::{Claim, Witness},
    dead_letters::{Letter, Letters},
    difference::Differences,
    duplicate_rule::Duplicates,
    expected_figures::Whole,
    folder_rows::{Coverage, Folder, FolderRows},
    handling_claim::Handling,
    order_set::OrderSet,
    record::Record,
    rows_by_day::digest,
    sales_sums::{Sums, fitting},
    tables,
};
use crate::{
    consumer::{Part, Rule},
    consumers::PartFigures,
    shop::{Customer, Delivery, Handled, Line, Order, Zone},
    views::Source,
};

/// A partition of the orders.
#[derive(Debug)]
struct Partition {
    duplicates: Duplicates,
    known: OrderSet,
    /// A digest of the goods of each order, by its index.
    goods: Vec<u32>,
    newest: Option<Order>,
    /// How far `handling` has come, where it says so.
    handling: Option<Handling>,
}

impl Partition {
    fn new(ids: Rule) -> Self {
        Self {
            duplicates: Duplicates::new(ids),
            known: OrderSet::default(),
            goods: Vec::new(),
            newest: None,
            handling: None,
        }
    }
}

/// Everything that follows from the log.
#[derive(Debug)]
pub struct Log {
    pub(super) zone: Zone,
    /// By which rule orders are duplicates.
    ids: Rule,
    witnesses: HashMap<Part, Vec<Witness>>,
    partitions: BTreeMap<i32, Partition>,
    /// How many partitions the handled orders have.
    handled_partitions: i32,
    pub(super) days: BTreeMap<NaiveDate, Sums>,
    pub(super) stock: Sums,
    folders: Vec<Folder>,
    journal: Coverage,
    mails: Coverage,
    letters: Letters,
    handled: u64,
    found: Differences,
}

impl Log {
    /// An empty log in which orders are duplicates by the rule `ids`, what the consumers claim to know of it, and where
    /// their files lie.
    pub fn new(
        zone: Zone,
        ids: Rule,
        handled_partitions: i32,
        claims: Vec<Claim>,
        folders: Vec<Folder>,
    ) -> Self {
        let mut log = Self {
            zone,
            ids,
            witnesses: HashMap::new(),
            partitions: BTreeMap::new(),
            handled_partitions: handled_partitions.max(1),
            days: BTreeMap::new(),
            stock: Sums::default(),
            folders,
            journal: Coverage::default(),
            mails: Coverage::default(),
            letters: Letters::default(),
            handled: 0,
            found: Differences::default(),
        };
        for claim in claims {
            log.hear(claim);
        }
        log
    }

    fn hear(&mut self, claim: Claim) {
        if let PartFigures::Handling(resume) = &claim.state.figures {
            let partition = self.partition(claim.part.partition);
            partition.handling = Some(Handling::new(&claim, resume));
        }
        let witnesses = self.witnesses.entry(claim.part).or_default();
        let left = witnesses.iter_mut().try_fold(claim, |claim, witness| witness.join(claim).ok_or(()));
        if let Ok(claim) = left {
            witnesses.push(Witness::new(claim, self.zone));
        }
    }

    fn partition(&mut self, number: i32) -> &mut Partition {
        let ids = self.ids;
        self.partitions.entry(number).or_insert_with(|| Partition::new(ids))
    }

    fn witnesses(&mut self, source: Source, partition: i32) -> impl Iterator<Item = &mut Witness> {
        self.witnesses.get_mut(&Part { source, partition }).into_iter().flatten()
    }

    /// The next record of a partition of the orders.
    pub fn order(&mut self, record: &Record<'_>) {
        let Record { partition: number, offset, .. } = *record;
        let decoded = Order::decode(record.payload);
        let partition = self.partition(number);
        let Ok(order) = decoded else {
            let is_read = partition.handling.as_ref().is_some_and(|handling| offset < handling.next);
            if is_read {
                self.letters.expect(record);
            }
            return self.witnesses(Source::Orders, number).for_each(|witness| witness.other(offset, false));
        };
        if partition.duplicates.has(&order, &partition.known) {
            return self.witnesses(Source::Orders, number).for_each(|witness| witness.other(offset, true));
        }
        let index = partition.known.len();
        let due = partition.handling.as_mut().is_some_and(|handling| handling.is_due(offset, index, &order));
        let created_ms = order.created_at.timestamp_millis();
        partition.known.push(order.order_id, fingerprint(created_ms, &order.customer, order.total_ore), due);
        partition.goods.push(goods(&order.lines));
        let date = self.zone.date(order.second());
        let part = Part { source: Source::Orders, partition: number };
        let mut here = 0;
        for folder in self.folders.iter_mut().filter(|folder| folder.has_journal(part, offset)) {
            here += 1;
            for row in tables::rows_of(&order) {
                folder.rows.journal.expect(date, order.order_id, &row);
            }
        }
        self.journal.count(here);
        self.days.entry(date).or_default().add(&order);
        self.stock.add(&order);
        self.witnesses(Source::Orders, number).for_each(|witness| witness.order(offset, &order, date));
        self.partition(number).newest = Some(order);
    }

    /// The next record of a partition of the deliveries.
    pub fn delivery(&mut self, record: &Record<'_>) {
        let delivery = Delivery::decode(record.payload).ok();
        if let Some(delivery) = &delivery {
            self.stock.deliver(delivery);
        }
        let offset = record.offset;
        self.witnesses(Source::Deliveries, record.partition)
            .for_each(|witness| witness.delivery(offset, delivery.as_ref()));
    }

    /// The next record of a partition of the handled orders; all orders must have been read.
    pub fn handled(&mut self, record: &Record<'_>) {
        let decoded = Handled::decode(record.payload);
        let offset = record.offset;
        self.witnesses(Source::Handled, record.partition)
            .for_each(|witness| witness.handled(offset, decoded.as_ref().ok()));
        let place = format!("handled/{}, offset {offset}", record.partition);
        let handled = match decoded {
            Ok(handled) => handled,
            Err(error) => return self.found.add("handled orders", place, "a handled order", error),
        };
        self.handled += 1;
        self.join(&place, record.partition, &handled);
        let date = self.zone.date(handled.second());
        let part = Part { source: Source::Handled, partition: record.partition };
        let mut here = 0;
        for folder in self.folders.iter_mut().filter(|folder| folder.has_mail(part, offset)) {
            here += 1;
            folder.rows.register.expect(date, handled.order_id, &tables::row_of(&handled));
            folder.rows.mails.expect_mail(date, &handled, self.zone);
        }
        self.mails.count(here);
    }

    /// Holds a handled order against its order.
    fn join(&mut self, place: &str, handled_partition: i32, handled: &Handled) {
        let id = handled.order_id;
        let place = || format!("{place}, order {id}");
        let modulus = self.handled_partitions;
        let created_ms = handled.created_at.timestamp_millis();
        let print = fingerprint(created_ms, &handled.customer, handled.total_ore);
        let there = self
            .partitions
            .iter()
            .filter(|(number, _)| number.rem_euclid(modulus) == handled_partition)
            .flat_map(|(number, partition)| {
                partition.known.find(id).map(move |index| (*number, partition, index))
            })
            // Of several valid orders with this id: preferably one with the same digest that is not handled yet.
            .min_by_key(|(_, Partition { known, .. }, index)| {
                (known.digest(*index) != Some(print), known.is_handled(*index))
            });
        let Some((number, _, index)) = there else {
            return self.found.add("handled orders", place(), "an order with this id", "none");
        };
        let Some(partition) = self.partitions.get_mut(&number) else { return };
        if partition.known.is_handled(index) {
            self.found.add("handled orders", place(), "handled once", "handled again");
        }
        partition.known.handle(index);
        if partition.known.digest(index) != Some(print) {
            let expected = "the time, customer and total of its order";
            self.found.add("handled orders", place(), expected, "something else");
        } else if !handled.lines.is_empty() && partition.goods.get(index) != Some(&goods(&handled.lines)) {
            self.found.add("handled orders", place(), "the goods of its order", "others");
        } else if let Some(parameters) =
            partition.handling.as_ref().and_then(|known| known.parameters_of(index))
        {
            let time = |ms: Option<i64>| ms.map_or("never".to_owned(), |ms| self.zone.stamp(ms).to_rfc3339());
            let expected = time(parameters.handled_ms(id, created_ms));
            let at = time(Some(handled.handled_at.timestamp_millis()));
            self.found.compare("handled orders", format!("{}, time of handling", place()), &expected, &at);
        } else if handled.handled_at <= handled.created_at {
            self.found.add("handled orders", place(), "a time after its sale", handled.handled_at);
        }
        let second = handled.second();
        self.witnesses(Source::Orders, number).for_each(|witness| witness.was_handled(index, second));
    }

    /// The next dead letter; all orders must have been read.
    pub fn dead_letter(&mut self, offset: i64, letter: &Letter<'_>) {
        let next = |partition| Some(self.partitions.get(&partition)?.handling.as_ref()?.next);
        self.letters.take(offset, letter, next, &mut self.found);
    }

    /// How many valid orders there are, each id once.
    pub fn orders(&self) -> u64 {
        self.stock.orders
    }

    /// Of the last order of each partition, the one that was sold last.
    pub(super) fn newest(&self) -> Option<&Order> {
        let last = self.partitions.values().filter_map(|partition| partition.newest.as_ref());
        last.max_by_key(|order| (order.created_at, order.order_id))
    }

    /// How many handled orders there are.
    pub fn handled_orders(&self) -> u64 {
        self.handled
    }

    /// Sales of all days, öre.
    pub fn sales_ore(&self) -> i64 {
        fitting(self.stock.sales_ore)
    }

    /// How many days have orders.
    pub fn day_count(&self) -> usize {
        self.days.len()
    }

    /// Pieces of all products delivered, opening stock included, and sold.
    pub fn delivered_and_sold(&self) -> (u64, u64) {
        let products = || self.stock.products.values();
        let pieces = |sum: i128| fitting(sum).unsigned_abs();
        (
            pieces(products().map(|product| product.delivered).sum()),
            pieces(products().map(|product| product.sold).sum()),
        )
    }

    /// Every view with lag behind its claimed position, and how much; views without any claim are left out.
    pub fn behind(&self) -> BTreeMap<&'static str, u64> {
        let mut views = BTreeMap::new();
        for witness in self.witnesses.values().flatten() {
            if let Some(claim) = witness.claim().filter(|claim| claim.by == super::STATE) {
                *views.entry(claim.view).or_default() += witness.behind;
            }
        }
        views
    }

    /// What the whole shop's figures should be, as the published states add up.
    pub(super) fn whole(&self, today: NaiveDate) -> Whole {
        let mut whole = Whole::default();
        for witness in self.witnesses.values().flatten() {
            if witness.claim().is_some_and(|claim| claim.by == super::STATE) {
                witness.add_to(&mut whole, today);
            }
        }
        whole
    }

    /// What is wrong within the log and with the claims; the rows and mails that the files should hold are left.
    pub fn finish(mut self) -> (Self, Differences) {
        let mut found = std::mem::take(&mut self.found);
        for (number, partition) in &self.partitions {
            for id in partition.known.overdue() {
                let until = partition.handling.as_ref().map_or(0, |handling| handling.sent_until);
                let until = self.zone.at(until).format("%Y-%m-%d %H:%M:%S");
                let what = format!("order {id} of orders/{number}");
                found.add("handled orders", what, format!("handled by {until}"), "not handled");
            }
        }
        std::mem::take(&mut self.letters).compare(&mut found);
        let mut witnesses: Vec<_> = self.witnesses.iter().collect();
        witnesses.sort_by_key(|(part, _)| **part);
        for witness in witnesses.into_iter().flat_map(|(_, witnesses)| witnesses) {
            witness.compare(self.ids, &mut found);
        }
        for (date, sums) in &self.days {
            let what = format!("sales of {date}, orders against their lines");
            found.compare("sums", what, &sums.lines_ore, &sums.sales_ore);
        }
        (self, found)
    }

    /// The rows and mails that each folder is to have.
    pub fn take_rows(&mut self) -> Vec<FolderRows> {
        std::mem::take(&mut self.folders).into_iter().map(|folder| folder.rows).collect()
    }

    /// Orders by how many folders have their rows, and handled orders by how many have their mails.
    pub fn coverage(&self) -> (Coverage, Coverage) {
        (self.journal, self.mails)
    }
}

/// What an order and its handled record have in common.
pub(super) fn fingerprint(created_ms: i64, customer: &Customer, total_ore: i64) -> u32 {
    let Customer { customer_id, name, email } = customer;
    let [name, email] = [name, email].map(|text| begin(text));
    let hash = digest(&[
        &created_ms.to_be_bytes(),
        &customer_id.to_be_bytes(),
        name.as_bytes(),
        email.as_bytes(),
        &total_ore.to_be_bytes(),
    ]);
    short(hash)
}

/// The same of the goods.
fn goods(lines: &[Line]) -> u32 {
    let numbers: Vec<[[u8; 8]; 3]> = lines
        .iter()
        .map(|line| {
            [line.product_id.to_be_bytes(), line.quantity.to_be_bytes(), line.unit_price_ore.to_be_bytes()]
        })
        .collect();
    let numbers = numbers.iter().flatten().map(|number| &number[..]);
    let names = lines.iter().map(|line| line.name.as_bytes());
    short(digest(&numbers.chain(names).collect::<Vec<_>>()))
}

/// One altered record in four billion has the digest of its order.
fn short(hash: u64) -> u32 {
    u32::try_from(hash >> 32).unwrap_or_default()
}

/// The part of a name or an address that a handled record always has: one that fits into no record is cut.
fn begin(text: &str) -> &str {
    const KEPT: usize = 10_000;
    text.char_indices()
        .nth(KEPT)
        .filter(|_| text.len() > KEPT)
        .map_or(text, |(end, _)| text.get(..end).unwrap_or(text))
}
