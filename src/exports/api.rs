//! Exports in the schema.

use std::collections::HashMap;

use async_graphql::{Context, Description, ID, Object};
use chrono::{DateTime, Utc};

use super::model::{ExportRow, ExportState};
use crate::{
    auth::{Role, RoleSet},
    clock::utc,
    courses::api::Course,
    error::Result,
    graphql::{Call, Connection, Date, Listed, Loaded, Paging, Stated, auth, root, stated, wants_total},
    ids::Kind,
    read,
};

/// Who asks for exports, and reads their own.
pub const EXPORTING: RoleSet = RoleSet::of(&[Role::Admin, Role::Hod]);

/// The attendance of a course's students over some days, as CSV: made in the background for who asked for it.
#[derive(Clone, Description)]
pub struct Export(Loaded<ExportRow>);

impl Stated for Export {
    fn granted(&self) -> Option<RoleSet> {
        Some(self.0.granted())
    }

    fn number(&self) -> Option<i64> {
        Some(self.0.id)
    }
}

impl Listed for Export {
    const CONNECTION: &'static str = "ExportConnection";
    const EDGE: &'static str = "ExportEdge";
}

#[Object(use_type_description, guard = "stated(self)")]
impl Export {
    /// Global id.
    #[graphql(directive = auth::apply(EXPORTING))]
    pub async fn id(&self, ctx: &Context<'_>) -> ID {
        Call::of(ctx).id(Kind::Export, self.0.id)
    }

    /// The course whose students it is of.
    #[graphql(directive = auth::apply(EXPORTING))]
    async fn course(&self, ctx: &Context<'_>) -> Result<Option<Course>> {
        let call = Call::of(ctx);
        let courses = self.0.referred("course", |row| Some(row.course_id), |ids| Course::by_ids(call, ids));
        courses.await
    }

    /// The first day.
    #[graphql(directive = auth::apply(EXPORTING))]
    async fn first_day(&self) -> Date {
        Date(self.0.first_day)
    }

    /// The last day.
    #[graphql(directive = auth::apply(EXPORTING))]
    async fn last_day(&self) -> Date {
        Date(self.0.last_day)
    }

    /// How far it is.
    #[graphql(directive = auth::apply(EXPORTING))]
    async fn state(&self) -> ExportState {
        self.0.state
    }

    /// When it was asked for.
    #[graphql(directive = auth::apply(EXPORTING))]
    async fn created_at(&self) -> DateTime<Utc> {
        utc(self.0.created_at)
    }

    /// When it was made, or given up.
    #[graphql(directive = auth::apply(EXPORTING))]
    async fn finished_at(&self) -> Option<DateTime<Utc>> {
        self.0.finished_at.map(utc)
    }

    /// What is in it, where it is ready: CSV (RFC 4180) with a line for each student by name, with how often they were present,
    /// late, absent and excused, and the share of classes attended in per cent.
    #[graphql(directive = auth::apply(EXPORTING))]
    async fn content(&self, ctx: &Context<'_>) -> Result<Option<String>> {
        let call = Call::of(ctx);
        let contents = self.0.of_each("content", |ids| async move {
            Ok(read!(call.db(), exports::contents(call.scope(), &ids))?.into_iter().collect())
        });
        contents.await
    }
}

impl From<Loaded<ExportRow>> for Export {
    fn from(row: Loaded<ExportRow>) -> Self {
        Self(row)
    }
}

impl Export {
    /// Those of the numbered exports that the viewer reaches, by number.
    pub async fn by_ids(call: &Call, ids: Vec<i64>) -> Result<HashMap<i64, Self>> {
        Ok(Loaded::by_number(read!(call.db(), exports::by_ids(call.scope(), &ids))?))
    }
}

/// The exports' part of the query root.
#[derive(Default)]
pub struct ExportQuery;

#[Object(guard = "root(\"Query\")")]
impl ExportQuery {
    /// The exports that the viewer asked for, newest first.
    #[graphql(directive = auth::apply(EXPORTING))]
    async fn exports(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The first so many, 1 to 100; 20 where nothing is said.")] first: Option<i32>,
        #[graphql(desc = "Begin after this cursor.")] after: Option<String>,
        #[graphql(desc = "The last so many, 1 to 100.")] last: Option<i32>,
        #[graphql(desc = "End before this cursor.")] before: Option<String>,
    ) -> Result<Option<Connection<Export>>> {
        let call = Call::of(ctx);
        let paging = Paging::read(ctx, (first, after), (last, before), true)?;
        let rows = read!(call.db(), exports::page(call.scope(), paging.page()))?;
        let total = if wants_total(ctx) { Some(read!(call.db(), exports::count(call.scope()))?) } else { None };
        paging.connection(ctx, Loaded::list(rows), |export: &Export| (export.0.id.into(), export.0.id), total).map(Some)
    }
}
