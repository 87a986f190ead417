//! Mutations of devices.

use async_graphql::{Context, ID, InputObject, Object};

use super::{
    device_api::Device,
    model::{DevicePlatform, MAX_TOKEN},
};
use crate::{
    auth::{mutation::OWN, sets::PEOPLE},
    change,
    change::{Act, Problems},
    error::Result,
    graphql::{
        Call,
        UserErrorCode::{Invalid, Required, TooLong},
        auth, root, stated,
    },
    ids::Kind,
    payload,
};

/// A device to register.
#[derive(InputObject)]
pub struct RegisterDeviceInput {
    /// Its registration token at Firebase Cloud Messaging: up to 2,048 characters, all of them ASCII.
    token: String,
    /// What it runs.
    platform: DevicePlatform,
    /// The client's own name for this mutation: sent again with the same input, it is done once.
    client_mutation_id: Option<String>,
}

/// A device to remove.
#[derive(InputObject)]
pub struct RemoveDeviceInput {
    /// The device.
    id: ID,
    /// The client's own name for this mutation: sent again with the same input, it is done once.
    client_mutation_id: Option<String>,
}

payload! {
    /// The device that was registered.
    RegisterDevicePayload {
        /// The device.
        device: Device,
    }
}
payload! {
    /// Which device was removed.
    RemoveDevicePayload {
        /// The id that the device had.
        removed_id: ID,
    }
}

/// The devices' part of the mutation root.
#[derive(Default)]
pub struct DeviceMutation;

#[Object(guard = "root(\"Mutation\")")]
impl DeviceMutation {
    /// Registers the device at hand for push messages to the viewer; again, it stays as it is. A device is of one account: of
    /// who registered it last. An account has 20 at most, of which those that are there no more make room for another.
    #[graphql(directive = auth::apply(OWN))]
    async fn register_device(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The device.")] input: RegisterDeviceInput,
    ) -> Result<Option<RegisterDevicePayload>> {
        let (call, mut problems) = (Call::of(ctx), Problems::default());
        let token = input.token.trim();
        problems.require(!token.is_empty(), "token", Required, "it must not be empty");
        problems.require(token.chars().count() <= MAX_TOKEN, "token", TooLong, "it has at most 2048 characters");
        let plain = token.bytes().all(|byte| byte.is_ascii_graphic());
        problems.require(plain, "token", Invalid, "it is of ASCII, without spaces and control characters");
        let act = Act::of(ctx, input.client_mutation_id).await?;
        let done = change!(call, &act, notifications_write::register(token, input.platform, problems.clone()));
        RegisterDevicePayload::of(done, |ids| Device::by_ids(call, ids)).await
    }

    /// Removes a device of the viewer's: no push message goes to it any more.
    #[graphql(directive = auth::apply(OWN))]
    async fn remove_device(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The device.")] input: RemoveDeviceInput,
    ) -> Result<Option<RemoveDevicePayload>> {
        let call = Call::of(ctx);
        let act = Act::of(ctx, input.client_mutation_id).await?;
        let id = call.number(Kind::Device, &input.id);
        let done = change!(call, &act, notifications_write::remove(id, Problems::default()));
        RemoveDevicePayload::of(done, async |ids| Ok(call.ids(Kind::Device, ids))).await
    }
}
