//! The figures of reports: everything for those who read every figure, for an HOD that of the courses that they head, and
//! nothing for anybody else.

use std::fmt::Debug;

use super::*;

/// What somebody is given of a figure: of which course, where it is of one, and what.
type Given = BTreeSet<(Option<i64>, String)>;

async fn given(reader: &Reader<'_>) -> BTreeMap<&'static str, Given> {
    let (courses, batches, subjects) =
        (reader.all("Course").await, reader.all("Batch").await, reader.all("Subject").await);
    let mut of_subject = BTreeMap::new();
    for course in &courses {
        let of = reader.app.database.numbers(&format!("SELECT id FROM subjects WHERE course_id = {course}")).await;
        of_subject.extend(of.into_iter().map(|subject| (subject, *course)));
    }
    let of_one = |course: i64, what: &dyn Debug| (Some(course), format!("{what:?}"));
    let of_all = |what: &dyn Debug| (None, format!("{what:?}"));
    let students = read!(reader, reports::students_of_courses(&courses));
    let attendance = read!(reader, reports::attendance_of_courses(&courses));
    let lessons = read!(reader, reports::attendance_of_subjects(&subjects));
    let rated = read!(reader, reports::ratings_of_teachers());
    BTreeMap::from([
        ("students_of_courses", students.iter().map(|row| of_one(row.0, &row)).collect()),
        ("attendance_of_courses", attendance.iter().map(|row| of_one(row.0, &row)).collect()),
        ("attendance_of_subjects", lessons.iter().map(|row| of_one(of_subject[&row.0], &row)).collect()),
        (
            "members_of_batches",
            read!(reader, reports::members_of_batches(&batches)).iter().map(|row| of_all(&row)).collect(),
        ),
        (
            "attendance_of_batches",
            read!(reader, reports::attendance_of_batches(&batches)).iter().map(|row| of_all(&row)).collect(),
        ),
        (
            "attendance_by_month",
            read!(reader, reports::attendance_by_month(12)).iter().map(|row| of_all(&row)).collect(),
        ),
        ("students_by_status", read!(reader, reports::students_by_status()).iter().map(|row| of_all(&row)).collect()),
        ("leave_of_students", read!(reader, reports::leave_of_students()).iter().map(|row| of_all(&row)).collect()),
        ("leave_of_staff", read!(reader, reports::leave_of_staff()).iter().map(|row| of_all(&row)).collect()),
        (
            "ratings_of_institute",
            read!(reader, reports::ratings_of_institute()).iter().map(|row| of_all(&row)).collect(),
        ),
        // One row always, of nothing where nothing is reached.
        ("ratings_of_teachers", Some(of_all(&rated)).filter(|_| rated.count > 0).into_iter().collect()),
    ])
}

/// That everybody is given what is theirs.
pub async fn all(readers: &[Reader<'_>]) {
    let of_everything =
        |reader: &&Reader<'_>| ["ADMIN", "REPORTING"].iter().any(|role| reader.viewer.roles.contains(role));
    let everything = given(readers.iter().find(of_everything).unwrap()).await;
    assert!(
        everything.values().all(|figures| !figures.is_empty()),
        "there is something of everything: {everything:#?}"
    );
    for reader in readers {
        let headed = if reader.viewer.roles.contains(&"HOD") {
            let staff = reader.scope.staff();
            reader.app.database.numbers(&format!("SELECT id FROM courses WHERE hod_id = {staff}")).await
        } else {
            Vec::new()
        };
        let theirs = |figures: &Given| -> Given {
            let of_course = |course: &Option<i64>| course.is_some_and(|course| headed.contains(&course));
            figures.iter().filter(|(course, _)| of_everything(&reader) || of_course(course)).cloned().collect()
        };
        for (figure, found) in given(reader).await {
            assert_eq!(found, theirs(&everything[figure]), "{}: reports::{figure}", reader.viewer.name);
        }
    }
}
