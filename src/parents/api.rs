//! Parents in the schema.

use std::collections::HashMap;

use async_graphql::{Context, Description, ID, Object};
use chrono::{DateTime, Utc};

use super::{
    can::ParentActions,
    model::{ParentFilter, ParentOrder, ParentOrderField, ParentRow},
};
use crate::{
    access::model::BULK,
    auth::{
        Role::*,
        RoleSet,
        api::{Account, OWNER},
        sets::PEOPLE,
    },
    clock::utc,
    error::Result,
    feedback::api::TeacherFeedback,
    graphql::{
        Call, Connection, Direction, Listed, Loaded, Paging, Stated, audited, auth, nested, root, stated, wants_total,
    },
    ids::Kind,
    meetings::api::Meeting,
    read,
    students::{api::Student, model::StudentOrderField},
};

/// More than the name: not for teachers, students and the other parents of a child.
const CONTACT: RoleSet = RoleSet::of(&[Admin, Hod, Admission, Own]);

/// Whom they meet: not for students, ADMISSION and the other parents of a child.
const MEETING: RoleSet = RoleSet::of(&[Admin, Hod, Staff, Own]);
/// What they wrote of teachers: never for a teacher.
const WRITTEN: RoleSet = RoleSet::of(&[Admin, Hod, Own]);

/// A parent of one or more students.
#[derive(Clone, Description)]
pub struct Parent(Loaded<ParentRow>);

impl Stated for Parent {
    fn granted(&self) -> Option<RoleSet> {
        Some(self.0.granted())
    }

    fn number(&self) -> Option<i64> {
        Some(self.0.id)
    }
}

impl Listed for Parent {
    const CONNECTION: &'static str = "ParentConnection";
    const EDGE: &'static str = "ParentEdge";
}

#[Object(use_type_description, guard = "stated(self)")]
impl Parent {
    /// Global id.
    #[graphql(directive = auth::apply(PEOPLE))]
    pub async fn id(&self, ctx: &Context<'_>) -> ID {
        Call::of(ctx).id(Kind::Parent, self.0.id)
    }

    /// Full name.
    #[graphql(directive = auth::apply(PEOPLE))]
    async fn name(&self) -> &str {
        &self.0.name
    }

    /// Address of the photo.
    #[graphql(directive = auth::apply(CONTACT))]
    async fn photo_url(&self) -> Option<&str> {
        self.0.photo_url.as_deref()
    }

    /// Where they live.
    #[graphql(directive = auth::apply(CONTACT), directive = audited::apply(BULK))]
    async fn address(&self) -> Option<&str> {
        self.0.address.as_deref()
    }

    /// Phone number, E.164.
    #[graphql(directive = auth::apply(CONTACT), directive = audited::apply(BULK))]
    async fn phone(&self, ctx: &Context<'_>) -> Result<Option<String>> {
        Ok(self.contact(ctx).await?.1)
    }

    /// E-mail address.
    #[graphql(directive = auth::apply(CONTACT), directive = audited::apply(BULK))]
    async fn email(&self, ctx: &Context<'_>) -> Result<Option<String>> {
        Ok(self.contact(ctx).await?.0)
    }

    /// Their linked students that the viewer reaches, by name.
    #[graphql(directive = auth::apply(PEOPLE))]
    async fn students(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The first so many, 1 to 100; 20 where nothing is said.")] first: Option<i32>,
        #[graphql(desc = "Begin after this cursor.")] after: Option<String>,
        #[graphql(desc = "The last so many, 1 to 100.")] last: Option<i32>,
        #[graphql(desc = "End before this cursor.")] before: Option<String>,
    ) -> Result<Option<Connection<Student>>> {
        let call = Call::of(ctx);
        let paging = Paging::read(ctx, (first, after), (last, before), false)?;
        let students = nested(
            ctx,
            &self.0,
            &paging,
            |student: &Student| student.key(StudentOrderField::Name),
            |ids| {
                let page = paging.page();
                async move { Ok(Loaded::by_parent(read!(call.db(), students::of_parents(call.scope(), &ids, page))?)) }
            },
            |ids| async move { read!(call.db(), students::count_of_parents(call.scope(), &ids)) },
        );
        students.await.map(Some)
    }

    /// The meetings they take part in that the viewer reaches, newest first.
    #[graphql(directive = auth::apply(MEETING))]
    async fn meetings(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The first so many, 1 to 100; 20 where nothing is said.")] first: Option<i32>,
        #[graphql(desc = "Begin after this cursor.")] after: Option<String>,
        #[graphql(desc = "The last so many, 1 to 100.")] last: Option<i32>,
        #[graphql(desc = "End before this cursor.")] before: Option<String>,
    ) -> Result<Option<Connection<Meeting>>> {
        let paging = Paging::read(ctx, (first, after), (last, before), true)?;
        Meeting::of_parent(ctx, &self.0, &paging).await.map(Some)
    }

