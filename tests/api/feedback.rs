//! Feedback: who rates whom, and that nothing tells who wrote what has no author.

use std::collections::BTreeSet;

use chrono::Duration;
use rollcall::{demo::cast, ids::Kind};
use serde_json::{Value, json};

use super::support::{Client, TestApp, errors, of};

const TEACHERS: &str = "feedback { id rating message teacher { id } student { id } parent { id } createdAt updatedAt }";
const INSTITUTES: &str = "feedback { id type rating message anonymous public mine authorName createdAt }";

fn with(mut input: Value, field: &str, value: impl Into<Value>) -> Value {
    input[field] = value.into();
    input
}

/// Without what the demonstration's people have said of teachers and the institute.
async fn from_scratch(app: &TestApp) {
    app.database.execute("DELETE FROM teacher_feedback").await;
    app.database.execute("DELETE FROM institute_feedback").await;
}

fn said(kind: &str, anonymous: bool) -> Value {
    json!({"type": kind, "rating": 4.5, "message": "Fine.", "anonymous": anonymous, "public": true})
}

/// The nodes of a list.
async fn listed(client: &Client, list: &str, fields: &str) -> Vec<Value> {
    client.walk(list, "", fields).await.unwrap().0
}

on_both! {
    async fn a_student_and_a_parent_rate_who_teaches_and_replace_it(app: TestApp) {
        from_scratch(&app).await;
        let (teacher, child) = (app.staff(cast::TEACHER).await, app.student(cast::STUDENT).await);
        let input = json!({"teacherId": teacher, "rating": 4.5, "message": " Clear. ", "clientMutationId": "phone-1"});
        let client = app.sign_in(cast::STUDENT).await;
        let made = client.done("rateTeacher", input.clone(), TEACHERS).await["feedback"].clone();
        assert_eq!((&made["rating"], &made["message"], &made["parent"]), (&json!(4.5), &json!("Clear."), &Value::Null));
        assert_eq!((&made["teacher"]["id"], &made["student"]["id"]), (&json!(teacher), &json!(child)));
        app.clock.advance(Duration::hours(1));
        assert_eq!(client.done("rateTeacher", input.clone(), TEACHERS).await["feedback"], made, "sent again");
        let again = client.done("rateTeacher", json!({"teacherId": teacher, "rating": 1}), TEACHERS).await["feedback"].clone();
        assert_eq!((&again["id"], &again["rating"], &again["message"]), (&made["id"], &json!(1.0), &Value::Null));
        assert_eq!((&again["createdAt"], &again["updatedAt"]), (&json!("2026-03-20T12:00:00+00:00"), &json!("2026-03-20T13:00:00+00:00")));
        // A student may name themselves; it is the same.
        let named = client.done("rateTeacher", json!({"teacherId": teacher, "studentId": child, "rating": 2}), TEACHERS).await;
        assert_eq!((&named["feedback"]["id"], &named["feedback"]["rating"]), (&made["id"], &json!(2.0)));

        // Their parent's is another one, and so is the other parent's.
        let by_parent = json!({"teacherId": teacher, "studentId": child, "rating": 5});
        for (who, parents) in [(cast::PARENT, 2), (cast::OTHER_PARENT, 3), (cast::PARENT, 3)] {
            let parent = app.sign_in(who).await;
            let made = parent.done("rateTeacher", by_parent.clone(), TEACHERS).await["feedback"].clone();
            let own = app.parent(who).await;
            assert_eq!((&made["parent"]["id"], &made["student"]["id"]), (&json!(own), &json!(child)), "{who}");
            assert_eq!(app.number("SELECT count(*) FROM teacher_feedback").await, parents);
        }
        // ADMIN and the HOD read it with its author, the teacher without.
        for who in [cast::ADMIN, cast::HOD] {
            let data = app.sign_in(who).await.data(&format!("{{ node(id: {}) {{ ... on TeacherFeedback {{ rating student {{ id }} }} }} }}", made["id"])).await;
            assert_eq!(data["node"], json!({"rating": 2.0, "student": {"id": child}}), "{who}");
        }
    }

    async fn all_that_is_wrong_with_a_rating_is_said(app: TestApp) {
        let (teacher, child) = (app.staff(cast::TEACHER).await, app.student(cast::STUDENT).await);
        let (client, parent) = (app.sign_in(cast::STUDENT).await, app.sign_in(cast::PARENT).await);
        let sibling = app.student(cast::SIBLING).await;
        let input = json!({"teacherId": teacher, "rating": 4.5});
        for (field, value, code) in [
            ("rating", json!(0.5), "rating OUT_OF_RANGE"),
            ("rating", json!(5.5), "rating OUT_OF_RANGE"),
            ("rating", json!(-1e300), "rating OUT_OF_RANGE"),
            ("rating", json!(4.3), "rating INVALID"),
            ("message", json!("a".repeat(10_001)), "message TOO_LONG"),
            ("message", json!("a\u{0}"), "message INVALID"),
            ("teacherId", json!(app.staff(cast::TEACHER_WHO_LEFT_CLASS).await), "teacherId NOT_FOUND"),
            ("teacherId", json!(app.staff(cast::HOD).await), "teacherId NOT_FOUND"),
            ("teacherId", json!(app.id(Kind::Staff, 999_999)), "teacherId NOT_FOUND"),
            ("teacherId", json!(child), "teacherId NOT_FOUND"),
            ("studentId", json!(sibling), "studentId NOT_FOUND"),
            ("studentId", json!(app.student(cast::ONLY_CHILD).await), "studentId NOT_FOUND"),
        ] {
            assert_eq!(app.refused(&client, "rateTeacher", with(input.clone(), field, value)).await, [code], "{field}");
        }
        let wrong = json!({"teacherId": app.staff(cast::HOD).await, "rating": 9, "message": "a\u{0}"});
        assert_eq!(app.refused(&client, "rateTeacher", wrong).await, ["rating OUT_OF_RANGE", "message INVALID", "teacherId NOT_FOUND"]);
        assert_eq!(app.refused(&parent, "rateTeacher", input.clone()).await, ["studentId REQUIRED"]);
        for (value, code) in [
            (app.student(cast::ONLY_CHILD).await, "studentId NOT_FOUND"),
            // The teacher teaches one child, not the other.
            (sibling, "teacherId NOT_FOUND"),
        ] {
            assert_eq!(app.refused(&parent, "rateTeacher", with(input.clone(), "studentId", value)).await, [code]);
        }
        // Who was archived teaches nobody.
        app.database.execute(&format!("UPDATE staff SET archived_at = '2026-03-19 08:00:00' WHERE id = ({})", of("staff", cast::HOD_TEACHER))).await;
        let gone = with(input.clone(), "teacherId", app.staff(cast::HOD_TEACHER).await);
        assert_eq!(app.refused(&client, "rateTeacher", gone).await, ["teacherId NOT_FOUND"]);
        for (role, client) in app.everybody().await {
            let code = if role == "ANONYMOUS" { "UNAUTHENTICATED" } else { "FORBIDDEN" };
            if !["STUDENT", "PARENT"].contains(&role) {
                assert_eq!(app.denied(&client, "rateTeacher", with(input.clone(), "studentId", json!(child))).await, code, "{role}");
            }
        }
        // A teacher whose own child they teach does not rate themselves: it would tell them when the others around it were written.
        let own_child = format!("SELECT min(p.student_id) FROM parent_students p WHERE p.parent_id = ({})", of("parents", cast::TEACHER_PARENT));
        app.database.execute(&format!(
            "INSERT INTO routines (course_id, period, subject_id, teacher_id, weekdays, starts_at, ends_at) \
             SELECT j.course_id, j.period, j.id, ({}), 1, '04:00:00', '04:50:00' FROM subjects j JOIN students s \
             ON s.course_id = j.course_id AND s.current_period = j.period WHERE s.id = ({own_child}) ORDER BY j.id LIMIT 1",
            of("staff", cast::TEACHER_PARENT)
        )).await;
        let own = json!({"teacherId": app.staff(cast::TEACHER_PARENT).await, "studentId": app.id_of(Kind::Student, &own_child).await, "rating": 5});
        let both = app.sign_in(cast::TEACHER_PARENT).await;
        assert_eq!(app.refused(&both, "rateTeacher", own).await, ["teacherId INVALID"]);
    }

    async fn who_wrote_of_a_teacher_takes_it_back_and_nobody_else(app: TestApp) {
        from_scratch(&app).await;
        let (teacher, child) = (app.staff(cast::TEACHER).await, app.student(cast::STUDENT).await);
        let (client, parent) = (app.sign_in(cast::STUDENT).await, app.sign_in(cast::PARENT).await);
        let own = client.done("rateTeacher", json!({"teacherId": teacher, "rating": 4}), TEACHERS).await["feedback"]["id"].clone();
        let parents = json!({"teacherId": teacher, "studentId": child, "rating": 3});
        let parents = parent.done("rateTeacher", parents, TEACHERS).await["feedback"]["id"].clone();
        for (who, id) in [(&client, &parents), (&parent, &own), (&app.sign_in(cast::OTHER_PARENT).await, &parents), (&app.sign_in(cast::ONLY_CHILD).await, &own)] {
            assert_eq!(app.refused(who, "withdrawTeacherFeedback", json!({"id": id})).await, ["id NOT_FOUND"]);
        }
        assert_eq!(app.refused(&client, "withdrawTeacherFeedback", json!({"id": child})).await, ["id NOT_FOUND"]);
        for (role, other) in app.everybody().await {
            let code = if role == "ANONYMOUS" { "UNAUTHENTICATED" } else { "FORBIDDEN" };
            if !["STUDENT", "PARENT"].contains(&role) {
                assert_eq!(app.denied(&other, "withdrawTeacherFeedback", json!({"id": own})).await, code, "{role}");
            }
        }
        // Nor does a teacher who is a parent what was said of them.
        app.database.execute(&format!("UPDATE teacher_feedback SET teacher_id = ({})", of("staff", cast::TEACHER_PARENT))).await;
        let both = app.sign_in(cast::TEACHER_PARENT).await;
        assert_eq!(app.denied(&both, "withdrawTeacherFeedback", json!({"id": own})).await, "FORBIDDEN");
        let done = client.done("withdrawTeacherFeedback", json!({"id": own}), "withdrawnId").await;
        assert_eq!(done["withdrawnId"], own);
        assert_eq!(app.refused(&client, "withdrawTeacherFeedback", json!({"id": own})).await, ["id NOT_FOUND"]);
        assert_eq!(app.number("SELECT count(*) FROM teacher_feedback").await, 1);
        let audit = app.sign_in(cast::ADMIN).await.data(&format!("{{ auditEntries(filter: {{subjectId: {own}}}) {{ edges {{ node {{ action changes {{ field before }} }} }} }} }}")).await;
        let newest = &audit["auditEntries"]["edges"][0]["node"];
        assert_eq!(newest["action"], "withdrawTeacherFeedback");
        assert!(newest["changes"].as_array().unwrap().contains(&json!({"field": "half_stars", "before": "8"})));
    }

    async fn nothing_tells_a_teacher_who_wrote_of_them(app: TestApp) {
        from_scratch(&app).await;
        let (teacher, child) = (app.staff(cast::TEACHER).await, app.student(cast::STUDENT).await);
        app.sign_in(cast::STUDENT).await.done("rateTeacher", json!({"teacherId": teacher, "rating": 4}), "").await;
        app.sign_in(cast::PARENT).await.done("rateTeacher", json!({"teacherId": teacher, "studentId": child, "rating": 3}), "").await;
        let client = app.sign_in(cast::TEACHER).await;
        let about = listed(&client, "teacherFeedback", "id rating").await;
        assert_eq!(about.len(), 2);
        for one in &about {
            let audit = format!("{{ auditEntries(filter: {{subjectId: {}}}) {{ totalCount edges {{ cursor }} }} }}", one["id"]);
            assert_eq!(client.data(&audit).await["auditEntries"], json!({"totalCount": 0, "edges": []}));
            let node = format!("{{ node(id: {}) {{ ... on TeacherFeedback {{ student {{ id }} parent {{ id }} createdAt updatedAt }} }} }}", one["id"]);
            let answer = client.ask(&node).await;
            assert_eq!(answer.errors.len(), 4, "{answer:#?}");
            assert!(answer.at("/node").as_object().unwrap().values().all(Value::is_null));
        }
        // A list in the order of writing holds what has an author, and counts nothing else.
        for order in ["{field: UPDATED_AT}", "{field: UPDATED_AT, direction: DESC}"] {
            let (nodes, total) = client.walk("teacherFeedback", &format!("orderBy: {order}"), "id").await.unwrap();
            assert_eq!((nodes.len(), total), (0, 0), "{order}");
        }
        let themselves = format!("filter: {{teacherId: \"{teacher}\"}}, orderBy: {{field: UPDATED_AT}}");
        assert_eq!(client.walk("teacherFeedback", &themselves, "id").await.unwrap().1, 0);
    }

    async fn an_hod_who_teaches_does_not_date_what_is_said_of_them_by_what_is_said_of_others(app: TestApp) {
        from_scratch(&app).await;
        // The HOD of the second course teaches in the first: there they are rated, and of the second they read the authors.
        let sibling = app.student(cast::SIBLING).await;
        let of_second = "SELECT DISTINCT r.teacher_id FROM routines r JOIN students s ON s.course_id = r.course_id AND s.current_period = r.period";
        let of_second = format!("{of_second} WHERE r.active AND s.id = ({}) ORDER BY 1 LIMIT 1", of("students", cast::SIBLING));
        let of_second = app.id_of(Kind::Staff, &of_second).await;
        let (hod, child) = (app.staff(cast::HOD_TEACHER).await, app.student(cast::STUDENT).await);
        let mut of_hod = Vec::new();
        let mut in_turn = Vec::new();
        for who in [cast::PARENT, cast::OTHER_PARENT] {
            let parent = app.sign_in(who).await;
            for (teacher, student) in [(&of_second, &sibling), (&hod, &child)] {
                let input = json!({"teacherId": teacher, "studentId": student, "rating": 4});
                let made = parent.done("rateTeacher", input, "feedback { id }").await["feedback"]["id"].clone();
                app.clock.advance(Duration::seconds(30));
                if teacher == &hod { of_hod.push(made) } else { in_turn.push(made) }
            }
        }
        let client = app.sign_in(cast::HOD_TEACHER).await;
        let all = listed(&client, "teacherFeedback", "id").await;
        assert_eq!(all.len(), 4);
        let (nodes, total) = client.walk("teacherFeedback", "orderBy: {field: UPDATED_AT}", "id createdAt student { id }").await.unwrap();
        let found: Vec<&Value> = nodes.iter().map(|node| &node["id"]).collect();
        assert_eq!((found, total), (in_turn.iter().collect::<Vec<_>>(), 2), "in the order of writing, without those of the HOD");
        for id in &of_hod {
            let answer = client.ask(&format!("{{ node(id: {id}) {{ ... on TeacherFeedback {{ rating createdAt }} }} }}")).await;
            assert_eq!(answer.code_at(&json!(["node", "createdAt"])), "FORBIDDEN");
        }
    }

    async fn numbers_of_feedback_tell_its_month_and_not_what_was_written_when(app: TestApp) {
        from_scratch(&app).await;
        // Twelve people each sign one and leave the next one anonymous, all of them in one month; then some in the next.
        let mut in_turn = Vec::new();
        for (_, client) in app.everybody().await.into_iter().skip(1) {
            for (kind, anonymous) in [("GENERAL", false), ("FACILITIES", true)] {
                let made = client.done("rateInstitute", said(kind, anonymous), INSTITUTES).await["feedback"].clone();
                assert_eq!((&made["mine"], &made["anonymous"], &made["createdAt"].is_string()), (&json!(true), &json!(anonymous), &true));
                assert!(made["authorName"].is_string(), "for its author");
                in_turn.push(made["id"].clone());
            }
        }
        let admin = app.sign_in(cast::ADMIN).await;
        let ids = |nodes: Vec<Value>| nodes.into_iter().map(|node| node["id"].clone()).collect::<Vec<_>>();
        let mut found = ids(listed(&admin, "instituteFeedback", "id").await);
        found.reverse();
        assert_eq!(found.len(), in_turn.len());
        assert_ne!(found, in_turn, "the order of entry (by chance, once in 12!)");
        let gaps = app.database.numbers("SELECT a.id - b.id FROM institute_feedback a JOIN institute_feedback b ON a.account_id = b.account_id AND a.id > b.id").await;
        assert!(gaps.iter().all(|gap| *gap > 1) && gaps.iter().any(|gap| *gap > 1_000_000), "{gaps:?}");
        app.clock.advance(Duration::days(12));
        let later = app.sign_in(cast::SIBLING).await.done("rateInstitute", said("TEACHING", true), INSTITUTES).await["feedback"]["id"].clone();
        let admin = app.sign_in(cast::ADMIN).await;
        assert_eq!(ids(listed(&admin, "instituteFeedback", "id").await)[0], later, "newest month first");
        // The demonstration's are of the same kind, so that it shows nothing else.
        let fresh = TestApp::start(app.backend).await;
        for table in ["teacher_feedback", "institute_feedback"] {
            assert!(fresh.database.numbers(&format!("SELECT min(id) FROM {table}")).await[0] > 1 << 40, "{table}");
        }
    }

    async fn feedback_on_the_institute_replaces_and_leaves_no_trace(app: TestApp) {
        from_scratch(&app).await;
        let client = app.sign_in(cast::PARENT).await;
        let first = client.done("rateInstitute", said("GENERAL", false), INSTITUTES).await["feedback"].clone();
        assert_eq!((&first["type"], &first["rating"], &first["message"], &first["public"]), (&json!("GENERAL"), &json!(4.5), &json!("Fine."), &json!(true)));
        app.clock.advance(Duration::hours(1));
        let edited = with(with(said("GENERAL", false), "rating", 2), "public", false);
        let second = client.done("rateInstitute", edited, INSTITUTES).await["feedback"].clone();
        assert_eq!((&second["id"], &second["createdAt"], &second["rating"], &second["public"]), (&first["id"], &first["createdAt"], &json!(2.0), &json!(false)));
        // Who takes their name away, or puts it back, leaves neither id nor time behind.
        let mut seen = BTreeSet::from([first["id"].to_string()]);
        let mut times = BTreeSet::from([first["createdAt"].to_string()]);
        for anonymous in [true, false, true] {
            app.clock.advance(Duration::hours(1));
            let other = client.done("rateInstitute", said("GENERAL", anonymous), INSTITUTES).await["feedback"].clone();
            assert_eq!(other["anonymous"], anonymous);
            assert!(seen.insert(other["id"].to_string()) && times.insert(other["createdAt"].to_string()), "{other}");
        }
        assert_eq!(app.number("SELECT count(*) FROM institute_feedback").await, 1);
        assert_eq!(app.number("SELECT count(*) FROM institute_feedback WHERE created_at <> updated_at").await, 0);
        for id in seen {
            let data = app.sign_in(cast::ADMIN).await.data(&format!("{{ node(id: {id}) {{ ... on InstituteFeedback {{ mine authorName createdAt }} }} }}")).await;
            assert!(data["node"].is_null() || data["node"] == json!({"mine": false, "authorName": null, "createdAt": null}), "{data}");
        }
        // Another type is another entry; and nothing of any of it is written anywhere else.
        let other = client.done("rateInstitute", said("TEACHING", true), INSTITUTES).await["feedback"]["id"].clone();
        assert_eq!(client.done("withdrawInstituteFeedback", json!({"id": other}), "withdrawnId").await["withdrawnId"], other);
        assert_eq!(app.number("SELECT count(*) FROM institute_feedback").await, 1);
        assert_eq!(app.number("SELECT (SELECT count(*) FROM audit_entries) + (SELECT count(*) FROM client_mutations)").await, 0);
        for mutation in ["RateInstitute", "WithdrawInstituteFeedback"] {
            let input = format!("{{ __type(name: \"{mutation}Input\") {{ inputFields {{ name }} }} }}");
            let text = client.ask(&input).await.ok().text;
            assert!(!text.contains("clientMutationId") && text.contains("\"name\""), "{text}");
        }
    }

    async fn everybody_rates_the_institute_and_takes_back_their_own(app: TestApp) {
        from_scratch(&app).await;
        let own = app.sign_in(cast::TEACHER).await.done("rateInstitute", said("GENERAL", true), INSTITUTES).await["feedback"]["id"].clone();
        let private = with(said("TEACHING", true), "public", false);
        let private = app.sign_in(cast::TEACHER).await.done("rateInstitute", private, INSTITUTES).await["feedback"]["id"].clone();
        for (role, client) in app.everybody().await {
            if role == "ANONYMOUS" {
                assert_eq!(app.denied(&client, "rateInstitute", said("GENERAL", true)).await, "UNAUTHENTICATED");
                assert_eq!(app.denied(&client, "withdrawInstituteFeedback", json!({"id": own})).await, "UNAUTHENTICATED");
                continue;
            }
            client.done("rateInstitute", said("FACILITIES", true), INSTITUTES).await;
            if role != "STAFF" {
                assert_eq!(app.denied(&client, "withdrawInstituteFeedback", json!({"id": own})).await, "FORBIDDEN", "{role}");
            }
            if role == "ADMIN" {
                assert_eq!(app.denied(&client, "withdrawInstituteFeedback", json!({"id": private})).await, "FORBIDDEN");
            } else if role != "STAFF" {
                assert_eq!(app.refused(&client, "withdrawInstituteFeedback", json!({"id": private})).await, ["id NOT_FOUND"], "{role}");
            }
        }
        let client = app.sign_in(cast::STUDENT).await;
        let wrong = with(with(said("GENERAL", true), "rating", 0), "message", "a\u{0}");
        assert_eq!(app.refused(&client, "rateInstitute", wrong).await, ["rating OUT_OF_RANGE", "message INVALID"]);
        assert_eq!(app.refused(&client, "rateInstitute", with(said("GENERAL", true), "rating", 1.25)).await, ["rating INVALID"]);
        let long = with(said("GENERAL", true), "message", "a".repeat(10_001));
        assert_eq!(app.refused(&client, "rateInstitute", long).await, ["message TOO_LONG"]);
    }

    async fn a_few_ratings_have_no_average_for_the_teacher(app: TestApp) {
        from_scratch(&app).await;
        let (teacher, child) = (app.staff(cast::TEACHER).await, app.student(cast::STUDENT).await);
        let summary = format!("{{ node(id: \"{teacher}\") {{ ... on Staff {{ feedbackSummary {{ average count }} }} }} }}");
        let (themselves, hod) = (app.sign_in(cast::TEACHER).await, app.sign_in(cast::HOD).await);
        let authors = [cast::STUDENT, cast::PARENT, cast::OTHER_PARENT];
        for (n, who) in authors.into_iter().enumerate() {
            app.sign_in(who).await.done("rateTeacher", json!({"teacherId": teacher, "studentId": child, "rating": 3}), "").await;
            let average = if n == 2 { json!(3.0) } else { Value::Null };
            for (client, average) in [(&themselves, average), (&hod, json!(3.0))] {
                let found = client.data(&summary).await["node"]["feedbackSummary"].clone();
                assert_eq!(found, json!({"average": average, "count": n + 1}));
            }
        }
        let answer = app.sign_in(cast::ADMISSION).await.ask(&summary).await;
        assert_eq!(answer.code_at(&json!(["node", "feedbackSummary"])), "FORBIDDEN");
    }

    async fn rating_twice_at_once_leaves_one_row(app: TestApp) {
        from_scratch(&app).await;
        let (teacher, child) = (app.staff(cast::TEACHER).await, app.student(cast::STUDENT).await);
        let (client, parent) = (app.sign_in(cast::STUDENT).await, app.sign_in(cast::PARENT).await);
        for round in 0..25 {
            let rate = |rating: i32| json!({"teacherId": teacher, "studentId": child, "rating": rating});
            let (a, b, flip) = (rate(1), rate(5), |anonymous| said("GENERAL", anonymous));
            let (signed, anonymous) = (flip(false), flip(true));
            let answers = if round % 2 == 0 {
                tokio::join!(client.change("rateTeacher", &a, ""), client.change("rateTeacher", &b, ""))
            } else {
                tokio::join!(parent.change("rateTeacher", &a, ""), parent.change("rateTeacher", &b, ""))
            };
            assert_eq!((errors(&answers.0), errors(&answers.1)), (vec![], vec![]));
            let answers = tokio::join!(client.change("rateInstitute", &signed, ""), client.change("rateInstitute", &anonymous, ""));
            assert_eq!((errors(&answers.0), errors(&answers.1)), (vec![], vec![]));
            let rows = "SELECT (SELECT count(*) FROM teacher_feedback) * 10 + (SELECT count(*) FROM institute_feedback)";
            assert_eq!(app.number(rows).await, 11, "{round}");
            app.database.execute("DELETE FROM teacher_feedback").await;
            app.database.execute("DELETE FROM institute_feedback").await;
        }
    }
}
