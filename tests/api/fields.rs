//! Field guards: who may read which field of a row in their scope, written out from the page that states it, against the
//! schema's statements and against answers.
//!
//! Where the page is silent the schema's own statement stands here: a student's joining date and timetable, a staff
//! member's timetable and headed courses (all of them for whoever reaches the card), a co-parent's list of students (of
//! which the viewer sees those they share).

use std::collections::{BTreeMap, BTreeSet};

use rollcall::{demo::cast, ids::Kind};
use serde_json::{Value, json};

use crate::{
    hard::hard_cases,
    reached::viewers,
    rules::{Viewer, rule},
    support::{
        Answer, TestApp, of,
        schema::{Field, SCHEMA},
    },
};

/// Everybody who signs in.
const PEOPLE: &str = "ADMIN HOD ADMISSION STAFF STUDENT PARENT SELF";
const TEACHING: &str = "ADMIN HOD STAFF STUDENT PARENT";
const ANYONE: &str = "ADMIN HOD ADMISSION STAFF STUDENT PARENT REPORTING SELF ANONYMOUS";

/// Each type with all of its fields, by who may read them.
#[rustfmt::skip]
static FIELDS: [(&str, &[(&str, &str)]); 19] = [
    ("Student", &[
        (PEOPLE, "id name photoUrl status course batches currentPeriod routines version viewerCan"),
        ("ADMIN HOD ADMISSION STUDENT PARENT", "phone email temporaryAddress permanentAddress birthDate gender joiningDate"),
        ("ADMIN ADMISSION STUDENT PARENT", "citizenshipNumber maritalStatus"),
        ("ADMIN HOD ADMISSION STAFF STUDENT PARENT", "parents courseTrackings"),
        (TEACHING, "attendanceSummary attendanceBySubject attendanceByMonth attendanceRecords subjectProgress meetings"),
        ("ADMIN HOD STUDENT PARENT", "leaveRequests"),
        ("ADMIN HOD STUDENT", "teacherFeedback"),
        ("ADMIN STUDENT", "account"),
        ("ADMIN", "archivedAt"),
    ]),
    ("Staff", &[
        (PEOPLE, "id name photoUrl designation subjects routines viewerCan"),
        ("ADMIN HOD ADMISSION STAFF SELF", "headedCourses"),
        ("ADMIN HOD SELF", "phone email meetings leaveRequests feedback feedbackSummary active version"),
        ("ADMIN SELF", "roles gender birthDate temporaryAddress permanentAddress maritalStatus citizenshipNumber \
            passportNumber nextOfKin joiningDate account"),
        ("ADMIN", "archivedAt"),
    ]),
    ("Parent", &[
        (PEOPLE, "id name students version viewerCan"),
        ("ADMIN HOD ADMISSION SELF", "photoUrl address phone email"),
        ("ADMIN HOD STAFF SELF", "meetings"),
        ("ADMIN HOD SELF", "teacherFeedback"),
        ("ADMIN SELF", "account"),
        ("ADMIN", "archivedAt"),
    ]),
    ("Account", &[("ADMIN SELF", "id email phone active lastSignInAt createdAt sessions identities")]),
    ("Session", &[("ADMIN SELF", "id device createdAt lastUsedAt expiresAt current viewerCan")]),
    ("ApiKey", &[
        ("ADMIN", "id name prefix scope createdBy createdAt expiresAt lastUsedAt revokedAt active version viewerCan"),
    ]),
    ("Export", &[("ADMIN HOD", "id course firstDay lastDay state createdAt finishedAt content")]),
    ("Job", &[("ADMIN", "id kind state priority attempts dueAt createdAt finishedAt lastError viewerCan")]),
    ("LeaveRequest", &[
        (PEOPLE, "id student staff firstDay lastDay status viewerCan"),
        ("ADMIN HOD STUDENT PARENT SELF", "message remark decidedBy decidedAt requestedBy createdAt"),
    ]),
    ("Meeting", &[
        (TEACHING, "id startsAt minutes endsAt status agenda cancellationReason online staff parents students \
            version viewerCan"),
        ("ADMIN HOD STAFF PARENT", "notes link"),
    ]),
    ("TeacherFeedback", &[
        (TEACHING, "id teacher rating message viewerCan"),
        ("ADMIN HOD STUDENT PARENT", "student parent createdAt updatedAt"),
    ]),
    ("InstituteFeedback", &[(PEOPLE, "id type rating message anonymous public mine authorName createdAt viewerCan")]),
    ("CourseTracking", &[
        (PEOPLE, "id student course enrolledOn startedOn expectedEnd actualEnd status completion currentPeriod \
            periodStartedOn periodEndsOn version viewerCan"),
        ("ADMIN HOD STAFF", "notes"),
    ]),
    ("SubjectProgress", &[(PEOPLE, "id student subject status completion version"), ("ADMIN HOD STAFF", "notes")]),
    ("AttendanceRecord", &[
        (TEACHING, "id session student status date subject"),
        ("ADMIN HOD STAFF", "corrections"),
    ]),
    ("Notice", &[
        (PEOPLE, "id title message imageUrl fileUrl publishedAt publishedBy readAt version viewerCan"),
        ("ADMIN HOD SELF", "audience"),
        ("ADMIN", "withdrawnAt"),
    ]),
    ("Notification", &[("SELF", "id kind category at readAt subject student")]),
    ("Device", &[("SELF", "id platform active lastError createdAt")]),
    ("Institute", &[
        (ANYONE, "id name phone email address logoUrl description timeZone"),
        ("ADMIN", "registrationNumber taxNumber secondFactorRequired version"),
    ]),
];

