//! For a while at 70 % of what it can do, with one fault after the other: nothing that was done is lost, it comes back by itself
//! each time, and takes no more memory in the end than in the beginning. Notices are published, which the worker tells of; and
//! beside them a parent reads their dashboard, at 70 % of what is left for that.
//!
//! `ROLLCALL_TEST_SOAK` says for how many seconds (12 where it is not set; 600 to accept a version). The rates are printed, and
//! decide nothing.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use rollcall::{clock::Clock, demo::cast};

use crate::support::{
    FakeFcm, PostgresServer, RedisServer, Refusal, TestDatabase,
    making::{Asked, Made, Making, Report, Told, institute},
    process::{Server, Worker, comes, resident, size},
    proxy::Proxy,
};

/// How much is asked for, of what it can do.
const LOAD: f64 = 0.7;
/// The longest that it runs without a fault.
const PERIOD: Duration = Duration::from_secs(30);

/// What goes wrong, one after the other.
#[derive(Clone, Copy, Debug)]
enum Fault {
    PostgresRestarted,
    ConnectionsCut,
    RedisRestarted,
    Delay,
    FcmDown,
    WorkerKilled,
}

const FAULTS: [Fault; 6] = [
    Fault::PostgresRestarted,
    Fault::ConnectionsCut,
    Fault::RedisRestarted,
    Fault::Delay,
    Fault::FcmDown,
    Fault::WorkerKilled,
];

/// A service of two processes, and all that it needs.
struct World {
    postgres: PostgresServer,
    redis: RedisServer,
    fcm: FakeFcm,
    way: Proxy,
    variables: Vec<(&'static str, String)>,
    server: Server,
    worker: Worker,
}

impl World {
    async fn strikes(&mut self, fault: Fault) {
        match fault {
            Fault::PostgresRestarted => {
                self.postgres.stop();
                self.postgres.start_again().await;
            }
            Fault::ConnectionsCut => self.way.cut().await,
            Fault::RedisRestarted => {
                self.redis.stop();
                self.redis.start_again().await;
            }
            Fault::Delay => {
                self.way.slow(Duration::from_millis(5));
                tokio::time::sleep(Duration::from_millis(500)).await;
                self.way.open();
            }
            Fault::FcmDown => self.fcm.fails((0..50).map(|_| Refusal::of(503, "UNAVAILABLE"))),
            Fault::WorkerKilled => {
                self.worker.kill();
                self.worker = Worker::on(&self.way.url(), &self.variables);
            }
        }
    }

