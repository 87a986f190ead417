//! Meetings: who offers them, asks for them and accepts them, and what is said of who is busy.

use rollcall::{demo::cast, ids::Kind};
use serde_json::{Value, json};

use super::support::{Client, TestApp};

const MEETING: &str = "meeting { id status startsAt endsAt minutes agenda notes cancellationReason online link version \
     staff { id } parents { id } students { id } }";

/// The two families of the cast: a parent of [`cast::STUDENT`], and the parent of [`cast::ONLY_CHILD`].
pub async fn families(app: &TestApp) -> [(String, String); 2] {
    [
        (app.parent(cast::PARENT).await, app.student(cast::STUDENT).await),
        (app.parent(cast::PARENT_OF_ONE).await, app.student(cast::ONLY_CHILD).await),
    ]
}

pub fn offer((parent, student): &(String, String), starts_at: &str) -> Value {
    json!({"parentIds": [parent], "studentIds": [student], "startsAt": starts_at})
}

pub fn with(mut input: Value, field: &str, value: impl Into<Value>) -> Value {
    input[field] = value.into();
    input
}

/// A time in the weeks of May, which has none of the demonstration's meetings.
pub fn in_may(day: usize, hour: usize, minute: usize) -> String {
    format!("2026-05-{day:02}T{hour:02}:{minute:02}:00Z")
}

/// The messages of the user errors.
fn messages(payload: &Value) -> Vec<&str> {
    payload["userErrors"].as_array().unwrap().iter().map(|error| error["message"].as_str().unwrap()).collect()
}

pub async fn made(client: &Client, mutation: &str, input: Value) -> Value {
    client.done(mutation, input, MEETING).await["meeting"].clone()
}

