//! Tells of an event: live subscribers, and the inboxes of those whom it concerns.
//!
//! Whom it concerns is looked through a hundred at a time, each in a transaction of its own that ends with the job for the next
//! ones: so a notice to thousands holds nobody up, and a crash repeats one part of it, in which everything is written once.

use std::collections::HashMap;

use chrono::NaiveDateTime;
use chrono_tz::Tz;
use serde::{Deserialize, Serialize};

use super::{
    due::{due, is_digest},
    model::{Delivery, NotificationCategory, NotificationChannel, Recipient},
    subject,
};
use crate::{
    auth::recipient,
    change::{Stop, Tries},
    dispatch,
    error::{Error, Result},
    events::model::{EventRow, Topic},
    graphql::Services,
    jobs::model::{JobKind, JobRow, Lane, NewJob, Outcome, Priority},
    live::{NOTIFIED, Occurrence},
    read,
};

/// Accounts that are looked through at a time: so few that it takes a part of a lease only, also where the database is slow.
const CHUNK: i64 = 100;

/// What is to be told of: the payload of its job.
#[derive(Debug, Serialize, Deserialize)]
struct Telling {
    /// The event.
    event: i64,
    /// The account up to which it is told already.
    #[serde(default)]
    after: i64,
}

/// Tells of the event that a job names.
pub async fn run(services: &Services, job: &JobRow) -> Outcome {
    let Ok(telling) = serde_json::from_str::<Telling>(&job.payload) else {
        return Outcome::Dead { cause: "the payload names no event".to_owned() };
    };
    tell(services, &telling).await.map_or_else(Outcome::from, |()| Outcome::Done)
}

async fn tell(services: &Services, telling: &Telling) -> Result<()> {
    let db = &services.db;
    let Some(event) = read!(db, notifications_fan_out::event(telling.event))? else { return Ok(()) };
    if telling.after == 0 {
        let topics = read!(db, notifications_fan_out::topics(event.id))?;
        {
            let mut cx = db.write().await?;
            dispatch!(cx, events_write::note_told(event.id, services.clock.now()))?;
        }
        publish(services, &event, event.kind.as_str(), topics).await?;
    }
    let Some(category) = NotificationCategory::of(event.kind) else { return Ok(()) };
    let concerned = read!(db, notifications_fan_out::concerned_after(&event, telling.after, CHUNK))?;
    let Some(last) = concerned.last() else { return Ok(()) };
    let is_all = i64::try_from(concerned.len()).map_err(Error::internal)? < CHUNK;
    let next = (!is_all).then(|| next(&event, *last, category, services.clock.now()));

    let viewers = recipient::viewers(db, &concerned).await?;
    let mut told = Vec::new();
    for account in concerned {
        let Some(viewer) = viewers.get(&account) else { continue };
        if subject::reached(services, viewer, &event).await?.is_some() {
            told.push(account);
        }
    }
    let recipients = read!(db, notifications_fan_out::recipients(&told))?;
    let zone = read!(db, institute::zone())?;
    let now = services.clock.now();
    let deliveries = deliveries(&event, category, &recipients, (now, zone));
    write(services, &event, now, &told, &deliveries, next.as_ref()).await?;
    services.wake.wake();
    if told.is_empty() {
        return Ok(());
    }
    let topics = told.into_iter().map(|account| Topic::Account(account).text()).collect();
    publish(services, &event, NOTIFIED, topics).await
}

/// Says to whom listens that something happened.
async fn publish(services: &Services, event: &EventRow, kind: &str, topics: Vec<String>) -> Result<()> {
    let occurrence = Occurrence { event: event.id, kind: kind.to_owned(), subject: event.subject_id, topics };
    services.hub.publish(&occurrence).await
}

fn priority(category: NotificationCategory) -> Priority {
    if category == NotificationCategory::Notice { Priority::Low } else { Priority::Normal }
}

/// The job that goes on after an account.
fn next(event: &EventRow, after: i64, category: NotificationCategory, now: NaiveDateTime) -> NewJob {
    NewJob {
        key: format!("tell:{}:{after}", event.id),
        kind: JobKind::Tell,
        lane: Lane::Events,
        priority: priority(category),
        payload: serde_json::json!(Telling { event: event.id, after }),
        batch: None,
        due_at: now,
    }
}

