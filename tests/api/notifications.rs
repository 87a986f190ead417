//! Notifications: whose inbox an event comes into, by which channels it is told, and who is not told.

use std::collections::BTreeSet;

use chrono::Duration;
use rollcall::{demo::cast, dispatch, ids::Kind};
use serde_json::{Value, json};

use crate::{
    hard::hard_cases,
    leave::{about, decide},
    lessons::{FRIDAY, Lesson, account, one, person},
    meetings::{families, in_may, made, offer},
    rules::VIEWERS,
    support::{Client, FakeFcm, Fault, Peers, Refusal, TestApp},
};

const ROW: &str = "id kind category readAt subject { id } student { id }";

/// Somebody's inbox, newest first.
async fn inbox(client: &Client) -> Vec<Value> {
    let (nodes, total) = client.walk("notifications", "", ROW).await.unwrap();
    assert_eq!(nodes.len(), total);
    nodes
}

async fn kinds(app: &TestApp, who: &str) -> Vec<String> {
    let rows = inbox(&app.sign_in(who).await).await;
    rows.iter().map(|row| row["kind"].as_str().unwrap().to_owned()).collect()
}

/// The deliveries that wait for an account, with when they are due, by channel.
async fn waiting(app: &TestApp, who: &str) -> Vec<String> {
    let jobs = format!(
        "SELECT CASE WHEN j.payload LIKE '%EMAIL%' THEN 'EMAIL' WHEN j.payload LIKE '%SMS%' THEN 'SMS' ELSE 'PUSH' END || ' ' || \
         j.due_at || ' of ' || (SELECT count(*) FROM notification_jobs l WHERE l.job_id = j.id) FROM jobs j WHERE \
         j.kind = 'DELIVER' AND j.state = 'PENDING' AND j.id IN (SELECT l.job_id FROM notification_jobs l \
         JOIN notifications n ON n.id = l.notification_id WHERE n.account_id = {}) ORDER BY 1",
        account(who)
    );
    app.database.texts(&jobs).await
}

/// Marks [`cast::STUDENT`] absent from the class of a day.
async fn absent(app: &TestApp, lesson: &Lesson, day: &str) {
    let student = one(app, &person("students", cast::STUDENT)).await;
    let teacher = app.sign_in(cast::TEACHER).await;
    teacher.done("markAttendance", lesson.sheet(app, day, &[(student, "ABSENT")]), "").await;
}

async fn later(app: &TestApp, by: Duration) {
    app.clock.advance(by);
    app.work().await;
}

async fn set(client: &Client, input: Value) -> Value {
    let fields = "settings { language digest quietFrom quietTo choices { category channel wanted } }";
    client.done("updateNotificationSettings", input, fields).await["settings"].clone()
}

async fn register(client: &Client, token: &str) -> Value {
    let input = json!({"token": token, "platform": "ANDROID"});
    client.done("registerDevice", input, "device { id platform active lastError createdAt }").await["device"].clone()
}

async fn unlink(app: &TestApp) {
    let input = json!({"studentId": app.student(cast::STUDENT).await, "parentId": app.parent(cast::PARENT).await});
    app.sign_in(cast::ADMIN).await.done("unlinkParent", input, "").await;
}

