//! The settings that all processes of a shop must share, in one record on `shop.state`: values as typed, by flag.
//!
//! A starting process writes missing settings in a transaction whose `transactional.id` is the same for all processes.
//! So of two that start at once one is fenced, retries, and finds what the other has written. The record is in the
//! partition of `handling`, which is the transactional one.

use std::{
    collections::BTreeMap,
    ops::ControlFlow,
    time::{Duration, Instant},
};

use rdkafka::{
    Message,
    consumer::{BaseConsumer, Consumer as _},
    producer::{BaseRecord, Producer},
};
use serde::{Deserialize, Serialize};

use super::{
    Session, StreamError, Topic,
    producer::PolledProducer,
    reader::{read, reader, settled},
    retry::{FAILOVER, retry},
    state_keys::AGREEMENT,
    topics::STATE_HANDLING,
};
use crate::{handling::Parameters, shop::Zone};

/// Settings that may change while no process runs the consumer: they apply to what it reads from then on.
const OF_CONSUMERS: [(&str, &str); 3] =
    [("handle-every", "handling"), ("handle-chance", "handling"), ("seed", "handling")];

/// A dead consumer stays a member of its group until its session times out (6 s).
const GHOST: Duration = Duration::from_secs(8);
const LOOK: Duration = Duration::from_millis(200);

/// Settings by flag, without its dashes.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Agreement(BTreeMap<String, String>);

impl Agreement {
    /// The setting of every process: the shop's time zone.
    pub fn of(zone: Zone) -> Self {
        Self::default().with("tz", zone.0.name())
    }

    /// The same with another setting.
    #[must_use]
    pub fn with(mut self, flag: &str, value: impl Into<String>) -> Self {
        self.0.insert(flag.to_owned(), value.into());
        self
    }

    /// The same with the settings of a process that runs `handling`.
    #[must_use]
    pub fn with_handling(self, parameters: &Parameters) -> Self {
        let Parameters { seed, every_ms, chance_ppm } = *parameters;
        let every =
            if every_ms % 1000 == 0 { format!("{}s", every_ms / 1000) } else { format!("{every_ms}ms") };
        self.with("handle-every", every)
            .with("handle-chance", format!("{}%", f64::from(chance_ppm) / 10_000.0))
            .with("seed", seed.to_string())
    }

    /// An error for the first setting that differs from the stored one.
    ///
    /// # Errors
    ///
    /// [`StreamError::Disagrees`].
    pub fn check(&self, kept: &Self) -> Result<(), StreamError> {
        self.differences(kept).next().map_or(Ok(()), Err)
    }

    fn differences<'a>(&'a self, kept: &'a Self) -> impl Iterator<Item = StreamError> + 'a {
        self.0.iter().filter_map(|(flag, ours)| {
            let kept = kept.0.get(flag).filter(|kept| *kept != ours)?;
            Some(StreamError::Disagrees { flag: flag.clone(), kept: kept.clone(), ours: ours.clone() })
        })
    }
}

/// The stored settings; `None` in a new shop, or in one of an older version. Blocks.
///
/// # Errors
///
/// Where Kafka does not answer.
pub fn kept(session: &Session) -> Result<Option<Agreement>, StreamError> {
    let topic = session.topic(Topic::State);
    let committed: BaseConsumer = reader(session, &[])?;
    let written: BaseConsumer = reader(session, &[("isolation.level", "read_uncommitted")])?;
    let (low, end) = settled(session, (&committed, &written), &topic, STATE_HANDLING)?;
    let mut kept = None;
    let deadline = Instant::now() + FAILOVER;
    read(
        session,
        &committed,
        &topic,
        [(STATE_HANDLING, low..end)],
        || deadline,
        |message| {
            if message.key() == Some(AGREEMENT.as_bytes()) {
                kept = message.payload().and_then(decode);
            }
            ControlFlow::<()>::Continue(())
        },
    )?;
    super::let_go((committed, written));
    Ok(kept)
}

/// The bytes of the record.
pub(crate) fn decode(payload: &[u8]) -> Option<Agreement> {
    let read = serde_json::from_slice(payload);
    read.inspect_err(|error| tracing::warn!("what was agreed on is passed over: {error}")).ok()
}

