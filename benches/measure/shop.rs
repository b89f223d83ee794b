//! A shop on a broker: the program's commands with a prefix and a folder of their own.

use std::{
    path::Path,
    process::{Command, Stdio},
    sync::atomic::{AtomicUsize, Ordering},
    thread,
    time::{Duration, Instant},
};

use futures::executor::block_on;
use rdkafka::admin::{
    AdminClient, AdminOptions, ConfigSource, NewTopic, ResourceSpecifier, TopicReplication,
};
use rdkafka::client::DefaultClientContext;

use crate::{cluster::Cluster, load};

/// The views, as the command line and their groups call them.
pub(crate) const VIEWS: [&str; 8] =
    ["orders-today", "sales", "stock", "daily-report", "journal", "handling", "mail", "handled-windows"];
/// What the consumers write to Kafka.
const DERIVED: [&str; 3] = ["state", "handled", "dead-letters"];
/// Time for a broker to delete a topic or a group: members stay until their session times out.
const PATIENCE: Duration = Duration::from_secs(60);
const GLANCE: Duration = Duration::from_millis(100);

pub(crate) struct Shop {
    pub(crate) bootstrap: String,
    pub(crate) prefix: String,
    folder: tempfile::TempDir,
}

impl Shop {
    pub(crate) fn new(cluster: &Cluster) -> Self {
        static NUMBER: AtomicUsize = AtomicUsize::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        Self {
            bootstrap: cluster.bootstrap.clone(),
            prefix: format!("shop-{}-{number}", std::process::id()),
            folder: tempfile::tempdir().unwrap(),
        }
    }

    pub(crate) fn topic(&self, suffix: &str) -> String {
        format!("{}.{suffix}", self.prefix)
    }

    /// The program's `--out`.
    pub(crate) fn out(&self) -> &Path {
        self.folder.path()
    }

    /// An empty `--out` in place of the one so far.
    pub(crate) fn renew_out(&mut self) {
        self.folder = tempfile::tempdir().unwrap();
    }

    /// A command of the program on this shop.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        self.command_in(self.out(), arguments)
    }

    /// The same with an `--out` of its own, as on another machine.
    pub(crate) fn command_in(&self, out: &Path, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_shop-sim"));
        command.args(arguments).args(["--bootstrap", &self.bootstrap, "--prefix", &self.prefix, "--out"]);
        command.arg(out);
        command
    }

    /// Creates the topics and leaves them empty: the consumers have nothing to process.
    pub(crate) fn open(&self) {
        let mut consumers = self.command(&["consume"]).stderr(Stdio::null()).spawn().unwrap();
        let admin = load::admin(&self.bootstrap);
        let topic = self.topic("state");
        let deadline = Instant::now() + Duration::from_secs(60);
        // Not queried by name: that would create it, with one partition.
        let is_there = || {
            let metadata = admin.inner().fetch_metadata(None, Duration::from_secs(5)).unwrap();
            metadata.topics().iter().any(|there| there.name() == topic && there.partitions().len() > 1)
        };
        while !is_there() {
            assert!(Instant::now() < deadline, "no topics were made");
            thread::sleep(Duration::from_millis(50));
        }
        consumers.kill().unwrap();
        consumers.wait().unwrap();
    }

    /// Deletes all that consumers have left in Kafka and on disk: the next ones start from the beginning.
    ///
    /// Their output topics are recreated with the same settings, so that no measured run creates topics.
    pub(crate) fn forget_consumers(&mut self) {
        self.renew_out();
        let admin = load::admin(&self.bootstrap);
        self.delete_groups(&admin);
        for suffix in DERIVED {
            self.empty_topic(&admin, &self.topic(suffix));
        }
    }

    /// Takes its topics away.
    pub(crate) fn delete(&self) {
        let topics = load::topics(&self.bootstrap, &self.topic(""));
        let topics: Vec<&str> = topics.iter().map(String::as_str).collect();
        block_on(load::admin(&self.bootstrap).delete_topics(&topics, &AdminOptions::new())).unwrap();
    }

    fn delete_groups(&self, admin: &AdminClient<DefaultClientContext>) {
        let groups = VIEWS.map(|view| format!("{}.{view}", self.prefix));
        for group in &groups {
            within(PATIENCE, &format!("the end of group {group}"), || {
                let deleted = block_on(admin.delete_groups(&[group], &AdminOptions::new())).unwrap();
                deleted.into_iter().all(|one| {
                    // Consumers that were not run have no group.
                    one.is_ok() || format!("{one:?}").contains("GroupIdNotFound")
                })
            });
        }
    }

    fn empty_topic(&self, admin: &AdminClient<DefaultClientContext>, topic: &str) {
        let options = AdminOptions::new();
        let asked = block_on(admin.describe_configs(&[ResourceSpecifier::Topic(topic)], &options)).unwrap();
        let entries = asked.into_iter().next().unwrap().unwrap().entries;
        let own: Vec<(String, String)> = entries
            .into_iter()
            .filter(|entry| entry.source == ConfigSource::DynamicTopic)
            .filter_map(|entry| Some((entry.name, entry.value?)))
            .collect();
        let partitions = load::partitions(&self.bootstrap, topic);
        block_on(admin.delete_topics(&[topic], &options)).unwrap();
        within(PATIENCE, &format!("an empty topic {topic}"), || {
            let mut new = NewTopic::new(topic, partitions, TopicReplication::Fixed(1));
            for (name, value) in &own {
                new = new.set(name, value);
            }
            block_on(admin.create_topics([&new], &options)).unwrap().into_iter().all(|made| made.is_ok())
        });
        assert_eq!(load::records(&self.bootstrap, topic), 0, "{topic}");
    }
}

/// Repeats a check until it holds.
fn within(patience: Duration, what: &str, mut holds: impl FnMut() -> bool) {
    let deadline = Instant::now() + patience;
    while !holds() {
        assert!(Instant::now() < deadline, "waited {patience:?} in vain for {what}");
        thread::sleep(GLANCE);
    }
}
