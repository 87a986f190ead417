//! Reports in the schema.

use std::collections::HashMap;

use async_graphql::{Context, Description, Object, SimpleObject};

use super::model::{Attended, Rated, near, parts, persons};
use crate::{
    auth::{Role, RoleSet},
    batches::model::BatchRow,
    courses::model::CourseRow,
    error::{Error, Result},
    feedback::model::InstituteFeedbackType,
    graphql::{Call, Date, Loaded, MAX_PAGE, Stated, auth, root, stated},
    leave::model::LeaveStatus,
    progress::model::Figures,
    read,
    students::model::StudentStatus,
    subjects::model::SubjectRow,
};

/// Who reads every figure.
pub const REPORTED: RoleSet = RoleSet::of(&[Role::Admin, Role::Reporting]);
/// Who reads the figures of courses; an HOD, of those that they head.
pub const OF_COURSES: RoleSet = RoleSet::of(&[Role::Admin, Role::Hod, Role::Reporting]);

/// Figures of a course. What fewer than five persons are in is null, for whoever asks, and for an HOD what they do not head.
#[derive(Description)]
pub struct CourseReport(Loaded<CourseRow>);

impl Stated for CourseReport {}

#[Object(use_type_description, guard = "stated(self)")]
impl CourseReport {
    /// How many students it has who are not archived.
    #[graphql(directive = auth::apply(OF_COURSES))]
    async fn students(&self, ctx: &Context<'_>) -> Result<Option<i64>> {
        let call = Call::of(ctx);
        let students = self.0.of_each("report: students", |ids| async move {
            Ok(read!(call.db(), reports::students_of_courses(call.scope(), &ids))?.into_iter().collect())
        });
        Ok(students.await?.and_then(persons))
    }

    /// The share of classes that its students attended, of all that they ever had, in whole per cent (0 to 100).
    #[graphql(directive = auth::apply(OF_COURSES))]
    async fn attendance_percentage(&self, ctx: &Context<'_>) -> Result<Option<f64>> {
        let call = Call::of(ctx);
        let attended = self.0.of_each("report: attendance", |ids| async move {
            Ok(read!(call.db(), reports::attendance_of_courses(call.scope(), &ids))?.into_iter().collect())
        });
        Ok(attended.await?.and_then(|attended: Attended| attended.percentage()))
    }

    /// How far its students are who are under way.
    #[graphql(directive = auth::apply(OF_COURSES))]
    async fn progress(&self, ctx: &Context<'_>) -> Result<Option<ProgressReport>> {
        let call = Call::of(ctx);
        let figures = self.0.of_each("report: progress", |ids| async move {
            Ok(read!(call.db(), progress::figures(call.scope(), &ids))?.into_iter().collect())
        });
        Ok(figures.await?.and_then(ProgressReport::of))
    }
}

impl CourseReport {
    /// The report of a course.
    #[must_use]
    pub fn of(course: &Loaded<CourseRow>) -> Self {
        Self(course.clone())
    }
}

/// Figures of the progress of those who are under way in a course: at least five.
#[derive(SimpleObject)]
#[graphql(guard = "stated(self)")]
pub struct ProgressReport {
    /// How many they are.
    #[graphql(directive = auth::apply(OF_COURSES))]
    students: i64,
    /// How much they have done on average, in whole per cent (0 to 100).
    #[graphql(directive = auth::apply(OF_COURSES))]
    average_completion: f64,
    /// How many have done 75 per cent or more; null where they, or those whom they leave over, are fewer than five.
    #[graphql(directive = auth::apply(OF_COURSES))]
    on_track: Option<i64>,
    /// How many have done less than 40 per cent; null where they, or those whom they leave over, are fewer than five.
    #[graphql(directive = auth::apply(OF_COURSES))]
    at_risk: Option<i64>,
}

impl Stated for ProgressReport {}

impl ProgressReport {
    fn of(figures: Figures) -> Option<Self> {
        let Figures { average_completion, on_track, at_risk, students } = figures;
        let students = persons(students)?;
        let [on_track, at_risk, _] = parts([on_track, at_risk, students - on_track - at_risk]);
        Some(Self { students, average_completion: average_completion.round(), on_track, at_risk })
    }
}

/// Figures of a batch. What fewer than five persons are in is null, for whoever asks.
#[derive(Description)]
pub struct BatchReport(Loaded<BatchRow>);

impl Stated for BatchReport {}

/// A batch's members, by the course that they are in.
type Members = HashMap<Option<i64>, i64>;

#[Object(use_type_description, guard = "stated(self)")]
impl BatchReport {
    /// How many members it has who are not archived.
    #[graphql(directive = auth::apply(REPORTED))]
    async fn students(&self, ctx: &Context<'_>) -> Result<Option<i64>> {
        Ok(persons(self.members(ctx).await?.values().sum()))
    }

