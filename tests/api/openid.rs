//! Signing in with an OpenID provider, over HTTP, and what attackers try with it.

use std::collections::HashMap;

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use hmac::{Hmac, KeyInit, Mac};
use openidconnect::url::{Url, form_urlencoded};
use rollcall::{demo::cast, ids::Kind};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::{
    second_factor::{self, complete, set_up},
    support::{
        Answer, Client, TestApp, errors, http_client,
        provider::{Key, Provider, token},
        session_cookie,
    },
};

const SECRET: &str = "what rollcall is known by";
const BACK: &str = "https://app.example.org/signed-in";
const COMPLETE: &str = "mutation($input: CompleteProviderSignInInput!) { completeProviderSignIn(input: $input) \
    { token viewer { account { email identities { providerTitle issuer linkedAt lastUsedAt } } } userErrors { field code message } } }";

/// The same institute, with a provider.
async fn provided(app: &TestApp) -> (TestApp, Provider) {
    let provider = Provider::start().await;
    let app = with(app, &provider.issuer).await;
    (app, provider)
}

async fn with(app: &TestApp, issuer: &str) -> TestApp {
    let entry = json!([{
        "name": "test", "title": "Test", "issuer": issuer, "clientId": "rollcall", "clientSecret": SECRET,
        "redirectUris": [BACK, "org.example.app:/back"],
    }]);
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("providers.json");
    std::fs::write(&file, entry.to_string()).unwrap();
    app.beside_with(|config| config.oidc_providers = Some(file)).await
}

/// A sign-in that was begun: what the client has of it, and what the provider was told.
struct Begun {
    flow: String,
    state: String,
    told: HashMap<String, String>,
}

async fn begin(app: &TestApp) -> Begun {
    let input = json!({"provider": "test", "redirectUri": BACK});
    let payload = app.anonymous().done("beginProviderSignIn", input, "authorizationUrl state flow").await;
    let text = |field: &str| payload[field].as_str().unwrap().to_owned();
    let told = Url::parse(&text("authorizationUrl")).unwrap().query_pairs().into_owned().collect();
    Begun { flow: text("flow"), state: text("state"), told }
}

impl Begun {
    /// The claims that the provider would make of somebody.
    fn claims(&self, app: &TestApp, provider: &Provider, subject: &str, email: &str) -> Value {
        let now = app.clock.now().and_utc().timestamp();
        json!({
            "iss": provider.issuer, "aud": "rollcall", "sub": subject, "iat": now, "exp": now + 60,
            "nonce": self.told["nonce"], "email": email, "email_verified": true,
        })
    }

    fn input(&self) -> Value {
        json!({"flow": self.flow, "code": "c", "state": self.state})
    }

    async fn complete(&self, app: &TestApp) -> Answer {
        app.anonymous().ask_with(COMPLETE, json!({"input": self.input()})).await
    }
}

/// Somebody comes back from the provider, who is `subject` there and has a verified e-mail.
async fn come_back(app: &TestApp, provider: &Provider, subject: &str, email: &str) -> Answer {
    let begun = begin(app).await;
    provider.gives(&Key::new(1, "one").sign(&begun.claims(app, provider, subject, email)));
    begun.complete(app).await.ok()
}

/// The e-mail of the account that was signed in to; none where it was refused, which always has one answer.
#[track_caller]
fn signed_in(answer: &Answer) -> Option<&str> {
    let payload = answer.at("/completeProviderSignIn");
    if payload["token"].is_null() {
        let refusal = json!({"token": null, "viewer": null, "userErrors": [{"field": ["input"], "code": "INVALID_CREDENTIALS",
            "message": "the provider did not say who you are, or it is nobody with an account that may sign in"}]});
        assert_eq!(payload, &refusal);
        return None;
    }
    payload["viewer"]["account"]["email"].as_str()
}

async fn linked(app: &TestApp) -> Vec<String> {
    app.database
        .texts("SELECT a.email || ' ' || i.subject FROM identities i JOIN accounts a ON a.id = i.account_id ORDER BY 1")
        .await
}

