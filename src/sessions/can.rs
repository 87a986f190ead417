//! What the viewer can do with a session.

use async_graphql::{Context, Object};

use super::model::SessionRow;
use crate::{
    actions,
    auth::api::OWNER,
    change::reached,
    graphql::{auth, stated},
};

actions! {
    /// What the viewer can do with a session. True: the mutation would not be refused for who the viewer is.
    SessionActions(SessionRow)
}

#[Object(use_type_description, guard = "stated(self)")]
impl SessionActions {
    /// End it: `endSession`.
    #[graphql(directive = auth::apply(OWNER))]
    async fn end(&self, ctx: &Context<'_>) -> bool {
        self.0.allows(ctx, "endSession", reached)
    }
}
