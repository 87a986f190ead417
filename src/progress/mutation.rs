//! Mutations of course tracking and subject progress.

use async_graphql::{Context, ID, InputObject, MaybeUndefined, Object, SimpleObject};

use super::{
    api::{CourseTracking, SubjectProgress},
    model::{Class, ProgressStatus, SubjectEntry, TrackingEdit},
};
use crate::{
    auth::{
        Role::{Admin, Admission, Hod},
        RoleSet,
        sets::PEOPLE,
    },
    batches::api::Batch,
    change,
    change::{Act, Problems, patch},
    error::Result,
    graphql::{Call, Date, Stated, UserError, UserErrorCode::OutOfRange, auth, root, stated},
    ids::Kind,
    payload,
    students::api::Student,
};

/// Who enters progress in subjects; an HOD in the courses that they head.
const ENTERING: RoleSet = RoleSet::of(&[Admin, Hod]);
/// Who edits course trackings and moves students on; an HOD in the courses that they head.
const TRACKING: RoleSet = RoleSet::of(&[Admin, Admission, Hod]);

/// How far a student is in a subject.
#[derive(InputObject)]
pub struct SetSubjectProgressInput {
    /// The student.
    student_id: ID,
    /// A subject of the student's course.
    subject_id: ID,
    /// The version that was read, left out where there was no progress yet: if it has changed since, nothing is written.
    version: Option<i32>,
    /// How far along.
    status: ProgressStatus,
    /// How much is done, in per cent: 100 where the subject is completed and less where it is not, 0 where it is not started.
    /// Left out, it is what the status says, or what it was.
    completion: Option<f64>,
    /// What teachers note. Left out, it stays as it is; null empties it.
    notes: MaybeUndefined<String>,
    /// The client's own name for this mutation: sent again with the same input, it is done once.
    client_mutation_id: Option<String>,
}

/// What to change of a course tracking. What is left out stays as it is; null empties it.
#[derive(InputObject)]
pub struct EditCourseTrackingInput {
    /// The course tracking.
    id: ID,
    /// The version that was read: if the tracking has changed since, nothing is written.
    version: i32,
    /// How far along: completed at 100 per cent and only then, still to begin or under way in the student's present course.
    status: MaybeUndefined<ProgressStatus>,
    /// The day the course should end, after it began.
    expected_end: MaybeUndefined<Date>,
    /// What teachers note (not for ADMISSION, who may not read it).
    notes: MaybeUndefined<String>,
    /// The client's own name for this mutation: sent again with the same input, it is done once.
    client_mutation_id: Option<String>,
}

/// A student to move on.
#[derive(InputObject)]
pub struct AdvanceStudentPeriodInput {
    /// The student.
    student_id: ID,
    /// The version that was read: if the student has changed since, nothing is written.
    version: i32,
    /// The client's own name for this mutation: sent again with the same input, it is done once.
    client_mutation_id: Option<String>,
}

/// The students of a batch to move on.
#[derive(InputObject)]
pub struct AdvanceBatchPeriodInput {
    /// The batch.
    batch_id: ID,
    /// The course: students of the batch in another one stay where they are.
    course_id: ID,
    /// The period that they are in: students of the batch in another one stay where they are. So nobody is moved twice.
    from_period: i32,
    /// The client's own name for this mutation: sent again with the same input, it is done once.
    client_mutation_id: Option<String>,
}

payload! {
    /// The progress that was entered.
    SetSubjectProgressPayload {
        /// The progress.
        subject_progress: SubjectProgress,
    }
}
payload! {
    /// The course tracking that was edited.
    EditCourseTrackingPayload {
        /// The course tracking.
        course_tracking: CourseTracking,
    }
}
payload! {
    /// The student who was moved on.
    AdvanceStudentPeriodPayload {
        /// The student.
        student: Student,
    }
}

/// The batch whose students were moved on.
#[derive(SimpleObject)]
#[graphql(guard = "stated(self)")]
pub struct AdvanceBatchPeriodPayload {
    /// The batch.
    #[graphql(directive = auth::apply(PEOPLE))]
    batch: Option<Batch>,
    /// How many students were moved on.
    #[graphql(directive = auth::apply(PEOPLE))]
    students: Option<i64>,
    /// The key that the input carried.
    #[graphql(directive = auth::apply(PEOPLE))]
    client_mutation_id: Option<String>,
    /// Why nothing was written; empty where it was.
    #[graphql(directive = auth::apply(PEOPLE))]
    user_errors: Vec<UserError>,
}

impl Stated for AdvanceBatchPeriodPayload {}

/// The part of progress in the mutation root.
#[derive(Default)]
pub struct ProgressMutation;

