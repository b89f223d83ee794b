//! `--demo`: a ten-minute demo, and its state in the folder.

use std::{
    fs, io,
    path::Path,
    time::{Duration, SystemTime},
};

use chrono::{DateTime, NaiveTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

use super::super::{Failure, Setting};
use crate::{
    cli::{BackfillArg, RhythmArg, TuiArgs},
    runtime::out_dir::{OutDir, OutDirError},
};

/// One minute of wall time is an hour in the shop: midnight comes after four.
const SPEED: f64 = 60.0;
const OPENS_HOUR: u32 = 20;
/// Days with reports before the day of the demo.
const DAYS_BEFORE: TimeDelta = TimeDelta::days(7);
/// An attempt every five seconds of wall time, so that waiting orders can be seen.
const HANDLE_EVERY_MS: i64 = 300_000;
/// The length of a demo, and for how long after its end it can be resumed.
const LENGTH: TimeDelta = TimeDelta::minutes(10);
/// Its file, in the folder's state.
const KEPT: &str = "demo.json";

/// A demo, as stored in its folder for a restart.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Demo {
    /// When the demo began: the shop opens on this day.
    begun: DateTime<Utc>,
    /// When the demo's talk began.
    pub(super) talk: Option<DateTime<Utc>>,
    /// Whether it was closed cleanly.
    pub(super) left: bool,
    /// Its options: it can only be resumed with the same.
    bootstrap: Option<String>,
    prefix: String,
    tz: String,
}

/// How a demo starts in its folder.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Start {
    /// Anew: what an earlier demo has left is removed.
    Anew,
    /// Resumes the stored demo.
    GoesOn,
}

/// The folder of demos.
pub(super) fn folder(setting: &mut Setting) {
    setting.common.out = setting.common.out.join(super::DEMO);
    setting.out_dir = OutDir::new(&setting.common.out);
}

impl Demo {
    /// The demo to show in the folder at `now`, and whether it is new.
    pub(super) fn find(setting: &Setting, fresh: bool, now: DateTime<Utc>) -> Result<(Self, Start), Failure> {
        let new = Self {
            begun: now,
            talk: None,
            left: false,
            bootstrap: setting.common.bootstrap.clone(),
            prefix: setting.common.prefix.clone(),
            tz: setting.zone.0.name().to_owned(),
        };
        let kept = Self::kept(&setting.out_dir)?
            .filter(|kept| !fresh && kept.goes_on(last_written(&setting.out_dir), now));
        let Some(kept) = kept else { return Ok((new, Start::Anew)) };
        if (&kept.bootstrap, &kept.prefix, &kept.tz) != (&new.bootstrap, &new.prefix, &new.tz) {
            return Err(Failure::Other(format!(
                "the demo in {} was begun with {}, and goes on with the same alone: give that, or begin a new one with --fresh",
                setting.out_dir.path().display(),
                kept.asked()
            )));
        }
        Ok((Self { left: false, ..kept }, Start::GoesOn))
    }

    /// Whether it is resumed at `now`, when it last saved at `last`. A killed demo is resumed, so that a talk can go
    /// on; one that was closed after its end is not, nor is an old one.
    fn goes_on(&self, last: Option<DateTime<Utc>>, now: DateTime<Utc>) -> bool {
        let Some(last) = last else { return false };
        let over = self.left && last - self.begun >= LENGTH;
        !over && now - last < LENGTH
    }

    fn asked(&self) -> String {
        let bootstrap = self
            .bootstrap
            .as_deref()
            .map_or_else(|| "the built-in broker".to_owned(), |bootstrap| format!("--bootstrap {bootstrap}"));
        format!("{bootstrap}, --prefix {} and --tz {}", self.prefix, self.tz)
    }

    /// Sets time, rate and topics: a week and the day up to 20:00 are backfilled, and the shop opens then.
    pub(super) fn prepare(&self, setting: &mut Setting, args: &mut TuiArgs) {
        let day = setting.zone.date(self.begun.timestamp());
        let opens = day.and_time(NaiveTime::from_hms_opt(OPENS_HOUR, 0, 0).unwrap_or_default());
        args.simulator.speed = SPEED;
        args.simulator.start = Some(opens);
        args.simulator.rhythm.get_or_insert(RhythmArg::Shop);
        args.backfill = Some(BackfillArg::Period((day - DAYS_BEFORE).and_time(NaiveTime::MIN), opens));
        args.handling.handle_every.get_or_insert(HANDLE_EVERY_MS);
        if setting.common.bootstrap.is_some() {
            // A real cluster is not emptied: each demo has its own topics.
            setting.common.prefix = self.topics();
        }
    }

