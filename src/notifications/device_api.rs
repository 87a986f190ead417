//! Devices in the schema.

use std::collections::HashMap;

use async_graphql::{Context, Description, ID, Object};
use chrono::{DateTime, Utc};

use super::model::{DevicePlatform, DeviceRow};
use crate::{
    auth::{RoleSet, mutation::OWN},
    clock::utc,
    error::Result,
    graphql::{Call, Loaded, Stated, auth, root, stated},
    ids::Kind,
    read,
};

/// A device that push messages to its owner go to. The token by which they reach it is never shown.
#[derive(Clone, Description)]
pub struct Device(Loaded<DeviceRow>);

impl Stated for Device {
    fn granted(&self) -> Option<RoleSet> {
        Some(self.0.granted())
    }
}

#[Object(use_type_description, guard = "stated(self)")]
impl Device {
    /// Global id.
    #[graphql(directive = auth::apply(OWN))]
    pub async fn id(&self, ctx: &Context<'_>) -> ID {
        Call::of(ctx).id(Kind::Device, self.0.id)
    }

    /// What it runs.
    #[graphql(directive = auth::apply(OWN))]
    async fn platform(&self) -> DevicePlatform {
        self.0.platform
    }

    /// Whether messages go to it: not any more once it was not there for one.
    #[graphql(directive = auth::apply(OWN))]
    async fn active(&self) -> bool {
        self.0.active
    }

    /// Why no messages go to it.
    #[graphql(directive = auth::apply(OWN))]
    async fn last_error(&self) -> Option<&str> {
        self.0.last_error.as_deref()
    }

    /// When it was registered.
    #[graphql(directive = auth::apply(OWN))]
    async fn created_at(&self) -> DateTime<Utc> {
        utc(self.0.created_at)
    }
}

impl From<Loaded<DeviceRow>> for Device {
    fn from(row: Loaded<DeviceRow>) -> Self {
        Self(row)
    }
}

impl Device {
    /// Those of the numbered devices that the viewer reaches, by number.
    pub async fn by_ids(call: &Call, ids: Vec<i64>) -> Result<HashMap<i64, Self>> {
        Ok(Loaded::by_number(read!(call.db(), notifications::devices_by_ids(call.scope(), &ids))?))
    }
}

/// The devices' part of the query root.
#[derive(Default)]
pub struct DeviceQuery;

#[Object(guard = "root(\"Query\")")]
impl DeviceQuery {
    /// The viewer's devices, as they were registered: 20 at most.
    #[graphql(directive = auth::apply(OWN))]
    async fn devices(&self, ctx: &Context<'_>) -> Result<Option<Vec<Device>>> {
        let call = Call::of(ctx);
        Ok(Some(Loaded::list(read!(call.db(), notifications::devices(call.scope()))?)))
    }
}
