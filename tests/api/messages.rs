//! Messages: what becomes of them when the other side fails, and what is told of them to whom.

use std::process::Command;

use rollcall::demo::cast;
use serde_json::{Value, json};

use crate::{
    admission::phone,
    logs::Server,
    support::{Backend, Client, Fault, Mail, Peers, TestApp, TestDatabase},
};

async fn ask(client: &Client, identifier: &str) {
    client.done("requestPasswordReset", json!({"identifier": identifier}), "success").await;
}

on_both! {
    async fn a_message_is_tried_again_and_known_by_it(app: TestApp) {
        let peers = Peers::start().await;
        let app = peers.of(&app).await;
        peers.mail_fails(&[Fault::HangUp, Fault::Answer(451)]);
        ask(&app.anonymous(), cast::PARENT).await;
        let mails = peers.mails(&app).await;
        assert_eq!((mails.len(), &mails[0].to[..]), (1, &[cast::PARENT.to_owned()][..]));
        let credentials = base64("\0rollcall\0pa@ss");
        assert_eq!(mails[0].credentials, credentials);
        assert!(mails[0].header("Message-ID").ends_with("@school.example>"), "{mails:?}");
        assert_eq!((mails[0].header("Date"), mails[0].header("Auto-Submitted")), ("Fri, 20 Mar 2026 12:00:00 +0000", "auto-generated"));

        let phone = phone(&app, cast::OTHER_PARENT).await;
        peers.texts_fail(&[Fault::Answer(500), Fault::Answer(429)]);
        ask(&app.anonymous(), &phone).await;
        let texts = peers.texts(&app).await;
        assert_eq!(texts.len(), 3, "two in vain");
        assert!(texts.iter().all(|text| (&text.key, &text.to, &text.text) == (&texts[0].key, &phone, &texts[0].text)), "{texts:#?}");
        app.clock.advance(chrono::Duration::minutes(2));
        ask(&app.anonymous(), &phone).await;
        assert_ne!(peers.texts(&app).await[0].key, texts[0].key, "another message");
    }

    async fn what_is_refused_for_good_is_not_tried_again(app: TestApp) {
        let peers = Peers::start().await;
        let app = peers.of(&app).await;
        peers.mail_fails(&[Fault::Answer(550)]);
        ask(&app.anonymous(), cast::PARENT).await;
        assert_eq!(peers.mails(&app).await.len(), 0);
        peers.texts_fail(&[Fault::Answer(400)]);
        ask(&app.anonymous(), &phone(&app, cast::OTHER_PARENT).await).await;
        assert_eq!(peers.texts(&app).await.len(), 1);
    }

    async fn who_asks_for_tls_sends_nothing_without_it(app: TestApp) {
        let peers = Peers::start().await;
        let [(_, url), ..] = peers.variables();
        let app = app.beside_with(|config| {
            peers.configure(config);
            config.smtp_url = Some(format!("{url}?tls=required").into());
        }).await;
        ask(&app.anonymous(), cast::PARENT).await;
        assert_eq!(peers.mails(&app).await.len(), 0, "the server has no STARTTLS, or somebody in between took it away");
    }

    async fn the_owner_of_a_locked_account_is_told(app: TestApp) {
        let peers = Peers::start().await;
        let app = peers.of(&app).await;
        let number = app.number(&format!("SELECT id FROM accounts WHERE email = '{}'", cast::PARENT)).await;
        app.api.services().owners.tell_locked(number, 15);
        let (mails, texts) = (peers.mails(&app).await, peers.texts(&app).await);
        assert_eq!((mails.len(), texts.len()), (1, 1));
        assert!(mails[0].text.contains("15 minutes") && texts[0].text.contains("15 minutes"), "{mails:?} {texts:?}");
        // There is nobody to tell.
        app.api.services().owners.tell_locked(999_999, 15);
        assert_eq!(peers.mails(&app).await.len(), 0);
        // So it is by who guesses, once: the tenth failure is the one that locks, and the next ones tell it no more.
        let wrong = json!({"identifier": cast::OTHER_PARENT, "password": "a wrong guess"});
        for _ in 0..12 {
            app.clock.advance(chrono::Duration::minutes(16));
            assert_eq!(app.anonymous().change("signIn", &wrong, "token").await["token"], Value::Null);
        }
        let mails = peers.mails(&app).await;
        assert_eq!((mails.len(), &*mails[0].to[0]), (1, cast::OTHER_PARENT));
        assert!(mails[0].text.contains("15 minutes"), "{mails:?}");
    }
}

fn base64(text: &str) -> String {
    use base64::{Engine, engine::general_purpose::STANDARD};
    STANDARD.encode(text)
}

