//! A whole shop in memory: what its consumers make of a log, and what an audit says of it.

use compact_str::format_compact;
use std::collections::{BTreeMap, HashMap};

use chrono::NaiveDate;
use proptest::prelude::*;

use super::super::{claim::Claim, *};
use crate::{
    consumer::{
        DeadLetter, Decoded, Output, Part, Rule, Worker, order_ids::Index, output::NoOutput,
        position::Record as Read,
    },
    consumers::{
        DailyReport, HandledWindows, Journal, Mail, OrdersToday, PartFigures, Sales, Stock,
        daily_report::ReportFiles, journal::JournalFiles, mail::MailFiles, stock::StockFiles, summarize,
    },
    handling::{Ledger, Outgoing, Parameters, Resume},
    messages::Lang,
    read_model::PartState,
    shop::{Catalog, Customer, Delivery, Line, Order, Zone},
    sinks::faulty_memory_files::{Disk, MemoryFiles},
    store::MemoryStore,
    views::{
        Source, View,
        shop_figures::{ReportNote, ShopFigures},
    },
};

const PARTITIONS: i32 = 2;
/// Two minutes past a midnight: 2026-03-29 00:02 in Stockholm.
pub(super) const NOW: i64 = 1_774_738_920;
const TOPIC: &str = "shop.orders";

/// A record with all that is its own.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Stored {
    pub(super) partition: i32,
    pub(super) offset: i64,
    pub(super) key: Option<Vec<u8>>,
    pub(super) payload: Option<Vec<u8>>,
    pub(super) headers: Vec<(String, Vec<u8>)>,
}

/// Everything that an audit looks at.
#[derive(Debug, Clone)]
pub(super) struct Shop {
    pub(super) orders: Vec<Stored>,
    pub(super) deliveries: Vec<Stored>,
    pub(super) handled: Vec<Stored>,
    pub(super) letters: Vec<Stored>,
    pub(super) claims: Vec<Claim>,
    pub(super) figures: ShopFigures,
    pub(super) notes: Vec<ReportNote>,
    pub(super) files: BTreeMap<String, String>,
    /// By which rule orders are duplicates.
    pub(super) ids: Rule,
}

pub(super) fn zone() -> Zone {
    Zone::default()
}

/// The order with a number: sold some seconds before or after midnight, to one of some customers.
fn order(id: u64, at_ms: i64, pick: u64) -> Order {
    let line = |product_id: u64, quantity: i64| Line {
        product_id,
        name: format_compact!("Vara {product_id}\t{}", pick % 2),
        quantity,
        unit_price_ore: 4950,
    };
    let quantity = 1 + i64::try_from(pick % 3).unwrap();
    let mut lines = vec![line(1 + pick % 3, quantity)];
    if pick.is_multiple_of(2) {
        lines.push(line(4, 1));
    }
    let emails = ["åsa@exempel.se", "bo.ek+1@example.com", "From x", "inte en adress", "c@d.example.org"];
    let email = emails[usize::try_from(pick % 5).unwrap()].into();
    Order {
        order_id: id,
        created_at: zone().stamp(at_ms),
        customer: Customer { customer_id: pick, name: format_compact!("Åsa {pick}\r\nÖberg"), email },
        total_ore: lines.iter().filter_map(Line::total_ore).sum(),
        lines,
    }
}

