//! `--demo`: ten minutes that show everything, and what of them is kept in their folder.

use std::{
    fs, io,
    path::Path,
    time::{Duration, SystemTime},
};

use chrono::{DateTime, NaiveTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

use super::super::{Failure, Setting};
use crate::{
    cli::{BackfillArg, TuiArgs},
    runtime::out_dir::{OutDir, OutDirError},
};

/// A minute of the wall clock is an hour in the shop: at four minutes it is midnight.
const SPEED: f64 = 60.0;
const OPENS_HOUR: u32 = 20;
/// A try every five seconds of the wall clock, so that people can watch orders wait.
const HANDLE_EVERY_MS: i64 = 300_000;
/// How long a demo takes, and how long after its end it can be gone on with.
const LENGTH: TimeDelta = TimeDelta::minutes(10);
/// Where it is kept, under the folder's state.
const KEPT: &str = "demo.json";

/// A demo, as it is kept in its folder for a start after it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Demo {
    /// When its shop was made: the opening is of this day.
    begun: DateTime<Utc>,
    /// When the talk over it began.
    pub(super) talk: Option<DateTime<Utc>>,
    /// Whether it was left in good order.
    pub(super) left: bool,
    /// What it was asked for with: it cannot go on with anything else.
    bootstrap: Option<String>,
    prefix: String,
    tz: String,
}

/// What is to be done in the folder of a demo.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Start {
    /// A new demo; what an earlier one left is removed.
    Anew,
    /// It goes on where it was.
    GoesOn,
}

/// The folder of demos.
pub(super) fn folder(setting: &mut Setting) {
    setting.common.out = setting.common.out.join(super::DEMO);
    setting.out_dir = OutDir::new(&setting.common.out);
}

impl Demo {
    /// The demo that is to be shown in the folder by now, and whether it is a new one.
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

    /// Whether it goes on at a start by `now`, when it was seen working last. One that was killed goes on, so that nothing
    /// is lost in the middle of a talk; one that was left when it was over does not, nor does one of a while ago.
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

    /// Sets time, rate and topics: the day so far is there at once, and goes on from 20:00.
    pub(super) fn prepare(&self, setting: &mut Setting, args: &mut TuiArgs) {
        let day = setting.zone.date(self.begun.timestamp());
        let opens = day.and_time(NaiveTime::from_hms_opt(OPENS_HOUR, 0, 0).unwrap_or_default());
        args.simulator.speed = SPEED;
        args.simulator.start = Some(opens);
        args.backfill = Some(BackfillArg::Period(day.and_time(NaiveTime::MIN), opens));
        args.handling.handle_every.get_or_insert(HANDLE_EVERY_MS);
        if setting.common.bootstrap.is_some() {
            // On a real cluster nothing is emptied: each demo has topics of its own.
            setting.common.prefix = self.topics();
        }
    }

    /// What its topics on a real cluster begin with.
    fn topics(&self) -> String {
        format!("{}-demo-{}", self.prefix, self.begun.timestamp())
    }

    /// What the topics of the demo begin with that is kept in the folder, where they are on the cluster of this one, which
    /// is another.
    pub(super) fn left_over(&self, out_dir: &OutDir) -> Result<Option<String>, OutDirError> {
        let kept =
            Self::kept(out_dir)?.filter(|kept| kept.bootstrap.is_some() && kept.bootstrap == self.bootstrap);
        Ok(kept.map(|kept| kept.topics()).filter(|topics| *topics != self.topics()))
    }

    /// How long the talk over it has been going on.
    pub(super) fn talked(&self) -> Option<Duration> {
        self.talk.and_then(|began| (Utc::now() - began).to_std().ok())
    }

    /// Makes the folder ready, and keeps the demo there. The lock on the consumers must be held.
    ///
    /// # Errors
    ///
    /// Where another process uses the folder that is to be emptied, or it cannot be written.
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

    /// The demo that is kept in a folder; what cannot be read is none.
    fn kept(out_dir: &OutDir) -> Result<Option<Self>, OutDirError> {
        Ok(out_dir.kept(KEPT)?.and_then(|text| serde_json::from_str(&text).ok()))
    }
}

/// Keeps what has become of the demo in a folder.
pub(super) fn note(out_dir: &OutDir, change: impl FnOnce(&mut Demo)) -> Result<(), OutDirError> {
    let Some(mut demo) = Demo::kept(out_dir)? else { return Ok(()) };
    change(&mut demo);
    demo.keep(out_dir)
}

/// When the consumers of a folder saved anything last.
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