/// The jobs that deliver an event, by account: one for each channel that the recipient wants and has an address for, and of
/// push messages one for each device.
fn deliveries(
    event: &EventRow,
    category: NotificationCategory,
    recipients: &HashMap<i64, Recipient>,
    (now, zone): (NaiveDateTime, Tz),
) -> Vec<(i64, NewJob)> {
    let mut jobs = Vec::new();
    for (account, Recipient { contact, devices, wishes }) in recipients {
        let wanted = NotificationChannel::ALL.iter().copied().filter(|channel| wishes.want(category, *channel));
        for channel in wanted {
            let devices: Vec<Option<i64>> = match channel {
                NotificationChannel::Push => devices.iter().copied().map(Some).collect(),
                NotificationChannel::Email => contact.email.iter().map(|_| None).collect(),
                NotificationChannel::Sms => contact.phone.iter().map(|_| None).collect(),
            };
            for device in devices {
                let delivery = Delivery::new(*account, channel, device);
                let (about, priority) = if is_digest(channel, &wishes.settings) {
                    ("digest", Priority::Low)
                } else {
                    (category.as_str(), priority(category))
                };
                let job = NewJob {
                    key: format!("deliver:{}:{}", event.id, delivery.text()),
                    kind: JobKind::Deliver,
                    lane: channel.lane(),
                    priority,
                    payload: serde_json::json!(delivery),
                    batch: Some(format!("{}:{about}", delivery.text())),
                    due_at: due(now, zone, (category, channel), &wishes.settings),
                };
                jobs.push((*account, job));
            }
        }
    }
    jobs
}

/// Writes what telling these accounts takes, again where it met others who told them of something else.
async fn write(
    services: &Services,
    event: &EventRow,
    now: NaiveDateTime,
    told: &[i64],
    deliveries: &[(i64, NewJob)],
    next: Option<&NewJob>,
) -> Result<()> {
    let mut tries = Tries::default();
    loop {
        let mut cx = services.db.begin().await?;
        let told = dispatch!(cx, notifications_fan_out::tell(event, now, told, deliveries, next.cloned()));
        if tries.end(cx, told.map_err(Stop::Failed), None, &services.random).await?.is_some() {
            return Ok(());
        }
    }
}

#[cfg(test)]
mod tests {
    use chrono::NaiveDate;

    use super::*;
    use crate::{auth::model::Contact, events::model::EventKind, notifications::model::Wishes};

    #[test]
    fn a_recipient_gets_a_job_by_each_channel_and_device_that_they_have() {
        let now = NaiveDate::from_ymd_opt(2026, 3, 20).unwrap().and_hms_opt(12, 0, 0).unwrap();
        let event = EventRow {
            id: 5,
            kind: EventKind::StudentAbsent,
            subject_id: 1,
            student_id: Some(2),
            actor_account_id: None,
            at: now,
        };
        let contact = Contact { email: Some("a@example.org".to_owned()), phone: Some("+9779800000001".to_owned()) };
        let recipient = Recipient { contact, devices: vec![3, 4], wishes: Wishes::default() };
        let jobs = |recipient: Recipient| {
            let recipients = HashMap::from([(7, recipient)]);
            let jobs = deliveries(&event, NotificationCategory::Absence, &recipients, (now, Tz::UTC));
            let mut texts: Vec<String> =
                jobs.into_iter().map(|(_, job)| format!("{} {}", job.key, job.batch.unwrap_or_default())).collect();
            texts.sort();
            texts
        };
        let push = ["deliver:5:7:PUSH:3 7:PUSH:3:ABSENCE", "deliver:5:7:PUSH:4 7:PUSH:4:ABSENCE"];
        assert_eq!(jobs(recipient.clone()), [&["deliver:5:7:EMAIL 7:EMAIL:ABSENCE"][..], &push].concat());
        let wishes = Wishes::of(crate::notifications::model::Settings { digest: true, ..Default::default() }, []);
        let digest = jobs(Recipient { wishes, ..recipient.clone() });
        assert_eq!(digest, [&["deliver:5:7:EMAIL 7:EMAIL:digest"][..], &push].concat());
        assert_eq!(jobs(Recipient { contact: Contact::default(), ..recipient }), push);
    }
}
