//! Meetings: who moves, cancels and completes them, and that nobody is in two at once.

use chrono::Duration;
use futures_util::future::join_all;
use rollcall::{demo::cast, ids::Kind};
use serde_json::{Value, json};

use super::{
    meetings::{families, in_may, made, offer, with},
    support::{TestApp, errors},
};

async fn status(app: &TestApp, id: &Value) -> String {
    let admin = app.sign_in(cast::ADMIN).await;
    let data = admin.data(&format!("{{ node(id: {id}) {{ ... on Meeting {{ status }} }} }}")).await;
    data["node"]["status"].as_str().unwrap().to_owned()
}

/// One of the two was done, and the other refused with this.
#[track_caller]
fn one_of(a: &Value, b: &Value, refusal: &str) {
    let mut outcomes = [errors(a), errors(b)];
    outcomes.sort();
    assert_eq!(outcomes, [vec![], vec![refusal.to_owned()]]);
}

on_both! {
    async fn a_meeting_is_moved_while_it_is_to_come(app: TestApp) {
        let [family, other] = families(&app).await;
        let teacher = app.sign_in(cast::TEACHER).await;
        let meeting = made(&teacher, "offerMeeting", offer(&family, &in_may(4, 4, 0))).await;
        let second = made(&teacher, "offerMeeting", offer(&other, &in_may(4, 6, 0))).await;
        let input = json!({"id": meeting["id"], "version": 1, "startsAt": in_may(4, 4, 15)});
        let moved = made(&teacher, "moveMeeting", input.clone()).await;
        assert_eq!((&moved["status"], &moved["minutes"], &moved["version"]), (&json!("RESCHEDULED"), &json!(30), &json!(2)));
        assert_eq!(app.refused(&teacher, "moveMeeting", input).await, ["version STALE"]);
        let input = json!({"id": meeting["id"], "version": 2, "startsAt": in_may(4, 5, 0), "minutes": 60});
        let moved = made(&app.sign_in(cast::HOD).await, "moveMeeting", input).await;
        assert_eq!((&moved["startsAt"], &moved["minutes"]), (&json!("2026-05-04T05:00:00+00:00"), &json!(60)));
        // Those who take part have moved with it.
        let colleague = app.sign_in(cast::HOD_TEACHER).await;
        assert_eq!(app.refused(&colleague, "offerMeeting", offer(&family, &in_may(4, 5, 45))).await, ["parentIds.0 PARENT_BUSY"]);
        made(&colleague, "offerMeeting", offer(&family, &in_may(4, 4, 0))).await;
        let input = |version: i32, at: &str, minutes: i32| json!({"id": meeting["id"], "version": version, "startsAt": at, "minutes": minutes});
        assert_eq!(app.refused(&teacher, "moveMeeting", input(3, &in_may(4, 5, 0), 61)).await, ["startsAt STAFF_BUSY"]);
        assert_eq!(app.refused(&teacher, "moveMeeting", input(3, &in_may(4, 3, 55), 6)).await, ["startsAt PARENT_BUSY"]);
        assert_eq!(app.refused(&teacher, "moveMeeting", input(2, "2026-03-20T11:00:00Z", 4)).await, ["startsAt IN_PAST", "minutes OUT_OF_RANGE", "version STALE"]);
        let nobodys = json!({"id": app.id(Kind::Meeting, 999_999), "version": 1, "startsAt": in_may(4, 8, 0)});
        assert_eq!(app.refused(&teacher, "moveMeeting", nobodys).await, ["id NOT_FOUND"]);
        assert_eq!(app.refused(&colleague, "moveMeeting", input(3, &in_may(4, 8, 0), 30)).await, ["id NOT_FOUND"]);
        for (role, client) in app.everybody().await {
            let code = if role == "ANONYMOUS" { "UNAUTHENTICATED" } else { "FORBIDDEN" };
            if !["ADMIN", "HOD", "STAFF"].contains(&role) {
                assert_eq!(app.denied(&client, "moveMeeting", input(3, &in_may(4, 8, 0), 30)).await, code, "{role}");
            }
        }
        // Nor is a request moved, nor what has begun, nor what was called off.
        let asked = json!({"staffId": app.staff(cast::TEACHER).await, "studentId": family.1, "startsAt": in_may(6, 4, 0)});
        let asked = made(&app.sign_in(cast::PARENT).await, "requestMeeting", asked).await;
        let input = |id: &Value| json!({"id": id, "version": 1, "startsAt": in_may(7, 4, 0)});
        assert_eq!(app.refused(&teacher, "moveMeeting", input(&asked["id"])).await, ["id WRONG_STATUS"]);
        made(&teacher, "cancelMeeting", json!({"id": second["id"], "reason": "Ill."})).await;
        assert_eq!(app.refused(&teacher, "moveMeeting", with(input(&second["id"]), "version", 2)).await, ["id WRONG_STATUS"]);
        let overdue = app.id_of(Kind::Meeting, &format!(
            "SELECT m.id FROM meetings m JOIN staff s ON s.id = m.staff_id JOIN accounts a ON a.id = s.account_id \
             WHERE m.open AND m.starts_at < '2026-03-20 12:00:00' AND a.email = '{}' ORDER BY m.id LIMIT 1", cast::TEACHER)).await;
        assert_eq!(app.refused(&teacher, "moveMeeting", input(&json!(overdue))).await, ["id WRONG_STATUS"]);
    }

    async fn a_meeting_is_cancelled_with_a_reason_by_who_is_in_it(app: TestApp) {
        let [family, other] = families(&app).await;
        let teacher = app.sign_in(cast::TEACHER).await;
        let (parent, co_parent) = (app.sign_in(cast::PARENT).await, app.sign_in(cast::OTHER_PARENT).await);
        let meeting = made(&teacher, "offerMeeting", offer(&family, &in_may(4, 4, 0))).await;
        let input = json!({"id": meeting["id"], "reason": " Ill. "});
        assert_eq!(app.refused(&parent, "cancelMeeting", with(input.clone(), "reason", " \n ")).await, ["reason REQUIRED"]);
        // A parent who does not take part reaches it, and that is all; a stranger does not.
        assert_eq!(app.denied(&co_parent, "cancelMeeting", input.clone()).await, "FORBIDDEN");
        for who in [cast::PARENT_OF_ONE, cast::HOD_TEACHER, cast::HOD_OF_TWO] {
            assert_eq!(app.refused(&app.sign_in(who).await, "cancelMeeting", input.clone()).await, ["id NOT_FOUND"], "{who}");
        }
        for who in [cast::STUDENT, cast::ADMISSION] {
            assert_eq!(app.denied(&app.sign_in(who).await, "cancelMeeting", input.clone()).await, "FORBIDDEN", "{who}");
        }
        assert_eq!(app.denied(&app.anonymous(), "cancelMeeting", input.clone()).await, "UNAUTHENTICATED");
        let cancelled = made(&parent, "cancelMeeting", input.clone()).await;
        assert_eq!((&cancelled["status"], &cancelled["cancellationReason"]), (&json!("CANCELLED"), &json!("Ill.")));
        assert_eq!(app.refused(&teacher, "cancelMeeting", input).await, ["id WRONG_STATUS"]);
        for (who, hour) in [(cast::TEACHER, 5), (cast::HOD, 6), (cast::ADMIN, 7)] {
            let meeting = made(&teacher, "offerMeeting", offer(&other, &in_may(4, hour, 0))).await;
            made(&app.sign_in(who).await, "cancelMeeting", json!({"id": meeting["id"], "reason": "Ill."})).await;
        }
        // One of another family's, in which two families are, is cancelled by either.
        let both = json!({"parentIds": [family.0, other.0], "studentIds": [family.1, other.1], "startsAt": in_may(4, 8, 0)});
        let both = made(&teacher, "offerMeeting", both).await;
        made(&app.sign_in(cast::PARENT_OF_ONE).await, "cancelMeeting", json!({"id": both["id"], "reason": "Travelling."})).await;

        // What was asked for is declined or taken back, even when its time has passed; what took place is not.
        let asked = |hour| json!({"staffId": "", "studentId": family.1, "startsAt": in_may(5, hour, 0)});
        let teacher_id = app.staff(cast::TEACHER).await;
        let declined = made(&parent, "requestMeeting", with(asked(4), "staffId", teacher_id.clone())).await;
        let taken_back = made(&parent, "requestMeeting", with(asked(5), "staffId", teacher_id.clone())).await;
        let passed = made(&parent, "requestMeeting", with(asked(6), "staffId", teacher_id)).await;
        let begun = made(&teacher, "offerMeeting", offer(&family, &in_may(5, 4, 0))).await;
        made(&teacher, "cancelMeeting", json!({"id": declined["id"], "reason": "Ask the HOD."})).await;
        assert_eq!(app.denied(&co_parent, "cancelMeeting", json!({"id": taken_back["id"], "reason": "No."})).await, "FORBIDDEN");
        made(&parent, "cancelMeeting", json!({"id": taken_back["id"], "reason": "Solved."})).await;
        app.clock.advance(Duration::days(46));
        let (teacher, parent) = (app.sign_in(cast::TEACHER).await, app.sign_in(cast::PARENT).await);
        assert_eq!(app.refused(&teacher, "cancelMeeting", json!({"id": begun["id"], "reason": "x"})).await, ["id WRONG_STATUS"]);
        assert_eq!(app.refused(&teacher, "acceptMeeting", json!({"id": passed["id"]})).await, ["startsAt IN_PAST"]);
        made(&parent, "cancelMeeting", json!({"id": passed["id"], "reason": "Too late."})).await;
    }

    async fn a_meeting_is_completed_with_notes_once_it_has_begun(app: TestApp) {
        let [family, other] = families(&app).await;
        let teacher = app.sign_in(cast::TEACHER).await;
        let meeting = made(&teacher, "offerMeeting", offer(&family, "2026-03-20T13:00:00Z")).await;
        let second = made(&teacher, "offerMeeting", offer(&other, "2026-03-20T14:00:00Z")).await;
        let input = json!({"id": meeting["id"], "notes": " An hour a day. "});
        assert_eq!(app.refused(&teacher, "completeMeeting", input.clone()).await, ["id WRONG_STATUS"]);
        app.clock.advance(Duration::seconds(3599));
        assert_eq!(app.refused(&teacher, "completeMeeting", input.clone()).await, ["id WRONG_STATUS"]);
        app.clock.advance(Duration::seconds(1));
        // From here on it can only be completed.
        assert_eq!(app.refused(&teacher, "cancelMeeting", json!({"id": meeting["id"], "reason": "x"})).await, ["id WRONG_STATUS"]);
        assert_eq!(app.refused(&teacher, "moveMeeting", json!({"id": meeting["id"], "version": 1, "startsAt": in_may(4, 4, 0)})).await, ["id WRONG_STATUS"]);
        assert_eq!(app.refused(&teacher, "completeMeeting", with(input.clone(), "notes", "")).await, ["notes REQUIRED"]);
        assert_eq!(app.refused(&teacher, "completeMeeting", with(json!({"id": second["id"]}), "notes", " ")).await, ["notes REQUIRED", "id WRONG_STATUS"]);
        assert_eq!(app.refused(&app.sign_in(cast::HOD_TEACHER).await, "completeMeeting", input.clone()).await, ["id NOT_FOUND"]);
        for (role, client) in app.everybody().await {
            let code = if role == "ANONYMOUS" { "UNAUTHENTICATED" } else { "FORBIDDEN" };
            if !["ADMIN", "HOD", "STAFF"].contains(&role) {
                assert_eq!(app.denied(&client, "completeMeeting", input.clone()).await, code, "{role}");
            }
        }
        let completed = made(&teacher, "completeMeeting", input.clone()).await;
        assert_eq!((&completed["status"], &completed["notes"]), (&json!("COMPLETED"), &json!("An hour a day.")));
        assert_eq!(app.refused(&teacher, "completeMeeting", input).await, ["id WRONG_STATUS"]);
        app.clock.advance(Duration::hours(2));
        made(&app.sign_in(cast::HOD).await, "completeMeeting", json!({"id": second["id"], "notes": "Well."})).await;

        let admin = app.sign_in(cast::ADMIN).await;
        let entries = format!("{{ auditEntries(filter: {{subjectId: {}}}) {{ edges {{ node {{ action changes {{ field before after }} }} }} }} }}", meeting["id"]);
        let entries = admin.data(&entries).await["auditEntries"]["edges"].clone();
        assert_eq!((&entries[0]["node"]["action"], &entries[1]["node"]["action"]), (&json!("completeMeeting"), &json!("offerMeeting")));
        assert_eq!(entries[0]["node"]["changes"], json!([
            {"field": "notes", "before": "null", "after": "\"An hour a day.\""},
            {"field": "status", "before": "\"SCHEDULED\"", "after": "\"COMPLETED\""},
        ]));
    }

    async fn of_two_meetings_of_a_teacher_at_once_one_is_made(app: TestApp) {
        let [family, other] = families(&app).await;
        let (teacher, hod) = (app.sign_in(cast::TEACHER).await, app.sign_in(cast::HOD).await);
        let teacher_id = app.staff(cast::TEACHER).await;
        for round in 0..25 {
            let (day, hour) = (1 + round / 5, 4 + round % 5);
            let a = offer(&family, &in_may(day, hour, 0));
            let b = with(offer(&other, &in_may(day, hour, 29)), "staffId", teacher_id.clone());
            let (a, b) = tokio::join!(teacher.change("offerMeeting", &a, ""), hod.change("offerMeeting", &b, ""));
            one_of(&a, &b, "startsAt STAFF_BUSY");
        }
        assert_eq!(app.number("SELECT count(*) FROM meetings WHERE starts_at >= '2026-05-01'").await, 25);
    }

    async fn of_two_meetings_of_a_parent_at_once_one_is_made(app: TestApp) {
        let [family, _] = families(&app).await;
        let (teacher, colleague) = (app.sign_in(cast::TEACHER).await, app.sign_in(cast::HOD_TEACHER).await);
        for round in 0..25 {
            let (day, hour) = (1 + round / 5, 4 + round % 5);
            let (a, b) = (offer(&family, &in_may(day, hour, 15)), offer(&family, &in_may(day, hour, 0)));
            let (a, b) = tokio::join!(teacher.change("offerMeeting", &a, ""), colleague.change("offerMeeting", &b, ""));
            one_of(&a, &b, "parentIds.0 PARENT_BUSY");
        }
        assert_eq!(app.number("SELECT count(*) FROM meetings WHERE starts_at >= '2026-05-01'").await, 25);
    }

    async fn of_two_meetings_that_are_moved_to_one_time_one_is(app: TestApp) {
        let [family, other] = families(&app).await;
        let teacher = app.sign_in(cast::TEACHER).await;
        for round in 0..25 {
            let day = 1 + round;
            let a = made(&teacher, "offerMeeting", offer(&family, &in_may(day, 4, 0))).await;
            let b = made(&teacher, "offerMeeting", offer(&other, &in_may(day, 5, 0))).await;
            let to = |meeting: &Value| json!({"id": meeting["id"], "version": 1, "startsAt": in_may(day, 6, 0)});
            let (a, b) = (to(&a), to(&b));
            let (a, b) = tokio::join!(teacher.change("moveMeeting", &a, ""), teacher.change("moveMeeting", &b, ""));
            one_of(&a, &b, "startsAt STAFF_BUSY");
        }
    }

    async fn steps_that_meet_leave_a_meeting_as_if_one_had_come_after_the_other(app: TestApp) {
        let [family, _] = families(&app).await;
        let (parent, teacher) = (app.sign_in(cast::PARENT).await, app.sign_in(cast::TEACHER).await);
        let teacher_id = app.staff(cast::TEACHER).await;
        for round in 0..25 {
            let asked = json!({"staffId": teacher_id, "studentId": family.1, "startsAt": in_may(1 + round, 4, 0)});
            let id = made(&parent, "requestMeeting", asked).await["id"].clone();
            // Accepted and then called off, or taken back and then not to be accepted any more.
            let (accept, cancel) = (json!({"id": id}), json!({"id": id, "reason": "Solved."}));
            let (accepted, cancelled) =
                tokio::join!(teacher.change("acceptMeeting", &accept, ""), parent.change("cancelMeeting", &cancel, ""));
            assert_eq!(errors(&cancelled), [] as [String; 0]);
            assert!([vec![], vec!["id WRONG_STATUS".to_owned()]].contains(&errors(&accepted)), "{accepted}");
            assert_eq!(status(&app, &id).await, "CANCELLED");
            assert_eq!(app.number("SELECT count(*) FROM meetings m JOIN meeting_parents p ON p.meeting_id = m.id WHERE m.open <> p.open").await, 0);
        }
        // What has begun is completed once, however many say so, and not called off.
        let mut begun = Vec::new();
        for round in 0..25 {
            let at = format!("2026-03-2{}T{:02}:00:00Z", 1 + round / 10, round % 10);
            begun.push(made(&teacher, "offerMeeting", offer(&family, &at)).await["id"].clone());
        }
        app.clock.advance(Duration::days(4));
        let (parent, teacher) = (app.sign_in(cast::PARENT).await, app.sign_in(cast::TEACHER).await);
        for id in begun {
            let (complete, cancel) = (json!({"id": id, "notes": "Well."}), json!({"id": id, "reason": "No."}));
            let tries = [("completeMeeting", &complete), ("cancelMeeting", &cancel), ("completeMeeting", &complete)];
            let answers = join_all(tries.map(|(mutation, input)| {
                let client = if mutation == "cancelMeeting" { &parent } else { &teacher };
                client.change(mutation, input, "")
            }))
            .await;
            assert_eq!(errors(&answers[1]), ["id WRONG_STATUS"]);
            one_of(&answers[0], &answers[2], "id WRONG_STATUS");
        }
    }
}
