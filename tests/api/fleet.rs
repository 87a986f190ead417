//! All of it side by side: two servers, a worker, a primary with a streaming replica, and Redis; and each of them is lost and
//! comes back while changes are made and read.

use std::{sync::Arc, time::Duration};

use rollcall::{clock::Clock, demo::cast};

use crate::support::{
    Client, FakeFcm, PostgresServer, RedisServer, TestDatabase, free_port, http_client,
    making::{Asked, Making, Report, Told, institute},
    process::{Server, Worker, comes},
};

/// How often something is made over each server: there is to be a stream of changes, and no flood.
const EVERY: Duration = Duration::from_millis(1500);

const CARD: &str = "{ institute { name } }";

/// A server, and where its operator listens.
struct Member {
    server: Server,
    admin: u16,
}

impl Member {
    async fn start(url: &str, variables: &[(&str, String)]) -> Self {
        let admin = free_port();
        let own = [("ADMIN_ADDR", format!("127.0.0.1:{admin}"))];
        Self { server: Server::on(url, &[variables, &own].concat()).await, admin }
    }

    async fn figure(&self, name: &str) -> u64 {
        let text = http_client()
            .get(format!("http://127.0.0.1:{}/metrics", self.admin))
            .send()
            .await
            .unwrap()
            .text()
            .await
            .unwrap();
        let figure = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
        figure.map_or(0, |figure| figure.parse().unwrap())
    }

    async fn reads_from_the_replica(&self) -> bool {
        self.figure("rollcall_replica_in_use{replica=\"1\"}").await == 1
    }

    async fn says(&self, status: &str) -> bool {
        self.server.ready().await.is_some_and(|(_, told)| told["status"] == status)
    }
}

/// Reads so often, without an error.
async fn reads(client: &Client, times: usize) {
    for _ in 0..times {
        assert!(client.data(CARD).await["institute"]["name"].is_string());
    }
}

async fn each_is_lost_and_comes_back() {
    let mut primary = PostgresServer::start().await;
    let database = Arc::new(TestDatabase::filled_on(&primary.url("postgres")).await);
    let mut replica = primary.replica().await;
    let (mut redis, fcm) = (RedisServer::start().await, FakeFcm::start(&Clock::system()).await);
    let (batch, jobs) = institute(&database, &redis, &fcm).await;
    let variables = [&jobs[..], &[("DATABASE_REPLICA_URLS", replica.url("institute"))]].concat();
    let url = database.url.clone();
    let (one, mut two) = (Member::start(&url, &variables).await, Member::start(&url, &variables).await);
    let mut worker = Worker::on(&url, &jobs);
    let (by_one, by_two) = (one.server.admin().await, two.server.admin().await);
    let parent = one.server.sign_in(cast::PARENT).await;
    let both = [
        Making::paced(&Asked::notices(&by_one, &batch), EVERY),
        Making::paced(&Asked::notices(&by_two, &batch), EVERY),
    ];
    let go_on = async || {
        for making in &both {
            making.goes_on(3).await;
        }
    };
    let replica_serves = async |member: &Member, client: &Client| {
        comes(async || member.reads_from_the_replica().await).await;
        let before = member.figure("rollcall_reads_total{place=\"replica\"}").await;
        comes(async || {
            reads(client, 1).await;
            member.figure("rollcall_reads_total{place=\"replica\"}").await > before
        })
        .await;
    };
    go_on().await;
    replica_serves(&one, &parent).await;

    // The replica.
    replica.stop();
    reads(&parent, 20).await;
    go_on().await;
    comes(async || !one.reads_from_the_replica().await && !two.reads_from_the_replica().await).await;
    replica.start_again().await;
    replica_serves(&one, &parent).await;

    // Redis.
    redis.stop();
    comes(async || one.says("degraded").await && two.says("degraded").await).await;
    reads(&parent, 5).await;
    go_on().await;
    redis.start_again().await;
    comes(async || one.says("ok").await && two.says("ok").await).await;
    go_on().await;

    // The worker: what is to be told waits for another one.
    worker.kill();
    go_on().await;
    fcm.sent();
    worker = Worker::on(&url, &jobs);
    comes(async || !fcm.sent().is_empty()).await;

    // A server: the other goes on, and one that is started in its place knows everybody.
    two.server.kill();
    both[0].goes_on(5).await;
    reads(&parent, 5).await;
    both[1].is_told(&Told::Nothing).await;
    two = Member::start(&url, &variables).await;
    let again = Making::paced(&Asked::notices(&by_two.at(&two.server.url("/graphql")), &batch), EVERY);
    again.goes_on(3).await;

    // The primary: nobody is ready until it is back, and then by themselves.
    primary.stop();
    comes(async || one.says("down").await && two.says("down").await).await;
    primary.start_again().await;
    comes(async || one.says("ok").await && two.says("ok").await).await;
    both[0].goes_on(3).await;
    again.goes_on(3).await;
    replica_serves(&one, &parent).await;
    replica_serves(&two, &by_two.at(&two.server.url("/graphql"))).await;

    let mut made = again.stop().await.0;
    for making in both {
        made.extend(making.stop().await.0);
    }
    database.connect_anew().await;
    let left = "SELECT COUNT(*) FROM jobs WHERE state = 'PENDING' AND kind IN ('TELL', 'DELIVER')";
    comes(async || {
        // What was tried while something was away has a pause to wait. No other is touched: the worker is at them.
        database
            .execute(
                "UPDATE jobs SET due_at = created_at WHERE state = 'PENDING' AND due_at > now() AT TIME ZONE 'utc'",
            )
            .await;
        tokio::time::sleep(Duration::from_secs(1)).await;
        database.numbers(left).await == [0]
    })
    .await;
    drop(worker);
    let report = Report(made);
    let sent = database.numbers("SELECT COUNT(*) FROM jobs WHERE state = 'DONE' AND key LIKE '%:PUSH:%'").await;
    println!("fleet: {:?}, {} push messages sent", report.counts(), sent[0]);
    report.holds(&database).await;
    assert_eq!(database.numbers("SELECT COUNT(*) FROM jobs WHERE state = 'DEAD'").await, [0]);
}

#[test]
fn each_member_is_lost_and_comes_back() {
    rollcall::app::runtime().unwrap().block_on(Box::pin(each_is_lost_and_comes_back()));
}
