//! `broker`: the built-in broker alone.

use super::{Failure, Setting, interrupted, print};
use crate::{
    broker::{Broker, BrokerConfig, BrokerError},
    cli::BrokerArgs,
};

/// Serves until interrupted.
pub(super) async fn run(setting: Setting, args: BrokerArgs) -> Result<(), Failure> {
    let stop = interrupted()?;
    // Before anything is made: a port that is taken leaves no trace of a start.
    if let Err(error) = std::net::TcpListener::bind(args.listen) {
        let listen = args.listen;
        return Err(match error.kind() {
            std::io::ErrorKind::AddrInUse => BrokerError::AddressInUse { listen },
            _ => BrokerError::Listen { listen, source: error },
        }
        .into());
    }
    let data = args.data.unwrap_or_else(|| setting.place.kafka());
    let broker = Broker::start(BrokerConfig::new(data, args.listen)).await?;
    setting.log()?;
    if !args.listen.ip().is_loopback() {
        tracing::warn!(
            "the broker listens on {}, where others can reach it: it asks nobody who they are",
            args.listen
        );
    }
    print(&broker.address().to_string())?;
    stop.cancelled().await;
    broker.stop().await;
    Ok(())
}
