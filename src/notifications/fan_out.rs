//! Whom an event concerns, and what telling them writes: the SQL, compiled for both databases.

use std::collections::{BTreeSet, HashMap};

use chrono::NaiveDateTime;
use diesel::{dsl, prelude::*};
use diesel_async::RunQueryDsl;

use super::{Backend, Cx, dialect, jobs, notices, notifications as inbox};
use crate::{
    auth::model::{Contact, StaffRole},
    db::schema::{
        accounts, batch_students, devices, event_topics, events, exports, jobs as job_rows, leave_requests,
        meeting_parents, meetings, notice_audiences, notification_jobs, notifications, parent_students, parents, staff,
        staff_roles, students,
    },
    error::Result,
    events::model::{EventKind, EventRow},
    jobs::model::{JobState, NewJob},
    notices::model::AudienceRole,
    notifications::model::Recipient,
};

/// An event; none where it is there no more.
pub async fn event(cx: &mut Cx, id: i64) -> Result<Option<EventRow>> {
    Ok(events::table.find(id).select(EventRow::as_select()).first(cx).await.optional()?)
}

/// Whom an event concerns, as live subscriptions find it.
pub async fn topics(cx: &mut Cx, event: i64) -> Result<Vec<String>> {
    let topics = event_topics::table.filter(event_topics::event_id.eq(event)).order(event_topics::topic);
    Ok(topics.select(event_topics::topic).load(cx).await?)
}

/// The accounts that an event concerns by its kind, but for who did it. It is a choice to begin with: of these the row scope
/// of each decides.
fn concerned<'a>(event: &EventRow) -> accounts::BoxedQuery<'a, Backend> {
    let actor = event.actor_account_id.unwrap_or(0);
    let rows = accounts::table.filter(accounts::active).filter(accounts::id.ne(actor)).into_boxed();
    let (subject, student) = (event.subject_id, event.student_id.unwrap_or(0));
    let their_parents = || {
        parents::table
            .inner_join(parent_students::table)
            .filter(parent_students::student_id.eq(student))
            .select(parents::account_id)
    };
    match event.kind {
        EventKind::StudentAbsent => rows.filter(accounts::id.eq_any(their_parents())),
        EventKind::MeetingRequested
        | EventKind::MeetingScheduled
        | EventKind::MeetingMoved
        | EventKind::MeetingCancelled
        | EventKind::MeetingCompleted => {
            let holder = staff::table.inner_join(meetings::table).filter(meetings::id.eq(subject));
            let takes_part = parents::table.inner_join(meeting_parents::table);
            let takes_part = takes_part.filter(meeting_parents::meeting_id.eq(subject));
            rows.filter(
                accounts::id
                    .eq_any(holder.select(staff::account_id))
                    .or(accounts::id.eq_any(takes_part.select(parents::account_id))),
            )
        }
        // Who decides about this one is for the rule of deciding to say.
        EventKind::LeaveRequested => {
            let deciding = staff::table
                .inner_join(staff_roles::table)
                .filter(staff_roles::role.eq_any([StaffRole::Admin, StaffRole::Hod]))
                .select(staff::account_id);
            rows.filter(accounts::id.eq_any(deciding))
        }
        EventKind::LeaveDecided => {
            let student = students::table.filter(students::id.eq(student)).select(students::account_id);
            let away = leave_requests::table.filter(leave_requests::id.eq(subject));
            let away = away.select(leave_requests::staff_id.assume_not_null());
            let colleague = staff::table.filter(staff::id.eq_any(away)).select(staff::account_id);
            rows.filter(
                accounts::id
                    .eq_any(student)
                    .or(accounts::id.eq_any(their_parents()))
                    .or(accounts::id.eq_any(colleague)),
            )
        }
        EventKind::ExportReady => {
            let asked = exports::table.filter(exports::id.eq(subject)).select(exports::account_id);
            rows.filter(accounts::id.eq_any(asked))
        }
        EventKind::NoticePublished => rows,
        EventKind::AttendanceMarked => rows.filter(accounts::id.eq(0)),
    }
}

