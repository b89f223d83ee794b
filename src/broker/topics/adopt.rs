//! Topics that have records on disk but of which a damaged journal tells no more.

use std::{collections::BTreeMap, fs, io, path::Path};

use super::{
    check_count, check_name,
    config::Overrides,
    topic::{Kept, fresh_id},
};

/// The topics of folders with records that are not among those `known`. Of their settings nothing is left: so that
/// nothing else is lost, their records are kept for ever.
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
        if entry.path().extension().is_some_and(|extension| extension == "log") && entry.metadata()?.len() > 0
        {
            return Ok(true);
        }
    }
    Ok(false)
}
