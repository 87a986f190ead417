//! Courses, subjects, classes, the timetable, study files, batches.

use chrono::NaiveTime;

use super::{
    data::{Class, Data, Draw, Kind, Plan, at, number, shift, shift_months},
    names::FIELDS,
    people,
    rows::{Batch, BatchCourse, BatchStudent, Course, DurationType, Routine, StudyFile, Subject},
};

/// The lessons of a class in a week: which of the three of a day, on which weekdays (the least bit is Monday), which of the
/// five subjects. Three lessons of each subject, three lessons a day.
const LESSONS: [(u32, i32, usize); 7] = [
    (0, 0b10101, 0),
    (0, 0b01010, 1),
    (1, 0b10101, 2),
    (1, 0b01010, 3),
    (2, 0b10101, 4),
    (2, 0b00010, 1),
    (2, 0b01000, 3),
];
/// Where there are many classes of a course they are taught in the morning, at noon, or in the afternoon.
const SHIFTS: [u32; 3] = [8, 11, 14];

/// Courses with their subjects, and the classes that are taught this term.
pub fn courses(data: &mut Data, plan: &Plan) {
    let taught = plan.size.courses;
    for c in 0..=taught {
        let in_preparation = c == taught;
        let (code, name, _) = FIELDS[c % FIELDS.len()];
        let round = c / FIELDS.len();
        let suffix = if round == 0 { String::new() } else { format!("{}", round + 1) };
        // A term of more than half a year has no place in a semester.
        let yearly = c % 3 == 0 || plan.size.days > 120;
        let years = plan.size.intakes().max(2) + usize::from(c % 3 == 2);
        let course = Course {
            id: number(c),
            code: format!("{code}{suffix}"),
            name: if round == 0 { name.to_owned() } else { format!("{name} {suffix}") },
            description: format!("{name}, {years} years of study."),
            duration_years: i32::try_from(years).unwrap_or(10),
            duration_type: if yearly { DurationType::Year } else { DurationType::Semester },
            active: !in_preparation,
            hod_id: people::hod(if in_preparation { 2 } else { c }),
        };
        subjects(data, &course, if in_preparation { 1 } else { course.periods() }, c);
        data.courses.push(course);
    }
    for k in 0..plan.size.classes {
        let (course, intake) = (k % taught, k / taught);
        let years = i32::try_from(intake).unwrap_or(0);
        let row = &data.courses[course];
        let period = if row.duration_type == DurationType::Year { years + 1 } else { 2 * years + 1 };
        let of_period = |s: &&Subject| s.course_id == row.id && s.period == period;
        let subjects = data.subjects.iter().filter(of_period).map(|s| s.id).collect();
        let started = shift_months(plan.term(), -12 * years);
        data.classes.push(Class { course, intake, period, started, subjects, routines: 0..0, members: Vec::new() });
    }
}

fn subjects(data: &mut Data, course: &Course, periods: i32, field: usize) {
    for period in 1..=periods {
        for (i, topic) in (1..).zip(FIELDS[field % FIELDS.len()].2) {
            let id = number(data.subjects.len());
            data.subjects.push(Subject {
                id,
                course_id: course.id,
                period,
                code: format!("{}{period}{i:02}", course.code),
                name: format!("{topic} {period}"),
                syllabus_url: (i < 3).then(|| format!("https://files.example.org/syllabus/{id}.pdf")),
            });
        }
    }
}

/// The times at which somebody teaches: three lessons a day in three shifts, from Monday.
#[derive(Clone, Copy, Default)]
struct Busy {
    cells: u64,
    subjects: u32,
}

fn cells(shift: usize, subject: usize) -> u64 {
    let mut cells = 0;
    for (lesson, weekdays, of) in LESSONS {
        for day in 0..7 {
            if of == subject && weekdays & (1 << day) != 0 {
                cells |= 1 << (u64::from(lesson) + 3 * shift as u64 + 9 * day);
            }
        }
    }
    cells
}

