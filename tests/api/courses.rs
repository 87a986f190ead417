//! Courses and batches: who adds and edits them, and what they refuse.

use rollcall::{demo::cast, ids::Kind};
use serde_json::{Value, json};

use super::support::TestApp;

const COURSE: &str = "course { id name code version durationYears durationType periods description active hod { id } }";

fn course() -> Value {
    json!({"code": "NUR", "name": "Nursing", "durationYears": 3, "durationType": "SEMESTER", "description": "  Care. "})
}

async fn headed_by(app: &TestApp, email: &str) -> String {
    let query = format!(
        "SELECT min(c.id) FROM courses c JOIN staff s ON s.id = c.hod_id JOIN accounts a ON a.id = s.account_id \
         WHERE a.email = '{email}'"
    );
    app.id_of(Kind::Course, &query).await
}

on_both! {
    async fn a_course_is_added_edited_and_headed(app: TestApp) {
        let admin = app.sign_in(cast::ADMIN).await;
        let made = admin.done("createCourse", course(), COURSE).await["course"].clone();
        assert_eq!(made["periods"], 6);
        assert_eq!(made["description"], "Care.");
        assert_eq!(made["version"], 1);
        let edit = json!({"id": made["id"], "version": 1, "durationYears": 4, "description": null, "active": false});
        let edited = admin.done("editCourse", edit, COURSE).await["course"].clone();
        assert_eq!((&edited["periods"], &edited["description"], &edited["version"]), (&json!(8), &Value::Null, &json!(2)));
        assert_eq!((&edited["name"], &edited["active"]), (&json!("Nursing"), &json!(false)));
        let hod = app.staff(cast::HOD).await;
        let headed = admin.done("assignCourseHod", json!({"courseId": made["id"], "version": 2, "staffId": hod}), COURSE).await;
        assert_eq!(headed["course"]["hod"]["id"], json!(hod));
        let nobody = admin.done("assignCourseHod", json!({"courseId": made["id"], "version": 3}), COURSE).await;
        assert_eq!(nobody["course"]["hod"], Value::Null);
    }

    async fn all_that_is_wrong_with_a_course_is_said_at_once(app: TestApp) {
        let admin = app.sign_in(cast::ADMIN).await;
        let taken = app.database.texts("SELECT code FROM courses ORDER BY id LIMIT 1").await.remove(0);
        let wrong = json!({"code": taken, "name": " ", "durationYears": 11, "durationType": "YEAR", "description": "a\u{0}"});
        let mut errors = app.refused(&admin, "createCourse", wrong).await;
        errors.sort();
        assert_eq!(errors, ["code TAKEN", "description INVALID", "durationYears OUT_OF_RANGE", "name REQUIRED"]);
        let id = headed_by(&app, cast::HOD).await;
        let stale = json!({"id": id, "version": 0, "name": null, "code": "x".repeat(201)});
        let mut errors = app.refused(&admin, "editCourse", stale).await;
        errors.sort();
        assert_eq!(errors, ["code TOO_LONG", "name REQUIRED", "version STALE"]);
        let shorter = json!({"id": id, "version": 1, "durationYears": 1});
        assert_eq!(app.refused(&admin, "editCourse", shorter).await, ["durationYears IN_USE"]);
        let teacher = app.staff(cast::TEACHER).await;
        let no_hod = json!({"courseId": id, "version": 1, "staffId": teacher});
        assert_eq!(app.refused(&admin, "assignCourseHod", no_hod).await, ["staffId NOT_FOUND"]);
        let unknown = json!({"id": app.id(Kind::Batch, 1), "version": 1});
        assert_eq!(app.refused(&admin, "editCourse", unknown).await, ["id NOT_FOUND"]);
    }

    async fn an_hod_edits_what_they_head_and_nobody_else_may(app: TestApp) {
        let own = headed_by(&app, cast::HOD).await;
        let other = headed_by(&app, cast::HOD_OF_TWO).await;
        let hod = app.sign_in(cast::HOD).await;
        hod.done("editCourse", json!({"id": own, "version": 1, "description": "New."}), COURSE).await;
        assert_eq!(app.denied(&hod, "editCourse", json!({"id": other, "version": 1, "name": "Mine"})).await, "FORBIDDEN");
        assert_eq!(app.denied(&hod, "createCourse", course()).await, "FORBIDDEN");
        let appoint = json!({"courseId": own, "version": 2});
        for (role, client) in app.everybody().await {
            let code = if role == "ANONYMOUS" { "UNAUTHENTICATED" } else { "FORBIDDEN" };
            if role != "ADMIN" {
                assert_eq!(app.denied(&client, "assignCourseHod", appoint.clone()).await, code, "{role}");
            }
            if !["ADMIN", "ADMISSION"].contains(&role) {
                assert_eq!(app.denied(&client, "createCourse", course()).await, code, "{role}");
                assert_eq!(app.denied(&client, "createBatch", json!({"name": "X"})).await, code, "{role}");
            }
            if !["ADMIN", "ADMISSION", "HOD"].contains(&role) {
                let batch = json!({"id": app.id(Kind::Batch, 1), "version": 1});
                assert_eq!(app.denied(&client, "editCourse", json!({"id": own, "version": 2})).await, code, "{role}");
                assert_eq!(app.denied(&client, "editBatch", batch).await, code, "{role}");
            }
        }
    }

    async fn a_batch_is_for_courses(app: TestApp) {
        let admission = app.sign_in(cast::ADMISSION).await;
        let own = headed_by(&app, cast::HOD).await;
        let other = headed_by(&app, cast::HOD_OF_TWO).await;
        let batch = json!({"name": "NUR 2026", "startDate": "2026-04-01", "courseIds": [own]});
        let fields = "batch { id name startDate version active }";
        let made = admission.done("createBatch", batch.clone(), fields).await["batch"].clone();
        assert_eq!(made["startDate"], "2026-04-01");
        let in_course = format!("{{ node(id: \"{own}\") {{ ... on Course {{ batches {{ id }} }} }} }}");
        let listed = admission.data(&in_course).await;
        assert!(listed["node"]["batches"].as_array().unwrap().contains(&json!({"id": made["id"]})));
        let again = json!({"name": "NUR 2026", "courseIds": [own, app.id(Kind::Course, 999)]});
        assert_eq!(app.refused(&admission, "createBatch", again).await, ["name TAKEN", "courseIds NOT_FOUND"]);

        let hod = app.sign_in(cast::HOD).await;
        let edit = json!({"id": made["id"], "version": 1, "name": "NUR 2027", "startDate": null});
        let edited = hod.done("editBatch", edit, fields).await["batch"].clone();
        assert_eq!((&edited["name"], &edited["startDate"]), (&json!("NUR 2027"), &Value::Null));
        let shared = json!({"id": made["id"], "version": 2, "courseIds": [own, other]});
        assert_eq!(app.denied(&hod, "editBatch", shared.clone()).await, "FORBIDDEN");
        admission.done("editBatch", shared, fields).await;
        assert_eq!(app.denied(&hod, "editBatch", json!({"id": made["id"], "version": 3, "name": "Y"})).await, "FORBIDDEN");
        assert_eq!(app.refused(&admission, "editBatch", json!({"id": made["id"], "version": 2})).await, ["version STALE"]);
    }
}
