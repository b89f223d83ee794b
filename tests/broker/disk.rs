//! A full disk: producers get errors, readers continue, and nothing that was acknowledged is lost.

use std::{
    io::{BufRead, BufReader},
    path::Path,
    process::{Child, Command, Stdio},
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
};

use rdkafka::{
    ClientContext, Statistics,
    error::{KafkaError, RDKafkaErrorCode},
    producer::{FutureProducer, FutureRecord},
};
use rustix::process::{Pid, Resource, Rlimit, prlimit};

use crate::kit::{PATIENCE, client, make_topic, read_all, until, values};

/// Killed when dropped.
struct Killed(Child);

impl Drop for Killed {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A broker in a process with a file size limit that causes errors, not a signal.
fn spawn(data: &Path) -> (Killed, String) {
    let mut child = Command::new("bash")
        .args(["-c", "trap '' XFSZ; exec \"$@\"", "-", env!("CARGO_BIN_EXE_shop-sim")])
        .args(["broker", "--listen", "127.0.0.1:0", "--out"])
        .arg(data)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut address = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut address).unwrap();
    (Killed(child), address.trim().to_owned())
}

fn limit_files(child: &Child, bytes: Option<u64>) {
    let pid = Pid::from_raw(child.id().cast_signed());
    prlimit(pid, Resource::Fsize, Rlimit { current: bytes, maximum: None }).unwrap();
}

/// Counts a client's produce requests.
#[derive(Clone, Default)]
struct Sent(Arc<AtomicI64>);

impl ClientContext for Sent {
    fn stats(&self, statistics: Statistics) {
        let sent = statistics.brokers.values().filter_map(|broker| broker.req.get("Produce")).sum();
        self.0.store(sent, Ordering::Relaxed);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_refuses_producers_and_loses_nothing() {
    let data = tempfile::tempdir().unwrap();
    let (child, bootstrap) = spawn(data.path());
    let topic = make_topic(&bootstrap, 1, &[]).await;
    let value = "v".repeat(5000);
    let hasty: FutureProducer = client(&bootstrap)
        .set("retries", "0")
        .set("linger.ms", "0")
        .set("message.timeout.ms", "20000")
        .create()
        .unwrap();
    let mut acknowledged = Vec::new();
    let mut refused = None;
    limit_files(&child.0, Some(200_000));
    for n in 0..100 {
        let value = format!("{n} {value}");
        let record = FutureRecord::<str, _>::to(&topic).partition(0).payload(&value);
        match hasty.send(record, PATIENCE).await {
            Ok(_) => acknowledged.push(value),
            Err((error, _)) => {
                refused = Some(error);
                break;
            }
        }
    }
    // The disk is full: producers are told, readers go on.
    let code = refused.as_ref().and_then(KafkaError::rdkafka_error_code);
    assert_eq!(code, Some(RDKafkaErrorCode::KafkaStorageError), "{refused:?}");
    assert!(acknowledged.len() > 20);
    assert_eq!(values(&read_all(&bootstrap, &topic, 1, "read_committed")), acknowledged);

    // A retrying producer succeeds as soon as there is room.
    let sent = Sent::default();
    let patient: FutureProducer<Sent> = client(&bootstrap)
        .set("enable.idempotence", "true")
        .set("max.in.flight.requests.per.connection", "1")
        .set("message.timeout.ms", "60000")
        .set("statistics.interval.ms", "20")
        .create_with_context(sent.clone())
        .unwrap();
    let waiting: Vec<String> = (0..10).map(|n| format!("later {n} {value}")).collect();
    let waited: Vec<_> = waiting
        .iter()
        .map(|value| {
            let record = FutureRecord::<str, _>::to(&topic).partition(0).payload(value);
            patient.send_result(record).map_err(|(error, _)| error).unwrap()
        })
        .collect();
    until("a second try, which follows a refusal", || sent.0.load(Ordering::Relaxed) > 1);
    limit_files(&child.0, None);
    for sent in waited {
        sent.await.unwrap().map_err(|(error, _)| error).unwrap();
    }
    acknowledged.extend(waiting);
    assert_eq!(values(&read_all(&bootstrap, &topic, 1, "read_committed")), acknowledged);

    // And no torn batch was left in the middle.
    drop(child);
    let (_child, bootstrap) = spawn(data.path());
    assert_eq!(values(&read_all(&bootstrap, &topic, 1, "read_committed")), acknowledged);
}
