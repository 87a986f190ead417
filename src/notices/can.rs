//! What the viewer can do with a notice, and the rules of it.

use std::collections::BTreeSet;

use async_graphql::{Context, Object};

use super::model::{Audience, NoticeRow};
use crate::{
    actions,
    auth::{Role, RoleSet, sets::PEOPLE},
    batches::can::is_theirs,
    change::{Actor, Verdict},
    courses::can::Within,
    error::Result,
    graphql::{Call, UserErrorCode::WrongStatus, auth, stated},
    read,
};

/// Whether who publishes within some courses may address an audience: ADMIN any, an HOD the people of courses that they head
/// and those of batches that are for such courses and no others, as `courses_of` tells.
pub fn may_address<'a>(
    audience: &Audience,
    courses_of: impl Fn(&i64) -> Option<&'a BTreeSet<i64>>,
    within: &Within,
) -> bool {
    let theirs = |batch: &i64| is_theirs(courses_of(batch), within);
    within.is_everywhere()
        || !audience.everybody
            && audience.roles.is_empty()
            && within.has_all(&audience.courses)
            && audience.batches.iter().all(theirs)
}

/// A notice is edited and withdrawn, once, by ADMIN; and by who published it while its audience is `addressable` to them. To
/// have published it is enough to reach it, so this asks for more than the roles by which it was reached.
pub fn change(actor: &Actor, notice: &NoticeRow, granted: RoleSet, addressable: bool) -> Verdict {
    let own = notice.published_by == Some(actor.scope.staff());
    let may = granted.has(Role::Admin) || (own && addressable);
    Verdict::when(may).provided(notice.withdrawn_at.is_none(), WrongStatus, "it was withdrawn")
}

actions! {
    /// What the viewer can do with a notice. True: with a well-formed input the mutation would not be refused for who the
    /// viewer is, nor for how the notice stands; what else an input may be refused for is another matter.
    NoticeActions(NoticeRow)
}

#[Object(use_type_description, guard = "stated(self)")]
impl NoticeActions {
    /// Edit it: `editNotice`.
    #[graphql(directive = auth::apply(PEOPLE))]
    async fn edit(&self, ctx: &Context<'_>) -> Result<bool> {
        self.may_change(ctx, "editNotice").await
    }

    /// Take it back: `withdrawNotice`.
    #[graphql(directive = auth::apply(PEOPLE))]
    async fn withdraw(&self, ctx: &Context<'_>) -> Result<bool> {
        self.may_change(ctx, "withdrawNotice").await
    }
}

impl NoticeActions {
    async fn may_change(&self, ctx: &Context<'_>, mutation: &str) -> Result<bool> {
        let Some(actor) = Actor::of(ctx, mutation) else { return Ok(false) };
        let call = Call::of(ctx);
        let within = Within::load(ctx, &self.0, &actor).await?;
        let addressed = self.0.load("addressed", |notices| async move {
            let ids: Vec<i64> = notices.iter().map(|notice| notice.id).collect();
            read!(call.db(), notices_write::addressed(&ids))
        });
        let (audiences, courses_of) = &*addressed.await?;
        let audience = audiences.get(&self.0.id);
        let may = |audience| may_address(audience, |batch| courses_of.get(batch), &within);
        let addressable = audience.is_some_and(may);
        Ok(change(&actor, &self.0, self.0.granted(), addressable).is_yes())
    }
}