/// Some orders around midnight, with duplicates and garbage between them.
pub(super) fn any_orders() -> impl Strategy<Value = Vec<Stored>> {
    let one = (0..PARTITIONS, -7_000_000..119_000_i64, any::<u64>(), 0..12_u8);
    prop::collection::vec(one, 4..40).prop_map(|picks| {
        let mut next = [0_i64; 2];
        let mut stored = Vec::new();
        for ((partition, at_ms, pick, kind), id) in picks.into_iter().zip(1..) {
            let pick = pick % 1000;
            // Some on the days that others are compared with.
            let days_ago = [0, 0, 0, 0, 0, 1, 7].get(usize::from(kind)).copied().unwrap_or(0);
            let at_ms =
                NOW * 1000 - 120_000 + at_ms.clamp(-3_600_000, 0) + at_ms.max(0) - days_ago * 86_400_000;
            let payload = match kind {
                0 => None,
                1 => Some(format!("no order {pick}").into_bytes()),
                // An id that may have come before, here or in the other partition, or comes later.
                2 => Some(serde_json::to_vec(&order(pick % 50, at_ms, pick)).unwrap()),
                3 => Some(serde_json::to_vec(&order(id / 2, at_ms, pick)).unwrap()),
                4 if pick % 4 == 0 => Some(serde_json::to_vec(&order(u64::MAX, at_ms, pick)).unwrap()),
                _ => Some(serde_json::to_vec(&order(id, at_ms, pick)).unwrap()),
            };
            let offset = &mut next[usize::try_from(partition).unwrap()];
            let key = (pick % 4 > 0).then(|| id.to_string().into_bytes());
            stored.push(Stored { partition, offset: *offset, key, payload, headers: Vec::new() });
            *offset += 1;
        }
        // One that is surely handled, so that there is something of everything to spoil.
        let payload = Some(serde_json::to_vec(&order(1_000, NOW * 1000 - 120_500, 6)).unwrap());
        let key = Some(b"1000".to_vec());
        stored.push(Stored { partition: 0, offset: next[0], key, payload, headers: Vec::new() });
        let payload = Some(b"surely none".to_vec());
        stored.push(Stored { partition: 1, offset: next[1], key: None, payload, headers: Vec::new() });
        stored
    })
}

fn deliveries() -> Vec<Stored> {
    (1..=4_u64)
        .map(|id| {
            let delivery =
                Delivery { delivery_id: id, at: zone().stamp(NOW * 1000), product_id: id, quantity: 500 };
            let payload = Some(serde_json::to_vec(&delivery).unwrap());
            let offset = i64::try_from(id).unwrap() - 1;
            Stored { partition: 0, offset, key: None, payload, headers: Vec::new() }
        })
        .collect()
}

fn read(source: Source, stored: &Stored) -> Read<'_> {
    Read {
        part: Part { source, partition: stored.partition },
        offset: stored.offset,
        timestamp: 0,
        key: stored.key.as_deref(),
        payload: stored.payload.as_deref(),
    }
}

fn state(part: Part, position: crate::consumer::Position, figures: PartFigures) -> PartState {
    PartState {
        partition: part.partition,
        shop_second: NOW,
        wall_ms: 0,
        who: "here".to_owned(),
        position,
        end_seen: 0,
        figures,
        reports: Vec::new(),
    }
}

impl Shop {
    /// The program's own consumers work off the log.
    pub(super) fn worked_off(orders: Vec<Stored>, ids: Rule) -> Self {
        let mut shop = Self {
            orders,
            deliveries: deliveries(),
            handled: Vec::new(),
            letters: Vec::new(),
            claims: Vec::new(),
            figures: ShopFigures::default(),
            notes: Vec::new(),
            files: BTreeMap::new(),
            ids,
        };
        let disk = Disk::default();
        shop.handle();
        shop.view::<OrdersToday, _>(NoOutput, &disk);
        shop.view::<Sales, _>(NoOutput, &disk);
        let catalog = Catalog::builtin();
        let lang = if shop.orders.len().is_multiple_of(2) { Lang::En } else { Lang::Sv };
        shop.notes = shop.view::<DailyReport, _>(ReportFiles::new(&catalog, lang), &disk);
        shop.view::<Stock, _>(StockFiles::new(zone(), &catalog), &disk);
        shop.view::<Mail, _>(MailFiles::new(zone(), lang), &disk);
        shop.view::<HandledWindows, _>(NoOutput, &disk);
        shop.view::<Journal, _>(JournalFiles::new(zone()), &disk);
        shop.figures = summarize(shop.claims.iter().map(|claim| &claim.state.figures), NOW, zone());
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        shop.files = disk.all().into_iter().map(|(path, bytes)| (path, text(bytes))).collect();
        shop
    }

