//! Figures of the service for whoever watches over it, in the text of `OpenMetrics`.
//!
//! What happens is counted where it happens; how the queue stands is read from the database when somebody asks, so that every
//! instance says the same of it. No label has anything of a person.

use std::time::Duration;

use prometheus_client::{
    encoding::{EncodeLabelSet, text},
    metrics::{counter::Counter, family::Family, gauge::Gauge, histogram::Histogram},
    registry::Registry,
};

use crate::{
    error::{Error, Result},
    graphql::Services,
    jobs::model::{Figure, JobKind, JobState, Priority},
    read,
};

/// The content type of the text.
pub const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

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

/// What is counted in this process.
#[derive(Clone)]
pub struct Metrics {
    done: Family<OfKind, Counter>,
    failed: Family<OfKind, Counter>,
    dead: Family<OfKind, Counter>,
    seconds: Family<OfKind, Histogram, fn() -> Histogram>,
}

impl Default for Metrics {
    fn default() -> Self {
        Self {
            done: Family::default(),
            failed: Family::default(),
            dead: Family::default(),
            seconds: Family::new_with_constructor(|| Histogram::new(SECONDS)),
        }
    }
}

impl Metrics {
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

    /// Everything, as text.
    ///
    /// # Errors
    /// When the database cannot be asked how the queue stands.
    pub async fn text(services: &Services) -> Result<String> {
        let now = services.clock.now();
        let figures = read!(services.db, jobs::figures(now))?;
        let own = &services.metrics;
        let mut registry = Registry::with_prefix("rollcall");
        registry.register("jobs_done", "Jobs that this process has done", own.done.clone());
        registry.register("jobs_failed", "Tries of jobs that failed in this process", own.failed.clone());
        registry.register("jobs_dead", "Jobs that this process has given up", own.dead.clone());
        registry.register("job_seconds", "How long tries of jobs took in this process", own.seconds.clone());
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
        let mut out = String::new();
        text::encode(&mut out, &registry).map_err(Error::internal)?;
        Ok(out)
    }
}

/// For how many seconds the first of what is due has been so.
#[must_use]
pub fn oldest_of<'a>(figures: impl Iterator<Item = &'a Figure>, now: chrono::NaiveDateTime) -> i64 {
    let first = figures.filter_map(|figure| figure.first_due).min();
    first.map_or(0, |first| (now - first).num_seconds())
}

fn of(kind: JobKind) -> OfKind {
    OfKind { kind: kind.as_str() }
}