/// Every field of a type of [`FIELDS`] with the roles that may read it.
fn stated(type_name: &str) -> Vec<(&'static str, BTreeSet<&'static str>)> {
    let (_, groups) = FIELDS.iter().find(|(name, _)| *name == type_name).unwrap();
    let fields = groups.iter().flat_map(|(roles, fields)| fields.split_whitespace().map(move |field| (field, roles)));
    fields.map(|(field, roles)| (field, roles.split(' ').collect())).collect()
}

#[test]
fn the_schema_states_what_the_rules_state() {
    let mut wrong = Vec::new();
    for (type_name, _) in &FIELDS {
        for (field, roles) in stated(type_name) {
            let published: BTreeSet<&str> =
                SCHEMA.object(type_name).field(field).may.iter().map(|role| &**role).collect();
            if published != roles {
                wrong.push(format!("{type_name}.{field}: {published:?} instead of {roles:?}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn no_field_of_these_types_is_left_out() {
    for (type_name, _) in &FIELDS {
        let listed: Vec<&str> = stated(type_name).iter().map(|(field, _)| *field).collect();
        let published: BTreeSet<&str> = SCHEMA.object(type_name).fields.iter().map(|field| &*field.name).collect();
        assert_eq!(listed.len(), published.len(), "{type_name}: once each");
        assert_eq!(listed.into_iter().collect::<BTreeSet<_>>(), published, "{type_name}");
    }
}

/// All the fields of a type, as a selection.
fn selection(type_name: &str) -> String {
    let field = |field: &Field| {
        format!("{}{}", field.name, if SCHEMA.is_composite(&field.leads_to) { " { __typename }" } else { "" })
    };
    SCHEMA.object(type_name).fields.iter().map(field).collect::<Vec<_>>().join(" ")
}

/// Whether a field was read: if not, it must be null with this code at its path.
#[track_caller]
fn was_read(answer: &Answer, alias: &str, field: &str, code: &str, what: &str) -> bool {
    let errors: Vec<&Value> = answer.errors.iter().filter(|error| error["path"] == json!([alias, field])).collect();
    let value = answer.at(&format!("/{alias}/{field}"));
    match errors[..] {
        [] => true,
        [error] => {
            assert_eq!((&error["extensions"]["code"], value), (&json!(code), &Value::Null), "{what}");
            false
        }
        _ => panic!("{what}: {errors:?}"),
    }
}

/// Two rows for each set of roles by which this viewer reaches rows of a type.
async fn one_of_each_kind(app: &TestApp, viewer: &Viewer, type_name: &str) -> Vec<(i64, BTreeSet<&'static str>)> {
    let mut taken: BTreeMap<BTreeSet<&str>, usize> = BTreeMap::new();
    let mut rows: Vec<_> = rule(type_name).granted(app, viewer).await.into_iter().collect();
    rows.retain(|(_, roles)| {
        let taken = taken.entry(roles.clone()).or_default();
        *taken += 1;
        *taken <= 2
    });
    rows
}

on_both! {
    async fn every_field_is_read_by_those_who_may_and_denied_to_all_others(app: TestApp) {
        hard_cases(&app).await;
        // For each field: how often it was read, and how often denied.
        let mut outcomes: BTreeMap<(&str, &str), (usize, usize)> = BTreeMap::new();
        for (viewer, client) in viewers(&app).await {
            for (type_name, _) in FIELDS.iter().filter(|(name, _)| *name != "Institute") {
                let rows = one_of_each_kind(&app, viewer, type_name).await;
                if rows.is_empty() {
                    continue;
                }
                let fields = selection(type_name);
                let nodes = rows.iter().map(|(number, _)| {
                    format!("r{number}: node(id: \"{}\") {{ ... on {type_name} {{ {fields} }} }}", app.id(rule(type_name).kind, *number))
                });
                let answer = client.ask(&format!("{{ {} }}", nodes.collect::<Vec<_>>().join(" "))).await;
                for (number, granted) in &rows {
                    for (field, roles) in stated(type_name) {
                        let what = format!("{}: {type_name} {number} as {granted:?}: {field}", viewer.name);
                        let read = was_read(&answer, &format!("r{number}"), field, "FORBIDDEN", &what);
                        assert_eq!(read, !roles.is_disjoint(granted), "{what}");
                        let (reads, denials) = outcomes.entry((*type_name, field)).or_default();
                        *(if read { reads } else { denials }) += 1;
                    }
                }
                let denied = rows.iter().map(|(_, granted)| stated(type_name).iter().filter(|(_, roles)| roles.is_disjoint(granted)).count());
                assert_eq!(answer.errors.len(), denied.sum::<usize>(), "{}: {type_name}: errors elsewhere: {:#?}", viewer.name, answer.errors);
            }
        }
        for (type_name, _) in FIELDS.iter().filter(|(name, _)| *name != "Institute") {
            let all: BTreeSet<&str> = rule(type_name).arms.iter().map(|(_, granted, _)| *granted).collect();
            for (field, roles) in stated(type_name) {
                let (reads, denials) = outcomes[&(*type_name, field)];
                assert!(reads > 0, "{type_name}.{field} was read by nobody");
                assert_eq!(denials > 0, !all.is_subset(&roles), "{type_name}.{field}: {denials} denials");
            }
        }
    }

    async fn the_institutes_card_is_public_and_its_numbers_are_the_administrators(app: TestApp) {
        hard_cases(&app).await;
        let fields = selection("Institute");
        for (viewer, client) in viewers(&app).await {
            let answer = client.ask(&format!("{{ institute {{ {fields} }} }}")).await;
            let (nobody, code) = if viewer.roles.is_empty() { ("ANONYMOUS", "UNAUTHENTICATED") } else { ("SELF", "FORBIDDEN") };
            for (field, roles) in stated("Institute") {
                let read = was_read(&answer, "institute", field, code, viewer.name);
                let may = roles.contains(nobody) || viewer.roles.iter().any(|role| roles.contains(role));
                assert_eq!(read, may, "{}: Institute.{field}", viewer.name);
            }
        }
    }

    async fn everybody_reads_their_own_details(app: TestApp) {
        hard_cases(&app).await;
        for (viewer, client) in viewers(&app).await.into_iter().filter(|(viewer, _)| viewer.is_person()) {
            let data = client
                .data(
                    "{ viewer { account { email phone } staff { email phone nextOfKin citizenshipNumber roles } \
                       parent { email phone address } student { email phone citizenshipNumber } } }",
                )
                .await;
            let me = &data["viewer"];
            assert_eq!(me["account"]["email"], viewer.email);
            let people: Vec<&Value> = ["staff", "parent", "student"].into_iter().map(|who| &me[who]).filter(|who| who.is_object()).collect();
            assert!(!people.is_empty(), "{} is somebody", viewer.name);
            for person in people {
                assert_eq!((&person["email"], &person["phone"]), (&me["account"]["email"], &me["account"]["phone"]), "{}", viewer.name);
                assert!(person["phone"].is_string(), "{}", viewer.name);
            }
        }
    }

    async fn the_phone_of_a_co_parent_a_colleague_or_a_teacher_elsewhere_is_denied(app: TestApp) {
        let taught_by_headed = format!("SELECT teacher_id FROM routines r JOIN courses c ON c.id = r.course_id WHERE r.active AND c.hod_id = ({})", of("staff", cast::HOD));
        let own_teacher = format!("SELECT MIN(teacher_id) FROM ({taught_by_headed}) AS own");
        let elsewhere = format!(
            "SELECT MIN(r.staff_id) FROM staff_roles r WHERE r.role = 'TEACHER' AND r.staff_id NOT IN ({taught_by_headed})"
        );
        let cases = [
            (cast::PARENT, Kind::Parent, of("parents", cast::OTHER_PARENT), false),
            (cast::PARENT, Kind::Parent, of("parents", cast::PARENT), true),
            (cast::STUDENT, Kind::Parent, of("parents", cast::PARENT), false),
            (cast::TEACHER, Kind::Parent, of("parents", cast::PARENT), false),
            (cast::HOD, Kind::Parent, of("parents", cast::PARENT), true),
            (cast::TEACHER, Kind::Staff, of("staff", cast::HOD_TEACHER), false),
            (cast::TEACHER, Kind::Staff, of("staff", cast::TEACHER), true),
            (cast::ADMISSION, Kind::Staff, of("staff", cast::TEACHER), false),
            (cast::STUDENT, Kind::Staff, of("staff", cast::TEACHER), false),
            (cast::PARENT, Kind::Staff, of("staff", cast::TEACHER), false),
            (cast::HOD, Kind::Staff, own_teacher, true),
            (cast::HOD, Kind::Staff, elsewhere, false),
        ];
        for (who, kind, whom, may) in cases {
            let number = app.database.numbers(&whom).await[0];
            let client = app.sign_in(who).await;
            let query = "query($id: ID!) { node(id: $id) { ... on Parent { name phone } ... on Staff { name phone } } }";
            let answer = client.ask_with(query, json!({"id": app.id(kind, number)})).await;
            let what = format!("{who} on {kind:?} {number}");
            assert!(answer.at("/node/name").is_string(), "{what}");
            assert_eq!(was_read(&answer, "node", "phone", "FORBIDDEN", &what), may, "{what}");
        }
    }

    async fn anonymous_feedback_has_no_author_but_for_its_author(app: TestApp) {
        hard_cases(&app).await;
        let query = "{ instituteFeedback(first: 100) { edges { node { id anonymous mine authorName createdAt } } } }";
        for (viewer, client) in viewers(&app).await.into_iter().filter(|(viewer, _)| viewer.is_person()) {
            let data = client.data(query).await;
            let mine = format!("(SELECT id FROM accounts WHERE email = '{}')", viewer.email);
            let known = format!("SELECT id FROM institute_feedback WHERE NOT anonymous OR account_id = {mine}");
            let known: BTreeSet<String> = ids(&app, &known).await;
            let own = ids(&app, &format!("SELECT id FROM institute_feedback WHERE account_id = {mine}")).await;
            let mut anonymous = 0;
            for edge in data["instituteFeedback"]["edges"].as_array().unwrap() {
                let node = &edge["node"];
                let id = node["id"].as_str().unwrap();
                let what = format!("{}: {node}", viewer.name);
                assert_eq!(node["mine"], own.contains(id), "{what}");
                assert_eq!(node["createdAt"].is_string(), own.contains(id), "{what}");
                assert!(known.contains(id) || node["authorName"].is_null(), "{what}");
                // An ADMIN reaches everybody, and everybody themselves.
                if viewer.name == "ADMIN" || own.contains(id) {
                    assert_eq!(node["authorName"].is_string(), known.contains(id), "{what}");
                }
                anonymous += usize::from(!known.contains(id));
            }
            assert!(anonymous > 0, "{}: there is anonymous feedback", viewer.name);
        }
    }
}

async fn ids(app: &TestApp, query: &str) -> BTreeSet<String> {
    app.database.numbers(query).await.into_iter().map(|number| app.id(Kind::InstituteFeedback, number)).collect()
}
