//! `order ID`: the path of an order from sale to mail.

use super::{Failure, Setting, print};
use crate::{
    messages::Lang,
    runtime::kafka::{Kafka, Want},
    shop::{Order, Zone, number_format::signed},
    sinks::sanitize::shown,
    stream::{
        StreamError, Topic,
        order_search::{Finder, OrderStatus, TopicPartitionOffset, Tracker},
        retention_gaps::gaps,
    },
};

/// Prints the state of an order.
pub(super) async fn run(setting: Setting, id: u64) -> Result<(), Failure> {
    let kafka = Kafka::open(&setting.common, &setting.out_dir, Want::Data).await?;
    let told = tell(&setting, &kafka, id).await;
    kafka.close().await;
    print(&told?)
}

async fn tell(setting: &Setting, kafka: &Kafka, id: u64) -> Result<String, Failure> {
    let (session, mut tracker) = (kafka.session.clone(), Tracker::new(id, setting.zone));
    let looked = tokio::task::spawn_blocking(move || {
        let finder = Finder::new(&session)?;
        let looked = tracker.look(&finder, || false);
        finder.let_go();
        looked?;
        let is_found = matches!(tracker.status(), OrderStatus::Found(_));
        let gaps = if is_found { Vec::new() } else { gaps(&session, &[Topic::Orders])? };
        Ok::<_, StreamError>((tracker, gaps))
    });
    let (tracker, gaps) = looked.await.map_err(|error| Failure::Other(error.to_string()))??;
    let OrderStatus::Found(status) = tracker.status() else {
        if let Some(gap) = gaps.first() {
            return Err(Failure::Other(format!(
                "there is no order {id} any more, or there never was: {gap}; orders are kept for ever with retention.ms=-1"
            )));
        }
        return Err(Failure::Other(format!(
            "there is no order {id} in {}: give an id that orders/last.txt or the dashboard's page of orders shows",
            kafka.session.topic(Topic::Orders)
        )));
    };
    let mut lines = sale(&status.order, &status.sold, setting.zone);
    if let Some((record, place)) = &status.handled {
        let time = time(record.second(), setting.zone);
        lines.push(format!("Handled   {time}   {}", lies(place)));
        lines.push(match &status.mail {
            Some(file) => format!("Mailed    to {}   {file}", shown(&record.customer.email, 60)),
            None => "Mailed    not yet".to_owned(),
        });
    } else {
        lines.push("Handled   not yet".to_owned());
    }
    Ok(lines.join("\n"))
}

fn lies(place: &TopicPartitionOffset) -> String {
    format!("{}, partition {}, offset {}", place.topic, place.partition, place.offset)
}

fn sale(order: &Order, place: &TopicPartitionOffset, zone: Zone) -> Vec<String> {
    let mut lines = vec![
        format!("Order     {}", order.order_id),
        format!("Customer  {} <{}>", shown(&order.customer.name, 60), shown(&order.customer.email, 60)),
    ];
    for line in &order.lines {
        let total = Lang::En.kronor(line.total_ore().unwrap_or_default());
        lines.push(format!("          {} × {}   {total}", signed(line.quantity), shown(&line.name, 40)));
    }
    lines.push(format!("Total     {}", Lang::En.kronor(order.total_ore)));
    lines.push(format!("Sold      {}   {}", time(order.second(), zone), lies(place)));
    lines
}

fn time(second: i64, zone: Zone) -> String {
    zone.at(second).format("%Y-%m-%d %H:%M:%S").to_string()
}
