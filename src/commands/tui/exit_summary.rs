//! The totals for the summary at the exit.

use std::{fs, path::Path};

use crate::{dashboard::lang::Tally, runtime::out_dir::OutDir, views::shop_figures::ShopFigures};

/// The folders with files for people.
const FOLDERS: [&str; 5] = ["reports", "mail", "orders", "handled", "pictures"];

/// The totals of the shop.
pub(super) fn tally(figures: &ShopFigures, files: u64) -> Tally {
    let closed = figures.reports.iter().filter(|report| report.date < figures.today);
    Tally {
        orders: figures.produced,
        sales_ore: closed.fold(figures.sales_today_ore, |sum, report| sum.saturating_add(report.sales_ore)),
        handled: figures.handled.total,
        mails: figures.mails,
        reports: figures.reports.len() as u64,
        files,
    }
}

/// Counts the files for people.
pub(super) fn files(out_dir: &OutDir) -> u64 {
    let within = |folder: &Path| fs::read_dir(folder).map_or(0, |files| files.flatten().count() as u64);
    let in_folders: u64 = FOLDERS.iter().map(|folder| within(&out_dir.path().join(folder))).sum();
    in_folders + u64::from(out_dir.path().join("stock.txt").exists())
}
