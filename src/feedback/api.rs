//! Feedback in the schema.

use std::collections::HashMap;

use async_graphql::{Context, Description, ID, Object, SimpleObject};
use chrono::{DateTime, Utc};

use super::{
    can::{InstituteFeedbackActions, TeacherFeedbackActions},
    model::{
        InstituteFeedbackFilter, InstituteFeedbackOrder, InstituteFeedbackOrderField, InstituteFeedbackRow,
        InstituteFeedbackType, Ratings, TeacherFeedbackFilter, TeacherFeedbackOrder, TeacherFeedbackOrderField,
        TeacherFeedbackQuery, TeacherFeedbackRow, half_stars, rating,
    },
};
use crate::{
    auth::{
        Role, RoleSet,
        sets::{PEOPLE, TEACHING},
    },
    clock::utc,
    error::Result,
    graphql::{Call, Connection, Direction, Listed, Loaded, Paging, Stated, auth, nested, root, stated, wants_total},
    ids::Kind,
    parents::{api::Parent, model::ParentRow},
    read,
    staff::{api::Staff, model::StaffRow},
    students::{api::Student, model::StudentRow},
};

/// The author of feedback on a teacher, and what would give them away: never for the teacher.
const AUTHOR: RoleSet = RoleSet::of(&[Role::Admin, Role::Hod, Role::Student, Role::Parent]);

/// Feedback on a teacher as a whole: those who answer for them, and themselves.
pub const SUMMARY: RoleSet = RoleSet::of(&[Role::Admin, Role::Hod, Role::Own]);
/// So many ratings there must be for a teacher to read the average of their own: of fewer it tells what one person thinks.
const LEAST_RATINGS: i64 = 3;

/// What a student, or a parent about their child's lessons, says of a teacher.
#[derive(Clone, Description)]
pub struct TeacherFeedback(Loaded<TeacherFeedbackRow>);

impl Stated for TeacherFeedback {
    fn granted(&self) -> Option<RoleSet> {
        Some(self.0.granted())
    }
}

impl Listed for TeacherFeedback {
    const CONNECTION: &'static str = "TeacherFeedbackConnection";
    const EDGE: &'static str = "TeacherFeedbackEdge";
}

#[Object(use_type_description, guard = "stated(self)")]
impl TeacherFeedback {
    /// Global id.
    #[graphql(directive = auth::apply(TEACHING))]
    pub async fn id(&self, ctx: &Context<'_>) -> ID {
        Call::of(ctx).id(Kind::TeacherFeedback, self.0.id)
    }

    /// The teacher it is about.
    #[graphql(directive = auth::apply(TEACHING))]
    async fn teacher(&self, ctx: &Context<'_>) -> Result<Option<Staff>> {
        let call = Call::of(ctx);
        self.0.referred("teacher", |row| Some(row.teacher_id), |ids| Staff::by_ids(call, ids)).await
    }

    /// From 1.0 to 5.0, by halves.
    #[graphql(directive = auth::apply(TEACHING))]
    async fn rating(&self) -> f64 {
        rating(self.0.half_stars)
    }

    /// What is said.
    #[graphql(directive = auth::apply(TEACHING))]
    async fn message(&self) -> Option<&str> {
        self.0.message.as_deref()
    }

    /// The student who wrote it, or whose parent did.
    #[graphql(directive = auth::apply(AUTHOR))]
    async fn student(&self, ctx: &Context<'_>) -> Result<Option<Student>> {
        let call = Call::of(ctx);
        self.0.referred("student", |row| Some(row.student_id), |ids| Student::by_ids(call, ids)).await
    }

    /// The parent who wrote it; null where a student did.
    #[graphql(directive = auth::apply(AUTHOR))]
    async fn parent(&self, ctx: &Context<'_>) -> Result<Option<Parent>> {
        let call = Call::of(ctx);
        self.0.referred("parent", |row| row.parent_id, |ids| Parent::by_ids(call, ids)).await
    }

    /// When it was written. Not for the teacher, whom it could tell who wrote it.
    #[graphql(directive = auth::apply(AUTHOR))]
    async fn created_at(&self) -> Option<DateTime<Utc>> {
        Some(utc(self.0.created_at))
    }

