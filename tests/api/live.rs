//! Subscriptions: who hears of what, what was missed, and when it ends.

use std::time::Duration;

use rollcall::{demo::cast, ids::Kind};
use serde_json::{Value, json};

use crate::{
    lessons::{FRIDAY, Lesson, account, one, person},
    support::{Backend, Client, Events, Said, Socket, TestApp, redis_url},
};

const ATTENDANCE: &str = "subscription($student: ID, $after: String) { attendanceMarked(studentId: $student, after: $after) \
     { cursor at kind session { id } } }";
const NOTICES: &str =
    "subscription($after: String) { noticePublished(after: $after) { cursor kind notice { id title } } }";
const MEETINGS: &str = "subscription { meetingChanged { kind meeting { id notes } } }";
const INBOX: &str = "subscription($after: String) { notificationReceived(after: $after) { cursor at kind \
     notification { id subject { id } student { id } } } }";

/// The number of what an answer is about.
fn subject(app: &TestApp, answer: &Value, pointer: &str) -> i64 {
    let id = answer.pointer(pointer).and_then(Value::as_str).unwrap_or_else(|| panic!("{pointer} of {answer:#}"));
    app.open(id).1
}

/// A class that a student was marked in, and one in which none of a parent's children was.
async fn sessions(app: &TestApp) -> (i64, i64) {
    let own = format!(
        "(SELECT MIN(session_id) FROM attendance_records WHERE student_id = {})",
        person("students", cast::STUDENT)
    );
    let children =
        format!("SELECT student_id FROM parent_students WHERE parent_id = {}", person("parents", cast::PARENT));
    let others = format!(
        "(SELECT MIN(id) FROM attendance_sessions WHERE id NOT IN (SELECT session_id FROM attendance_records WHERE student_id IN ({children})))"
    );
    (one(app, &own).await, one(app, &others).await)
}

/// Begins a subscription that has begun to listen by the time: an operation after it was answered.
async fn listening(app: &TestApp, client: &Client, query: &str, variables: Value) -> Socket {
    let mut socket = Socket::of(app, client).await;
    socket.subscribe("live", query, variables).await;
    settled().await;
    socket
}

/// There is no word that a subscription listens: it says nothing until something happens.
async fn settled() {
    tokio::time::sleep(Duration::from_millis(500)).await;
}

