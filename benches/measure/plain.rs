//! A plain reader and a plain producer in their own processes, to measure time, processor time and memory as for the
//! program. The bench re-executes itself as them.

use std::process::Command;

use crate::{
    load::{self, ReadyMade},
    process::{self, Spent},
};

/// The arguments that select one of them.
const READER: &str = "--plain-reader";
const PRODUCER: &str = "--plain-producer";

/// Runs one of them if the arguments say so; returns whether it did.
pub(crate) fn serve(arguments: &[String]) -> bool {
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let number = |text: &str| text.parse::<usize>().unwrap();
    match words[..] {
        [READER, bootstrap, topic, records] => {
            load::consume(bootstrap, topic, number(records));
        }
        [PRODUCER, bootstrap, topic, records, key, value, linger] => {
            let ready = ReadyMade { records: number(records), key: Some(number(key)), value: number(value) };
            load::produce_idempotent(bootstrap, topic, &ready, linger.parse().unwrap());
        }
        _ => return false,
    }
    true
}

fn again(arguments: &[&str]) -> Spent {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(arguments);
    process::run(command)
}

/// Reads so many records of a topic once, and counts.
pub(crate) fn read(bootstrap: &str, topic: &str, records: usize) -> Spent {
    again(&[READER, bootstrap, topic, &records.to_string()])
}

/// Sends ready-made records to a topic.
pub(crate) fn produce(bootstrap: &str, topic: &str, ready: &ReadyMade, linger_ms: u64) -> Spent {
    let numbers =
        [ready.records, ready.key.unwrap_or_default(), ready.value].map(|number| number.to_string());
    again(&[PRODUCER, bootstrap, topic, &numbers[0], &numbers[1], &numbers[2], &linger_ms.to_string()])
}
