//! Delivers notifications by a channel.
//!
//! Whoever is told is looked up when it is done: what they may not know any more, or do not want by this channel any more, is
//! left out, and where nothing is left nothing is sent.

use super::{
    model::{Delivery, NotificationCategory, NotificationChannel, Recipient},
    subject,
};
use crate::{
    auth::recipient,
    dispatch,
    error::Result,
    events::model::EventRow,
    graphql::Services,
    jobs::model::{JobRow, Outcome},
    messages::{Address, Content, Failure, Message},
    read,
};

/// Delivers the notifications of a job.
pub async fn run(services: &Services, job: &JobRow) -> Outcome {
    let Some((delivery, channel)) = parsed(&job.payload) else {
        return Outcome::Dead { cause: "the payload names no account and channel".to_owned() };
    };
    deliver(services, job, &delivery, channel).await.unwrap_or_else(Outcome::from)
}

fn parsed(payload: &str) -> Option<(Delivery, NotificationChannel)> {
    let delivery: Delivery = serde_json::from_str(payload).ok()?;
    let channel = delivery.channel()?;
    Some((delivery, channel))
}

async fn deliver(
    services: &Services,
    job: &JobRow,
    delivery: &Delivery,
    channel: NotificationChannel,
) -> Result<Outcome> {
    let Some(message) = message(services, job, delivery, channel).await? else { return Ok(Outcome::Done) };
    let Err(Failure { again, after, gone, cause }) = services.messages.deliver(&message, &job.key).await else {
        return Ok(Outcome::Done);
    };
    if let Some(device) = delivery.device.filter(|_| gone) {
        let mut cx = services.db.write().await?;
        dispatch!(cx, notifications_deliveries::deactivate(device, delivery.account, &cause))?;
        return Ok(Outcome::Done);
    }
    Ok(if again { Outcome::Again { cause, after } } else { Outcome::Dead { cause } })
}

/// The message that a delivery sends, where there is anything left to tell and an address to tell it to.
async fn message(
    services: &Services,
    job: &JobRow,
    delivery: &Delivery,
    channel: NotificationChannel,
) -> Result<Option<Message>> {
    let (db, account) = (&services.db, delivery.account);
    let viewers = recipient::viewers(db, &[account]).await?;
    let Some(viewer) = viewers.get(&account) else { return Ok(None) };
    let mut recipients = read!(db, notifications_fan_out::recipients(&[account]))?;
    let Some(Recipient { contact, wishes, .. }) = recipients.remove(&account) else { return Ok(None) };
    let to = match (channel, delivery.device) {
        (NotificationChannel::Push, Some(device)) => {
            read!(db, notifications_deliveries::token(device, account))?.map(Address::Device)
        }
        (NotificationChannel::Push, None) => None,
        (NotificationChannel::Email, _) => contact.email.map(Address::Email),
        (NotificationChannel::Sms, _) => contact.phone.map(Address::Phone),
    };
    // What no channel is set up for is in the inbox all the same.
    let Some(to) = to.filter(|to| services.messages.reaches(to)) else { return Ok(None) };

    let mut rows = read!(db, notifications_deliveries::of_job(job.id, account))?;
    let wanted = |event: &EventRow| NotificationCategory::of(event.kind).is_some_and(|of| wishes.want(of, channel));
    rows.retain(|(_, event)| wanted(event));
    let events: Vec<EventRow> = rows.iter().map(|(_, event)| event.clone()).collect();
    let still = read!(db, notifications_fan_out::still_concerned(&events, account))?;
    let mut news = Vec::new();
    for (notification, event) in rows.into_iter().filter(|(_, event)| still.contains(&event.id)) {
        if let Some(subject) = subject::reached(services, viewer, &event).await? {
            news.push(subject.news(services, viewer, &event, notification).await?);
        }
    }
    if news.is_empty() {
        return Ok(None);
    }
    let institute = read!(db, institute::name())?;
    Ok(Some(Message { to, language: wishes.settings.language, institute, content: Content::News(news) }))
}
