//! What marking a sheet changes, worked out from what is there before anything is written; and the rows that it writes.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{NaiveDate, NaiveDateTime};
use diesel::prelude::*;

use super::model::AttendanceStatus;
use crate::{
    auth::{Role, RoleSet, Scope},
    change::Act,
    db::schema::{attendance_corrections, attendance_excuses, attendance_records},
    routines::model::RoutineRow,
};

/// Marks on a sheet, at most.
pub const MAX_MARKS: usize = 1000;

/// Whether who reached a routine by these roles may mark its classes: its teacher, the HOD of its course, and ADMIN. A
/// teacher who sees it because they teach in the course may not.
#[must_use]
pub fn may_mark(scope: &Scope, routine: &RoutineRow, granted: RoleSet) -> bool {
    // As HOD a routine is reached by who heads its course, and by nobody else.
    granted.meets(RoleSet::of(&[Role::Admin, Role::Hod]))
        || (granted.has(Role::Staff) && routine.teacher_id == scope.staff())
}

/// A class as somebody marks it.
#[derive(Clone, Debug)]
#[expect(missing_docs, reason = "the input's fields of the same names say what they are")]
pub struct Sheet {
    pub routine: i64,
    pub date: NaiveDate,
    pub held: bool,
    pub teacher_attended: bool,
    /// Students and their marks, as they were sent.
    pub marks: Vec<(i64, AttendanceStatus)>,
    pub reason: Option<String>,
}

/// A mark that is there, and the approved leave that it comes of, where it does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Marked {
    /// How the student attended.
    pub status: AttendanceStatus,
    /// The leave request.
    pub leave: Option<i64>,
}

/// What is known of a class on a day.
#[derive(Clone, Debug, Default)]
pub struct Class {
    /// The students who attend it.
    pub students: BTreeSet<i64>,
    /// Who is marked, students who have left the class among them.
    pub marked: BTreeMap<i64, Marked>,
    /// Who is on approved leave, each with the leave request.
    pub on_leave: BTreeMap<i64, i64>,
}

/// What marking a sheet changes.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Marking {
    /// The marks to write, each with what it was: new ones and changed ones.
    pub marks: BTreeMap<i64, (Option<AttendanceStatus>, AttendanceStatus)>,
    /// Who was excused by leave and is marked by hand now, whether or not the mark is another one.
    pub by_hand: Vec<i64>,
    /// Who is excused without being on the sheet, each with the leave request.
    pub by_leave: BTreeMap<i64, i64>,
}

impl Marking {
    /// What the marks `sent` change of a class that was held. Whoever is not sent and not marked is excused if on leave.
    #[must_use]
    pub fn of(class: &Class, sent: &BTreeMap<i64, AttendanceStatus>) -> Self {
        let mut marking = Self::default();
        for (student, status) in sent {
            let marked = class.marked.get(student);
            if marked.is_none_or(|marked| marked.status != *status) {
                marking.marks.insert(*student, (marked.map(|marked| marked.status), *status));
            }
            if marked.is_some_and(|marked| marked.leave.is_some()) {
                marking.by_hand.push(*student);
            }
        }
        let unmarked = |student: &&i64| !sent.contains_key(student) && !class.marked.contains_key(student);
        for student in class.students.iter().filter(unmarked) {
            if let Some(leave) = class.on_leave.get(student) {
                marking.marks.insert(*student, (None, AttendanceStatus::Excused));
                marking.by_leave.insert(*student, *leave);
            }
        }
        marking
    }

    /// Who is absent now from a class that was held and was not before: whose mark is another one, and where the class was
    /// `flipped` to one that was held after all, whoever was marked so.
    #[must_use]
    pub fn absent(&self, class: &Class, flipped: bool) -> Vec<i64> {
        let new = self.marks.iter().filter(|(_, (_, is))| *is == AttendanceStatus::Absent).map(|(student, _)| *student);
        let stays = |student: &i64| flipped && !self.marks.contains_key(student);
        let old = class.marked.iter().filter(|(_, marked)| marked.status == AttendanceStatus::Absent);
        new.chain(old.map(|(student, _)| *student).filter(stays)).collect()
    }

    /// Whether everything stays as it is.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.marks.is_empty() && self.by_hand.is_empty()
    }
}

