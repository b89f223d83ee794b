//! A sorted map that knows which of its rows changed since the last checkpoint.

use std::{
    collections::{BTreeMap, BTreeSet, btree_map},
    fmt::Display,
    ops::RangeBounds,
    str::FromStr,
};

use serde::{Serialize, de::DeserializeOwned};

/// A changed row: its key, and its value as JSON or `None` where it was removed.
pub type Change = (String, Option<Vec<u8>>);

/// A table as the checkpoint sees it.
pub trait Saved {
    /// The rows that changed since the last call.
    fn changes(&mut self) -> Vec<Change>;
    /// Puts a stored row back; the error is a sentence.
    fn restore(&mut self, key: &str, value: &[u8]) -> Result<(), String>;
}

/// The rows of one kind of thing that a view knows.
#[derive(Debug, Clone)]
pub struct Table<K, V> {
    rows: BTreeMap<K, V>,
    changed: BTreeSet<K>,
}

impl<K, V> Default for Table<K, V> {
    fn default() -> Self {
        Self { rows: BTreeMap::new(), changed: BTreeSet::new() }
    }
}

impl<K: Ord + Copy, V: Default> Table<K, V> {
    /// The row, if there is one.
    pub fn get(&self, key: K) -> Option<&V> {
        self.rows.get(&key)
    }

    /// The row to write to, made where missing.
    pub fn row(&mut self, key: K) -> &mut V {
        self.changed.insert(key);
        self.rows.entry(key).or_default()
    }

    /// All rows in the order of their keys.
    pub fn rows(&self) -> btree_map::Iter<'_, K, V> {
        self.rows.iter()
    }

    /// The rows within a range of keys.
    pub fn range(&self, keys: impl RangeBounds<K>) -> btree_map::Range<'_, K, V> {
        self.rows.range(keys)
    }

    /// Removes all rows before `key`.
    pub fn forget_before(&mut self, key: K) {
        while let Some(first) = self.rows.first_entry().filter(|first| *first.key() < key) {
            self.changed.insert(*first.key());
            first.remove();
        }
    }
}

impl<K, V> Saved for Table<K, V>
where
    K: Ord + Copy + Display + FromStr,
    V: Serialize + DeserializeOwned,
{
    fn changes(&mut self) -> Vec<Change> {
        std::mem::take(&mut self.changed)
            .into_iter()
            .map(|key| {
                // Maps with text or number keys, numbers and text: nothing that JSON cannot hold.
                let value = self.rows.get(&key).and_then(|row| serde_json::to_vec(row).ok());
                (key.to_string(), value)
            })
            .collect()
    }

    fn restore(&mut self, key: &str, value: &[u8]) -> Result<(), String> {
        let parsed = key.parse().map_err(|_| format!("the stored key {key} is not readable"))?;
        let row = serde_json::from_slice(value).map_err(|error| format!("the stored row {key}: {error}"))?;
        self.rows.insert(parsed, row);
        Ok(())
    }
}