/// That a line that begins with a dot comes through, and one of an institute with a name in another script.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_mail_comes_through_whatever_the_institute_is_called() {
    let (peers, app) = (Peers::start().await, TestApp::start(Backend::Sqlite).await);
    let app = peers.of(&app).await;
    let name = ".hidden <b>School</b>";
    app.database.execute(&format!("UPDATE institute SET name = '{name}'")).await;
    ask(&app.anonymous(), cast::PARENT).await;
    let mail = peers.mails(&app).await.remove(0);
    assert_eq!(mail.text.lines().filter(|line| *line == name).count(), 1, "{mail:?}");
    assert!(mail.text.contains(".hidden &lt;b&gt;School&lt;/b&gt;") && mail.code().is_some(), "{mail:?}");
    app.database.execute("UPDATE institute SET name = 'विद्यालय'").await;
    app.clock.advance(chrono::Duration::minutes(2));
    ask(&app.anonymous(), cast::PARENT).await;
    let mail = peers.mails(&app).await.remove(0);
    assert!(mail.text.is_ascii() && mail.header("Subject").contains("=?utf-8?"), "{mail:?}");
}

fn vars<'a>(variables: &'a [(&'static str, String)]) -> Vec<(&'a str, &'a str)> {
    variables.iter().map(|(name, value)| (*name, value.as_str())).collect()
}

/// The first mail that comes.
async fn first(peers: &Peers) -> Mail {
    loop {
        if let Some(mail) = peers.mails_so_far().pop() {
            return mail;
        }
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_log_has_neither_a_code_nor_an_address() {
    let (peers, database) = (Peers::start().await, TestDatabase::filled(Backend::Sqlite).await);
    let mut server = Server::start(&database, &vars(&peers.variables()));
    let client = Client::new(server.url().await, None);
    // The server repeats the address in what it says.
    peers.mail_fails(&[Fault::Answer(451)]);
    ask(&client, cast::PARENT).await;
    let code = first(&peers).await.code().unwrap();
    let input = json!({"identifier": cast::PARENT, "code": code, "newPassword": "a horse of another colour"});
    client.done("resetPassword", input, "token").await;
    first(&peers).await;
    let written = server.written();
    assert!(written.contains("answered 451"), "{written}");
    // Six digits may be in any number: as one alone it is the code.
    assert!(!written.split(|c: char| !c.is_alphanumeric()).any(|word| word == code), "{code} in {written}");
    for secret in [cast::PARENT, "not to be reached", "another colour", "pa%40ss", "pa@ss", "gateway's token"] {
        assert!(!written.contains(secret), "{secret} in {written}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn in_development_the_console_is_the_channel_and_in_production_there_is_none() {
    let database = TestDatabase::filled(Backend::Sqlite).await;
    let mut server = Server::start(&database, &[]);
    ask(&Client::new(server.url().await, None), cast::PARENT).await;
    let shown = format!("Message to {}: ", cast::PARENT);
    wait_until(&server, |written| written.contains(&shown)).await;
    assert!(server.written().contains("Your code to set a new password: "), "{}", server.written());

    let production = [
        ("ENVIRONMENT", "production"),
        ("ALLOWED_HOSTS", "127.0.0.1"),
        ("SECRET_KEY", "0123456789abcdef0123456789abcdef"),
    ];
    let mut server = Server::start(&database, &production);
    let url = server.url().await;
    database.execute("DELETE FROM one_time_codes").await;
    ask(&Client::new(url, None), cast::PARENT).await;
    wait_until(&server, |written| written.contains("a message was not sent")).await;
    let written = server.written();
    assert!(written.contains("SMTP_URL is not set: who is reached that way gets no codes"), "at the start: {written}");
    assert!(!written.contains("Your code") && !written.contains(cast::PARENT), "{written}");
}

async fn wait_until(server: &Server, there: impl Fn(&str) -> bool) {
    while !there(&server.written()) {
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_to_be_sent_is_sent_before_the_process_ends() {
    let (peers, database) = (Peers::start().await, TestDatabase::filled(Backend::Sqlite).await);
    let mut server = Server::start(&database, &vars(&peers.variables()));
    let client = Client::new(server.url().await, None);
    peers.mail_fails(&[Fault::HangUp]);
    ask(&client, cast::PARENT).await;
    let told = Command::new("kill").args(["-TERM", &server.child.id().to_string()]).status().unwrap();
    assert!(told.success());
    let ended = tokio::task::spawn_blocking(move || server.child.wait().map(|status| (status, server))).await.unwrap();
    assert!(ended.unwrap().0.success());
    let mails = peers.mails_so_far();
    assert!(mails.len() == 1 && mails[0].code().is_some(), "{mails:?}");
}
