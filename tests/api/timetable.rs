//! The timetable: slots are added, moved and ended, and never clash.

use rollcall::{demo::cast, ids::Kind};
use serde_json::{Value, json};

use crate::support::TestApp;

const ROUTINE: &str = "routine { id version active weekdays startsAt endsAt room period course { id } subject { id name } teacher { id name } }";
const DAYS: [&str; 7] = ["MONDAY", "TUESDAY", "WEDNESDAY", "THURSDAY", "FRIDAY", "SATURDAY", "SUNDAY"];

/// The subject at an index of a course's period.
async fn subject(app: &TestApp, course: i64, period: i64, index: usize) -> String {
    let query = format!("SELECT id FROM subjects WHERE course_id = {course} AND period = {period} ORDER BY id");
    app.id(Kind::Subject, app.database.numbers(&query).await[index])
}

/// A slot in the evening, when the demonstration data has none.
fn slot(subject: &str, teacher: &str, days: &[&str], from: &str, to: &str, room: &str) -> Value {
    json!({"subjectId": subject, "teacherId": teacher, "weekdays": days, "startsAt": from, "endsAt": to, "room": room})
}

fn message(payload: &Value, i: usize) -> &str {
    payload["userErrors"][i]["message"].as_str().unwrap()
}

on_both! {
    async fn a_slot_is_added_moved_and_ended(app: TestApp) {
        let hod = app.sign_in(cast::HOD).await;
        let (lesson, teacher) = (subject(&app, 1, 1, 0).await, app.staff(cast::TEACHER).await);
        let input = slot(&lesson, &teacher, &["SUNDAY", "FRIDAY"], "18:00", "19:00:00", " Hall ");
        let made = hod.done("createRoutine", input, ROUTINE).await["routine"].clone();
        let expected = json!({
            "id": made["id"], "version": 1, "active": true, "weekdays": ["FRIDAY", "SUNDAY"], "startsAt": "18:00:00", "endsAt": "19:00:00",
            "room": "Hall", "period": 1, "course": {"id": app.id(Kind::Course, 1)}, "subject": made["subject"], "teacher": made["teacher"],
        });
        assert_eq!(made, expected);
        assert_eq!((&made["subject"]["id"], &made["teacher"]["id"]), (&json!(lesson), &json!(teacher)));
        let student = app.sign_in(cast::STUDENT).await;
        let own = "{ viewer { student { routines { id } } } }";
        assert!(student.data(own).await["viewer"]["student"]["routines"].as_array().unwrap().contains(&json!({"id": made["id"]})));

        let both = app.staff(cast::HOD_TEACHER).await;
        let change = json!({"id": made["id"], "version": 1, "teacherId": both, "weekdays": ["SATURDAY"], "startsAt": "18:30", "room": null});
        let changed = hod.done("changeRoutine", change, ROUTINE).await["routine"].clone();
        assert_eq!((&changed["weekdays"], &changed["startsAt"], &changed["endsAt"]), (&json!(["SATURDAY"]), &json!("18:30:00"), &json!("19:00:00")));
        assert_eq!((&changed["room"], &changed["teacher"]["id"], &changed["version"]), (&Value::Null, &json!(both), &json!(2)));
        let ended = hod.done("endRoutine", json!({"id": made["id"]}), ROUTINE).await["routine"].clone();
        assert_eq!((&ended["active"], &ended["version"]), (&json!(false), &json!(3)));
        assert_eq!(app.refused(&hod, "endRoutine", json!({"id": made["id"]})).await, ["id WRONG_STATUS"]);
        assert_eq!(app.refused(&hod, "changeRoutine", json!({"id": made["id"], "version": 3, "room": "X"})).await, ["id WRONG_STATUS"]);
        // What is ended takes nobody's time.
        let admin = app.sign_in(cast::ADMIN).await;
        admin.done("createRoutine", slot(&lesson, &both, &["SATURDAY"], "18:00", "19:00", "Hall"), "").await;
        let about = format!("{{ auditEntries(filter: {{subjectId: {}}}) {{ edges {{ node {{ action changes {{ field before after }} }} }} }} }}", made["id"]);
        let entries = admin.data(&about).await["auditEntries"]["edges"].clone();
        assert_eq!(entries[0]["node"], json!({"action": "endRoutine", "changes": [{"field": "active", "before": "true", "after": "false"}]}));
        assert_eq!((&entries[1]["node"]["action"], &entries[2]["node"]["action"]), (&json!("changeRoutine"), &json!("createRoutine")));
    }

    async fn a_key_adds_a_slot_once(app: TestApp) {
        let hod = app.sign_in(cast::HOD).await;
        let mut input = slot(&subject(&app, 1, 1, 0).await, &app.staff(cast::TEACHER).await, &["SUNDAY"], "18:00", "19:00", "Hall");
        input["clientMutationId"] = json!("k1");
        let first = hod.done("createRoutine", input.clone(), ROUTINE).await;
        assert_eq!(hod.done("createRoutine", input, ROUTINE).await, first);
    }

    async fn every_clash_is_named(app: TestApp) {
        let admin = app.sign_in(cast::ADMIN).await;
        let (teacher, both) = (app.staff(cast::TEACHER).await, app.staff(cast::HOD_TEACHER).await);
        let (one, other, elsewhere) = (subject(&app, 1, 1, 0).await, subject(&app, 1, 1, 1).await, subject(&app, 2, 1, 0).await);
        let made = admin.done("createRoutine", slot(&one, &teacher, &["MONDAY", "SUNDAY"], "18:00", "19:00", "Hall"), ROUTINE).await["routine"].clone();
        let (name, taught) = (made["teacher"]["name"].as_str().unwrap(), made["subject"]["name"].as_str().unwrap());
        let course = app.database.texts("SELECT name FROM courses WHERE id = 1").await.remove(0);

        let wanted = slot(&other, &teacher, &["SUNDAY", "SATURDAY"], "18:59", "20:00", "Hall");
        assert_eq!(app.refused(&admin, "createRoutine", wanted.clone()).await, ["teacherId STAFF_BUSY", "room ROOM_BUSY", "subjectId CLASS_BUSY"]);
        let payload = admin.change("createRoutine", &wanted, "").await;
        assert_eq!(message(&payload, 0), format!("{name} teaches {taught} ({course}, period 1) on Sunday 18:00–19:00"));
        assert_eq!(message(&payload, 1), format!("Hall is taken by {taught} ({course}, period 1) with {name} on Sunday 18:00–19:00"));
        assert_eq!(message(&payload, 2), format!("{course}, period 1, has {taught} with {name} on Sunday 18:00–19:00"));

        // One clash each.
        for (subject, teacher, room, error) in [
            (&elsewhere, &teacher, "Attic", "teacherId STAFF_BUSY"),
            (&elsewhere, &both, "Hall", "room ROOM_BUSY"),
            (&one, &both, "Attic", "subjectId CLASS_BUSY"),
        ] {
            let wanted = slot(subject, teacher, &["MONDAY", "SUNDAY"], "17:00", "20:00", room);
            assert_eq!(app.refused(&admin, "createRoutine", wanted).await, [error]);
        }
        // Who wants a whole day is told of everything that is in it.
        let whole = slot(&one, &both, &["MONDAY"], "00:00", "23:59", "Attic");
        let busy = app.number("SELECT count(*) FROM routines WHERE active AND course_id = 1 AND period = 1 AND weekdays % 2 = 1").await;
        let errors = app.refused(&admin, "createRoutine", whole).await;
        assert_eq!(errors.iter().filter(|error| *error == "subjectId CLASS_BUSY").count(), usize::try_from(busy).unwrap());
        assert!(errors.contains(&"teacherId STAFF_BUSY".to_owned()), "{errors:?}");

        // What only touches does not clash; another day, another room, another class do not either.
        for (subject, teacher, days, from, to, room) in [
            (&other, &teacher, ["MONDAY", "SUNDAY"], "19:00", "20:00", "Hall"),
            (&other, &teacher, ["MONDAY", "SUNDAY"], "17:00", "18:00", "Hall"),
            (&other, &teacher, ["TUESDAY", "SATURDAY"], "18:00", "19:00", "Hall"),
            (&elsewhere, &both, ["MONDAY", "SUNDAY"], "18:00", "19:00", "Attic"),
        ] {
            admin.done("createRoutine", slot(subject, teacher, &days, from, to, room), "").await;
        }
        // Slots without a room are in nobody's way there.
        let without = |subject: &str, teacher: &str| json!({"subjectId": subject, "teacherId": teacher, "weekdays": ["SUNDAY"], "startsAt": "21:00", "endsAt": "22:00"});
        admin.done("createRoutine", without(&one, &teacher), "").await;
        admin.done("createRoutine", without(&elsewhere, &both), "").await;
    }

    async fn a_slot_is_moved_by_the_same_rules(app: TestApp) {
        let admin = app.sign_in(cast::ADMIN).await;
        let (teacher, both) = (app.staff(cast::TEACHER).await, app.staff(cast::HOD_TEACHER).await);
        let (one, elsewhere) = (subject(&app, 1, 1, 0).await, subject(&app, 2, 1, 0).await);
        admin.done("createRoutine", slot(&one, &teacher, &["SUNDAY"], "18:00", "19:00", "Hall"), "").await;
        let made = admin.done("createRoutine", slot(&one, &teacher, &["SUNDAY"], "19:00", "20:00", "Hall"), ROUTINE).await["routine"].clone();
        let far = admin.done("createRoutine", slot(&elsewhere, &both, &["SUNDAY"], "18:00", "19:00", "Attic"), ROUTINE).await["routine"].clone();
        let id = &made["id"];
        let earlier = json!({"id": id, "version": 1, "startsAt": "18:30", "endsAt": "19:30"});
        assert_eq!(app.refused(&admin, "changeRoutine", earlier).await, ["teacherId STAFF_BUSY", "room ROOM_BUSY", "id CLASS_BUSY"]);
        let given = json!({"id": far["id"], "version": 1, "teacherId": teacher, "room": "Hall"});
        assert_eq!(app.refused(&admin, "changeRoutine", given).await, ["teacherId STAFF_BUSY", "room ROOM_BUSY"]);
        let wrong = json!({"id": id, "version": 7, "weekdays": [], "startsAt": "20:00", "teacherId": null, "endsAt": null, "room": "a\nb"});
        let mut errors = app.refused(&admin, "changeRoutine", wrong).await;
        errors.sort();
        let expected = ["endsAt REQUIRED", "room INVALID", "startsAt OUT_OF_RANGE", "teacherId REQUIRED", "version STALE", "weekdays REQUIRED"];
        assert_eq!(errors, expected);
        assert_eq!(app.refused(&admin, "changeRoutine", json!({"id": id, "version": 1, "endsAt": "19:00"})).await, ["endsAt OUT_OF_RANGE"]);
        let no_teacher = json!({"id": id, "version": 1, "teacherId": app.staff(cast::ADMISSION).await});
        assert_eq!(app.refused(&admin, "changeRoutine", no_teacher).await, ["teacherId NOT_FOUND"]);
        assert_eq!(app.refused(&admin, "changeRoutine", json!({"id": app.id(Kind::Routine, 9999), "version": 1})).await, ["id NOT_FOUND"]);
        // It does not clash with itself.
        admin.done("changeRoutine", json!({"id": id, "version": 1, "startsAt": "19:15", "endsAt": "20:15"}), "").await;
    }

    async fn all_that_is_wrong_with_a_slot_is_said_at_once(app: TestApp) {
        let (admin, hod) = (app.sign_in(cast::ADMIN).await, app.sign_in(cast::HOD).await);
        let (lesson, teacher) = (subject(&app, 1, 1, 0).await, app.staff(cast::TEACHER).await);
        let nobody = app.staff(cast::ADMISSION).await;
        let wrong = slot(&lesson, &nobody, &[], "19:00", "19:00", "a\u{7}");
        let mut errors = app.refused(&admin, "createRoutine", wrong).await;
        errors.sort();
        assert_eq!(errors, ["endsAt OUT_OF_RANGE", "room INVALID", "teacherId NOT_FOUND", "weekdays REQUIRED"]);
        let twice = slot(&lesson, &teacher, &["SUNDAY", "SUNDAY"], "19:00", "18:00", "Hall");
        assert_eq!(app.refused(&admin, "createRoutine", twice).await, ["weekdays DUPLICATE", "endsAt OUT_OF_RANGE"]);
        let unknown = slot(&app.id(Kind::Subject, 9999), &app.id(Kind::Student, 1), &["SUNDAY"], "18:00", "19:00", "Hall");
        assert_eq!(app.refused(&admin, "createRoutine", unknown).await, ["subjectId NOT_FOUND"]);
        let unknown = slot(&lesson, &app.id(Kind::Student, 1), &["SUNDAY"], "18:00", "19:00", "Hall");
        assert_eq!(app.refused(&admin, "createRoutine", unknown).await, ["teacherId NOT_FOUND"]);
        let planned = slot(&subject(&app, 4, 1, 0).await, &teacher, &["SUNDAY"], "18:00", "19:00", "Hall");
        assert_eq!(app.refused(&admin, "createRoutine", planned).await, ["subjectId WRONG_STATUS"]);
        let leap = json!({"input": slot(&lesson, &teacher, &["SUNDAY"], "18:59:60", "19:30", "Hall")});
        let answer = admin.ask_with("mutation($input: CreateRoutineInput!) { createRoutine(input: $input) { routine { id } } }", leap).await;
        assert_eq!(answer.errors.len(), 1, "no clock shows a leap second");

        let wanted = slot(&lesson, &teacher, &["SUNDAY"], "18:00", "19:00", "Hall");
        let account = format!("(SELECT id FROM accounts WHERE email = '{}')", cast::TEACHER);
        app.database.execute(&format!("UPDATE accounts SET active = FALSE WHERE id = {account}")).await;
        assert_eq!(app.refused(&hod, "createRoutine", wanted.clone()).await, ["teacherId WRONG_STATUS"]);
        app.database.execute(&format!("UPDATE accounts SET active = TRUE WHERE id = {account}")).await;
        app.database.execute(&format!("UPDATE staff SET archived_at = '2026-03-19 08:00:00' WHERE account_id = {account}")).await;
        assert_eq!(app.refused(&admin, "createRoutine", wanted.clone()).await, ["teacherId WRONG_STATUS"]);
        // Who is archived is for ADMIN to know of.
        assert_eq!(app.refused(&hod, "createRoutine", wanted).await, ["teacherId NOT_FOUND"]);
    }

    async fn the_timetable_is_made_by_the_hod_of_the_course_and_admin(app: TestApp) {
        let teacher = app.staff(cast::TEACHER).await;
        let own = subject(&app, 1, 1, 0).await;
        let routine = app.id_of(Kind::Routine, "SELECT min(id) FROM routines WHERE active AND course_id = 1").await;
        let wanted = slot(&own, &teacher, &["SUNDAY"], "18:00", "19:00", "Hall");
        let of_two = app.sign_in(cast::HOD_OF_TWO).await;
        assert_eq!(app.denied(&of_two, "createRoutine", wanted.clone()).await, "FORBIDDEN");
        assert_eq!(app.refused(&of_two, "changeRoutine", json!({"id": routine, "version": 1, "room": "X"})).await, ["id NOT_FOUND"]);
        assert_eq!(app.refused(&of_two, "endRoutine", json!({"id": routine})).await, ["id NOT_FOUND"]);
        // Who heads another course and teaches here sees the slot, and changes it no more than any teacher does.
        let both = app.sign_in(cast::HOD_TEACHER).await;
        let own_slot = format!("SELECT min(r.id) FROM routines r JOIN staff s ON s.id = r.teacher_id JOIN accounts a ON a.id = s.account_id WHERE r.active AND a.email = '{}'", cast::HOD_TEACHER);
        let own_slot = app.id_of(Kind::Routine, &own_slot).await;
        assert_eq!(app.denied(&both, "createRoutine", wanted.clone()).await, "FORBIDDEN");
        assert_eq!(app.denied(&both, "changeRoutine", json!({"id": own_slot, "version": 1, "room": "X"})).await, "FORBIDDEN");
        assert_eq!(app.denied(&both, "endRoutine", json!({"id": own_slot})).await, "FORBIDDEN");
        for (role, client) in app.everybody().await {
            if ["ADMIN", "HOD"].contains(&role) {
                continue;
            }
            let code = if role == "ANONYMOUS" { "UNAUTHENTICATED" } else { "FORBIDDEN" };
            assert_eq!(app.denied(&client, "createRoutine", wanted.clone()).await, code, "{role}");
            assert_eq!(app.denied(&client, "changeRoutine", json!({"id": routine, "version": 1})).await, code, "{role}");
            assert_eq!(app.denied(&client, "endRoutine", json!({"id": routine})).await, code, "{role}");
        }
    }

    async fn attendance_that_was_marked_stays_as_it_was(app: TestApp) {
        let admin = app.sign_in(cast::ADMIN).await;
        let marked = "SELECT id FROM routines WHERE active AND id IN (SELECT routine_id FROM attendance_sessions) ORDER BY id LIMIT 1";
        let number = app.number(marked).await;
        let id = app.id(Kind::Routine, number);
        let sessions = || async {
            let attendance = app.database.contents().await.into_iter().filter(|table| table.starts_with("attendance"));
            attendance.collect::<Vec<_>>()
        };
        let before = sessions().await;
        let teacher = app.staff(cast::TEACHER_PARENT).await;
        let change = json!({"id": id, "version": 1, "teacherId": teacher, "weekdays": ["SUNDAY"], "startsAt": "18:00", "endsAt": "19:00", "room": "Hall"});
        admin.done("changeRoutine", change, "").await;
        admin.done("endRoutine", json!({"id": id}), "").await;
        assert_eq!(sessions().await, before);
    }

    async fn of_two_slots_that_want_one_teacher_at_once_one_is_made(app: TestApp) {
        let (teacher, one, other) = (app.staff(cast::TEACHER).await, subject(&app, 1, 1, 0).await, subject(&app, 2, 1, 0).await);
        at_once(&app, "teacherId STAFF_BUSY", |day, from, to| {
            [slot(&one, &teacher, &[day], from, to, "Hall"), slot(&other, &teacher, &[day], from, to, "Attic")]
        }).await;
    }

    async fn of_two_slots_that_want_one_room_at_once_one_is_made(app: TestApp) {
        let (teacher, both) = (app.staff(cast::TEACHER).await, app.staff(cast::HOD_TEACHER).await);
        let (one, other) = (subject(&app, 1, 1, 0).await, subject(&app, 2, 1, 0).await);
        at_once(&app, "room ROOM_BUSY", |day, from, to| {
            [slot(&one, &teacher, &[day], from, to, "Hall"), slot(&other, &both, &[day], from, to, "Hall")]
        }).await;
    }

    async fn of_two_slots_that_want_one_class_at_once_one_is_made(app: TestApp) {
        let (teacher, both) = (app.staff(cast::TEACHER).await, app.staff(cast::HOD_TEACHER).await);
        let (one, other) = (subject(&app, 1, 1, 0).await, subject(&app, 1, 1, 1).await);
        at_once(&app, "subjectId CLASS_BUSY", |day, from, to| {
            [slot(&one, &teacher, &[day], from, to, "Hall"), slot(&other, &both, &[day], from, to, "Attic")]
        }).await;
    }

    async fn of_two_slots_that_are_moved_to_one_hour_at_once_one_is(app: TestApp) {
        let admin = app.sign_in(cast::ADMIN).await;
        let (teacher, lesson) = (app.staff(cast::TEACHER).await, subject(&app, 1, 1, 0).await);
        for round in 0..25 {
            let day = DAYS[round % 7];
            let hours = [format!("{}:00", 16 + round / 7), format!("{}:30", 16 + round / 7), format!("{}:59", 16 + round / 7)];
            let mut made = Vec::new();
            for (from, to) in [("04:00", "04:30"), ("05:00", "05:30")] {
                let input = slot(&lesson, &teacher, &[day], from, to, "Hall");
                made.push(admin.done("createRoutine", input, ROUTINE).await["routine"]["id"].clone());
            }
            let moved = |id: &Value| json!({"id": id, "version": 1, "startsAt": hours[0], "endsAt": hours[2]});
            let (a, b) = (moved(&made[0]), moved(&made[1]));
            let (a, b) = tokio::join!(admin.attempt("changeRoutine", &a), admin.attempt("changeRoutine", &b));
            let mut outcomes = [a, b];
            outcomes.sort();
            assert_eq!(outcomes, ["done".to_owned(), "teacherId STAFF_BUSY, room ROOM_BUSY, id CLASS_BUSY".to_owned()]);
            app.database.execute("UPDATE routines SET active = FALSE WHERE room = 'Hall'").await;
        }
    }
}

/// 25 times two slots at once that clash: one is made, and the other is told why it was not.
async fn at_once(app: &TestApp, error: &str, slots: impl Fn(&str, &str, &str) -> [Value; 2]) {
    let admin = app.sign_in(cast::ADMIN).await;
    let active = "SELECT count(*) FROM routines WHERE active";
    let before = app.number(active).await;
    for round in 0..25 {
        let (from, to) = (format!("{}:00", 16 + round / 6), format!("{}:50", 16 + round / 6));
        let [a, b] = slots(DAYS[round % 6], &from, &to);
        let (a, b) = tokio::join!(admin.attempt("createRoutine", &a), admin.attempt("createRoutine", &b));
        let mut outcomes = [a, b];
        outcomes.sort();
        assert_eq!(outcomes, ["done", error].map(str::to_owned), "round {round}");
    }
    assert_eq!(app.number(active).await, before + 25);
}
