//! Who asks for what goes on, and what they get of it.

use async_graphql::Response;

use crate::{
    auth::{Viewer, sign_in::SessionTransport},
    client::Client,
    error::{Error, Result},
    graphql::{Asker, Services, api::failed},
};

/// Who asks for what goes on: by their token they are found each time.
#[derive(Clone)]
pub struct Asking {
    /// The token of their session, or their API key.
    pub token: Option<String>,
    /// How they carry it.
    pub transport: SessionTransport,
    /// From where they ask.
    pub client: Client,
    /// The request, as the log and the audit know it.
    pub request_id: String,
}

/// What comes of an operation. All but [`Beat::Next`] are the last one; where there is none such, it was cut off.
#[derive(Debug)]
pub enum Beat {
    /// An answer: to a query or a mutation the one, of a subscription one for each thing that happens.
    Next(Box<Response>),
    /// It was answered, and there is no more of it.
    Complete,
    /// It was refused, or has come to an end that its viewer is to know of.
    Refused(Box<Response>),
    /// The viewer's session has ended.
    SignedOut,
}

impl Asking {
    /// Who asks, by now; `None` where they have signed out.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn viewer(&self, services: &Services) -> Result<Option<Viewer>> {
        match &self.token {
            Some(token) => services.viewer(token).await,
            None => Ok(Some(Viewer::anonymous())),
        }
    }

    /// The same, of whom it is the last that they hear where they have signed out.
    pub(super) async fn known(&self, services: &Services) -> Result<Viewer, Beat> {
        self.viewer(services).await.map_err(|error| refused(&error))?.ok_or(Beat::SignedOut)
    }

    /// Charges who asks with what it costs; gives after how many seconds there is so much left of a minute, where there is not
    /// now.
    pub(super) async fn charge(&self, services: &Services, viewer: &Viewer, cost: u64) -> Option<u64> {
        let charged = services.throttle.charge(viewer, &self.client, cost).await?;
        charged.refused.then_some(charged.seconds)
    }

    pub(super) fn asker(&self, viewer: Viewer) -> Asker {
        let Self { transport, client, request_id, .. } = self.clone();
        Asker { viewer, transport, client, request_id, place: None }
    }
}

pub(super) fn refused(error: &Error) -> Beat {
    Beat::Refused(Box::new(failed(error)))
}

/// That what an operation costs is not left.
pub(super) fn too_dear(seconds: u64) -> Beat {
    refused(&Error::too_many("this costs more than is left of a minute", seconds))
}
