//! Messages: what becomes of them when the other side fails, and what is told of them to whom.

use chrono::TimeDelta;
use rollcall::demo::cast;
use serde_json::{Value, json};

use crate::{
    admission::phone,
    logs::Server,
    support::{Backend, Client, Fault, Mail, PASSWORD, Peers, TestApp, TestDatabase},
};

async fn ask(client: &Client, identifier: &str) {
    client.done("requestPasswordReset", json!({"identifier": identifier}), "success").await;
}

/// Long enough for another try after the first and the second one.
const SOON: TimeDelta = TimeDelta::seconds(4);

/// How many jobs there are of a kind that the owners of accounts are sent by, in a state.
async fn jobs(app: &TestApp, state: &str) -> i64 {
    app.number(&format!("SELECT count(*) FROM jobs WHERE kind = 'MESSAGE' AND state = '{state}'")).await
}

on_both! {
    async fn a_message_is_tried_again_and_known_by_it(app: TestApp) {
        let peers = Peers::start().await;
        let app = peers.of(&app).await;
        peers.mail_fails(&[Fault::HangUp, Fault::Answer(451)]);
        ask(&app.anonymous(), cast::PARENT).await;
        for _ in 0..2 {
            assert_eq!(peers.mails(&app).await.len(), 0);
            assert_eq!((peers.mails(&app).await.len(), jobs(&app, "PENDING").await), (0, 1), "not at once");
            app.clock.advance(SOON);
        }
        let mails = peers.mails(&app).await;
        assert_eq!((mails.len(), &mails[0].to[..]), (1, &[cast::PARENT.to_owned()][..]));
        let credentials = base64("\0rollcall\0pa@ss");
        assert_eq!(mails[0].credentials, credentials);
        assert!(mails[0].header("Message-ID").ends_with("@school.example>"), "{mails:?}");
        assert_eq!((mails[0].header("Date"), mails[0].header("Auto-Submitted")), ("Fri, 20 Mar 2026 12:00:08 +0000", "auto-generated"));

        let phone = phone(&app, cast::OTHER_PARENT).await;
        peers.texts_fail(&[Fault::Answer(500), Fault::Later(429, "90")]);
        ask(&app.anonymous(), &phone).await;
        let mut texts = peers.texts(&app).await;
        app.clock.advance(SOON);
        texts.extend(peers.texts(&app).await);
        app.clock.advance(TimeDelta::seconds(89));
        assert_eq!((texts.len(), peers.texts(&app).await.len()), (2, 0), "it asked for more time than that");
        app.clock.advance(TimeDelta::seconds(1));
        texts.extend(peers.texts(&app).await);
        assert_eq!(texts.len(), 3, "two in vain");
        assert!(texts.iter().all(|text| (&text.key, &text.to, &text.text) == (&texts[0].key, &phone, &texts[0].text)), "{texts:#?}");
        app.clock.advance(TimeDelta::minutes(2));
        ask(&app.anonymous(), &phone).await;
        assert_ne!(peers.texts(&app).await[0].key, texts[0].key, "another message");
    }

    async fn a_code_that_was_used_or_replaced_is_not_sent(app: TestApp) {
        let peers = Peers::start().await;
        let app = peers.of(&app).await;
        ask(&app.anonymous(), cast::PARENT).await;
        app.api.services().background.finished().await;
        assert_eq!(jobs(&app, "PENDING").await, 1);
        // Another one takes its place before it is sent.
        app.clock.advance(TimeDelta::minutes(2));
        ask(&app.anonymous(), cast::PARENT).await;
        assert_eq!((peers.mails(&app).await.len(), jobs(&app, "DONE").await), (1, 2), "the other alone");
        // And one is used, as somebody who has it by another way does.
        app.clock.advance(TimeDelta::minutes(2));
        ask(&app.anonymous(), cast::PARENT).await;
        app.api.services().background.finished().await;
        app.database.execute("UPDATE one_time_codes SET used_at = created_at").await;
        assert_eq!((peers.mails(&app).await.len(), jobs(&app, "DONE").await), (0, 3));
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
        assert_eq!(jobs(&app, "DEAD").await, 2);
        app.clock.advance(TimeDelta::minutes(5));
        assert_eq!((peers.mails(&app).await.len(), peers.texts(&app).await.len()), (0, 0));
    }

    async fn who_never_takes_a_message_is_given_up(app: TestApp) {
        let peers = Peers::start().await;
        let app = app.beside_with(|config| {
            peers.configure(config);
            config.job_attempts = 3;
        }).await;
        peers.mail_fails(&[Fault::Answer(451); 3]);
        let number = app.number(&format!("SELECT id FROM accounts WHERE email = '{}'", cast::PARENT)).await;
        app.api.services().owners.tell_locked(number, 15);
        for _ in 0..3 {
            assert_eq!(jobs(&app, "DEAD").await, 0);
            assert_eq!(peers.mails(&app).await.len(), 0);
            app.clock.advance(SOON);
        }
        assert_eq!((jobs(&app, "DEAD").await, jobs(&app, "PENDING").await, peers.texts(&app).await.len()), (1, 0, 1));
        app.clock.advance(TimeDelta::days(1));
        assert_eq!(peers.mails(&app).await.len(), 0);
    }

    async fn a_code_is_not_sent_when_it_is_good_no_more(app: TestApp) {
        let peers = Peers::start().await;
        let app = peers.of(&app).await;
        peers.mail_fails(&[Fault::Answer(451)]);
        ask(&app.anonymous(), cast::PARENT).await;
        assert_eq!(peers.mails(&app).await.len(), 0);
        app.clock.advance(TimeDelta::minutes(10));
        assert_eq!((peers.mails(&app).await.len(), jobs(&app, "DONE").await), (0, 1));
    }

    async fn the_queue_holds_a_code_that_nobody_reads_there_and_it_goes_first(app: TestApp) {
        let peers = Peers::start().await;
        let app = peers.of(&app).await;
        let own = format!("SELECT id FROM accounts WHERE email = '{}'", cast::PARENT);
        app.api.services().owners.tell_locked(app.number(&own).await, 15);
        ask(&app.anonymous(), cast::PARENT).await;
        app.api.services().background.finished().await;
        let rows = "SELECT key || ' ' || payload || ' ' || coalesce(batch, '') FROM jobs WHERE kind = 'MESSAGE' ORDER BY priority, due_at, id";
        let waiting = app.database.texts(rows).await;
        assert_eq!(app.database.numbers("SELECT CAST(priority AS bigint) FROM jobs WHERE kind = 'MESSAGE' ORDER BY priority").await, [0, 1, 1]);
        let mails = peers.mails(&app).await;
        let code = mails.iter().find_map(Mail::code).unwrap();
        for secret in [code.as_str(), cast::PARENT, "parent@", &phone(&app, cast::PARENT).await] {
            assert!(waiting.iter().all(|row| !row.contains(secret)), "{secret} in {waiting:#?}");
        }
        // What is done holds it no more, sealed or not.
        assert_eq!(app.database.texts("SELECT DISTINCT payload FROM jobs WHERE kind = 'MESSAGE'").await, ["{}"]);
        // Nor does it come back by another key: what was sealed under it is nothing.
        app.clock.advance(TimeDelta::minutes(2));
        ask(&app.anonymous(), cast::PARENT).await;
        app.api.services().background.finished().await;
        let stranger = app.beside_with(|config| config.secret_key = "another key of thirty-two letters".into()).await;
        stranger.work().await;
        assert_eq!((peers.mails_so_far().len(), jobs(&app, "DEAD").await), (0, 1));
    }

    async fn that_a_password_was_changed_is_written_with_the_change(app: TestApp) {
        let peers = Peers::start().await;
        let app = peers.of(&app).await;
        let parent = app.sign_in(cast::PARENT).await;
        let wrong = json!({"currentPassword": "a wrong guess", "newPassword": "a horse of another colour"});
        parent.change("changePassword", &wrong, "success").await;
        assert_eq!(jobs(&app, "PENDING").await, 0);
        let right = json!({"currentPassword": PASSWORD, "newPassword": "a horse of another colour"});
        parent.done("changePassword", right, "success").await;
        // By mail and by text message, and nothing in the background is waited for.
        assert_eq!(jobs(&app, "PENDING").await, 2);
        assert_eq!((peers.mails(&app).await.len(), peers.texts(&app).await.len()), (1, 1));
    }

    async fn who_chose_a_language_is_written_to_in_it(app: TestApp) {
        let peers = Peers::start().await;
        let app = peers.of(&app).await;
        let own = format!("SELECT id, 'NE', FALSE FROM accounts WHERE email = '{}'", cast::PARENT);
        app.database.execute(&format!("INSERT INTO notification_settings (account_id, language, digest) {own}")).await;
        let mut words = Vec::new();
        for who in [cast::PARENT, cast::OTHER_PARENT] {
            ask(&app.anonymous(), &phone(&app, who).await).await;
            let text = peers.texts(&app).await.remove(0);
            assert!(text.code().is_some(), "{text:?}");
            words.push(text.text);
        }
        assert!(words[0].contains("नयाँ पासवर्ड राख्ने कोड: ") && words[1].contains("Your code to set a new password: "), "{words:?}");
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
            app.clock.advance(TimeDelta::minutes(16));
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
    app.clock.advance(TimeDelta::minutes(2));
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

    // It would do the other one's work.
    drop(server);
    let production = [
        ("ENVIRONMENT", "production"),
        ("ALLOWED_HOSTS", "127.0.0.1"),
        ("SECRET_KEY", "0123456789abcdef0123456789abcdef"),
    ];
    let mut server = Server::start(&database, &production);
    let url = server.url().await;
    database.execute("DELETE FROM one_time_codes").await;
    ask(&Client::new(url, None), cast::PARENT).await;
    wait_until(&server, |written| written.contains("\"cause\":\"SMTP_URL is not set\"")).await;
    let written = server.written();
    assert!(written.contains("SMTP_URL is not set: who is reached that way gets no codes"), "at the start: {written}");
    assert!(!written.contains("Your code") && !written.contains(cast::PARENT), "{written}");
}

async fn wait_until(server: &Server, there: impl Fn(&str) -> bool) {
    while !there(&server.written()) {
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
}

/// That a process is killed loses nothing: the next one sends it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_in_the_queue_is_sent_by_the_next_process() {
    let (peers, database) = (Peers::start().await, TestDatabase::filled(Backend::Sqlite).await);
    // Nobody listens there.
    let port = std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap().local_addr().unwrap().port();
    let mut variables = peers.variables().to_vec();
    variables.push(("JOB_LEASE_SECONDS", "4".to_owned()));
    let nowhere: Vec<_> = variables
        .iter()
        .map(|(name, value)| {
            (*name, if *name == "SMTP_URL" { format!("smtp://127.0.0.1:{port}") } else { value.clone() })
        })
        .collect();
    let mut server = Server::start(&database, &vars(&nowhere));
    ask(&Client::new(server.url().await, None), cast::PARENT).await;
    while database.numbers("SELECT count(*) FROM jobs WHERE kind = 'MESSAGE' AND state = 'PENDING'").await != [1] {
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    server.child.kill().unwrap();
    server.child.wait().unwrap();
    let _server = Server::start(&database, &vars(&variables));
    assert!(first(&peers).await.code().is_some());
}