/// A record of attendance to write: a new one, or one with another mark.
#[derive(Clone, Debug, PartialEq, Insertable)]
#[diesel(table_name = attendance_records, treat_none_as_default_value = false)]
#[expect(missing_docs, reason = "as in RecordRow")]
pub struct Mark {
    pub session_id: i64,
    pub student_id: i64,
    pub status: AttendanceStatus,
    pub date: NaiveDate,
    pub subject_id: i64,
    pub held: bool,
}

impl Mark {
    /// What is written down where this mark was another one.
    #[must_use]
    pub fn corrected(
        &self,
        act: &Act,
        (from_status, to_status): (AttendanceStatus, AttendanceStatus),
        reason: Option<&str>,
    ) -> Correction {
        Correction {
            session_id: self.session_id,
            student_id: self.student_id,
            from_status,
            to_status,
            reason: reason.map(ToOwned::to_owned),
            corrected_by: act.scope.account(),
            corrected_at: act.now,
        }
    }
}

/// A correction to write.
#[derive(Clone, Debug, Insertable)]
#[diesel(table_name = attendance_corrections, treat_none_as_default_value = false)]
#[expect(missing_docs, reason = "as in CorrectionRow")]
pub struct Correction {
    pub session_id: i64,
    pub student_id: i64,
    pub from_status: AttendanceStatus,
    pub to_status: AttendanceStatus,
    pub reason: Option<String>,
    pub corrected_by: i64,
    pub corrected_at: NaiveDateTime,
}

/// What leave did to a mark.
#[derive(Clone, Debug, Insertable)]
#[diesel(table_name = attendance_excuses, treat_none_as_default_value = false)]
pub struct Excuse {
    /// The class.
    pub session_id: i64,
    /// The student.
    pub student_id: i64,
    /// The leave.
    pub leave_request_id: i64,
    /// The mark before; none where there was none.
    pub marked_status: Option<AttendanceStatus>,
}

#[cfg(test)]
mod tests {
    use AttendanceStatus::*;

    use super::*;

    fn class() -> Class {
        let marked = |status, leave| Marked { status, leave };
        Class {
            students: BTreeSet::from([1, 2, 3, 4, 5]),
            // 9 has left the class.
            marked: BTreeMap::from([
                (1, marked(Present, None)),
                (2, marked(Excused, Some(7))),
                (3, marked(Excused, Some(8))),
                (9, marked(Absent, None)),
            ]),
            on_leave: BTreeMap::from([(2, 7), (3, 8), (4, 6), (5, 6), (9, 6)]),
        }
    }

    #[test]
    fn who_is_on_leave_is_excused_unless_marked_or_sent() {
        let marking = Marking::of(&class(), &BTreeMap::from([(5, Present)]));
        assert_eq!(marking.marks, BTreeMap::from([(4, (None, Excused)), (5, (None, Present))]));
        assert_eq!((marking.by_hand, marking.by_leave), (vec![], BTreeMap::from([(4, 6)])));
    }

    #[test]
    fn a_mark_by_hand_takes_the_place_of_leave_even_if_it_is_the_same() {
        let sent = BTreeMap::from([(1, Present), (2, Excused), (3, Late), (4, Excused), (5, Excused)]);
        let marking = Marking::of(&class(), &sent);
        let marks = BTreeMap::from([(3, (Some(Excused), Late)), (4, (None, Excused)), (5, (None, Excused))]);
        assert_eq!(marking, Marking { marks, by_hand: vec![2, 3], by_leave: BTreeMap::new() });
    }

    #[test]
    fn who_is_absent_now_and_was_not_before_is_told_of_once() {
        let marking = Marking::of(&class(), &BTreeMap::from([(1, Absent), (3, Late)]));
        assert_eq!(marking.absent(&class(), false), [1], "9 was absent before");
        assert_eq!(marking.absent(&class(), true), [1, 9], "and it was not held before");
        let again = Marking::of(&class(), &BTreeMap::from([(9, Absent)]));
        assert_eq!(again.absent(&class(), false), [0; 0]);
    }

    #[test]
    fn the_same_sheet_again_changes_nothing() {
        let mut class = class();
        let sent = BTreeMap::from([(1, Absent), (2, Excused), (3, Late)]);
        let first = Marking::of(&class, &sent);
        assert!(!first.is_empty());
        for (student, (_, status)) in first.marks {
            class.marked.insert(student, Marked { status, leave: first.by_leave.get(&student).copied() });
        }
        for student in first.by_hand {
            class.marked.entry(student).and_modify(|marked| marked.leave = None);
        }
        assert!(Marking::of(&class, &sent).is_empty());
    }
}
