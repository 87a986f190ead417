//! Operations as they go on: a subscription hears what happens, and is executed anew for each thing that does.
//!
//! Each time it is a request of its own: the viewer is read from the database by their token, charged, given a scope, and
//! whatever the operation asks for is authorized, limited, completed and recorded as for a query. So a subscriber is never
//! told what they could not read at that moment. Each minute the operation is opened anew, without anything to tell: then
//! who has signed out is found, and whom its viewer has come to reach in the meantime is listened for.
//!
//! A subscription listens before it reads what it missed, so that nothing falls between the two. Events may become known in
//! another order than that of their numbers; so what happened up to [`MARGIN`] before a cursor is told again, and what this
//! subscription has told already is not. Whoever comes with a cursor may hear some things twice, by the same cursors.

use std::{
    collections::{HashSet, VecDeque},
    sync::{Arc, OnceLock},
};

use async_graphql::Response;
use chrono::{NaiveDateTime, TimeDelta};
use tokio::{
    sync::mpsc,
    time::{Duration, Instant, interval_at},
};
use tokio_stream::wrappers::ReceiverStream;

use super::{
    Api, Asker, Opened, Services,
    api::failed,
    moment::{Moment, Opening},
};
use crate::{
    auth::{Viewer, sign_in::SessionTransport},
    client::Client,
    error::{Code, Error, Result},
    live::{Happened, Heard, Interest, Lagged, Listener, Occurrence, Source},
    read,
};

mod single;
#[cfg(test)]
mod tests;

/// How much later than others an event may become known that happened before them.
const MARGIN: TimeDelta = TimeDelta::minutes(2);
/// How often it is asked whether the viewer is still there, and whom they reach.
const RENEWAL: Duration = Duration::from_mins(1);
/// How many positions are known as told. More than happens within [`MARGIN`], or it is told twice.
const TOLD: usize = 4096;

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

/// What comes of an operation; it is over when nothing comes any more.
#[derive(Debug)]
pub enum Beat {
    /// An answer: to a query or a mutation the one, of a subscription one for each thing that happens.
    Next(Box<Response>),
    /// It was refused, or has come to an end that its viewer is to know of. It is the last one.
    Refused(Box<Response>),
    /// The viewer's session has ended. It is the last one.
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

    /// Charges who asks with what it costs.
    async fn charged(&self, services: &Services, cost: u64) -> Result<Viewer, Beat> {
        let viewer = self.viewer(services).await.map_err(|error| refused(&error))?.ok_or(Beat::SignedOut)?;
        let charged = services.throttle.charge(&viewer, &self.client, cost).await;
        match charged.filter(|charged| charged.refused) {
            Some(charged) => {
                Err(refused(&Error::too_many("this costs more than is left of a minute", charged.seconds)))
            }
            None => Ok(viewer),
        }
    }

    fn asker(&self, viewer: Viewer) -> Asker {
        let Self { transport, client, request_id, .. } = self.clone();
        Asker { viewer, transport, client, request_id }
    }
}

fn refused(error: &Error) -> Beat {
    Beat::Refused(Box::new(failed(error)))
}

impl Api {
    /// Executes an operation of any kind, and gives what comes of it. It ends when nobody takes that any more.
    pub fn follow(self: &Arc<Self>, opened: Opened, asking: Asking) -> ReceiverStream<Beat> {
        let (beats, stream) = mpsc::channel(1);
        let api = Arc::clone(self);
        tokio::spawn(async move {
            tokio::select! {
                () = beats.closed() => {}
                () = api.go_on(opened, asking, &beats) => {}
            }
        });
        ReceiverStream::new(stream)
    }

