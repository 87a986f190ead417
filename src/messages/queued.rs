//! Messages to the owners of accounts, as they go by the queue: codes, and news of the account.
//!
//! A job holds the message as a sealed parcel, so that who reads the database, a backup of it or a log of its statements has
//! no code and no address by it; when it is done the parcel goes.

use chrono::{NaiveDateTime, TimeDelta};
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::{Address, Content, Language, Message};
use crate::{
    error::{Error, Result},
    graphql::Services,
    ids::Seal,
    jobs::model::{JobKind, JobRow, NewJob, Outcome, Priority},
    read,
};

/// What a parcel is sealed for.
const PURPOSE: &str = "message";

/// What a job holds.
#[derive(Deserialize)]
struct Payload {
    sealed: String,
}

/// What is in the parcel.
#[derive(Serialize, Deserialize)]
struct Parcel {
    to: To,
    language: String,
    words: Words,
}

#[derive(Serialize, Deserialize)]
enum To {
    Email(String),
    Phone(String),
}

#[derive(Serialize, Deserialize)]
enum Words {
    ActivationCode(String, i64),
    ResetCode(String, i64),
    PasswordChanged,
    Locked(i64),
}

/// The job that sends the owner of an account a message; `key` is of this message alone. A code goes before everything that
/// nobody waits for.
///
/// # Errors
/// When it is nothing that owners are sent so, or cannot be sealed.
pub fn job(
    seal: &Seal,
    key: &str,
    now: NaiveDateTime,
    language: Language,
    to: Address,
    content: &Content,
) -> Result<NewJob> {
    let to = match to {
        Address::Email(to) => To::Email(to),
        Address::Phone(to) => To::Phone(to),
        Address::Device(_) => return Err(Error::internal("owners are not sent messages by push")),
    };
    let (words, priority) = match content {
        Content::ActivationCode(code, minutes) => {
            (Words::ActivationCode(code.expose_secret().to_owned(), *minutes), Priority::Urgent)
        }
        Content::ResetCode(code, minutes) => {
            (Words::ResetCode(code.expose_secret().to_owned(), *minutes), Priority::Urgent)
        }
        Content::PasswordChanged => (Words::PasswordChanged, Priority::Normal),
        Content::Locked(minutes) => (Words::Locked(*minutes), Priority::Normal),
        Content::News(_) => return Err(Error::internal("news are delivered by notifications")),
    };
    let sealed = seal.parcel(PURPOSE, &Parcel { to, language: language.as_str().to_owned(), words })?;
    Ok(NewJob {
        key: format!("message:{key}"),
        kind: JobKind::Message,
        priority,
        payload: json!({"sealed": sealed}),
        batch: None,
        due_at: now,
    })
}

/// Sends the message that a job holds.
pub async fn run(services: &Services, job: &JobRow) -> Outcome {
    let opened = serde_json::from_str(&job.payload).ok();
    let parcel = opened.and_then(|Payload { sealed }| services.seal.open_parcel::<Parcel>(PURPOSE, &sealed));
    let Some(Parcel { to, language, words }) = parcel else {
        return Outcome::Dead { cause: "the message was sealed under another SECRET_KEY, or is none".to_owned() };
    };
    if words.lifetime().is_some_and(|lifetime| services.clock.now() >= job.created_at + lifetime) {
        // Who still wants a code asks for another one.
        return Outcome::Done;
    }
    let institute = match institute(services).await {
        Ok(name) => name,
        Err(error) => return error.into(),
    };
    let language = Language::ALL.iter().copied().find(|own| own.as_str() == language).unwrap_or(Language::English);
    let message = Message { to: to.address(), language, institute, content: words.content() };
    match services.messages.deliver(&message, &job.key).await {
        Ok(()) => Outcome::Done,
        Err(failure) => failure.into(),
    }
}

/// Who speaks.
async fn institute(services: &Services) -> Result<String> {
    read!(services.db, institute::name())
}

impl To {
    fn address(self) -> Address {
        match self {
            Self::Email(to) => Address::Email(to),
            Self::Phone(to) => Address::Phone(to),
        }
    }
}

impl Words {
    /// How long what it says is of any use, where that has an end.
    fn lifetime(&self) -> Option<TimeDelta> {
        match self {
            Self::ActivationCode(_, minutes) | Self::ResetCode(_, minutes) => TimeDelta::try_minutes(*minutes),
            Self::PasswordChanged | Self::Locked(_) => None,
        }
    }

    fn content(self) -> Content {
        match self {
            Self::ActivationCode(code, minutes) => Content::ActivationCode(SecretString::from(code), minutes),
            Self::ResetCode(code, minutes) => Content::ResetCode(SecretString::from(code), minutes),
            Self::PasswordChanged => Content::PasswordChanged,
            Self::Locked(minutes) => Content::Locked(minutes),
        }
    }
}
