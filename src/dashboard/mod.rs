//! The live dashboard: state, keys and drawing of a [`snapshot::Snapshot`].

pub mod snapshot;
