//! Mutations of API keys.

use async_graphql::{Context, ID, InputObject, Object, SimpleObject};
use chrono::Duration;

use super::{
    api::{ApiKey, MANAGING},
    model::{MAX_DAYS, NewApiKey},
};
use crate::{
    auth::{
        key::{self, ApiKeyScope},
        session::digest,
        sets::PEOPLE,
    },
    change,
    change::{Act, Problems},
    error::Result,
    graphql::{Call, Stated, UserError, UserErrorCode::OutOfRange, auth, root, stated},
    ids::Kind,
    payload,
};

/// A key to make.
#[derive(InputObject)]
pub struct CreateApiKeyInput {
    /// What it is for; unique among the keys that are not revoked.
    name: String,
    /// What it may read.
    scope: ApiKeyScope,
    /// For how many days it is in force, 1 to 366.
    expires_in_days: i32,
    /// The client's own name for this mutation: sent again with the same input, it is done once.
    client_mutation_id: Option<String>,
}

/// The key to revoke.
#[derive(InputObject)]
pub struct RevokeApiKeyInput {
    /// The key.
    id: ID,
    /// The client's own name for this mutation: sent again with the same input, it is done once.
    client_mutation_id: Option<String>,
}

/// The key that was made.
#[derive(SimpleObject)]
#[graphql(guard = "stated(self)")]
pub struct CreateApiKeyPayload {
    /// What is known of the key.
    #[graphql(directive = auth::apply(MANAGING))]
    api_key: Option<ApiKey>,
    /// The key itself: shown this once, to be kept secret. It is null where the same `clientMutationId` made it before,
    /// for nobody has it then but who was answered the first time: if that was nobody, revoke the key and make another.
    #[graphql(directive = auth::apply(MANAGING))]
    key: Option<String>,
    /// The key that the input carried.
    #[graphql(directive = auth::apply(MANAGING))]
    client_mutation_id: Option<String>,
    /// Why nothing was written; empty where it was.
    #[graphql(directive = auth::apply(MANAGING))]
    user_errors: Vec<UserError>,
}

impl Stated for CreateApiKeyPayload {}

payload! {
    /// The key that was revoked.
    RevokeApiKeyPayload {
        /// The key.
        api_key: ApiKey,
    }
}

/// The API keys' part of the mutation root.
#[derive(Default)]
pub struct ApiKeyMutation;

#[Object(guard = "root(\"Mutation\")")]
impl ApiKeyMutation {
    /// Makes a key for a reporting tool or an integration to read by.
    #[graphql(directive = auth::apply(MANAGING))]
    async fn create_api_key(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The key.")] input: CreateApiKeyInput,
    ) -> Result<Option<CreateApiKeyPayload>> {
        let (call, mut problems) = (Call::of(ctx), Problems::default());
        let (name, days) = (problems.line("name", &input.name), input.expires_in_days);
        let fits = (1..=MAX_DAYS).contains(&days);
        problems.require(fits, "expiresInDays", OutOfRange, "a key is in force for 1 to 366 days");
        let act = Act::of(ctx, input.client_mutation_id).await?;
        let secret = key::make(&call.services().random);
        let new = NewApiKey {
            name,
            prefix: key::prefix(&secret),
            key_hash: digest(&secret),
            scope: input.scope,
            expires_at: act.now + Duration::days(days.clamp(1, MAX_DAYS).into()),
        };
        let done = change!(call, &act, api_keys_write::create(&new, problems.clone()));
        let api_key = match done.value {
            Some(made) => ApiKey::by_ids(call, vec![made.id]).await?.remove(&made.id),
            None => None,
        };
        Ok(Some(CreateApiKeyPayload {
            api_key,
            key: done.value.filter(|made| made.now).map(|_| secret),
            client_mutation_id: done.client_mutation_id,
            user_errors: done.user_errors,
        }))
    }

    /// Revokes a key: the next request that comes with it is nobody's. That cannot be undone.
    #[graphql(directive = auth::apply(MANAGING))]
    async fn revoke_api_key(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The key.")] input: RevokeApiKeyInput,
    ) -> Result<Option<RevokeApiKeyPayload>> {
        let call = Call::of(ctx);
        let act = Act::of(ctx, input.client_mutation_id).await?;
        let id = call.number(Kind::ApiKey, &input.id);
        let done = change!(call, &act, api_keys_write::revoke(id, Problems::default()));
        RevokeApiKeyPayload::of(done, |ids| ApiKey::by_ids(call, ids)).await
    }
}
