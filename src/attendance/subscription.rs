//! Attendance as it is marked.

use async_graphql::{Context, SimpleObject, Subscription};
use chrono::{DateTime, Utc};

use super::api::AttendanceSession;
use crate::{
    auth::sets::TEACHING,
    error::Result,
    events::model::{EventKind, Topic},
    graphql::{Call, FilterId, Once, Stated, auth, once, root, stated, told},
    ids::Kind,
    live::{Interest, Source, Topics},
};

/// That a class was marked, or that a mark was corrected.
#[derive(SimpleObject)]
#[graphql(guard = "stated(self)")]
pub struct AttendanceMarked {
    /// Where it stands, for `after`.
    #[graphql(directive = auth::apply(TEACHING))]
    cursor: String,
    /// When it happened.
    #[graphql(directive = auth::apply(TEACHING))]
    at: DateTime<Utc>,
    /// What happened.
    #[graphql(directive = auth::apply(TEACHING))]
    kind: EventKind,
    /// The class as it is marked now.
    #[graphql(directive = auth::apply(TEACHING))]
    session: AttendanceSession,
}

impl Stated for AttendanceMarked {}

/// Attendance's part of the subscription root.
#[derive(Default)]
pub struct AttendanceSubscription;

#[Subscription(guard = "root(\"Subscription\")")]
impl AttendanceSubscription {
    /// The classes that the viewer reaches, as they are marked: of their children, of themself, of their courses, or their own.
    #[graphql(directive = auth::apply(TEACHING))]
    async fn attendance_marked(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Only classes of this student, whom the viewer must reach.")] student_id: Option<FilterId>,
        #[graphql(
            desc = "The `cursor` of the event that was heard last: what was told of since comes first. What was told of \
                          up to 30 seconds before it may come again, with the same cursors; one of an event that is kept no more \
                          (30 days, unless configured otherwise) is `BAD_USER_INPUT`."
        )]
        after: Option<String>,
    ) -> Result<Once<AttendanceMarked>> {
        let call = Call::of(ctx);
        let topics = match call.reached(Kind::Student, student_id).await? {
            Some(student) => Topics::of([Topic::Student(student)]),
            None => Topics::of_viewer(call.db(), call.viewer()).await?,
        };
        let interest = Interest { source: Source::Events(&[EventKind::AttendanceMarked]), topics };
        let Some(told) = told(ctx, interest, after)? else { return Ok(once(None)) };
        let session = AttendanceSession::by_ids(call, vec![told.subject]).await?.remove(&told.subject);
        Ok(once(session.map(|session| AttendanceMarked { cursor: told.cursor, at: told.at, kind: told.kind, session })))
    }
}
