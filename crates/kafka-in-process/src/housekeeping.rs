//! What is done in the background: full segments are sealed, old ones deleted, compacted topics cleaned.

use std::{io, sync::Arc, time::Duration};

use super::{
    clock,
    cluster::Cluster,
    log::LogError,
    topics::{Partition, Topic},
};

/// How often logs are looked after.
const INTERVAL: Duration = Duration::from_secs(3);
/// A producer that was silent for so long is forgotten (Kafka's `producer.id.expiration.ms`).
const PRODUCER_EXPIRY_MS: i64 = 86_400_000;

/// How many times logs are looked after before groups are.
const GROUPS_EVERY: u32 = 200;

/// Looks after all logs until the broker stops.
pub(super) async fn run(cluster: Arc<Cluster>) {
    let mut until_groups = GROUPS_EVERY;
    loop {
        tokio::select! {
            () = cluster.stopping.cancelled() => return,
            () = tokio::time::sleep(INTERVAL) => {}
        }
        if !cluster.folder.is_there() {
            let folder = cluster.folder.path().display();
            tracing::error!(
                "the broker's data in {folder} were removed while it runs: what it holds is lost when it ends; end it, and start it on a folder that stays"
            );
        }
        until_groups -= 1;
        if until_groups == 0 {
            until_groups = GROUPS_EVERY;
            cluster.groups.forget_empty();
        }
        let pass = Arc::clone(&cluster);
        if let Err(error) = tokio::task::spawn_blocking(move || look_after(&pass)).await {
            tracing::error!(%error, "housekeeping failed");
        }
    }
}

/// Looks after all logs once.
pub(super) fn look_after(cluster: &Cluster) {
    if let Err(error) = cluster.topics.clear_away() {
        tracing::warn!(%error, "a deleted topic's records could not be removed");
    }
    for topic in cluster.topics.all() {
        for partition in topic.partitions() {
            if cluster.stopping.is_cancelled() {
                return;
            }
            if let Err(error) = look_after_partition(&topic, &partition) {
                tracing::warn!(topic = topic.name, partition = partition.index, %error, "housekeeping failed");
            }
        }
    }
}

fn look_after_partition(topic: &Topic, partition: &Partition) -> Result<(), LogError> {
    let now = clock::wall();
    let config = topic.log_config();
    let _upkeep = partition.upkeep();
    if partition.log().is_closed() {
        return Ok(());
    }
    partition.log().roll_if_old(now, &config)?;
    seal(partition)?;
    let checkpoint = partition.log().checkpoint();
    if let Some(checkpoint) = checkpoint {
        checkpoint.run()?;
        partition.log().checkpointed(&checkpoint);
    }
    let deleted = partition.log().retain(now, &config)?;
    if deleted > 0 {
        tracing::info!(topic = topic.name, partition = partition.index, deleted, "deleted old segments");
    }
    partition.log().expire_producers(now - PRODUCER_EXPIRY_MS);
    let plan = partition.log().plan_compaction(now, &config);
    if let Some(plan) = plan {
        let ran = plan.run(now, &config);
        if ran.as_ref().is_err_and(LogError::is_damage) {
            partition.log().give_up_compaction();
        }
        let (cleaned, to) = ran?;
        partition.log().install_compaction(cleaned, to, now, &config)?;
    }
    Ok(())
}

fn seal(partition: &Partition) -> io::Result<()> {
    loop {
        let Some(sealing) = partition.log().to_seal() else { return Ok(()) };
        sealing.run()?;
        partition.log().sealed();
    }
}

/// Syncs everything and leaves the logs so that the next start believes all of it.
pub(super) fn put_to_bed(cluster: &Cluster) {
    for topic in cluster.topics.all() {
        for partition in topic.partitions() {
            // One that is being compacted right now is checked at the next start instead.
            let Some(_upkeep) = partition.try_upkeep() else { continue };
            let sealed = seal(&partition).and_then(|()| {
                let active = partition.log().sealing_of_active();
                active.run()
            });
            if let Err(error) = sealed {
                tracing::warn!(topic = topic.name, partition = partition.index, %error, "a log was not sealed");
            }
        }
    }
}