    /// The records of a log with their partitions, decoded and judged.
    fn judged(&self, source: Source) -> std::vec::IntoIter<(i32, Decoded)> {
        let mut indexes = [(); 2].map(|()| Index::new(self.ids, None));
        let records = match source {
            Source::Orders => &self.orders,
            Source::Deliveries => &self.deliveries,
            Source::Handled => &self.handled,
        };
        let judge = |stored: &Stored| {
            let mut record = [read(source, stored).decode()];
            let index = &mut indexes[usize::try_from(stored.partition).unwrap()];
            assert!(index.judge(stored.offset, stored.offset + 1, &mut record).unwrap());
            let [record] = record;
            (stored.partition, record)
        };
        records.iter().map(judge).collect::<Vec<_>>().into_iter()
    }

    fn handle(&mut self) {
        let mut next = [0_i64; 2];
        for partition in 0..PARTITIONS {
            let parameters = Parameters { seed: 3, every_ms: 10_000, chance_ppm: 400_000 };
            let position = crate::consumer::Position { ids: self.ids, ..Default::default() };
            let mut ledger = Ledger::new(zone(), position, Resume::default(), parameters);
            for record in
                self.judged(Source::Orders).filter(|(of, _)| *of == partition).map(|(_, record)| record)
            {
                ledger.take(&record);
            }
            for outgoing in ledger.settle(Some(NOW), usize::MAX) {
                match outgoing {
                    Outgoing::Handled { order_id, value } => {
                        let offset = &mut next[usize::try_from(partition).unwrap()];
                        let key = Some(order_id.to_string().into_bytes());
                        let (offset, payload) = (std::mem::replace(offset, *offset + 1), Some(value));
                        self.handled.push(Stored { partition, offset, key, payload, headers: Vec::new() });
                    }
                    Outgoing::DeadLetter { offset, letter } => {
                        let DeadLetter { key, value, error } = *letter;
                        let headers = [
                            ("error", error.to_string()),
                            ("topic", TOPIC.to_owned()),
                            ("partition", partition.to_string()),
                            ("offset", offset.to_string()),
                        ];
                        let headers = headers.map(|(name, text)| (name.to_owned(), text.into_bytes())).into();
                        let offset = i64::try_from(self.letters.len()).unwrap();
                        self.letters.push(Stored { partition: 0, offset, key, payload: value, headers });
                    }
                }
            }
            let part = Part { source: Source::Orders, partition };
            let figures = PartFigures::Handling(ledger.resume().clone());
            let state = state(part, ledger.position(), figures);
            self.claims.push(Claim { by: STATE, view: "handling", part, state });
        }
    }

    fn view<V: View<Figures: Into<PartFigures>>, O: Output<V>>(
        &mut self,
        output: O,
        disk: &Disk,
    ) -> Vec<ReportNote> {
        let files = MemoryFiles::new(disk);
        let (mut worker, _) = Worker::<V, _>::open(zone(), output, MemoryStore::default(), files).unwrap();
        let parts = |partitions: i32| {
            V::SOURCES.iter().flat_map(move |source| {
                (0..partitions).map(move |partition| Part { source: *source, partition })
            })
        };
        worker.set_ids(self.ids);
        for part in parts(PARTITIONS) {
            worker.assign(part).unwrap();
        }
        worker.set_ends(parts(PARTITIONS).map(|part| (part, 1)));
        for source in V::SOURCES {
            for (partition, record) in self.judged(*source) {
                worker.take(Part { source: *source, partition }, &record);
            }
        }
        worker.close_before(zone().date(NOW));
        worker.checkpoint(Some(NOW)).unwrap();
        worker.checkpoint(Some(NOW)).unwrap();
        let said = worker.figures(NOW).into_iter().map(|(part, position, figures)| Claim {
            by: STATE,
            view: V::NAME,
            part,
            state: state(part, position, figures.into()),
        });
        self.claims.extend(said);
        worker.reports()
    }