    /// The share of classes that its members attended, of all that they ever had, in whole per cent (0 to 100). Null also
    /// where they are the students of a course but for fewer than five: the two together would tell of those.
    #[graphql(directive = auth::apply(REPORTED))]
    async fn attendance_percentage(&self, ctx: &Context<'_>) -> Result<Option<f64>> {
        if self.is_near_a_course(ctx).await? {
            return Ok(None);
        }
        let call = Call::of(ctx);
        let attended = self.0.of_each("report: attendance", |ids| async move {
            Ok(read!(call.db(), reports::attendance_of_batches(call.scope(), &ids))?.into_iter().collect())
        });
        Ok(attended.await?.and_then(|attended: Attended| attended.percentage()))
    }
}

impl BatchReport {
    /// The report of a batch.
    #[must_use]
    pub fn of(batch: &Loaded<BatchRow>) -> Self {
        Self(batch.clone())
    }

    async fn members(&self, ctx: &Context<'_>) -> Result<Members> {
        Ok(self.of_all(ctx).await?.get(&self.0.id).cloned().unwrap_or_default())
    }

    /// The members of all the batches that were read with this one.
    async fn of_all(&self, ctx: &Context<'_>) -> Result<std::sync::Arc<HashMap<i64, Members>>> {
        let call = Call::of(ctx);
        let members = self.0.load("report: members", |rows| async move {
            let ids: Vec<i64> = rows.iter().map(|row| row.id).collect();
            let mut members: HashMap<i64, Members> = HashMap::new();
            for (batch, course, number) in read!(call.db(), reports::members_of_batches(call.scope(), &ids))? {
                members.entry(batch).or_default().insert(course, number);
            }
            Ok(members)
        });
        members.await
    }

    async fn is_near_a_course(&self, ctx: &Context<'_>) -> Result<bool> {
        let call = Call::of(ctx);
        let all = self.of_all(ctx).await?;
        let courses = self.0.load("report: courses", |_| async move {
            let courses: Vec<i64> = all.values().flat_map(HashMap::keys).flatten().copied().collect();
            let sizes: HashMap<i64, i64> =
                read!(call.db(), reports::students_of_courses(call.scope(), &courses))?.into_iter().collect();
            Ok(sizes)
        });
        let (courses, members) = (courses.await?, self.members(ctx).await?);
        let own: i64 = members.values().sum();
        let size = |course: &Option<i64>| course.and_then(|course| courses.get(&course)).copied();
        Ok(members.iter().any(|(course, common)| size(course).is_some_and(|size| near(own, size, *common))))
    }
}

/// Figures of a subject. What fewer than five persons are in is null, for whoever asks, and for an HOD what is not of a
/// course that they head.
#[derive(Description)]
pub struct SubjectReport(Loaded<SubjectRow>);

impl Stated for SubjectReport {}

#[Object(use_type_description, guard = "stated(self)")]
impl SubjectReport {
    /// The share of its classes that were attended, of all that there ever were, in whole per cent (0 to 100).
    #[graphql(directive = auth::apply(OF_COURSES))]
    async fn attendance_percentage(&self, ctx: &Context<'_>) -> Result<Option<f64>> {
        let call = Call::of(ctx);
        let attended = self.0.of_each("report: attendance", |ids| async move {
            Ok(read!(call.db(), reports::attendance_of_subjects(call.scope(), &ids))?.into_iter().collect())
        });
        Ok(attended.await?.and_then(|attended: Attended| attended.percentage()))
    }
}

impl SubjectReport {
    /// The report of a subject.
    #[must_use]
    pub fn of(subject: &Loaded<SubjectRow>) -> Self {
        Self(subject.clone())
    }
}

/// Figures of the whole institute. What fewer than five persons are in is null, for whoever asks.
#[derive(Description)]
pub struct InstituteReport;

impl Stated for InstituteReport {}

#[Object(use_type_description, guard = "stated(self)")]
impl InstituteReport {
    /// How many students there are of each status, archived ones aside.
    #[graphql(directive = auth::apply(REPORTED))]
    async fn students_by_status(&self, ctx: &Context<'_>) -> Result<Vec<StatusReport>> {
        let call = Call::of(ctx);
        let counts: HashMap<StudentStatus, i64> =
            read!(call.db(), reports::students_by_status(call.scope()))?.into_iter().collect();
        let statuses = [StudentStatus::Active, StudentStatus::Leave, StudentStatus::Completed];
        let shown = parts(statuses.map(|status| counts.get(&status).copied().unwrap_or_default()));
        let report = |(status, students)| StatusReport { status, students };
        Ok(statuses.into_iter().zip(shown).map(report).collect())
    }

