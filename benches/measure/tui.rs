//! The whole program in a pseudo-terminal: on the embedded broker with everything in one process, or on a Kafka.

use std::{
    process::Command,
    time::{Duration, Instant},
};

use crate::{cluster::Cluster, process, shop::Shop, terminal::Terminal};

/// Columns and rows of the terminal.
const SIZE: (u16, u16) = (120, 30);
const PATIENCE: Duration = Duration::from_secs(60);
const LEAVING: Duration = Duration::from_secs(20);

/// `tui` with a screen, a prefix and a folder of its own; it ends when it is dropped.
pub(crate) struct Tui {
    pub(crate) terminal: Terminal,
    /// Where its folder and its topics are.
    pub(crate) shop: Shop,
    pub(crate) begun: Instant,
}

impl Tui {
    /// Starts `tui`. The embedded broker runs in the same process, as by default.
    pub(crate) fn start(cluster: &Cluster, arguments: &[&str]) -> Self {
        let shop = Shop::new(cluster);
        let mut command = if cluster.is_ours {
            let mut command = Command::new(env!("CARGO_BIN_EXE_shop-sim"));
            command.args(["--prefix", &shop.prefix, "--out"]).arg(shop.out());
            command
        } else {
            shop.command(&[])
        };
        command.arg("tui").args(arguments);
        let begun = Instant::now();
        let mut tui = Self { terminal: Terminal::start(command, SIZE.0, SIZE.1), shop, begun };
        if cluster.is_ours {
            tui.shop.bootstrap = tui.address();
        }
        tui
    }

    /// The address of its broker, from the top of its screen.
    fn address(&self) -> String {
        const BEFORE: &str = "Kafka embedded ";
        self.see(&format!("{BEFORE}127."), self.begun);
        let text = self.terminal.text();
        let address = text.split(BEFORE).nth(1).and_then(|rest| rest.split_whitespace().next());
        address.unwrap_or_else(|| panic!("no address:\n{text}")).to_owned()
    }

    /// Waits until the screen shows something; gives the ms from `since`.
    pub(crate) fn see(&self, what: &str, since: Instant) -> f64 {
        self.terminal.see_within(PATIENCE, what);
        since.elapsed().as_secs_f64() * 1000.0
    }

    /// Types a key; gives when.
    pub(crate) fn press(&self, key: &str) -> Instant {
        let now = Instant::now();
        self.terminal.type_keys(key);
        now
    }

    fn pid(&self) -> u32 {
        self.terminal.pid().as_raw_nonzero().get().unsigned_abs()
    }

    pub(crate) fn cpu_seconds(&self) -> f64 {
        process::cpu_seconds(self.pid())
    }

    pub(crate) fn waits(&self) -> f64 {
        process::waits(self.pid())
    }

    pub(crate) fn resident_mib(&self) -> f64 {
        process::resident_mib(self.pid()).unwrap_or(f64::NAN)
    }
}

impl Drop for Tui {
    fn drop(&mut self) {
        self.terminal.type_keys("q");
        self.terminal.ended_within(LEAVING);
    }
}