/// Those who are near enough to a notice's audience to be asked: the students and parents of its groups, and the staff, who are
/// few and come to a group in many ways.
fn near(rows: accounts::BoxedQuery<'_, Backend>, notice: i64) -> accounts::BoxedQuery<'_, Backend> {
    let groups = || notice_audiences::table.filter(notice_audiences::notice_id.eq(notice));
    let for_all = |role| dsl::exists(groups().filter(notices::holders(role)));
    let theirs = || {
        let courses = groups().filter(notice_audiences::course_id.is_not_null());
        let batches = groups().filter(notice_audiences::batch_id.is_not_null());
        let members = batch_students::table
            .filter(batch_students::batch_id.eq_any(batches.select(notice_audiences::batch_id.assume_not_null())))
            .select(batch_students::student_id);
        students::course_id
            .assume_not_null()
            .eq_any(courses.select(notice_audiences::course_id.assume_not_null()))
            .or(students::id.eq_any(members))
    };
    let learning = students::table.filter(for_all(AudienceRole::Student).or(theirs()));
    let of_theirs = parent_students::table
        .filter(parent_students::student_id.eq_any(students::table.filter(theirs()).select(students::id)))
        .select(parent_students::parent_id);
    let family = parents::table.filter(for_all(AudienceRole::Parent).or(parents::id.eq_any(of_theirs)));
    rows.filter(
        accounts::id
            .eq_any(staff::table.select(staff::account_id))
            .or(accounts::id.eq_any(learning.select(students::account_id)))
            .or(accounts::id.eq_any(family.select(parents::account_id))),
    )
}

/// The accounts that an event concerns, by number: `most` of those after one.
pub async fn concerned_after(cx: &mut Cx, event: &EventRow, after: i64, most: i64) -> Result<Vec<i64>> {
    let mut rows = concerned(event);
    if event.kind == EventKind::NoticePublished {
        rows = near(rows, event.subject_id);
    }
    let rows = rows.filter(accounts::id.gt(after)).order(accounts::id).limit(most);
    Ok(rows.select(accounts::id).load(cx).await?)
}

/// Those of some events that concern an account still.
pub async fn still_concerned(cx: &mut Cx, events: &[EventRow], account: i64) -> Result<BTreeSet<i64>> {
    let mut still = BTreeSet::new();
    for event in events {
        let row = concerned(event).filter(accounts::id.eq(account)).select(accounts::id);
        if row.first::<i64>(cx).await.optional()?.is_some() {
            still.insert(event.id);
        }
    }
    Ok(still)
}

/// The owners of accounts, as notifications reach them.
pub async fn recipients(cx: &mut Cx, ids: &[i64]) -> Result<HashMap<i64, Recipient>> {
    let contacts: Vec<(i64, Contact)> =
        accounts::table.filter(accounts::id.eq_any(ids)).select((accounts::id, Contact::as_select())).load(cx).await?;
    let devices: Vec<(i64, i64)> = devices::table
        .filter(devices::account_id.eq_any(ids))
        .filter(devices::active)
        .order(devices::id)
        .select((devices::account_id, devices::id))
        .load(cx)
        .await?;
    let mut wishes = inbox::wishes(cx, ids).await?;
    let mut recipients: HashMap<i64, Recipient> = HashMap::new();
    for (account, contact) in contacts {
        let wishes = wishes.remove(&account).unwrap_or_default();
        recipients.insert(account, Recipient { contact, devices: Vec::new(), wishes });
    }
    for (account, device) in devices {
        recipients.entry(account).or_default().devices.push(device);
    }
    Ok(recipients)
}

/// Puts an event into the inboxes of accounts, with its deliveries, by account. Those who have it already are told by what was
/// written then. `next` is the job that goes on with others.
pub async fn tell(
    cx: &mut Cx,
    event: &EventRow,
    now: NaiveDateTime,
    accounts: &[i64],
    deliveries: &[(i64, NewJob)],
    next: Option<NewJob>,
) -> Result<()> {
    use notifications as n;
    let told: Vec<i64> = n::table
        .filter(n::event_id.eq(event.id))
        .filter(n::account_id.eq_any(accounts))
        .select(n::account_id)
        .load(cx)
        .await?;
    let told: BTreeSet<i64> = told.into_iter().collect();
    let new: Vec<i64> = accounts.iter().copied().filter(|account| !told.contains(account)).collect();
    let row = |account: &i64| (n::account_id.eq(*account), n::event_id.eq(event.id), n::at.eq(now));
    let rows: Vec<_> = new.iter().map(row).collect();
    if !rows.is_empty() {
        dialect::execute_batch(cx, diesel::insert_into(n::table).values(rows)).await?;
    }
    let made: Vec<(i64, i64)> = n::table
        .filter(n::event_id.eq(event.id))
        .filter(n::account_id.eq_any(&new))
        .select((n::account_id, n::id))
        .load(cx)
        .await?;
    let made: HashMap<i64, i64> = made.into_iter().collect();
    let of_new = |(account, job): &(i64, NewJob)| made.get(account).map(|notification| (*notification, job.clone()));
    let deliveries: Vec<(i64, NewJob)> = deliveries.iter().filter_map(of_new).collect();
    deliver(cx, now, &deliveries).await?;
    jobs::enqueue(cx, now, next.into_iter().collect()).await
}

/// Has notifications delivered, each by a job of its own or by one that waits for what it may be joined to.
async fn deliver(cx: &mut Cx, now: NaiveDateTime, deliveries: &[(i64, NewJob)]) -> Result<()> {
    use job_rows as j;
    let batches: Vec<&str> = deliveries.iter().filter_map(|(_, job)| job.batch.as_deref()).collect();
    // Written, so that whoever would begin one of them meanwhile waits, and then finds what was joined to it.
    let waiting = j::table
        .filter(j::batch.eq_any(batches))
        .filter(j::state.eq(JobState::Pending))
        .filter(j::attempts.eq(0))
        .filter(j::lease.is_null());
    let waiting: Vec<(Option<String>, i64)> =
        diesel::update(waiting).set(j::attempts.eq(0)).returning((j::batch, j::id)).get_results(cx).await?;
    let mut to: HashMap<String, i64> = waiting.into_iter().filter_map(|(batch, id)| Some((batch?, id))).collect();
    let joins = |job: &NewJob| job.batch.as_ref().is_some_and(|batch| to.contains_key(batch));
    let new: Vec<NewJob> = deliveries.iter().map(|(_, job)| job).filter(|job| !joins(job)).cloned().collect();
    let keys: Vec<String> = new.iter().map(|job| job.key.clone()).collect();
    jobs::enqueue(cx, now, new).await?;
    let made: Vec<(String, i64)> = j::table.filter(j::key.eq_any(keys)).select((j::key, j::id)).load(cx).await?;
    to.extend(made);
    let job = |job: &NewJob| {
        let joined = job.batch.as_ref().and_then(|batch| to.get(batch));
        joined.or_else(|| to.get(&job.key)).copied()
    };
    let links: BTreeSet<(i64, i64)> =
        deliveries.iter().filter_map(|(notification, new)| Some((job(new)?, *notification))).collect();
    let links: Vec<(i64, i64)> = links.into_iter().collect();
    for some in links.chunks(dialect::rows_per_insert(2)) {
        let row = |(job, notification): &(i64, i64)| {
            (notification_jobs::job_id.eq(*job), notification_jobs::notification_id.eq(*notification))
        };
        let rows: Vec<_> = some.iter().map(row).collect();
        dialect::execute_batch(cx, diesel::insert_into(notification_jobs::table).values(rows)).await?;
    }
    Ok(())
}
