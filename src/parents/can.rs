//! What the viewer can do with a parent, and the rules of it.

use async_graphql::{Context, Object};

use super::model::ParentRow;
use crate::{
    actions,
    auth::sets::PEOPLE,
    change::{Actor, By, Verdict},
    graphql::{UserErrorCode::WrongStatus, auth, stated},
};

/// A parent is changed while they are not archived.
pub fn change(_: &Actor, parent: &ParentRow, _: By) -> Verdict {
    Verdict::default().provided(parent.archived_at.is_none(), WrongStatus, "the parent is archived")
}

actions! {
    /// What the viewer can do with a parent. True: with a well-formed input the mutation would not be refused for who the
    /// viewer is, nor for how the parent stands; what else an input may be refused for is another matter.
    ParentActions(ParentRow)
}

#[Object(use_type_description, guard = "stated(self)")]
impl ParentActions {
    /// Edit them: `editParent`.
    #[graphql(directive = auth::apply(PEOPLE))]
    async fn edit(&self, ctx: &Context<'_>) -> bool {
        self.0.allows(ctx, "editParent", change)
    }
}
