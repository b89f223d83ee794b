//! `--demo`: ten minutes that show everything.

use std::{fs, io};

use chrono::{DateTime, NaiveTime, Utc};

use super::super::Setting;
use crate::{
    cli::{BackfillArg, TuiArgs},
    runtime::out_dir::{OutDir, OutDirError},
};

/// A minute of the wall clock is an hour in the shop: at four minutes it is midnight.
const SPEED: f64 = 60.0;
const OPENS_HOUR: u32 = 20;
/// A try every five seconds of the wall clock, so that people can watch orders wait.
const HANDLE_EVERY_MS: i64 = 300_000;

/// Chooses time, rate and folder: the day so far is there at once, and goes on from 20:00.
pub(super) fn prepare(setting: &mut Setting, args: &mut TuiArgs, wall: DateTime<Utc>) {
    let today = setting.zone.date(wall.timestamp());
    let opens = today.and_time(NaiveTime::from_hms_opt(OPENS_HOUR, 0, 0).unwrap_or_default());
    args.simulator.speed = SPEED;
    args.simulator.start = Some(opens);
    args.backfill = Some(BackfillArg::Period(today.and_time(NaiveTime::MIN), opens));
    args.handling.handle_every.get_or_insert(HANDLE_EVERY_MS);
    setting.common.out = setting.common.out.join("demo");
    setting.out_dir = OutDir::new(&setting.common.out);
    if setting.common.bootstrap.is_some() {
        // On a real cluster nothing is emptied: each demo has topics of its own.
        setting.common.prefix = format!("{}-demo-{}", setting.common.prefix, wall.timestamp());
    }
}

/// Removes what an earlier demo left. The lock on the consumers must be held.
pub(super) fn empty(out_dir: &OutDir) -> Result<(), OutDirError> {
    let gone = |removed: io::Result<()>, path: &std::path::Path| match removed {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            Err(OutDirError::Io { path: path.display().to_string(), error })
        }
        _ => Ok(()),
    };
    for folder in ["kafka", "reports", "mail", "orders", "handled", "state/sled", "state/set-aside"] {
        let path = out_dir.path().join(folder);
        gone(fs::remove_dir_all(&path), &path)?;
    }
    for file in ["stock.txt", "state/instance"] {
        let path = out_dir.path().join(file);
        gone(fs::remove_file(&path), &path)?;
    }
    Ok(())
}
