//! Removes what is of no use any more, and works out anew what is kept of other rows.

use std::time::Duration;

use chrono::TimeDelta;
use serde::{Deserialize, Serialize};
use serde_json::json;
use tokio::time::Instant;

use super::model::{JobKind, JobRow, JobState, Lane, NewJob, Outcome, Priority};
use crate::{
    change::{Act, Changed, Tries},
    dispatch,
    error::Result,
    graphql::Services,
    read,
};

/// Rows that one statement removes at most: others wait for it on SQLite.
const ROWS: i64 = 500;
/// How long a try removes one thing at most, so that all of them take a part of a lease; what is left is for the next hour.
const SPAN: Duration = Duration::from_secs(3);
/// Students in one transaction.
const STUDENTS: i64 = 200;
/// How long a try begins another part; then another job goes on.
const PARTS: Duration = Duration::from_secs(10);
/// How long a job that is done is kept, in days: for whoever wonders what became of it.
const DONE_DAYS: i64 = 7;

/// Where working out anew goes on: after this student.
#[derive(Default, Serialize, Deserialize)]
struct Payload {
    #[serde(default)]
    after: i64,
    #[serde(default)]
    differed: usize,
}

/// Removes what is of no use any more.
pub async fn remove(services: &Services) -> Outcome {
    remove_all(services).await.map_or_else(Outcome::from, |()| Outcome::Done)
}

/// Works out anew how far students are in their courses, and puts right what is not as it should be.
pub async fn recompute(services: &Services, job: &JobRow) -> Outcome {
    match serde_json::from_str(&job.payload) {
        Ok(payload) => recompute_from(services, job, payload).await.map_or_else(Outcome::from, |()| Outcome::Done),
        Err(_) => Outcome::Dead { cause: "its payload cannot be read".to_owned() },
    }
}

/// Has a statement remove rows until nothing is left, or it was often enough.
macro_rules! remove {
    ($services:expr, $function:ident ( $($argument:expr),* )) => {{
        let (mut removed, began) = (0, Instant::now());
        while began.elapsed() < SPAN {
            let mut cx = $services.db.write().await?;
            let some = dispatch!(cx, jobs_upkeep::$function($($argument,)* ROWS))?;
            removed += some;
            if i64::try_from(some).is_ok_and(|some| some < ROWS) {
                break;
            }
        }
        removed
    }};
}

async fn remove_all(services: &Services) -> Result<()> {
    let now = services.clock.now();
    let long_ago = now - TimeDelta::days(services.event_days);
    let in_force = services.sessions.in_force();
    let sessions = remove!(services, remove_sessions(in_force));
    let codes = {
        let mut cx = services.db.write().await?;
        dispatch!(cx, jobs_upkeep::remove_codes(now))?
    };
    let notifications = remove!(services, remove_notifications(long_ago));
    let events = remove!(services, remove_events(long_ago));
    let exports = remove!(services, remove_exports(long_ago));
    let keys = remove!(services, remove_keys(long_ago));
    let done = remove!(services, remove_jobs(JobState::Done, now - TimeDelta::days(DONE_DAYS)));
    let dead = remove!(services, remove_jobs(JobState::Dead, long_ago));
    tracing::info!(
        sessions,
        codes,
        notifications,
        events,
        exports,
        keys,
        done,
        dead,
        "what is of no use any more was removed"
    );
    Ok(())
}

async fn recompute_from(services: &Services, job: &JobRow, payload: Payload) -> Result<()> {
    let zone = read!(services.db, institute::zone())?;
    let Payload { mut after, mut differed } = payload;
    let began = Instant::now();
    while began.elapsed() < PARTS {
        let students = read!(services.db, jobs_upkeep::students_after(after, STUDENTS))?;
        let Some(last) = students.last() else {
            tracing::info!(differed, "how far students are in their courses was worked out anew");
            return Ok(());
        };
        after = *last;
        let act = Act::of_operator("recompute", &services.clock, zone);
        differed += in_one(services, &act, &students).await?;
    }
    let now = services.clock.now();
    // Its key begins with that of the first of them: however often this one is done, one goes on.
    let first = job.key.split('#').next().unwrap_or_default();
    let rest = NewJob {
        key: format!("{first}#{after}"),
        kind: JobKind::Recompute,
        lane: Lane::Upkeep,
        priority: Priority::Low,
        payload: json!(Payload { after, differed }),
        batch: None,
        due_at: now,
    };
    let mut cx = services.db.write().await?;
    dispatch!(cx, jobs::enqueue(now, vec![rest]))?;
    services.wake.wake();
    Ok(())
}

/// Some students in one transaction, again where it met another.
async fn in_one(services: &Services, act: &Act, students: &[i64]) -> Result<usize> {
    let mut tries = Tries::default();
    loop {
        let mut cx = services.db.begin().await?;
        let done: Changed<usize> = async { Ok(dispatch!(cx, progress_write::recompute(act, students))?) }.await;
        if let Some(done) = tries.end(cx, done, None, &services.random).await? {
            return Ok(done.value.unwrap_or_default());
        }
    }
}
