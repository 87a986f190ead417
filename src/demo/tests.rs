//! The rules of the domain, on what the generator makes.

use std::collections::{HashMap, HashSet};

use chrono::Datelike;

use super::{data::*, rows::*, *};

fn today() -> NaiveDate {
    NaiveDate::from_ymd_opt(2026, 11, 18).unwrap_or_default()
}

/// The demonstration's data, and that of a few other sizes.
fn several() -> Vec<(Size, Data)> {
    [Size::demo(), Size::of(0, 0), Size::of(200, 30), Size::of(1500, 140)]
        .map(|size| {
            let data = Data::generate(&size, today(), "hash");
            (size, data)
        })
        .into()
}

#[test]
fn the_same_size_and_day_give_the_same_rows() {
    let made = |seed| Data::generate(&Size { seed, ..Size::demo() }, today(), "hash");
    let (one, two, other) = (made(1), made(1), made(2));
    assert_eq!(one, two);
    assert!(one.records().eq(two.records()));
    assert_ne!(one.accounts, other.accounts);
}

#[test]
fn there_is_as_much_as_was_asked_for() {
    for (size, data) in several() {
        assert_eq!(data.students.len(), size.students);
        assert_eq!(data.courses.len(), size.courses + 1);
        assert_eq!(data.staff.len(), 2 + size.courses + size.teachers);
        assert_eq!(data.sessions.len(), size.days * size.classes * 3, "three lessons a class and day: {size:?}");
        assert_eq!(data.records().count() as u64, data.record_count);
        let placed = data.classes.iter().map(|class| class.members.len()).max().unwrap_or(0);
        assert!(placed <= 60, "{placed} in a class: {size:?}");
    }
    let demo = Data::generate(&Size::demo(), today(), "hash");
    assert_eq!((demo.staff.len(), demo.batches.len(), demo.institute.len()), (18, 6, 1));
    for states in [
        demo.meetings.iter().map(|row| row.status).collect::<HashSet<_>>().len(),
        demo.trackings.iter().map(|row| row.status).collect::<HashSet<_>>().len(),
    ] {
        assert_eq!(states, 4);
    }
    assert_eq!(demo.leave.iter().map(|row| row.status).collect::<HashSet<_>>().len(), 3);
}

#[test]
fn nothing_is_later_than_today() {
    for (_, data) in several() {
        let now = at(today(), 0, 0);
        assert!(data.accounts.iter().all(|row| row.created_at < now && row.last_sign_in_at < Some(now)));
        assert!(data.sessions.iter().all(|row| row.date < today() && row.marked_at < now));
        assert!(data.students.iter().all(|row| row.joining_date <= Some(today())));
        assert!(data.students.iter().all(|row| row.joining_date.is_none_or(|joined| row.birth_date < joined)));
        assert!(data.leave.iter().all(|row| row.created_at < now && row.decided_at < Some(now)));
        assert!(data.corrections.iter().all(|row| row.corrected_at < now));
        assert!(data.meetings.iter().all(|row| row.created_at < now && row.created_at < row.starts_at));
        assert!(data.reads.iter().all(|row| row.read_at < now));
    }
}

#[test]
fn no_teacher_room_or_class_is_in_two_slots_at_once() {
    for (size, data) in several() {
        let mut taken = HashSet::new();
        for routine in data.routines.iter().filter(|routine| routine.active) {
            assert!(routine.starts_at < routine.ends_at);
            for day in (0..7).filter(|day| routine.weekdays & (1 << day) != 0) {
                let time = routine.starts_at;
                assert!(taken.insert((0, routine.teacher_id.to_string(), day, time)), "{size:?} {routine:?}");
                assert!(taken.insert((1, routine.room.clone(), day, time)), "{size:?} {routine:?}");
                let class = format!("{} {}", routine.course_id, routine.period);
                assert!(taken.insert((2, class, day, time)), "{size:?} {routine:?}");
            }
        }
        // All lessons last as long, in whole hours: to begin at another time is not to overlap.
        assert!(data.routines.iter().all(|r| (r.ends_at - r.starts_at).num_minutes() == 50));
    }
}

