//! Rows as they are inserted. Every column is written, so that a list of rows is one statement on either database; what is
//! left out (versions, settings of later steps) has a default of its own.
#![expect(clippy::ref_option_ref, reason = "Diesel derives it")]

use chrono::{NaiveDate, NaiveDateTime, NaiveTime};
use diesel::prelude::*;

use crate::db::schema::{
    accounts, attendance_corrections, attendance_sessions, batch_courses, batch_students, batches, course_trackings,
    courses, institute, institute_feedback, leave_requests, meeting_parents, meeting_students, meetings,
    notice_audiences, notice_reads, notices, parent_students, parents, routines, staff, staff_roles, students,
    study_files, subject_progress, subjects, teacher_feedback,
};
pub use crate::{
    attendance::model::AttendanceStatus,
    auth::model::StaffRole,
    courses::model::DurationType,
    people::{Gender, MaritalStatus},
    students::model::StudentStatus,
};

#[derive(Clone, Debug, PartialEq, Insertable)]
#[diesel(table_name = institute, treat_none_as_default_value = false)]
pub struct Institute {
    pub id: i32,
    pub name: &'static str,
    pub phone: &'static str,
    pub email: &'static str,
    pub address: &'static str,
    pub registration_number: &'static str,
    pub tax_number: &'static str,
    pub description: &'static str,
    pub time_zone: &'static str,
}

#[derive(Clone, Debug, PartialEq, Insertable)]
#[diesel(table_name = accounts, treat_none_as_default_value = false)]
pub struct Account {
    pub id: i64,
    pub email: Option<String>,
    pub phone: Option<String>,
    pub password_hash: Option<String>,
    pub active: bool,
    pub last_sign_in_at: Option<NaiveDateTime>,
    pub created_at: NaiveDateTime,
}

#[derive(Clone, Debug, PartialEq, Insertable)]
#[diesel(table_name = staff, treat_none_as_default_value = false)]
pub struct Staff {
    pub id: i64,
    pub account_id: i64,
    pub name: String,
    pub designation: &'static str,
    pub gender: Gender,
    pub birth_date: NaiveDate,
    pub temporary_address: Option<String>,
    pub permanent_address: String,
    pub marital_status: MaritalStatus,
    pub citizenship_number: String,
    pub passport_number: Option<String>,
    pub next_of_kin: Option<String>,
    pub joining_date: NaiveDate,
    pub created_at: NaiveDateTime,
}

#[derive(Clone, Debug, PartialEq, Insertable)]
#[diesel(table_name = staff_roles, treat_none_as_default_value = false)]
pub struct Role {
    pub staff_id: i64,
    pub role: StaffRole,
}

#[derive(Clone, Debug, PartialEq, Insertable)]
#[diesel(table_name = courses, treat_none_as_default_value = false)]
pub struct Course {
    pub id: i64,
    pub code: String,
    pub name: String,
    pub description: String,
    pub duration_years: i32,
    pub duration_type: DurationType,
    pub active: bool,
    pub hod_id: i64,
}

impl Course {
    /// Months that a period takes.
    pub fn months(&self) -> u32 {
        match self.duration_type {
            DurationType::Year => 12,
            DurationType::Semester => 6,
        }
    }

    /// How many periods the course has.
    pub fn periods(&self) -> i32 {
        match self.duration_type {
            DurationType::Year => self.duration_years,
            DurationType::Semester => 2 * self.duration_years,
        }
    }
}

#[derive(Clone, Debug, PartialEq, Insertable)]
#[diesel(table_name = students, treat_none_as_default_value = false)]
pub struct Student {
    pub id: i64,
    pub account_id: i64,
    pub name: String,
    pub status: StudentStatus,
    pub gender: Gender,
    pub birth_date: NaiveDate,
    pub temporary_address: Option<String>,
    pub permanent_address: String,
    pub marital_status: MaritalStatus,
    pub citizenship_number: String,
    pub course_id: Option<i64>,
    pub current_period: Option<i32>,
    pub joining_date: Option<NaiveDate>,
    pub archived_at: Option<NaiveDateTime>,
    pub created_at: NaiveDateTime,
}

