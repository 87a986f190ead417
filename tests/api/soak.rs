//! For a while at most of what it can do, with one fault after the other: nothing that was done is lost, it comes back by itself
//! each time, and takes no more memory in the end than in the beginning.
//!
//! `ROLLCALL_TEST_SOAK` says for how many seconds (12 where it is not set; 600 to accept a version). The rates are printed, and
//! decide nothing.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use rollcall::clock::Clock;

use crate::support::{
    FakeFcm, PostgresServer, RedisServer, Refusal, TestDatabase,
    making::{Made, Making, Report, Told, institute},
    process::{Server, Worker, comes, resident, size},
    proxy::Proxy,
};

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

    /// Waits until it is ready, and has done something that was asked for after that.
    async fn recovers(&self, making: &Making) {
        comes(async || self.server.ready().await.is_some_and(|(status, _)| status == 200)).await;
        making.goes_on(1).await;
    }
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
    let admin = world.server.admin().await;

    let telling = "SELECT COUNT(*) FROM jobs WHERE kind = 'TELL' AND state = 'PENDING'";
    let (measured, began) = (Making::start(&admin, &batch, 8), Instant::now());
    measured.goes_on(24).await;
    let before = measured.stop().await;
    // What a server takes and the worker does not come to is more than they can do.
    comes(async || database.numbers(telling).await == [0]).await;
    let capacity = f64::from(u32::try_from(before.done().len()).unwrap()) / began.elapsed().as_secs_f64();
    let rate = (capacity * 0.7).max(1.0);

    let (making, began) = (Making::paced(&admin, &batch, Duration::from_secs_f64(1.0 / rate)), Instant::now());
    let period = PERIOD.min(total / 6);
    let (mut sound, mut memory): (Vec<(Instant, Instant)>, Vec<u64>) = (Vec::new(), Vec::new());
    let mut workers = 0;
    for fault in FAULTS.into_iter().cycle() {
        world.recovers(&making).await;
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
    let took = began.elapsed();
    let report = making.stop().await;
    // The queue ends what it has begun.
    database.connect_anew().await;
    comes(async || database.numbers(telling).await == [0]).await;
    told(&report, &memory, (capacity, rate, took));
    println!("soak: a worker had {} MiB at most", workers >> 20);

    let all = Report([before.0, report.0.clone()].concat());
    all.holds(&database).await;
    // What is under way when the next fault strikes may meet it.
    let met_none = |made: &Made| sound.iter().any(|(from, to)| made.begun >= *from && made.ended <= *to);
    let failed: Vec<_> = report.0.iter().filter(|made| met_none(made) && made.told != Told::Done).collect();
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
fn told(report: &Report, memory: &[u64], (capacity, rate, took): (f64, f64, Duration)) {
    println!(
        "soak: {capacity:.0} a second at most, {rate:.0} wanted and {:.0} sent for {:.0} s: {:?}; resident {} to {} MiB",
        report.0.len() as f64 / took.as_secs_f64(),
        took.as_secs_f64(),
        report.counts(),
        memory.iter().min().unwrap() >> 20,
        memory.iter().max().unwrap() >> 20,
    );
}

#[test]
fn nothing_is_lost_and_it_comes_back_by_itself() {
    rollcall::app::runtime().unwrap().block_on(Box::pin(it_lasts()));
}
