//! What the service tells people out of band: mail by SMTP, text messages by an HTTP gateway, push messages by FCM, and in
//! development, where one of them is not set up, the console.
//!
//! [`Messages::deliver`] is one try. It fails where the other side does, and the [`Failure`] says whether another try may go
//! well, and when: that is for the queue, whose jobs deliver ([`queued`] for the owners of accounts, `notifications` for news
//! of the institute). What is tried again goes under the same key, by which the other side can tell that it has it already.
//! Nothing here tells anybody to whom a message went, nor what was in it.

use std::{io::Write, path::PathBuf, sync::Arc, time::Duration};

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use chrono::{NaiveDate, NaiveDateTime};
use secrecy::SecretString;

use crate::{
    clock::Clock, error::Result, events::model::EventKind, ids::Seal, jobs::model::Outcome, text_enum,
    throttle::PerMinute,
};

mod fcm;
mod http;
pub mod queued;
mod sms;
mod smtp;
mod templates;
mod token;

use fcm::Fcm;
use sms::Gateway;
use smtp::Smtp;
pub use smtp::is_url as is_smtp_url;

/// How long the other side may take.
const TIMEOUT: Duration = Duration::from_secs(15);

/// Where a message goes.
#[derive(Clone)]
pub enum Address {
    /// An e-mail address.
    Email(String),
    /// A phone number in E.164.
    Phone(String),
    /// A device, by its registration token at FCM.
    Device(String),
}

text_enum! {
    /// A language that messages are written in.
    Language {
        /// English.
        English = "EN",
        /// Nepali.
        Nepali = "NE",
    }
}

/// What somebody is told of one event, as far as they may know it.
#[derive(Clone, Debug)]
pub struct News {
    /// What happened.
    pub kind: EventKind,
    /// The global id of the notification in their inbox.
    pub notification: String,
    /// The global id of what it is about.
    pub subject: String,
    /// The student whom it is about: their name.
    pub student: Option<String>,
    /// A title: of a notice, or the subject of a class.
    pub title: Option<String>,
    /// The days that it is about, the first and the last.
    pub days: Option<(NaiveDate, NaiveDate)>,
    /// The time that it is about, in the institute's time zone.
    pub time: Option<NaiveDateTime>,
    /// Whether it was granted; none where the decision was taken back.
    pub granted: Option<bool>,
}

/// What a message says.
#[derive(Clone, Debug)]
pub enum Content {
    /// The code that activates an account, and for how many minutes it is good.
    ActivationCode(SecretString, i64),
    /// The code that resets a password, and for how many minutes it is good.
    ResetCode(SecretString, i64),
    /// That the account has a new password.
    PasswordChanged,
    /// That sign-ins failed so often that nobody can sign in for so many minutes.
    Locked(i64),
    /// What happened: one thing, or several that came together, the newest last.
    News(Vec<News>),
}

impl Content {
    /// What the log calls it.
    fn name(&self) -> &'static str {
        match self {
            Self::ActivationCode(..) => "activation code",
            Self::ResetCode(..) => "reset code",
            Self::PasswordChanged => "password changed",
            Self::Locked(_) => "locked",
            Self::News(_) => "news",
        }
    }
}

/// A message to one person.
#[derive(Clone)]
pub struct Message {
    /// To whom.
    pub to: Address,
    /// In which language.
    pub language: Language,
    /// The institute's name, as who speaks.
    pub institute: String,
    /// What it says.
    pub content: Content,
}

/// How messages are sent.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// The SMTP server's URL, with user and password in it, and the address that mail is from.
    pub smtp: Option<(SecretString, String)>,
    /// The URL and the token of the gateway for text messages.
    pub gateway: Option<(SecretString, SecretString)>,
    /// The file of the service account that push messages are sent by.
    pub fcm_credentials: Option<PathBuf>,
    /// Where they are sent, where that is not Google.
    pub fcm_url: Option<String>,
    /// Whether what has no channel is written to standard error: in development only, for codes are among it.
    pub console: bool,
}

/// Sends messages.
#[derive(Clone)]
pub struct Messages(Arc<Ways>);

struct Ways {
    mail: Channel,
    texts: Channel,
    push: Channel,
    seal: Seal,
}