    /// When it was written last. Not for the teacher, whom it could tell who wrote it.
    #[graphql(directive = auth::apply(AUTHOR))]
    async fn updated_at(&self) -> Option<DateTime<Utc>> {
        Some(utc(self.0.updated_at))
    }

    /// What the viewer can do with it.
    #[graphql(directive = auth::apply(TEACHING))]
    async fn viewer_can(&self) -> Option<TeacherFeedbackActions> {
        Some((&self.0).into())
    }
}

impl From<Loaded<TeacherFeedbackRow>> for TeacherFeedback {
    fn from(row: Loaded<TeacherFeedbackRow>) -> Self {
        Self(row)
    }
}

impl TeacherFeedback {
    /// Those of the numbered that the viewer reaches, by number.
    pub async fn by_ids(call: &Call, ids: Vec<i64>) -> Result<HashMap<i64, Self>> {
        Ok(Loaded::by_number(read!(call.db(), feedback::teacher_by_ids(call.scope(), &ids))?))
    }

    /// The key and number a cursor holds, in an order.
    #[must_use]
    pub fn key(&self, order: TeacherFeedbackOrderField) -> (serde_json::Value, i64) {
        let key = match order {
            TeacherFeedbackOrderField::Entry => self.0.id.into(),
            TeacherFeedbackOrderField::UpdatedAt => serde_json::json!(self.0.updated_at),
        };
        (key, self.0.id)
    }

    /// A page of what was written about a teacher.
    pub async fn of_teacher(
        ctx: &Context<'_>,
        teacher: &Loaded<StaffRow>,
        paging: &Paging,
    ) -> Result<Connection<Self>> {
        let (call, page) = (Call::of(ctx), paging.page());
        let pages = |ids: Vec<i64>| async move {
            Ok(Loaded::by_parent(read!(call.db(), feedback::of_teachers(call.scope(), &ids, page))?))
        };
        let counts = |ids: Vec<i64>| async move {
            let ratings = read!(call.db(), feedback::ratings(call.scope(), &ids))?;
            Ok(ratings.into_iter().map(|(id, ratings)| (id, ratings.count)).collect())
        };
        nested(ctx, teacher, paging, |one: &Self| one.key(TeacherFeedbackOrderField::Entry), pages, counts).await
    }

    /// A page of what a parent wrote.
    pub async fn of_parent(ctx: &Context<'_>, parent: &Loaded<ParentRow>, paging: &Paging) -> Result<Connection<Self>> {
        let (call, page) = (Call::of(ctx), paging.page());
        let pages = |ids: Vec<i64>| async move {
            Ok(Loaded::by_parent(read!(call.db(), feedback::of_parents(call.scope(), &ids, page))?))
        };
        let counts = |ids: Vec<i64>| async move { read!(call.db(), feedback::count_of_parents(call.scope(), &ids)) };
        nested(ctx, parent, paging, |one: &Self| one.key(TeacherFeedbackOrderField::Entry), pages, counts).await
    }

    /// A page of what a student wrote.
    pub async fn of_student(
        ctx: &Context<'_>,
        student: &Loaded<StudentRow>,
        paging: &Paging,
    ) -> Result<Connection<Self>> {
        let (call, page) = (Call::of(ctx), paging.page());
        let pages = |ids: Vec<i64>| async move {
            Ok(Loaded::by_parent(read!(call.db(), feedback::of_students(call.scope(), &ids, page))?))
        };
        let counts = |ids: Vec<i64>| async move { read!(call.db(), feedback::count_of_students(call.scope(), &ids)) };
        nested(ctx, student, paging, |one: &Self| one.key(TeacherFeedbackOrderField::Entry), pages, counts).await
    }
}

/// The feedback on a teacher that the viewer reaches, as a whole.
#[derive(SimpleObject)]
#[graphql(guard = "stated(self)")]
pub struct FeedbackSummary {
    /// The average rating (1.0 to 5.0). Null where there is none; for the teacher, also where there are fewer than 3.
    #[graphql(directive = auth::apply(SUMMARY))]
    average: Option<f64>,
    /// How many ratings there are.
    #[graphql(directive = auth::apply(SUMMARY))]
    count: i64,
}

impl Stated for FeedbackSummary {}