#[derive(Clone, Debug, PartialEq, Insertable)]
#[diesel(table_name = parents, treat_none_as_default_value = false)]
pub struct Parent {
    pub id: i64,
    pub account_id: i64,
    pub name: String,
    pub address: String,
    pub created_at: NaiveDateTime,
}

#[derive(Clone, Debug, PartialEq, Insertable)]
#[diesel(table_name = parent_students, treat_none_as_default_value = false)]
pub struct ParentStudent {
    pub parent_id: i64,
    pub student_id: i64,
}

#[derive(Clone, Debug, PartialEq, Insertable)]
#[diesel(table_name = batches, treat_none_as_default_value = false)]
pub struct Batch {
    pub id: i64,
    pub name: String,
    pub start_date: NaiveDate,
    pub active: bool,
}

#[derive(Clone, Debug, PartialEq, Insertable)]
#[diesel(table_name = batch_courses, treat_none_as_default_value = false)]
pub struct BatchCourse {
    pub batch_id: i64,
    pub course_id: i64,
}

#[derive(Clone, Debug, PartialEq, Insertable)]
#[diesel(table_name = batch_students, treat_none_as_default_value = false)]
pub struct BatchStudent {
    pub batch_id: i64,
    pub student_id: i64,
}

#[derive(Clone, Debug, PartialEq, Insertable)]
#[diesel(table_name = subjects, treat_none_as_default_value = false)]
pub struct Subject {
    pub id: i64,
    pub course_id: i64,
    pub period: i32,
    pub code: String,
    pub name: String,
    pub syllabus_url: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Insertable)]
#[diesel(table_name = study_files, treat_none_as_default_value = false)]
pub struct StudyFile {
    pub id: i64,
    pub subject_id: i64,
    pub title: String,
    pub description: Option<&'static str>,
    pub file_url: String,
    pub uploaded_by: i64,
    pub uploaded_at: NaiveDateTime,
}

#[derive(Clone, Debug, PartialEq, Insertable)]
#[diesel(table_name = routines, treat_none_as_default_value = false)]
pub struct Routine {
    pub id: i64,
    pub course_id: i64,
    pub period: i32,
    pub subject_id: i64,
    pub teacher_id: i64,
    pub weekdays: i32,
    pub starts_at: NaiveTime,
    pub ends_at: NaiveTime,
    pub room: String,
    pub active: bool,
}

#[derive(Clone, Debug, PartialEq, Insertable)]
#[diesel(table_name = attendance_sessions, treat_none_as_default_value = false)]
pub struct Session {
    pub id: i64,
    pub routine_id: i64,
    pub subject_id: i64,
    pub date: NaiveDate,
    pub teacher_id: i64,
    pub held: bool,
    pub teacher_attended: bool,
    pub marked_at: NaiveDateTime,
}

#[derive(Clone, Debug, PartialEq, Insertable)]
#[diesel(table_name = attendance_corrections, treat_none_as_default_value = false)]
pub struct Correction {
    pub id: i64,
    pub session_id: i64,
    pub student_id: i64,
    pub from_status: AttendanceStatus,
    pub to_status: AttendanceStatus,
    pub reason: Option<&'static str>,
    pub corrected_by: i64,
    pub corrected_at: NaiveDateTime,
}

#[derive(Clone, Debug, PartialEq, Insertable)]
#[diesel(table_name = meetings, treat_none_as_default_value = false)]
pub struct Meeting {
    pub id: i64,
    pub staff_id: i64,
    pub starts_at: NaiveDateTime,
    pub ends_at: NaiveDateTime,
    pub status: &'static str,
    pub open: bool,
    pub agenda: &'static str,
    pub notes: Option<&'static str>,
    pub cancellation_reason: Option<&'static str>,
    pub online: bool,
    pub link: Option<String>,
    pub created_at: NaiveDateTime,
}

