//! What messages go to: an SMTP server and an HTTP gateway of the test's own, on loopback, that keep what they are given.

use std::{
    collections::VecDeque,
    net::SocketAddr,
    sync::{Arc, Mutex},
};

use axum::{
    Json, Router,
    extract::State,
    http::{HeaderMap, HeaderValue, StatusCode, header::RETRY_AFTER},
    routing::post,
};
use rollcall::config::Config;
use serde_json::Value;
use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufStream},
    net::{TcpListener, TcpStream},
    task::JoinHandle,
};

use super::TestApp;

/// A mail, as the server was given it.
#[derive(Clone, Debug, Default)]
pub struct Mail {
    pub from: String,
    pub to: Vec<String>,
    /// What `AUTH PLAIN` came with.
    pub credentials: String,
    /// Headers and body, lines ending in `\n`.
    pub text: String,
}

/// A text message, as the gateway was given it.
#[derive(Clone, Debug)]
pub struct TextMessage {
    pub authorization: String,
    /// The key by which a second try is known.
    pub key: String,
    pub to: String,
    pub text: String,
}

/// What goes wrong with the next delivery.
#[derive(Clone, Copy, Debug)]
pub enum Fault {
    /// The connection is closed as soon as it is made.
    HangUp,
    /// The answer has this code: to the recipient in SMTP, to the request in HTTP.
    Answer(u16),
    /// The same in HTTP, with this `Retry-After`.
    Later(u16, &'static str),
}

/// What the two have in common: what they were given, and what is still to go wrong.
#[derive(Debug)]
struct Kept<T> {
    given: Mutex<Vec<T>>,
    faults: Mutex<VecDeque<Fault>>,
}

impl<T> Default for Kept<T> {
    fn default() -> Self {
        Self { given: Mutex::default(), faults: Mutex::default() }
    }
}

impl<T> Kept<T> {
    /// Whether the next fault is one to hang up by, and it is not the next one any more.
    fn hangs_up(&self) -> bool {
        let mut faults = self.faults.lock().unwrap();
        matches!(faults.front(), Some(Fault::HangUp)) && faults.pop_front().is_some()
    }

    fn code(&self) -> Option<u16> {
        match self.faults.lock().unwrap().pop_front()? {
            Fault::Answer(code) => Some(code),
            Fault::HangUp | Fault::Later(..) => None,
        }
    }

    /// The status of the answer over HTTP, and its `Retry-After`.
    fn status(&self) -> (StatusCode, Option<&'static str>) {
        let (code, later) = match self.faults.lock().unwrap().pop_front() {
            Some(Fault::Answer(code)) => (code, None),
            Some(Fault::Later(code, later)) => (code, Some(later)),
            Some(Fault::HangUp) | None => (202, None),
        };
        (StatusCode::from_u16(code).unwrap(), later)
    }
}

/// The two, running.
pub struct Peers {
    mail: Arc<Kept<Mail>>,
    texts: Arc<Kept<TextMessage>>,
    smtp: SocketAddr,
    gateway: SocketAddr,
    servers: [JoinHandle<()>; 2],
}

impl Drop for Peers {
    fn drop(&mut self) {
        self.servers.iter().for_each(JoinHandle::abort);
    }
}

impl Peers {
    pub async fn start() -> Self {
        let (mail, texts) = (Arc::<Kept<Mail>>::default(), Arc::<Kept<TextMessage>>::default());
        let listen = || async { TcpListener::bind(("127.0.0.1", 0)).await.unwrap() };
        let (smtp, http) = (listen().await, listen().await);
        let addresses = (smtp.local_addr().unwrap(), http.local_addr().unwrap());
        let inbox = Arc::clone(&mail);
        let serve_mail = async move {
            while let Ok((stream, _)) = smtp.accept().await {
                if !inbox.hangs_up() {
                    tokio::spawn(converse(stream, Arc::clone(&inbox)));
                }
            }
        };
        let routes = Router::new().route("/messages", post(take)).with_state(Arc::clone(&texts));
        let serve_texts = async move { axum::serve(http, routes).await.unwrap() };
        let servers = [tokio::spawn(serve_mail), tokio::spawn(serve_texts)];
        Self { mail, texts, smtp: addresses.0, gateway: addresses.1, servers }
    }