#[Object(guard = "root(\"Mutation\")")]
impl ProgressMutation {
    /// Enters how far a student is in a subject of their course, for the first time or anew. The completion of the course
    /// follows.
    #[graphql(directive = auth::apply(ENTERING))]
    async fn set_subject_progress(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The progress.")] input: SetSubjectProgressInput,
    ) -> Result<Option<SetSubjectProgressPayload>> {
        let (call, mut problems) = (Call::of(ctx), Problems::default());
        if let Some(done) = input.completion {
            completion_fits(done, input.status, &mut problems);
        }
        let entry = SubjectEntry {
            student: call.number(Kind::Student, &input.student_id),
            subject: call.number(Kind::Subject, &input.subject_id),
            version: input.version,
            status: input.status,
            completion: input.completion,
            notes: patch(input.notes, |text| problems.maybe_text("notes", Some(&text))),
        };
        let act = Act::of(ctx, input.client_mutation_id).await?;
        let done = change!(call, &act, progress_tracking::set_subject(&entry, problems.clone()));
        SetSubjectProgressPayload::of(done, |ids| SubjectProgress::by_ids(call, ids)).await
    }

    /// Edits a course tracking. Its period is the student's, and its completion is computed.
    #[graphql(directive = auth::apply(TRACKING))]
    async fn edit_course_tracking(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What to change.")] input: EditCourseTrackingInput,
    ) -> Result<Option<EditCourseTrackingPayload>> {
        let (call, mut problems) = (Call::of(ctx), Problems::default());
        let edit = TrackingEdit {
            status: problems.patch_required("status", input.status, |_, status| status),
            expected_end: problems.patch_required("expectedEnd", input.expected_end, |_, Date(date)| date),
            notes: patch(input.notes, |text| problems.maybe_text("notes", Some(&text))),
        };
        let act = Act::of(ctx, input.client_mutation_id).await?;
        let target = (call.number(Kind::CourseTracking, &input.id), input.version);
        let done = change!(call, &act, progress_tracking::edit(target, &edit, problems.clone()));
        EditCourseTrackingPayload::of(done, |ids| CourseTracking::by_ids(call, ids)).await
    }

    /// Moves an active student on to the next period of their course, which begins today; never past the last.
    #[graphql(directive = auth::apply(TRACKING))]
    async fn advance_student_period(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The student.")] input: AdvanceStudentPeriodInput,
    ) -> Result<Option<AdvanceStudentPeriodPayload>> {
        let call = Call::of(ctx);
        let act = Act::of(ctx, input.client_mutation_id).await?;
        let target = (call.number(Kind::Student, &input.student_id), input.version);
        let done = change!(call, &act, progress_advance::student(target, Problems::default()));
        AdvanceStudentPeriodPayload::of(done, |ids| Student::by_ids(call, ids)).await
    }

    /// Moves the active students of a batch who are in a period of a course on to the next one, which begins today; never
    /// past the last.
    #[graphql(directive = auth::apply(TRACKING))]
    async fn advance_batch_period(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The students.")] input: AdvanceBatchPeriodInput,
    ) -> Result<Option<AdvanceBatchPeriodPayload>> {
        let call = Call::of(ctx);
        let act = Act::of(ctx, input.client_mutation_id).await?;
        let class = Class {
            batch: call.number(Kind::Batch, &input.batch_id),
            course: call.number(Kind::Course, &input.course_id),
            from_period: input.from_period,
        };
        let done = change!(call, &act, progress_advance::batch(class, Problems::default()));
        let batch = match &done.value {
            Some(advanced) => Batch::by_ids(call, vec![advanced.batch]).await?.remove(&advanced.batch),
            None => None,
        };
        Ok(Some(AdvanceBatchPeriodPayload {
            batch,
            students: done.value.map(|advanced| advanced.students),
            client_mutation_id: done.client_mutation_id,
            user_errors: done.user_errors,
        }))
    }
}

/// A subject is COMPLETED at 100 per cent and only then, and nothing of it is done before it is begun.
fn completion_fits(done: f64, status: ProgressStatus, problems: &mut Problems) {
    let (path, none, all) = ("completion", done <= 0.0, done >= 100.0);
    if !(0.0..=100.0).contains(&done) {
        problems.add(path, OutOfRange, "it is 0 to 100");
        return;
    }
    let completed = status == ProgressStatus::Completed;
    problems.require(
        completed == all,
        path,
        OutOfRange,
        "it is 100 where the subject is completed, and less where it is not",
    );
    let begun = status != ProgressStatus::NotStarted;
    problems.require(begun || none || all, path, OutOfRange, "it is 0 where the subject is not started");
}
