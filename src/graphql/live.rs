//! Operations as they go on: a subscription hears what happens, and is executed anew for each thing that does.
//!
//! Each time it is a request of its own: the viewer is read from the database by their token, charged, given a scope, and
//! whatever the operation asks for is authorized, limited, completed and recorded as for a query. So a subscriber is never
//! told what they could not read at that moment. Each minute the operation is opened anew, without anything to tell: then
//! who has signed out is found, and whom its viewer has come to reach in the meantime is listened for.
//!
//! A subscription listens before it reads what it missed, so that nothing falls between the two. What it missed goes by when
//! it was told of, for what happened before may be told of after. Several workers tell, each by its own clock; so what was told
//! of up to [`MARGIN`] before a cursor is told again, and what this subscription has told already is not. Whoever comes with a
//! cursor may hear some things twice, by the same cursors.
//!
//! However many hear of something at once, so many are executed at a time ([`Turns`]), and what fails for a moment is tried
//! again. Who has begun waits for what is left of a minute: only who begins is told to come later.

use std::{
    collections::{HashSet, VecDeque},
    convert::Infallible,
    panic::AssertUnwindSafe,
    sync::{Arc, OnceLock},
};

use async_graphql::Response;
use chrono::{NaiveDateTime, TimeDelta};
use futures_util::FutureExt;
use tokio::{
    sync::mpsc,
    time::{Duration, Instant, MissedTickBehavior, interval_at, sleep},
};
use tokio_stream::wrappers::ReceiverStream;

use super::{
    Api, Asker, Opened, Services,
    moment::{Moment, Opening},
};
use crate::{
    auth::{Viewer, sign_in::SessionTransport},
    error::{Code, Error, Result},
    live::{Happened, Heard, Interest, Lagged, Listener, Occurrence, Source},
    read,
};

mod asking;
mod single;
#[cfg(test)]
mod tests;
mod turns;

pub use asking::{Asking, Beat};
use asking::{refused, too_dear};
pub use turns::Turns;

/// How much later than by its own time somebody may hear of what was told of: the clocks of workers differ, and what Redis did
/// not take is said again after a pause.
const MARGIN: TimeDelta = TimeDelta::seconds(30);
/// How often it is asked whether the viewer is still there, and whom they reach.
const RENEWAL: Duration = Duration::from_mins(1);
/// Over which time subscribers begin to read what they missed, where all have missed it.
const SPREAD: Duration = Duration::from_secs(3);
/// How many positions are known as told. More than is told of within [`MARGIN`], or it is told twice.
const TOLD: usize = 4096;

impl Api {
    /// Executes an operation of any kind, and gives what comes of it. It ends when nobody takes that any more.
    pub fn follow(self: &Arc<Self>, opened: Opened, asking: Asking) -> ReceiverStream<Beat> {
        let (beats, stream) = mpsc::channel(1);
        let api = Arc::clone(self);
        tokio::spawn(async move {
            let last = tokio::select! {
                () = beats.closed() => return,
                last = to_the_end(api.go_on(opened, asking, &beats)) => last,
            };
            // Whoever is gone needs no goodbye.
            let _ = beats.send(last).await;
        });
        ReceiverStream::new(stream)
    }

    /// Goes on for as long as there is something to tell, and gives the last beat.
    async fn go_on(self: &Arc<Self>, mut opened: Opened, asking: Asking, beats: &mpsc::Sender<Beat>) -> Beat {
        if opened.subscribes() {
            if let Err(error) = single::root(self.completer(), &mut opened) {
                return refused(&error);
            }
            let api = Arc::clone(self);
            let live = Live { api, opened, asking, beats, told: Known::default(), latest: NaiveDateTime::MIN };
            let Err(last) = live.go_on().await;
            return last;
        }
        match self.answer_once(opened, &asking).await {
            Ok(response) => {
                let _ = beats.send(Beat::Next(Box::new(response))).await;
                Beat::Complete
            }
            Err(refusal) => refusal,
        }
    }

    /// Answers a query or a mutation.
    async fn answer_once(self: &Arc<Self>, opened: Opened, asking: &Asking) -> Result<Response, Beat> {
        let services = self.services();
        let place = services.place().map_err(|error| refused(&error))?;
        let viewer = asking.known(services).await?;
        if let Some(seconds) = asking.charge(services, &viewer, opened.cost()).await {
            return Err(too_dear(seconds));
        }
        // What a mutation may set or take back as a cookie has no way to the browser here.
        if asking.transport == SessionTransport::Cookie && !opened.only_reads() {
            return Err(refused(&Error::bad_input("with the cookie, mutations are sent by POST")));
        }
        let asker = Asker { place: Some(place), ..asking.asker(viewer) };
        Ok(self.execute(opened, asker).await)
    }
}

/// The last beat of what goes on, also where that panics: nobody may take it for an end that was meant.
async fn to_the_end(goes_on: impl Future<Output = Beat>) -> Beat {
    let last = AssertUnwindSafe(goes_on).catch_unwind().await;
    last.unwrap_or_else(|_| refused(&Error::internal("a live operation panicked")))
}

