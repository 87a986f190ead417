//! Mutations of attendance.

use async_graphql::{Context, ID, InputObject, Object};

use super::{
    api::{AttendanceSession, MARKING},
    marking::{MAX_MARKS, Sheet},
    model::AttendanceStatus,
};
use crate::{
    auth::sets::PEOPLE,
    change,
    change::{Act, Problems},
    error::Result,
    graphql::{Call, Date, UserErrorCode::OutOfRange, auth, root, stated},
    ids::Kind,
    payload,
    routines::api::Routine,
};

/// A student's mark.
#[derive(InputObject)]
pub struct AttendanceMarkInput {
    /// A student of the class, once on a sheet.
    student_id: ID,
    /// How the student attended.
    status: AttendanceStatus,
}

/// A class to mark.
#[derive(InputObject)]
pub struct MarkAttendanceInput {
    /// The slot of the timetable.
    routine_id: ID,
    /// The day of the class: one that the routine runs on, and not in the future.
    date: Date,
    /// Whether the class was held: one that was not counts for nobody, and nobody is marked in it.
    #[graphql(default = true)]
    held: bool,
    /// Whether the teacher was there.
    #[graphql(default = true)]
    teacher_attended: bool,
    /// The marks: of the whole class or of some of it, 1,000 at most. Who is not sent keeps the mark they have; who has
    /// none and is on approved leave is excused.
    #[graphql(default)]
    marks: Vec<AttendanceMarkInput>,
    /// Why marks are changed; it is kept with each mark that this changes.
    reason: Option<String>,
    /// The client's own name for this mutation: sent again with the same input, it is done once.
    client_mutation_id: Option<String>,
}

/// A class that was marked by mistake.
#[derive(InputObject)]
pub struct DeleteAttendanceSessionInput {
    /// The class.
    id: ID,
    /// Why.
    reason: String,
    /// The client's own name for this mutation: sent again with the same input, it is done once.
    client_mutation_id: Option<String>,
}

payload! {
    /// The class that was marked.
    MarkAttendancePayload {
        /// The class.
        session: AttendanceSession,
    }
}
payload! {
    /// The routine of the class that was removed.
    DeleteAttendanceSessionPayload {
        /// The routine, whose class of that day is not marked any more.
        routine: Routine,
    }
}

/// Attendance's part of the mutation root.
#[derive(Default)]
pub struct AttendanceMutation;

#[Object(guard = "root(\"Mutation\")")]
impl AttendanceMutation {
    /// Marks a class: for its routine's teacher, the HOD of its course and ADMIN. Marking again updates, and a changed mark
    /// leaves a correction behind; the same sheet again changes nothing.
    #[graphql(directive = auth::apply(MARKING))]
    async fn mark_attendance(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The class and the marks.")] input: MarkAttendanceInput,
    ) -> Result<Option<MarkAttendancePayload>> {
        let (call, mut problems) = (Call::of(ctx), Problems::default());
        problems.require(
            input.marks.len() <= MAX_MARKS,
            "marks",
            OutOfRange,
            "there are 1,000 marks on a sheet at most",
        );
        let mark = |mark: &AttendanceMarkInput| (call.number(Kind::Student, &mark.student_id), mark.status);
        let sheet = Sheet {
            routine: call.number(Kind::Routine, &input.routine_id),
            date: input.date.0,
            held: input.held,
            teacher_attended: input.teacher_attended,
            marks: input.marks.iter().take(MAX_MARKS).map(mark).collect(),
            reason: problems.maybe_line("reason", input.reason.as_deref()),
        };
        let act = Act::of(ctx, input.client_mutation_id).await?;
        let done = change!(call, &act, attendance_write::mark(&sheet, problems.clone()));
        MarkAttendancePayload::of(done, |ids| AttendanceSession::by_ids(call, ids)).await
    }

    /// Removes a class that was marked by mistake, with its marks, which the audit log keeps: for who may mark it.
    #[graphql(directive = auth::apply(MARKING))]
    async fn delete_attendance_session(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The class.")] input: DeleteAttendanceSessionInput,
    ) -> Result<Option<DeleteAttendanceSessionPayload>> {
        let (call, mut problems) = (Call::of(ctx), Problems::default());
        let reason = problems.line("reason", &input.reason);
        let act = Act::of(ctx, input.client_mutation_id).await?;
        let id = call.number(Kind::AttendanceSession, &input.id);
        let done = change!(call, &act, attendance_write::delete_session(id, &reason, problems.clone()));
        DeleteAttendanceSessionPayload::of(done, |ids| Routine::by_ids(call, ids)).await
    }
}
