//! What the service tells people out of band: mail by SMTP, text messages by an HTTP gateway, and in development, where
//! neither is set up, the console.
//!
//! [`Messages::send`] is all that others use. It never waits and never fails: delivery goes on in the background, a few
//! times with growing pauses where the other side is down. It is as good as this process: a message that was not delivered
//! when the process is killed is not delivered, and codes are asked for again. The log says that a message was not
//! delivered and why, and neither to whom nor what was in it.

use std::{io::Write, sync::Arc, time::Duration};

use chrono::{NaiveDate, NaiveDateTime};
use secrecy::SecretString;
use tokio::sync::Semaphore;

use crate::{background::Background, clock::Clock, error::Result, events::model::EventKind, random::Random, text_enum};

pub mod queued;
mod sms;
mod smtp;
mod templates;

use sms::Gateway;
use smtp::Smtp;
pub use smtp::is_url as is_smtp_url;

/// How long the other side may take.
const TIMEOUT: Duration = Duration::from_secs(15);
/// How long to wait before each further try. All of them are over long before a code is.
const PAUSES: [Duration; 4] =
    [Duration::from_millis(500), Duration::from_secs(2), Duration::from_secs(10), Duration::from_secs(30)];
/// Deliveries at a time.
const AT_ONCE: usize = 8;

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
    /// Whether it was granted.
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
    /// What happened: one thing, or several that came together.
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
    /// Whether what has no channel is written to standard error: in development only, for codes are among it.
    pub console: bool,
}

/// Sends messages.
#[derive(Clone)]
pub struct Messages {
    channels: Arc<Channels>,
    random: Random,
    background: Background,
    permits: Arc<Semaphore>,
}

struct Channels {
    mail: Channel,
    texts: Channel,
    push: Channel,
}

/// One way out.
enum Channel {
    Smtp(Smtp),
    Gateway(Gateway),
    Console,
    /// None: the variable that is not set.
    Off(&'static str),
}

/// Why a message was not delivered.
#[derive(Debug)]
pub struct Failure {
    /// Whether it may go well when it is tried again.
    pub again: bool,
    /// After how long at the earliest, where the other side said so.
    pub after: Option<Duration>,
    /// Whether the address is there no more.
    pub gone: bool,
    /// For the log: nothing that the other side says, for it repeats addresses.
    pub cause: String,
}

impl Messages {
    /// Makes the channels; no connection is made before there is something to send.
    ///
    /// # Errors
    /// When an URL or an address is none; the message has no password in it.
    pub fn new(options: &Options, clock: &Clock, random: Random, background: Background) -> Result<Self> {
        let off = |variable| if options.console { Channel::Console } else { Channel::Off(variable) };
        let mail = match &options.smtp {
            Some((url, from)) => Channel::Smtp(Smtp::new(url, from, clock.clone())?),
            None => off("SMTP_URL"),
        };
        let texts = match &options.gateway {
            Some((url, token)) => Channel::Gateway(Gateway::new(url, token.clone())?),
            None => off("SMS_GATEWAY_URL"),
        };
        for channel in [&mail, &texts] {
            if let Channel::Off(variable) = channel {
                tracing::warn!("{variable} is not set: who is reached that way gets no codes");
            }
        }
        let push = off("FCM_CREDENTIALS");
        let channels = Arc::new(Channels { mail, texts, push });
        Ok(Self { channels, random, background, permits: Arc::new(Semaphore::new(AT_ONCE)) })
    }

    /// Sends a message, in the background.
    pub fn send(&self, message: Message) {
        let messages = self.clone();
        self.background.start("send a message", async move { messages.keep_trying(&message).await });
    }

    /// Delivers a message, once. The other side can tell by `key` that it has it already.
    ///
    /// # Errors
    /// When it was not delivered.
    pub async fn deliver(&self, message: &Message, key: &str) -> Result<(), Failure> {
        self.try_once(self.channel(message).0, message, key).await
    }

    fn channel(&self, message: &Message) -> (&Channel, &'static str) {
        match &message.to {
            Address::Email(_) => (&self.channels.mail, "mail"),
            Address::Phone(_) => (&self.channels.texts, "text message"),
            Address::Device(_) => (&self.channels.push, "push message"),
        }
    }

    async fn keep_trying(&self, message: &Message) {
        // The same at each try, so that the other side can tell that it has the message already.
        let id = self.random.token();
        let (channel, name) = self.channel(message);
        let content = message.content.name();
        let mut pauses = PAUSES.iter();
        loop {
            let Err(Failure { again, cause, .. }) = self.try_once(channel, message, &id).await else {
                tracing::debug!(channel = name, content, "a message was sent");
                return;
            };
            match pauses.next().filter(|_| again) {
                Some(pause) => {
                    tracing::warn!(channel = name, content, cause, "a message was not sent, to be tried again");
                    tokio::time::sleep(*pause).await;
                }
                None => {
                    tracing::error!(channel = name, content, cause, "a message was not sent");
                    return;
                }
            }
        }
    }

    async fn try_once(&self, channel: &Channel, message: &Message, id: &str) -> Result<(), Failure> {
        let _permit = self.permits.acquire().await.map_err(|error| Failure::of(false, error))?;
        match (channel, &message.to) {
            (Channel::Smtp(smtp), Address::Email(to)) => smtp.deliver(to, id, &templates::mail(message)).await,
            (Channel::Gateway(gateway), Address::Phone(to)) => gateway.deliver(to, id, &templates::text(message)).await,
            (Channel::Console, Address::Email(to) | Address::Phone(to) | Address::Device(to)) => {
                let text = templates::text(message);
                writeln!(std::io::stderr(), "Message to {to}: {text}").map_err(|error| Failure::of(false, error))
            }
            (Channel::Off(variable), _) => Err(Failure::of(false, format!("{variable} is not set"))),
            _ => Err(Failure::of(false, "this channel does not reach such an address")),
        }
    }
}

impl Failure {
    fn of(again: bool, cause: impl std::fmt::Display) -> Self {
        Self { again, after: None, gone: false, cause: cause.to_string() }
    }
}
