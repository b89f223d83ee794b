//! Data lost on disk are reported in the program's log, and the broker serves the rest.

use std::{
    fs,
    io::{BufRead, BufReader},
    process::{Command, Stdio},
};

use crate::kit::{client, embedded, make_topic, read_all, send, values};

#[tokio::test(flavor = "multi_thread")]
async fn embedded_broker_says_what_it_cut() {
    let out = tempfile::tempdir().unwrap();
    let data = out.path().join("kafka");
    let broker = embedded(&data).await;
    let bootstrap = broker.address().to_string();
    let topic = make_topic(&bootstrap, 1, &[]).await;
    let producer = client(&bootstrap).set("linger.ms", "0").create().unwrap();
    for value in ["one", "two", "three"] {
        send(&producer, &topic, 0, "key", value).await;
    }
    drop(producer);
    broker.stop().await;
    let segment = data.join(format!("{topic}-0")).join("00000000000000000000.log");
    let length = fs::metadata(&segment).unwrap().len();
    fs::OpenOptions::new().write(true).open(&segment).unwrap().set_len(length - 1).unwrap();

    let mut child = Command::new(env!("CARGO_BIN_EXE_shop-sim"))
        .args(["broker", "--listen", "127.0.0.1:0", "--fsync", "always", "--out"])
        .arg(out.path())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut bootstrap = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut bootstrap).unwrap();
    let seen = read_all(bootstrap.trim(), &topic, 1, "read_uncommitted");
    assert_eq!(values(&seen), ["one", "two"]);
    child.kill().unwrap();
    child.wait().unwrap();
    let told = fs::read_to_string(out.path().join("shop-sim.log")).unwrap();
    let line = told.lines().find(|line| line.contains("cut it behind its last intact batch"));
    let line = line.unwrap_or_else(|| panic!("{told}"));
    assert!(line.contains(&*segment.to_string_lossy()) && line.contains("offset=2"), "{line}");
}