#[test]
fn records_are_of_those_in_class_on_days_the_routine_runs_and_excused_on_approved_leave() {
    for (_, data) in several() {
        let routines: HashMap<i64, &Routine> = data.routines.iter().map(|row| (row.id, row)).collect();
        for session in &data.sessions {
            let routine = routines[&session.routine_id];
            assert!(routine.active && routine.weekdays & (1 << session.date.weekday().num_days_from_monday()) != 0);
            assert_eq!((routine.subject_id, routine.teacher_id), (session.subject_id, session.teacher_id));
        }
        let mut leave: HashMap<i64, Vec<(NaiveDate, NaiveDate)>> = HashMap::new();
        for row in data.leave.iter().filter(|row| row.status == "APPROVED") {
            if let Some(student) = row.student_id {
                leave.entry(student).or_default().push((row.first_day, row.last_day));
            }
        }
        let mut excused = 0;
        for record in data.records() {
            let session = &data.sessions[index(record.session_id)];
            assert_eq!((session.date, session.subject_id, session.held), (record.date, record.subject_id, record.held));
            let student = &data.students[index(record.student_id)];
            let routine = routines[&session.routine_id];
            assert_eq!((student.course_id, student.current_period), (Some(routine.course_id), Some(routine.period)));
            assert!(student.joining_date <= Some(record.date));
            assert!(student.archived_at.is_none_or(|archived| record.date <= archived.date()));
            let on_leave = leave.get(&student.id).is_some_and(|spans| attendance::covers(spans, record.date));
            assert_eq!(record.status == AttendanceStatus::Excused, on_leave);
            excused += u32::from(on_leave);
        }
        assert!(excused > 0);
    }
}

#[test]
fn leave_is_decided_by_the_hod_of_the_course_or_an_admin_and_never_by_who_asked() {
    for (_, data) in several() {
        let account = |staff| data.staff_account(staff);
        for row in &data.leave {
            assert!(row.first_day <= row.last_day);
            assert_eq!(row.status == "PENDING", row.decided_by.is_none());
            let Some(by) = row.decided_by else { continue };
            assert_ne!(by, row.requested_by);
            let mut may = vec![account(people::ADMIN)];
            if let Some(student) = row.student_id {
                let course = data.students[index(student)].course_id.unwrap_or_default();
                may.push(account(data.courses[index(course)].hod_id));
            }
            let taught = data.routines.iter().filter(|r| r.active && Some(r.teacher_id) == row.staff_id);
            may.extend(taught.map(|routine| account(data.courses[index(routine.course_id)].hod_id)));
            assert!(may.contains(&by), "{row:?}");
        }
    }
}

#[test]
fn feedback_is_about_those_who_teach_the_student_and_once_each() {
    for (_, data) in several() {
        let mut seen = HashSet::new();
        for row in &data.teacher_feedback {
            assert!(seen.insert((row.student_id, row.parent_id, row.teacher_id)));
            let class = data.pupils[index(row.student_id)].class.unwrap_or_default();
            assert!(data.teachers_of(&data.classes[class]).contains(&row.teacher_id));
            let link = |parent: i64| ParentStudent { parent_id: parent, student_id: row.student_id };
            assert!(row.parent_id.is_none_or(|parent| data.parent_students.contains(&link(parent))));
        }
        let authors: HashSet<_> = data.institute_feedback.iter().map(|row| (row.account_id, row.type_)).collect();
        assert_eq!(authors.len(), data.institute_feedback.len());
    }
}

#[test]
fn nobody_is_in_two_meetings_at_once() {
    for (_, data) in several() {
        let mut taken = HashSet::new();
        let now = at(today(), 0, 0);
        for meeting in &data.meetings {
            assert!(taken.insert((0, meeting.staff_id, meeting.starts_at)));
            assert_eq!(meeting.open, matches!(meeting.status, "SCHEDULED" | "RESCHEDULED"));
            assert!(meeting.status != "COMPLETED" || meeting.starts_at < now);
        }
        assert!(data.meeting_parents.iter().all(|row| taken.insert((1, row.parent_id, row.starts_at))));
        let met: HashSet<i64> = data.meeting_parents.iter().map(|row| row.meeting_id).collect();
        assert_eq!(met.len(), data.meetings.len(), "every meeting has a parent in it");
    }
}