on_both! {
    async fn a_parent_hears_of_their_own_child_and_of_no_other(app: TestApp) {
        let (own, other) = sessions(&app).await;
        let parent = app.sign_in(cast::PARENT).await;
        let mut socket = listening(&app, &parent, ATTENDANCE, json!({})).await;
        let child = one(&app, &person("students", cast::STUDENT)).await;
        // That it is for everybody to look at does not let anybody see it; nor does another kind of event.
        app.happens("ATTENDANCE_MARKED", other, &["everybody"]).await;
        app.happens("STUDENT_ABSENT", own, &[&format!("student:{child}")]).await;
        app.happens("ATTENDANCE_MARKED", own, &["student:999999"]).await;
        assert!(socket.is_silent().await);
        app.happens("ATTENDANCE_MARKED", own, &[&format!("student:{child}"), "everybody"]).await;
        let answer = socket.payload("next", "live").await;
        assert_eq!(answer["data"]["attendanceMarked"]["kind"], "ATTENDANCE_MARKED");
        assert_eq!(answer["data"]["attendanceMarked"]["at"], "2026-03-20T12:00:00+00:00");
        assert_eq!(subject(&app, &answer, "/data/attendanceMarked/session/id"), own);
        assert!(socket.is_silent().await, "once, for both topics");
    }

    async fn of_one_child_hears_who_reaches_them(app: TestApp) {
        let (own, _) = sessions(&app).await;
        let [child, stranger] = [cast::STUDENT, cast::ONLY_CHILD].map(|email| person("students", email));
        let (child, stranger) = (one(&app, &child).await, one(&app, &stranger).await);
        let (parent, id) = (app.sign_in(cast::PARENT).await, |student| app.id(Kind::Student, student));
        let mut theirs = listening(&app, &parent, ATTENDANCE, json!({"student": id(child)})).await;
        let mut others = listening(&app, &parent, ATTENDANCE, json!({"student": id(stranger)})).await;
        let topics = [format!("student:{child}"), format!("student:{stranger}")];
        app.happens("ATTENDANCE_MARKED", own, &topics.each_ref().map(String::as_str)).await;
        assert_eq!(subject(&app, &theirs.payload("next", "live").await, "/data/attendanceMarked/session/id"), own);
        assert!(others.is_silent().await);
    }

    async fn a_teacher_hears_of_their_class_and_an_hod_of_their_course(app: TestApp) {
        let teacher = person("staff", cast::TEACHER);
        let (staff, hod) = (one(&app, &teacher).await, one(&app, &person("staff", cast::HOD)).await);
        let class = one(&app, &format!(
            "(SELECT MIN(s.id) FROM attendance_sessions s JOIN routines r ON r.id = s.routine_id WHERE r.teacher_id = {teacher} AND r.active)"
        )).await;
        let course = app.number(&format!("SELECT MIN(id) FROM courses WHERE hod_id = {hod}")).await;
        let headed = app.number(&format!(
            "SELECT MIN(s.id) FROM attendance_sessions s JOIN routines r ON r.id = s.routine_id WHERE r.course_id = {course} AND r.active"
        )).await;
        for (who, topic, session) in [(cast::TEACHER, format!("staff:{staff}"), class), (cast::HOD, format!("course:{course}"), headed)] {
            let client = app.sign_in(who).await;
            let mut socket = listening(&app, &client, ATTENDANCE, json!({})).await;
            app.happens("ATTENDANCE_MARKED", session, &[&topic]).await;
            assert_eq!(subject(&app, &socket.payload("next", "live").await, "/data/attendanceMarked/session/id"), session, "{who}");
        }
        let admin = app.sign_in(cast::ADMIN).await;
        let mut socket = listening(&app, &admin, ATTENDANCE, json!({})).await;
        app.happens("ATTENDANCE_MARKED", class, &["student:999999"]).await;
        assert_eq!(subject(&app, &socket.payload("next", "live").await, "/data/attendanceMarked/session/id"), class, "all of it");
    }

    async fn notices_are_heard_by_their_audience(app: TestApp) {
        let (parent, student) = (app.sign_in(cast::PARENT).await, app.sign_in(cast::STUDENT).await);
        let admin = app.sign_in(cast::ADMIN).await;
        let input = json!({"title": "For parents", "message": "Come", "audience": {"roles": ["PARENT"]}});
        let payload = admin.done("publishNotice", input, "notice { id }").await;
        let (_, notice) = app.open(payload["notice"]["id"].as_str().unwrap());
        let mut theirs = listening(&app, &parent, NOTICES, json!({})).await;
        let mut others = listening(&app, &student, NOTICES, json!({})).await;
        app.happens("NOTICE_PUBLISHED", notice, &["everybody"]).await;
        let answer = theirs.payload("next", "live").await;
        assert_eq!(answer["data"]["noticePublished"]["notice"]["title"], "For parents");
        assert!(others.is_silent().await);
    }

    async fn meetings_are_heard_by_who_takes_part_and_each_field_is_asked_of_its_statement(app: TestApp) {
        let student = person("students", cast::STUDENT);
        let meeting = format!("(SELECT MIN(m.meeting_id) FROM meeting_students m JOIN meetings x ON x.id = m.meeting_id WHERE m.student_id = {student})");
        let meeting = one(&app, &meeting).await;
        let (number, stranger) = (one(&app, &student).await, app.sign_in(cast::PARENT_OF_ONE).await);
        let theirs = app.sign_in(cast::STUDENT).await;
        let mut theirs = listening(&app, &theirs, MEETINGS, json!({})).await;
        let mut others = listening(&app, &stranger, MEETINGS, json!({})).await;
        app.happens("MEETING_MOVED", meeting, &[&format!("student:{number}"), "everybody"]).await;
        let answer = theirs.payload("next", "live").await;
        assert_eq!(subject(&app, &answer, "/data/meetingChanged/meeting/id"), meeting);
        assert_eq!(answer["data"]["meetingChanged"]["meeting"]["notes"], Value::Null);
        assert_eq!(answer["errors"][0]["extensions"]["code"], "FORBIDDEN", "of the notes, not of the meeting");
        assert_eq!(answer["errors"][0]["path"], json!(["meetingChanged", "meeting", "notes"]));
        assert!(others.is_silent().await);
    }

    async fn an_inbox_is_its_owners_and_tells_only_what_they_still_reach(app: TestApp) {
        let (own, other) = sessions(&app).await;
        let parent = app.sign_in(cast::PARENT).await;
        let me = one(&app, &account(cast::PARENT)).await;
        let stranger = app.sign_in(cast::PARENT_OF_ONE).await;
        let child = one(&app, &person("students", cast::STUDENT)).await;
        let mut mine = listening(&app, &parent, INBOX, json!({})).await;
        let mut others = listening(&app, &stranger, INBOX, json!({})).await;
        let unreached = app.event("STUDENT_ABSENT", other, None, &["everybody"]).await;
        app.publish(&app.notify(&unreached, me).await).await;
        let event = app.event("STUDENT_ABSENT", own, Some(child), &["everybody"]).await;
        let notified = app.notify(&event, me).await;
        app.publish(&notified).await;
        let answer = mine.payload("next", "live").await;
        assert_eq!(subject(&app, &answer, "/data/notificationReceived/notification/subject/id"), own);
        assert_eq!(subject(&app, &answer, "/data/notificationReceived/notification/student/id"), child);
        let number = app.number("SELECT MAX(id) FROM notifications").await;
        assert_eq!(answer["data"]["notificationReceived"]["notification"]["id"], app.id(Kind::Notification, number));
        assert!(others.is_silent().await);
        // Said again, it is not told again.
        app.publish(&notified).await;
        assert!(mine.is_silent().await);
        // Unlinked in between, they hear nothing of the child any more.
        let unlink = json!({"studentId": app.student(cast::STUDENT).await, "parentId": app.parent(cast::PARENT).await});
        app.sign_in(cast::ADMIN).await.done("unlinkParent", unlink, "").await;
        let event = app.event("STUDENT_ABSENT", own, Some(child), &["everybody"]).await;
        app.publish(&app.notify(&event, me).await).await;
        assert!(mine.is_silent().await);
    }

    async fn who_may_not_listen_is_told_so_at_once(app: TestApp) {
        let admission = app.sign_in(cast::ADMISSION).await;
        let mut socket = Socket::of(&app, &admission).await;
        socket.subscribe("a", ATTENDANCE, json!({})).await;
        assert_eq!(socket.refusal("a").await, "FORBIDDEN");
        let mut key = Socket::of(&app, &app.api_key("AGGREGATES").await).await;
        for (id, query) in [("a", NOTICES), ("b", INBOX)] {
            key.subscribe(id, query, json!({})).await;
            assert_eq!(key.refusal(id).await, "FORBIDDEN");
        }
        let mut nobody = Events::open(&app, &app.anonymous(), NOTICES, json!({})).await;
        assert_eq!(nobody.next().await.unwrap()["errors"][0]["extensions"]["code"], "UNAUTHENTICATED");
        assert_eq!(nobody.next().await, None);
    }

    async fn what_was_missed_is_told_to_who_comes_back_and_nothing_out_of_scope(app: TestApp) {
        let (own, other) = sessions(&app).await;
        let parent = app.sign_in(cast::PARENT).await;
        let mut socket = listening(&app, &parent, ATTENDANCE, json!({})).await;
        let earlier = app.happens("ATTENDANCE_MARKED", own, &["everybody"]).await;
        socket.payload("next", "live").await;
        let before = app.happens("ATTENDANCE_MARKED", own, &["everybody"]).await;
        let answer = socket.payload("next", "live").await;
        let cursor = answer["data"]["attendanceMarked"]["cursor"].as_str().unwrap().to_owned();
        let me = one(&app, &account(cast::PARENT)).await;
        assert_eq!(cursor, app.live_cursor("attendanceMarked", me, before), "the same however often it is told");
        drop(socket);
        // More than is told again in any case.
        app.clock.advance(chrono::Duration::minutes(5));
        app.happens("ATTENDANCE_MARKED", other, &["everybody"]).await;
        let missed = app.happens("ATTENDANCE_MARKED", own, &["everybody"]).await;
        let mut events = Events::open(&app, &parent, ATTENDANCE, json!({"after": cursor})).await;
        let told = |answer: &Value| answer["data"]["attendanceMarked"]["cursor"].as_str().unwrap().to_owned();
        // What was told a moment before the cursor is told again; then comes what was missed, and then what happens.
        assert_eq!(told(&events.next().await.unwrap()), app.live_cursor("attendanceMarked", me, earlier));
        assert_eq!(told(&events.next().await.unwrap()), app.live_cursor("attendanceMarked", me, missed));
        let now = app.happens("ATTENDANCE_MARKED", own, &["everybody"]).await;
        assert_eq!(told(&events.next().await.unwrap()), app.live_cursor("attendanceMarked", me, now));
    }

    async fn what_is_told_of_late_is_caught_up_with_by_who_heard_of_later_things_before(app: TestApp) {
        let (own, _) = sessions(&app).await;
        let parent = app.sign_in(cast::PARENT).await;
        let me = one(&app, &account(cast::PARENT)).await;
        let late = app.event("ATTENDANCE_MARKED", own, None, &["everybody"]).await.event;
        app.database.execute(&format!("UPDATE events SET told_at = NULL WHERE id = {late}")).await;
        app.clock.advance(chrono::Duration::minutes(10));
        let heard = app.happens("ATTENDANCE_MARKED", own, &["everybody"]).await;
        let after = json!({"after": app.live_cursor("attendanceMarked", me, heard)});
        app.clock.advance(chrono::Duration::hours(1));
        let mut socket = listening(&app, &parent, ATTENDANCE, after.clone()).await;
        assert!(socket.is_silent().await, "it is not told of yet");
        app.database
            .execute(&format!(
                "INSERT INTO jobs (key, kind, priority, payload, due_at, created_at) VALUES ('tell:{late}', 'TELL', 1, \
                 '{{\"event\":{late}}}', '2026-03-20 12:00:00', '2026-03-20 12:00:00')"
            ))
            .await;
        assert_eq!(app.work().await, 1);
        let cursor = app.live_cursor("attendanceMarked", me, late);
        assert_eq!(socket.payload("next", "live").await["data"]["attendanceMarked"]["cursor"], cursor, "who listens hears it");
        let mut missed = Events::open(&app, &parent, ATTENDANCE, after).await;
        let answer = missed.next().await.unwrap();
        assert_eq!(answer["data"]["attendanceMarked"]["cursor"], cursor, "and who was away finds it");
        assert_eq!(answer["data"]["attendanceMarked"]["at"], "2026-03-20T12:00:00+00:00", "when it happened");
        // Told of again, it stays where it was told of first.
        let told_at = format!("SELECT CAST(told_at AS TEXT) FROM events WHERE id = {late}");
        let first = app.database.texts(&told_at).await;
        app.clock.advance(chrono::Duration::hours(1));
        app.database
            .execute(&format!(
                "UPDATE jobs SET state = 'PENDING', finished_at = NULL, payload = '{{\"event\":{late}}}' WHERE key = 'tell:{late}'"
            ))
            .await;
        assert_eq!(app.work().await, 1);
        assert_eq!(app.database.texts(&told_at).await, first);
    }

    async fn a_database_that_is_busy_for_a_moment_ends_nothing(app: TestApp) {
        let small = app.beside_with(|config| {
            config.database_pool_size = 2;
            config.database_acquire_timeout = Duration::from_secs(2);
        }).await;
        let (admin, notice) = (small.sign_in(cast::ADMIN).await, app.number("SELECT MIN(id) FROM notices").await);
        let mut socket = listening(&small, &admin, NOTICES, json!({})).await;
        let event = small.event("NOTICE_PUBLISHED", notice, None, &["everybody"]).await;
        let db = &small.api.services().db;
        let held = (db.read().await.ok(), db.read().await.ok());
        assert!(held.0.is_some() && held.1.is_some());
        small.publish(&event).await;
        // Longer than anybody waits for a connection.
        assert_eq!(socket.within(Duration::from_millis(2500)).await, None);
        drop(held);
        let answer = socket.payload("next", "live").await;
        assert_eq!(subject(&small, &answer, "/data/noticePublished/notice/id"), notice);
        assert!(answer.get("errors").is_none(), "{answer}");
    }

    async fn a_cursor_is_of_its_field_and_viewer_and_not_for_ever(app: TestApp) {
        let (own, _) = sessions(&app).await;
        let parent = app.sign_in(cast::PARENT).await;
        let (me, event) = (one(&app, &account(cast::PARENT)).await, app.happens("ATTENDANCE_MARKED", own, &["everybody"]).await);
        let stranger = one(&app, &account(cast::PARENT_OF_ONE)).await;
        let mut socket = Socket::of(&app, &parent).await;
        let wrong = [
            app.live_cursor("noticePublished", me, event),
            app.live_cursor("attendanceMarked", stranger, event),
            app.live_cursor("attendanceMarked", me, event + 1),
            "nonsense".to_owned(),
        ];
        for (i, cursor) in wrong.into_iter().enumerate() {
            let id = i.to_string();
            socket.subscribe(&id, ATTENDANCE, json!({"after": cursor})).await;
            assert_eq!(socket.refusal(&id).await, "BAD_USER_INPUT", "{i}");
        }
    }

    async fn a_role_that_is_taken_away_ends_it_at_the_next_event(app: TestApp) {
        let teacher = person("staff", cast::TEACHER);
        let client = app.sign_in(cast::TEACHER).await;
        let class = one(&app, &format!(
            "(SELECT MIN(s.id) FROM attendance_sessions s JOIN routines r ON r.id = s.routine_id WHERE r.teacher_id = {teacher} AND r.active)"
        )).await;
        let mut socket = listening(&app, &client, ATTENDANCE, json!({})).await;
        app.happens("ATTENDANCE_MARKED", class, &["everybody"]).await;
        socket.payload("next", "live").await;
        app.database.execute(&format!("UPDATE staff_roles SET role = 'ADMISSION' WHERE staff_id = {teacher}")).await;
        app.happens("ATTENDANCE_MARKED", class, &["everybody"]).await;
        assert_eq!(socket.refusal("live").await, "FORBIDDEN");
        app.happens("ATTENDANCE_MARKED", class, &["everybody"]).await;
        assert!(socket.is_silent().await);
        // The connection goes on, and so does whatever else it has.
        socket.subscribe("live", NOTICES, json!({})).await;
        assert!(socket.is_silent().await);
    }

    async fn a_session_that_has_ended_closes_its_connection(app: TestApp) {
        let parent = app.sign_in(cast::PARENT).await;
        let mut socket = listening(&app, &parent, NOTICES, json!({})).await;
        let mut events = Events::open(&app, &parent, NOTICES, json!({})).await;
        settled().await;
        parent.data("mutation { signOut { success } }").await;
        app.happens("NOTICE_PUBLISHED", 1, &["everybody"]).await;
        assert_eq!(socket.next().await, Said::Closed(4403));
        assert_eq!(events.next().await.unwrap()["errors"][0]["extensions"]["code"], "UNAUTHENTICATED");
        assert_eq!(events.next().await, None);
    }

    async fn who_is_too_slow_is_told_so_and_can_come_back(app: TestApp) {
        let small = app.beside_with(|config| config.live_buffer = 1).await;
        let admin = small.sign_in(cast::ADMIN).await;
        let mut socket = listening(&small, &admin, NOTICES, json!({})).await;
        let occurrence = small.event("NOTICE_PUBLISHED", 1, None, &["everybody"]).await;
        for _ in 0..50 {
            small.publish(&occurrence).await;
        }
        let mut last = socket.next().await;
        while let Said::Message(message) = &last && message["type"] == "next" {
            last = socket.next().await;
        }
        let Said::Message(message) = last else { panic!("{last:?}") };
        assert_eq!((&message["type"], &message["payload"][0]["extensions"]["code"]), (&json!("error"), &json!("LIMIT_EXCEEDED")));
        socket.subscribe("again", NOTICES, json!({})).await;
        settled().await;
        small.publish(&occurrence).await;
        assert!(socket.payload("next", "again").await["data"]["noticePublished"]["cursor"].is_string());
    }

    async fn what_it_costs_is_charged_for_each_event_and_waited_for(app: TestApp) {
        let small = app.beside_with(|config| config.rates.viewer = 1000).await;
        let admin = small.sign_in(cast::ADMIN).await;
        let mut socket = Socket::of(&small, &admin).await;
        socket.subscribe("live", NOTICES, json!({})).await;
        settled().await;
        let notice = app.number("SELECT MIN(id) FROM notices").await;
        let mut told = 0;
        let waiting = loop {
            let event = small.happens("NOTICE_PUBLISHED", notice, &["everybody"]).await;
            let Some(said) = socket.within(Duration::from_secs(5)).await else { break event };
            let Said::Message(message) = said else { panic!("it is closed: {said:?}") };
            assert_eq!(message["type"], "next", "{message}");
            told += 1;
            assert!(told < 1000, "it is charged");
        };
        assert!(told > 10, "{told}");
        // Whoever begins now is told when to come back.
        let mut late = Events::open(&small, &admin, NOTICES, json!({})).await;
        let refused = late.next().await.unwrap();
        assert_eq!(refused["errors"][0]["extensions"]["code"], "LIMIT_EXCEEDED");
        assert!(refused["errors"][0]["extensions"]["retryAfter"].is_number(), "{refused}");
        assert_eq!(late.next().await, None);
        small.clock.advance(chrono::Duration::minutes(1));
        let me = one(&app, &account(cast::ADMIN)).await;
        let answer = socket.payload("next", "live").await;
        assert_eq!(answer["data"]["noticePublished"]["cursor"], small.live_cursor("noticePublished", me, waiting));
    }

    async fn catching_up_waits_for_what_is_left_of_a_minute_and_comes_to_its_end(app: TestApp) {
        let small = app.beside_with(|config| config.rates.viewer = 400).await;
        let admin = small.sign_in(cast::ADMIN).await;
        let (me, notice) = (one(&app, &account(cast::ADMIN)).await, app.number("SELECT MIN(id) FROM notices").await);
        let mut missed = Vec::new();
        for _ in 0..=40 {
            missed.push(small.event("NOTICE_PUBLISHED", notice, None, &["everybody"]).await.event);
        }
        let cursors: Vec<String> = missed.iter().map(|event| small.live_cursor("noticePublished", me, *event)).collect();
        let mut socket = Socket::of(&small, &admin).await;
        socket.subscribe("live", NOTICES, json!({"after": cursors[0]})).await;
        let (mut told, mut waited) = (Vec::new(), 0);
        while told.len() < 40 {
            match socket.within(Duration::from_secs(5)).await {
                Some(said) => {
                    let Said::Message(message) = said else { panic!("it is closed: {said:?}") };
                    assert_eq!(message["type"], "next", "{message}");
                    told.push(message["payload"]["data"]["noticePublished"]["cursor"].as_str().unwrap().to_owned());
                }
                None => {
                    waited += 1;
                    assert!(waited < 10, "{}", told.len());
                    small.clock.advance(chrono::Duration::minutes(1));
                }
            }
        }
        assert!(waited > 0, "it costs more than a minute has");
        assert_eq!(told, cursors[1..], "each once and in order");
        assert!(socket.is_silent().await);
    }

    async fn queries_and_mutations_are_answered_too(app: TestApp) {
        let admin = app.sign_in(cast::ADMIN).await;
        let mut socket = Socket::of(&app, &admin).await;
        socket.subscribe("q", "{ viewer { account { email } } }", json!({})).await;
        assert_eq!(socket.payload("next", "q").await["data"]["viewer"]["account"]["email"], cast::ADMIN);
        assert_eq!(socket.payload("complete", "q").await, Value::Null);
        let change = "mutation($id: ID!) { editCourse(input: {id: $id, version: 1, description: \"x\"}) { userErrors { code } } }";
        socket.subscribe("m", change, json!({"id": app.id(Kind::Course, 1)})).await;
        assert_eq!(socket.payload("next", "m").await["data"]["editCourse"]["userErrors"], json!([]));
        assert_eq!(socket.payload("complete", "m").await, Value::Null);
        let mut events = Events::open(&app, &admin, "{ institute { name } }", json!({})).await;
        assert!(events.next().await.unwrap()["data"]["institute"]["name"].is_string());
        assert_eq!(events.next().await, None);
    }

    async fn what_is_done_is_heard_when_the_queue_has_told_of_it(app: TestApp) {
        let (lesson, teacher) = (Lesson::of(&app).await, app.sign_in(cast::TEACHER).await);
        let parent = app.sign_in(cast::PARENT).await;
        let mut socket = listening(&app, &parent, ATTENDANCE, json!({})).await;
        teacher.done("markAttendance", lesson.all(&app, FRIDAY, "PRESENT"), "").await;
        app.work().await;
        let answer = socket.payload("next", "live").await;
        assert_eq!(subject(&app, &answer, "/data/attendanceMarked/session/id"), lesson.session(&app, FRIDAY).await);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn all_instances_hear_of_it_over_redis() {
    let app = TestApp::start_with(Backend::Postgres, |config| config.redis_url = Some(redis_url().into())).await;
    let other = app.beside().await;
    let (own, _) = sessions(&app).await;
    let parent = other.sign_in(cast::PARENT).await;
    let mut socket = listening(&other, &parent, ATTENDANCE, json!({})).await;
    app.happens("ATTENDANCE_MARKED", own, &["everybody"]).await;
    let answer = socket.payload("next", "live").await;
    assert_eq!(subject(&app, &answer, "/data/attendanceMarked/session/id"), own);
    assert!(socket.is_silent().await, "once");
}