on_both! {
    async fn a_teacher_offers_a_meeting_and_each_family_sees_itself_in_it(app: TestApp) {
        let families = families(&app).await;
        let teacher = app.sign_in(cast::TEACHER).await;
        let input = json!({
            "parentIds": [families[0].0, families[1].0], "studentIds": [families[0].1, families[1].1],
            "startsAt": "2026-05-04T09:45:30.25+05:45", "minutes": 45, "agenda": " The project. ", "online": true,
            "link": "https://meet.example.org/x",
        });
        let meeting = made(&teacher, "offerMeeting", input).await;
        assert_eq!((&meeting["status"], &meeting["version"], &meeting["minutes"]), (&json!("SCHEDULED"), &json!(1), &json!(45)));
        assert_eq!((&meeting["startsAt"], &meeting["endsAt"]), (&json!("2026-05-04T04:00:30+00:00"), &json!("2026-05-04T04:45:30+00:00")));
        assert_eq!((&meeting["agenda"], &meeting["online"], &meeting["link"]), (&json!("The project."), &json!(true), &json!("https://meet.example.org/x")));
        assert_eq!(meeting["staff"]["id"], json!(app.staff(cast::TEACHER).await));
        assert_eq!((meeting["parents"].as_array().unwrap().len(), meeting["students"].as_array().unwrap().len()), (2, 2));

        // Whoever is in it, or whose child it is about, reaches it, and of the people in it those they know anyway.
        let node = format!("{{ node(id: {}) {{ ... on Meeting {{ agenda parents {{ id }} students {{ id }} }} }} }}", meeting["id"]);
        for (who, own, child) in [
            (cast::PARENT, &families[0].0, &families[0].1),
            (cast::OTHER_PARENT, &families[0].0, &families[0].1),
            (cast::PARENT_OF_ONE, &families[1].0, &families[1].1),
            (cast::STUDENT, &families[0].0, &families[0].1),
            (cast::ONLY_CHILD, &families[1].0, &families[1].1),
        ] {
            let client = app.sign_in(who).await;
            let seen = client.data(&node).await["node"].clone();
            assert_eq!((&seen["parents"], &seen["students"]), (&json!([{"id": own}]), &json!([{"id": child}])), "{who}");
            let listed = client.data("{ meetings(first: 100) { edges { node { id parents { id } students { id } } } } }").await;
            let edges = listed["meetings"]["edges"].as_array().unwrap();
            let edge = edges.iter().find(|edge| edge["node"]["id"] == meeting["id"]).unwrap();
            assert_eq!((&edge["node"]["parents"], &edge["node"]["students"]), (&seen["parents"], &seen["students"]), "{who}");
        }
        for who in [cast::SIBLING, cast::TEACHER_PARENT, cast::HOD_OF_TWO, cast::ADMISSION, cast::TEACHER_WHO_LEFT_CLASS] {
            assert_eq!(app.sign_in(who).await.data(&node).await["node"], Value::Null, "{who}");
        }
        // A parent comes to the other family by no way round.
        let round = "{ meetings(first: 100) { edges { node { staff { name } parents { id students { edges { node { id } } } } \
                     students { parents { id } } } } } }";
        for (who, strangers) in [(cast::PARENT, &families[1]), (cast::PARENT_OF_ONE, &families[0])] {
            let text = app.sign_in(who).await.ask(round).await.ok().text;
            assert!(!text.contains(&strangers.0) && !text.contains(&strangers.1), "{who}");
        }
    }

    async fn all_that_is_wrong_with_an_offer_is_said_at_once(app: TestApp) {
        let [family, other] = families(&app).await;
        let teacher = app.sign_in(cast::TEACHER).await;
        let wrong = json!({
            "parentIds": [], "studentIds": [], "startsAt": "2026-03-20T12:00:00Z", "minutes": 4, "agenda": "a\u{0}",
            "link": "http://meet.example.org",
        });
        let mut found = app.refused(&teacher, "offerMeeting", wrong).await;
        found.sort();
        let expected = ["agenda INVALID", "link INVALID", "minutes OUT_OF_RANGE", "parentIds REQUIRED", "startsAt IN_PAST", "studentIds REQUIRED"];
        assert_eq!(found, expected);
        for (field, value, code) in [
            ("minutes", json!(241), "minutes OUT_OF_RANGE"),
            ("minutes", json!(-5), "minutes OUT_OF_RANGE"),
            ("startsAt", json!("+12026-05-04T04:00:00Z"), "startsAt OUT_OF_RANGE"),
            ("startsAt", json!("2026-03-20T12:00:00.9Z"), "startsAt IN_PAST"),
            ("agenda", json!("a".repeat(10_001)), "agenda TOO_LONG"),
            ("parentIds", json!([family.0, other.0]), "parentIds.1 NOT_FOUND"),
            ("parentIds", json!([family.0, family.0]), "parentIds.1 DUPLICATE"),
            ("parentIds", json!([family.0, family.1]), "parentIds.1 NOT_FOUND"),
            ("studentIds", json!([family.1, family.1]), "studentIds.1 DUPLICATE"),
            ("studentIds", json!([family.1, app.student(cast::SIBLING).await]), "studentIds.1 NOT_FOUND"),
            ("studentIds", json!([family.1, app.id(Kind::Student, 999_999)]), "studentIds.1 NOT_FOUND"),
            ("staffId", json!(app.id(Kind::Staff, 999_999)), "staffId NOT_FOUND"),
            ("staffId", json!(family.0), "staffId NOT_FOUND"),
        ] {
            let input = with(offer(&family, &in_may(4, 4, 0)), field, value);
            assert_eq!(app.refused(&teacher, "offerMeeting", input.clone()).await, [code], "{input}");
        }
        let many: Vec<String> = (1..=101).map(|n| app.id(Kind::Parent, 900_000 + n)).collect();
        let found = app.refused(&teacher, "offerMeeting", with(offer(&family, &in_may(4, 4, 0)), "parentIds", many)).await;
        assert_eq!((found[0].as_str(), found.len()), ("parentIds OUT_OF_RANGE", 101));
        // What a teacher has of their own child they have as a parent.
        let both = app.sign_in(cast::TEACHER_PARENT).await;
        let child = app.id_of(Kind::Student, &format!("SELECT student_id FROM parent_students p JOIN parents x ON x.id = p.parent_id JOIN accounts a ON a.id = x.account_id WHERE a.email = '{}'", cast::TEACHER_PARENT)).await;
        let input = offer(&(app.parent(cast::TEACHER_PARENT).await, child), &in_may(4, 4, 0));
        assert_eq!(app.refused(&both, "offerMeeting", input).await, ["studentIds.0 NOT_FOUND", "parentIds.0 NOT_FOUND"]);
    }

    async fn an_hod_offers_for_their_teachers_and_an_admin_for_anybody(app: TestApp) {
        let [family, _] = families(&app).await;
        let sibling = (family.0.clone(), app.student(cast::SIBLING).await);
        let (teacher, elsewhere) = (app.staff(cast::TEACHER).await, app.staff(cast::TEACHER_WHO_LEFT_CLASS).await);
        let (hod, both, admin) = (app.sign_in(cast::HOD).await, app.sign_in(cast::HOD_TEACHER).await, app.sign_in(cast::ADMIN).await);
        let own = made(&hod, "offerMeeting", offer(&family, &in_may(4, 4, 0))).await;
        assert_eq!(own["staff"]["id"], json!(app.staff(cast::HOD).await));
        let theirs = made(&hod, "offerMeeting", with(offer(&family, &in_may(4, 5, 0)), "staffId", teacher.clone())).await;
        assert_eq!(theirs["staff"]["id"], json!(teacher));
        let anybody = made(&admin, "offerMeeting", with(offer(&sibling, &in_may(4, 6, 0)), "staffId", elsewhere.clone())).await;
        assert_eq!(anybody["staff"]["id"], json!(elsewhere));
        // Colleagues are reached, but that is no right over their time.
        let input = with(offer(&family, &in_may(4, 7, 0)), "staffId", elsewhere.clone());
        assert_eq!(app.denied(&hod, "offerMeeting", input.clone()).await, "FORBIDDEN");
        let input = with(input, "staffId", app.staff(cast::HOD_TEACHER).await);
        assert_eq!(app.denied(&app.sign_in(cast::TEACHER).await, "offerMeeting", input).await, "FORBIDDEN");
        // An HOD's students are those of their courses; who also teaches holds meetings about both.
        assert_eq!(app.refused(&hod, "offerMeeting", offer(&sibling, &in_may(4, 7, 0))).await, ["studentIds.0 NOT_FOUND", "parentIds.0 NOT_FOUND"]);
        made(&both, "offerMeeting", offer(&sibling, &in_may(4, 7, 0))).await;
        made(&both, "offerMeeting", offer(&family, &in_may(4, 7, 30))).await;
        let taught = with(offer(&family, &in_may(4, 8, 0)), "staffId", app.staff(cast::TEACHER_PARENT).await);
        assert_eq!(app.refused(&both, "offerMeeting", taught).await, ["studentIds.0 NOT_FOUND", "parentIds.0 NOT_FOUND"]);
        // Who was archived is not there any more, for an ADMIN either.
        let (gone, child) = (app.number("SELECT MAX(id) FROM staff").await, app.number(&format!("SELECT id FROM students WHERE name = '{}'", cast::ARCHIVED_STUDENT)).await);
        app.database.execute(&format!("UPDATE staff SET archived_at = '2026-03-19 08:00:00' WHERE id = {gone}")).await;
        let input = json!({"staffId": app.id(Kind::Staff, gone), "parentIds": [family.0], "studentIds": [family.1, app.id(Kind::Student, child)], "startsAt": in_may(4, 9, 0)});
        assert_eq!(app.refused(&admin, "offerMeeting", input).await, ["staffId NOT_FOUND", "studentIds.1 NOT_FOUND"]);
        for (role, client) in app.everybody().await {
            let code = if role == "ANONYMOUS" { "UNAUTHENTICATED" } else { "FORBIDDEN" };
            if !["ADMIN", "HOD", "STAFF"].contains(&role) {
                assert_eq!(app.denied(&client, "offerMeeting", offer(&family, &in_may(4, 4, 0))).await, code, "{role}");
            }
        }
    }

    async fn nobody_is_in_two_meetings_at_once_and_little_is_said_of_the_other_one(app: TestApp) {
        let [family, other] = families(&app).await;
        let (teacher, colleague) = (app.sign_in(cast::TEACHER).await, app.sign_in(cast::HOD_TEACHER).await);
        let first = made(&teacher, "offerMeeting", with(offer(&family, &in_may(4, 4, 0)), "agenda", "A secret.")).await;
        for (hour, minute, minutes) in [(4, 0, 30), (3, 45, 16), (4, 29, 5), (3, 30, 120), (4, 10, 10)] {
            let input = with(offer(&other, &in_may(4, hour, minute)), "minutes", minutes);
            assert_eq!(app.refused(&teacher, "offerMeeting", input.clone()).await, ["startsAt STAFF_BUSY"], "{input}");
            let input = with(offer(&family, &in_may(4, hour, minute)), "minutes", minutes);
            assert_eq!(app.refused(&colleague, "offerMeeting", input.clone()).await, ["parentIds.0 PARENT_BUSY"], "{input}");
        }
        // Adjacent ones do not overlap.
        made(&teacher, "offerMeeting", with(offer(&other, &in_may(4, 3, 30)), "minutes", 30)).await;
        made(&colleague, "offerMeeting", with(offer(&family, &in_may(4, 4, 30)), "minutes", 30)).await;

        // When a meeting is, is told to who reaches it; to others, that there is one.
        let input = with(offer(&other, &in_may(4, 4, 20)), "minutes", 5);
        let payload = teacher.change("offerMeeting", &input, "").await;
        assert_eq!(messages(&payload), ["who holds it has another meeting, 2026-05-04 09:45 to 10:15"]);
        let input = with(offer(&family, &in_may(4, 4, 20)), "minutes", 5);
        let payload = colleague.change("offerMeeting", &input, "").await;
        assert_eq!(messages(&payload), ["a parent is busy at some time of 2026-05-04 10:05 to 10:10"]);
        let payload = app.sign_in(cast::HOD).await.change("offerMeeting", &input, "").await;
        assert_eq!(messages(&payload), ["a parent has another meeting, 2026-05-04 09:45 to 10:15"]);
        // Of a parent who is out of reach nothing is said at all.
        let stranger = with(offer(&family, &in_may(4, 4, 0)), "studentIds", json!([other.1]));
        assert_eq!(app.refused(&colleague, "offerMeeting", stranger).await, ["parentIds.0 NOT_FOUND"]);

        // What was cancelled takes nobody's time.
        made(&teacher, "cancelMeeting", json!({"id": first["id"], "reason": "Ill."})).await;
        made(&teacher, "offerMeeting", offer(&family, &in_may(4, 4, 0))).await;
    }

    async fn a_parent_asks_for_a_meeting_and_the_teacher_accepts(app: TestApp) {
        let [family, other] = families(&app).await;
        let (client, teacher) = (app.sign_in(cast::PARENT).await, app.sign_in(cast::TEACHER).await);
        let input = json!({"staffId": app.staff(cast::TEACHER).await, "studentId": family.1, "startsAt": in_may(4, 4, 0),
            "agenda": "Marks.", "clientMutationId": "phone-1"});
        let meeting = made(&client, "requestMeeting", input.clone()).await;
        assert_eq!((&meeting["status"], &meeting["minutes"], &meeting["agenda"]), (&json!("REQUESTED"), &json!(30), &json!("Marks.")));
        assert_eq!((&meeting["parents"], &meeting["students"]), (&json!([{"id": family.0}]), &json!([{"id": family.1}])));
        // Sent again it is the same one.
        assert_eq!(made(&client, "requestMeeting", input).await["id"], meeting["id"]);
        assert_eq!(app.number("SELECT count(*) FROM meetings WHERE status = 'REQUESTED' AND NOT open").await, 1);
        let listed = teacher.data("{ meetings(filter: {status: REQUESTED}) { edges { node { id } } } }").await;
        assert_eq!(listed["meetings"]["edges"], json!([{"node": {"id": meeting["id"]}}]));

        // It takes nobody's time; accepted, it would.
        let offered = made(&teacher, "offerMeeting", offer(&other, &in_may(4, 4, 0))).await;
        assert_eq!(app.refused(&teacher, "acceptMeeting", json!({"id": meeting["id"]})).await, ["startsAt STAFF_BUSY"]);
        made(&app.sign_in(cast::HOD_TEACHER).await, "offerMeeting", offer(&family, &in_may(4, 5, 0))).await;
        let busy = json!({"id": meeting["id"], "startsAt": in_may(4, 5, 15)});
        assert_eq!(app.refused(&teacher, "acceptMeeting", busy).await, ["startsAt PARENT_BUSY"]);
        let past = json!({"id": meeting["id"], "startsAt": "2026-03-20T11:59:59Z"});
        assert_eq!(app.refused(&teacher, "acceptMeeting", past).await, ["startsAt IN_PAST"]);
        for id in [&json!(app.id(Kind::Meeting, 999_999)), &json!(family.0)] {
            assert_eq!(app.refused(&teacher, "acceptMeeting", json!({"id": id})).await, ["id NOT_FOUND"]);
        }
        assert_eq!(app.refused(&app.sign_in(cast::HOD_OF_TWO).await, "acceptMeeting", json!({"id": meeting["id"]})).await, ["id NOT_FOUND"]);
        assert_eq!(app.refused(&teacher, "acceptMeeting", json!({"id": offered["id"]})).await, ["id WRONG_STATUS"]);
        for who in [cast::PARENT, cast::STUDENT, cast::ADMISSION] {
            assert_eq!(app.denied(&app.sign_in(who).await, "acceptMeeting", json!({"id": meeting["id"]})).await, "FORBIDDEN", "{who}");
        }
        assert_eq!(app.denied(&app.anonymous(), "acceptMeeting", json!({"id": meeting["id"]})).await, "UNAUTHENTICATED");

        let accepted = made(&teacher, "acceptMeeting", json!({"id": meeting["id"], "startsAt": in_may(4, 6, 0)})).await;
        assert_eq!((&accepted["status"], &accepted["endsAt"], &accepted["version"]), (&json!("SCHEDULED"), &json!("2026-05-04T06:30:00+00:00"), &json!(2)));
        assert_eq!(app.refused(&teacher, "acceptMeeting", json!({"id": meeting["id"]})).await, ["id WRONG_STATUS"]);
        let mine = made(&client, "requestMeeting", json!({"staffId": app.staff(cast::TEACHER).await, "studentId": family.1, "startsAt": in_may(5, 4, 0), "minutes": 10})).await;
        let accepted = made(&app.sign_in(cast::HOD).await, "acceptMeeting", json!({"id": mine["id"]})).await;
        assert_eq!((&accepted["startsAt"], &accepted["minutes"]), (&json!("2026-05-05T04:00:00+00:00"), &json!(10)));
        // Its time is taken now, from its parents too.
        let busy = with(offer(&family, &in_may(5, 4, 9)), "staffId", app.staff(cast::HOD_TEACHER).await);
        assert_eq!(app.refused(&app.sign_in(cast::ADMIN).await, "offerMeeting", busy).await, ["parentIds.0 PARENT_BUSY"]);
    }

    async fn a_request_is_of_a_parent_about_their_child_with_a_teacher_of_it(app: TestApp) {
        let [family, other] = families(&app).await;
        let client = app.sign_in(cast::PARENT).await;
        let teacher = app.staff(cast::TEACHER).await;
        let input = json!({"staffId": teacher, "studentId": family.1, "startsAt": in_may(4, 4, 0)});
        for (field, value, code) in [
            ("studentId", json!(other.1), "studentId NOT_FOUND"),
            ("studentId", json!(app.id(Kind::Student, 999_999)), "studentId NOT_FOUND"),
            // The brother or sister has other teachers.
            ("studentId", json!(app.student(cast::SIBLING).await), "staffId NOT_FOUND"),
            ("staffId", json!(app.staff(cast::TEACHER_WHO_LEFT_CLASS).await), "staffId NOT_FOUND"),
            ("staffId", json!(app.staff(cast::HOD).await), "staffId NOT_FOUND"),
            ("staffId", json!(family.0), "staffId NOT_FOUND"),
            ("startsAt", json!("2026-03-20T12:00:00Z"), "startsAt IN_PAST"),
            ("minutes", json!(300), "minutes OUT_OF_RANGE"),
            ("agenda", json!("a\u{7}"), "agenda INVALID"),
        ] {
            assert_eq!(app.refused(&client, "requestMeeting", with(input.clone(), field, value)).await, [code], "{field}");
        }
        // A teacher asks for nothing about those whom they teach, though they are a parent.
        let both = app.sign_in(cast::TEACHER_PARENT).await;
        let taught = "SELECT min(s.id) FROM students s JOIN routines r ON r.course_id = s.course_id AND r.period = s.current_period \
                      JOIN staff t ON t.id = r.teacher_id JOIN accounts a ON a.id = t.account_id WHERE r.active AND s.archived_at IS NULL AND a.email";
        let taught = app.id_of(Kind::Student, &format!("{taught} = '{}'", cast::TEACHER_PARENT)).await;
        let own = json!({"staffId": app.staff(cast::TEACHER_PARENT).await, "studentId": taught, "startsAt": in_may(4, 4, 0)});
        assert_eq!(app.refused(&both, "requestMeeting", own).await, ["studentId NOT_FOUND"]);
        for (role, client) in app.everybody().await {
            let code = if role == "ANONYMOUS" { "UNAUTHENTICATED" } else { "FORBIDDEN" };
            if role != "PARENT" {
                assert_eq!(app.denied(&client, "requestMeeting", input.clone()).await, code, "{role}");
            }
        }
    }
}