    async fn go_on(self: &Arc<Self>, mut opened: Opened, asking: Asking, beats: &mpsc::Sender<Beat>) {
        let last = if opened.subscribes() {
            match single::root(self.completer(), &mut opened) {
                Ok(()) => {
                    let api = Arc::clone(self);
                    let live = Live { api, opened, asking, beats, told: Known::default(), latest: NaiveDateTime::MIN };
                    live.go_on().await.err()
                }
                Err(error) => Some(refused(&error)),
            }
        } else {
            let by_cookie = asking.transport == SessionTransport::Cookie;
            Some(match asking.charged(self.services(), opened.cost()).await {
                // What a mutation may set or take back as a cookie has no way to the browser here.
                Ok(_) if by_cookie && !opened.only_reads() => {
                    refused(&Error::bad_input("with the cookie, mutations are sent by POST"))
                }
                Ok(viewer) => Beat::Next(Box::new(self.execute(opened, asking.asker(viewer)).await)),
                Err(refusal) => refusal,
            })
        };
        if let Some(last) = last {
            // Whoever is gone needs no goodbye.
            let _ = beats.send(last).await;
        }
    }
}

/// A subscription that goes on.
struct Live<'a> {
    api: Arc<Api>,
    opened: Opened,
    asking: Asking,
    beats: &'a mpsc::Sender<Beat>,
    /// What it has told.
    told: Known,
    /// When the latest of that happened, or from when on it listens.
    latest: NaiveDateTime,
}

