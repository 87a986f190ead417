//! Mutations of routines.

use async_graphql::{Context, ID, InputObject, MaybeUndefined, Object};

use super::{
    api::Routine,
    model::{NewRoutine, RoutineEdit, Slot, Weekday},
};
use crate::{
    auth::{
        Role::{Admin, Hod},
        RoleSet,
        sets::PEOPLE,
    },
    change,
    change::{Act, Problems, patch},
    error::Result,
    graphql::{
        Call, Time,
        UserErrorCode::{Duplicate, Required},
        auth, root, stated,
    },
    ids::Kind,
    payload,
};

/// Who makes the timetable; an HOD that of courses that they head.
const PLANNING: RoleSet = RoleSet::of(&[Admin, Hod]);

/// A slot to add to the timetable.
#[derive(InputObject)]
pub struct CreateRoutineInput {
    /// The subject that is taught: the slot is of its course and period.
    subject_id: ID,
    /// Who teaches it: a staff member with the role TEACHER.
    teacher_id: ID,
    /// The days it runs on.
    weekdays: Vec<Weekday>,
    /// When it starts, in the institute's time zone.
    starts_at: Time,
    /// When it ends, in the institute's time zone.
    ends_at: Time,
    /// The room.
    room: Option<String>,
    /// The client's own name for this mutation: sent again with the same input, it is done once.
    client_mutation_id: Option<String>,
}

/// What to change of a slot of the timetable. What is left out stays as it is; null empties it.
#[derive(InputObject)]
pub struct ChangeRoutineInput {
    /// The routine.
    id: ID,
    /// The version that was read: if the routine has changed since, nothing is written.
    version: i32,
    /// Who teaches it: a staff member with the role TEACHER.
    teacher_id: MaybeUndefined<ID>,
    /// The days it runs on: all of them.
    weekdays: MaybeUndefined<Vec<Weekday>>,
    /// When it starts, in the institute's time zone.
    starts_at: MaybeUndefined<Time>,
    /// When it ends, in the institute's time zone.
    ends_at: MaybeUndefined<Time>,
    /// The room.
    room: MaybeUndefined<String>,
    /// The client's own name for this mutation: sent again with the same input, it is done once.
    client_mutation_id: Option<String>,
}

/// A slot to take out of the timetable.
#[derive(InputObject)]
pub struct EndRoutineInput {
    /// The routine.
    id: ID,
    /// The client's own name for this mutation: sent again with the same input, it is done once.
    client_mutation_id: Option<String>,
}

payload! {
    /// The slot that was added.
    CreateRoutinePayload {
        /// The routine.
        routine: Routine,
    }
}
payload! {
    /// The slot that was changed.
    ChangeRoutinePayload {
        /// The routine.
        routine: Routine,
    }
}
payload! {
    /// The slot that was taken out of the timetable.
    EndRoutinePayload {
        /// The routine.
        routine: Routine,
    }
}

/// The routines' part of the mutation root.
#[derive(Default)]
pub struct RoutineMutation;

#[Object(guard = "root(\"Mutation\")")]
impl RoutineMutation {
    /// Adds a slot to the timetable: ADMIN, and the HOD of the subject's course. The course must be offered, the teacher
    /// at work; neither the teacher nor the room nor the class may have another slot then. Slots that only touch do not
    /// clash.
    #[graphql(directive = auth::apply(PLANNING))]
    async fn create_routine(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The slot.")] input: CreateRoutineInput,
    ) -> Result<Option<CreateRoutinePayload>> {
        let (call, mut problems) = (Call::of(ctx), Problems::default());
        let routine = NewRoutine {
            subject: call.number(Kind::Subject, &input.subject_id),
            teacher: call.number(Kind::Staff, &input.teacher_id),
            slot: Slot {
                weekdays: weekdays(&mut problems, &input.weekdays),
                starts_at: input.starts_at.0,
                ends_at: input.ends_at.0,
            },
            room: problems.maybe_line("room", input.room.as_deref()),
        };
        let act = Act::of(ctx, input.client_mutation_id).await?;
        let done = change!(call, &act, routines_write::create(&routine, problems.clone()));
        CreateRoutinePayload::of(done, |ids| Routine::by_ids(call, ids)).await
    }

    /// Moves a slot of the timetable or gives it to another teacher, by the rules by which slots are added: ADMIN, and the
    /// HOD of the course. One that was ended stays as it is, and so does attendance that was marked.
    #[graphql(directive = auth::apply(PLANNING))]
    async fn change_routine(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What to change.")] input: ChangeRoutineInput,
    ) -> Result<Option<ChangeRoutinePayload>> {
        let (call, mut problems) = (Call::of(ctx), Problems::default());
        let edit = RoutineEdit {
            teacher_id: problems.patch_required("teacherId", input.teacher_id, |_, id| call.number(Kind::Staff, &id)),
            weekdays: problems.patch_required("weekdays", input.weekdays, |problems, days| weekdays(problems, &days)),
            starts_at: problems.patch_required("startsAt", input.starts_at, |_, Time(at)| at),
            ends_at: problems.patch_required("endsAt", input.ends_at, |_, Time(at)| at),
            room: patch(input.room, |room| problems.maybe_line("room", Some(&room))),
        };
        let act = Act::of(ctx, input.client_mutation_id).await?;
        let target = (call.number(Kind::Routine, &input.id), input.version);
        let done = change!(call, &act, routines_write::change(target, &edit, problems.clone()));
        ChangeRoutinePayload::of(done, |ids| Routine::by_ids(call, ids)).await
    }

    /// Takes a slot out of the timetable, once: ADMIN, and the HOD of the course. Who teaches it teaches that class no more.
    #[graphql(directive = auth::apply(PLANNING))]
    async fn end_routine(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The slot.")] input: EndRoutineInput,
    ) -> Result<Option<EndRoutinePayload>> {
        let call = Call::of(ctx);
        let act = Act::of(ctx, input.client_mutation_id).await?;
        let number = call.number(Kind::Routine, &input.id);
        let done = change!(call, &act, routines_write::end(number, Problems::default()));
        EndRoutinePayload::of(done, |ids| Routine::by_ids(call, ids)).await
    }
}

/// The bits of days, each of them named once.
fn weekdays(problems: &mut Problems, days: &[Weekday]) -> i32 {
    let bits = Weekday::bits(days);
    problems.require(!days.is_empty(), "weekdays", Required, "it runs on one day at least");
    let once = Weekday::of_bits(bits).len() == days.len();
    problems.require(once, "weekdays", Duplicate, "a day is in the list twice");
    bits
}
