//! Secrets given with `-X` appear in no text.

use std::{fs, time::Duration};

use crate::{
    common::{files::tree, shop::Shop},
    kit::sell,
};

/// Two words, as librdkafka quotes parts of values that it cannot parse.
const WORD: &str = "hunter22secret";
const PASSWORD: &str = "open-hunter22secret sesame-hunter22secret";

fn properties() -> Vec<String> {
    ["sasl.password"]
        .iter()
        .flat_map(|name| ["-X".to_owned(), format!("{name}={PASSWORD}")])
        .chain(["-X".into(), "sasl.username=eva".into(), "-X".into(), "debug=all".into()])
        .collect()
}

#[track_caller]
fn assert_untold(shop: &Shop) {
    for path in tree(shop.home()).into_keys().filter(|path| !path.starts_with("out/kafka")) {
        let bytes = fs::read(shop.home().join(&path)).unwrap();
        assert!(!String::from_utf8_lossy(&bytes).contains(WORD), "in {}", path.display());
    }
}

#[test]
fn secrets_are_in_no_log_and_on_no_screen() {
    let shop = Shop::new();
    shop.bootstrap();
    sell(&shop, "2026-03-28 22:00..2026-03-28 22:10", "0.01", "81");
    let secret = properties();
    let secret: Vec<&str> = secret.iter().map(String::as_str).collect();
    for command in [
        &["produce", "--count", "3", "--start", "2026-03-28 22:10", "--speed", "60"][..],
        &["consume", "--until-end"],
    ] {
        let done = shop.run(&[command, &["--log-level", "debug"], &secret].concat()).ok();
        assert!(!done.stdout.contains(WORD) && !done.stderr.contains(WORD), "{done}");
    }
    // librdkafka did log, also its settings.
    let log = crate::kit::log(&shop);
    assert!(log.contains("librdkafka"), "nothing of librdkafka in the log");
    assert!(log.contains("sasl.password"), "nothing of the settings in the log");
    assert_untold(&shop);

    let mut tui =
        shop.start_in_terminal(&[&["tui", "--watch", "--log-level", "debug"][..], &secret].concat());
    tui.wait_for_output("the screen", |screen| screen.contains("22:1"));
    tui.type_keys("q");
    let done = tui.finish_within(Duration::from_secs(20)).ok();
    assert!(!done.stdout.contains(WORD), "{done}");
    assert_untold(&shop);
}

#[test]
fn no_error_quotes_a_secret() {
    let shop = Shop::new();
    for wrong in [
        &[
            "-X",
            "sasl.password=P",
            "-X",
            "security.protocol=sasl_plaintext",
            "-X",
            "sasl.mechanism=NONE-SUCH",
        ][..],
        &["-X", "sasl.password=P", "-X", "security.protocol=sasl_plaintext", "-X", "sasl.mechanism=PLAIN"],
        &[
            "-X",
            "sasl.oauthbearer.config=P",
            "-X",
            "security.protocol=sasl_plaintext",
            "-X",
            "sasl.mechanism=OAUTHBEARER",
        ],
        &["-X", "ssl.key.password=P"],
        &["-X", "ssl.key.pem=P", "-X", "security.protocol=ssl"],
        &["-X", "sasl.oauthbearer.client.secret=P", "-X", "no.such.property=1"],
        &["-X", "my.own.password=P"],
    ] {
        let wrong: Vec<String> =
            wrong.iter().map(|word| word.replace("=P", &format!("={PASSWORD}"))).collect();
        let wrong: Vec<&str> = wrong.iter().map(String::as_str).collect();
        let command = ["produce", "--count", "1", "--bootstrap", "127.0.0.1:1", "--log-level", "debug"];
        let done = shop.run_bare(&[&command[..], &wrong].concat());
        assert!(!done.refused().contains(WORD), "{done}");
        assert_untold(&shop);
    }
}

#[test]
fn the_built_in_broker_is_for_this_machine_alone() {
    let shop = Shop::embedded();
    let mut selling = shop.start(&["produce", "--rate", "5"]);
    let address = shop.out().join("kafka/address");
    selling.wait_until("the broker's address", || address.exists());
    let told = fs::read_to_string(&address).unwrap();
    let told: std::net::SocketAddr = told.trim().parse().unwrap();
    assert!(told.ip().is_loopback(), "{told}");
    // Only the reported address listens, and no other.
    let port = format!(":{:04X} ", told.port());
    let sockets = fs::read_to_string("/proc/net/tcp").unwrap()
        + &fs::read_to_string("/proc/net/tcp6").unwrap_or_default();
    let listening: Vec<&str> = sockets
        .lines()
        .filter_map(|line| {
            let mut words = line.split_whitespace().skip(1);
            let (local, _, state) = (words.next()?, words.next()?, words.next()?);
            (state == "0A" && format!("{local} ").contains(&port)).then_some(local)
        })
        .collect();
    assert!(
        !listening.is_empty() && listening.iter().all(|local| local.starts_with("0100007F")),
        "{listening:?}"
    );
    selling.terminate().ok();
}
