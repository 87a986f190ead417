//! What the viewer can do with an API key, and the rules of it.

use async_graphql::{Context, Object};

use super::{api::MANAGING, model::ApiKeyRow};
use crate::{
    actions,
    auth::RoleSet,
    change::{Actor, Verdict},
    graphql::{UserErrorCode::WrongStatus, auth, stated},
};

/// A key is revoked once, and for good.
pub fn revoke(actor: &Actor, key: &ApiKeyRow, granted: RoleSet) -> Verdict {
    actor.reached(granted).provided(key.revoked_at.is_none(), WrongStatus, "it was revoked")
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

#[cfg(test)]
mod tests {
    use chrono::{DateTime, NaiveDateTime};

    use super::*;
    use crate::auth::{Role, Viewer, key::ApiKeyScope};

    /// Nobody else reaches a key, so that no test of the API would miss the question.
    #[test]
    fn a_key_is_revoked_by_who_reached_it_as_administrator() {
        let now: NaiveDateTime = DateTime::UNIX_EPOCH.naive_utc();
        let actor = Actor { scope: Viewer::anonymous().scope(), may: MANAGING, now };
        let key = ApiKeyRow {
            id: 1,
            name: "Figures".to_owned(),
            prefix: "rck_1234".to_owned(),
            scope: ApiKeyScope::Aggregates,
            created_by: 1,
            created_at: now,
            expires_at: now,
            last_used_at: None,
            revoked_at: None,
            version: 1,
        };
        assert!(revoke(&actor, &key, MANAGING).is_yes());
        assert!(!revoke(&actor, &key, RoleSet::of(&[Role::Hod, Role::Own])).is_yes());
    }
}
