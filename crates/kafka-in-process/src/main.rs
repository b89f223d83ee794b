//! A stand-alone Kafka broker, until interrupted.

use std::{
    collections::BTreeMap,
    env,
    io::{self, Write},
    net::SocketAddr,
    path::PathBuf,
    process::ExitCode,
};

use kafka_in_process::{Broker, CreateTopicError, Durability};
use tokio::signal::unix::{SignalKind, signal};

const HELP: &str = "\
A Kafka broker in one process: prints its address when it is ready, and serves until it is interrupted.

Usage: kafka-in-process [OPTIONS]

  --listen ADDRESS        where it listens (127.0.0.1:9092; port 0 for any that is free)
  --advertise HOST:PORT   where clients are told to find it, if not where they reached it
  --data FOLDER           where the records lie (a temporary folder, which goes with it)
  --fsync                 what is acknowledged survives a power cut too
  --topic NAME[:COUNT]    makes a topic of so many partitions where it is missing; may be given again
  --set NAME=VALUE        a setting for topics that have none of their own (retention.ms=-1); may be given again
  --no-auto-create        makes no topic because a client asks for it
  --partitions COUNT      of a topic that is made because a client asks for it (1)
  --help                  this text
";

/// What was asked for.
#[derive(Debug, Default, PartialEq)]
struct Options {
    listen: Option<SocketAddr>,
    advertise: Option<(String, u16)>,
    data: Option<PathBuf>,
    fsync: bool,
    topics: BTreeMap<String, i32>,
    settings: BTreeMap<String, String>,
    no_auto_create: bool,
    partitions: Option<i32>,
    help: bool,
}

impl Options {
    fn parse(mut arguments: impl Iterator<Item = String>) -> Result<Self, String> {
        let mut options = Self::default();
        while let Some(option) = arguments.next() {
            let mut value = || arguments.next().ok_or_else(|| format!("{option} needs a value"));
            match option.as_str() {
                "--listen" => {
                    let address = value()?;
                    let parsed = address
                        .parse()
                        .map_err(|_| format!("{address} is no address, such as 127.0.0.1:9092"));
                    options.listen = Some(parsed?);
                }
                "--advertise" => {
                    let address = value()?;
                    let parsed = address
                        .rsplit_once(':')
                        .and_then(|(host, port)| Some((host.to_owned(), port.parse().ok()?)));
                    options.advertise = Some(parsed.ok_or_else(|| format!("{address} is no HOST:PORT"))?);
                }
                "--data" => options.data = Some(value()?.into()),
                "--fsync" => options.fsync = true,
                "--topic" => {
                    let topic = value()?;
                    let (name, count) = topic.split_once(':').unwrap_or((&topic, "1"));
                    let count = count.parse().map_err(|_| format!("{count} is no number of partitions"))?;
                    options.topics.insert(name.to_owned(), count);
                }
                "--set" => {
                    let setting = value()?;
                    let (name, value) =
                        setting.split_once('=').ok_or_else(|| format!("{setting} is no NAME=VALUE"))?;
                    options.settings.insert(name.to_owned(), value.to_owned());
                }
                "--no-auto-create" => options.no_auto_create = true,
                "--partitions" => {
                    let count = value()?;
                    let parsed = count.parse().ok().filter(|count| *count > 0);
                    options.partitions =
                        Some(parsed.ok_or_else(|| format!("{count} is no number of partitions"))?);
                }
                "--help" | "-h" => options.help = true,
                other => return Err(format!("there is no option {other}")),
            }
        }
        Ok(options)
    }
}

#[tokio::main]
async fn main() -> ExitCode {
    let options = match Options::parse(env::args().skip(1)) {
        Ok(options) => options,
        Err(what) => {
            let _ = writeln!(io::stderr(), "kafka-in-process: {what}; see --help");
            return ExitCode::from(2);
        }
    };
    let served =
        if options.help { write!(io::stdout(), "{HELP}").map_err(Into::into) } else { serve(options).await };
    match served {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let _ = writeln!(io::stderr(), "kafka-in-process: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn serve(options: Options) -> Result<(), Box<dyn std::error::Error>> {
    let mut interrupted = signal(SignalKind::interrupt())?;
    let mut terminated = signal(SignalKind::terminate())?;
    let mut builder = options.data.map_or_else(Broker::ephemeral, Broker::on);
    builder = builder.listen(options.listen.unwrap_or_else(|| ([127, 0, 0, 1], 9092).into()));
    builder = builder.auto_create_topics(!options.no_auto_create);
    if let Some((host, port)) = options.advertise {
        builder = builder.advertise(host, port);
    }
    if options.fsync {
        builder = builder.durability(Durability::Power);
    }
    if let Some(partitions) = options.partitions {
        builder = builder.default_partitions(partitions);
    }
    for (name, value) in options.settings {
        builder = builder.topic_default(name, value);
    }
    let broker = builder.start().await?;
    let ready = make(&broker, &options.topics).await;
    if ready.is_ok() {
        writeln!(io::stdout(), "{}", broker.bootstrap())?;
        tokio::select! {
            _ = interrupted.recv() => {}
            _ = terminated.recv() => {}
        }
    }
    broker.stop().await;
    Ok(ready?)
}

async fn make(broker: &Broker, topics: &BTreeMap<String, i32>) -> Result<(), CreateTopicError> {
    for (name, partitions) in topics {
        match broker.create_topic(name, *partitions, &[]).await {
            Ok(()) | Err(CreateTopicError::Exists { .. }) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(line: &str) -> Result<Options, String> {
        Options::parse(line.split_whitespace().map(str::to_owned))
    }

    #[test]
    fn options_are_read() {
        let line = "--listen 0.0.0.0:0 --advertise kafka:19092 --topic a --topic b:3 --set retention.ms=-1 --fsync \
             --partitions 4";
        let options = parse(line).unwrap();
        assert_eq!(options.listen, Some(([0, 0, 0, 0], 0).into()));
        assert_eq!(options.advertise, Some(("kafka".to_owned(), 19092)));
        assert_eq!(options.topics, [("a".to_owned(), 1), ("b".to_owned(), 3)].into());
        assert_eq!(options.settings, [("retention.ms".to_owned(), "-1".to_owned())].into());
        assert!(options.fsync && !options.no_auto_create);
        assert_eq!(options.partitions, Some(4));
        assert_eq!(parse("").unwrap(), Options::default());
    }

    #[test]
    fn what_makes_no_sense_is_told() {
        for (line, what) in [
            ("--listen here", "here is no address"),
            ("--advertise kafka", "no HOST:PORT"),
            ("--topic a:b", "b is no number"),
            ("--partitions 0", "0 is no number"),
            ("--set retention.ms", "no NAME=VALUE"),
            ("--data", "--data needs a value"),
            ("--port 1", "no option --port"),
        ] {
            let told = parse(line).unwrap_err();
            assert!(told.contains(what), "{told}");
        }
    }
}