    /// Prefix of its topics on a real cluster.
    fn topics(&self) -> String {
        format!("{}-demo-{}", self.prefix, self.begun.timestamp())
    }

    /// The topic prefix of the folder's previous demo, if that used the same cluster with other topics.
    pub(super) fn left_over(&self, out_dir: &OutDir) -> Result<Option<String>, OutDirError> {
        let kept =
            Self::kept(out_dir)?.filter(|kept| kept.bootstrap.is_some() && kept.bootstrap == self.bootstrap);
        Ok(kept.map(|kept| kept.topics()).filter(|topics| *topics != self.topics()))
    }

    /// How long its talk has lasted.
    pub(super) fn talked(&self) -> Option<Duration> {
        self.talk.and_then(|began| (Utc::now() - began).to_std().ok())
    }

    /// Prepares the folder, and stores the demo. The lock on the consumers must be held.
    ///
    /// # Errors
    ///
    /// If another process uses a folder that must be emptied, or it is not writable.
    pub(super) fn begin(&self, out_dir: &OutDir, start: Start) -> Result<(), OutDirError> {
        if start == Start::Anew {
            out_dir.empty(KEPT)?;
        }
        self.keep(out_dir)
    }

    fn keep(&self, out_dir: &OutDir) -> Result<(), OutDirError> {
        // Texts and times: nothing that JSON cannot hold.
        out_dir.keep(KEPT, &serde_json::to_string(self).unwrap_or_default())
    }

    /// The demo stored in a folder; `None` if it cannot be read.
    fn kept(out_dir: &OutDir) -> Result<Option<Self>, OutDirError> {
        Ok(out_dir.kept(KEPT)?.and_then(|text| serde_json::from_str(&text).ok()))
    }
}

/// The cluster and the topic prefix of the demo stored in a folder, if it was started with `--bootstrap` and this prefix.
pub(in crate::commands) fn on_cluster(out_dir: &OutDir, prefix: &str) -> Option<(String, String)> {
    let demo = Demo::kept(out_dir).ok().flatten().filter(|demo| demo.prefix == prefix)?;
    Some((demo.bootstrap.clone()?, demo.topics()))
}

/// Updates the demo stored in a folder.
pub(super) fn note(out_dir: &OutDir, change: impl FnOnce(&mut Demo)) -> Result<(), OutDirError> {
    let Some(mut demo) = Demo::kept(out_dir)? else { return Ok(()) };
    change(&mut demo);
    demo.keep(out_dir)
}

/// When the consumers of a folder last saved anything.
fn last_written(out_dir: &OutDir) -> Option<DateTime<Utc>> {
    let changed = |path: &Path| fs::metadata(path).and_then(|file| file.modified());
    let times = |folder: &Path| -> io::Result<Vec<SystemTime>> {
        fs::read_dir(folder)?.map(|entry| changed(&entry?.path())).collect()
    };
    let state = out_dir.state();
    let times = [times(&state), times(&state.join("sled"))];
    times.into_iter().filter_map(Result::ok).flatten().max().map(DateTime::from)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_demo_goes_on_unless_it_was_left_when_it_was_over_or_long_ago() {
        let begun = DateTime::from_timestamp(1_795_000_000, 0).unwrap();
        let minute = |minute: f64| {
            begun + TimeDelta::from_std(std::time::Duration::from_secs_f64(minute * 60.0)).unwrap()
        };
        let goes_on = |left, last: f64, now: f64| {
            let (bootstrap, prefix, tz) = (None, "shop".to_owned(), "UTC".to_owned());
            let demo = Demo { begun, talk: None, left, bootstrap, prefix, tz };
            demo.goes_on(Some(minute(last)), minute(now))
        };
        assert!(goes_on(false, 4.0, 4.2), "killed in the middle of a talk");
        assert!(goes_on(false, 25.0, 25.2), "killed while questions are answered");
        assert!(goes_on(true, 4.0, 4.2), "left by a key that was meant for something else");
        assert!(!goes_on(true, 10.0, 10.2), "left when it was over");
        assert!(!goes_on(true, 4.0, 14.0), "a rehearsal");
        assert!(!goes_on(false, 4.0, 14.0), "a rehearsal");
    }
}
