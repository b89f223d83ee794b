//! Removes secrets that were given with `-X` from everything that people read: the log, the screen, and the error of a
//! command. Some errors and log lines come from librdkafka, which quotes values that it cannot parse.

use std::{
    borrow::Cow,
    io::{self, Write},
    sync::OnceLock,
};

/// Parts of property names whose values are secrets.
const SECRET: [&str; 5] = ["password", "secret", "private.key", "oauthbearer.config", "ssl.key.pem"];
/// A shorter piece of a secret is only hidden as part of the whole.
const PIECE: usize = 6;
/// The replacement of a secret.
const HIDDEN: &str = "[hidden]";

static SECRETS: OnceLock<Vec<String>> = OnceLock::new();

/// Collects the secrets among the process's properties; once, at its start.
pub fn keep(properties: &[(String, String)]) {
    // A second call in one process (tests) keeps the first ones.
    let _ = SECRETS.set(secrets(properties));
}

/// A text without the secrets of this process.
pub fn hide(text: &str) -> Cow<'_, str> {
    without(text, SECRETS.get().map_or(&[], Vec::as_slice))
}

/// All that must be hidden, longest first: values and their pieces.
fn secrets(properties: &[(String, String)]) -> Vec<String> {
    let values = properties
        .iter()
        .filter(|(name, _)| SECRET.iter().any(|part| name.contains(part)))
        .map(|(_, value)| value.as_str());
    let mut secrets: Vec<String> = Vec::new();
    for value in values {
        let pieces = value.split(|c: char| c.is_whitespace() || "=,;".contains(c));
        secrets.extend(pieces.filter(|piece| piece.len() >= PIECE).map(str::to_owned));
        secrets.extend((!value.is_empty()).then(|| value.to_owned()));
    }
    secrets.sort_by_key(|secret| std::cmp::Reverse(secret.len()));
    secrets.dedup();
    secrets
}

fn without<'a>(text: &'a str, secrets: &[String]) -> Cow<'a, str> {
    let mut text = Cow::Borrowed(text);
    for secret in secrets {
        if text.contains(secret.as_str()) {
            text = Cow::Owned(replaced(&text, secret));
        }
    }
    text
}

/// A short secret is only hidden as a whole word: `b` is in every sentence, and the gaps would reveal it.
fn replaced(text: &str, secret: &str) -> String {
    if secret.len() >= PIECE {
        return text.replace(secret, HIDDEN);
    }
    let mut hidden = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once(secret) {
        hidden.push_str(before);
        let joins = |character: Option<char>| character.is_some_and(char::is_alphanumeric);
        let is_part = joins(hidden.chars().next_back()) || joins(after.chars().next());
        hidden.push_str(if is_part { secret } else { HIDDEN });
        rest = after;
    }
    hidden + rest
}

/// A writer that hides the process's secrets; each write must be a whole line.
#[derive(Debug)]
pub struct Hiding<W>(pub W);

impl<W: Write> Write for Hiding<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let text = String::from_utf8_lossy(bytes);
        self.0.write_all(hide(&text).as_bytes())?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hidden(properties: &[(&str, &str)], text: &str) -> String {
        let owned: Vec<_> =
            properties.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        without(text, &secrets(&owned)).into_owned()
    }

    #[test]
    fn secrets_and_their_pieces_are_hidden_and_all_else_is_told() {
        let password = [("sasl.password", "open sesame, please")];
        assert_eq!(hidden(&password, "no open sesame, please here"), "no [hidden] here");
        assert_eq!(hidden(&password, "what is sesame? open it"), "what is [hidden]? open it");
        let oauth = [("sasl.oauthbearer.config", "principal=admin42 secret=hunter22")];
        assert_eq!(hidden(&oauth, "at: hunter22"), "at: [hidden]");
        let key = [("ssl.key.pem", "-----BEGIN KEY-----\nMIIEvQIBADAN\n-----END KEY-----")];
        assert_eq!(hidden(&key, "bad: MIIEvQIBADAN"), "bad: [hidden]");
        let short = [("sasl.password", "b")];
        assert_eq!(hidden(&short, "a broker, b and \"b\": bb"), "a broker, [hidden] and \"[hidden]\": bb");
        for (name, value) in [("security.protocol", "ssl"), ("linger.ms", "5"), ("sasl.password", "")] {
            assert_eq!(hidden(&[(name, value)], "ssl in 5 ms"), "ssl in 5 ms", "{name}");
        }
    }
}
