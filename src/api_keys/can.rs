//! What the viewer can do with an API key, and the rules of it.

use async_graphql::{Context, Object};

use super::{api::MANAGING, model::ApiKeyRow};
use crate::{
    actions,
    change::{Actor, By, Verdict},
    graphql::{UserErrorCode::WrongStatus, auth, stated},
};

/// A key is revoked once, and for good.
pub fn revoke(_: &Actor, key: &ApiKeyRow, _: By) -> Verdict {
    Verdict::default().provided(key.revoked_at.is_none(), WrongStatus, "it was revoked")
}

actions! {
    /// What the viewer can do with an API key. True: the mutation would not be refused for who the viewer is, nor for how the
    /// key stands.
    ApiKeyActions(ApiKeyRow)
}

#[Object(use_type_description, guard = "stated(self)")]
impl ApiKeyActions {
    /// Revoke it: `revokeApiKey`.
    #[graphql(directive = auth::apply(MANAGING))]
    async fn revoke(&self, ctx: &Context<'_>) -> bool {
        self.0.allows(ctx, "revokeApiKey", revoke)
    }
}
