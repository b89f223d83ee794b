//! The two brokers: started here, stopped when dropped, in folders of their own.

use std::{
    fs,
    io::{BufRead, BufReader},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
};

use crate::process;

/// A broker in a process of its own.
pub(crate) struct Cluster {
    pub(crate) bootstrap: String,
    pub(crate) is_ours: bool,
    pid: u32,
    child: Option<Child>,
    folder: tempfile::TempDir,
}

fn script() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("scripts/kafka.sh")
}

/// The embedded broker in a process, and its address once it is ready.
pub(crate) fn serve(folder: &Path) -> (Child, String) {
    let mut child = Command::new(env!("CARGO_BIN_EXE_shop-sim"))
        .args(["broker", "--listen", "127.0.0.1:0", "--out"])
        .arg(folder)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut bootstrap = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut bootstrap).unwrap();
    (child, bootstrap.trim().to_owned())
}

impl Cluster {
    pub(crate) fn ours() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let (child, bootstrap) = serve(folder.path());
        Self { bootstrap, is_ours: true, pid: child.id(), child: Some(child), folder }
    }

    pub(crate) fn kafka() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let up = Command::new(script())
            .args(["up", "--port", "0", "--heap", "1g"])
            .env("KAFKA_RUN", folder.path())
            .stderr(Stdio::inherit())
            .output()
            .unwrap();
        let told = String::from_utf8_lossy(&up.stdout).into_owned();
        let bootstrap = told.lines().find_map(|line| line.strip_prefix("bootstrap "));
        let bootstrap = bootstrap.unwrap_or_else(|| panic!("kafka.sh up: {told}")).to_owned();
        let pid = fs::read_to_string(folder.path().join("node-s/pid")).unwrap().trim().parse().unwrap();
        Self { bootstrap, is_ours: false, pid, child: None, folder }
    }

    /// Its name in tables.
    pub(crate) fn name(&self) -> &'static str {
        if self.is_ours { "embedded" } else { "Kafka" }
    }

    /// The most memory that the process had in use so far (MiB).
    pub(crate) fn memory_mib(&self) -> f64 {
        process::peak_mib(self.pid).unwrap_or(f64::NAN)
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        if let Some(child) = &mut self.child {
            let _ = child.kill();
            let _ = child.wait();
        } else {
            let _ = Command::new(script()).arg("down").env("KAFKA_RUN", self.folder.path()).status();
        }
    }
}
