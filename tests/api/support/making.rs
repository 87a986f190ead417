//! A stream of mutations or of queries, each of which says what it was told; and whether the database has what it must have by
//! then.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use rollcall::{clock::Clock, ids::Kind};
use serde_json::{Value, json};
use tokio::{
    sync::Semaphore,
    task::JoinSet,
    time::{MissedTickBehavior, interval},
};
use tokio_util::sync::CancellationToken;

use super::{Backend, Client, FakeFcm, RedisServer, TestApp, TestDatabase, process::comes};

/// How much may be under way at a time where it comes by the clock.
const AT_ONCE: usize = 16;

/// What became of a request, as far as the client was told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Told {
    /// It is done, and answered as a whole.
    Done,
    /// An error, with this code.
    Refused(String),
    /// There was no answer.
    Nothing,
}

/// A request that was sent.
#[derive(Clone, Debug)]
pub struct Made {
    pub title: String,
    pub begun: Instant,
    pub ended: Instant,
    pub told: Told,
}

/// Asks for the same again and again, until it is stopped.
pub struct Making {
    stop: CancellationToken,
    made: Arc<Mutex<Vec<Made>>>,
    tasks: JoinSet<()>,
}

/// What is asked for, again and again.
#[derive(Clone)]
pub struct Asked {
    client: Client,
    query: &'static str,
    /// Its variables, by the title of the one that is sent.
    variables: Arc<dyn Fn(&str) -> Value + Send + Sync>,
    /// Where the answer has a text, if it is done.
    done_at: &'static str,
}

impl Asked {
    /// A notice to the people of a batch.
    pub fn notices(client: &Client, batch: &str) -> Self {
        let batch = batch.to_owned();
        Self {
            client: client.clone(),
            query: "mutation($input: PublishNoticeInput!) \
                { publishNotice(input: $input) { notice { id } userErrors { code } } }",
            variables: Arc::new(move |title| {
                let audience = json!({"batchIds": [batch]});
                json!({"input": {"title": title, "message": "Read this.", "audience": audience}})
            }),
            done_at: "/publishNotice/notice/id",
        }
    }

    /// The dashboard of a parent.
    pub fn dashboards(client: &Client) -> Self {
        let today = Clock::system().now().date();
        Self {
            client: client.clone(),
            query: include_str!("../../../docs/queries/parent.graphql"),
            variables: Arc::new(move |_| json!({"today": today})),
            done_at: "/viewer/parent/students/edges/0/node/name",
        }
    }

    async fn ask(&self, made: &Mutex<Vec<Made>>) -> bool {
        static NEXT: AtomicUsize = AtomicUsize::new(0);
        let title = format!("made {}", NEXT.fetch_add(1, Ordering::Relaxed));
        let begun = Instant::now();
        let told = match self.client.try_ask(self.query, (self.variables)(&title)).await {
            None => Told::Nothing,
            Some(answer) => match answer.errors.first() {
                Some(error) => Told::Refused(error["extensions"]["code"].as_str().unwrap().to_owned()),
                None => {
                    assert!(answer.at(self.done_at).is_string(), "{answer:?}");
                    Told::Done
                }
            },
        };
        let done = told == Told::Done;
        made.lock().unwrap().push(Made { title, begun, ended: Instant::now(), told });
        done
    }
}

/// A batch with few people in it.
pub async fn small_batch(app: &TestApp) -> String {
    let query = "SELECT batch_id FROM batch_students GROUP BY batch_id ORDER BY COUNT(*), batch_id LIMIT 1";
    app.id_of(Kind::Batch, query).await
}

