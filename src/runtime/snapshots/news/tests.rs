use chrono::Days;

use super::*;
use crate::{
    shop::{Zone, pulse::UnderWay},
    views::shop_figures::StockLine,
};

/// 2026-11-20 14:03:07 in Stockholm.
const AFTERNOON: i64 = 1_795_179_787;

/// A shop whose picture is looked at every 200 ms.
struct Watched {
    news: News,
    figures: ShopFigures,
    pulse: Pulse,
    groups: Vec<GroupState>,
    rate: f64,
    now: Instant,
}

impl Watched {
    fn new() -> Self {
        let stamp = Zone::default().stamp(AFTERNOON * 1000);
        let line = |product_id, name: &str, delivered, sold| StockLine {
            product_id,
            name: name.to_owned(),
            named_by: 1,
            delivered,
            sold,
        };
        let group = |view| GroupState {
            view,
            rate: 0.0,
            lag: 0,
            lag_seconds: 0,
            partitions: 6,
            rebalances: Some(1),
            errors: Some(0),
            trouble: None,
            history: std::sync::Arc::default(),
        };
        let figures = ShopFigures {
            shop_second: AFTERNOON,
            today: Zone::default().date(AFTERNOON),
            stock: vec![line(1, "Kopp", 50, 40), line(2, "Fat", 80, 10), line(3, "Sked", 9, 5)],
            ..ShopFigures::default()
        };
        let pulse = Pulse {
            shop_time: stamp,
            wall_time: stamp,
            speed: 60.0,
            rate: Some(5.0),
            state: RunState::Running,
            rhythm: None,
            campaigns: Vec::new(),
            rush: false,
            rush_seconds: None,
            who: "us".to_owned(),
            host: "here".to_owned(),
            pid: 1,
            orders: 9,
            lost_sales: 0,
            last_delivery_id: 3,
            under_way: Vec::new(),
            shelf: Vec::new(),
        };
        let groups = vec![group("sales"), group("mail")];
        let mut watched =
            Self { news: News::default(), figures, pulse, groups, rate: 5.0, now: Instant::now() };
        assert_eq!(watched.look(1), []);
        watched
    }

    /// So many pictures; all that is told.
    fn look(&mut self, times: usize) -> Vec<Sentence> {
        let mut told = Vec::new();
        for _ in 0..times {
            let sentence =
                self.news.take(&self.figures, Some(&self.pulse), &self.groups, self.rate, self.now);
            told.extend(sentence.into_iter().map(|(_, sentence)| sentence));
            self.now += Duration::from_millis(200);
        }
        told
    }

    fn coming(&mut self, product_id: u64, quantity: i64) {
        let due = self.pulse.shop_time + chrono::Duration::minutes(30);
        self.pulse.under_way.push(UnderWay { product_id, quantity, due });
    }
}

#[test]
fn the_shop_waits_goes_on_aims_hurries_and_ends() {
    let mut shop = Watched::new();
    shop.pulse.state = RunState::Paused;
    assert_eq!(shop.look(5), [Sentence::Paused]);
    shop.pulse.state = RunState::Running;
    assert_eq!(shop.look(5), [Sentence::Resumed]);
    shop.pulse.rate = Some(10.0);
    shop.pulse.rush = true;
    assert_eq!(shop.look(10), [Sentence::Rate(Some(10.0)), Sentence::RushBegan]);
    shop.pulse.rush = false;
    assert_eq!(shop.look(10), [Sentence::RushEnded]);
    // A period that is filled has no aim; after it the aim is what it was.
    (shop.pulse.speed, shop.pulse.rate) = (0.0, None);
    assert_eq!(shop.look(10), [Sentence::Filling]);
    (shop.pulse.speed, shop.pulse.rate) = (60.0, Some(10.0));
    assert_eq!(shop.look(10), []);
    shop.pulse.state = RunState::Stopped;
    assert_eq!(shop.look(10), [Sentence::Stopped]);
    // Another simulator is another story.
    shop.pulse = Pulse { who: "them".to_owned(), state: RunState::Running, ..shop.pulse.clone() };
    shop.figures.today = shop.figures.today + Days::new(3);
    assert_eq!(shop.look(10), []);
}

#[test]
fn campaigns_are_told_when_they_begin_and_end_while_the_shop_is_live() {
    let mut shop = Watched::new();
    let names = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
    shop.pulse.campaigns = names(&["Rea", "Te"]);
    assert_eq!(shop.look(10), [Sentence::CampaignsBegan { names: names(&["Rea", "Te"]) }]);
    shop.pulse.campaigns = names(&["Kaffe", "Rea"]);
    let turn = [
        Sentence::CampaignsBegan { names: names(&["Kaffe"]) },
        Sentence::CampaignsEnded { names: names(&["Te"]) },
    ];
    assert_eq!(shop.look(10), turn);
    // A past period that is filled in has its campaigns, too, but they are no news.
    (shop.pulse.speed, shop.pulse.campaigns) = (0.0, names(&["Jul"]));
    assert_eq!(shop.look(10), [Sentence::Filling]);
    (shop.pulse.speed, shop.pulse.campaigns) = (60.0, names(&["Kaffe"]));
    assert_eq!(shop.look(10), []);
    shop.pulse.campaigns.clear();
    assert_eq!(shop.look(10), [Sentence::CampaignsEnded { names: names(&["Kaffe"]) }]);
}

