//! Background work: seals full segments, deletes old ones, and compacts topics.

use std::{io, sync::Arc, time::Duration};

use super::{
    cluster::Cluster,
    config::Settings,
    log::LogError,
    topics::{Partition, Topic},
};

/// Period of the maintenance of logs.
const INTERVAL: Duration = Duration::from_secs(3);
/// Period of the expiry of groups and ids (ms).
const COORDINATORS_EVERY_MS: u64 = 600_000;

/// Maintains all logs until the broker stops.
pub(super) async fn run(cluster: Arc<Cluster>) {
    let clock = &cluster.settings.clock;
    let mut looked_after = clock.moment();
    let mut begun = looked_after;
    loop {
        tokio::select! {
            () = cluster.stopping.cancelled() => return,
            () = clock.after(begun, Some(INTERVAL)) => {}
        }
        begun = clock.moment();
        if !cluster.folder.is_there() {
            let folder = cluster.folder.path().display();
            tracing::error!(
                "the broker's data in {folder} were removed while it runs: what it holds is lost when it ends; end it, and start it on a folder that stays"
            );
        }
        if clock.millis_since(looked_after) >= COORDINATORS_EVERY_MS {
            looked_after = clock.moment();
            cluster.groups.forget_empty();
            cluster.transactions.expire(clock.wall() - cluster.settings.transactional_id_expiry_ms);
        }
        let pass = Arc::clone(&cluster);
        if let Err(error) = tokio::task::spawn_blocking(move || look_after(&pass)).await {
            tracing::error!(%error, "housekeeping failed");
        }
    }
}

/// Maintains all logs once.
pub(super) fn look_after(cluster: &Cluster) {
    cluster.journal.tidy();
    if let Err(error) = cluster.topics.clear_away() {
        tracing::warn!(%error, "a deleted topic's records could not be removed");
    }
    for topic in cluster.topics.all() {
        for partition in topic.partitions() {
            if cluster.stopping.is_cancelled() {
                return;
            }
            if let Err(error) = look_after_partition(&cluster.settings, &topic, &partition) {
                tracing::warn!(topic = topic.name, partition = partition.index, %error, "housekeeping failed");
            }
        }
    }
}

fn look_after_partition(settings: &Settings, topic: &Topic, partition: &Partition) -> Result<(), LogError> {
    let now = settings.clock.wall();
    let config = topic.log_config();
    let _upkeep = partition.upkeep();
    if partition.log().is_closed() {
        return Ok(());
    }
    partition.log().roll_if_old(now, &config)?;
    seal(partition)?;
    if partition.log().is_flush_due(now, &config) {
        partition.sync_now()?;
    }
    partition.log().close_idle_files();
    let checkpoint = partition.log().checkpoint();
    if let Some(checkpoint) = checkpoint {
        checkpoint.run()?;
        partition.log().checkpointed(&checkpoint);
    }
    let deleted = partition.log().retain(now, &config)?;
    if deleted > 0 {
        tracing::info!(topic = topic.name, partition = partition.index, deleted, "deleted old segments");
    }
    partition.log().expire_producers(now - settings.producer_id_expiry_ms);
    let plan = partition.log().plan_compaction(now, &config, settings.compaction_memory);
    if let Some(plan) = plan {
        let ran = plan.run(now, &config);
        if ran.as_ref().is_err_and(LogError::is_damage) {
            partition.log().give_up_compaction();
        }
        let installed = partition.log().install_compaction(ran?)?;
        installed.write()?;
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

/// Syncs everything and writes indexes, so that the next start need not check the logs.
pub(super) fn put_to_bed(cluster: &Cluster) {
    for topic in cluster.topics.all() {
        for partition in topic.partitions() {
            // A log in compaction is checked at the next start instead.
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
