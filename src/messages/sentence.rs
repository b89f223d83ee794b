//! What a message, an alarm or an answer says: a value, so that every screen can say it in its own language.

use std::fmt;

use chrono::NaiveDate;

use crate::messages::{Lang, clean::clean};

/// The longest sentence in a log, in columns.
const LOGGED: usize = 1_000;

/// One sentence for people; [`Lang::say`] has the words.
#[derive(Debug, Clone, PartialEq)]
pub enum Sentence {
    /// Words from outside, in whatever language they came.
    Text(String),

    /// Kafka does not answer.
    KafkaAway,
    /// Kafka answers again.
    KafkaBack,
    /// Nobody runs a consumer.
    NobodyRuns {
        /// Which.
        view: &'static str,
        /// As many other consumers.
        others: usize,
    },
    /// The consumers that nobody ran are run again.
    RunAgain,

    /// Nothing answers at this address.
    Unreachable {
        /// Where.
        bootstrap: String,
        /// What the client library said.
        reason: String,
    },

    /// Other processes of the shop have another setting.
    Disagrees {
        /// The flag, without its dashes.
        flag: String,
        /// What they have.
        kept: String,
        /// What this one has.
        ours: String,
    },
    /// Another process runs with the identity of this one's folder.
    FolderCopied {
        /// The id.
        instance: String,
    },

    /// A consumer was built again and goes on from its checkpoint.
    Restarted {
        /// Which.
        view: &'static str,
        /// What had happened.
        why: String,
    },
    /// A consumer computes everything again, because its files and its checkpoint did not fit.
    FilesDoNotFit {
        /// Which.
        view: &'static str,
    },
    /// A consumer computes everything again from what Kafka holds.
    LogDoesNotFit {
        /// Which.
        view: &'static str,
        /// What was found.
        why: String,
    },
    /// A checkpoint could not be made and is tried again.
    NotSaved {
        /// Whose.
        view: &'static str,
        /// What stands in the way.
        why: String,
    },
    /// Records of a log cannot be opened.
    Unopened {
        /// What the client library said.
        why: String,
    },
    /// So many orders wait to be handled that no more are read for now.
    TooManyWait {
        /// How many.
        orders: usize,
    },
    /// Consumers have fallen behind.
    Behind {
        /// The one that is furthest behind.
        view: &'static str,
        /// By so many records.
        records: u64,
    },
    /// All consumers have caught up.
    CaughtUp,

    /// A daily report was written.
    ReportSaved {
        /// Its file.
        file: String,
    },
    /// A daily report was written again, because of late orders.
    ReportRevised {
        /// Its file.
        file: String,
    },
    /// A new day began.
    Midnight {
        /// The day that ended.
        ended: NaiveDate,
    },

    /// Nothing is left of a product.
    SoldOut {
        /// Its name.
        product: String,
        /// Pieces on their way.
        under_way: i64,
        /// As many other products since the last such message.
        others: usize,
    },
    /// A delivery was ordered for a low shelf.
    Reordered {
        /// The product's name.
        product: String,
        /// Pieces.
        pieces: i64,
        /// As many other products since the last such message.
        others: usize,
    },
    /// A delivery arrived.
    Arrived {
        /// The product's name.
        product: String,
        /// Pieces.
        pieces: i64,
        /// As many other products since the last such message.
        others: usize,
    },

    /// The simulator waits.
    Paused,
    /// The simulator sells again.
    Resumed,
    /// A shop that had been killed or left goes on.
    GoesOn {
        /// Records that the consumers have read again.
        records: u64,
        /// Orders of the log that they did not count.
        lost: u64,
    },
    /// The simulator has ended.
    Stopped,
    /// The simulator aims at another rate; `None` for as many orders as possible.
    Rate(Option<f64>),
    /// Many more customers come.
    RushBegan,
    /// The rush is over.
    RushEnded,
    /// A period is written as fast as Kafka takes it.
    Filling,
    /// A simulator in another process sells.
    SoldElsewhere {
        /// Where it runs.
        place: String,
    },
    /// Another simulator took over.
    TakenOver {
        /// Where it runs.
        by: String,
    },
    /// The simulator failed.
    SimulatorFailed {
        /// Why.
        why: String,
    },

    /// It was asked for what accelerated time alone can do.
    RealTime,
    /// It was asked for something that nobody is there to do.
    NobodySells,
    /// It was asked for something that a shop that waits does not do.
    NotWhilePaused,
    /// It was asked for something that needs a rate.
    NoRate,
    /// It was asked to jump to midnight, which is near.
    AlmostMidnight,

    /// Picture and figures were saved.
    PictureSaved {
        /// Where, without the ends of the names.
        path: String,
    },
    /// Something could not be written.
    NotWritten {
        /// Where.
        path: String,
        /// What the system said.
        why: String,
    },
    /// An order is not in the log.
    NoOrder {
        /// Its id.
        order_id: u64,
        /// Where it was looked for.
        topic: String,
    },
    /// The log could not be read.
    NotRead {
        /// Why.
        why: String,
    },
    /// A report is not in the folder.
    NoReport {
        /// Its file.
        file: String,
        /// The folder.
        out: String,
    },
    /// A report cannot be read.
    ReportUnreadable {
        /// Its file.
        file: String,
        /// What is wrong with it.
        why: String,
    },

    /// More was sold than ever delivered.
    BalanceBelowZero {
        /// The product's name, or its number.
        product: String,
        /// As many other products.
        others: usize,
    },
    /// The simulator's shelf is not what the log says.
    ShelfDiffers {
        /// The product's name, or its number.
        product: String,
        /// Pieces that the simulator has.
        shelf: i64,
        /// Pieces by the balance.
        balance: i64,
        /// As many other products.
        others: usize,
    },
    /// Orders are missing, or counted twice.
    OrdersDiffer {
        /// Orders sold.
        produced: u64,
        /// Of them, waiting.
        pending: u64,
        /// Of them, handled.
        handled: u64,
    },
    /// Mails are missing, or written twice.
    MailsDiffer {
        /// Orders handled.
        handled: u64,
        /// Mails written.
        mails: u64,
    },
}

impl Sentence {
    /// Whether it is told because people like it: nobody looks for it in a log.
    pub fn is_small_talk(&self) -> bool {
        matches!(self, Self::SoldOut { .. } | Self::Reordered { .. } | Self::Arrived { .. })
    }

    /// Whether whoever pressed a key waits for it.
    pub fn answers_a_key(&self) -> bool {
        matches!(
            self,
            Self::PictureSaved { .. }
                | Self::NotWritten { .. }
                | Self::RealTime
                | Self::NobodySells
                | Self::NotWhilePaused
                | Self::NoRate
                | Self::AlmostMidnight
                | Self::RushBegan
        )
    }

    /// Whether it is what the day is about: then it stands out on every page, and stays among the messages longer than
    /// goods that come and go.
    pub fn is_an_event(&self) -> bool {
        matches!(
            self,
            Self::Midnight { .. }
                | Self::ReportSaved { .. }
                | Self::ReportRevised { .. }
                | Self::GoesOn { .. }
        )
    }
}

/// In English, on one line: for the log.
impl fmt::Display for Sentence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&clean(&Lang::En.say(self), LOGGED))
    }
}

impl From<String> for Sentence {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}
