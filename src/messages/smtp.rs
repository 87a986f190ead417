//! Mail by SMTP (RFC 5321), over TLS where the URL says so.

use lettre::{
    AsyncSmtpTransport, AsyncTransport, Message, Tokio1Executor,
    message::{Mailbox, MultiPart, header::HeaderName, header::HeaderValue},
    transport::smtp::Error as SmtpError,
};
use secrecy::{ExposeSecret, SecretString};

use super::{Failure, TIMEOUT, templates::Mail};
use crate::{
    clock::{Clock, utc},
    error::{Error, Result},
};

/// Whether a URL is one of an SMTP server: `smtps://user:password@host:465`, or `smtp://user:password@host:587?tls=required`
/// for STARTTLS (RFC 8314 has the first before the second).
#[must_use]
pub fn is_url(url: &str) -> bool {
    AsyncSmtpTransport::<Tokio1Executor>::from_url(url).is_ok()
}

/// An SMTP server, and the address that mail is from.
pub(super) struct Smtp {
    transport: AsyncSmtpTransport<Tokio1Executor>,
    from: Mailbox,
    clock: Clock,
}

impl Smtp {
    pub(super) fn new(url: &SecretString, from: &str, clock: Clock) -> Result<Self> {
        // What the library says of the URL may repeat it, and it holds a password.
        let transport = AsyncSmtpTransport::<Tokio1Executor>::from_url(url.expose_secret())
            .map_err(|_| Error::internal("SMTP_URL is not the URL of an SMTP server"))?;
        let from = from.parse().map_err(|_| Error::internal("MAIL_FROM is not an e-mail address"))?;
        Ok(Self { transport: transport.timeout(Some(TIMEOUT)).build(), from, clock })
    }

    /// Hands one mail to the server. `id` is its Message-ID (RFC 5322, 3.6.4).
    pub(super) async fn deliver(&self, to: &str, id: &str, mail: &Mail) -> Result<(), Failure> {
        let to = to.parse().map_err(|_| Failure::of(false, "mail goes to no such address"))?;
        let message = Message::builder()
            .from(self.from.clone())
            .to(Mailbox::new(None, to))
            .subject(&mail.subject)
            .date(utc(self.clock.now()).into())
            .message_id(Some(format!("<{id}@{}>", self.from.email.domain())))
            // That no out-of-office answers it (RFC 3834, 5).
            .raw_header(HeaderValue::new(HeaderName::new_from_ascii_str("Auto-Submitted"), "auto-generated".to_owned()))
            .multipart(MultiPart::alternative_plain_html(mail.plain.clone(), mail.html.clone()))
            .map_err(|_| Failure::of(false, "the mail could not be written"))?;
        self.transport.send(message).await.map(|_| ()).map_err(|error| failure(&error))
    }
}

/// What the log is told: the code of the answer, or what kind of fault it was. The answer's text repeats the address.
fn failure(error: &SmtpError) -> Failure {
    let again = !error.is_permanent() && !error.is_client();
    match error.status() {
        Some(code) => Failure::of(again, format!("the SMTP server answered {code}")),
        None if error.is_client() => {
            Failure::of(again, "the SMTP server does not offer what is asked of it, such as TLS")
        }
        None if error.is_tls() => Failure::of(again, "no TLS connection to the SMTP server"),
        None if error.is_timeout() => Failure::of(again, "the SMTP server took too long"),
        None => Failure::of(again, "no connection to the SMTP server, or it broke"),
    }
}
