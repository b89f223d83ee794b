//! Topics with records on disk that a damaged journal no longer lists.

use std::{collections::BTreeMap, fs, io, path::Path};

use super::{
    check_count, check_name,
    config::Overrides,
    topic::{Kept, fresh_id},
};

/// The topics of folders with records that are not `known`. Their settings are lost: so that no records are, these are
/// kept for ever.
pub(super) fn unknown(folder: &Path, known: &BTreeMap<String, Kept>) -> io::Result<BTreeMap<String, Kept>> {
    let mut found: BTreeMap<String, Kept> = BTreeMap::new();
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let name = entry.file_name();
        let Some((topic, index)) = name.to_str().and_then(|name| name.rsplit_once('-')) else { continue };
        let Some(count) = index.parse::<i32>().ok().and_then(|index| index.checked_add(1)) else { continue };
        let sensible = check_name(topic).is_ok() && check_count(count).is_ok();
        if !sensible || known.contains_key(topic) || !holds_records(&entry.path())? {
            continue;
        }
        let settings = Overrides::from([("retention.ms".to_owned(), "-1".to_owned())]);
        let kept = || Kept { id: fresh_id().to_string(), partitions: count, settings };
        let kept = found.entry(topic.to_owned()).or_insert_with(kept);
        kept.partitions = kept.partitions.max(count);
    }
    Ok(found)
}

fn holds_records(folder: &Path) -> io::Result<bool> {
    if !folder.is_dir() {
        return Ok(false);
    }
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let name = entry.file_name();
        let base = name.to_str().and_then(|name| name.strip_suffix(".log"));
        let segment =
            base.is_some_and(|base| base.len() == 20 && base.bytes().all(|byte| byte.is_ascii_digit()));
        if segment && entry.metadata()?.len() > 0 {
            return Ok(true);
        }
    }
    Ok(false)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::{
        folder::Folder,
        journal::Journal,
        log::tests::kit::{NOBODY, NOW, append, config, given},
        topics::Topics,
    };

    #[test]
    fn a_topic_that_the_journal_has_lost_keeps_its_records() {
        let data = tempfile::tempdir().unwrap();
        let journal = || Arc::new(Journal::open(&data.path().join("journal")).unwrap());
        let folder = || Arc::new(Folder::lock(data.path()).unwrap());
        let topics = Topics::open(folder(), journal(), Arc::default()).unwrap();
        let topic = topics
            .create("a-topic.of-mine", 3, Overrides::new(), false)
            .map(|_| topics.get("a-topic.of-mine"));
        let partition = topic.unwrap().unwrap().partition(2).unwrap();
        append(&mut partition.log(), &[given("key", Some("value"), NOW)], NOBODY, &config()).unwrap();
        drop(topics);
        fs::remove_file(data.path().join("journal")).unwrap();
        // Twice: after the first time the journal lists it again.
        for _ in 0..2 {
            let topics = Topics::open(folder(), journal(), Arc::default()).unwrap();
            let topic = topics.get("a-topic.of-mine").unwrap();
            assert_eq!(topic.partitions().len(), 3);
            assert_eq!(topic.partition(2).unwrap().log().end(), 1);
            assert_eq!(topic.log_config().retention_ms, -1);
        }
    }
}