    /// Attendance in the last so many months that had classes, old to new.
    #[graphql(directive = auth::apply(REPORTED))]
    async fn attendance_by_month(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "How many months, 1 to 100.", default = 12)] last: i32,
    ) -> Result<Option<Vec<MonthReport>>> {
        if !(1..=MAX_PAGE).contains(&last) {
            return Err(Error::bad_input(format!("`last` must be between 1 and {MAX_PAGE}")));
        }
        let call = Call::of(ctx);
        let months = read!(call.db(), reports::attendance_by_month(call.scope(), last.into()))?;
        let report = |(month, attended): (_, Attended)| MonthReport {
            month: Date(month),
            attendance_percentage: attended.percentage(),
        };
        Ok(Some(months.into_iter().rev().map(report).collect()))
    }

    /// How many leave requests of students there are of each status.
    #[graphql(directive = auth::apply(REPORTED))]
    async fn student_leave(&self, ctx: &Context<'_>) -> Result<Vec<LeaveReport>> {
        let call = Call::of(ctx);
        Ok(LeaveReport::of(&read!(call.db(), reports::leave_of_students(call.scope()))?))
    }

    /// How many leave requests of staff there are of each status.
    #[graphql(directive = auth::apply(REPORTED))]
    async fn staff_leave(&self, ctx: &Context<'_>) -> Result<Vec<LeaveReport>> {
        let call = Call::of(ctx);
        Ok(LeaveReport::of(&read!(call.db(), reports::leave_of_staff(call.scope()))?))
    }

    /// The average of all ratings of teachers, 1.0 to 5.0, to a tenth; null also where fewer than five were rated.
    #[graphql(directive = auth::apply(REPORTED))]
    async fn teacher_rating(&self, ctx: &Context<'_>) -> Result<Option<f64>> {
        let call = Call::of(ctx);
        Ok(read!(call.db(), reports::ratings_of_teachers(call.scope()))?.average())
    }

    /// How the institute is rated, by what the ratings are about.
    #[graphql(directive = auth::apply(REPORTED))]
    async fn institute_ratings(&self, ctx: &Context<'_>) -> Result<Vec<RatingReport>> {
        let call = Call::of(ctx);
        let ratings: HashMap<InstituteFeedbackType, Rated> =
            read!(call.db(), reports::ratings_of_institute(call.scope()))?.into_iter().collect();
        let report = |about: &InstituteFeedbackType| RatingReport {
            about: *about,
            average: ratings.get(about).and_then(Rated::average),
        };
        Ok(InstituteFeedbackType::ALL.iter().map(report).collect())
    }
}

/// The students of one status.
#[derive(SimpleObject)]
#[graphql(guard = "stated(self)")]
pub struct StatusReport {
    /// The status.
    #[graphql(directive = auth::apply(REPORTED))]
    status: StudentStatus,
    /// How many they are; null where they, or those whom they leave over, are fewer than five.
    #[graphql(directive = auth::apply(REPORTED))]
    students: Option<i64>,
}

impl Stated for StatusReport {}

/// Attendance in one month.
#[derive(SimpleObject)]
#[graphql(guard = "stated(self)")]
pub struct MonthReport {
    /// The month, as its first day.
    #[graphql(directive = auth::apply(REPORTED))]
    month: Date,
    /// The share of classes attended, in whole per cent (0 to 100); null where fewer than five had any.
    #[graphql(directive = auth::apply(REPORTED))]
    attendance_percentage: Option<f64>,
}

impl Stated for MonthReport {}

/// The leave requests of one status.
#[derive(SimpleObject)]
#[graphql(guard = "stated(self)")]
pub struct LeaveReport {
    /// The status.
    #[graphql(directive = auth::apply(REPORTED))]
    status: LeaveStatus,
    /// How many there are; null where they are of fewer than five persons.
    #[graphql(directive = auth::apply(REPORTED))]
    requests: Option<i64>,
}

impl Stated for LeaveReport {}

impl LeaveReport {
    /// The reports of all statuses, of how many requests of how many persons there are of each.
    fn of(counts: &[(LeaveStatus, i64, i64)]) -> Vec<Self> {
        let requests = |status| {
            let (_, requests, of) = counts.iter().find(|(of, ..)| *of == status)?;
            persons(*of).map(|_| *requests)
        };
        LeaveStatus::ALL.iter().map(|status| Self { status: *status, requests: requests(*status) }).collect()
    }
}

/// Ratings of the institute in one respect.
#[derive(SimpleObject)]
#[graphql(guard = "stated(self)")]
pub struct RatingReport {
    /// What they are about.
    #[graphql(name = "type", directive = auth::apply(REPORTED))]
    about: InstituteFeedbackType,
    /// Their average, 1.0 to 5.0, to a tenth; null where fewer than five rated.
    #[graphql(directive = auth::apply(REPORTED))]
    average: Option<f64>,
}

impl Stated for RatingReport {}

/// The reports' part of the query root.
#[derive(Default)]
pub struct ReportQuery;

#[Object(guard = "root(\"Query\")")]
impl ReportQuery {
    /// Figures of the whole institute. Those of a course, a batch or a subject stand there, as its `report`.
    #[graphql(directive = auth::apply(REPORTED))]
    async fn report(&self) -> Option<InstituteReport> {
        Some(InstituteReport)
    }
}
