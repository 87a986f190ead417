//! Students in the schema.

use std::collections::HashMap;

use async_graphql::{Context, Description, ID, Object};
use chrono::{DateTime, Utc};

use super::{
    can::StudentActions,
    model::{StudentOrderField, StudentRow, StudentStatus},
};
use crate::{
    access::model::BULK,
    attendance::{
        api::AttendanceRecord,
        model::{RecordQuery, Span},
        summary::{AttendanceSummary, MonthlyAttendance, SubjectAttendance},
    },
    auth::{
        Role::{self, *},
        RoleSet,
        api::Account,
        sets::{PEOPLE, TEACHING},
    },
    batches::api::Batch,
    clock::utc,
    courses::api::Course,
    error::Result,
    feedback::api::TeacherFeedback,
    graphql::{
        Call, Connection, Date, Listed, Loaded, MAX_LIST, MAX_PAGE, Paging, Stated, audited, auth, nested, stated,
    },
    ids::Kind,
    leave::api::LeaveRequest,
    meetings::api::Meeting,
    parents::api::Parent,
    people::{Gender, MaritalStatus},
    progress::api::{CourseTracking, SubjectProgress},
    read,
    routines::api::Routine,
};

/// Contact and personal details.
const CONTACT: RoleSet = RoleSet::of(&[Admin, Hod, Admission, Role::Student, Role::Parent]);
/// Who may know whose child the student is.
const FAMILY: RoleSet = RoleSet::of(&[Admin, Hod, Admission, Staff, Role::Student, Role::Parent]);
/// What identifies a citizen.
const CIVIL: RoleSet = RoleSet::of(&[Admin, Admission, Role::Student, Role::Parent]);

/// Who reads a student's leave requests.
const LEAVE: RoleSet = RoleSet::of(&[Admin, Hod, Role::Student, Role::Parent]);
/// Who reads what a student wrote of teachers: never a teacher.
const WRITTEN: RoleSet = RoleSet::of(&[Admin, Hod, Role::Student]);
/// Who reads how far a student is in courses.
const TRACKING: RoleSet = RoleSet::of(&[Admin, Hod, Admission, Staff, Role::Student, Role::Parent]);

/// A student.
#[derive(Clone, Description)]
pub struct Student(Loaded<StudentRow>);

impl Stated for Student {
    fn granted(&self) -> Option<RoleSet> {
        Some(self.0.granted())
    }

    fn number(&self) -> Option<i64> {
        Some(self.0.id)
    }
}

impl Listed for Student {
    const CONNECTION: &'static str = "StudentConnection";
    const EDGE: &'static str = "StudentEdge";
}

#[Object(use_type_description, guard = "stated(self)")]
impl Student {
    /// Global id.
    #[graphql(directive = auth::apply(PEOPLE))]
    pub async fn id(&self, ctx: &Context<'_>) -> ID {
        Call::of(ctx).id(Kind::Student, self.0.id)
    }

    /// Full name.
    #[graphql(directive = auth::apply(PEOPLE))]
    async fn name(&self) -> &str {
        &self.0.name
    }

    /// Address of the photo.
    #[graphql(directive = auth::apply(PEOPLE))]
    async fn photo_url(&self) -> Option<&str> {
        self.0.photo_url.as_deref()
    }

    /// Standing with the institute.
    #[graphql(directive = auth::apply(PEOPLE))]
    async fn status(&self) -> StudentStatus {
        self.0.status
    }

    /// The course the student is in, if any.
    #[graphql(directive = auth::apply(PEOPLE))]
    async fn course(&self, ctx: &Context<'_>) -> Result<Option<Course>> {
        let call = Call::of(ctx);
        self.0.referred("course", |row| row.course_id, |ids| Course::by_ids(call, ids)).await
    }

    /// The period of the course the student is in; the first is 1.
    #[graphql(directive = auth::apply(PEOPLE))]
    async fn current_period(&self) -> Option<i32> {
        self.0.current_period
    }

