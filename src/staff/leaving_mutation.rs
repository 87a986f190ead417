//! Mutations of staff who leave and come back.

use async_graphql::{Context, ID, InputObject, Object, SimpleObject};

use super::{
    api::Staff,
    model::{Ends, Leaving},
};
use crate::{
    auth::{
        Role::{Admin, Hod},
        RoleSet,
        sets::PEOPLE,
    },
    change,
    change::{Act, Done, Problems},
    error::Result,
    graphql::{Call, Stated, UserError, auth, root, stated},
    ids::Kind,
    meetings::api::Meeting,
    payload,
    routines::api::Routine,
};

/// Who lets staff go; an HOD teachers of the courses they head, who are nothing else.
const LETTING_GO: RoleSet = RoleSet::of(&[Admin, Hod]);
/// Who takes staff back.
const TAKING_BACK: RoleSet = RoleSet::of(&[Admin]);

/// A staff member who is not to sign in any more.
#[derive(InputObject)]
pub struct DeactivateStaffInput {
    /// The staff member.
    id: ID,
    /// Whether to end the routines they teach at present.
    #[graphql(default)]
    end_routines: bool,
    /// Whether to cancel the meetings to come that they hold, also those that parents asked for.
    #[graphql(default)]
    cancel_meetings: bool,
    /// The client's own name for this mutation: sent again with the same input, it is done once.
    client_mutation_id: Option<String>,
}

/// A staff member who is to sign in again.
#[derive(InputObject)]
pub struct ActivateStaffInput {
    /// The staff member.
    id: ID,
    /// The client's own name for this mutation: sent again with the same input, it is done once.
    client_mutation_id: Option<String>,
}

/// A staff member to archive.
#[derive(InputObject)]
pub struct ArchiveStaffInput {
    /// The staff member.
    id: ID,
    /// Whether to end the routines they teach at present.
    #[graphql(default)]
    end_routines: bool,
    /// Whether to cancel the meetings to come that they hold, also those that parents asked for.
    #[graphql(default)]
    cancel_meetings: bool,
    /// The client's own name for this mutation: sent again with the same input, it is done once.
    client_mutation_id: Option<String>,
}

/// A staff member to take out of the archive.
#[derive(InputObject)]
pub struct RestoreStaffInput {
    /// The staff member.
    id: ID,
    /// The client's own name for this mutation: sent again with the same input, it is done once.
    client_mutation_id: Option<String>,
}

payload! {
    /// The staff member who may sign in again.
    ActivateStaffPayload {
        /// The staff member.
        staff: Staff,
    }
}
payload! {
    /// The staff member who was taken out of the archive.
    RestoreStaffPayload {
        /// The staff member.
        staff: Staff,
    }
}

/// The staff member who may not sign in any more.
#[derive(SimpleObject)]
#[graphql(guard = "stated(self)")]
pub struct DeactivateStaffPayload {
    /// The staff member.
    #[graphql(directive = auth::apply(PEOPLE))]
    staff: Option<Staff>,
    /// The routines that were ended with it.
    #[graphql(directive = auth::apply(PEOPLE))]
    ended_routines: Option<Vec<Routine>>,
    /// The meetings that were cancelled with it, of those that the viewer still reaches.
    #[graphql(directive = auth::apply(PEOPLE))]
    cancelled_meetings: Option<Vec<Meeting>>,
    /// The key that the input carried.
    #[graphql(directive = auth::apply(PEOPLE))]
    client_mutation_id: Option<String>,
    /// Why nothing was written; empty where it was.
    #[graphql(directive = auth::apply(PEOPLE))]
    user_errors: Vec<UserError>,
}

impl Stated for DeactivateStaffPayload {}

/// The staff member who was archived.
#[derive(SimpleObject)]
#[graphql(guard = "stated(self)")]
pub struct ArchiveStaffPayload {
    /// The staff member; null for an HOD, who reaches nobody that is archived.
    #[graphql(directive = auth::apply(PEOPLE))]
    staff: Option<Staff>,
    /// The routines that were ended with it.
    #[graphql(directive = auth::apply(PEOPLE))]
    ended_routines: Option<Vec<Routine>>,
    /// The meetings that were cancelled with it, of those that the viewer still reaches.
    #[graphql(directive = auth::apply(PEOPLE))]
    cancelled_meetings: Option<Vec<Meeting>>,
    /// The key that the input carried.
    #[graphql(directive = auth::apply(PEOPLE))]
    client_mutation_id: Option<String>,
    /// Why nothing was written; empty where it was.
    #[graphql(directive = auth::apply(PEOPLE))]
    user_errors: Vec<UserError>,
}

impl Stated for ArchiveStaffPayload {}

/// The part of the mutation root that is about staff who leave and come back.
#[derive(Default)]
pub struct StaffLeavingMutation;

