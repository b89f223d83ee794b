//! A driver of the real binary: a folder of its own for every test, command lines, output, deadlines, signals.

use std::{
    fs::{self, File},
    io::Write,
    os::unix::process::ExitStatusExt,
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Stdio},
    sync::OnceLock,
    thread,
    time::{Duration, Instant},
};

use serde_json::Value;
use tempfile::TempDir;

use super::{kafka, oracle::Oracle};

/// How long a command may take before the test kills it and fails.
pub const PATIENCE: Duration = Duration::from_secs(180);
/// Period of the checks of a condition.
const GLANCE: Duration = Duration::from_millis(5);

/// Waits until something is there; fails the test when it does not come.
pub fn wait_for<T>(what: &str, patience: Duration, mut look: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + patience;
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(Instant::now() < deadline, "waited {patience:?} in vain for {what}");
        thread::sleep(GLANCE);
    }
}

/// A shop in an empty folder: on the real Kafka that the environment names, with a prefix of its own, or on the
/// embedded broker with no flag at all.
pub struct Shop {
    home: TempDir,
    bootstrap: Option<String>,
    prefix: String,
    /// The embedded broker, once a test reads the topics itself.
    broker: OnceLock<(Running, String)>,
    /// Whether the folder is kept if the test fails.
    evidence: bool,
}

impl Drop for Shop {
    fn drop(&mut self) {
        if self.evidence && thread::panicking() {
            self.home.disable_cleanup(true);
            #[expect(clippy::print_stderr, reason = "for whoever looks for the cause")]
            {
                eprintln!("the evidence is kept in {}, topics {}", self.home().display(), self.topic("*"));
            }
        }
    }
}

impl Shop {
    pub fn new() -> Self {
        Self::on(kafka::real_bootstrap())
    }

    /// On the embedded broker only, for its own features.
    pub fn embedded() -> Self {
        Self::on(None)
    }

    fn on(bootstrap: Option<String>) -> Self {
        let home = tempfile::Builder::new().prefix("shop-").tempdir().expect("a folder");
        let name = home.path().file_name().expect("a name").to_string_lossy().into_owned();
        let prefix = if bootstrap.is_some() { name } else { "shop".to_owned() };
        Self { home, bootstrap, prefix, broker: OnceLock::new(), evidence: false }
    }

    /// Keeps the folder of a failed test, for debugging.
    #[must_use]
    pub fn with_evidence(mut self) -> Self {
        self.evidence = true;
        self
    }

    pub fn is_embedded(&self) -> bool {
        self.bootstrap.is_none()
    }

    pub fn home(&self) -> &Path {
        self.home.path()
    }

    /// The default `--out`: commands run in the shop's folder.
    pub fn out(&self) -> PathBuf {
        self.home.path().join("out")
    }

    /// The flags that lead a command to this shop's Kafka; none on the embedded broker.
    pub fn flags(&self) -> Vec<String> {
        self.bootstrap.as_ref().map_or_else(Vec::new, |address| {
            vec!["--bootstrap".into(), address.clone(), "--prefix".into(), self.prefix.clone()]
        })
    }

    /// The name of a topic.
    pub fn topic(&self, suffix: &str) -> String {
        format!("{}.{suffix}", self.prefix)
    }

    /// Starts a command of the shop.
    pub fn start(&self, arguments: &[&str]) -> Running {
        let flags = self.flags();
        let mut all: Vec<&str> = arguments.to_vec();
        all.extend(flags.iter().map(String::as_str));
        self.start_bare(&all)
    }

    /// Starts a command with a folder of its own, on the shop's Kafka: as on another machine.
    pub fn start_elsewhere(&self, out: &str, arguments: &[&str]) -> Running {
        let flags = ["--bootstrap", self.bootstrap(), "--prefix", &self.prefix, "--out", out];
        self.start_bare(&[arguments, &flags].concat())
    }

    /// Starts the binary with these arguments and no others.
    pub fn start_bare(&self, arguments: &[&str]) -> Running {
        let mut command = Command::new(env!("CARGO_BIN_EXE_shop-sim"));
        command.args(arguments);
        self.spawn(command, format!("shop-sim {}", arguments.join(" ")))
    }

    /// Starts a command of the shop in a terminal of 120 × 40 of its own, which `script` provides; what it draws
    /// is its output.
    pub fn start_in_terminal(&self, arguments: &[&str]) -> Running {
        let words = arguments.iter().map(ToString::to_string).chain(self.flags());
        let line = words.fold(String::new(), |line, word| line + " '" + &word + "'");
        let mut command = Command::new("script");
        let inside = format!("stty cols 120 rows 40; exec {}{line}", env!("CARGO_BIN_EXE_shop-sim"));
        command.env("TERM", "xterm-256color").args(["-qefc", &inside, "/dev/null"]);
        self.spawn(command, format!("script: shop-sim{line}"))
    }

