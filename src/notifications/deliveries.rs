//! What a delivery is made of: the SQL, compiled for both databases.

use diesel::prelude::*;
use diesel_async::RunQueryDsl;

use super::Cx;
use crate::{
    db::schema::{devices, events, notification_jobs, notifications},
    error::Result,
    events::model::EventRow,
};

/// The notifications that a job delivers to an account, in the order in which they came, with what they tell of.
pub async fn of_job(cx: &mut Cx, job: i64, account: i64) -> Result<Vec<(i64, EventRow)>> {
    let rows = notifications::table
        .inner_join(events::table)
        .inner_join(notification_jobs::table)
        .filter(notification_jobs::job_id.eq(job))
        .filter(notifications::account_id.eq(account))
        .order(notifications::id)
        .select((notifications::id, EventRow::as_select()))
        .load(cx)
        .await?;
    Ok(rows)
}

/// The token of a device, while it is active and of this account.
pub async fn token(cx: &mut Cx, device: i64, account: i64) -> Result<Option<String>> {
    let token = devices::table
        .find(device)
        .filter(devices::account_id.eq(account))
        .filter(devices::active)
        .select(devices::token)
        .first(cx)
        .await
        .optional()?;
    Ok(token)
}

/// Notes that a device is there no more. One that was registered for another account since is theirs to keep.
pub async fn deactivate(cx: &mut Cx, device: i64, account: i64, cause: &str) -> Result<()> {
    diesel::update(devices::table.find(device).filter(devices::account_id.eq(account)))
        .set((devices::active.eq(false), devices::last_error.eq(cause)))
        .execute(cx)
        .await?;
    Ok(())
}
