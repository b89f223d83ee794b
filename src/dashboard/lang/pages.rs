//! The words of the pages beside the overview.

/// The texts of one language for the pages.
#[derive(Debug)]
pub struct PageWords {
    /// The mean value of an order.
    pub mean_order: &'static str,
    /// Orders an hour, on the mean over today.
    pub orders_an_hour: &'static str,
    /// Title: products.
    pub products: &'static str,
    /// Title: categories of products.
    pub categories: &'static str,
    /// A product that the products file does not know.
    pub no_category: &'static str,
    /// No sale today yet.
    pub nothing_sold: &'static str,
    /// Title: sales by day.
    pub days: &'static str,
    /// What today comes to if it goes on as it did.
    pub pace: &'static str,
    /// No closed day yet.
    pub no_days: &'static str,
    /// Column: a product's name.
    pub product: &'static str,
    /// Column: a product's category.
    pub category: &'static str,
    /// Column: pieces on the shelf.
    pub balance: &'static str,
    /// Column: at this balance a delivery is ordered.
    pub reorder_at: &'static str,
    /// Column: pieces sold today.
    pub sold_today: &'static str,
    /// Column: how long the balance lasts at today's pace.
    pub lasts: &'static str,
    /// Column: when the next delivery arrives.
    pub arrives: &'static str,
    /// Title: pieces on all shelves.
    pub pieces_in_stock: &'static str,
    /// Title: what they are worth.
    pub stock_value: &'static str,
    /// Title: products of which no piece is left.
    pub sold_out_title: &'static str,
    /// Title: products that are low.
    pub low_title: &'static str,
    /// After a number: products that are low.
    pub low: &'static str,
    /// No line passes the filter.
    pub nothing_found: &'static str,
    /// Column: time.
    pub time: &'static str,
    /// Column, and before its number: an order.
    pub order: &'static str,
    /// Column, and before their number: a customer.
    pub customer: &'static str,
    /// Column: an order's total.
    pub total: &'static str,
    /// Column: how far an order has come.
    pub stage: &'static str,
    /// Something is being looked for in the log.
    pub looking: &'static str,
    /// What the key does for the chosen order.
    pub follow_hint: &'static str,
    /// Title: the lines of an order.
    pub lines: &'static str,
    /// Before a partition's number.
    pub partition: &'static str,
    /// Before an offset.
    pub offset: &'static str,
    /// Before a time: from sale to handling.
    pub waited: &'static str,
    /// Column: how long an order waited to be handled.
    pub waited_title: &'static str,
    /// Before a time: since the sale, not handled yet.
    pub has_waited: &'static str,
    /// An order is handled and its mail is not written yet.
    pub mail_is_coming: &'static str,
    /// Title and column: orders.
    pub orders: &'static str,
    /// Orders that are not handled yet.
    pub pending: &'static str,
    /// Orders handled in the whole log.
    pub handled_in_all: &'static str,
    /// Orders handled since 00:00.
    pub handled_today: &'static str,
    /// Mails written.
    pub mails: &'static str,
    /// Orders that are handled and whose mail is not written yet.
    pub mails_to_come: &'static str,
    /// Title: how long orders waited.
    pub sale_to_handling: &'static str,
    /// Half of the orders waited at most as long.
    pub half_within: &'static str,
    /// 95 in 100 orders waited at most as long.
    pub most_within: &'static str,
    /// No order was handled in two hours.
    pub nothing_handled: &'static str,
    /// Title: the daily reports.
    pub reports: &'static str,
    /// No day is closed yet.
    pub no_reports: &'static str,
    /// Column: a date.
    pub date: &'static str,
    /// Column: sales of a day.
    pub sales: &'static str,
    /// Column: how many times a report was rewritten.
    pub revision_short: &'static str,
    /// Before how many times a report was rewritten.
    pub revision: &'static str,
    /// What the key does for the chosen day.
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
    /// Column: times that partitions were assigned anew.
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
    /// Title: records not read yet, over all groups.
    pub behind: &'static str,
    /// Column: records not read yet.
    pub lag_short: &'static str,
    /// Title: topics.
    pub topics: &'static str,
    /// Nothing is known of the topics.
    pub no_topics: &'static str,
    /// After a number: records.
    pub records: &'static str,
    /// Column: offsets between the beginning and the end of a topic.
    pub offsets: &'static str,
    /// What else has an offset in a topic.
    pub with_markers: &'static str,
    /// Title: brokers.
    pub brokers: &'static str,
    /// Records of orders that are no valid orders.
    pub dead_letters: &'static str,
    /// Orders that came more than once.
    pub duplicates: &'static str,
    /// Title: the program's log.
    pub log: &'static str,
    /// Nothing in the log.
    pub no_log: &'static str,
    /// Column: how grave a log line is.
    pub level: &'static str,
    /// Column: the part of the program.
    pub part: &'static str,
    /// Column: what a log line says.
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
    /// Before a length of time that ends now.
    pub last: &'static str,
    /// The stock is sorted by what needs a delivery most.
    pub lowest_first: &'static str,
}