impl FeedbackSummary {
    /// The summary of a teacher.
    pub async fn of(ctx: &Context<'_>, teacher: &Loaded<StaffRow>) -> Result<Self> {
        let call = Call::of(ctx);
        let ratings = teacher.of_each("ratings", |ids| async move {
            Ok(read!(call.db(), feedback::ratings(call.scope(), &ids))?.into_iter().collect())
        });
        let ratings: Ratings = ratings.await?.unwrap_or_default();
        let themselves = teacher.granted().has(Role::Own) && !teacher.granted().has(Role::Admin);
        let least = if themselves { LEAST_RATINGS } else { 1 };
        Ok(Self { average: ratings.average(least), count: ratings.count })
    }
}

/// What somebody says of the institute.
#[derive(Clone, Description)]
pub struct InstituteFeedback(Loaded<InstituteFeedbackRow>);

impl Stated for InstituteFeedback {
    fn granted(&self) -> Option<RoleSet> {
        Some(self.0.granted())
    }
}

impl Listed for InstituteFeedback {
    const CONNECTION: &'static str = "InstituteFeedbackConnection";
    const EDGE: &'static str = "InstituteFeedbackEdge";
}

#[Object(use_type_description, guard = "stated(self)")]
impl InstituteFeedback {
    /// Global id.
    #[graphql(directive = auth::apply(PEOPLE))]
    pub async fn id(&self, ctx: &Context<'_>) -> ID {
        Call::of(ctx).id(Kind::InstituteFeedback, self.0.id)
    }

    /// What it is about.
    #[graphql(name = "type", directive = auth::apply(PEOPLE))]
    async fn kind(&self) -> InstituteFeedbackType {
        self.0.kind
    }

    /// From 1.0 to 5.0, by halves.
    #[graphql(directive = auth::apply(PEOPLE))]
    async fn rating(&self) -> f64 {
        rating(self.0.half_stars)
    }

    /// What is said.
    #[graphql(directive = auth::apply(PEOPLE))]
    async fn message(&self) -> Option<&str> {
        self.0.message.as_deref()
    }

    /// Whether its author wants not to be known.
    #[graphql(directive = auth::apply(PEOPLE))]
    async fn anonymous(&self) -> bool {
        self.0.anonymous
    }

    /// Whether it is for everybody to read.
    #[graphql(directive = auth::apply(PEOPLE))]
    async fn public(&self) -> bool {
        self.0.public
    }

    /// Whether the viewer wrote it.
    #[graphql(directive = auth::apply(PEOPLE))]
    async fn mine(&self, ctx: &Context<'_>) -> bool {
        self.0.account_id == Call::of(ctx).scope().account()
    }

    /// The name of who wrote it, if the viewer reaches that person. Null for anonymous feedback, whoever asks: only its
    /// author reads their own name there.
    #[graphql(directive = auth::apply(PEOPLE))]
    async fn author_name(&self, ctx: &Context<'_>) -> Result<Option<String>> {
        let call = Call::of(ctx);
        let account = call.scope().account();
        let signed = |row: &InstituteFeedbackRow| row.signed_for(account).then_some(row.account_id);
        self.0.referred("author names", signed, |accounts| names_of_accounts(call, accounts)).await
    }

    /// When it was written: for its author alone. What somebody signs is often written together with what they do not sign,
    /// so its time is as telling.
    #[graphql(directive = auth::apply(PEOPLE))]
    async fn created_at(&self, ctx: &Context<'_>) -> Option<DateTime<Utc>> {
        (self.0.account_id == Call::of(ctx).scope().account()).then(|| utc(self.0.created_at))
    }

    /// What the viewer can do with it.
    #[graphql(directive = auth::apply(PEOPLE))]
    async fn viewer_can(&self) -> Option<InstituteFeedbackActions> {
        Some((&self.0).into())
    }
}

/// The names of the people behind accounts, so far as the viewer reaches them.
async fn names_of_accounts(call: &Call, accounts: Vec<i64>) -> Result<HashMap<i64, String>> {
    let mut names = read!(call.db(), students::names_of_accounts(call.scope(), &accounts))?;
    names.extend(read!(call.db(), parents::names_of_accounts(call.scope(), &accounts))?);
    names.extend(read!(call.db(), staff::names_of_accounts(call.scope(), &accounts))?);
    Ok(names.into_iter().collect())
}

