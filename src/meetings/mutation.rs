//! Mutations of meetings.

use async_graphql::{Context, ID, InputObject, Object};
use chrono::{DateTime, Utc};

use super::{
    api::Meeting,
    model::{NewMeeting, Span},
    rules::{self, OFFERING, REQUESTING, Step},
};
use crate::{
    auth::sets::PEOPLE,
    change,
    change::{Act, Problems},
    error::Result,
    graphql::{Call, UserErrorCode::Required, auth, root, stated},
    ids::Kind,
    payload,
};

/// A meeting to offer.
#[derive(InputObject)]
pub struct OfferMeetingInput {
    /// Who holds it; left out, it is the viewer.
    staff_id: Option<ID>,
    /// The parents who are to take part, 1 to 100: each a parent of one of the students.
    parent_ids: Vec<ID>,
    /// The students it is about, 1 to 100.
    student_ids: Vec<ID>,
    /// When it begins, in the future.
    starts_at: DateTime<Utc>,
    /// How many minutes it takes, 5 to 240.
    #[graphql(default = 30)]
    minutes: i32,
    /// What is to be talked about.
    agenda: Option<String>,
    /// Whether it takes place online.
    #[graphql(default)]
    online: bool,
    /// Where it takes place online: an address that begins with `https://`.
    link: Option<String>,
    /// The client's own name for this mutation: sent again with the same input, it is done once.
    client_mutation_id: Option<String>,
}

/// A meeting to ask for.
#[derive(InputObject)]
pub struct RequestMeetingInput {
    /// A teacher who teaches the child.
    staff_id: ID,
    /// The child it is about.
    student_id: ID,
    /// When it is to begin, in the future.
    starts_at: DateTime<Utc>,
    /// How many minutes it is to take, 5 to 240.
    #[graphql(default = 30)]
    minutes: i32,
    /// What is to be talked about.
    agenda: Option<String>,
    /// The client's own name for this mutation: sent again with the same input, it is done once.
    client_mutation_id: Option<String>,
}

/// A meeting to accept.
#[derive(InputObject)]
pub struct AcceptMeetingInput {
    /// The meeting.
    id: ID,
    /// When it begins, in the future; left out, it is when it was asked for.
    starts_at: Option<DateTime<Utc>>,
    /// The client's own name for this mutation: sent again with the same input, it is done once.
    client_mutation_id: Option<String>,
}

/// A meeting to move.
#[derive(InputObject)]
pub struct MoveMeetingInput {
    /// The meeting.
    id: ID,
    /// The version that was read: if the meeting has changed since, nothing is written.
    version: i32,
    /// When it begins, in the future.
    starts_at: DateTime<Utc>,
    /// How many minutes it takes, 5 to 240; left out, as many as before.
    minutes: Option<i32>,
    /// The client's own name for this mutation: sent again with the same input, it is done once.
    client_mutation_id: Option<String>,
}

/// A meeting to call off.
#[derive(InputObject)]
pub struct CancelMeetingInput {
    /// The meeting.
    id: ID,
    /// Why: everybody who reaches the meeting reads it.
    reason: String,
    /// The client's own name for this mutation: sent again with the same input, it is done once.
    client_mutation_id: Option<String>,
}

/// A meeting that took place.
#[derive(InputObject)]
pub struct CompleteMeetingInput {
    /// The meeting.
    id: ID,
    /// What was talked about.
    notes: String,
    /// The client's own name for this mutation: sent again with the same input, it is done once.
    client_mutation_id: Option<String>,
}

payload! {
    /// The meeting that was offered.
    OfferMeetingPayload {
        /// The meeting.
        meeting: Meeting,
    }
}
payload! {
    /// The meeting that was asked for.
    RequestMeetingPayload {
        /// The meeting.
        meeting: Meeting,
    }
}
payload! {
    /// The meeting that was accepted.
    AcceptMeetingPayload {
        /// The meeting.
        meeting: Meeting,
    }
}
payload! {
    /// The meeting that was moved.
    MoveMeetingPayload {
        /// The meeting.
        meeting: Meeting,
    }
}
payload! {
    /// The meeting that was called off.
    CancelMeetingPayload {
        /// The meeting.
        meeting: Meeting,
    }
}
payload! {
    /// The meeting that took place.
    CompleteMeetingPayload {
        /// The meeting.
        meeting: Meeting,
    }
}

/// The meetings' part of the mutation root.
#[derive(Default)]
pub struct MeetingMutation;

#[Object(guard = "root(\"Mutation\")")]
impl MeetingMutation {
    /// Offers a meeting: it is SCHEDULED at once. STAFF and HOD offer their own, an HOD also those of the teachers of the
    /// courses that they head, ADMIN anybody's; about students, and with parents of theirs, whom they reach by that role.
    /// Neither who holds it nor a parent may be in another meeting at that time.
    #[graphql(directive = auth::apply(OFFERING))]
    async fn offer_meeting(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The meeting.")] input: OfferMeetingInput,
    ) -> Result<Option<OfferMeetingPayload>> {
        let (call, mut problems) = (Call::of(ctx), Problems::default());
        let act = Act::of(ctx, input.client_mutation_id).await?;
        let starts_at = rules::start(&mut problems, input.starts_at, act.now);
        let meeting = NewMeeting {
            staff: input.staff_id.map(|id| call.number(Kind::Staff, &id)),
            parents: some(call, &mut problems, "parentIds", Kind::Parent, &input.parent_ids),
            students: some(call, &mut problems, "studentIds", Kind::Student, &input.student_ids),
            span: Span::of(starts_at, rules::minutes(&mut problems, input.minutes)),
            agenda: problems.maybe_text("agenda", input.agenda.as_deref()),
            online: input.online,
            link: problems.maybe_url("link", input.link.as_deref()),
        };
        let done = change!(call, &act, meetings_write::offer(&meeting, problems.clone()));
        OfferMeetingPayload::of(done, |ids| Meeting::by_ids(call, ids)).await
    }