/// A subscription that goes on.
struct Live<'a> {
    api: Arc<Api>,
    opened: Opened,
    asking: Asking,
    beats: &'a mpsc::Sender<Beat>,
    /// What it has told.
    told: Known,
    /// When the latest of that was told of, or from when on it listens.
    latest: NaiveDateTime,
}

/// What the operation has come to, executed for something that happened.
struct Executed {
    happened: Arc<Happened>,
    /// None where its viewer is to hear nothing of it.
    answer: Option<Response>,
    /// After how many seconds what it costs is left, where it is not now.
    owed: Option<u64>,
}

impl Live<'_> {
    /// Goes on until nothing can be told any more, and gives the last thing to say.
    async fn go_on(mut self) -> Result<Infallible, Beat> {
        if let Some(seconds) = self.charge().await? {
            return Err(too_dear(seconds));
        }
        let mut opening = self.open().await?;
        let mut listener = self.services().hub.listen(&opening.interest);
        self.latest = self.services().clock.now();
        // What was there before is not told, also where what was missed is read later.
        let mut beginning = self.latest;
        if let Some(position) = opening.after {
            beginning = self.told_at(opening.interest.source, position).await? - MARGIN;
            // Who has the cursor has what it is of.
            self.told.note(position);
            self.catch_up(&opening.interest, beginning).await?;
        }
        // Those who came together, after a restart, are not renewed together.
        let first = Instant::now() + self.services().random.part_of(RENEWAL);
        let mut renewal = interval_at(first, RENEWAL);
        renewal.set_missed_tick_behavior(MissedTickBehavior::Delay);
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
            Some(Ok(Heard::Occurrence(occurrence))) => {
                let executed = self.api.turns().take(|| self.look_up(interest.source, &occurrence)).await?;
                self.tell(executed).await
            }
            Some(Ok(Heard::Missed)) => {
                // All subscribers of all instances hear that at once.
                sleep(self.services().random.part_of(SPREAD)).await;
                let from = beginning.max(self.latest.checked_sub_signed(MARGIN).unwrap_or(beginning));
                self.catch_up(interest, from).await
            }
            Some(Err(_)) | None => {
                let message = "more happens than is taken: subscribe again, with `after`, for what was missed";
                Err(refused(&Error::new(Code::LimitExceeded, message)))
            }
        }
    }

    fn services(&self) -> &Services {
        self.api.services()
    }

    /// Charges for the operation; gives after how many seconds what it costs is left, where it is not now.
    async fn charge(&self) -> Result<Option<u64>, Beat> {
        let viewer = self.api.turns().take(|| self.asking.known(self.services())).await?;
        Ok(self.asking.charge(self.services(), &viewer, self.opened.cost()).await)
    }

    /// Charges for the operation, and waits for as long as what it costs is not left: who has begun is not sent away for what
    /// they were told.
    async fn pay(&self) -> Result<(), Beat> {
        while let Some(seconds) = self.charge().await? {
            sleep(Duration::from_secs(seconds.max(1))).await;
        }
        Ok(())
    }

    /// Executes the operation without anything to tell: by who its viewer is by now, to learn what it listens for.
    async fn open(&self) -> Result<Opening, Beat> {
        let attempt = || async {
            let slot = Arc::new(OnceLock::new());
            if let Some(response) = self.answer(Moment::Opening(Arc::clone(&slot))).await? {
                return Err(Beat::Refused(Box::new(response)));
            }
            let opening = Arc::try_unwrap(slot).ok().and_then(OnceLock::into_inner);
            opening.ok_or_else(|| refused(&Error::internal("a subscription that listens for nothing")))
        };
        self.api.turns().take(attempt).await
    }

    /// Listens for whom the viewer reaches by now.
    async fn renew(&self, listener: &Listener) -> Result<Opening, Beat> {
        self.pay().await?;
        let opening = self.open().await?;
        listener.turn_to(&opening.interest);
        Ok(opening)
    }

    /// Executes the operation by who its viewer is by now.
    async fn answer(&self, moment: Moment) -> Result<Option<Response>, Beat> {
        let viewer = self.asking.known(self.services()).await?;
        self.answer_to(viewer, moment).await
    }

    async fn answer_to(&self, viewer: Viewer, moment: Moment) -> Result<Option<Response>, Beat> {
        match self.api.answer(self.opened.again(), self.asking.asker(viewer), Some(moment)).await {
            // What lacks something that is not there just now is told as a whole later, or not at all.
            Some(response) if turns::passes(&response) => Err(Beat::Refused(Box::new(response))),
            answer => Ok(answer),
        }
    }

    /// Executes the operation for something that its viewer was not told yet.
    async fn execute(&self, happened: Arc<Happened>) -> Result<Option<Executed>, Beat> {
        if self.told.has(happened.position) {
            return Ok(None);
        }
        let viewer = self.asking.known(self.services()).await?;
        let answer = self.answer_to(viewer.clone(), Moment::Event(Arc::clone(&happened))).await?;
        // Only what is told is charged: what is left of a minute must not tell of what the viewer does not reach.
        let owed = match &answer {
            Some(_) => self.asking.charge(self.services(), &viewer, self.opened.cost()).await,
            None => None,
        };
        Ok(Some(Executed { happened, answer, owed }))
    }

    /// The same for what was heard of. An occurrence is only a word of it: what has happened is in the database.
    async fn look_up(&self, source: Source, occurrence: &Occurrence) -> Result<Option<Executed>, Beat> {
        let find = async {
            let db = &self.services().db;
            match source {
                Source::Events(_) => read!(db, live::event(occurrence.event)),
                Source::Inbox => {
                    let Some(viewer) = self.asking.viewer(self.services()).await? else { return Ok(None) };
                    read!(db, live::notification(&viewer.scope(), occurrence.event))
                }
            }
        };
        match find.await.map_err(|error: Error| refused(&error))? {
            Some(happened) => self.execute(Arc::new(happened)).await,
            None => Ok(None),
        }
    }

    /// Tells what there is to tell.
    async fn tell(&mut self, executed: Option<Executed>) -> Result<(), Beat> {
        let Some(Executed { happened, answer, owed }) = executed else { return Ok(()) };
        self.told.note(happened.position);
        self.latest = self.latest.max(happened.told_at);
        let Some(mut response) = going_on(answer)? else { return Ok(()) };
        if let Some(seconds) = owed {
            sleep(Duration::from_secs(seconds.max(1))).await;
            self.pay().await?;
            // What was answered is from before the wait.
            let attempt = || self.answer(Moment::Event(Arc::clone(&happened)));
            let Some(anew) = going_on(self.api.turns().take(attempt).await?)? else { return Ok(()) };
            response = anew;
        }
        let _ = self.beats.send(Beat::Next(Box::new(response))).await;
        Ok(())
    }

    /// Tells of what was told of from a time on.
    async fn catch_up(&mut self, interest: &Interest, from: NaiveDateTime) -> Result<(), Beat> {
        let mut place = (from, 0);
        loop {
            let missed = self.api.turns().take(|| self.since(interest, place)).await?;
            let Some(last) = missed.last() else { return Ok(()) };
            place = (last.told_at, last.position);
            for happened in missed.into_iter().map(Arc::new) {
                let executed = self.api.turns().take(|| self.execute(Arc::clone(&happened))).await?;
                self.tell(executed).await?;
            }
        }
    }

    async fn since(&self, interest: &Interest, place: (NaiveDateTime, i64)) -> Result<Vec<Happened>, Beat> {
        let find = async {
            let db = &self.services().db;
            match interest.source {
                Source::Events(kinds) => {
                    let topics = interest.topics.named();
                    read!(db, live::events_since(kinds, topics.as_deref(), place))
                }
                Source::Inbox => {
                    let Some(viewer) = self.asking.viewer(self.services()).await? else { return Ok(Vec::new()) };
                    read!(db, live::notifications_since(&viewer.scope(), place))
                }
            }
        };
        find.await.map_err(|error: Error| refused(&error))
    }

    /// When what stands at a position was told of.
    async fn told_at(&self, source: Source, position: i64) -> Result<NaiveDateTime, Beat> {
        let attempt = || async {
            let find = async {
                let db = &self.services().db;
                match source {
                    Source::Events(_) => Ok(read!(db, live::event(position))?.map(|happened| happened.told_at)),
                    Source::Inbox => {
                        let Some(viewer) = self.asking.viewer(self.services()).await? else { return Ok(None) };
                        read!(db, live::at_of_notification(&viewer.scope(), position))
                    }
                }
            };
            find.await.map_err(|error: Error| refused(&error))
        };
        self.api.turns().take(attempt).await?.ok_or_else(|| {
            let message =
                "what happened since `after` is not kept any more: read anew what you show, and begin without it";
            refused(&Error::bad_input(message))
        })
    }
}

/// An answer after which there may be others: where the field itself was denied, or failed, so would be whatever comes after.
fn going_on(answer: Option<Response>) -> Result<Option<Response>, Beat> {
    match answer {
        Some(response) if response.errors.iter().any(|error| error.path.len() < 2) => {
            Err(Beat::Refused(Box::new(response)))
        }
        answer => Ok(answer),
    }
}

/// The latest of what was told.
#[derive(Default)]
struct Known {
    order: VecDeque<i64>,
    all: HashSet<i64>,
}

impl Known {
    /// Whether a position is noted.
    fn has(&self, position: i64) -> bool {
        self.all.contains(&position)
    }

    /// Notes a position, once.
    fn note(&mut self, position: i64) {
        if !self.all.insert(position) {
            return;
        }
        self.order.push_back(position);
        if self.order.len() > TOLD
            && let Some(oldest) = self.order.pop_front()
        {
            self.all.remove(&oldest);
        }
    }
}
