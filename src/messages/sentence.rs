//! The content of a message, alarm or answer: a value, so that each screen renders it in its own language.

use std::{fmt, time::Duration};

use chrono::NaiveDate;

use crate::messages::{Lang, sanitize::clean};

/// The longest sentence in a log, in columns.
const LOGGED: usize = 1_000;

/// A message to people; [`Lang::say`] renders it.
#[derive(Debug, Clone, PartialEq)]
pub enum Sentence {
    /// Text from outside, in any language.
    Text(String),

    /// Kafka does not answer.
    KafkaAway,
    /// Kafka answers again.
    KafkaBack,
    /// A consumer does not run.
    NobodyRuns {
        /// Which.
        view: &'static str,
        /// Number of other ones.
        others: usize,
    },
    /// All consumers run again.
    RunAgain,

    /// Nothing answers at this address.
    Unreachable {
        /// Where.
        bootstrap: String,
        /// What the client library said.
        reason: String,
    },

    /// The shop has another value of a setting.
    Disagrees {
        /// The flag, without its dashes.
        flag: String,
        /// The shop's value.
        kept: String,
        /// This process's value.
        ours: String,
    },
    /// Another process uses the id of this folder.
    FolderCopied {
        /// The id.
        instance: String,
    },

    /// A consumer restarted from its checkpoint.
    Restarted {
        /// Which.
        view: &'static str,
        /// The cause.
        why: String,
    },
    /// A consumer recomputes everything, since its files do not match its checkpoint.
    FilesDoNotFit {
        /// Which.
        view: &'static str,
    },
    /// A consumer recomputes everything: the log does not match it.
    LogDoesNotFit {
        /// Which.
        view: &'static str,
        /// What was found.
        why: String,
    },
    /// A checkpoint failed and is retried.
    NotSaved {
        /// Whose.
        view: &'static str,
        /// The cause.
        why: String,
    },
    /// Records of a log cannot be decompressed.
    Unopened {
        /// What the client library said.
        why: String,
    },
    /// Reading pauses, since too many orders wait to be handled.
    TooManyWait {
        /// How many.
        orders: usize,
    },
    /// Consumers have fallen behind.
    Behind {
        /// The one with the largest lag.
        view: &'static str,
        /// Its lag in records.
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

    /// A product is sold out.
    SoldOut {
        /// Its name.
        product: String,
        /// Pieces being delivered.
        under_way: i64,
        /// As many other products since the last such message.
        others: usize,
    },
    /// A delivery was ordered, as stock is low.
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

    /// The simulator is paused.
    Paused,
    /// The simulator sells again.
    Resumed,
    /// A shop that was killed or closed resumes.
    GoesOn {
        /// Records that consumers have read again.
        records: u64,
        /// Orders in the log that are not counted.
        lost: u64,
    },
    /// The simulator has ended.
    Stopped,
    /// The simulator has a new target rate; `None` for as many orders as possible.
    Rate(Option<f64>),
    /// A rush of customers has begun.
    RushBegan,
    /// The rush is over.
    RushEnded,
    /// Campaigns have begun.
    CampaignsBegan {
        /// Their names.
        names: Vec<String>,
    },
    /// Campaigns have ended.
    CampaignsEnded {
        /// Their names.
        names: Vec<String>,
    },
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

    /// The request needs accelerated time.
    RealTime,
    /// The request needs a simulator, and none sells.
    NobodySells,
    /// The request is refused while the shop is paused.
    NotWhilePaused,
    /// The request needs a rate.
    NoRate,
    /// The request is to jump to midnight, which is near.
    AlmostMidnight,

    /// An injected fault begins.
    FaultBegan {
        /// As it is typed.
        fault: String,
    },
    /// After a fault all figures agree with the log again.
    FaultHealed {
        /// As it is typed.
        fault: String,
        /// Time since its end.
        took: Duration,
    },
    /// The same fault is still in progress.
    FaultUnderWay,
    /// A fault was requested in a process that only watches.
    FaultElsewhere,
    /// A full disk was requested for a consumer without files.
    FaultNoFiles {
        /// Which.
        view: &'static str,
    },
    /// The broker to be cut off belongs to another process.
    FaultNotOwnBroker,
    /// The fault would write records to a real shop.
    FaultRealShop,
    /// The fault would write records that the duplicate rule judges differently.
    FaultRule {
        /// The rule.
        ids: String,
    },
    /// The records of a fault could not be written.
    FaultNotWritten {
        /// Why.
        why: String,
    },

    /// Picture and figures were saved.
    PictureSaved {
        /// The path without the extensions.
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
        /// The topic that was searched.
        topic: String,
    },
    /// The log could not be read.
    NotRead {
        /// Why.
        why: String,
    },
    /// The moment lies in the future.
    StillToCome {
        /// The shop's time.
        now: String,
    },
    /// A moment lies before all records.
    NothingBefore {
        /// The time of the first record.
        first: String,
    },
    /// The log is empty.
    NothingYet,
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

    /// A product's balance is negative.
    BalanceBelowZero {
        /// The product's name, or its number.
        product: String,
        /// As many other products.
        others: usize,
    },
    /// The simulator's shelf differs from the log.
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
    /// Orders are missing or counted twice.
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
    /// Whether it is for interest only: such messages are logged at debug level.
    pub fn is_small_talk(&self) -> bool {
        matches!(self, Self::SoldOut { .. } | Self::Reordered { .. } | Self::Arrived { .. })
    }

    /// Whether it responds to a key of the user.
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
                | Self::FaultUnderWay
                | Self::FaultElsewhere
                | Self::FaultNoFiles { .. }
                | Self::FaultNotOwnBroker
                | Self::FaultRealShop
                | Self::FaultRule { .. }
                | Self::FaultNotWritten { .. }
        )
    }

    /// Whether it is an event of the day: those are highlighted on every page, and stay among the messages longer than
    /// deliveries and the like.
    pub fn is_an_event(&self) -> bool {
        matches!(
            self,
            Self::Midnight { .. }
                | Self::CampaignsBegan { .. }
                | Self::CampaignsEnded { .. }
                | Self::ReportSaved { .. }
                | Self::ReportRevised { .. }
                | Self::GoesOn { .. }
                | Self::FaultHealed { .. }
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
