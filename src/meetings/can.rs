//! What the viewer can do with a meeting; the rules are in [`super::rules`].

use async_graphql::{Context, Object};

use super::{model::MeetingRow, rules::Step};
use crate::{
    actions,
    auth::sets::TEACHING,
    error::Result,
    graphql::{Call, auth, stated},
    read,
};

actions! {
    /// What the viewer can do with a meeting. True: with a well-formed input the mutation would not be refused for who the
    /// viewer is, nor for how the meeting stands; what else an input may be refused for is another matter.
    MeetingActions(MeetingRow)
}

#[Object(use_type_description, guard = "stated(self)")]
impl MeetingActions {
    /// Accept it, as it was asked for or at another time: `acceptMeeting`.
    #[graphql(directive = auth::apply(TEACHING))]
    async fn accept(&self, ctx: &Context<'_>) -> Result<bool> {
        self.may_take(ctx, Step::Accept, "acceptMeeting").await
    }

    /// Move it to another time: `moveMeeting`.
    #[graphql(name = "move", directive = auth::apply(TEACHING))]
    async fn to_another_time(&self, ctx: &Context<'_>) -> Result<bool> {
        self.may_take(ctx, Step::Move, "moveMeeting").await
    }

    /// Call it off, decline it or take it back: `cancelMeeting`.
    #[graphql(directive = auth::apply(TEACHING))]
    async fn cancel(&self, ctx: &Context<'_>) -> Result<bool> {
        self.may_take(ctx, Step::Cancel, "cancelMeeting").await
    }

    /// Say that it took place: `completeMeeting`.
    #[graphql(directive = auth::apply(TEACHING))]
    async fn complete(&self, ctx: &Context<'_>) -> Result<bool> {
        self.may_take(ctx, Step::Complete, "completeMeeting").await
    }
}

impl MeetingActions {
    async fn may_take(&self, ctx: &Context<'_>, step: Step, mutation: &str) -> Result<bool> {
        let Some((actor, by)) = self.0.asked(ctx, mutation) else { return Ok(false) };
        let call = Call::of(ctx);
        let part = self.0.load("taken part in by the viewer", |meetings| async move {
            let ids: Vec<i64> = meetings.iter().map(|meeting| meeting.id).collect();
            read!(call.db(), meetings_write::taken_part(call.scope(), &ids))
        });
        let takes_part = part.await?.contains(&self.0.id);
        Ok(step.rule(&actor, &self.0, by, takes_part).is_yes())
    }
}
