//! Subscriptions by regular expression, in RE2's syntax as in Kafka.

use std::collections::BTreeSet;

use regex::{Error, Regex, RegexBuilder};

/// The largest compiled regular expression (bytes).
const LARGEST: usize = 1 << 20;

fn compile(expression: &str) -> Result<Regex, Error> {
    let build = |expression: &str| RegexBuilder::new(expression).size_limit(LARGEST).build();
    // Alone first: `a)(b` is valid only between the parentheses.
    build(expression)?;
    build(&format!(r"\A(?:{expression})\z"))
}

/// Checks a regular expression; the error is a reason.
pub(crate) fn check(expression: &str) -> Result<(), String> {
    let last_line = |error: Error| error.to_string().lines().last().unwrap_or_default().to_owned();
    compile(expression).map(|_| ()).map_err(last_line)
}

/// The topics whose whole name matches.
pub(super) fn matching<'a>(expression: &str, topics: impl Iterator<Item = &'a String>) -> BTreeSet<String> {
    let Ok(expression) = compile(expression) else { return BTreeSet::new() };
    topics.filter(|topic| expression.is_match(topic)).cloned().collect()
}
