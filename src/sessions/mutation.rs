//! Mutations of sessions.

use async_graphql::{Context, ID, InputObject, Object, SimpleObject};

use crate::{
    auth::{api::OWNER, mutation::OWN, sets::PEOPLE, sign_in::take_back_cookie},
    change,
    change::{Act, Problems},
    error::Result,
    graphql::{Call, Stated, UserError, auth, root, stated},
    ids::Kind,
    payload,
};

/// The session to end.
#[derive(InputObject)]
pub struct EndSessionInput {
    /// The session.
    id: ID,
    /// The client's own name for this mutation: sent again with the same input, it is done once.
    client_mutation_id: Option<String>,
}

payload! {
    /// Which session was ended.
    EndSessionPayload {
        /// The id that the session had.
        ended_id: ID,
    }
}

/// How many sessions were ended.
#[derive(SimpleObject)]
#[graphql(guard = "stated(self)")]
pub struct EndOtherSessionsPayload {
    /// How many there were besides the one that asked.
    #[graphql(directive = auth::apply(PEOPLE))]
    ended: Option<i32>,
    /// Why nothing was written; empty where it was.
    #[graphql(directive = auth::apply(PEOPLE))]
    user_errors: Vec<UserError>,
}

impl Stated for EndOtherSessionsPayload {}

/// The sessions' part of the mutation root.
#[derive(Default)]
pub struct SessionMutation;

#[Object(guard = "root(\"Mutation\")")]
impl SessionMutation {
    /// Ends a session: the next request that comes with it is nobody's. Everybody ends their own, ADMIN that of everybody. To
    /// end the one that asks is to sign out.
    #[graphql(directive = auth::apply(OWNER))]
    async fn end_session(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The session.")] input: EndSessionInput,
    ) -> Result<Option<EndSessionPayload>> {
        let call = Call::of(ctx);
        let act = Act::of(ctx, input.client_mutation_id).await?;
        let (id, in_force) = (call.number(Kind::Session, &input.id), call.services().sessions.in_force());
        let done = change!(call, &act, sessions_write::end(id, in_force, Problems::default()));
        if done.value.is_some() && done.value == call.viewer().session_id() {
            take_back_cookie(ctx);
        }
        EndSessionPayload::of(done, async |ids| Ok(call.ids(Kind::Session, ids))).await
    }

    /// Ends one's own sessions on all other devices; the one that asks goes on.
    #[graphql(directive = auth::apply(OWN))]
    async fn end_other_sessions(&self, ctx: &Context<'_>) -> Result<Option<EndOtherSessionsPayload>> {
        let call = Call::of(ctx);
        let act = Act::of(ctx, None).await?;
        let (present, in_force) = (call.viewer().session_id().unwrap_or(0), call.services().sessions.in_force());
        let done = change!(call, &act, sessions_write::end_others(present, in_force));
        Ok(Some(EndOtherSessionsPayload { ended: done.value, user_errors: done.user_errors }))
    }
}