    /// Waits until it is ready, and has done something of each that was asked for after that.
    async fn recovers(&self, loads: &[Load]) {
        comes(async || self.server.ready().await.is_some_and(|(status, _)| status == 200)).await;
        for load in loads {
            load.making.goes_on(1).await;
        }
    }
}

/// What is asked for, each so often.
struct Load {
    what: &'static str,
    /// How many a second can be done.
    capacity: f64,
    began: Instant,
    making: Making,
}

impl Load {
    fn start(what: &'static str, asked: &Asked, capacity: f64) -> Self {
        let each = Duration::from_secs_f64(1.0 / (capacity * LOAD).max(1.0));
        Self { what, capacity, began: Instant::now(), making: Making::paced(asked, each) }
    }
}

/// How many a second were done since then.
fn each_second(report: &Report, since: Instant) -> f64 {
    f64::from(u32::try_from(report.done().len()).unwrap()) / since.elapsed().as_secs_f64()
}

fn median(mut bytes: Vec<u64>) -> u64 {
    bytes.sort_unstable();
    bytes[bytes.len() / 2]
}

async fn it_lasts() {
    let total = Duration::from_secs(size("ROLLCALL_TEST_SOAK", 12).try_into().unwrap());
    let postgres = PostgresServer::start().await;
    let database = Arc::new(TestDatabase::filled_on(&postgres.url("postgres")).await);
    let (redis, fcm) = (RedisServer::start().await, FakeFcm::start(&Clock::system()).await);
    let way = Proxy::before(&database.url).await;
    let (batch, variables) = institute(&database, &redis, &fcm).await;
    let (server, worker) = (Server::on(&way.url(), &variables).await, Worker::on(&way.url(), &variables));
    let mut world = World { postgres, redis, fcm, way, variables, server, worker };
    let (admin, parent) = (world.server.admin().await, world.server.sign_in(cast::PARENT).await);

    let telling = "SELECT COUNT(*) FROM jobs WHERE kind = 'TELL' AND state = 'PENDING'";
    let (measured, began) = (Making::start(&Asked::notices(&admin, &batch), 8), Instant::now());
    measured.goes_on(24).await;
    let before = measured.stop().await;
    // What a server takes and the worker does not come to is more than they can do.
    comes(async || database.numbers(telling).await == [0]).await;
    let notices = Load::start("notices", &Asked::notices(&admin, &batch), each_second(&before, began));
    // What is left to those who read, where that is done.
    let (measured, since) = (Making::start(&Asked::dashboards(&parent), 8), Instant::now());
    measured.goes_on(100).await;
    let capacity = each_second(&measured.stop().await, since);
    let loads = [notices, Load::start("dashboards", &Asked::dashboards(&parent), capacity)];

    let began = Instant::now();
    let period = PERIOD.min(total / 6);
    let (mut sound, mut memory): (Vec<(Instant, Instant)>, Vec<u64>) = (Vec::new(), Vec::new());
    let mut workers = 0;
    for fault in FAULTS.into_iter().cycle() {
        world.recovers(&loads).await;
        let recovered = Instant::now();
        let until = recovered + period;
        while Instant::now() < until {
            tokio::time::sleep(period / 8).await;
            memory.push(resident(world.server.id()).0);
            workers = workers.max(resident(world.worker.id()).1);
        }
        sound.push((recovered, Instant::now()));
        if began.elapsed() >= total {
            break;
        }
        let struck = Instant::now();
        world.strikes(fault).await;
        println!(
            "soak: {fault:?} after {:.1} s, over after {:.1} s",
            (struck - began).as_secs_f64(),
            struck.elapsed().as_secs_f64()
        );
    }
    let mut reports = Vec::new();
    for Load { what, capacity, began, making } in loads {
        let report = making.stop().await;
        told(what, capacity, &report, began.elapsed());
        reports.push(report);
    }
    // The queue ends what it has begun.
    database.connect_anew().await;
    comes(async || database.numbers(telling).await == [0]).await;
    let mebibytes = |bytes: Option<&u64>| bytes.unwrap() >> 20;
    let (from, to) = (mebibytes(memory.iter().min()), mebibytes(memory.iter().max()));
    println!("soak: a server had {from} to {to} MiB, a worker {} MiB at most", mebibytes(Some(&workers)));

    Report([before.0, reports[0].0.clone()].concat()).holds(&database).await;
    // What is under way when the next fault strikes may meet it.
    let met_none = |made: &Made| sound.iter().any(|(from, to)| made.begun >= *from && made.ended <= *to);
    let all = reports.iter().flat_map(|report| &report.0);
    let failed: Vec<_> = all.filter(|made| met_none(made) && made.told != Told::Done).collect();
    assert!(failed.is_empty(), "nothing fails between faults: {failed:?}");
    let dead = "SELECT COUNT(*) FROM jobs WHERE state = 'DEAD'";
    assert_eq!(database.numbers(dead).await, [0]);
    let third = memory.len() / 3;
    let (first, last) = (median(memory[..third].to_vec()), median(memory[memory.len() - third..].to_vec()));
    // A short run is one in which caches fill still.
    let more = if total < 5 * PERIOD { first / 4 + (32 << 20) } else { first / 10 };
    assert!(last < first + more, "{first} bytes grew to {last}");
}

#[expect(clippy::cast_precision_loss, reason = "to be read by people")]
fn told(what: &str, capacity: f64, report: &Report, took: Duration) {
    println!(
        "soak: {what}: {capacity:.1} a second at most, {:.1} sent for {:.0} s: {:?}",
        report.0.len() as f64 / took.as_secs_f64(),
        took.as_secs_f64(),
        report.counts(),
    );
}

#[test]
fn nothing_is_lost_and_it_comes_back_by_itself() {
    rollcall::app::runtime().unwrap().block_on(Box::pin(it_lasts()));
}
