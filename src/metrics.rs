//! Figures of the service for whoever watches over it, in the text of `OpenMetrics`.
//!
//! What happens is counted where it happens; how the queue stands is read from the database when somebody asks, so that every
//! instance says the same of it. No label has anything of a person, and none is a client's to choose: of what it is, there is
//! an end. docs/telemetry.md has all of them.

use std::{sync::atomic::AtomicU64, time::Duration};

use chrono::NaiveDateTime;
use prometheus_client::{
    encoding::{EncodeLabelSet, text},
    metrics::{
        counter::{ConstCounter, Counter},
        exemplar::HistogramWithExemplars,
        family::Family,
        gauge::Gauge,
        histogram::Histogram,
    },
    registry::Registry,
};
use tokio::time::timeout;

use crate::{
    db::Db,
    error::{Error, Result},
    graphql::Services,
    jobs::model::{Figure, JobKind, JobState, Priority},
    read,
    telemetry::{Operation, Outcome, span},
};

/// The content type of the text.
pub const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// How long the database may take to say how the queue stands: less than who collects metrics waits, ten seconds as a rule.
const PATIENCE: Duration = Duration::from_secs(5);

/// Seconds that jobs take: what is sent somewhere takes tenths of a second, what goes through all students minutes.
const SECONDS: [f64; 12] = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 15.0, 60.0];

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct OfKind {
    kind: &'static str,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct InState {
    state: &'static str,
    kind: &'static str,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct OfPriority {
    priority: &'static str,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct OfOperation {
    operation: String,
    r#type: &'static str,
    outcome: &'static str,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct OfType {
    r#type: String,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct OfPolicy {
    policy: &'static str,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct OfPlace {
    place: &'static str,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct OfReplica {
    replica: u64,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct OfPool {
    pool: &'static str,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct OfTrace {
    trace_id: String,
}

/// Seconds that operations take, each bucket with the last trace that came into it.
type Latencies = HistogramWithExemplars<OfTrace>;

/// What is counted in this process.
#[derive(Clone)]
pub struct Metrics {
    operations: Family<OfOperation, Counter>,
    latencies: Family<OfType, Latencies, fn() -> Latencies>,
    denied: Family<OfType, Counter>,
    limited: Family<OfPolicy, Counter>,
    overloaded: Counter,
    reads: Family<OfPlace, Counter>,
    replica_failures: Counter,
    done: Family<OfKind, Counter>,
    failed: Family<OfKind, Counter>,
    dead: Family<OfKind, Counter>,
    seconds: Family<OfKind, Histogram, fn() -> Histogram>,
}

impl Default for Metrics {
    fn default() -> Self {
        Self {
            operations: Family::default(),
            latencies: Family::new_with_constructor(|| HistogramWithExemplars::new(SECONDS.into_iter())),
            denied: Family::default(),
            limited: Family::default(),
            overloaded: Counter::default(),
            reads: Family::default(),
            replica_failures: Counter::default(),
            done: Family::default(),
            failed: Family::default(),
            dead: Family::default(),
            seconds: Family::new_with_constructor(|| Histogram::new(SECONDS)),
        }
    }
}

impl Metrics {
    /// Counts an operation, and how long it took if it was executed. How long goes by what it is alone: a histogram has a
    /// line for each bucket, and there may be many names.
    pub fn answered(&self, operation: &Operation, outcome: Outcome, took: Option<Duration>) {
        let (kind, outcome) = (operation.kind(), outcome.as_str());
        let labels = OfOperation { operation: operation.label().to_owned(), r#type: kind, outcome };
        self.operations.get_or_create(&labels).inc();
        if let Some(took) = took {
            let trace = span::trace_id().map(|trace_id| OfTrace { trace_id });
            let labels = OfType { r#type: kind.to_owned() };
            self.latencies.get_or_create(&labels).observe(took.as_secs_f64(), trace, None);
        }
    }

    /// Counts a field of this type that was denied to somebody, in one request.
    pub fn denied(&self, type_name: &str) {
        self.denied.get_or_create(&OfType { r#type: type_name.to_owned() }).inc();
    }

    /// Counts a request that was refused for what its sender had spent, by which limit.
    pub fn limited(&self, policy: &'static str) {
        self.limited.get_or_create(&OfPolicy { policy }).inc();
    }

    /// Counts a request that was refused because too many were worked on.
    pub fn overloaded(&self) {
        self.overloaded.inc();
    }

    /// Counts a query that was read at this place: `primary` or `replica`.
    pub fn read_at(&self, place: &'static str) {
        self.reads.get_or_create(&OfPlace { place }).inc();
    }

    /// Counts a query that a replica failed in the middle of.
    pub fn replica_failed(&self) {
        self.replica_failures.inc();
    }

    /// Counts a job that is done.
    pub fn done(&self, kind: JobKind) {
        self.done.get_or_create(&of(kind)).inc();
    }

    /// Counts a try that failed.
    pub fn failed(&self, kind: JobKind) {
        self.failed.get_or_create(&of(kind)).inc();
    }

    /// Counts a job that was given up.
    pub fn dead(&self, kind: JobKind) {
        self.dead.get_or_create(&of(kind)).inc();
    }

    /// Notes how long a try took.
    pub fn took(&self, kind: JobKind, time: Duration) {
        self.seconds.get_or_create(&of(kind)).observe(time.as_secs_f64());
    }

    /// Everything, as text; where the database does not say how the queue stands, all but that.
    ///
    /// # Errors
    /// When it cannot be written as text.
    pub async fn text(services: &Services) -> Result<String> {
        let queue = timeout(PATIENCE, queue(services)).await;
        let queue = queue.unwrap_or_else(|_| Err(Error::unavailable("the database does not answer in time")));
        let own = &services.metrics;
        let mut registry = Registry::with_prefix("rollcall");
        registry.register("operations", "Operations that this process has answered", own.operations.clone());
        let help = "How long operations took in this process";
        registry.register("operation_seconds", help, own.latencies.clone());
        registry.register("denials", "Fields that were denied, each once in a request", own.denied.clone());
        registry.register("rate_limited", "Requests that were refused by a rate limit", own.limited.clone());
        let help = "Requests that were refused because too many were worked on";
        registry.register("overloaded", help, own.overloaded.clone());
        let (taken, in_flight) = (services.in_flight.taken(), Gauge::<i64>::default());
        in_flight.set(i64::try_from(taken).unwrap_or(i64::MAX));
        registry.register("in_flight", "Requests that this process works on", in_flight);
        register_database(&mut registry, &services.db);
        registry.register("reads", "Queries by where they were read", own.reads.clone());
        let help = "Queries that a replica failed in the middle of, and that were read from the primary then";
        registry.register("replica_failures", help, own.replica_failures.clone());
        register_replicas(&mut registry, &services.db);
        registry.register("jobs_done", "Jobs that this process has done", own.done.clone());
        registry.register("jobs_failed", "Tries of jobs that failed in this process", own.failed.clone());
        registry.register("jobs_dead", "Jobs that this process has given up", own.dead.clone());
        registry.register("job_seconds", "How long tries of jobs took in this process", own.seconds.clone());
        match queue {
            Ok((figures, now)) => register_queue(&mut registry, &figures, now),
            // Whoever looks when the database is away wants to see the rest all the more.
            Err(error) => {
                let (code, cause) = (error.code().as_str(), error.report());
                tracing::error!(code, cause, "the metrics are without how the queue stands");
            }
        }
        let mut out = String::new();
        text::encode(&mut out, &registry).map_err(Error::internal)?;
        Ok(out)
    }
}

/// How the queue stands, and when.
async fn queue(services: &Services) -> Result<(Vec<Figure>, NaiveDateTime)> {
    let now = services.clock.now();
    Ok((read!(services.db, jobs::figures(now))?, now))
}

fn register_queue(registry: &mut Registry, figures: &[Figure], now: NaiveDateTime) {
    let jobs = Family::<InState, Gauge>::default();
    registry.register("jobs", "Jobs that wait, and jobs that were given up, in all", jobs.clone());
    let depth = Family::<OfPriority, Gauge>::default();
    registry.register("queue_depth", "Jobs that are due and not done, in all", depth.clone());
    let oldest = Family::<OfPriority, Gauge>::default();
    registry.register("queue_oldest_seconds", "For how long the first of them has been due", oldest.clone());
    for state in [JobState::Pending, JobState::Dead] {
        for kind in JobKind::ALL {
            let those = figures.iter().filter(|figure| figure.state == state && figure.kind == *kind);
            let labels = InState { state: state.as_str(), kind: kind.as_str() };
            jobs.get_or_create(&labels).set(those.map(|figure| figure.count).sum());
        }
    }
    for priority in Priority::ALL {
        let labels = OfPriority { priority: priority.name() };
        let those = || figures.iter().filter(|figure| Priority::of(figure.priority) == priority);
        depth.get_or_create(&labels).set(those().map(|figure| figure.due).sum());
        oldest.get_or_create(&labels).set(oldest_of(those(), now));
    }
}

/// What the pools and the caches of statements say of themselves.
fn register_database(registry: &mut Registry, db: &Db) {
    let (sent, prepared) = (db.statements(), db.prepared());
    registry.register("statements", "Statements that this process has sent", ConstCounter::new(sent));
    let help = "Statements that had to be prepared: the others were found in a cache";
    registry.register("statements_prepared", help, ConstCounter::new(prepared));
    let (open, idle) = (Family::<OfPool, Gauge>::default(), Family::<OfPool, Gauge>::default());
    let (waits, timeouts) = (Family::<OfPool, Counter>::default(), Family::<OfPool, Counter>::default());
    let waited = Family::<OfPool, Counter<f64, AtomicU64>>::default();
    for (pool, state) in db.pools() {
        let (labels, statistics) = (OfPool { pool }, &state.statistics);
        // The replicas' are one.
        open.get_or_create(&labels).inc_by(state.connections.into());
        idle.get_or_create(&labels).inc_by(state.idle_connections.into());
        waits.get_or_create(&labels).inc_by(statistics.get_waited);
        timeouts.get_or_create(&labels).inc_by(statistics.get_timed_out);
        waited.get_or_create(&labels).inc_by(statistics.get_wait_time.as_secs_f64());
    }
    registry.register("pool_connections", "Connections of this process to the database", open);
    registry.register("pool_idle_connections", "Those of them that nobody uses", idle);
    registry.register("pool_waits", "Times that somebody waited for a connection", waits);
    registry.register("pool_wait_seconds", "For how long they waited, in all", waited);
    registry.register("pool_timeouts", "Times that no connection was free in time", timeouts);
}

/// How replicas stand, where there are any.
fn register_replicas(registry: &mut Registry, db: &Db) {
    let Some(replicas) = db.replicas() else { return };
    let (in_use, lag) = (Family::<OfReplica, Gauge>::default(), Family::<OfReplica, Gauge<f64, AtomicU64>>::default());
    for standing in replicas.standings() {
        let labels = OfReplica { replica: standing.number };
        in_use.get_or_create(&labels).set(standing.in_use.into());
        if let Some(late) = standing.lag {
            lag.get_or_create(&labels).set(late.as_secs_f64());
        }
    }
    registry.register("replica_in_use", "Whether this process reads from a replica", in_use);
    registry.register("replica_lag_seconds", "How late a replica is at most, as this process sees it", lag);
}

/// For how many seconds the first of what is due has been so.
#[must_use]
pub fn oldest_of<'a>(figures: impl Iterator<Item = &'a Figure>, now: NaiveDateTime) -> i64 {
    let first = figures.filter_map(|figure| figure.first_due).min();
    first.map_or(0, |first| (now - first).num_seconds())
}

fn of(kind: JobKind) -> OfKind {
    OfKind { kind: kind.as_str() }
}