#[Object(guard = "root(\"Mutation\")")]
impl StaffLeavingMutation {
    /// Lets a staff member not sign in any more, whatever else they are, and ends their sessions: ADMIN everybody; an HOD
    /// teachers who hold no other role, teach in courses they head alone, and are no student, nor the parent of one, outside
    /// of them. Who heads a course stays, and so does the last administrator. Who teaches by the present timetable, or has
    /// meetings to come, stays unless their routines are ended and their meetings cancelled with it. Leave that they asked
    /// for and that is pending is withdrawn; meetings that have begun are left to be completed.
    #[graphql(directive = auth::apply(LETTING_GO))]
    async fn deactivate_staff(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The staff member.")] input: DeactivateStaffInput,
    ) -> Result<Option<DeactivateStaffPayload>> {
        let call = Call::of(ctx);
        let act = Act::of(ctx, input.client_mutation_id).await?;
        let target = call.number(Kind::Staff, &input.id);
        let ends = Ends { routines: input.end_routines, meetings: input.cancel_meetings };
        let done = change!(call, &act, staff_leaving::deactivate(target, ends, Problems::default()));
        let (staff, ended_routines, cancelled_meetings) = left(call, &done).await?;
        let Done { client_mutation_id, user_errors, .. } = done;
        Ok(Some(DeactivateStaffPayload { staff, ended_routines, cancelled_meetings, client_mutation_id, user_errors }))
    }

    /// Lets a staff member sign in again. What was ended, cancelled and withdrawn stays so.
    #[graphql(directive = auth::apply(TAKING_BACK))]
    async fn activate_staff(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The staff member.")] input: ActivateStaffInput,
    ) -> Result<Option<ActivateStaffPayload>> {
        let call = Call::of(ctx);
        let act = Act::of(ctx, input.client_mutation_id).await?;
        let target = call.number(Kind::Staff, &input.id);
        let done = change!(call, &act, staff_leaving::activate(target, Problems::default()));
        ActivateStaffPayload::of(done, |ids| Staff::by_ids(call, ids)).await
    }

    /// Archives a staff member, who is staff no more: ADMIN everybody; an HOD teachers who hold no other role and teach in
    /// courses they head alone. The account is left to what else they are. Who heads a course stays, and so does the last
    /// administrator. Who teaches by the present timetable, or has meetings to come, stays unless their routines are ended
    /// and their meetings cancelled with it. Leave that they asked for and that is pending is withdrawn; meetings that have
    /// begun are left to be completed.
    #[graphql(directive = auth::apply(LETTING_GO))]
    async fn archive_staff(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The staff member.")] input: ArchiveStaffInput,
    ) -> Result<Option<ArchiveStaffPayload>> {
        let call = Call::of(ctx);
        let act = Act::of(ctx, input.client_mutation_id).await?;
        let target = call.number(Kind::Staff, &input.id);
        let ends = Ends { routines: input.end_routines, meetings: input.cancel_meetings };
        let done = change!(call, &act, staff_leaving::archive(target, ends, Problems::default()));
        let (staff, ended_routines, cancelled_meetings) = left(call, &done).await?;
        let Done { client_mutation_id, user_errors, .. } = done;
        Ok(Some(ArchiveStaffPayload { staff, ended_routines, cancelled_meetings, client_mutation_id, user_errors }))
    }

    /// Takes a staff member out of the archive, with the roles they held. What was ended, cancelled and withdrawn stays so.
    #[graphql(directive = auth::apply(TAKING_BACK))]
    async fn restore_staff(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The staff member.")] input: RestoreStaffInput,
    ) -> Result<Option<RestoreStaffPayload>> {
        let call = Call::of(ctx);
        let act = Act::of(ctx, input.client_mutation_id).await?;
        let target = call.number(Kind::Staff, &input.id);
        let done = change!(call, &act, staff_leaving::restore(target, Problems::default()));
        RestoreStaffPayload::of(done, |ids| Staff::by_ids(call, ids)).await
    }
}

/// Who left, the routines that ended with it and the meetings that were cancelled, as the viewer may see them now.
type Left = (Option<Staff>, Option<Vec<Routine>>, Option<Vec<Meeting>>);

async fn left(call: &Call, done: &Done<Leaving>) -> Result<Left> {
    let Some(Leaving { staff, ended, cancelled }) = &done.value else { return Ok((None, None, None)) };
    let mut routines = Routine::by_ids(call, ended.clone()).await?;
    let routines = ended.iter().filter_map(|number| routines.remove(number)).collect();
    let mut meetings = Meeting::by_ids(call, cancelled.clone()).await?;
    let meetings = cancelled.iter().filter_map(|number| meetings.remove(number)).collect();
    Ok((Staff::by_ids(call, vec![*staff]).await?.remove(staff), Some(routines), Some(meetings)))
}