/// Compares our settings with the stored ones, and writes those that are missing. Blocks. `instance` is the
/// `group.instance.id` of this process, if it has one.
///
/// # Errors
///
/// [`StreamError::Disagrees`] where others have another setting; and where Kafka does not answer.
pub fn join(session: &Session, ours: &Agreement, instance: Option<&str>) -> Result<(), StreamError> {
    if merged(session, ours, instance)?.is_none() {
        return Ok(());
    }
    let begun = Instant::now();
    loop {
        let written = write(session, ours, instance);
        match written {
            // Another process has fenced this producer: read again what is stored now.
            Err(StreamError::Kafka(error)) if begun.elapsed() < FAILOVER => {
                tracing::debug!("agreeing again: {error}");
                std::thread::sleep(LOOK);
            }
            written => return written,
        }
    }
}

fn write(session: &Session, ours: &Agreement, instance: Option<&str>) -> Result<(), StreamError> {
    let producer: PolledProducer = session
        .client(&[
            ("transactional.id", &format!("{}.{AGREEMENT}", session.prefix)),
            ("transaction.timeout.ms", "10000"),
            ("message.timeout.ms", "8000"),
        ])
        .create()?;
    producer.init_transactions(FAILOVER)?;
    // If another process writes from here on, this transaction fails.
    let Some(merged) = merged(session, ours, instance)? else { return Ok(()) };
    let Ok(value) = serde_json::to_vec(&merged) else { return Ok(()) };
    let topic = session.topic(Topic::State);
    producer.begin_transaction()?;
    let record = BaseRecord::to(&topic).partition(STATE_HANDLING).key(AGREEMENT).payload(&value);
    producer.send(record).map_err(|(error, _)| error)?;
    Ok(producer.commit_transaction(FAILOVER)?)
}

/// The stored settings merged with ours; `None` if ours add nothing.
fn merged(
    session: &Session,
    ours: &Agreement,
    instance: Option<&str>,
) -> Result<Option<Agreement>, StreamError> {
    let kept = kept(session)?.unwrap_or_default();
    for difference in ours.differences(&kept) {
        let StreamError::Disagrees { flag, .. } = &difference else { continue };
        let consumer = OF_CONSUMERS.iter().find(|(of, _)| of == flag);
        if consumer.is_none_or(|(_, consumer)| others_run(session, consumer, instance)) {
            return Err(difference);
        }
    }
    let mut merged = kept.clone();
    merged.0.extend(ours.0.clone());
    Ok((merged != kept).then_some(merged))
}

/// Whether another process runs a consumer, as far as is known; waits for dead members to time out.
fn others_run(session: &Session, consumer: &str, instance: Option<&str>) -> bool {
    let group = session.group(consumer);
    let look = || {
        let probe = session.probe()?;
        let groups = retry(FAILOVER, |left| Ok(probe.fetch_group_list(Some(&group), left)?))?;
        let members = groups
            .groups()
            .iter()
            .filter(|known| known.name() == group)
            .flat_map(rdkafka::groups::GroupInfo::members);
        // Kafka names static members after their instance (KIP-345).
        let is_ours = |id: &str| instance.is_some_and(|instance| id.starts_with(instance));
        Ok::<_, StreamError>(members.into_iter().any(|member| !is_ours(member.id())))
    };
    let deadline = Instant::now() + GHOST;
    loop {
        match look() {
            Ok(false) => return false,
            Ok(true) if Instant::now() < deadline => std::thread::sleep(LOOK),
            Ok(true) => return true,
            Err(error) => {
                tracing::debug!("who is in {group} is not known: {error}");
                return true;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_has_another_setting_is_told_both_and_who_has_one_more_is_not() {
        let zone = Zone(chrono_tz::Europe::Stockholm);
        let parameters = Parameters { seed: 7, every_ms: 1_500, chance_ppm: 12_500 };
        let kept = Agreement::of(zone).with_handling(&parameters);
        let text = serde_json::to_string(&kept).unwrap();
        assert_eq!(
            text,
            r#"{"handle-chance":"1.25%","handle-every":"1500ms","seed":"7","tz":"Europe/Stockholm"}"#
        );
        assert_eq!(decode(text.as_bytes()), Some(kept.clone()));
        assert!(Agreement::of(zone).check(&kept).is_ok());
        assert!(kept.check(&Agreement::of(zone)).is_ok(), "nothing was said of it");
        let other = Agreement::of(Zone(chrono_tz::America::New_York));
        let told = other.check(&kept).unwrap_err().to_string();
        for word in ["--tz Europe/Stockholm", "America/New_York"] {
            assert!(told.contains(word), "{told}");
        }
        let every = Agreement::default().with("handle-every", "2s");
        let told = every.check(&kept).unwrap_err().to_string();
        assert!(told.contains("--handle-every 1500ms") && told.contains("stop them"), "{told}");
    }
}