    /// Starts any command in the shop's folder; its output goes to files beside it.
    pub fn spawn(&self, mut command: Command, line: String) -> Running {
        let output = tempfile::Builder::new().prefix("output-").tempdir().expect("a folder");
        let file = |name| File::create(output.path().join(name)).expect("a file");
        let child = command
            .current_dir(self.home())
            .env_remove("SHOP_SIM_BOOTSTRAP")
            .env_remove("NO_COLOR")
            .stdin(Stdio::piped())
            .stdout(file("stdout"))
            .stderr(file("stderr"))
            .spawn()
            .unwrap_or_else(|error| panic!("{line}: {error}"));
        Running { child, output, line, started: Instant::now() }
    }

    /// Runs a command of the shop to its end.
    pub fn run(&self, arguments: &[&str]) -> Done {
        self.start(arguments).finish()
    }

    /// Runs a command with a folder of its own, on the shop's Kafka, to its end.
    pub fn run_elsewhere(&self, out: &str, arguments: &[&str]) -> Done {
        self.start_elsewhere(out, arguments).finish()
    }

    /// Runs the binary with these arguments and no others to its end.
    pub fn run_bare(&self, arguments: &[&str]) -> Done {
        self.start_bare(arguments).finish()
    }

    /// The address of this shop's Kafka. On the embedded broker, starts the command `broker` and keeps it running;
    /// later commands find it.
    pub fn bootstrap(&self) -> &str {
        if let Some(address) = &self.bootstrap {
            return address;
        }
        let (_, address) = self.broker.get_or_init(|| {
            let mut broker = self.start(&["broker", "--listen", "127.0.0.1:0"]);
            broker.wait("its address", |broker| broker.address().is_some());
            let address = broker.address().expect("just seen");
            (broker, address)
        });
        address
    }

    /// Reads the topics.
    pub fn oracle(&self) -> Oracle {
        Oracle::read(self.bootstrap(), &self.prefix)
    }

    /// Writes records as they are to one of the shop's topics.
    pub fn write(&self, suffix: &str, records: &[kafka::Record]) {
        kafka::write(self.bootstrap(), &self.topic(suffix), records);
    }
}

/// A command that runs. Killed when dropped.
pub struct Running {
    child: Child,
    output: TempDir,
    line: String,
    started: Instant,
}

impl Running {
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    pub fn stdout(&self) -> String {
        self.read("stdout")
    }

    pub fn stderr(&self) -> String {
        self.read("stderr")
    }

    fn read(&self, name: &str) -> String {
        String::from_utf8_lossy(&fs::read(self.output.path().join(name)).expect("output")).into_owned()
    }

    /// A `HOST:PORT` in what it printed, once a whole line has one.
    pub fn address(&self) -> Option<String> {
        let text = self.stdout() + &self.stderr();
        let whole = text.rsplit_once('\n')?.0;
        let words = whole.split(|one: char| one.is_whitespace() || matches!(one, ',' | '(' | ')' | '"'));
        words
            .map(|word| word.trim_end_matches('.'))
            .find(|word| word.parse::<std::net::SocketAddr>().is_ok())
            .map(str::to_owned)
    }

    fn told(&self) -> String {
        format!("{}\n--- stdout\n{}\n--- stderr\n{}", self.line, self.stdout(), self.stderr())
    }

    /// Waits for a condition while the command runs; fails if the command ends first, or the condition does not hold in
    /// time.
    pub fn wait_until(&mut self, what: &str, mut look: impl FnMut() -> bool) {
        self.wait(what, |_| look());
    }

    /// The same for what it has printed.
    pub fn wait_for_output(&mut self, what: &str, look: impl Fn(&str) -> bool) {
        self.wait(what, |running| look(&running.stdout()));
    }

    fn wait(&mut self, what: &str, mut look: impl FnMut(&Self) -> bool) {
        let deadline = Instant::now() + PATIENCE;
        while !look(self) {
            if let Some(status) = self.child.try_wait().expect("its state") {
                panic!("ended ({status}) before {what}: {}", self.told());
            }
            assert!(Instant::now() < deadline, "waited {PATIENCE:?} in vain for {what}: {}", self.told());
            thread::sleep(GLANCE);
        }
    }