    /// Asks for a meeting with a teacher of the viewer's child. It is REQUESTED, and takes nobody's time until it is
    /// accepted.
    #[graphql(directive = auth::apply(REQUESTING))]
    async fn request_meeting(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The meeting.")] input: RequestMeetingInput,
    ) -> Result<Option<RequestMeetingPayload>> {
        let (call, mut problems) = (Call::of(ctx), Problems::default());
        let act = Act::of(ctx, input.client_mutation_id).await?;
        let starts_at = rules::start(&mut problems, input.starts_at, act.now);
        let with = (call.number(Kind::Staff, &input.staff_id), call.number(Kind::Student, &input.student_id));
        let meeting = NewMeeting {
            staff: Some(with.0),
            parents: vec![act.scope.parent()],
            students: vec![with.1],
            span: Span::of(starts_at, rules::minutes(&mut problems, input.minutes)),
            agenda: problems.maybe_text("agenda", input.agenda.as_deref()),
            online: false,
            link: None,
        };
        let done = change!(call, &act, meetings_write::request(with, &meeting, problems.clone()));
        RequestMeetingPayload::of(done, |ids| Meeting::by_ids(call, ids)).await
    }

    /// Accepts a meeting that a parent asked for: it is SCHEDULED. For who is to hold it, an HOD of a course that they
    /// teach in, and ADMIN.
    #[graphql(directive = auth::apply(Step::Accept.may()))]
    async fn accept_meeting(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The meeting.")] input: AcceptMeetingInput,
    ) -> Result<Option<AcceptMeetingPayload>> {
        let (call, mut problems) = (Call::of(ctx), Problems::default());
        let act = Act::of(ctx, input.client_mutation_id).await?;
        let id = call.number(Kind::Meeting, &input.id);
        let starts_at = input.starts_at.map(|at| rules::start(&mut problems, at, act.now));
        let done = change!(call, &act, meetings_write::accept(id, starts_at, problems.clone()));
        AcceptMeetingPayload::of(done, |ids| Meeting::by_ids(call, ids)).await
    }

    /// Moves a meeting that is still to come: it is RESCHEDULED. For who holds it, an HOD of a course that they teach in,
    /// and ADMIN.
    #[graphql(directive = auth::apply(Step::Move.may()))]
    async fn move_meeting(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The meeting and its time.")] input: MoveMeetingInput,
    ) -> Result<Option<MoveMeetingPayload>> {
        let (call, mut problems) = (Call::of(ctx), Problems::default());
        let act = Act::of(ctx, input.client_mutation_id).await?;
        let target = (call.number(Kind::Meeting, &input.id), input.version);
        let starts_at = rules::start(&mut problems, input.starts_at, act.now);
        let time = (starts_at, input.minutes.map(|minutes| rules::minutes(&mut problems, minutes)));
        let done = change!(call, &act, meetings_write::reschedule(target, time, problems.clone()));
        MoveMeetingPayload::of(done, |ids| Meeting::by_ids(call, ids)).await
    }

    /// Calls off a meeting that is still to come, or declines or takes back one that was asked for: it is CANCELLED. For
    /// who holds it, an HOD of a course that they teach in, ADMIN, and a parent who takes part.
    #[graphql(directive = auth::apply(Step::Cancel.may()))]
    async fn cancel_meeting(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The meeting and why.")] input: CancelMeetingInput,
    ) -> Result<Option<CancelMeetingPayload>> {
        let (call, mut problems) = (Call::of(ctx), Problems::default());
        let act = Act::of(ctx, input.client_mutation_id).await?;
        let id = call.number(Kind::Meeting, &input.id);
        let reason = problems.text("reason", &input.reason);
        let done = change!(call, &act, meetings_write::cancel(id, &reason, problems.clone()));
        CancelMeetingPayload::of(done, |ids| Meeting::by_ids(call, ids)).await
    }

    /// Says that a meeting has taken place, once its time has come: it is COMPLETED. For who holds it, an HOD of a course
    /// that they teach in, and ADMIN.
    #[graphql(directive = auth::apply(Step::Complete.may()))]
    async fn complete_meeting(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The meeting and its notes.")] input: CompleteMeetingInput,
    ) -> Result<Option<CompleteMeetingPayload>> {
        let (call, mut problems) = (Call::of(ctx), Problems::default());
        let act = Act::of(ctx, input.client_mutation_id).await?;
        let id = call.number(Kind::Meeting, &input.id);
        let notes = problems.text("notes", &input.notes);
        let done = change!(call, &act, meetings_write::complete(id, &notes, problems.clone()));
        CompleteMeetingPayload::of(done, |ids| Meeting::by_ids(call, ids)).await
    }
}

/// The rows that a list names; there must be one.
fn some(call: &Call, problems: &mut Problems, path: &str, kind: Kind, ids: &[ID]) -> Vec<i64> {
    problems.require(!ids.is_empty(), path, Required, "name at least one");
    problems.rows(path, ids.iter().map(|id| call.number(kind, id)).collect())
}
