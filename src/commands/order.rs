//! `order ID`: one order's way from sale to mail.

use std::{ops::ControlFlow, time::Duration};

use rdkafka::Message;

use super::{Failure, Setting, print, status::exists};
use crate::{
    consumer::Part,
    runtime::{
        link::{Link, Want},
        stage::Stage,
    },
    shop::{Handled, Order, Zone, money::kronor},
    sinks::{clean::shown, mail},
    stream::{Session, StreamError, Topic, clock::Clock, scan::scan},
    views::Source,
};

/// Where a record lies.
struct Place {
    partition: i32,
    offset: i64,
}

/// Prints how far an order has come.
pub(super) async fn run(setting: Setting, id: u64) -> Result<(), Failure> {
    let link = Link::open(&setting.common, &setting.place, Want::Data).await?;
    let told = tell(&setting, &link, id).await;
    link.close().await;
    print(&told?)
}

async fn tell(setting: &Setting, link: &Link, id: u64) -> Result<String, Failure> {
    exists(link).await?;
    let mut stage = Stage::open(link, setting.zone, Clock::default())?;
    stage.known(Duration::from_secs(5)).await;
    let session = link.session.clone();
    let found = tokio::task::spawn_blocking(move || look(&session, id)).await;
    let mailed = stage.board.parts("mail");
    stage.close().await;
    let (sold, handled) = found.map_err(|error| Failure::Other(error.to_string()))??;
    let Some((order, place)) = sold else {
        return Err(Failure::Other(format!(
            "there is no order {id} in {}: orders are numbered from 1 in the order of their sale",
            link.session.topic(Topic::Orders)
        )));
    };
    let mut lines = sale(&order, &place, &link.session, setting.zone);
    if let Some((record, place)) = handled {
        let topic = link.session.topic(Topic::Handled);
        lines.push(format!(
            "Handled   {}   {topic}, partition {}, offset {}",
            time(record.second(), setting.zone),
            place.partition,
            place.offset
        ));
        let part = Part { source: Source::Handled, partition: place.partition };
        let written = mailed.iter().any(|(held, state)| *held == part && state.position.next > place.offset);
        let file = mail::file(setting.zone.date(record.second()));
        lines.push(if written {
            format!("Mailed    to {}   {file}", shown(&record.customer.email, 60))
        } else {
            "Mailed    not yet".to_owned()
        });
    } else {
        lines.push("Handled   not yet".to_owned());
    }
    Ok(lines.join("\n"))
}

fn sale(order: &Order, place: &Place, session: &Session, zone: Zone) -> Vec<String> {
    let mut lines = vec![
        format!("Order     {}", order.order_id),
        format!("Customer  {} <{}>", shown(&order.customer.name, 60), shown(&order.customer.email, 60)),
    ];
    for line in &order.lines {
        let total = kronor(line.total_ore().unwrap_or_default());
        lines.push(format!("          {} × {}   {total}", line.quantity, shown(&line.name, 40)));
    }
    lines.push(format!("Total     {}", kronor(order.total_ore)));
    lines.push(format!(
        "Sold      {}   {}, partition {}, offset {}",
        time(order.second(), zone),
        session.topic(Topic::Orders),
        place.partition,
        place.offset
    ));
    lines
}

fn time(second: i64, zone: Zone) -> String {
    zone.at(second).format("%Y-%m-%d %H:%M:%S").to_string()
}

type Found<T> = Option<(T, Place)>;

fn look(session: &Session, id: u64) -> Result<(Found<Order>, Found<Handled>), StreamError> {
    let sold =
        find(session, Topic::Orders, id, |payload| Order::decode(payload).ok(), |order| order.order_id)?;
    let handled =
        find(session, Topic::Handled, id, |payload| Handled::decode(payload).ok(), |record| record.order_id)?;
    Ok((sold, handled))
}

/// The first record of an order: its key is the id, as the shop writes it.
fn find<T>(
    session: &Session,
    topic: Topic,
    id: u64,
    decode: impl Fn(Option<&[u8]>) -> Option<T>,
    id_of: impl Fn(&T) -> u64,
) -> Result<Found<T>, StreamError> {
    let key = id.to_string();
    scan(session, topic, |message| {
        if message.key() != Some(key.as_bytes()) {
            return ControlFlow::Continue(());
        }
        match decode(message.payload()).filter(|record| id_of(record) == id) {
            Some(record) => ControlFlow::Break((
                record,
                Place { partition: message.partition(), offset: message.offset() },
            )),
            None => ControlFlow::Continue(()),
        }
    })
}
