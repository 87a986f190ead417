//! Subjects and study files: who plans them, and what they refuse.

use rollcall::{demo::cast, ids::Kind};
use serde_json::{Value, json};

use crate::support::{Client, TestApp};

const SUBJECT: &str = "subject { id name code period version syllabusUrl course { id } }";
const FILE: &str = "studyFile { id title description fileUrl uploadedAt uploadedBy { id } }";

/// The first course, which [`cast::HOD`] heads, and the third, which [`cast::HOD_OF_TWO`] does.
fn courses(app: &TestApp) -> (String, String) {
    (app.id(Kind::Course, 1), app.id(Kind::Course, 3))
}

fn subject(course: &str) -> Value {
    json!({"courseId": course, "period": 2, "code": "X201", "name": "Ethics", "syllabusUrl": "https://files.example.org/x.pdf"})
}

fn file(subject: &str) -> Value {
    json!({"subjectId": subject, "title": " Notes ", "description": "Week 1.\nWeek 2.", "fileUrl": "https://files.example.org/notes.pdf"})
}

/// A subject of the first course that the teacher teaches at present, and a study file of it that they did not add.
async fn taught(app: &TestApp, email: &str) -> String {
    let teaches = format!(
        "SELECT min(r.subject_id) FROM routines r JOIN staff s ON s.id = r.teacher_id JOIN accounts a ON a.id = s.account_id \
         WHERE r.active AND r.course_id = 1 AND a.email = '{email}'"
    );
    app.id_of(Kind::Subject, &teaches).await
}

async fn add_file(client: &Client, subject: &str) -> Value {
    client.done("addStudyFile", file(subject), FILE).await["studyFile"].clone()
}