on_both! {
    async fn an_absence_comes_into_the_parents_inbox_and_by_the_channels_that_they_have(app: TestApp) {
        let peers = Peers::start().await;
        let app = peers.of(&app).await;
        let (lesson, parent) = (Lesson::of(&app).await, app.sign_in(cast::PARENT).await);
        register(&parent, "phone").await;
        absent(&app, &lesson, FRIDAY).await;
        assert_eq!(inbox(&parent).await, [] as [Value; 0], "the worker has not done it yet");
        app.work().await;
        let rows = inbox(&parent).await;
        assert_eq!(rows.len(), 1);
        let session = app.id(Kind::AttendanceSession, lesson.session(&app, FRIDAY).await);
        let student = app.student(cast::STUDENT).await;
        let expected = json!({
            "id": rows[0]["id"], "kind": "STUDENT_ABSENT", "category": "ABSENCE", "readAt": null, "subject": {"id": session},
            "student": {"id": student},
        });
        assert_eq!(rows[0], expected);
        assert_eq!(waiting(&app, cast::PARENT).await, ["EMAIL 2026-03-20 12:01:00 of 1", "PUSH 2026-03-20 12:01:00 of 1"]);
        assert_eq!(waiting(&app, cast::OTHER_PARENT).await, ["EMAIL 2026-03-20 12:01:00 of 1"]);
        // Nobody else is told: no other parent, not the student, and nobody who works there.
        for who in [cast::PARENT_OF_ONE, cast::STUDENT, cast::SIBLING, cast::TEACHER, cast::HOD, cast::ADMIN, cast::ADMISSION] {
            assert!(kinds(&app, who).await.is_empty(), "{who}");
        }
        assert!(peers.mails(&app).await.is_empty(), "not at once");
        later(&app, Duration::seconds(61)).await;
        let mut to: Vec<String> = peers.mails(&app).await.into_iter().flat_map(|mail| mail.to).collect();
        to.sort();
        assert_eq!(to, [cast::OTHER_PARENT, cast::PARENT]);
        assert!(peers.texts(&app).await.is_empty(), "who does not choose them gets no text messages");
        assert!(waiting(&app, cast::PARENT).await.is_empty());
    }

    async fn three_absences_are_one_message(app: TestApp) {
        let peers = Peers::start().await;
        let app = peers.of(&app).await;
        let lesson = Lesson::of(&app).await;
        lesson.forget(&app).await;
        for day in [FRIDAY, "2026-03-18", "2026-03-16"] {
            absent(&app, &lesson, day).await;
            app.work().await;
            app.clock.advance(Duration::seconds(10));
        }
        assert_eq!(inbox(&app.sign_in(cast::PARENT).await).await.len(), 3);
        assert_eq!(waiting(&app, cast::PARENT).await, ["EMAIL 2026-03-20 12:01:00 of 3"]);
        later(&app, Duration::seconds(61)).await;
        let mails = peers.mails(&app).await;
        assert_eq!(mails.iter().filter(|mail| mail.to == [cast::PARENT]).count(), 1);
        // What was sent is not joined any more.
        absent(&app, &lesson, "2026-03-13").await;
        later(&app, Duration::seconds(61)).await;
        app.work().await;
        assert_eq!(waiting(&app, cast::PARENT).await.len() + peers.mails(&app).await.iter().filter(|mail| mail.to == [cast::PARENT]).count(), 1);
    }

    async fn telling_again_writes_nothing_again(app: TestApp) {
        absent(&app, &Lesson::of(&app).await, FRIDAY).await;
        app.work().await;
        let count = "SELECT (SELECT count(*) FROM notifications) * 1000 + (SELECT count(*) FROM jobs) * 10 + (SELECT count(*) FROM notification_jobs)";
        let before = app.number(count).await;
        assert!(before > 2000, "two parents were told");
        let event = app.number("SELECT id FROM events WHERE kind = 'STUDENT_ABSENT'").await;
        app.database
            .execute(&format!("UPDATE jobs SET state = 'PENDING', finished_at = NULL, payload = '{{\"event\":{event}}}' WHERE key = 'tell:{event}'"))
            .await;
        assert_eq!(app.work().await, 1);
        assert_eq!(app.number(count).await, before);
        for (kind, payload) in [("TELL", "{}"), ("DELIVER", "{\"account\":1,\"channel\":\"PIGEON\"}")] {
            app.database
                .execute(&format!(
                    "INSERT INTO jobs (key, kind, priority, payload, due_at, created_at) VALUES ('{kind}', '{kind}', 1, '{payload}', \
                     '2026-03-20 12:00:00', '2026-03-20 12:00:00')"
                ))
                .await;
            assert_eq!(app.work().await, 1);
            assert_eq!(app.number(&format!("SELECT count(*) FROM jobs WHERE key = '{kind}' AND state = 'DEAD'")).await, 1);
        }
    }

    async fn who_was_unlinked_in_between_is_told_nothing(app: TestApp) {
        let peers = Peers::start().await;
        let app = peers.of(&app).await;
        absent(&app, &Lesson::of(&app).await, FRIDAY).await;
        unlink(&app).await;
        app.work().await;
        assert!(kinds(&app, cast::PARENT).await.is_empty());
        assert_eq!(kinds(&app, cast::OTHER_PARENT).await, ["STUDENT_ABSENT"]);
        later(&app, Duration::seconds(61)).await;
        // That the meeting with who is a parent no more is called off is told to the teacher.
        let (other, mails): (Vec<_>, Vec<_>) =
            peers.mails(&app).await.into_iter().partition(|mail| mail.header("Subject").contains("called off"));
        assert!(other.iter().all(|mail| mail.to == [cast::TEACHER]), "{other:#?}");
        assert_eq!(mails.iter().map(|mail| &mail.to[..]).collect::<Vec<_>>(), [[cast::OTHER_PARENT.to_owned()]]);
    }

    async fn who_was_unlinked_before_it_was_sent_gets_no_message_and_sees_it_no_more(app: TestApp) {
        let peers = Peers::start().await;
        let app = peers.of(&app).await;
        absent(&app, &Lesson::of(&app).await, FRIDAY).await;
        app.work().await;
        let parent = app.sign_in(cast::PARENT).await;
        let id = inbox(&parent).await[0]["id"].clone();
        unlink(&app).await;
        later(&app, Duration::seconds(61)).await;
        assert!(peers.mails(&app).await.iter().all(|mail| mail.to != [cast::PARENT]));
        assert!(inbox(&parent).await.is_empty());
        assert_eq!(parent.data(&format!("{{ node(id: {id}) {{ id }} }}")).await["node"], Value::Null);
        assert_eq!(app.refused(&parent, "markNotificationsRead", json!({"ids": [id]})).await, ["ids.0 NOT_FOUND"]);
    }

    async fn an_absence_that_was_corrected_in_time_is_told_to_nobody(app: TestApp) {
        let peers = Peers::start().await;
        let app = peers.of(&app).await;
        let lesson = Lesson::of(&app).await;
        let student = one(&app, &person("students", cast::STUDENT)).await;
        absent(&app, &lesson, FRIDAY).await;
        app.work().await;
        app.sign_in(cast::TEACHER).await.done("markAttendance", lesson.sheet(&app, FRIDAY, &[(student, "LATE")]), "").await;
        later(&app, Duration::seconds(61)).await;
        assert!(peers.mails(&app).await.is_empty());
    }

    async fn nothing_is_sent_in_quiet_hours_and_mail_once_a_day(app: TestApp) {
        let lesson = Lesson::of(&app).await;
        let (parent, other) = (app.sign_in(cast::PARENT).await, app.sign_in(cast::OTHER_PARENT).await);
        register(&parent, "phone").await;
        register(&other, "other-phone").await;
        // It is 17:45 in Kathmandu.
        set(&parent, json!({"quietFrom": "17:00", "quietTo": "06:00"})).await;
        set(&other, json!({"digest": true})).await;
        absent(&app, &lesson, FRIDAY).await;
        app.work().await;
        assert_eq!(waiting(&app, cast::PARENT).await, ["EMAIL 2026-03-21 00:15:00 of 1", "PUSH 2026-03-21 00:15:00 of 1"]);
        assert_eq!(waiting(&app, cast::OTHER_PARENT).await, ["EMAIL 2026-03-21 11:15:00 of 1", "PUSH 2026-03-20 12:01:00 of 1"]);
        // What else comes until then goes with it, whatever it is.
        app.sign_in(cast::ADMIN).await.done("publishNotice", json!({"title": "t", "message": "m", "audience": {"roles": ["PARENT"]}}), "").await;
        app.work().await;
        assert_eq!(waiting(&app, cast::OTHER_PARENT).await, ["EMAIL 2026-03-21 11:15:00 of 2", "PUSH 2026-03-20 12:01:00 of 1"]);
        assert_eq!(waiting(&app, cast::PARENT).await.len(), 4, "two for each channel: an absence is no notice");
    }

    async fn another_try_waits_for_the_end_of_quiet_hours_and_is_none(app: TestApp) {
        let peers = Peers::start().await;
        let app = peers.of(&app).await;
        let (lesson, parent) = (Lesson::of(&app).await, app.sign_in(cast::PARENT).await);
        // The mail of each of the two parents.
        peers.mail_fails(&[Fault::Answer(451); 2]);
        let theirs = async || peers.mails(&app).await.iter().filter(|mail| mail.to == [cast::PARENT]).count();
        absent(&app, &lesson, FRIDAY).await;
        app.work().await;
        app.clock.advance(Duration::minutes(1));
        assert_eq!(theirs().await, 0);
        let job = format!(
            "SELECT j.state || ' ' || j.attempts || ' ' || CAST(j.due_at AS text) FROM jobs j JOIN notification_jobs x ON x.job_id = j.id \
             JOIN notifications n ON n.id = x.notification_id JOIN accounts a ON a.id = n.account_id \
             WHERE j.lane = 'MAIL' AND a.email = '{}'", cast::PARENT
        );
        let waits = app.database.texts(&job).await;
        assert!(waits[0].starts_with("PENDING 1 2026-03-20 12:01"), "it failed: {waits:?}");
        // It is 17:46 in Kathmandu.
        set(&parent, json!({"quietFrom": "17:00", "quietTo": "06:00"})).await;
        app.clock.advance(Duration::minutes(1));
        assert_eq!(theirs().await, 0);
        let waits = app.database.texts(&job).await;
        assert!(waits[0].starts_with("PENDING 1 2026-03-21 00:15:0"), "{waits:?}");
        app.clock.advance(Duration::hours(13));
        assert_eq!(theirs().await, 1);
    }

    async fn everybody_chooses_channels_for_each_kind(app: TestApp) {
        let peers = Peers::start().await;
        let app = peers.of(&app).await;
        let parent = app.sign_in(cast::PARENT).await;
        let choices = json!([
            {"category": "ABSENCE", "channel": "EMAIL", "wanted": false}, {"category": "ABSENCE", "channel": "SMS", "wanted": true},
        ]);
        let settings = set(&parent, json!({"language": "NE", "choices": choices})).await;
        assert_eq!((&settings["language"], &settings["digest"], &settings["quietFrom"]), (&json!("NE"), &json!(false), &Value::Null));
        assert_eq!(settings["choices"].as_array().unwrap().len(), 15);
        let wanted = |category: &str, channel: &str| {
            let mut choices = settings["choices"].as_array().unwrap().iter();
            choices.find(|choice| choice["category"] == category && choice["channel"] == channel).unwrap()["wanted"] == true
        };
        assert!(wanted("ABSENCE", "SMS") && !wanted("ABSENCE", "EMAIL") && wanted("ABSENCE", "PUSH"));
        assert!(!wanted("NOTICE", "SMS") && wanted("NOTICE", "EMAIL"));
        let read = "{ notificationSettings { language digest quietFrom quietTo choices { category channel wanted } } }";
        assert_eq!(parent.data(read).await["notificationSettings"], settings);
        let other = app.sign_in(cast::OTHER_PARENT).await.data("{ notificationSettings { language } }").await;
        assert_eq!(other["notificationSettings"]["language"], "EN");

        absent(&app, &Lesson::of(&app).await, FRIDAY).await;
        app.work().await;
        assert_eq!(waiting(&app, cast::PARENT).await, ["SMS 2026-03-20 12:01:00 of 1"]);
        // What is not wanted any more is not sent any more.
        let choices = json!([{"category": "ABSENCE", "channel": "EMAIL", "wanted": false}]);
        set(&app.sign_in(cast::OTHER_PARENT).await, json!({"choices": choices})).await;
        later(&app, Duration::seconds(61)).await;
        assert!(peers.mails(&app).await.is_empty());
        assert_eq!(peers.texts(&app).await.len(), 1);
    }

    async fn settings_that_say_nothing_are_refused(app: TestApp) {
        let parent = app.sign_in(cast::PARENT).await;
        let twice = json!({"category": "NOTICE", "channel": "PUSH", "wanted": true});
        for (input, expected) in [
            (json!({"quietFrom": "22:00"}), vec!["quietTo REQUIRED"]),
            (json!({"quietTo": "22:00"}), vec!["quietFrom REQUIRED"]),
            (json!({"quietFrom": "22:00", "quietTo": "22:00"}), vec!["quietTo INVALID"]),
            (json!({"choices": [twice, twice]}), vec!["choices.1 DUPLICATE"]),
        ] {
            assert_eq!(app.refused(&parent, "updateNotificationSettings", input).await, expected);
        }
        set(&parent, json!({"quietFrom": "22:00", "quietTo": "06:00"})).await;
        let settings = set(&parent, json!({"digest": true})).await;
        assert_eq!((&settings["quietFrom"], &settings["quietTo"]), (&json!("22:00:00"), &json!("06:00:00")));
        assert_eq!(app.refused(&parent, "updateNotificationSettings", json!({"quietTo": null})).await, ["quietTo REQUIRED"]);
        let before = app.database.contents().await;
        set(&parent, json!({"digest": true, "choices": [{"category": "NOTICE", "channel": "PUSH", "wanted": true}]})).await;
        app.database.is_as(&before, "what is so already").await;
        let settings = set(&parent, json!({"quietFrom": null, "quietTo": null})).await;
        assert_eq!((&settings["quietFrom"], &settings["digest"]), (&Value::Null, &json!(true)));
    }

    async fn an_inbox_is_its_owners_alone(app: TestApp) {
        absent(&app, &Lesson::of(&app).await, FRIDAY).await;
        app.work().await;
        let parent = app.sign_in(cast::PARENT).await;
        let notification = inbox(&parent).await[0]["id"].clone();
        let device = register(&parent, "phone").await["id"].clone();
        for who in [cast::ADMIN, cast::HOD, cast::OTHER_PARENT, cast::STUDENT] {
            let client = app.sign_in(who).await;
            for id in [&notification, &device] {
                assert_eq!(client.data(&format!("{{ node(id: {id}) {{ id }} }}")).await["node"], Value::Null, "{who}");
            }
            assert_eq!(app.refused(&client, "markNotificationsRead", json!({"ids": [notification]})).await, ["ids.0 NOT_FOUND"]);
            assert_eq!(app.refused(&client, "removeDevice", json!({"id": device})).await, ["id NOT_FOUND"]);
            assert_eq!(client.data("{ devices { id } }").await["devices"], json!([]));
        }
        let roots = ["notifications { totalCount }", "devices { id }", "notificationSettings { digest }"];
        let key = app.api_key("ADMIN_READ").await;
        for (client, code) in [(&key, "FORBIDDEN"), (&app.anonymous(), "UNAUTHENTICATED")] {
            for root in roots {
                let answer = client.ask(&format!("{{ root: {root} }}")).await;
                assert_eq!(answer.code_at(&json!(["root"])), code, "{root}");
            }
            for (mutation, input) in [
                ("markNotificationsRead", json!({"ids": [notification]})),
                ("markAllNotificationsRead", json!({})),
                ("updateNotificationSettings", json!({"digest": true})),
                ("registerDevice", json!({"token": "x", "platform": "WEB"})),
                ("removeDevice", json!({"id": device})),
            ] {
                assert_eq!(app.denied(client, mutation, input).await, code, "{mutation}");
            }
        }
    }

    async fn what_was_read_stays_read_since_then(app: TestApp) {
        let lesson = Lesson::of(&app).await;
        lesson.forget(&app).await;
        for day in [FRIDAY, "2026-03-18", "2026-03-16"] {
            absent(&app, &lesson, day).await;
            app.work().await;
            app.clock.advance(Duration::minutes(1));
        }
        let parent = app.sign_in(cast::PARENT).await;
        let unread = async || parent.data("{ notifications(filter: {unread: true}) { totalCount } }").await["notifications"]["totalCount"].clone();
        let rows = inbox(&parent).await;
        assert_eq!(unread().await, 3);
        let input = json!({"ids": [rows[2]["id"]]});
        let read = parent.done("markNotificationsRead", input.clone(), "notifications { id readAt }").await;
        assert_eq!(read["notifications"], json!([{"id": rows[2]["id"], "readAt": "2026-03-20T12:03:00+00:00"}]));
        app.clock.advance(Duration::minutes(1));
        assert_eq!(parent.done("markNotificationsRead", input, "notifications { id readAt }").await, read);
        let twice = json!({"ids": [rows[0]["id"], rows[0]["id"], app.id(Kind::Notification, 999_999)]});
        assert_eq!(app.refused(&parent, "markNotificationsRead", twice).await, ["ids.1 DUPLICATE", "ids.2 NOT_FOUND"]);
        assert_eq!(app.refused(&parent, "markNotificationsRead", json!({"ids": []})).await, ["ids REQUIRED"]);
        assert_eq!(app.refused(&parent, "markAllNotificationsRead", json!({"until": "2026-03-20T12:04:01Z"})).await, ["until IN_FUTURE"]);
        let all = parent.done("markAllNotificationsRead", json!({"until": "2026-03-20T12:01:00Z"}), "marked").await;
        assert_eq!(all["marked"], 1, "the second");
        assert_eq!(unread().await, 1);
        assert_eq!(parent.done("markAllNotificationsRead", json!({}), "marked").await["marked"], 1);
        assert_eq!(parent.done("markAllNotificationsRead", json!({}), "marked").await["marked"], 0);
        assert_eq!(inbox(&app.sign_in(cast::OTHER_PARENT).await).await.iter().filter(|row| row["readAt"].is_null()).count(), 3);
        let filters = "a: notifications(filter: {category: ABSENCE}) { totalCount } b: notifications(filter: {category: NOTICE}) { totalCount } \
            c: notifications(filter: {from: \"2026-03-20T12:02:00Z\"}) { totalCount } d: notifications(filter: {to: \"2026-03-20T12:02:00Z\"}) { totalCount } \
            e: notifications(filter: {unread: false}) { totalCount }";
        let found = parent.data(&format!("{{ {filters} }}")).await;
        assert_eq!(["a", "b", "c", "d", "e"].map(|alias| found[alias]["totalCount"].clone()), [3, 0, 1, 2, 3].map(Value::from));
    }

    async fn a_device_is_of_who_registered_it_last(app: TestApp) {
        let (parent, other) = (app.sign_in(cast::PARENT).await, app.sign_in(cast::OTHER_PARENT).await);
        let device = register(&parent, " phone ").await;
        assert_eq!((&device["platform"], &device["active"], &device["lastError"]), (&json!("ANDROID"), &json!(true), &Value::Null));
        let before = app.database.contents().await;
        assert_eq!(register(&parent, "phone").await, device);
        app.database.is_as(&before, "registering it again").await;
        absent(&app, &Lesson::of(&app).await, FRIDAY).await;
        app.work().await;
        assert_eq!(waiting(&app, cast::PARENT).await.len(), 2);
        register(&other, "phone").await;
        assert_eq!(parent.data("{ devices { id } }").await["devices"], json!([]));
        assert_eq!(other.data("{ devices { id } }").await["devices"].as_array().unwrap().len(), 1);
        for token in ["", " ", "a b", "ä", &"x".repeat(2049)] {
            let errors = app.refused(&other, "registerDevice", json!({"token": token, "platform": "IOS"})).await;
            assert!(errors.iter().all(|error| error.starts_with("token ")), "{token:?}: {errors:?}");
        }
        for n in 1..20 {
            register(&other, &format!("phone{n}")).await;
        }
        assert_eq!(app.refused(&other, "registerDevice", json!({"token": "more", "platform": "IOS"})).await, ["token OUT_OF_RANGE"]);
        app.database.execute("UPDATE devices SET active = FALSE WHERE token = 'phone1'").await;
        let more = register(&other, "more").await;
        assert_eq!(app.number("SELECT count(*) FROM devices WHERE token = 'phone1'").await, 0);
        let removed = other.done("removeDevice", json!({"id": more["id"]}), "removedId").await;
        assert_eq!(removed["removedId"], more["id"]);
        assert_eq!(app.number("SELECT count(*) FROM devices").await, 19);
        assert_eq!(app.number("SELECT count(*) FROM audit_entries WHERE before LIKE '%phone%' OR after LIKE '%phone%'").await, 0, "no token");
    }

    async fn a_notice_comes_to_its_audience_until_it_is_withdrawn(app: TestApp) {
        let admin = app.sign_in(cast::ADMIN).await;
        let publish = async |audience: Value| {
            let input = json!({"title": "t", "message": "m", "audience": audience});
            admin.done("publishNotice", input, "notice { id }").await["notice"]["id"].clone()
        };
        let to_parents = publish(json!({"roles": ["PARENT"]})).await;
        app.work().await;
        for (role, who) in cast::BY_ROLE {
            assert_eq!(kinds(&app, who).await.len(), usize::from(role == "PARENT"), "{role}");
        }
        let rows = app.number("SELECT count(*) FROM notifications").await;
        let parents = "SELECT count(*) FROM parents p JOIN accounts a ON a.id = p.account_id WHERE a.active AND p.archived_at IS NULL";
        assert_eq!(rows, app.number(parents).await);
        assert_eq!(app.number("SELECT count(*) FROM jobs WHERE kind = 'DELIVER' AND priority <> 2").await, 0, "it can wait");
        let (parent, admin) = (app.sign_in(cast::PARENT).await, &admin);
        assert_eq!(inbox(&parent).await[0]["subject"]["id"], to_parents);
        admin.done("withdrawNotice", json!({"id": to_parents}), "").await;
        let rows = inbox(&parent).await;
        assert_eq!((rows.len(), &rows[0]["subject"]), (1, &Value::Null), "that there was something");

        let withdrawn = publish(json!({"everybody": true})).await;
        admin.done("withdrawNotice", json!({"id": withdrawn}), "").await;
        app.work().await;
        assert_eq!(inbox(&parent).await.len(), 1, "nobody is told of it");
        publish(json!({"everybody": true})).await;
        app.work().await;
        for (role, who) in cast::BY_ROLE {
            let expected = match role {
                "ADMIN" => 0,
                "PARENT" => 2,
                _ => 1,
            };
            assert_eq!(kinds(&app, who).await.len(), expected, "{role}: not who published it");
        }
    }

    async fn a_notice_is_told_to_who_reads_it_and_asked_of_who_is_near(app: TestApp) {
        hard_cases(&app).await;
        app.database.execute("DELETE FROM notifications").await;
        app.database.execute("DELETE FROM events").await;
        let batch = app.database.numbers("SELECT MIN(batch_id) FROM batch_students").await[0];
        let mut audiences = vec![json!({"batchIds": [app.id(Kind::Batch, batch)]})];
        for course in app.database.numbers("SELECT id FROM courses WHERE active").await {
            audiences.push(json!({"courseIds": [app.id(Kind::Course, course)]}));
        }
        audiences.extend(["HOD", "ADMISSION", "STAFF", "STUDENT", "PARENT"].map(|role| json!({"roles": [role]})));
        audiences.push(json!({"everybody": true}));
        let admin = app.sign_in(cast::ADMIN).await;
        for audience in &audiences {
            admin.done("publishNotice", json!({"title": "t", "message": "m", "audience": audience}), "").await;
        }
        app.work().await;
        let ids = |rows: &[Value], at: &str| -> BTreeSet<String> {
            rows.iter().map(|row| row.pointer(at).unwrap().as_str().unwrap().to_owned()).collect()
        };
        for viewer in VIEWERS.iter().filter(|viewer| viewer.is_person() && !viewer.roles.contains(&"ADMIN")) {
            let client = viewer.client(&app).await;
            let (read, _) = client.walk("notices", "filter: {from: \"2026-03-20T12:00:00Z\"}", "id").await.unwrap();
            assert!(!read.is_empty() && read.len() < audiences.len(), "{}", viewer.name);
            assert_eq!(ids(&inbox(&client).await, "/subject/id"), ids(&read, "/id"), "{}", viewer.name);
        }

        // The first was for a batch: parents and students of others are not even asked.
        let event = app.number("SELECT MIN(id) FROM events WHERE kind = 'NOTICE_PUBLISHED'").await;
        let mut cx = app.api.services().db.read().await.unwrap();
        let event = dispatch!(cx, notifications_fan_out::event(event)).unwrap().unwrap();
        let asked = dispatch!(cx, notifications_fan_out::concerned_after(&event, 0, 10_000)).unwrap();
        let members = format!("SELECT student_id FROM batch_students WHERE batch_id = {batch}");
        let near = format!(
            "SELECT id FROM accounts WHERE active AND id <> {} AND (id IN (SELECT account_id FROM staff) OR id IN (SELECT account_id \
             FROM students WHERE id IN ({members})) OR id IN (SELECT account_id FROM parents WHERE id IN (SELECT parent_id FROM \
             parent_students WHERE student_id IN ({members})))) ORDER BY id",
            account(cast::ADMIN)
        );
        assert_eq!(asked, app.database.numbers(&near).await);
        assert!(asked.len() < app.database.numbers("SELECT id FROM accounts WHERE active").await.len() / 2);
    }

    async fn a_device_that_fcm_does_not_know_is_told_nothing_more(app: TestApp) {
        let fcm = FakeFcm::start(&app.clock).await;
        let app = app.beside_with(|config| {
            fcm.configure(config);
            config.fcm_per_minute = 1;
        });
        let app = app.await;
        let lesson = Lesson::of(&app).await;
        let parent = app.sign_in(cast::PARENT).await;
        register(&parent, "one").await;
        register(&parent, "two").await;
        let pushes = async || app.database.texts("SELECT state || ' ' || attempts FROM jobs WHERE key LIKE 'deliver:%:PUSH:%' ORDER BY 1").await;
        let devices = async || parent.data("{ devices { active lastError } }").await["devices"].clone();
        fcm.fails([Refusal::of(404, "UNREGISTERED")]);
        absent(&app, &lesson, FRIDAY).await;
        app.work().await;
        later(&app, Duration::minutes(2)).await;
        let removed = fcm.sent();
        assert_eq!(removed.len(), 1, "one a minute");
        assert_eq!(pushes().await, ["DONE 1", "PENDING 0"], "what waits for its minute was not tried");
        later(&app, Duration::minutes(2)).await;
        assert_eq!((fcm.sent().len(), pushes().await), (1, vec!["DONE 1".to_owned(); 2]));
        let mut told = devices().await.as_array().unwrap().clone();
        told.sort_by_key(|device| device["active"] == json!(true));
        assert_eq!(told, [json!({"active": false, "lastError": "FCM answered 404 UNREGISTERED"}), json!({"active": true, "lastError": null})]);
        absent(&app, &lesson, "2026-03-18").await;
        app.work().await;
        later(&app, Duration::minutes(2)).await;
        let other = if removed[0]["message"]["token"] == "one" { "two" } else { "one" };
        assert_eq!(fcm.sent()[0]["message"]["token"], other);
        assert_eq!(pushes().await, ["DONE 1"; 3], "nothing goes to the other one");
    }

    async fn what_is_put_back_into_the_queue_is_joined_by_nothing_new(app: TestApp) {
        let lesson = Lesson::of(&app).await;
        absent(&app, &lesson, FRIDAY).await;
        app.work().await;
        let mails = format!("key LIKE 'deliver:%:{}:EMAIL' ", app.number(&format!("SELECT {}", account(cast::PARENT))).await);
        app.database.execute(&format!("UPDATE jobs SET state = 'DEAD', attempts = 24, finished_at = due_at WHERE {mails}")).await;
        app.sign_in(cast::ADMIN).await.done("requeueJobs", json!({}), "requeued").await;
        absent(&app, &lesson, "2026-03-18").await;
        app.work().await;
        let held = app.database.texts(&format!("SELECT (SELECT COUNT(*) FROM notification_jobs l WHERE l.job_id = j.id) || '' FROM jobs j WHERE {mails}")).await;
        assert_eq!(held, ["1", "1"], "the other side may have had the first");
    }

    async fn a_meeting_is_told_to_who_takes_part(app: TestApp) {
        let (families, teacher) = (families(&app).await, app.sign_in(cast::TEACHER).await);
        let meeting = made(&teacher, "offerMeeting", offer(&families[0], &in_may(4, 4, 0))).await;
        app.work().await;
        assert_eq!(kinds(&app, cast::PARENT).await, ["MEETING_SCHEDULED"]);
        for who in [cast::TEACHER, cast::OTHER_PARENT, cast::PARENT_OF_ONE, cast::STUDENT, cast::HOD, cast::ADMIN] {
            assert!(kinds(&app, who).await.is_empty(), "{who}");
        }
        let parent = app.sign_in(cast::PARENT).await;
        assert_eq!(inbox(&parent).await[0]["subject"]["id"], meeting["id"]);
        parent.done("cancelMeeting", json!({"id": meeting["id"], "reason": "Ill."}), "").await;
        app.work().await;
        assert_eq!(kinds(&app, cast::TEACHER).await, ["MEETING_CANCELLED"]);
        assert_eq!(kinds(&app, cast::PARENT).await, ["MEETING_SCHEDULED"]);

        // What was called off before it was told is told as that alone.
        let meeting = made(&teacher, "offerMeeting", offer(&families[1], &in_may(4, 5, 0))).await;
        teacher.done("cancelMeeting", json!({"id": meeting["id"], "reason": "Ill."}), "").await;
        app.work().await;
        assert_eq!(kinds(&app, cast::PARENT_OF_ONE).await, ["MEETING_CANCELLED"]);
    }

    async fn leave_is_told_to_who_decides_and_the_decision_to_who_is_away(app: TestApp) {
        let (student, parent) = (app.student(cast::STUDENT).await, app.sign_in(cast::PARENT).await);
        let input = about("studentId", &student, "2026-05-04", "2026-05-06");
        let request = parent.done("requestLeave", input, "leaveRequest { id }").await["leaveRequest"]["id"].clone();
        app.work().await;
        for who in [cast::HOD, cast::ADMIN] {
            assert_eq!(kinds(&app, who).await, ["LEAVE_REQUESTED"], "{who}");
        }
        let others = [cast::HOD_OF_TWO, cast::HOD_TEACHER, cast::TEACHER, cast::ADMISSION, cast::STUDENT, cast::OTHER_PARENT];
        for who in others {
            assert!(kinds(&app, who).await.is_empty(), "{who}");
        }
        let hod = app.sign_in(cast::HOD).await;
        hod.done("decideLeaveRequest", decide(request.as_str().unwrap(), "APPROVE"), "").await;
        app.work().await;
        for who in [cast::STUDENT, cast::PARENT, cast::OTHER_PARENT] {
            assert_eq!(kinds(&app, who).await, ["LEAVE_DECIDED"], "{who}");
        }
        assert_eq!(kinds(&app, cast::HOD).await, ["LEAVE_REQUESTED"]);
        assert!(kinds(&app, cast::TEACHER).await.is_empty() && kinds(&app, cast::PARENT_OF_ONE).await.is_empty());

        // Nobody decides about their own leave.
        let own = json!({"firstDay": "2026-06-01", "lastDay": "2026-06-01", "message": "A wedding."});
        app.sign_in(cast::TEACHER).await.done("requestLeave", own, "").await;
        app.work().await;
        assert_eq!(kinds(&app, cast::HOD).await, ["LEAVE_REQUESTED", "LEAVE_REQUESTED"]);
        assert!(kinds(&app, cast::TEACHER).await.is_empty());
        let teaches_there = format!(
            "SELECT count(*) FROM routines r JOIN courses c ON c.id = r.course_id WHERE r.active AND r.teacher_id = {} AND c.hod_id = {}",
            person("staff", cast::TEACHER),
            person("staff", cast::HOD_OF_TWO)
        );
        assert_eq!(kinds(&app, cast::HOD_OF_TWO).await.is_empty(), app.number(&teaches_there).await == 0);
    }
}