    /// The batches the student is a member of, by name: 100 at most.
    #[graphql(directive = auth::apply(PEOPLE))]
    async fn batches(&self, ctx: &Context<'_>) -> Result<Vec<Batch>> {
        let call = Call::of(ctx);
        let batches = self.0.of_each("batches", |ids| async move {
            Ok(Loaded::by_parent(read!(call.db(), batches::of_students(call.scope(), &ids, &MAX_LIST))?))
        });
        Ok(batches.await?.unwrap_or_default())
    }

    /// The student's parents, by name: 100 at most.
    #[graphql(directive = auth::apply(FAMILY))]
    async fn parents(&self, ctx: &Context<'_>) -> Result<Option<Vec<Parent>>> {
        let call = Call::of(ctx);
        let parents = self.0.of_each("parents", |ids| async move {
            Ok(Loaded::by_parent(read!(call.db(), parents::of_students(call.scope(), &ids, &MAX_LIST))?))
        });
        Ok(Some(parents.await?.unwrap_or_default()))
    }

    /// Phone number, E.164.
    #[graphql(directive = auth::apply(CONTACT), directive = audited::apply(BULK))]
    async fn phone(&self, ctx: &Context<'_>) -> Result<Option<String>> {
        Ok(self.contact(ctx).await?.1)
    }

    /// E-mail address.
    #[graphql(directive = auth::apply(CONTACT), directive = audited::apply(BULK))]
    async fn email(&self, ctx: &Context<'_>) -> Result<Option<String>> {
        Ok(self.contact(ctx).await?.0)
    }

    /// Gender.
    #[graphql(directive = auth::apply(CONTACT))]
    async fn gender(&self) -> Option<Gender> {
        self.0.gender
    }

    /// Birth date.
    #[graphql(directive = auth::apply(CONTACT))]
    async fn birth_date(&self) -> Option<Date> {
        self.0.birth_date.map(Date)
    }

    /// Where the student lives during the course.
    #[graphql(directive = auth::apply(CONTACT), directive = audited::apply(BULK))]
    async fn temporary_address(&self) -> Option<&str> {
        self.0.temporary_address.as_deref()
    }

    /// Where the student is at home.
    #[graphql(directive = auth::apply(CONTACT), directive = audited::apply(BULK))]
    async fn permanent_address(&self) -> Option<&str> {
        self.0.permanent_address.as_deref()
    }

    /// Number of the citizenship certificate.
    #[graphql(directive = auth::apply(CIVIL), directive = audited::apply(1))]
    async fn citizenship_number(&self) -> Option<&str> {
        self.0.citizenship_number.as_deref()
    }

    /// Marital status.
    #[graphql(directive = auth::apply(CIVIL))]
    async fn marital_status(&self) -> Option<MaritalStatus> {
        self.0.marital_status
    }

    /// The day the student joined the institute.
    #[graphql(directive = auth::apply(CONTACT))]
    async fn joining_date(&self) -> Option<Date> {
        self.0.joining_date.map(Date)
    }

    /// What the student signs in with.
    #[graphql(directive = auth::apply(RoleSet::of(&[Admin, Role::Student])))]
    async fn account(&self, ctx: &Context<'_>) -> Result<Option<Account>> {
        let call = Call::of(ctx);
        self.0.referred("account", |row| Some(row.account_id), |ids| Account::by_ids(call, ids)).await
    }

    /// When the student was archived; null for everybody who is not.
    #[graphql(directive = auth::apply(RoleSet::of(&[Admin])))]
    async fn archived_at(&self) -> Option<DateTime<Utc>> {
        self.0.archived_at.map(utc)
    }

    /// The slots of the present timetable for the student's course and current period, by the hour they start at: 100 at
    /// most.
    #[graphql(directive = auth::apply(PEOPLE))]
    async fn routines(&self, ctx: &Context<'_>) -> Result<Option<Vec<Routine>>> {
        let (Some(course), Some(period)) = (self.0.course_id, self.0.current_period) else {
            return Ok(Some(Vec::new()));
        };
        let call = Call::of(ctx);
        // By class, not by student: those of a class share its slots.
        let classes = self.0.load("routines", |students| async move {
            let ids: Vec<i64> = students.iter().map(|student| student.id).collect();
            let rows = read!(call.db(), routines::of_classes(call.scope(), &ids, i64::from(MAX_PAGE)))?;
            let mut classes: HashMap<(i64, i32), Vec<Routine>> = HashMap::new();
            for routine in Loaded::list::<Routine>(rows) {
                classes.entry(routine.class()).or_default().push(routine);
            }
            Ok(classes)
        });
        Ok(Some(classes.await?.get(&(course, period)).cloned().unwrap_or_default()))
    }