    /// What the audit beside a running shop says.
    pub(super) fn check(&self) -> live::Check {
        let mut live = Live::new(zone(), self.ids, PARTITIONS);
        let mut due = HashMap::new();
        for (source, log) in [
            (Source::Orders, &self.orders),
            (Source::Deliveries, &self.deliveries),
            (Source::Handled, &self.handled),
        ] {
            for stored in log {
                let (key, payload) = (stored.key.as_deref(), stored.payload.as_deref());
                let Stored { partition, offset, .. } = *stored;
                assert!(live.take(source, &Record { partition, offset, key, payload }));
                due.insert(Part { source, partition }, offset + 1);
            }
        }
        live.check(&self.claims, &self.figures, &due)
    }

    pub(super) fn audit(&self) -> Differences {
        let mut log = Log::new(zone(), self.ids, PARTITIONS, self.claims.clone(), vec![Folder::default()]);
        let each = |stored: &Stored, then: &mut dyn FnMut(&Record<'_>)| {
            let (key, payload) = (stored.key.as_deref(), stored.payload.as_deref());
            then(&Record { partition: stored.partition, offset: stored.offset, key, payload });
        };
        self.orders.iter().for_each(|stored| each(stored, &mut |record| log.order(record)));
        self.deliveries.iter().for_each(|stored| each(stored, &mut |record| log.delivery(record)));
        self.handled.iter().for_each(|stored| each(stored, &mut |record| log.handled(record)));
        for stored in &self.letters {
            let headers: Vec<(&str, &[u8])> =
                stored.headers.iter().map(|(name, text)| (name.as_str(), text.as_slice())).collect();
            let (key, payload) = (stored.key.as_deref(), stored.payload.as_deref());
            log.dead_letter(stored.offset, &Letter { key, payload, headers: &headers, orders: TOPIC });
        }
        let (mut log, mut found) = log.finish();
        let FolderRows { journal, register, mails } = log.take_rows().remove(0);
        let [mut journal_files, mut register_files, mut mail_files] = [(); 3].map(|()| Rows::default());
        let mut reports = Reports::default();
        for (path, text) in &self.files {
            let (folder, name) = path.split_once('/').unwrap_or(("", path));
            let (stem, kind) = name.split_once('.').unwrap();
            let file = text.as_bytes();
            match (folder, stem.parse::<NaiveDate>(), kind) {
                ("orders", Ok(date), _) => journal_files.read_table(Table::Orders, date, file).unwrap(),
                ("handled", Ok(date), _) => register_files.read_table(Table::Handled, date, file).unwrap(),
                ("mail", Ok(date), _) => mail_files.read_mbox(date, file).unwrap(),
                ("reports", Ok(date), "txt") => drop(reports.texts.insert(date, text.clone())),
                ("reports", Ok(date), "json") => drop(reports.jsons.insert(date, text.clone())),
                _ => assert!(["orders/last.txt", "stock.txt"].contains(&path.as_str()), "{path}"),
            }
        }
        let path = |folder: &'static str| move |date| format!("{folder}/{date}");
        journal.compare(journal_files, ("tables", "row"), path("orders"), &mut found);
        register.compare(register_files, ("tables", "row"), path("handled"), &mut found);
        mails.compare(mail_files, ("mails", "mail"), path("mail"), &mut found);
        let file = |path: &str| self.files.get(path).map(String::as_str);
        log.compare_last(file("orders/last.txt"), &mut found);
        log.compare_stock(file("stock.txt"), &mut found);
        let today = zone().date(NOW);
        log.compare_reports(&reports, &self.notes, today, today, &mut found);
        log.compare_status(&self.figures, zone(), &mut found);
        log.compare_sums(&self.figures, &mut found);
        found
    }
}