impl Live<'_> {
    /// Goes on until nothing can be told any more, and gives the last thing to say.
    async fn go_on(mut self) -> Result<(), Beat> {
        let mut opening = self.open().await?;
        let mut listener = self.services().hub.listen(&opening.interest);
        self.latest = self.services().clock.now();
        // What was there before is not told, also where what was missed is read later.
        let mut beginning = self.latest;
        if let Some(position) = opening.after {
            beginning = self.at(opening.interest.source, position).await? - MARGIN;
            self.catch_up(&opening.interest, beginning).await?;
        }
        let mut renewal = interval_at(Instant::now() + RENEWAL, RENEWAL);
        loop {
            let heard = tokio::select! {
                heard = listener.next() => Some(heard),
                _ = renewal.tick() => None,
            };
            match heard {
                Some(heard) => self.hear(heard, &opening.interest, beginning).await?,
                None => opening = self.renew(&listener).await?,
            }
        }
    }

    async fn hear(
        &mut self,
        heard: Option<Result<Heard, Lagged>>,
        interest: &Interest,
        beginning: NaiveDateTime,
    ) -> Result<(), Beat> {
        match heard {
            Some(Ok(Heard::Occurrence(occurrence))) => match self.look_up(interest.source, &occurrence).await? {
                Some(happened) => self.tell(happened).await,
                None => Ok(()),
            },
            Some(Ok(Heard::Missed)) => {
                self.catch_up(interest, beginning.max(self.latest.checked_sub_signed(MARGIN).unwrap_or(beginning)))
                    .await
            }
            Some(Err(_)) | None => {
                let message = "more happens than is taken: subscribe again, with `after`, for what was missed";
                Err(refused(&Error::new(Code::LimitExceeded, message)))
            }
        }
    }

    fn services(&self) -> Arc<Services> {
        Arc::clone(self.api.services())
    }

    /// Executes the operation without anything to tell: by who its viewer is by now, to learn what it listens for.
    async fn open(&self) -> Result<Opening, Beat> {
        let slot = Arc::new(OnceLock::new());
        if let Some(response) = self.answer(Moment::Opening(Arc::clone(&slot))).await? {
            return Err(Beat::Refused(Box::new(response)));
        }
        let opening = Arc::try_unwrap(slot).ok().and_then(OnceLock::into_inner);
        opening.ok_or_else(|| refused(&Error::internal("a subscription that listens for nothing")))
    }

    /// Listens for whom the viewer reaches by now.
    async fn renew(&self, listener: &Listener) -> Result<Opening, Beat> {
        let opening = self.open().await?;
        listener.turn_to(&opening.interest);
        Ok(opening)
    }

    async fn answer(&self, moment: Moment) -> Result<Option<Response>, Beat> {
        let viewer = self.asking.charged(&self.services(), self.opened.cost()).await?;
        Ok(self.api.answer(self.opened.again(), self.asking.asker(viewer), Some(moment)).await)
    }

    /// Tells of something, where it was not told yet and its viewer reaches it.
    async fn tell(&mut self, happened: Happened) -> Result<(), Beat> {
        if !self.told.note(happened.position) {
            return Ok(());
        }
        self.latest = self.latest.max(happened.at);
        let services = self.services();
        let viewer = self.asking.viewer(&services).await.map_err(|error| refused(&error))?.ok_or(Beat::SignedOut)?;
        let (opened, asker) = (self.opened.again(), self.asking.asker(viewer));
        let moment = Some(Moment::Event(Arc::new(happened)));
        let Some(response) = self.api.answer(opened, asker, moment).await else { return Ok(()) };
        // Only what is told is charged: what is left of a minute must not tell of what the viewer does not reach.
        self.asking.charged(&services, self.opened.cost()).await?;
        // The field itself was denied, or failed: so would be whatever comes after.
        if response.errors.iter().any(|error| error.path.len() < 2) {
            return Err(Beat::Refused(Box::new(response)));
        }
        let _ = self.beats.send(Beat::Next(Box::new(response))).await;
        Ok(())
    }

    /// Tells of what happened from a time on.
    async fn catch_up(&mut self, interest: &Interest, from: NaiveDateTime) -> Result<(), Beat> {
        let mut after = 0;
        loop {
            let missed = self.since(interest, (from, after)).await.map_err(|error| refused(&error))?;
            let Some(last) = missed.last() else { return Ok(()) };
            after = last.position;
            for happened in missed {
                self.tell(happened).await?;
            }
        }
    }

    async fn since(&self, interest: &Interest, place: (NaiveDateTime, i64)) -> Result<Vec<Happened>> {
        let services = self.services();
        match interest.source {
            Source::Events(kinds) => {
                let topics = interest.topics.named();
                read!(services.db, live::events_since(kinds, topics.as_deref(), place))
            }
            Source::Inbox => {
                let Some(viewer) = self.asking.viewer(&services).await? else { return Ok(Vec::new()) };
                read!(services.db, live::notifications_since(&viewer.scope(), place))
            }
        }
    }

    /// When what stands at a position happened.
    async fn at(&self, source: Source, position: i64) -> Result<NaiveDateTime, Beat> {
        let find = async {
            let services = self.services();
            match source {
                Source::Events(_) => read!(services.db, live::at_of_event(position)),
                Source::Inbox => {
                    let Some(viewer) = self.asking.viewer(&services).await? else { return Ok(None) };
                    read!(services.db, live::at_of_notification(&viewer.scope(), position))
                }
            }
        };
        let found = find.await.map_err(|error| refused(&error))?;
        found.ok_or_else(|| {
            let message =
                "what happened since `after` is not kept any more: read anew what you show, and begin without it";
            refused(&Error::bad_input(message))
        })
    }

    /// What has happened, from the database: an occurrence is only a word of it.
    async fn look_up(&self, source: Source, occurrence: &Occurrence) -> Result<Option<Happened>, Beat> {
        let find = async {
            let services = self.services();
            match source {
                Source::Events(_) => read!(services.db, live::event(occurrence.event)),
                Source::Inbox => {
                    let Some(viewer) = self.asking.viewer(&services).await? else { return Ok(None) };
                    read!(services.db, live::notification(&viewer.scope(), occurrence.event))
                }
            }
        };
        find.await.map_err(|error: Error| refused(&error))
    }
}

/// The latest of what was told.
#[derive(Default)]
struct Known {
    order: VecDeque<i64>,
    all: HashSet<i64>,
}

impl Known {
    /// Notes a position; false where it was noted before.
    fn note(&mut self, position: i64) -> bool {
        if !self.all.insert(position) {
            return false;
        }
        self.order.push_back(position);
        if self.order.len() > TOLD
            && let Some(oldest) = self.order.pop_front()
        {
            self.all.remove(&oldest);
        }
        true
    }
}