    /// Attendance, counted: over everything, or from one day to another, at most 366 of them. Between days it counts the
    /// records that the viewer reaches: a teacher those of their own classes.
    #[graphql(directive = auth::apply(TEACHING))]
    async fn attendance_summary(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The first day; where only the last one is given, 366 days end with that.")] from: Option<
            Date,
        >,
        #[graphql(desc = "The last day; where only the first one is given, today.")] to: Option<Date>,
        #[graphql(desc = "Classes of this subject alone.")] subject_id: Option<ID>,
    ) -> Result<Option<AttendanceSummary>> {
        let call = Call::of(ctx);
        let (from, to) = (from.map(|Date(date)| date), to.map(|Date(date)| date));
        let span = if from.is_some() || to.is_some() { Span::read(from, to, call.today().await?)? } else { None };
        let subject = subject_id.map(|id| call.number(Kind::Subject, &id));
        AttendanceSummary::of(ctx, &self.0, span, subject).await.map(Some)
    }

    /// Attendance over everything, counted by subject and in order of its name: 100 at most. Subjects that the viewer does
    /// not reach are left out.
    #[graphql(directive = auth::apply(TEACHING))]
    async fn attendance_by_subject(&self, ctx: &Context<'_>) -> Result<Option<Vec<SubjectAttendance>>> {
        SubjectAttendance::of(ctx, &self.0).await.map(Some)
    }

    /// Attendance counted by month, old to new; months without classes are left out.
    #[graphql(directive = auth::apply(TEACHING))]
    async fn attendance_by_month(
        &self,
        ctx: &Context<'_>,
        #[graphql(default = 12, desc = "The last so many months that had classes, 1 to 100.")] last: i32,
    ) -> Result<Option<Vec<MonthlyAttendance>>> {
        MonthlyAttendance::of(ctx, &self.0, last).await.map(Some)
    }

    /// How the student attended class by class, newest first: to a teacher, in the classes that are theirs.
    #[graphql(directive = auth::apply(TEACHING))]
    #[expect(clippy::too_many_arguments, reason = "the arguments of a connection")]
    async fn attendance_records(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The first so many, 1 to 100; 20 where nothing is said.")] first: Option<i32>,
        #[graphql(desc = "Begin after this cursor.")] after: Option<String>,
        #[graphql(desc = "The last so many, 1 to 100.")] last: Option<i32>,
        #[graphql(desc = "End before this cursor.")] before: Option<String>,
        #[graphql(desc = "On this date or later.")] from: Option<Date>,
        #[graphql(desc = "On this date or earlier.")] to: Option<Date>,
    ) -> Result<Option<Connection<AttendanceRecord>>> {
        let call = Call::of(ctx);
        let paging = Paging::read(ctx, (first, after), (last, before), true)?;
        let query = RecordQuery { from: from.map(|Date(date)| date), to: to.map(|Date(date)| date) };
        let records = nested(
            ctx,
            &self.0,
            &paging,
            AttendanceRecord::dated,
            |ids| {
                let page = paging.page();
                async move {
                    let rows = read!(call.db(), attendance::records_of_students(call.scope(), &ids, query, page))?;
                    Ok(Loaded::by_parent(rows))
                }
            },
            |ids| async move { read!(call.db(), attendance_counts::count_of_students(call.scope(), &ids, query)) },
        );
        records.await.map(Some)
    }

    /// The meetings about the student that the viewer reaches, newest first.
    #[graphql(directive = auth::apply(TEACHING))]
    async fn meetings(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The first so many, 1 to 100; 20 where nothing is said.")] first: Option<i32>,
        #[graphql(desc = "Begin after this cursor.")] after: Option<String>,
        #[graphql(desc = "The last so many, 1 to 100.")] last: Option<i32>,
        #[graphql(desc = "End before this cursor.")] before: Option<String>,
    ) -> Result<Option<Connection<Meeting>>> {
        let paging = Paging::read(ctx, (first, after), (last, before), true)?;
        Meeting::of_student(ctx, &self.0, &paging).await.map(Some)
    }

