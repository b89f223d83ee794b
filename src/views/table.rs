//! A sorted map that tracks the rows that changed since the last checkpoint.

use std::{collections::BTreeMap, fmt::Display, ops::RangeBounds, str::FromStr};

use serde::{Serialize, de::DeserializeOwned};

/// A changed row: its key, and its value as JSON, or `None` if removed.
pub type Change = (String, Option<Vec<u8>>);

/// A table, as used by checkpoints.
pub trait Saved {
    /// The rows that changed since the last call.
    fn changes(&mut self) -> Vec<Change>;
    /// Restores a stored row; the error is a sentence.
    fn restore(&mut self, key: &str, value: &[u8]) -> Result<(), String>;
}

/// The rows of one kind in a view's state.
#[derive(Debug, Clone)]
pub struct Table<K, V> {
    rows: BTreeMap<K, Row<V>>,
    /// The keys of changed and removed rows; may contain a removed and recreated row twice.
    changed: Vec<K>,
}

#[derive(Debug, Clone, Default)]
struct Row<V> {
    value: V,
    /// Whether it changed since the last checkpoint.
    changed: bool,
}

impl<K, V> Default for Table<K, V> {
    fn default() -> Self {
        Self { rows: BTreeMap::new(), changed: Vec::new() }
    }
}

impl<K: Ord + Copy, V: Default> Table<K, V> {
    /// The row, if there is one.
    pub fn get(&self, key: K) -> Option<&V> {
        self.rows.get(&key).map(|row| &row.value)
    }

    /// The row, marked as changed; created if missing.
    pub fn row(&mut self, key: K) -> &mut V {
        let row = self.rows.entry(key).or_default();
        if !row.changed {
            row.changed = true;
            self.changed.push(key);
        }
        &mut row.value
    }

    /// All rows in the order of their keys.
    pub fn rows(&self) -> impl DoubleEndedIterator<Item = (&K, &V)> {
        self.rows.iter().map(|(key, row)| (key, &row.value))
    }

    /// The rows within a range of keys.
    pub fn range(&self, keys: impl RangeBounds<K>) -> impl DoubleEndedIterator<Item = (&K, &V)> {
        self.rows.range(keys).map(|(key, row)| (key, &row.value))
    }

    /// Removes all rows before `key`.
    pub fn forget_before(&mut self, key: K) {
        while let Some(first) = self.rows.first_entry().filter(|first| *first.key() < key) {
            let (key, row) = first.remove_entry();
            if !row.changed {
                self.changed.push(key);
            }
        }
    }
}

impl<K, V> Saved for Table<K, V>
where
    K: Ord + Copy + Display + FromStr,
    V: Serialize + DeserializeOwned,
{
    fn changes(&mut self) -> Vec<Change> {
        self.changed.sort_unstable();
        self.changed.dedup();
        self.changed
            .drain(..)
            .map(|key| {
                // Values are maps, numbers and text, which JSON can always represent.
                let value = self.rows.get_mut(&key).and_then(|row| {
                    row.changed = false;
                    serde_json::to_vec(&row.value).ok()
                });
                (key.to_string(), value)
            })
            .collect()
    }

    fn restore(&mut self, key: &str, value: &[u8]) -> Result<(), String> {
        let parsed = key.parse().map_err(|_| format!("the stored key {key} is not readable"))?;
        let value =
            serde_json::from_slice(value).map_err(|error| format!("the stored row {key}: {error}"))?;
        self.rows.insert(parsed, Row { value, changed: false });
        Ok(())
    }
}