impl From<Loaded<InstituteFeedbackRow>> for InstituteFeedback {
    fn from(row: Loaded<InstituteFeedbackRow>) -> Self {
        Self(row)
    }
}

impl InstituteFeedback {
    /// Those of the numbered that the viewer reaches, by number.
    pub async fn by_ids(call: &Call, ids: Vec<i64>) -> Result<HashMap<i64, Self>> {
        Ok(Loaded::by_number(read!(call.db(), feedback::institute_by_ids(call.scope(), &ids))?))
    }

    /// The key and number a cursor holds, in an order.
    #[must_use]
    pub fn key(&self, order: InstituteFeedbackOrderField) -> (serde_json::Value, i64) {
        match order {
            InstituteFeedbackOrderField::Entry => (self.0.id.into(), self.0.id),
        }
    }
}

/// Feedback's part of the query root.
#[derive(Default)]
pub struct FeedbackQuery;

#[Object(guard = "root(\"Query\")")]
impl FeedbackQuery {
    /// The feedback on teachers that the viewer reaches, newest month first unless `orderBy` says otherwise.
    #[graphql(directive = auth::apply(TEACHING))]
    #[expect(clippy::too_many_arguments, reason = "the arguments of a connection")]
    async fn teacher_feedback(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The first so many, 1 to 100; 20 where nothing is said.")] first: Option<i32>,
        #[graphql(desc = "Begin after this cursor.")] after: Option<String>,
        #[graphql(desc = "The last so many, 1 to 100.")] last: Option<i32>,
        #[graphql(desc = "End before this cursor.")] before: Option<String>,
        #[graphql(desc = "Which feedback.")] filter: Option<TeacherFeedbackFilter>,
        #[graphql(desc = "In which order.")] order_by: Option<TeacherFeedbackOrder>,
    ) -> Result<Option<Connection<TeacherFeedback>>> {
        let call = Call::of(ctx);
        let order = order_by.unwrap_or_default();
        let paging = Paging::read(ctx, (first, after), (last, before), order.direction == Direction::Desc)?;
        let filter = filter.unwrap_or_default();
        let query = TeacherFeedbackQuery {
            teacher: call.reached(Kind::Staff, filter.teacher_id).await?,
            min_half_stars: filter.min_rating.map(half_stars),
        };
        let rows = read!(call.db(), feedback::page_teacher(call.scope(), &query, order.field, paging.page()))?;
        let total = if wants_total(ctx) {
            Some(read!(call.db(), feedback::count_teacher(call.scope(), &query, order.field))?)
        } else {
            None
        };
        paging.connection(ctx, Loaded::list(rows), |one: &TeacherFeedback| one.key(order.field), total).map(Some)
    }

    /// The feedback on the institute that the viewer reaches, newest month first unless `orderBy` says otherwise.
    #[graphql(directive = auth::apply(PEOPLE))]
    #[expect(clippy::too_many_arguments, reason = "the arguments of a connection")]
    async fn institute_feedback(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The first so many, 1 to 100; 20 where nothing is said.")] first: Option<i32>,
        #[graphql(desc = "Begin after this cursor.")] after: Option<String>,
        #[graphql(desc = "The last so many, 1 to 100.")] last: Option<i32>,
        #[graphql(desc = "End before this cursor.")] before: Option<String>,
        #[graphql(desc = "Which feedback.")] filter: Option<InstituteFeedbackFilter>,
        #[graphql(desc = "In which order.")] order_by: Option<InstituteFeedbackOrder>,
    ) -> Result<Option<Connection<InstituteFeedback>>> {
        let call = Call::of(ctx);
        let (filter, order) = (filter.unwrap_or_default(), order_by.unwrap_or_default());
        let paging = Paging::read(ctx, (first, after), (last, before), order.direction == Direction::Desc)?;
        let rows = read!(call.db(), feedback::page_institute(call.scope(), &filter, order.field, paging.page()))?;
        let total = if wants_total(ctx) {
            Some(read!(call.db(), feedback::count_institute(call.scope(), &filter))?)
        } else {
            None
        };
        paging.connection(ctx, Loaded::list(rows), |one: &InstituteFeedback| one.key(order.field), total).map(Some)
    }
}