#[test]
fn completion_follows_the_rule() {
    for (size, data) in several() {
        let mut subjects: HashMap<i64, f64> = HashMap::new();
        for subject in &data.subjects {
            *subjects.entry(subject.course_id).or_default() += 1.0;
        }
        let mut completed: HashMap<(i64, i64), f64> = HashMap::new();
        for row in data.progress.iter().filter(|row| row.status == "COMPLETED") {
            let course = data.subjects[index(row.subject_id)].course_id;
            *completed.entry((row.student_id, course)).or_default() += 1.0;
        }
        for row in &data.trackings {
            let own = data.students[index(row.student_id)].course_id == Some(row.course_id);
            let attendance = data.counts[index(row.student_id)].percentage().filter(|_| own).unwrap_or(0.0);
            let share =
                completed.get(&(row.student_id, row.course_id)).copied().unwrap_or(0.0) / subjects[&row.course_id];
            assert!((row.completion - (70.0 * share + 0.3 * attendance)).abs() < 1e-9, "{row:?}");
            assert_eq!(row.status == "COMPLETED", row.completion >= 100.0, "{row:?}");
            assert!(row.started_on < row.expected_end && row.period_started_on < row.period_ends_on);
        }
        let placed = data.students.iter().filter(|row| row.course_id.is_some()).count();
        let several_intakes = size.classes > size.courses;
        assert!(
            data.trackings.len() >= placed + usize::from(several_intakes),
            "everybody, and some have left a course"
        );
    }
}

#[test]
fn the_cast_is_there_whatever_the_size() {
    for (size, data) in several() {
        let account =
            |email: &str| data.accounts.iter().find(|row| row.email.as_deref() == Some(email)).map(|row| row.id);
        let staff = |email| data.staff.iter().find(|row| Some(row.account_id) == account(email)).map(|row| row.id);
        let student = |email| data.students.iter().find(|row| Some(row.account_id) == account(email));
        let parent = |email| data.parents.iter().find(|row| Some(row.account_id) == account(email)).map(|row| row.id);
        let children = |email| {
            let links = data.parent_students.iter().filter(|row| Some(row.parent_id) == parent(email));
            links.map(|row| &data.students[index(row.student_id)]).collect::<Vec<_>>()
        };
        let teaches = |email, child: &Student| {
            data.routines.iter().any(|r| {
                r.active
                    && Some(r.teacher_id) == staff(email)
                    && (Some(r.course_id), Some(r.period)) == (child.course_id, child.current_period)
            })
        };
        for sign_in in sign_ins() {
            assert!(account(&sign_in.identifier).is_some(), "{}", sign_in.identifier);
        }
        assert_eq!(children(cast::PARENT).len(), 2);
        assert_ne!(children(cast::PARENT)[0].course_id, children(cast::PARENT)[1].course_id);
        assert_eq!(children(cast::PARENT), children(cast::OTHER_PARENT));
        assert_eq!(children(cast::PARENT_OF_ONE), student(cast::ONLY_CHILD).into_iter().collect::<Vec<_>>());
        let star = student(cast::STUDENT).cloned();
        let star = star.as_ref().expect("the student is in the cast");
        assert!(teaches(cast::TEACHER, star) && teaches(cast::HOD_TEACHER, star));
        assert!(!teaches(cast::TEACHER_WHO_LEFT_CLASS, star) && !teaches(cast::TEACHER_PARENT, star));
        assert!(!teaches(cast::HOD, star));
        let of_teacher = children(cast::TEACHER_PARENT);
        assert_eq!((of_teacher.len(), of_teacher[0].course_id), (1, Some(3)));
        assert!(!teaches(cast::TEACHER_PARENT, of_teacher[0]), "{size:?}");
        let hods = [cast::HOD, cast::HOD_TEACHER, cast::HOD_OF_TWO, cast::HOD_OF_TWO].map(staff);
        let headed = |c: usize| Some(data.courses[c].hod_id);
        assert_eq!([headed(0), headed(1), headed(2), headed(size.courses)], hods);
        let archived: Vec<_> = data.students.iter().filter(|row| row.archived_at.is_some()).collect();
        assert_eq!(archived.iter().map(|row| row.name.as_str()).collect::<Vec<_>>(), [cast::ARCHIVED_STUDENT]);
        assert_eq!(data.students.iter().filter(|row| row.name == cast::NEWCOMER).count(), 1);
        let by_email = |email| account(email).map(|id| &data.accounts[index(id)]);
        assert!(by_email(cast::DEACTIVATED).is_some_and(|row| !row.active));
        assert!(by_email(cast::INVITED).is_some_and(|row| row.active && row.password_hash.is_none()));
    }
}