on_both! {
    async fn a_subject_is_added_edited_and_deleted(app: TestApp) {
        let (course, _) = courses(&app);
        let hod = app.sign_in(cast::HOD).await;
        let made = hod.done("createSubject", subject(&course), SUBJECT).await["subject"].clone();
        assert_eq!((&made["course"]["id"], &made["period"], &made["version"]), (&json!(course), &json!(2), &json!(1)));
        assert_eq!(made["syllabusUrl"], "https://files.example.org/x.pdf");
        let edit = json!({"id": made["id"], "version": 1, "period": 1, "name": "Law", "syllabusUrl": null});
        let edited = hod.done("editSubject", edit, SUBJECT).await["subject"].clone();
        assert_eq!((&edited["period"], &edited["name"], &edited["code"]), (&json!(1), &json!("Law"), &json!("X201")));
        assert_eq!((&edited["syllabusUrl"], &edited["version"]), (&Value::Null, &json!(2)));
        let listed = hod.data(&format!("{{ node(id: \"{course}\") {{ ... on Course {{ subjects(period: 1) {{ id }} }} }} }}")).await;
        assert!(listed["node"]["subjects"].as_array().unwrap().contains(&json!({"id": made["id"]})));
        let deleted = hod.done("deleteSubject", json!({"id": made["id"]}), "deletedId").await;
        assert_eq!(deleted["deletedId"], made["id"]);
        let id = made["id"].as_str().unwrap();
        assert_eq!(hod.data(&format!("{{ node(id: \"{id}\") {{ id }} }}")).await["node"], Value::Null);
        let admin = app.sign_in(cast::ADMIN).await;
        let about = format!("{{ auditEntries(filter: {{subjectId: \"{id}\"}}) {{ edges {{ node {{ action changes {{ field before after }} }} }} }} }}");
        let entries = admin.data(&about).await["auditEntries"]["edges"].clone();
        assert_eq!([0, 1, 2].map(|i| entries[i]["node"]["action"].clone()), ["deleteSubject", "editSubject", "createSubject"]);
        let renamed = json!({"field": "name", "before": "\"Ethics\"", "after": "\"Law\""});
        assert!(entries[1]["node"]["changes"].as_array().unwrap().contains(&renamed));
    }

    async fn all_that_is_wrong_with_a_subject_is_said_at_once(app: TestApp) {
        let (course, _) = courses(&app);
        let admin = app.sign_in(cast::ADMIN).await;
        let taken = app.database.texts("SELECT code || '|' || name FROM subjects WHERE course_id = 1 AND period = 1 ORDER BY id LIMIT 1").await.remove(0);
        let (code, name) = taken.split_once('|').unwrap();
        let mut errors = app.refused(&admin, "createSubject", json!({"courseId": course, "period": 1, "code": code, "name": name, "syllabusUrl": "x"})).await;
        errors.sort();
        assert_eq!(errors, ["code TAKEN", "name TAKEN", "syllabusUrl INVALID"]);
        for period in [0, 3, -1, i32::MAX] {
            let input = json!({"courseId": course, "period": period, "code": "Y", "name": " "});
            let mut errors = app.refused(&admin, "createSubject", input).await;
            errors.sort();
            assert_eq!(errors, ["name REQUIRED", "period OUT_OF_RANGE"]);
        }
        let elsewhere = json!({"courseId": app.id(Kind::Course, 999), "period": 1, "code": "", "name": "Y"});
        assert_eq!(app.refused(&admin, "createSubject", elsewhere).await, ["code REQUIRED", "courseId NOT_FOUND"]);

        // The same name in another period is another subject, until it is moved there.
        let made = admin.done("createSubject", json!({"courseId": course, "period": 2, "code": "Y", "name": name}), SUBJECT).await["subject"].clone();
        let moved = json!({"id": made["id"], "version": 1, "period": 1});
        assert_eq!(app.refused(&admin, "editSubject", moved).await, ["period TAKEN"]);
        let wrong = json!({"id": made["id"], "version": 7, "period": 3, "code": code, "name": null});
        let mut errors = app.refused(&admin, "editSubject", wrong).await;
        errors.sort();
        assert_eq!(errors, ["code TAKEN", "name REQUIRED", "period OUT_OF_RANGE", "version STALE"]);
        // Its own code and name are its own.
        admin.done("editSubject", json!({"id": made["id"], "version": 1, "code": "Y", "name": name, "period": 2}), "").await;
        for (mutation, mut input) in [("editSubject", json!({"version": 1})), ("deleteSubject", json!({}))] {
            input["id"] = json!(app.id(Kind::Subject, 9999));
            assert_eq!(app.refused(&admin, mutation, input).await, ["id NOT_FOUND"]);
        }
    }

    async fn a_subject_that_something_refers_to_stays_where_it_is(app: TestApp) {
        let (course, _) = courses(&app);
        let admin = app.sign_in(cast::ADMIN).await;
        let taught = taught(&app, cast::TEACHER).await;
        assert_eq!(app.refused(&admin, "editSubject", json!({"id": taught, "version": 1, "period": 2})).await, ["period IN_USE"]);
        let again = json!({"id": taught, "version": 1, "period": 1, "name": "Renamed"});
        admin.done("editSubject", again, "").await;
        assert_eq!(app.refused(&admin, "deleteSubject", json!({"id": taught})).await, ["id IN_USE"]);

        // A routine that runs no more, a file, and progress each hold it alone.
        for (i, refers) in [
            "INSERT INTO routines (course_id, period, subject_id, teacher_id, weekdays, starts_at, ends_at, active) \
             SELECT course_id, period, id, (SELECT min(id) FROM staff), 1, '20:00:00', '21:00:00', FALSE FROM subjects WHERE id = {}",
            "INSERT INTO study_files (subject_id, title, file_url, uploaded_at) VALUES ({}, 'x', 'x', '2026-03-20 12:00:00')",
            "INSERT INTO subject_progress (student_id, subject_id) VALUES ((SELECT min(id) FROM students), {})",
            "INSERT INTO attendance_totals (student_id, subject_id) VALUES ((SELECT min(id) FROM students), {})",
        ].iter().enumerate() {
            let input = json!({"courseId": course, "period": 1, "code": format!("Z{i}"), "name": format!("Z{i}")});
            let id = admin.done("createSubject", input, SUBJECT).await["subject"]["id"].clone();
            let number = app.number(&format!("SELECT id FROM subjects WHERE code = 'Z{i}'")).await;
            app.database.execute(&refers.replace("{}", &number.to_string())).await;
            assert_eq!(app.refused(&admin, "deleteSubject", json!({"id": id})).await, ["id IN_USE"], "{refers}");
            if i == 0 {
                assert_eq!(app.refused(&admin, "editSubject", json!({"id": id, "version": 1, "period": 2})).await, ["period IN_USE"]);
            }
        }
    }

    async fn subjects_are_planned_by_the_hod_of_the_course_and_admin(app: TestApp) {
        let (own, other) = courses(&app);
        let of = |course: i64| format!("SELECT min(id) FROM subjects WHERE course_id = {course}");
        let (own_subject, other_subject) = (app.id_of(Kind::Subject, &of(1)).await, app.id_of(Kind::Subject, &of(3)).await);
        let hod = app.sign_in(cast::HOD).await;
        assert_eq!(app.denied(&hod, "createSubject", subject(&other)).await, "FORBIDDEN");
        assert_eq!(app.denied(&hod, "editSubject", json!({"id": other_subject, "version": 1, "name": "Mine"})).await, "FORBIDDEN");
        assert_eq!(app.denied(&hod, "deleteSubject", json!({"id": other_subject})).await, "FORBIDDEN");
        for (role, client) in app.everybody().await {
            if ["ADMIN", "HOD"].contains(&role) {
                continue;
            }
            let code = if role == "ANONYMOUS" { "UNAUTHENTICATED" } else { "FORBIDDEN" };
            assert_eq!(app.denied(&client, "createSubject", subject(&own)).await, code, "{role}");
            assert_eq!(app.denied(&client, "editSubject", json!({"id": own_subject, "version": 1})).await, code, "{role}");
            assert_eq!(app.denied(&client, "deleteSubject", json!({"id": own_subject})).await, code, "{role}");
            if role != "STAFF" {
                assert_eq!(app.denied(&client, "addStudyFile", file(&own_subject)).await, code, "{role}");
                assert_eq!(app.denied(&client, "removeStudyFile", json!({"id": app.id(Kind::StudyFile, 1)})).await, code, "{role}");
            }
        }
    }

    async fn study_files_are_added_by_who_teaches_the_subject(app: TestApp) {
        let subject = taught(&app, cast::TEACHER).await;
        let teacher = app.sign_in(cast::TEACHER).await;
        let made = add_file(&teacher, &subject).await;
        assert_eq!((&made["title"], &made["description"]), (&json!("Notes"), &json!("Week 1.\nWeek 2.")));
        assert_eq!((&made["uploadedBy"]["id"], &made["uploadedAt"]), (&json!(app.staff(cast::TEACHER).await), &json!("2026-03-20T12:00:00+00:00")));
        let student = app.sign_in(cast::STUDENT).await;
        let files = format!("{{ node(id: \"{subject}\") {{ ... on Subject {{ studyFiles {{ id }} }} }} }}");
        assert!(student.data(&files).await["node"]["studyFiles"].as_array().unwrap().contains(&json!({"id": made["id"]})));

        let wrong = json!({"subjectId": subject, "title": " ", "description": "a\u{0}", "fileUrl": " "});
        let mut errors = app.refused(&teacher, "addStudyFile", wrong).await;
        errors.sort();
        assert_eq!(errors, ["description INVALID", "fileUrl REQUIRED", "title REQUIRED"]);
        let plain = json!({"subjectId": subject, "title": "x", "fileUrl": "http://files.example.org/x"});
        assert_eq!(app.refused(&teacher, "addStudyFile", plain).await, ["fileUrl INVALID"]);
        let in_preparation = app.id_of(Kind::Subject, "SELECT min(s.id) FROM subjects s JOIN courses c ON c.id = s.course_id WHERE NOT c.active").await;
        assert_eq!(app.refused(&teacher, "addStudyFile", file(&in_preparation)).await, ["subjectId NOT_FOUND"]);

        let elsewhere = app.sign_in(cast::TEACHER_WHO_LEFT_CLASS).await;
        assert_eq!(app.denied(&elsewhere, "addStudyFile", file(&subject)).await, "FORBIDDEN");
        assert_eq!(app.denied(&elsewhere, "removeStudyFile", json!({"id": made["id"]})).await, "FORBIDDEN");
        // Who heads another course adds nothing here, but what they teach themselves.
        let both = app.sign_in(cast::HOD_TEACHER).await;
        assert_eq!(app.denied(&both, "addStudyFile", file(&subject)).await, "FORBIDDEN");
        add_file(&both, &taught(&app, cast::HOD_TEACHER).await).await;
        let of_two = app.sign_in(cast::HOD_OF_TWO).await;
        assert_eq!(app.denied(&of_two, "addStudyFile", file(&subject)).await, "FORBIDDEN");
        assert_eq!(app.denied(&of_two, "removeStudyFile", json!({"id": made["id"]})).await, "FORBIDDEN");
    }

    async fn a_teacher_removes_what_they_added_and_the_hod_all(app: TestApp) {
        let subject = taught(&app, cast::TEACHER).await;
        let (teacher, hod, admin) = (app.sign_in(cast::TEACHER).await, app.sign_in(cast::HOD).await, app.sign_in(cast::ADMIN).await);
        let (own, another) = (add_file(&teacher, &subject).await, add_file(&hod, &subject).await);
        assert_eq!(another["uploadedBy"]["id"], json!(app.staff(cast::HOD).await));
        assert_eq!(app.denied(&teacher, "removeStudyFile", json!({"id": another["id"]})).await, "FORBIDDEN");
        let removed = teacher.done("removeStudyFile", json!({"id": own["id"]}), "removedId").await;
        assert_eq!(removed["removedId"], own["id"]);
        assert_eq!(app.refused(&teacher, "removeStudyFile", json!({"id": own["id"]})).await, ["id NOT_FOUND"]);
        hod.done("removeStudyFile", json!({"id": another["id"]}), "").await;
        let (one, other) = (add_file(&teacher, &subject).await, add_file(&teacher, &subject).await);
        admin.done("removeStudyFile", json!({"id": one["id"]}), "").await;
        // Who teaches it no more does nothing with it any more.
        let email = cast::TEACHER;
        app.database.execute(&format!("UPDATE routines SET active = FALSE WHERE teacher_id = (SELECT s.id FROM staff s JOIN accounts a ON a.id = s.account_id WHERE a.email = '{email}')")).await;
        assert_eq!(app.denied(&teacher, "removeStudyFile", json!({"id": other["id"]})).await, "FORBIDDEN");
        assert_eq!(app.denied(&teacher, "addStudyFile", file(&subject)).await, "FORBIDDEN");
        let entries = admin.data("{ auditEntries(filter: {action: \"removeStudyFile\"}) { totalCount } }").await;
        assert_eq!(entries["auditEntries"]["totalCount"], 3);
    }
}
