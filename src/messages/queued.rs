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
    auth::code::CodePurpose,
    error::{Error, Result},
    graphql::Services,
    ids::Seal,
    jobs::model::{JobKind, JobRow, Lane, NewJob, Outcome, Priority},
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
    account: i64,
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

/// The job that sends the owner of an account a message, in their language; `key` is of this message alone. A code goes before everything that
/// nobody waits for.
///
/// # Errors
/// When it is nothing that owners are sent so, or cannot be sealed.
pub fn job(
    seal: &Seal,
    key: &str,
    now: NaiveDateTime,
    (account, language): (i64, Language),
    to: Address,
    content: &Content,
) -> Result<NewJob> {
    let (to, lane) = match to {
        Address::Email(to) => (To::Email(to), Lane::Mail),
        Address::Phone(to) => (To::Phone(to), Lane::Text),
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
    let sealed = seal.parcel(PURPOSE, &Parcel { account, to, language: language.as_str().to_owned(), words })?;
    Ok(NewJob {
        key: format!("message:{key}"),
        kind: JobKind::Message,
        lane: if priority == Priority::Urgent { Lane::Codes } else { lane },
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
    let Some(Parcel { account, to, language, words }) = parcel else {
        return Outcome::Dead { cause: "the message was sealed under another SECRET_KEY, or is none".to_owned() };
    };
    if words.lifetime().is_some_and(|lifetime| services.clock.now() >= job.created_at + lifetime) {
        // Who still wants a code asks for another one.
        return Outcome::Done;
    }
    match is_of_use(services, account, &words).await {
        Ok(true) => {}
        Ok(false) => return Outcome::Done,
        Err(error) => return error.into(),
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

/// Whether what it says is so still: a code is not once it was used, or there is another one.
async fn is_of_use(services: &Services, account: i64, words: &Words) -> Result<bool> {
    let (purpose, code) = match words {
        Words::ActivationCode(code, _) => (CodePurpose::Activation, code),
        Words::ResetCode(code, _) => (CodePurpose::Reset, code),
        Words::PasswordChanged | Words::Locked(_) => return Ok(true),
    };
    let hash = purpose.digest(&services.seal, account, &SecretString::from(code.as_str()));
    let now = services.clock.now();
    read!(services.db, auth_codes::is_good(account, purpose, &hash, now))
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
