//! The texts of the pages beside the overview.

use crate::{chaos::Kind, verify::live::Figure};

/// The texts of one language for the pages.
#[derive(Debug)]
pub struct PageWords {
    /// Title: faults to inject.
    pub faults: &'static str,
    /// The faults, in the order of [`Kind::ALL`]; a consumer's name follows if the fault targets one.
    pub faults_names: [&'static str; Kind::ALL.len()],
    /// A short description of each.
    pub faults_about: [&'static str; Kind::ALL.len()],
    /// Title: outcomes of the faults.
    pub healing: &'static str,
    /// No fault was injected yet.
    pub no_faults: &'static str,
    /// Before the seconds that a fault has lasted so far.
    pub lasting: &'static str,
    /// Before the seconds since a fault ended.
    pub not_yet: &'static str,
    /// Before the seconds after which all figures agreed.
    pub agreed_after: &'static str,
    /// A fault could not be injected.
    pub did_not_happen: &'static str,
    /// Title: the audit.
    pub audit: &'static str,
    /// The log is counted for the first time.
    pub counting: &'static str,
    /// The log cannot be read.
    pub cannot_compare: &'static str,
    /// Every figure agrees with the log.
    pub all_agree: &'static str,
    /// After a number: values that differ from the log.
    pub differences: &'static str,
    /// Column: the log's value.
    pub truth: &'static str,
    /// Column: the screen's value.
    pub screen: &'static str,
    /// `5 412 values of 63 000 records`: after the first number.
    pub values_of: &'static str,
    /// `5 412 values of 63 000 records`: after the second number.
    pub of_records: &'static str,
    /// The figures, in the order of [`Figure::ALL`].
    pub figures: [&'static str; Figure::ALL.len()],
    /// Their short forms.
    pub figures_short: [&'static str; Figure::ALL.len()],
    /// The mean value of an order.
    pub mean_order: &'static str,
    /// Orders per hour, today's mean.
    pub orders_an_hour: &'static str,
    /// Title: products.
    pub products: &'static str,
    /// Title: categories of products.
    pub categories: &'static str,
    /// The category of a product that is not in the products file.
    pub no_category: &'static str,
    /// No sale today yet.
    pub nothing_sold: &'static str,
    /// Title: sales by day.
    pub days: &'static str,
    /// Today's projected total at its present pace.
    pub pace: &'static str,
    /// No closed day yet.
    pub no_days: &'static str,
    /// Column: a product's name.
    pub product: &'static str,
    /// Column: a product's category.
    pub category: &'static str,
    /// Column: pieces on the shelf.
    pub balance: &'static str,
    /// Column: the reorder point.
    pub reorder_at: &'static str,
    /// Column: pieces sold today.
    pub sold_today: &'static str,
    /// Column: how long the balance lasts at today's pace.
    pub lasts: &'static str,
    /// Column: when the next delivery arrives.
    pub arrives: &'static str,
    /// Title: pieces on all shelves.
    pub pieces_in_stock: &'static str,
    /// Title: the value of the stock.
    pub stock_value: &'static str,
    /// Title: sold-out products.
    pub sold_out_title: &'static str,
    /// Title: products that are low.
    pub low_title: &'static str,
    /// After a number: low products.
    pub low: &'static str,
    /// No line matches the filter.
    pub nothing_found: &'static str,
    /// Column: time.
    pub time: &'static str,
    /// Column, and before an id: an order.
    pub order: &'static str,
    /// Column, and before an id: a customer.
    pub customer: &'static str,
    /// Column: an order's total.
    pub total: &'static str,
    /// Column: an order's stage.
    pub stage: &'static str,
    /// A search in the log is running.
    pub looking: &'static str,
    /// How to follow the selected order.
    pub follow_hint: &'static str,
    /// Title: the lines of an order.
    pub lines: &'static str,
    /// Before a partition's number.
    pub partition: &'static str,
    /// Before an offset.
    pub offset: &'static str,
    /// Before a time: from sale to handling.
    pub waited: &'static str,
    /// Column: the time from sale to handling.
    pub waited_title: &'static str,
    /// Before the time since the sale of an order not handled yet.
    pub has_waited: &'static str,
    /// A handled order without a mail yet.
    pub mail_is_coming: &'static str,
    /// Title and column: orders.
    pub orders: &'static str,
    /// Orders not handled yet.
    pub pending: &'static str,
    /// Orders handled in the whole log.
    pub handled_in_all: &'static str,
    /// Orders handled since 00:00.
    pub handled_today: &'static str,
    /// Mails written.
    pub mails: &'static str,
    /// Handled orders without a mail yet.
    pub mails_to_come: &'static str,
    /// Title: waits from sale to handling.
    pub sale_to_handling: &'static str,
    /// Before the median wait.
    pub half_within: &'static str,
    /// Before the 95th percentile of waits.
    pub most_within: &'static str,
    /// No order was handled in two hours.
    pub nothing_handled: &'static str,
    /// Title: the daily reports.
    pub reports: &'static str,
    /// No closed days yet.
    pub no_reports: &'static str,
    /// Column: a date.
    pub date: &'static str,
    /// Column: sales of a day.
    pub sales: &'static str,
    /// Column: a report's revision number.
    pub revision_short: &'static str,
    /// Before a report's revision number.
    pub revision: &'static str,
    /// How to open the selected day.
    pub open_hint: &'static str,
    /// Title: consumer groups.
    pub groups: &'static str,
    /// Column: a consumer group.
    pub group: &'static str,
    /// No consumer group yet.
    pub no_groups: &'static str,
    /// Column: records a second.
    pub per_second: &'static str,
    /// Column: partitions.
    pub partitions: &'static str,
    /// The same, short.
    pub partitions_short: &'static str,
    /// Column: number of rebalances.
    pub rebalances: &'static str,
    /// The same, short.
    pub rebalances_short: &'static str,
    /// Column: errors.
    pub errors: &'static str,
    /// The same, short.
    pub errors_short: &'static str,
    /// After a group's name: its rate.
    pub rate_of: &'static str,
    /// After a group's name: its lag.
    pub lag_of: &'static str,
    /// Title: records a second over all topics.
    pub records_a_second: &'static str,
    /// Title: lag over all groups.
    pub lag_title: &'static str,
    /// Column: lag in records.
    pub lag_short: &'static str,
    /// Column: the age of the oldest unread record, seconds.
    pub lag_seconds: &'static str,
    /// Title: topics.
    pub topics: &'static str,
    /// No data about topics.
    pub no_topics: &'static str,
    /// After a number: records.
    pub records: &'static str,
    /// Column: offsets from the beginning to the end of a topic.
    pub offsets: &'static str,
    /// Note that markers have offsets, too.
    pub with_markers: &'static str,
    /// Title: brokers.
    pub brokers: &'static str,
    /// Records that are not valid orders.
    pub dead_letters: &'static str,
    /// Orders that occurred more than once.
    pub duplicates: &'static str,
    /// Title: the program's log.
    pub log: &'static str,
    /// No log lines.
    pub no_log: &'static str,
    /// Column: a log line's level.
    pub level: &'static str,
    /// Column: a log line's target.
    pub part: &'static str,
    /// Column: a log line's text.
    pub text: &'static str,
    /// A log line's level.
    pub level_debug: &'static str,
    /// A log line's level.
    pub level_info: &'static str,
    /// A log line's level.
    pub level_warn: &'static str,
    /// A log line's level.
    pub level_error: &'static str,
    /// Column: how full the shelf is.
    pub shelf: &'static str,
    /// Column: pieces on their way.
    pub on_the_way: &'static str,
    /// Before a time span that ends now.
    pub last: &'static str,
    /// The stock is sorted by need.
    pub lowest_first: &'static str,
}
