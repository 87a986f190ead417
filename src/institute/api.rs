//! The institute in the schema.

use async_graphql::{Context, Description, ID, Object};

use super::model::InstituteRow;
use crate::{
    auth::{Role, RoleSet, model::StaffRole, sets::ANYONE},
    error::Result,
    graphql::{Call, Stated, auth, root, stated},
    ids::Kind,
    read,
};

const ADMIN: RoleSet = RoleSet::of(&[Role::Admin]);

/// The institute that this deployment serves.
#[derive(Clone, Description)]
pub struct Institute(InstituteRow);

impl Stated for Institute {}

#[Object(use_type_description, guard = "stated(self)")]
impl Institute {
    /// Global id.
    #[graphql(directive = auth::apply(ANYONE))]
    pub async fn id(&self, ctx: &Context<'_>) -> ID {
        Call::of(ctx).id(Kind::Institute, i64::from(self.0.id))
    }

    /// Name.
    #[graphql(directive = auth::apply(ANYONE))]
    async fn name(&self) -> &str {
        &self.0.name
    }

    /// Phone number of the office.
    #[graphql(directive = auth::apply(ANYONE))]
    async fn phone(&self) -> Option<&str> {
        self.0.phone.as_deref()
    }

    /// E-mail address of the office.
    #[graphql(directive = auth::apply(ANYONE))]
    async fn email(&self) -> Option<&str> {
        self.0.email.as_deref()
    }

    /// Postal address.
    #[graphql(directive = auth::apply(ANYONE))]
    async fn address(&self) -> Option<&str> {
        self.0.address.as_deref()
    }

    /// Number in the register of institutes.
    #[graphql(directive = auth::apply(ADMIN))]
    async fn registration_number(&self) -> Option<&str> {
        self.0.registration_number.as_deref()
    }

    /// Tax number.
    #[graphql(directive = auth::apply(ADMIN))]
    async fn tax_number(&self) -> Option<&str> {
        self.0.tax_number.as_deref()
    }

    /// Address of the logo.
    #[graphql(directive = auth::apply(ANYONE))]
    async fn logo_url(&self) -> Option<&str> {
        self.0.logo_url.as_deref()
    }

    /// What the institute says of itself.
    #[graphql(directive = auth::apply(ANYONE))]
    async fn description(&self) -> Option<&str> {
        self.0.description.as_deref()
    }

    /// IANA name of the time zone that "today" and timetable hours are in.
    #[graphql(directive = auth::apply(ANYONE))]
    async fn time_zone(&self) -> &str {
        &self.0.time_zone
    }

    /// The roles that are withheld from whoever has no second factor: of ADMIN, HOD and ADMISSION.
    #[graphql(directive = auth::apply(ADMIN))]
    async fn second_factor_required(&self, ctx: &Context<'_>) -> Result<Option<Vec<Role>>> {
        let guarded = read!(Call::of(ctx).db(), institute::second_factor_roles())?;
        let guarded: RoleSet = guarded.into_iter().map(StaffRole::role).collect();
        Ok(Some(guarded.iter().collect()))
    }

    /// How often it was changed, and once for its making: an edit gives back what it read.
    #[graphql(directive = auth::apply(ADMIN))]
    async fn version(&self) -> Option<i32> {
        Some(self.0.version)
    }
}

/// The institute by its only number.
pub async fn load(call: &Call) -> Result<Option<Institute>> {
    Ok(read!(call.db(), institute::card())?.map(Institute))
}

/// The institute's part of the query root.
#[derive(Default)]
pub struct InstituteQuery;

#[Object(guard = "root(\"Query\")")]
impl InstituteQuery {
    /// The institute's card; null until it is set up.
    #[graphql(directive = auth::apply(ANYONE))]
    async fn institute(&self, ctx: &Context<'_>) -> Result<Option<Institute>> {
        load(Call::of(ctx)).await
    }
}
