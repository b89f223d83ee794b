//! Groups whose partitions nobody has.
//!
//! The leader of a group shares its partitions out when a generation begins. Where topics are missing at that moment
//! there is nothing to share; a leader that lives on sees them come and asks for the next generation. But a static
//! member that comes back within its session is given what it had, without a new generation and without being told that
//! it leads (KIP-345; KIP-814 is for clients that know it): then nobody looks any more.

use std::time::Duration;

use rdkafka::{
    consumer::{Consumer, StreamConsumer},
    error::KafkaError,
};

use super::{
    env::Env,
    group::{Keeper, Member},
};

/// A question to Kafka.
const CALL: Duration = Duration::from_secs(2);

/// Leaves the group and joins it again, which begins a new generation, where this member has had no partitions for a
/// while and nobody else has any either. Blocks for two seconds at most, and seldom.
pub(super) fn join_again<K: Keeper>(env: &Env, consumer: &StreamConsumer<Member<K>>, name: &str) {
    let member = consumer.context();
    let are_there = || env.board.ends().by_part.keys().any(|part| member.reads(part.source));
    if !member.is_long_idle() || !are_there() {
        return;
    }
    match has_nobody_any(consumer, &env.session.group(name)) {
        Ok(false) => {}
        Ok(true) => {
            tracing::warn!("{name}: nobody in its group has any of its partitions: it joins again");
            consumer.unsubscribe();
            if let Err(error) = consumer.subscribe(&member.topics()) {
                tracing::warn!("{name}: {error}");
            }
        }
        Err(error) => tracing::debug!("{name}: what others in its group have is not known: {error}"),
    }
}

/// Whether a group is at rest, and none of its members has a partition.
fn has_nobody_any<K: Keeper>(consumer: &StreamConsumer<Member<K>>, group: &str) -> Result<bool, KafkaError> {
    let groups = consumer.fetch_group_list(Some(group), CALL)?;
    let rests = |state: &str| state.eq_ignore_ascii_case("stable");
    Ok(groups.groups().iter().any(|known| {
        known.name() == group
            && rests(known.state())
            && known.members().iter().all(|member| member.assignment().is_none_or(is_empty))
    }))
}

/// Whether an assignment has no topic: a version of two bytes, then the number of topics (the consumer protocol of
/// Kafka's classic groups).
fn is_empty(assignment: &[u8]) -> bool {
    assignment.get(2..6).is_none_or(|count| count == [0; 4])
}
