//! Delivers notifications by a channel.
//!
//! Whoever is told is looked up when it is done: what they may not know any more, or do not want by this channel any more, is
//! left out, and where nothing is left nothing is sent.

use super::{
    due::quiet_until,
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
    messages::{Address, Content, Message},
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
    let (db, account) = (&services.db, delivery.account);
    let Some(recipient) = read!(db, notifications_fan_out::recipients(&[account]))?.remove(&account) else {
        return Ok(Outcome::Done);
    };
    // Asked anew: this may be another try, and they may have chosen other hours since.
    let (now, zone) = (services.clock.now(), read!(db, institute::zone())?);
    if let Some(end) = quiet_until(now, zone, &recipient.wishes.settings) {
        let after = (end - now).to_std().unwrap_or_default();
        return Ok(Outcome::Later { cause: "it is quiet hours", after, all: false });
    }
    let Some(message) = message(services, job, (delivery, channel), recipient).await? else {
        return Ok(Outcome::Done);
    };
    let Err(failure) = services.messages.deliver(&message, &job.key).await else { return Ok(Outcome::Done) };
    if let Some(device) = delivery.device.filter(|_| failure.gone) {
        let mut cx = db.write().await?;
        dispatch!(cx, notifications_deliveries::deactivate(device, account, &failure.cause))?;
        return Ok(Outcome::Done);
    }
    Ok(failure.into())
}

/// The message that a delivery sends, where there is anything left to tell and an address to tell it to.
async fn message(
    services: &Services,
    job: &JobRow,
    (delivery, channel): (&Delivery, NotificationChannel),
    Recipient { contact, wishes, .. }: Recipient,
) -> Result<Option<Message>> {
    let (db, account) = (&services.db, delivery.account);
    let viewers = recipient::viewers(db, &[account]).await?;
    let Some(viewer) = viewers.get(&account) else { return Ok(None) };
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