#[derive(Clone, Debug, PartialEq, Insertable)]
#[diesel(table_name = meeting_parents, treat_none_as_default_value = false)]
pub struct MeetingParent {
    pub meeting_id: i64,
    pub parent_id: i64,
    pub starts_at: NaiveDateTime,
    pub ends_at: NaiveDateTime,
    pub open: bool,
}

#[derive(Clone, Debug, PartialEq, Insertable)]
#[diesel(table_name = meeting_students, treat_none_as_default_value = false)]
pub struct MeetingStudent {
    pub meeting_id: i64,
    pub student_id: i64,
}

#[derive(Clone, Debug, PartialEq, Insertable)]
#[diesel(table_name = leave_requests, treat_none_as_default_value = false)]
pub struct Leave {
    pub id: i64,
    pub student_id: Option<i64>,
    pub staff_id: Option<i64>,
    pub requested_by: i64,
    pub first_day: NaiveDate,
    pub last_day: NaiveDate,
    pub message: &'static str,
    pub status: &'static str,
    pub decided_by: Option<i64>,
    pub decided_at: Option<NaiveDateTime>,
    pub remark: Option<&'static str>,
    pub created_at: NaiveDateTime,
}

#[derive(Clone, Debug, PartialEq, Insertable)]
#[diesel(table_name = teacher_feedback, treat_none_as_default_value = false)]
pub struct TeacherFeedback {
    pub id: i64,
    pub teacher_id: i64,
    pub student_id: i64,
    pub parent_id: Option<i64>,
    pub half_stars: i32,
    pub message: Option<&'static str>,
    pub created_at: NaiveDateTime,
    pub updated_at: NaiveDateTime,
}

#[derive(Clone, Debug, PartialEq, Insertable)]
#[diesel(table_name = institute_feedback, treat_none_as_default_value = false)]
pub struct InstituteFeedback {
    pub id: i64,
    pub account_id: i64,
    pub type_: &'static str,
    pub half_stars: i32,
    pub message: Option<&'static str>,
    pub anonymous: bool,
    pub public: bool,
    pub created_at: NaiveDateTime,
    pub updated_at: NaiveDateTime,
}

#[derive(Clone, Debug, PartialEq, Insertable)]
#[diesel(table_name = notices, treat_none_as_default_value = false)]
pub struct Notice {
    pub id: i64,
    pub title: String,
    pub message: String,
    pub published_by: i64,
    pub published_at: NaiveDateTime,
}

#[derive(Clone, Debug, PartialEq, Insertable)]
#[diesel(table_name = notice_audiences, treat_none_as_default_value = false)]
pub struct Audience {
    pub id: i64,
    pub notice_id: i64,
    pub kind: &'static str,
    pub role: Option<&'static str>,
    pub course_id: Option<i64>,
    pub batch_id: Option<i64>,
}

#[derive(Clone, Debug, PartialEq, Insertable)]
#[diesel(table_name = notice_reads, treat_none_as_default_value = false)]
pub struct NoticeRead {
    pub notice_id: i64,
    pub account_id: i64,
    pub read_at: NaiveDateTime,
}

#[derive(Clone, Debug, PartialEq, Insertable)]
#[diesel(table_name = course_trackings, treat_none_as_default_value = false)]
pub struct Tracking {
    pub id: i64,
    pub student_id: i64,
    pub course_id: i64,
    pub enrolled_on: NaiveDate,
    pub started_on: NaiveDate,
    pub expected_end: NaiveDate,
    pub actual_end: Option<NaiveDate>,
    pub status: &'static str,
    pub completion: f64,
    pub current_period: i32,
    pub period_started_on: NaiveDate,
    pub period_ends_on: NaiveDate,
    pub notes: Option<&'static str>,
}

#[derive(Clone, Debug, PartialEq, Insertable)]
#[diesel(table_name = subject_progress, treat_none_as_default_value = false)]
pub struct Progress {
    pub id: i64,
    pub student_id: i64,
    pub subject_id: i64,
    pub status: &'static str,
    pub completion: f64,
    pub notes: Option<&'static str>,
}