/// One way out.
enum Channel {
    Smtp(Smtp),
    Gateway(Gateway),
    Fcm(Box<Fcm>),
    Console,
    /// None: the variable that is not set.
    Off(&'static str),
}

/// Why a message was not delivered.
#[derive(Debug)]
pub struct Failure {
    /// Whether it may go well when it is tried again.
    pub again: bool,
    /// After which time at the earliest, where the other side said so.
    pub after: Option<Duration>,
    /// Whether nothing reaches this address any more: a device whose app was removed.
    pub gone: bool,
    /// Whether nothing was tried, because as much went that way as may: then it may go well after `after`.
    pub full: bool,
    /// For the operator: nothing that the other side says in words of its own, for it repeats addresses.
    pub cause: String,
}

impl Messages {
    /// Makes the channels; no connection is made before there is something to send. There are no more push messages than
    /// `pushes` lets through.
    ///
    /// # Errors
    /// When an URL, an address or a file is not what it should be; the message has no secret in it.
    pub fn new(options: &Options, (clock, seal): (&Clock, &Seal), pushes: PerMinute) -> Result<Self> {
        let off = |variable| if options.console { Channel::Console } else { Channel::Off(variable) };
        let mail = match &options.smtp {
            Some((url, from)) => Channel::Smtp(Smtp::new(url, from, clock.clone())?),
            None => off("SMTP_URL"),
        };
        let texts = match &options.gateway {
            Some((url, token)) => Channel::Gateway(Gateway::new(url, token.clone(), clock.clone())?),
            None => off("SMS_GATEWAY_URL"),
        };
        let push = match &options.fcm_credentials {
            Some(file) => Channel::Fcm(Box::new(Fcm::new(file, options.fcm_url.as_deref(), clock, pushes)?)),
            None => off("FCM_CREDENTIALS"),
        };
        for channel in [&mail, &texts] {
            if let Channel::Off(variable) = channel {
                tracing::warn!("{variable} is not set: who is reached that way gets no codes");
            }
        }
        Ok(Self(Arc::new(Ways { mail, texts, push, seal: seal.clone() })))
    }

    /// Whether there is a channel to such an address: an operator need not set all of them up.
    #[must_use]
    pub fn reaches(&self, to: &Address) -> bool {
        !matches!(self.channel(to).0, Channel::Off(_))
    }

    fn channel(&self, to: &Address) -> (&Channel, &'static str) {
        match to {
            Address::Email(_) => (&self.0.mail, "mail"),
            Address::Phone(_) => (&self.0.texts, "text message"),
            Address::Device(_) => (&self.0.push, "push message"),
        }
    }

    /// Delivers a message by the channel of its address: one try. All tries of one message come with the same `key`, and
    /// no other message does: by it the other side can tell that it has it already.
    ///
    /// # Errors
    /// When the other side does not take it.
    pub async fn deliver(&self, message: &Message, key: &str) -> Result<(), Failure> {
        let (channel, name) = self.channel(&message.to);
        channel.take(message, &id(&self.0.seal, key)).await?;
        tracing::debug!(channel = name, content = message.content.name(), "a message was sent");
        Ok(())
    }
}

impl Channel {
    async fn take(&self, message: &Message, id: &str) -> Result<(), Failure> {
        match (self, &message.to) {
            (Self::Smtp(smtp), Address::Email(to)) => smtp.deliver(to, id, &templates::mail(message)).await,
            (Self::Gateway(gateway), Address::Phone(to)) => gateway.deliver(to, id, &templates::text(message)).await,
            (Self::Fcm(fcm), Address::Device(to)) => match &message.content {
                Content::News(news) => fcm.deliver(to, id, news).await,
                _ => Err(Failure::of(false, "there are no push messages but of news")),
            },
            (Self::Console, Address::Email(to) | Address::Phone(to) | Address::Device(to)) => {
                let text = templates::text(message);
                writeln!(std::io::stderr(), "Message to {to}: {text}").map_err(|error| Failure::of(false, error))
            }
            (Self::Off(variable), _) => Err(Failure::of(false, format!("{variable} is not set"))),
            _ => Err(Failure::of(false, "this channel does not reach such an address")),
        }
    }
}

/// A key as every channel takes it: they get a keyed digest, for a key names rows, and a plain one is soon guessed.
#[must_use]
pub fn id(seal: &Seal, key: &str) -> String {
    URL_SAFE_NO_PAD.encode(seal.digest(&["message", key]))
}

impl Failure {
    fn of(again: bool, cause: impl std::fmt::Display) -> Self {
        Self { again, after: None, gone: false, full: false, cause: cause.to_string() }
    }
}

impl From<Failure> for Outcome {
    fn from(Failure { again, after, full, cause, .. }: Failure) -> Self {
        match after {
            Some(after) if full => Self::Later { cause: "as much goes this way as may", after, all: true },
            _ if again => Self::Again { cause, after },
            _ => Self::Dead { cause },
        }
    }
}