/// A timetable without clashes: each subject goes to the teacher with the fewest who is free then, first among those whom
/// the course has most use for. A class has a room of its own.
pub fn routines(data: &mut Data, plan: &Plan) {
    let taught = plan.size.courses;
    let mut busy = vec![Busy::default(); plan.size.teachers];
    for k in 0..data.classes.len() {
        let class = &data.classes[k];
        let (course, shift, period) = (class.course, class.intake % SHIFTS.len(), class.period);
        let subjects = class.subjects.clone();
        let mut teachers = [None; 5];
        for (subject, teacher) in teachers.iter_mut().enumerate() {
            // The HOD of the second course teaches one subject in the first.
            if k == 0 && subject == 4 {
                *teacher = Some(people::hod(1));
                continue;
            }
            let cells = cells(shift, subject);
            let free = |t: &usize| busy[*t].cells & cells == 0;
            let least = |t: &usize| (busy[*t].subjects, *t);
            let own = (course..plan.size.teachers).step_by(taught).filter(free).min_by_key(least);
            if let Some(t) = own.or_else(|| (0..plan.size.teachers).filter(free).min_by_key(least)) {
                busy[t].cells |= cells;
                busy[t].subjects += 1;
                *teacher = Some(people::teacher(plan, t));
            }
        }
        let first = data.routines.len();
        for (lesson, weekdays, subject) in LESSONS {
            let Some(teacher_id) = teachers[subject] else { continue };
            let hour = SHIFTS[shift] + lesson;
            data.routines.push(Routine {
                id: number(data.routines.len()),
                course_id: number(course),
                period,
                subject_id: subjects[subject],
                teacher_id,
                weekdays,
                starts_at: NaiveTime::from_hms_opt(hour, 0, 0).unwrap_or_default(),
                ends_at: NaiveTime::from_hms_opt(hour, 50, 0).unwrap_or_default(),
                room: format!("Room {}", 101 + k),
                active: true,
            });
        }
        data.classes[k].routines = first..data.routines.len();
    }
    // What once ran: who taught it reaches nobody of that class by it.
    let class = &data.classes[0];
    let old = data.routines[class.routines.start].clone();
    let id = number(data.routines.len());
    data.routines.push(Routine { id, teacher_id: people::teacher(plan, 2), active: false, ..old });
}

/// A few files for what is taught.
pub fn study_files(data: &mut Data, plan: &Plan, draw: &mut Draw) {
    let titles = ["Reading list", "Lecture notes, week 1", "Exercises", "Past examination", "Laboratory rules"];
    for class in &data.classes {
        for routine in &data.routines[class.routines.clone()] {
            if draw.chance(45) {
                let id = number(data.study_files.len());
                data.study_files.push(StudyFile {
                    id,
                    subject_id: routine.subject_id,
                    title: (draw.pick(&titles)).to_owned(),
                    description: draw.chance(50).then_some("For the whole class."),
                    file_url: format!("https://files.example.org/study/{id}.pdf"),
                    uploaded_by: routine.teacher_id,
                    uploaded_at: at(plan.some_day(draw), 19, 0),
                });
            }
        }
    }
}

/// A batch for each class; the last one takes in a few of the classes before it too, whatever their course.
pub fn batches(data: &mut Data) {
    let last = data.classes.len() - 1;
    for (k, class) in data.classes.iter().enumerate() {
        let year = class.started.format("%Y");
        let name =
            if k == last { format!("Evening {year}") } else { format!("{} {year}", data.courses[class.course].code) };
        let batch = Batch { id: number(k), name, start_date: class.started, active: class.intake < 4 };
        data.batches.push(batch);
        let (batch_id, course_id) = (number(k), number(class.course));
        data.batch_courses.push(BatchCourse { batch_id, course_id });
        data.batch_students
            .extend(class.members.iter().map(|member| BatchStudent { batch_id, student_id: number(*member) }));
    }
    let course_of_last = data.classes[last].course;
    for class in data.classes[..last].iter().rev().take(2) {
        let batch_id = number(last);
        if class.course != course_of_last {
            data.batch_courses.push(BatchCourse { batch_id, course_id: number(class.course) });
        }
        let guests = class.members.iter().filter(|member| data.pupils[**member].kind == Kind::Plain).step_by(5);
        data.batch_students.extend(guests.map(|member| BatchStudent { batch_id, student_id: number(*member) }));
    }
    data.batch_courses.sort_by_key(|row| (row.batch_id, row.course_id));
    data.batch_courses.dedup();
}

/// When a class began its period, and when that ends.
pub fn period_of(data: &Data, plan: &Plan, class: &Class) -> (chrono::NaiveDate, chrono::NaiveDate) {
    let months = i32::try_from(data.courses[class.course].months()).unwrap_or(12);
    (plan.term(), shift(shift_months(plan.term(), months), -1))
}