    /// Whether it still runs.
    pub fn is_running(&mut self) -> bool {
        self.child.try_wait().expect("its state").is_none()
    }

    /// Waits for its end; kills it and fails the test when it takes too long.
    pub fn finish(self) -> Done {
        self.finish_within(PATIENCE)
    }

    pub fn finish_within(mut self, patience: Duration) -> Done {
        let deadline = Instant::now() + patience;
        let status = loop {
            if let Some(status) = self.child.try_wait().expect("its state") {
                break status;
            }
            if Instant::now() > deadline {
                let _ = self.child.kill();
                panic!("still running after {patience:?}: {}", self.told());
            }
            thread::sleep(GLANCE);
        };
        Done {
            status,
            stdout: self.stdout(),
            stderr: self.stderr(),
            took: self.started.elapsed(),
            line: self.line.clone(),
        }
    }

    /// Types at it.
    pub fn type_keys(&mut self, keys: &str) {
        let stdin = self.child.stdin.as_mut().expect("a pipe");
        stdin.write_all(keys.as_bytes()).and_then(|()| stdin.flush()).expect("typed");
    }

    /// SIGKILL. Fails the test when the command had ended by itself.
    pub fn kill(mut self) {
        self.child.kill().expect("killed");
        let status = self.child.wait().expect("its state");
        assert_eq!(
            status.signal(),
            Some(9),
            "ended by itself ({status}) before it was killed: {}",
            self.told()
        );
    }

    /// Sends SIGKILL to a command that may have ended already; returns its end.
    pub fn kill_or_end(mut self) -> Done {
        self.child.kill().expect("killed");
        self.finish()
    }

    /// SIGKILL to what runs in the terminal of [`Shop::start_in_terminal`]; the terminal ends by itself then.
    pub fn kill_inside(mut self) {
        let children = format!("/proc/{0}/task/{0}/children", self.pid());
        // A new terminal has no child yet; one that starts later would outlive it.
        self.wait("what runs in it", |_| {
            fs::read_to_string(&children).is_ok_and(|pids| !pids.trim().is_empty())
        });
        let pids = fs::read_to_string(&children).unwrap_or_default();
        for pid in pids.split_whitespace() {
            let sent = Command::new("sh").args(["-c", &format!("kill -KILL {pid}")]).status();
            assert!(sent.expect("sh").success(), "ended by itself before it was killed: {}", self.told());
        }
        let deadline = Instant::now() + PATIENCE;
        while self.is_running() {
            assert!(Instant::now() < deadline, "the terminal does not end: {}", self.line);
            thread::sleep(GLANCE);
        }
    }

    /// Sends a signal by name, `TERM` or `INT`.
    pub fn signal(&self, name: &str) {
        let sent = Command::new("sh").args(["-c", &format!("kill -{name} {}", self.pid())]).status();
        assert!(sent.expect("sh").success(), "no signal to {}", self.line);
    }

    /// SIGTERM, and the end that must follow.
    pub fn terminate(self) -> Done {
        self.signal("TERM");
        self.finish_within(Duration::from_secs(20))
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A command that has ended.
#[derive(Debug)]
pub struct Done {
    pub status: ExitStatus,
    pub stdout: String,
    pub stderr: String,
    pub took: Duration,
    line: String,
}

impl Done {
    /// Fails the test unless it ended well.
    pub fn ok(self) -> Self {
        assert!(self.status.success(), "{self}");
        self
    }

    /// Whether SIGKILL was its end.
    pub fn was_killed(&self) -> bool {
        self.status.signal() == Some(9)
    }

    /// The last line of its output as JSON.
    pub fn json(&self) -> Value {
        let last = self.stdout.lines().last().unwrap_or_default();
        serde_json::from_str(last).unwrap_or_else(|error| panic!("{error} in {last:?}: {self}"))
    }

    /// Its error, which must be one line; fails the test if it did not end with one.
    pub fn refused(&self) -> &str {
        assert_eq!(self.status.code(), Some(1), "{self}");
        let lines: Vec<&str> = self.stderr.lines().collect();
        assert_eq!(lines.len(), 1, "one line on stderr: {self}");
        assert!(self.stdout.is_empty(), "nothing on stdout: {self}");
        assert!(lines[0].len() > 20 && !lines[0].contains("panicked"), "a sentence: {self}");
        lines[0]
    }
}

impl std::fmt::Display for Done {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { line, status, took, stdout, stderr } = self;
        write!(f, "{line}\n{status} after {took:?}\n--- stdout\n{stdout}\n--- stderr\n{stderr}")
    }
}