    /// The variables that name them.
    pub fn variables(&self) -> [(&'static str, String); 4] {
        [
            ("SMTP_URL", format!("smtp://rollcall:pa%40ss@{}", self.smtp)),
            ("MAIL_FROM", "School <office@school.example>".to_owned()),
            ("SMS_GATEWAY_URL", format!("http://{}/messages", self.gateway)),
            ("SMS_GATEWAY_TOKEN", "the gateway's token".to_owned()),
        ]
    }

    /// The same application on the same database, sending its messages here.
    pub async fn of(&self, app: &TestApp) -> TestApp {
        app.beside_with(|config| self.configure(config)).await
    }

    pub fn configure(&self, config: &mut Config) {
        let [smtp, from, gateway, token] = self.variables().map(|(_, value)| value);
        (config.smtp_url, config.mail_from) = (Some(smtp.into()), Some(from));
        (config.sms_gateway_url, config.sms_gateway_token) = (Some(gateway.into()), Some(token.into()));
    }

    /// What goes wrong with the next mails, one after the other.
    pub fn mail_fails(&self, faults: &[Fault]) {
        self.mail.faults.lock().unwrap().extend(faults);
    }

    /// What goes wrong with the next text messages; there is no hanging up.
    pub fn texts_fail(&self, faults: &[Fault]) {
        self.texts.faults.lock().unwrap().extend(faults);
    }

    /// The mails that were given since the last time, once the application has done all that is due by now.
    pub async fn mails(&self, app: &TestApp) -> Vec<Mail> {
        app.work().await;
        self.mails_so_far()
    }

    pub fn mails_so_far(&self) -> Vec<Mail> {
        std::mem::take(&mut self.mail.given.lock().unwrap())
    }

    /// The same for text messages, those that were refused too.
    pub async fn texts(&self, app: &TestApp) -> Vec<TextMessage> {
        app.work().await;
        std::mem::take(&mut self.texts.given.lock().unwrap())
    }

    /// The code in the one mail that was given since the last time.
    #[track_caller]
    pub fn mailed_code<'a>(&'a self, app: &'a TestApp) -> impl Future<Output = String> + 'a {
        let caller = std::panic::Location::caller();
        async move {
            let mails = self.mails(app).await;
            assert_eq!(mails.len(), 1, "{caller}: {mails:#?}");
            mails[0].code().unwrap_or_else(|| panic!("{caller}: no code in {mails:#?}"))
        }
    }
}

fn is_code(text: &str) -> bool {
    text.len() == 6 && text.bytes().all(|byte| byte.is_ascii_digit())
}

impl Mail {
    /// The code that stands on a line of its own.
    pub fn code(&self) -> Option<String> {
        self.text.lines().find(|line| is_code(line)).map(str::to_owned)
    }

    pub fn header(&self, name: &str) -> &str {
        let found = self
            .text
            .lines()
            .take_while(|line| !line.is_empty())
            .find_map(|line| line.strip_prefix(name)?.strip_prefix(": "));
        found.unwrap_or_else(|| panic!("no {name} in {}", self.text))
    }
}

impl TextMessage {
    pub fn code(&self) -> Option<String> {
        self.text.split([' ', '.']).find(|word| is_code(word)).map(str::to_owned)
    }
}

async fn take(
    State(kept): State<Arc<Kept<TextMessage>>>,
    headers: HeaderMap,
    Json(body): Json<Value>,
) -> (StatusCode, HeaderMap) {
    let header = |name: &str| headers[name].to_str().unwrap().to_owned();
    let text = |name: &str| body[name].as_str().unwrap().to_owned();
    kept.given.lock().unwrap().push(TextMessage {
        authorization: header("authorization"),
        key: header("idempotency-key"),
        to: text("to"),
        text: text("text"),
    });
    let (status, later) = kept.status();
    let header = |later: &'static str| (RETRY_AFTER, HeaderValue::from_static(later));
    (status, later.map(header).into_iter().collect())
}

/// One connection of SMTP (RFC 5321), without TLS.
async fn converse(stream: TcpStream, kept: Arc<Kept<Mail>>) -> std::io::Result<()> {
    let mut stream = BufStream::new(stream);
    let (mut mail, mut credentials) = (Mail::default(), String::new());
    let mut answer = "220 mail.example ESMTP".to_owned();
    loop {
        stream.write_all(format!("{answer}\r\n").as_bytes()).await?;
        stream.flush().await?;
        let mut line = String::new();
        if stream.read_line(&mut line).await? == 0 {
            return Ok(());
        }
        let line = line.trim_end();
        let address = || line.split(['<', '>']).nth(1).unwrap_or_default().to_owned();
        let verb = line.split([' ', ':']).next().unwrap_or_default().to_uppercase();
        answer = match verb.as_str() {
            "EHLO" => "250-mail.example\r\n250-8BITMIME\r\n250 AUTH PLAIN".to_owned(),
            "AUTH" => {
                credentials = line.rsplit(' ').next().unwrap_or_default().to_owned();
                "235 welcome".to_owned()
            }
            "MAIL" => {
                mail = Mail { from: address(), credentials: credentials.clone(), ..Mail::default() };
                "250 ok".to_owned()
            }
            "RCPT" => match kept.code() {
                // As servers do, it says whose mailbox it is.
                Some(code) => format!("{code} <{}> is not to be reached", address()),
                None => {
                    mail.to.push(address());
                    "250 ok".to_owned()
                }
            },
            "DATA" => {
                stream.write_all(b"354 go on\r\n").await?;
                stream.flush().await?;
                mail.text = data(&mut stream).await?;
                kept.given.lock().unwrap().push(std::mem::take(&mut mail));
                "250 kept".to_owned()
            }
            "RSET" | "NOOP" => "250 ok".to_owned(),
            "QUIT" => return stream.shutdown().await,
            _ => "502 not here".to_owned(),
        };
    }
}

/// The lines up to the one with a dot alone; a dot that begins another line was doubled by the client.
async fn data(stream: &mut BufStream<TcpStream>) -> std::io::Result<String> {
    let mut text = String::new();
    loop {
        let mut line = String::new();
        if stream.read_line(&mut line).await? == 0 {
            return Err(std::io::ErrorKind::UnexpectedEof.into());
        }
        match line.trim_end_matches(['\r', '\n']) {
            "." => return Ok(text),
            line => text.extend([line.strip_prefix('.').unwrap_or(line), "\n"]),
        }
    }
}
