//! Every word on the screen, in the languages it can be read in.

use chrono::{Datelike, Weekday};

/// A language of the screen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, clap::ValueEnum)]
pub enum Lang {
    /// English.
    #[default]
    En,
    /// Swedish.
    Sv,
}

impl Lang {
    /// All languages.
    pub const ALL: [Self; 2] = [Self::En, Self::Sv];

    /// The words of the language.
    pub fn words(self) -> &'static Words {
        match self {
            Self::En => &EN,
            Self::Sv => &SV,
        }
    }
}

/// The texts of one language. Figures are set in one way in all of them: `12 345,67`.
#[derive(Debug)]
pub struct Words {
    /// Monday to Sunday.
    pub weekdays: [&'static str; 7],
    /// January to December.
    pub months: [&'static str; 12],
    /// January to December, three letters.
    pub months_short: [&'static str; 12],

    /// Shop time is wall time.
    pub real_time: &'static str,
    /// The simulator sells.
    pub running: &'static str,
    /// The simulator waits.
    pub paused: &'static str,
    /// The simulator has ended.
    pub stopped: &'static str,
    /// No simulator was seen yet.
    pub waiting: &'static str,
    /// The picture is held still.
    pub frozen: &'static str,
    /// Kafka runs inside a shop-sim process.
    pub embedded: &'static str,
    /// Kafka does not answer.
    pub no_answer: &'static str,
    /// `4,8 orders/s`.
    pub orders_a_second: &'static str,
    /// The rate aimed at.
    pub target: &'static str,
    /// A rate aimed at that has no limit.
    pub as_fast_as_possible: &'static str,

    /// Title: orders since 00:00.
    pub orders: &'static str,
    /// Title: sales since 00:00.
    pub sales_today: &'static str,
    /// Title: sales of the last hour.
    pub last_hour: &'static str,
    /// Title: handled orders.
    pub handled: &'static str,
    /// Title: stock.
    pub stock: &'static str,
    /// Title: the order feed.
    pub latest: &'static str,
    /// Title: the order feed, where there is little room.
    pub latest_short: &'static str,
    /// Title: messages.
    pub messages: &'static str,
    /// Title: the keys.
    pub keys: &'static str,

    /// `per` of `per 20 min`.
    pub per: &'static str,
    /// The 24 intervals of the handled chart.
    pub last_two_hours: &'static str,
    /// Mean per five minutes over the last two hours.
    pub mean: &'static str,
    /// Orders that are not handled yet.
    pub pending: &'static str,
    /// Now, at the end of a time axis.
    pub now: &'static str,

    /// No piece left.
    pub sold_out: &'static str,
    /// `and 13 more`: before the number.
    pub and: &'static str,
    /// `and 13 more`: after the number.
    pub more: &'static str,
    /// Pieces on their way, in the title of the stock.
    pub on_the_way: &'static str,

    /// Stage of an order.
    pub stage_sold: &'static str,
    /// Stage of an order.
    pub stage_handled: &'static str,
    /// Stage of an order.
    pub stage_mailed: &'static str,
    /// Pieces, short.
    pub pieces: &'static str,

    /// Nothing has happened yet.
    pub no_messages: &'static str,
    /// No orders yet.
    pub no_orders: &'static str,
    /// No products yet.
    pub no_stock: &'static str,

    /// Audit: orders produced.
    pub produced: &'static str,
    /// Audit: pieces delivered, short.
    pub delivered_short: &'static str,
    /// Audit: pieces sold, short.
    pub sold_short: &'static str,
    /// Audit: pieces delivered.
    pub delivered: &'static str,
    /// Audit: pieces sold.
    pub sold: &'static str,
    /// Audit: pieces on the shelves.
    pub in_stock: &'static str,
    /// Audit: records not read yet.
    pub behind: &'static str,
    /// Audit: duplicates.
    pub duplicates: &'static str,
    /// Audit: dead letters.
    pub dead_letters: &'static str,
    /// Pieces that customers wanted and did not get.
    pub lost_sales: &'static str,
    /// A title of an alarm.
    pub alarm: &'static str,

    /// Names of keys.
    pub key_space: &'static str,
    /// Key hint.
    pub do_quit: &'static str,
    /// Key hint.
    pub do_pause: &'static str,
    /// Key hint.
    pub do_resume: &'static str,
    /// Key hint.
    pub do_faster: &'static str,
    /// Key hint.
    pub do_slower: &'static str,
    /// Key hint.
    pub do_freeze: &'static str,
    /// Key hint.
    pub do_unfreeze: &'static str,
    /// Key hint.
    pub do_help: &'static str,
    /// Key hint.
    pub do_back: &'static str,
    /// What the key does, at length.
    pub about_quit: &'static str,
    /// What the key does, at length.
    pub about_pause: &'static str,
    /// What the key does, at length.
    pub about_faster: &'static str,
    /// What the key does, at length.
    pub about_slower: &'static str,
    /// What the key does, at length.
    pub about_freeze: &'static str,
    /// What the key does, at length.
    pub about_help: &'static str,
    /// What the key does, at length.
    pub about_back: &'static str,

    /// The window is too small: before the size it needs.
    pub needs_at_least: &'static str,
    /// The window is too small: before the size it has.
    pub this_one_is: &'static str,
}

impl Words {
    /// The day's name.
    pub fn weekday(&self, day: Weekday) -> &'static str {
        // `num_days_from_monday` is 0 to 6.
        self.weekdays.get(day.num_days_from_monday() as usize).copied().unwrap_or_default()
    }

    /// `20 November 2026`.
    pub fn date(&self, date: &impl Datelike) -> String {
        format!("{} {} {}", date.day(), month(&self.months, date), date.year())
    }

    /// `20 Nov`.
    pub fn date_short(&self, date: &impl Datelike) -> String {
        format!("{} {}", date.day(), month(&self.months_short, date))
    }
}

fn month(names: &[&'static str; 12], date: &impl Datelike) -> &'static str {
    // `month0` is 0 to 11.
    names.get(date.month0() as usize).copied().unwrap_or_default()
}

/// English.
pub const EN: Words = Words {
    weekdays: ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"],
    months: [
        "January",
        "February",
        "March",
        "April",
        "May",
        "June",
        "July",
        "August",
        "September",
        "October",
        "November",
        "December",
    ],
    months_short: ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"],
    real_time: "real time",
    running: "running",
    paused: "paused",
    stopped: "stopped",
    waiting: "waiting for the shop",
    frozen: "frozen",
    embedded: "embedded",
    no_answer: "no answer",
    orders_a_second: "orders/s",
    target: "target",
    as_fast_as_possible: "as fast as possible",
    orders: "Orders since midnight",
    sales_today: "Sales today",
    last_hour: "Last hour",
    handled: "Handled orders",
    stock: "Stock",
    latest: "Latest orders",
    latest_short: "Latest",
    messages: "Messages",
    keys: "Keys",
    per: "per",
    last_two_hours: "last 2 hours",
    mean: "mean",
    pending: "pending",
    now: "now",
    sold_out: "sold out",
    and: "and",
    more: "more",
    on_the_way: "on the way",
    stage_sold: "sold",
    stage_handled: "handled",
    stage_mailed: "mailed",
    pieces: "pcs",
    no_messages: "Nothing to tell yet.",
    no_orders: "No orders yet.",
    no_stock: "No goods yet.",
    produced: "produced",
    delivered: "delivered",
    delivered_short: "in",
    sold_short: "out",
    sold: "sold",
    in_stock: "in stock",
    behind: "behind",
    duplicates: "duplicates",
    dead_letters: "dead letters",
    lost_sales: "lost sales",
    alarm: "Alarm",
    key_space: "space",
    do_quit: "quit",
    do_pause: "pause",
    do_resume: "go on",
    do_faster: "faster",
    do_slower: "slower",
    do_freeze: "freeze",
    do_unfreeze: "unfreeze",
    do_help: "help",
    do_back: "back",
    about_quit: "leave the dashboard",
    about_pause: "pause the shop, or go on",
    about_faster: "more orders a second",
    about_slower: "fewer orders a second",
    about_freeze: "hold the picture still",
    about_help: "show or hide the keys",
    about_back: "close the help, unfreeze",
    needs_at_least: "The dashboard needs at least",
    this_one_is: "this window is",
};

/// Swedish.
pub const SV: Words = Words {
    weekdays: ["måndag", "tisdag", "onsdag", "torsdag", "fredag", "lördag", "söndag"],
    months: [
        "januari",
        "februari",
        "mars",
        "april",
        "maj",
        "juni",
        "juli",
        "augusti",
        "september",
        "oktober",
        "november",
        "december",
    ],
    months_short: ["jan", "feb", "mar", "apr", "maj", "jun", "jul", "aug", "sep", "okt", "nov", "dec"],
    real_time: "verklig tid",
    running: "igång",
    paused: "pausad",
    stopped: "stoppad",
    waiting: "väntar på butiken",
    frozen: "fryst",
    embedded: "inbyggd",
    no_answer: "svarar inte",
    orders_a_second: "order/s",
    target: "mål",
    as_fast_as_possible: "så fort det går",
    orders: "Order sedan midnatt",
    sales_today: "Försäljning i dag",
    last_hour: "Senaste timmen",
    handled: "Hanterade order",
    stock: "Lager",
    latest: "Senaste order",
    latest_short: "Senaste",
    messages: "Meddelanden",
    keys: "Tangenter",
    per: "per",
    last_two_hours: "senaste 2 timmarna",
    mean: "medel",
    pending: "väntar",
    now: "nu",
    sold_out: "slut",
    and: "och",
    more: "till",
    on_the_way: "på väg",
    stage_sold: "såld",
    stage_handled: "hanterad",
    stage_mailed: "mejlad",
    pieces: "st",
    no_messages: "Inget att berätta än.",
    no_orders: "Inga order än.",
    no_stock: "Inga varor än.",
    produced: "sålda order",
    delivered: "inlevererat",
    delivered_short: "in",
    sold_short: "ut",
    sold: "sålt",
    in_stock: "i lager",
    behind: "efter",
    duplicates: "dubbletter",
    dead_letters: "ogiltiga",
    lost_sales: "uteblivna köp",
    alarm: "Larm",
    key_space: "blanksteg",
    do_quit: "avsluta",
    do_pause: "pausa",
    do_resume: "fortsätt",
    do_faster: "fortare",
    do_slower: "saktare",
    do_freeze: "frys",
    do_unfreeze: "släpp",
    do_help: "hjälp",
    do_back: "tillbaka",
    about_quit: "lämna översikten",
    about_pause: "pausa eller fortsätt",
    about_faster: "fler order i sekunden",
    about_slower: "färre order i sekunden",
    about_freeze: "håll bilden still",
    about_help: "visa eller göm tangenterna",
    about_back: "stäng hjälpen, släpp bilden",
    needs_at_least: "Översikten behöver minst",
    this_one_is: "det här fönstret är",
};
