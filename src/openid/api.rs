//! Providers to sign in with, and an account's identities there, in the schema.

use async_graphql::{Context, Description, Object, SimpleObject};
use chrono::{DateTime, Utc};

use super::{client::Provider, model::IdentityRow};
use crate::{
    auth::{RoleSet, api::OWNER, sets::ANYONE},
    clock::utc,
    graphql::{Call, Loaded, Stated, auth, root, stated},
};

/// An OpenID provider to sign in with: `beginProviderSignIn`.
#[derive(SimpleObject)]
#[graphql(guard = "stated(self)")]
pub struct SignInProvider {
    /// What `beginProviderSignIn` takes.
    #[graphql(directive = auth::apply(ANYONE))]
    name: String,
    /// What people call it, for a button.
    #[graphql(directive = auth::apply(ANYONE))]
    title: String,
}

impl Stated for SignInProvider {}

/// Who an account is at an OpenID provider: who proves to be that there is signed in here.
#[derive(Clone, Description)]
pub struct Identity(Loaded<IdentityRow>);

impl Stated for Identity {
    fn granted(&self) -> Option<RoleSet> {
        Some(self.0.granted())
    }
}

impl From<Loaded<IdentityRow>> for Identity {
    fn from(row: Loaded<IdentityRow>) -> Self {
        Self(row)
    }
}

#[Object(use_type_description, guard = "stated(self)")]
impl Identity {
    /// What people call the provider; null where nobody can sign in with it any more.
    #[graphql(directive = auth::apply(OWNER))]
    async fn provider_title(&self, ctx: &Context<'_>) -> Option<String> {
        let provider = Call::of(ctx).services().providers.of_issuer(&self.0.issuer);
        provider.map(|provider| provider.settings().title.clone())
    }

    /// The provider's own name, a URL: what `unlinkIdentity` takes.
    #[graphql(directive = auth::apply(OWNER))]
    async fn issuer(&self) -> &str {
        &self.0.issuer
    }

    /// When somebody first signed in with it.
    #[graphql(directive = auth::apply(OWNER))]
    async fn linked_at(&self) -> DateTime<Utc> {
        utc(self.0.created_at)
    }

    /// When somebody last signed in with it.
    #[graphql(directive = auth::apply(OWNER))]
    async fn last_used_at(&self) -> DateTime<Utc> {
        utc(self.0.last_used_at)
    }
}

/// The providers' part of the query root.
#[derive(Default)]
pub struct ProviderQuery;

#[Object(guard = "root(\"Query\")")]
impl ProviderQuery {
    /// The providers that one can sign in with, besides by password.
    #[graphql(directive = auth::apply(ANYONE))]
    async fn sign_in_providers(&self, ctx: &Context<'_>) -> Vec<SignInProvider> {
        let settings = Call::of(ctx).services().providers.iter().map(Provider::settings);
        settings.map(|of| SignInProvider { name: of.name.clone(), title: of.title.clone() }).collect()
    }
}