#[test]
fn consumers_that_nobody_runs_are_told_once_and_so_is_their_return() {
    let mut shop = Watched::new();
    let nobody = |shop: &mut Watched, groups: &[usize]| {
        for (index, group) in shop.groups.iter_mut().enumerate() {
            let trouble = Sentence::NobodyRuns { view: group.view, others: 0 };
            group.trouble = groups.contains(&index).then_some(trouble);
        }
    };
    nobody(&mut shop, &[1]);
    assert_eq!(shop.look(10), [Sentence::NobodyRuns { view: "mail", others: 0 }]);
    nobody(&mut shop, &[0, 1]);
    assert_eq!(shop.look(10), [Sentence::NobodyRuns { view: "sales", others: 1 }]);
    nobody(&mut shop, &[1]);
    assert_eq!(shop.look(10), []);
    nobody(&mut shop, &[]);
    assert_eq!(shop.look(10), [Sentence::RunAgain]);
}

#[test]
fn midnight_is_told_once() {
    let mut shop = Watched::new();
    let ended = shop.figures.today;
    shop.figures.today = ended + Days::new(1);
    assert_eq!(shop.look(10), [Sentence::Midnight { ended }]);
    // A filled period passes silently.
    shop.pulse.speed = 0.0;
    shop.look(10);
    shop.figures.today = ended + Days::new(2);
    assert_eq!(shop.look(10), []);
}

#[test]
fn goods_that_run_out_are_ordered_and_arrive_are_told_in_bundles() {
    let mut shop = Watched::new();
    shop.figures.stock[0].sold = 50;
    shop.coming(1, 30);
    let told = shop.look(10);
    let product = || "Kopp".to_owned();
    let reordered = Sentence::Reordered { product: product(), pieces: 30, others: 0 };
    assert_eq!(told, [reordered, Sentence::SoldOut { product: product(), under_way: 30, others: 0 }]);
    shop.pulse.under_way.clear();
    shop.figures.stock[0].delivered += 30;
    shop.figures.stock[2].delivered += 10;
    assert_eq!(shop.look(10), [Sentence::Arrived { product: product(), pieces: 30, others: 1 }]);
    shop.look(50);
    // Read from two logs, a sale may come before the goods that it took from: no shelf was empty.
    shop.figures.stock[1].sold = 85;
    assert_eq!(shop.look(1), []);
    shop.figures.stock[1].delivered = 180;
    assert_eq!(shop.look(20), [Sentence::Arrived { product: "Fat".to_owned(), pieces: 100, others: 0 }]);
}

#[test]
fn nothing_floods_however_fast_goods_and_wishes_come() {
    let mut shop = Watched::new();
    let mut told = Vec::new();
    for step in 0..300_u32 {
        shop.pulse.rate = Some(f64::from(step + 1));
        shop.pulse.rush = step % 2 == 0;
        let low = step % 2 == 0;
        for line in &mut shop.figures.stock {
            line.delivered += 50;
            line.sold = if low { line.delivered } else { line.sold };
        }
        shop.pulse.shop_time += chrono::Duration::seconds(12);
        shop.coming(1, 5);
        told.extend(shop.look(1));
    }
    // A minute: at most one a second of each kind, of goods one every eight seconds.
    let kinds = told.iter().map(std::mem::discriminant).collect::<Vec<_>>();
    for kind in &kinds {
        let count = kinds.iter().filter(|other| *other == kind).count();
        assert!(count <= 61, "{count}");
    }
    let arrived = told.iter().filter(|sentence| matches!(sentence, Sentence::Arrived { .. })).count();
    assert!((7..=8).contains(&arrived), "{arrived}");
    assert!(matches!(
        told.last(),
        Some(
            Sentence::Rate(Some(_))
                | Sentence::RushBegan
                | Sentence::RushEnded
                | Sentence::Arrived { .. }
                | Sentence::Reordered { .. }
        )
    ));
}

#[test]
fn consumers_that_fall_behind_and_catch_up_are_told_once() {
    let mut shop = Watched::new();
    shop.rate = 100.0;
    shop.groups[1].lag = 501;
    // For a moment only.
    assert_eq!(shop.look(9), []);
    shop.groups[1].lag = 400;
    assert_eq!(shop.look(20), []);
    shop.groups[1].lag = 700;
    assert_eq!(shop.look(30), [Sentence::Behind { view: "mail", records: 700 }]);
    shop.groups[1].lag = 300;
    assert_eq!(shop.look(30), []);
    // Goods that move while old orders are read are no news.
    shop.figures.stock[0].delivered += 1_000;
    assert_eq!(shop.look(5), []);
    shop.groups[1].lag = 100;
    assert_eq!(shop.look(30), [Sentence::CaughtUp]);
    shop.rate = 0.0;
    (shop.groups[0].lag, shop.groups[1].lag) = (60, 0);
    assert_eq!(shop.look(30), []);
}