on_both! {
    async fn who_has_a_verified_e_mail_is_linked_once_and_known_from_then_on(app: TestApp) {
        let (app, provider) = provided(&app).await;
        let begun = begin(&app).await;
        let told = |name: &str| begun.told[name].as_str();
        assert_eq!([told("response_type"), told("client_id"), told("redirect_uri")], ["code", "rollcall", BACK]);
        assert_eq!([told("scope"), told("state"), told("code_challenge_method")], ["openid email", begun.state.as_str(), "S256"]);
        provider.gives(&Key::new(1, "one").sign(&begun.claims(&app, &provider, "s-1", &cast::PARENT.to_uppercase())));
        let answer = begun.complete(&app).await.ok();
        assert_eq!(signed_in(&answer), Some(cast::PARENT));
        let at = "2026-03-20T12:00:00+00:00";
        let identity = json!([{"providerTitle": "Test", "issuer": provider.issuer, "linkedAt": at, "lastUsedAt": at}]);
        assert_eq!(answer.at("/completeProviderSignIn/viewer/account/identities"), &identity);
        // What the provider was sent: who asks, and the verifier that only the flow has (RFC 7636, section 4.6).
        let (header, form) = provider.sent();
        let form: HashMap<String, String> = form_urlencoded::parse(form.as_bytes()).into_owned().collect();
        assert!(header.starts_with("Basic ") && !form.contains_key("client_secret"));
        assert_eq!((&*form["code"], &*form["redirect_uri"], &*form["grant_type"]), ("c", BACK, "authorization_code"));
        assert_eq!(URL_SAFE_NO_PAD.encode(Sha256::digest(&form["code_verifier"])), begun.told["code_challenge"]);
        // It is in the log, as something that they did themselves.
        let log = app.sign_in(cast::ADMIN).await.data("{ auditEntries { edges { node { action actor { email } changes { field after } } } } }").await;
        let subject = json!({"field": "subject", "after": "\"s-1\""});
        let node = &log["auditEntries"]["edges"][0]["node"];
        assert_eq!((&node["action"], &node["actor"]["email"]), (&json!("completeProviderSignIn"), &json!(cast::PARENT)));
        assert!(node["changes"].as_array().unwrap().contains(&subject), "{node}");

        // Whatever the e-mail says now, and whether it is verified.
        let before = app.database.contents().await;
        app.clock.advance(chrono::Duration::minutes(5));
        for (email, verified) in [(cast::ADMIN, true), ("elsewhere@example.org", false)] {
            let begun = begin(&app).await;
            let mut claims = begun.claims(&app, &provider, "s-1", email);
            claims["email_verified"] = json!(verified);
            provider.gives(&Key::new(1, "one").sign(&claims));
            assert_eq!(signed_in(&begun.complete(&app).await.ok()), Some(cast::PARENT));
        }
        app.database.is_as(&before, "being known").await;
        let used = "SELECT count(*) FROM identities WHERE last_used_at > created_at";
        assert_eq!(app.number(used).await, 1);
        assert_eq!(provider.asked("/.well-known/openid-configuration"), 1, "what is known is not asked for again");
    }

    async fn who_was_invited_needs_no_password(app: TestApp) {
        let (app, provider) = provided(&app).await;
        assert_eq!(signed_in(&come_back(&app, &provider, "s-1", cast::INVITED).await), Some(cast::INVITED));
    }

    async fn whom_nobody_vouches_for_gets_one_answer_and_leaves_no_trace(app: TestApp) {
        let (app, provider) = provided(&app).await;
        let phone = app.database.texts(&format!("SELECT phone FROM accounts WHERE email = '{}'", cast::PARENT)).await.remove(0);
        let before = app.database.contents().await;
        let cases = [
            ("email", json!("nobody@example.org")),
            ("email", json!(cast::DEACTIVATED)),
            ("email", json!(phone)),
            ("email", json!("")),
            ("email", json!("admin@example.org@example.org")),
            ("email", Value::Null),
            ("email_verified", json!(false)),
            ("email_verified", Value::Null),
        ];
        for (claim, value) in cases {
            let begun = begin(&app).await;
            let mut claims = begun.claims(&app, &provider, "s-1", cast::PARENT);
            claims[claim] = value.clone();
            if value.is_null() {
                claims.as_object_mut().unwrap().remove(claim);
            }
            provider.gives(&Key::new(1, "one").sign(&claims));
            assert_eq!(signed_in(&begun.complete(&app).await.ok()), None, "{claim} {value}");
        }
        app.database.is_as(&before, "what was refused").await;
        assert_eq!(app.number("SELECT count(*) FROM sessions").await, 0);
    }

    async fn a_token_that_is_not_right_is_none(app: TestApp) {
        let (app, provider) = provided(&app).await;
        let key = Key::new(1, "one");
        let before = app.database.contents().await;
        let hmac = |key: &[u8], text: &[u8]| {
            let mut mac = Hmac::<Sha256>::new_from_slice(key).unwrap();
            mac.update(text);
            mac.finalize().into_bytes().to_vec()
        };
        let public = key.public()["x"].as_str().unwrap().to_owned();
        let header = |alg: &str| json!({"alg": alg, "kid": "one"});
        let forged = |claims: &Value, name: &str| -> String {
            let with = |claim: &str, value: Value| {
                let mut claims = claims.clone();
                claims[claim] = value;
                key.sign(&claims)
            };
            match name {
                "another nonce" => with("nonce", json!("x")),
                "no nonce" => with("nonce", Value::Null),
                "another issuer" => with("iss", json!("https://accounts.google.com")),
                "the issuer with a slash" => with("iss", json!(format!("{}/", provider.issuer))),
                "for another client" => with("aud", json!("another")),
                "for another client too" => with("aud", json!(["rollcall", "another"])),
                "expired" => with("exp", json!(app.clock.now().and_utc().timestamp())),
                "no expiry" => with("exp", Value::Null),
                "no subject" => with("sub", Value::Null),
                "signed with a key of the same name" => Key::new(2, "one").sign(claims),
                "signed with a key that is not published" => Key::new(2, "two").sign(claims),
                "not signed" => token(&header("none"), claims, |_| Vec::new()),
                "not signed, in capitals" => token(&header("NONE"), claims, |_| Vec::new()),
                "without a signature" => token(&header("EdDSA"), claims, |_| Vec::new()),
                "signed with the client's secret" => token(&header("HS256"), claims, |text| hmac(SECRET.as_bytes(), text)),
                "signed with the public key" => {
                    token(&header("HS256"), claims, |text| hmac(&URL_SAFE_NO_PAD.decode(&public).unwrap(), text))
                }
                "with a key of its own" => {
                    let own = Key::new(2, "one");
                    token(&json!({"alg": "EdDSA", "jwk": own.public()}), claims, |text| own.signature(text))
                }
                "with claims of another" => {
                    let (mine, theirs) = (key.sign(&json!({"sub": "s"})), key.sign(claims));
                    let parts = [theirs.split('.').collect::<Vec<_>>(), mine.split('.').collect()];
                    format!("{}.{}.{}", parts[0][0], parts[0][1], parts[1][2])
                }
                _ => key.sign(claims),
            }
        };
        let names = [
            "another nonce", "no nonce", "another issuer", "the issuer with a slash", "for another client",
            "for another client too", "expired", "no expiry", "no subject", "signed with a key of the same name",
            "signed with a key that is not published", "not signed", "not signed, in capitals", "without a signature",
            "signed with the client's secret", "signed with the public key", "with a key of its own", "with claims of another",
        ];
        for name in names {
            let begun = begin(&app).await;
            provider.gives(&forged(&begun.claims(&app, &provider, "s-1", cast::ADMIN), name));
            let answer = begun.complete(&app).await;
            // What is no ID token at all makes the whole answer one that cannot be read: nobody is let in either way.
            if answer.at("/completeProviderSignIn").is_null() {
                assert_eq!(answer.code_at(&json!(["completeProviderSignIn"])), "UNAVAILABLE", "{name}");
            } else {
                assert_eq!(signed_in(&answer), None, "{name}");
            }
        }
        let begun = begin(&app).await;
        provider.answers(200, r#"{"access_token": "a", "token_type": "Bearer"}"#);
        assert_eq!(signed_in(&begun.complete(&app).await.ok()), None, "no ID token");
        app.database.is_as(&before, "what was refused").await;
        // That it was not for something else that they were refused.
        provider.gives(&forged(&begun.claims(&app, &provider, "s-1", cast::ADMIN), "as it should be"));
        assert_eq!(signed_in(&begun.complete(&app).await.ok()), Some(cast::ADMIN));
    }

    async fn a_key_that_the_provider_made_since_is_asked_for(app: TestApp) {
        let (app, provider) = provided(&app).await;
        assert_eq!(signed_in(&come_back(&app, &provider, "s-1", cast::PARENT).await), Some(cast::PARENT));
        let (old, new) = (Key::new(1, "one"), Key::new(2, "two"));
        provider.publishes(&[&new]);
        let begun = begin(&app).await;
        provider.gives(&new.sign(&begun.claims(&app, &provider, "s-1", cast::PARENT)));
        assert_eq!(signed_in(&begun.complete(&app).await.ok()), Some(cast::PARENT));
        let begun = begin(&app).await;
        provider.gives(&old.sign(&begun.claims(&app, &provider, "s-1", cast::PARENT)));
        assert_eq!(signed_in(&begun.complete(&app).await.ok()), None, "a key that was withdrawn");
        app.clock.advance(chrono::Duration::hours(1));
        let asked = provider.asked("/keys");
        begin(&app).await;
        assert_eq!(provider.asked("/keys"), asked + 1, "what is known grows old");
    }

    async fn an_answer_is_taken_by_the_flow_that_asked_for_it_alone(app: TestApp) {
        let (app, provider) = provided(&app).await;
        let (victim, attacker) = (begin(&app).await, begin(&app).await);
        provider.gives(&Key::new(1, "one").sign(&attacker.claims(&app, &provider, "s-1", cast::TEACHER)));
        let mut changed = victim.flow.clone().into_bytes();
        changed[20] = if changed[20] == b'A' { b'B' } else { b'A' };
        let input = |flow: &str, state: &str| json!({"flow": flow, "code": "c", "state": state});
        let mut mixed_up = victim.input();
        mixed_up["issuer"] = json!("https://accounts.google.com");
        let before = app.database.contents().await;
        for (what, input) in [
            ("login CSRF: the attacker's answer in the victim's browser", input(&victim.flow, &attacker.state)),
            ("no state", input(&victim.flow, "")),
            ("no flow", input("", &attacker.state)),
            ("a changed flow", input(std::str::from_utf8(&changed).unwrap(), &victim.state)),
            ("an id", input(&app.id(Kind::Account, 1), &victim.state)),
            ("another provider's answer", mixed_up),
        ] {
            let payload = app.anonymous().change("completeProviderSignIn", &input, "token").await;
            assert_eq!((errors(&payload), &payload["token"]), (vec!["flow INVALID".to_owned()], &Value::Null), "{what}");
        }
        assert_eq!(provider.asked("/token"), 0, "nobody was asked for it");
        // The victim's code in the attacker's flow: the provider finds the verifier to be another's, or the nonce tells.
        provider.gives(&Key::new(1, "one").sign(&victim.claims(&app, &provider, "s-1", cast::TEACHER)));
        assert_eq!(signed_in(&attacker.complete(&app).await.ok()), None);
        provider.answers(400, r#"{"error": "invalid_grant", "error_description": "the code was used"}"#);
        assert_eq!(signed_in(&attacker.complete(&app).await.ok()), None);
        app.database.is_as(&before, "what was refused").await;

        let twice = "mutation($input: CompleteProviderSignInInput!) { a: completeProviderSignIn(input: $input) { token } \
            b: completeProviderSignIn(input: $input) { token } }";
        let answer = app.anonymous().ask_with(twice, json!({"input": victim.input()})).await;
        assert_eq!(answer.code_at(&json!(["b"])), "BAD_USER_INPUT", "one try a request");
        // Any instance takes the answer, until the flow has expired.
        let beside = with(&app, &provider.issuer).await;
        provider.gives(&Key::new(1, "one").sign(&victim.claims(&app, &provider, "s-1", cast::TEACHER)));
        app.clock.advance(chrono::Duration::seconds(30));
        let answer = victim.complete(&beside).await.ok();
        assert_eq!(signed_in(&answer), Some(cast::TEACHER));
        app.clock.advance(chrono::Duration::minutes(10));
        let late = app.anonymous().change("completeProviderSignIn", &attacker.input(), "token").await;
        assert_eq!(errors(&late), ["flow INVALID"]);
    }

    async fn a_provider_sends_back_where_it_is_configured_to(app: TestApp) {
        let (app, provider) = provided(&app).await;
        let nobody = app.anonymous();
        for uri in ["https://evil.example/", "https://app.example.org/signed-in/", "https://app.example.org/signed-in?x=1", "HTTPS://app.example.org/signed-in", ""] {
            let input = json!({"provider": "test", "redirectUri": uri});
            assert_eq!(app.refused(&nobody, "beginProviderSignIn", input).await, ["redirectUri INVALID"], "{uri}");
        }
        let unknown = json!({"provider": "google", "redirectUri": BACK});
        assert_eq!(app.refused(&nobody, "beginProviderSignIn", unknown).await, ["provider NOT_FOUND"]);
        assert_eq!(provider.asked("/.well-known/openid-configuration"), 0);
        nobody.done("beginProviderSignIn", json!({"provider": "test", "redirectUri": "org.example.app:/back"}), "flow").await;
        assert_eq!(nobody.data("{ signInProviders { name title } }").await["signInProviders"], json!([{"name": "test", "title": "Test"}]));
    }

    async fn a_provider_that_fails_is_said_to_and_its_words_are_kept(app: TestApp) {
        let (app, provider) = provided(&app).await;
        let begun = begin(&app).await;
        let too_much = "x".repeat(300_000);
        for (status, body) in [(500, "down"), (200, "<html>"), (302, ""), (200, &*too_much), (401, r#"{"error": "invalid_client"}"#)] {
            provider.answers(status, body);
            let answer = begun.complete(&app).await;
            assert_eq!(answer.code_at(&json!(["completeProviderSignIn"])), "UNAVAILABLE", "{status}");
            assert!(!answer.text.contains("invalid_client") && !answer.text.contains("127.0.0.1"), "{}", answer.text);
        }
        assert_eq!(provider.asked("/followed"), 0, "no redirect is followed");
        // Where its document leads to what it should not.
        let issuer = provider.issuer.clone();
        for (field, value) in [
            ("issuer", "https://accounts.google.com".to_owned()),
            ("authorization_endpoint", "http://accounts.example.org/authorize".to_owned()),
            ("authorization_endpoint", "javascript:alert(1)".to_owned()),
            ("jwks_uri", "http://169.254.169.254/keys".to_owned()),
            ("jwks_uri", issuer.replace("127.0.0.1", "localhost") + "/keys"),
        ] {
            let fresh = Provider::start().await;
            let app = with(&app, &fresh.issuer).await;
            fresh.says(field, json!(value));
            let answer = app.anonymous().ask(&begin_of("test")).await;
            assert_eq!(answer.code_at(&json!(["beginProviderSignIn"])), "UNAVAILABLE", "{field} {value}");
            // It is left alone for a while, and asked again then.
            let asked = fresh.asked("/.well-known/openid-configuration");
            let answer = app.anonymous().ask(&begin_of("test")).await;
            assert_eq!(answer.code_at(&json!(["beginProviderSignIn"])), "UNAVAILABLE", "{field} {value}");
            assert_eq!(fresh.asked("/.well-known/openid-configuration"), asked);
            let right = json!({"issuer": fresh.issuer, "authorization_endpoint": format!("{}/authorize", fresh.issuer), "jwks_uri": format!("{}/keys", fresh.issuer)});
            fresh.says(field, right[field].clone());
            app.clock.advance(chrono::Duration::seconds(10));
            begin(&app).await;
        }
        // A token endpoint elsewhere is not asked.
        let fresh = Provider::start().await;
        fresh.says("token_endpoint", json!("http://169.254.169.254/token"));
        let app = with(&app, &fresh.issuer).await;
        let answer = begin(&app).await.complete(&app).await;
        assert_eq!(answer.code_at(&json!(["completeProviderSignIn"])), "UNAVAILABLE");
    }

    async fn an_account_has_one_identity_a_provider_and_an_identity_one_account(app: TestApp) {
        let (app, provider) = provided(&app).await;
        assert_eq!(signed_in(&come_back(&app, &provider, "s-1", cast::PARENT).await), Some(cast::PARENT));
        // Who got the address later, and has it verified, is somebody else.
        assert_eq!(signed_in(&come_back(&app, &provider, "s-2", cast::PARENT).await), None);
        assert_eq!(signed_in(&come_back(&app, &provider, "S-1", cast::PARENT).await), None, "subjects have a case");
        assert_eq!(linked(&app).await, [format!("{} s-1", cast::PARENT)]);
        // Another provider may have its own name for them.
        let another = Provider::start().await;
        let beside = with(&app, &another.issuer).await;
        assert_eq!(signed_in(&come_back(&beside, &another, "s-1", cast::PARENT).await), Some(cast::PARENT));
        assert_eq!(linked(&app).await.len(), 2);
        // Whose account is deactivated comes in no more, and the identity does not move on.
        app.database.execute(&format!("UPDATE accounts SET active = FALSE, email = NULL WHERE email = '{}'", cast::PARENT)).await;
        app.database.execute(&format!("UPDATE accounts SET email = '{}' WHERE email = '{}'", cast::PARENT, cast::OTHER_PARENT)).await;
        let before = app.database.contents().await;
        assert_eq!(signed_in(&come_back(&app, &provider, "s-1", cast::PARENT).await), None);
        app.database.is_as(&before, "what was refused").await;
    }

    async fn who_comes_twice_at_once_is_linked_once(app: TestApp) {
        let (app, provider) = provided(&app).await;
        let begun = begin(&app).await;
        provider.gives(&Key::new(1, "one").sign(&begun.claims(&app, &provider, "s-1", cast::PARENT)));
        let (a, b, c) = tokio::join!(begun.complete(&app), begun.complete(&app), begun.complete(&app));
        for answer in [a, b, c] {
            assert_eq!(signed_in(&answer.ok()), Some(cast::PARENT));
        }
        assert_eq!(linked(&app).await, [format!("{} s-1", cast::PARENT)]);
        assert_eq!(app.number("SELECT count(*) FROM audit_entries WHERE action = 'completeProviderSignIn'").await, 1);
    }

    async fn an_identity_is_unlinked_by_its_owner_or_an_administrator(app: TestApp) {
        let (app, provider) = provided(&app).await;
        let roles = "{ viewer { roles } }";
        let parent = |answer: &Answer| Client::new(app.url("/graphql"), answer.at("/completeProviderSignIn/token").as_str().map(ToOwned::to_owned));
        let stranger = app.sign_in(cast::OTHER_PARENT).await;
        for who in [cast::PARENT, cast::ADMIN] {
            let other = parent(&come_back(&app, &provider, "s-1", cast::PARENT).await);
            let client = if who == cast::PARENT { app.sign_in(who).await } else { app.sign_in(cast::ADMIN).await };
            let account = app.id_of(Kind::Account, &format!("SELECT id FROM accounts WHERE email = '{}'", cast::PARENT)).await;
            let input = json!({"accountId": account, "issuer": provider.issuer});
            assert_eq!(app.refused(&stranger, "unlinkIdentity", input.clone()).await, ["accountId NOT_FOUND"]);
            assert_eq!(app.denied(&app.anonymous(), "unlinkIdentity", input.clone()).await, "UNAUTHENTICATED");
            let elsewhere = json!({"accountId": account, "issuer": "https://accounts.google.com"});
            assert_eq!(app.refused(&client, "unlinkIdentity", elsewhere).await, ["issuer NOT_FOUND"]);
            let payload = client.done("unlinkIdentity", input, "account { identities { issuer } }").await;
            assert_eq!(payload["account"]["identities"], json!([]));
            assert_eq!(other.data(roles).await["viewer"], Value::Null, "a session that it may have begun");
            assert!(client.data(roles).await["viewer"].is_object(), "who asks goes on");
            assert_eq!(linked(&app).await, Vec::<String>::new());
        }
        // Where the account's e-mail is another by now, it is nobody's.
        app.database.execute(&format!("UPDATE accounts SET email = 'new@example.org' WHERE email = '{}'", cast::PARENT)).await;
        assert_eq!(signed_in(&come_back(&app, &provider, "s-1", cast::PARENT).await), None);
    }

    async fn a_provider_stands_for_no_second_factor(app: TestApp) {
        let holder = set_up(&app, cast::PARENT).await;
        let (app, provider) = provided(&app).await;
        let begun = begin(&app).await;
        provider.gives(&Key::new(1, "one").sign(&begun.claims(&app, &provider, "s-1", cast::PARENT)));
        let payload = "token viewer { roles } secondFactorRequired challenge";
        let asked = app.anonymous().done("completeProviderSignIn", begun.input(), payload).await;
        assert_eq!((&asked["token"], &asked["viewer"], &asked["secondFactorRequired"]), (&Value::Null, &Value::Null, &json!(true)));
        let challenge = asked["challenge"].as_str().unwrap();
        assert_eq!(complete(&app, challenge, "000000").await.err().as_deref(), Some("code INVALID_CREDENTIALS"));
        let right = || second_factor::code(&app, &holder.secret, 0);
        let client = complete(&app, challenge, &right()).await.unwrap();
        assert_eq!(client.data("{ viewer { roles } }").await["viewer"]["roles"], json!(["PARENT"]));
        // What was unlinked meanwhile proves nothing any more.
        app.clock.advance(chrono::Duration::seconds(30));
        let begun = begin(&app).await;
        provider.gives(&Key::new(1, "one").sign(&begun.claims(&app, &provider, "s-1", cast::PARENT)));
        let asked = app.anonymous().done("completeProviderSignIn", begun.input(), payload).await;
        app.database.execute("DELETE FROM identities").await;
        let refused = complete(&app, asked["challenge"].as_str().unwrap(), &right()).await;
        assert_eq!(refused.err().as_deref(), Some("challenge INVALID_CREDENTIALS"));
    }

    async fn a_browser_gets_a_cookie(app: TestApp) {
        let (app, provider) = provided(&app).await;
        let begun = begin(&app).await;
        provider.gives(&Key::new(1, "one").sign(&begun.claims(&app, &provider, "s-1", cast::PARENT)));
        let mut input = begun.input();
        input["session"] = json!("COOKIE");
        let body = json!({"query": COMPLETE, "variables": {"input": input}});
        let response = http_client().post(app.url("/graphql")).json(&body).send().await.unwrap();
        assert!(session_cookie(response.headers()).unwrap().contains("HttpOnly"));
        let answer: Value = response.json().await.unwrap();
        assert_eq!(answer["data"]["completeProviderSignIn"]["token"], Value::Null);
    }
}

fn begin_of(provider: &str) -> String {
    format!(
        "mutation {{ beginProviderSignIn(input: {{provider: \"{provider}\", redirectUri: \"{BACK}\"}}) {{ flow }} }}"
    )
}