    /// The student's leave requests that the viewer reaches, newest first.
    #[graphql(directive = auth::apply(LEAVE))]
    async fn leave_requests(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The first so many, 1 to 100; 20 where nothing is said.")] first: Option<i32>,
        #[graphql(desc = "Begin after this cursor.")] after: Option<String>,
        #[graphql(desc = "The last so many, 1 to 100.")] last: Option<i32>,
        #[graphql(desc = "End before this cursor.")] before: Option<String>,
    ) -> Result<Option<Connection<LeaveRequest>>> {
        let paging = Paging::read(ctx, (first, after), (last, before), true)?;
        LeaveRequest::of_student(ctx, &self.0, &paging).await.map(Some)
    }

    /// What the student wrote of their teachers, newest month first.
    #[graphql(directive = auth::apply(WRITTEN))]
    async fn teacher_feedback(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The first so many, 1 to 100; 20 where nothing is said.")] first: Option<i32>,
        #[graphql(desc = "Begin after this cursor.")] after: Option<String>,
        #[graphql(desc = "The last so many, 1 to 100.")] last: Option<i32>,
        #[graphql(desc = "End before this cursor.")] before: Option<String>,
    ) -> Result<Option<Connection<TeacherFeedback>>> {
        let paging = Paging::read(ctx, (first, after), (last, before), true)?;
        TeacherFeedback::of_student(ctx, &self.0, &paging).await.map(Some)
    }

    /// How far the student is in each course: 100 at most.
    #[graphql(directive = auth::apply(TRACKING))]
    async fn course_trackings(&self, ctx: &Context<'_>) -> Result<Option<Vec<CourseTracking>>> {
        CourseTracking::of_student(ctx, &self.0).await.map(Some)
    }

    /// How far the student is in each subject: 100 at most.
    #[graphql(directive = auth::apply(TEACHING))]
    async fn subject_progress(&self, ctx: &Context<'_>) -> Result<Option<Vec<SubjectProgress>>> {
        SubjectProgress::of_student(ctx, &self.0).await.map(Some)
    }

    /// How often it was changed, and once for its making: an edit gives back what it read.
    #[graphql(directive = auth::apply(PEOPLE))]
    async fn version(&self) -> Option<i32> {
        Some(self.0.version)
    }

    /// What the viewer can do with them.
    #[graphql(directive = auth::apply(PEOPLE))]
    async fn viewer_can(&self) -> Option<StudentActions> {
        Some((&self.0).into())
    }
}

impl From<Loaded<StudentRow>> for Student {
    fn from(row: Loaded<StudentRow>) -> Self {
        Self(row)
    }
}

impl Student {
    /// Those of the numbered students that the viewer reaches, by number.
    pub async fn by_ids(call: &Call, ids: Vec<i64>) -> Result<HashMap<i64, Self>> {
        Ok(Loaded::by_number(read!(call.db(), students::by_ids(call.scope(), &ids))?))
    }

    /// The row itself, for rules that go by it.
    #[must_use]
    pub fn row(&self) -> &Loaded<StudentRow> {
        &self.0
    }

    /// The key and number a cursor holds, in an order.
    #[must_use]
    pub fn key(&self, order: StudentOrderField) -> (serde_json::Value, i64) {
        let key = match order {
            StudentOrderField::Name => self.0.name.clone().into(),
            StudentOrderField::Admission => self.0.id.into(),
        };
        (key, self.0.id)
    }

    async fn contact(&self, ctx: &Context<'_>) -> Result<(Option<String>, Option<String>)> {
        let call = Call::of(ctx);
        let contacts = self.0.of_each("contact", |ids| async move {
            let contacts = read!(call.db(), students::contacts(call.scope(), &ids))?;
            Ok(contacts.into_iter().map(|(id, email, phone)| (id, (email, phone))).collect())
        });
        Ok(contacts.await?.unwrap_or_default())
    }
}