    /// What they wrote of their children's teachers that the viewer reaches, newest month first.
    #[graphql(directive = auth::apply(WRITTEN))]
    async fn teacher_feedback(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The first so many, 1 to 100; 20 where nothing is said.")] first: Option<i32>,
        #[graphql(desc = "Begin after this cursor.")] after: Option<String>,
        #[graphql(desc = "The last so many, 1 to 100.")] last: Option<i32>,
        #[graphql(desc = "End before this cursor.")] before: Option<String>,
    ) -> Result<Option<Connection<TeacherFeedback>>> {
        let paging = Paging::read(ctx, (first, after), (last, before), true)?;
        TeacherFeedback::of_parent(ctx, &self.0, &paging).await.map(Some)
    }

    /// What they sign in with.
    #[graphql(directive = auth::apply(OWNER))]
    async fn account(&self, ctx: &Context<'_>) -> Result<Option<Account>> {
        let call = Call::of(ctx);
        self.0.referred("account", |row| Some(row.account_id), |ids| Account::by_ids(call, ids)).await
    }

    /// When they were archived; null for everybody who is not.
    #[graphql(directive = auth::apply(RoleSet::of(&[Admin])))]
    async fn archived_at(&self) -> Option<DateTime<Utc>> {
        self.0.archived_at.map(utc)
    }

    /// How often it was changed, and once for its making: an edit gives back what it read.
    #[graphql(directive = auth::apply(PEOPLE))]
    async fn version(&self) -> Option<i32> {
        Some(self.0.version)
    }

    /// What the viewer can do with them.
    #[graphql(directive = auth::apply(PEOPLE))]
    async fn viewer_can(&self) -> Option<ParentActions> {
        Some((&self.0).into())
    }
}

impl From<Loaded<ParentRow>> for Parent {
    fn from(row: Loaded<ParentRow>) -> Self {
        Self(row)
    }
}

impl Parent {
    /// Those of the numbered parents that the viewer reaches, by number.
    pub async fn by_ids(call: &Call, ids: Vec<i64>) -> Result<HashMap<i64, Self>> {
        Ok(Loaded::by_number(read!(call.db(), parents::by_ids(call.scope(), &ids))?))
    }

    /// Those that the viewer reaches of the parents whose accounts these are, by account.
    pub async fn by_accounts(call: &Call, accounts: Vec<i64>) -> Result<HashMap<i64, Self>> {
        let rows = read!(call.db(), parents::by_accounts(call.scope(), &accounts))?;
        let accounts: Vec<i64> = rows.iter().map(|(row, _)| row.account_id).collect();
        Ok(accounts.into_iter().zip(Loaded::list(rows)).collect())
    }

    /// The key and number a cursor holds, in an order.
    #[must_use]
    pub fn key(&self, order: ParentOrderField) -> (serde_json::Value, i64) {
        let key = match order {
            ParentOrderField::Name => self.0.name.clone().into(),
            ParentOrderField::Entry => self.0.id.into(),
        };
        (key, self.0.id)
    }

    async fn contact(&self, ctx: &Context<'_>) -> Result<(Option<String>, Option<String>)> {
        let call = Call::of(ctx);
        let contacts = self.0.of_each("contact", |ids| async move {
            let contacts = read!(call.db(), parents::contacts(call.scope(), &ids))?;
            Ok(contacts.into_iter().map(|(id, email, phone)| (id, (email, phone))).collect())
        });
        Ok(contacts.await?.unwrap_or_default())
    }
}

/// The parents' part of the query root.
#[derive(Default)]
pub struct ParentQuery;

#[Object(guard = "root(\"Query\")")]
impl ParentQuery {
    /// The parents that the viewer reaches.
    #[graphql(directive = auth::apply(PEOPLE))]
    #[expect(clippy::too_many_arguments, reason = "the arguments of a connection")]
    async fn parents(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The first so many, 1 to 100; 20 where nothing is said.")] first: Option<i32>,
        #[graphql(desc = "Begin after this cursor.")] after: Option<String>,
        #[graphql(desc = "The last so many, 1 to 100.")] last: Option<i32>,
        #[graphql(desc = "End before this cursor.")] before: Option<String>,
        #[graphql(desc = "Which parents.")] filter: Option<ParentFilter>,
        #[graphql(desc = "In which order.")] order_by: Option<ParentOrder>,
    ) -> Result<Option<Connection<Parent>>> {
        let call = Call::of(ctx);
        let (filter, order) = (filter.unwrap_or_default(), order_by.unwrap_or_default());
        let paging = Paging::read(ctx, (first, after), (last, before), order.direction == Direction::Desc)?;
        let rows = read!(call.db(), parents::page(call.scope(), &filter, order.field, paging.page()))?;
        let total =
            if wants_total(ctx) { Some(read!(call.db(), parents::count(call.scope(), &filter))?) } else { None };
        paging.connection(ctx, Loaded::list(rows), |parent: &Parent| parent.key(order.field), total).map(Some)
    }
}