/// An institute on a server of the test's own, whose parents have devices: a small batch of it, and the variables that servers and
/// workers are started with. No application is left over that would lose its database when the test stops it.
pub async fn institute(
    database: &Arc<TestDatabase>,
    redis: &RedisServer,
    fcm: &FakeFcm,
) -> (String, Vec<(&'static str, String)>) {
    database.parents_have_devices().await;
    let app = TestApp::start_on(Backend::Postgres, Arc::clone(database), |_| ()).await;
    let mut variables = fcm.variables().to_vec();
    variables.extend([("SECRET_KEY", app.secret_key()), ("REDIS_URL", redis.url())]);
    variables.extend([("EVENT_DAYS", "3650".to_owned()), ("JOB_LEASE_SECONDS", "5".to_owned())]);
    (small_batch(&app).await, variables)
}

impl Making {
    fn new() -> Self {
        Self { stop: CancellationToken::new(), made: Arc::default(), tasks: JoinSet::new() }
    }

    /// So many at a time, one after the other.
    pub fn start(asked: &Asked, at_once: usize) -> Self {
        let mut making = Self::new();
        for _ in 0..at_once {
            let (stop, asked, made) = (making.stop.clone(), asked.clone(), Arc::clone(&making.made));
            making.tasks.spawn(async move {
                while !stop.is_cancelled() {
                    if !asked.ask(&made).await {
                        // What fails fails fast.
                        tokio::time::sleep(Duration::from_millis(20)).await;
                    }
                }
            });
        }
        making
    }

    /// One each so often, however long they take.
    pub fn paced(asked: &Asked, every: Duration) -> Self {
        let mut making = Self::new();
        let (stop, asked, made) = (making.stop.clone(), asked.clone(), Arc::clone(&making.made));
        making.tasks.spawn(async move {
            let (mut ticks, places) = (interval(every), Arc::new(Semaphore::new(AT_ONCE)));
            ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
            let mut under_way = JoinSet::new();
            while stop.run_until_cancelled(ticks.tick()).await.is_some() {
                let place = Arc::clone(&places).acquire_owned().await.unwrap();
                let (asked, made) = (asked.clone(), Arc::clone(&made));
                under_way.spawn(async move {
                    asked.ask(&made).await;
                    drop(place);
                });
                while let Some(ended) = under_way.try_join_next() {
                    ended.unwrap();
                }
            }
            under_way.join_all().await;
        });
        making
    }

    /// Waits until so many more were done that had not begun by now.
    pub async fn goes_on(&self, more: usize) {
        let now = Instant::now();
        let done =
            || self.made.lock().unwrap().iter().filter(|made| made.begun > now && made.told == Told::Done).count();
        comes(async || done() >= more).await;
    }

    /// Waits until one is answered by this.
    pub async fn is_told(&self, told: &Told) {
        comes(async || self.made.lock().unwrap().iter().any(|made| made.told == *told)).await;
    }

    /// Ends when what is under way has.
    pub async fn stop(self) -> Report {
        self.stop.cancel();
        self.tasks.join_all().await;
        Report(std::mem::take(&mut *self.made.lock().unwrap()))
    }
}

/// What was sent, and what was told of it.
pub struct Report(pub Vec<Made>);

impl Report {
    fn titles(&self, which: impl Fn(&Told) -> bool) -> BTreeSet<String> {
        self.0.iter().filter(|made| which(&made.told)).map(|made| made.title.clone()).collect()
    }

    pub fn done(&self) -> BTreeSet<String> {
        self.titles(|told| *told == Told::Done)
    }

    /// How often which answer came.
    pub fn counts(&self) -> BTreeMap<String, usize> {
        let mut counts = BTreeMap::new();
        for made in &self.0 {
            let told = match &made.told {
                Told::Done => "done",
                Told::Nothing => "no answer",
                Told::Refused(code) => code,
            };
            *counts.entry(told.to_owned()).or_default() += 1;
        }
        counts
    }

    /// What is there of it. What is done has to be, once; what is not may be; and whatever is there is whole, and nothing else is.
    pub async fn holds(&self, database: &TestDatabase) -> BTreeSet<String> {
        let rows = database.texts("SELECT title FROM notices WHERE title LIKE 'made %'").await;
        let there: BTreeSet<String> = rows.iter().cloned().collect();
        assert_eq!(rows.len(), there.len(), "each once");
        let lost: Vec<String> = self.done().difference(&there).cloned().collect();
        assert_eq!(lost, Vec::<String>::new(), "what was done is there");
        let unknown: Vec<String> = there.difference(&self.titles(|_| true)).cloned().collect();
        assert_eq!(unknown, Vec::<String>::new(), "nobody else has made any");
        let parts = [
            "SELECT 1 FROM notice_audiences a WHERE a.notice_id = n.id",
            "SELECT 1 FROM events e WHERE e.kind = 'NOTICE_PUBLISHED' AND e.subject_id = n.id",
            "SELECT 1 FROM events e JOIN jobs j ON j.key = 'tell:' || e.id \
             WHERE e.kind = 'NOTICE_PUBLISHED' AND e.subject_id = n.id",
            "SELECT 1 FROM audit_entries x WHERE x.subject_type = 'Notice' AND x.subject_id = n.id",
        ];
        for part in parts {
            let halves = format!("SELECT n.title FROM notices n WHERE n.title LIKE 'made %' AND NOT EXISTS ({part})");
            assert_eq!(database.texts(&halves).await, Vec::<String>::new(), "whole: {part}");
        }
        let of_none = "SELECT CAST(e.id AS TEXT) FROM events e WHERE e.kind = 'NOTICE_PUBLISHED' \
                       AND NOT EXISTS (SELECT 1 FROM notices n WHERE n.id = e.subject_id)";
        assert_eq!(database.texts(of_none).await, Vec::<String>::new(), "no part without the rest");
        there
    }
}
