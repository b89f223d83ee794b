//! `broker`: the built-in broker alone.

use std::io::{Write, stderr};

use kafka_in_process::{Broker, BrokerConfig, BrokerError, Durability};

use super::{Failure, Setting, interrupted, print};
use crate::cli::{BrokerArgs, FsyncArg};

/// Serves until interrupted.
pub(super) async fn run(setting: Setting, args: BrokerArgs) -> Result<(), Failure> {
    let stop = interrupted()?;
    // First of all, so that a start on a port in use leaves no files.
    if let Err(error) = std::net::TcpListener::bind(args.listen) {
        let listen = args.listen;
        return Err(match error.kind() {
            std::io::ErrorKind::AddrInUse => BrokerError::AddressInUse { listen },
            _ => BrokerError::Listen { listen, source: error },
        }
        .into());
    }
    let data = args.data.unwrap_or_else(|| setting.out_dir.broker_data());
    let durability = match args.fsync {
        FsyncArg::System => Durability::Process,
        FsyncArg::Always => Durability::Power,
    };
    let broker = Broker::start(BrokerConfig { data, listen: args.listen, durability }).await?;
    setting.log()?;
    if !args.listen.ip().is_loopback() {
        let warning = format!(
            "the broker listens on {}, where other machines can reach it, and has no authentication: \
             give a loopback address with --listen unless that is what you want",
            broker.address()
        );
        tracing::warn!("{warning}");
        // If stderr is closed, the log has it.
        let _ = writeln!(stderr(), "shop-sim: {warning}");
    }
    print(&broker.address().to_string())?;
    stop.cancelled().await;
    broker.stop().await;
    Ok(())
}
