//! Makes an export, as who asked for it.

use serde::Deserialize;

use super::model;
use crate::{
    auth::recipient,
    change::Act,
    dispatch,
    error::Result,
    graphql::Services,
    jobs::model::{JobRow, Outcome},
    read,
};

#[derive(Deserialize)]
struct Payload {
    export: i64,
}

/// Makes the export that a job names. It is made by what who asked for it reaches now; it fails where they may not have it now.
pub async fn run(services: &Services, job: &JobRow) -> Outcome {
    match named(job) {
        Some(export) => make(services, export).await.map_or_else(Outcome::from, |()| Outcome::Done),
        None => Outcome::Dead { cause: "it names no export".to_owned() },
    }
}

/// Notes that the export that a job names could not be made: who asked for it need not wait.
pub async fn give_up(services: &Services, job: &JobRow) -> Result<()> {
    let Some(id) = named(job) else { return Ok(()) };
    match read!(services.db, exports::asked_by(id))? {
        Some(account) => finish(services, (id, account), None).await,
        None => Ok(()),
    }
}

fn named(job: &JobRow) -> Option<i64> {
    serde_json::from_str(&job.payload).ok().map(|Payload { export }| export)
}

async fn make(services: &Services, id: i64) -> Result<()> {
    let Some(account) = read!(services.db, exports::asked_by(id))? else { return Ok(()) };
    let viewer = recipient::viewers(&services.db, &[account]).await?.remove(&account);
    let content = match viewer {
        Some(viewer) => {
            let scope = viewer.scope();
            match read!(services.db, exports::by_ids(&scope, &[id]))?.into_iter().next() {
                Some((row, _)) => {
                    let days = (row.first_day, row.last_day);
                    let students = read!(services.db, exports::students(&scope, row.course_id))?;
                    let attended = read!(services.db, exports::attended(&scope, row.course_id, days))?;
                    Some(model::csv(students, attended)?)
                }
                None => None,
            }
        }
        None => None,
    };
    finish(services, (id, account), content.as_deref()).await
}

async fn finish(services: &Services, export: (i64, i64), content: Option<&str>) -> Result<()> {
    let zone = read!(services.db, institute::zone())?;
    let act = Act::of_operator("exportAttendance", &services.clock, zone);
    let mut cx = services.db.begin().await?;
    dispatch!(cx, exports_write::finish(&act, export, content))?;
    cx.commit().await?;
    services.wake.wake();
    Ok(())
}
