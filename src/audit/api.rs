//! The audit log in the schema.

use std::collections::HashMap;

use async_graphql::{Context, Description, ID, Object, SimpleObject};
use chrono::{DateTime, Utc};
use serde_json::{Map, Value};

use super::model::{AuditEntryFilter, AuditEntryRow, AuditQuery as Query};
use crate::{
    auth::{Role, RoleSet, api::Account},
    clock::utc,
    db::sought,
    error::Result,
    graphql::{Call, Connection, Listed, Loaded, Node, Paging, Stated, auth, find_all, root, stated, wants_total},
    ids::Kind,
    read,
};

/// Who sees that something was done: who did it, and ADMIN.
const DONE: RoleSet = RoleSet::of(&[Role::Admin, Role::Own]);
/// Who reads what was written.
const WRITTEN: RoleSet = RoleSet::of(&[Role::Admin]);

/// What a mutation did to one row.
#[derive(Clone, Description)]
pub struct AuditEntry(Loaded<AuditEntryRow>);

impl Stated for AuditEntry {
    fn granted(&self) -> Option<RoleSet> {
        Some(self.0.granted())
    }
}

impl Listed for AuditEntry {
    const CONNECTION: &'static str = "AuditEntryConnection";
    const EDGE: &'static str = "AuditEntryEdge";
}

/// A field that was changed.
#[derive(SimpleObject)]
#[graphql(guard = "stated(self)")]
pub struct AuditChange {
    /// The field's name in the database.
    #[graphql(directive = auth::apply(WRITTEN))]
    field: Option<String>,
    /// What it was, as JSON; null where the row was made.
    #[graphql(directive = auth::apply(WRITTEN))]
    before: Option<String>,
    /// What it became, as JSON; null where the row was removed.
    #[graphql(directive = auth::apply(WRITTEN))]
    after: Option<String>,
}

impl Stated for AuditChange {}

#[Object(use_type_description, guard = "stated(self)")]
impl AuditEntry {
    /// Global id.
    #[graphql(directive = auth::apply(DONE))]
    pub async fn id(&self, ctx: &Context<'_>) -> ID {
        Call::of(ctx).id(Kind::AuditEntry, self.0.id)
    }

    /// When it was done.
    #[graphql(directive = auth::apply(DONE))]
    async fn at(&self) -> DateTime<Utc> {
        utc(self.0.at)
    }

    /// Who did it; null where it was the operator, by `rollcall accounts`.
    #[graphql(directive = auth::apply(DONE))]
    async fn actor(&self, ctx: &Context<'_>) -> Result<Option<Account>> {
        let call = Call::of(ctx);
        self.0.referred("actor", |row| row.account_id, |ids| Account::by_ids(call, ids)).await
    }

    /// The mutation, or the operator's command.
    #[graphql(directive = auth::apply(DONE))]
    async fn action(&self) -> &str {
        &self.0.action
    }

    /// The type of the row that it was done to.
    #[graphql(directive = auth::apply(DONE))]
    async fn subject_type(&self) -> &str {
        &self.0.subject_type
    }

    /// The row that it was done to; null where it was removed, or where the viewer does not reach it.
    #[graphql(directive = auth::apply(DONE))]
    async fn subject(&self, ctx: &Context<'_>) -> Result<Option<Node>> {
        let call = Call::of(ctx);
        let subjects = self.0.load("subject", |rows| async move {
            let mut subjects: HashMap<(String, i64), Node> = HashMap::new();
            for kind in Kind::ALL {
                let name = kind.name();
                let ids: Vec<i64> =
                    rows.iter().filter(|row| row.subject_type == name).map(|row| row.subject_id).collect();
                if !ids.is_empty() {
                    let found = find_all(call, kind, ids).await?;
                    subjects.extend(found.into_iter().map(|(number, node)| ((name.clone(), number), node)));
                }
            }
            Ok(subjects)
        });
        Ok(subjects.await?.get(&(self.0.subject_type.clone(), self.0.subject_id)).cloned())
    }

    /// What was changed, field by field.
    #[graphql(directive = auth::apply(WRITTEN))]
    async fn changes(&self) -> Option<Vec<AuditChange>> {
        let [before, after] = [&self.0.before, &self.0.after].map(|json| fields(json.as_deref()));
        let mut names: Vec<&String> = before.keys().chain(after.keys()).collect();
        names.sort();
        names.dedup();
        let text = |values: &Map<String, Value>, name: &str| values.get(name).map(ToString::to_string);
        let change = |name: &String| AuditChange {
            field: Some(name.clone()),
            before: text(&before, name),
            after: text(&after, name),
        };
        Some(names.into_iter().map(change).collect())
    }

    /// The request, as the operator's log knows it.
    #[graphql(directive = auth::apply(WRITTEN))]
    async fn request_id(&self) -> Option<&str> {
        Some(&self.0.request_id)
    }
}

fn fields(json: Option<&str>) -> Map<String, Value> {
    json.and_then(|json| serde_json::from_str(json).ok()).unwrap_or_default()
}

impl From<Loaded<AuditEntryRow>> for AuditEntry {
    fn from(row: Loaded<AuditEntryRow>) -> Self {
        Self(row)
    }
}

impl AuditEntry {
    /// Those of the numbered entries that the viewer reaches, by number.
    pub async fn by_ids(call: &Call, ids: Vec<i64>) -> Result<HashMap<i64, Self>> {
        Ok(Loaded::by_number(read!(call.db(), audit::by_ids(call.scope(), &ids))?))
    }
}

/// The audit log's part of the query root.
#[derive(Default)]
pub struct AuditQuery;

#[Object(guard = "root(\"Query\")")]
impl AuditQuery {
    /// What was changed, newest first: for ADMIN everything, for others what they did themselves.
    #[graphql(directive = auth::apply(DONE))]
    async fn audit_entries(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The first so many, 1 to 100; 20 where nothing is said.")] first: Option<i32>,
        #[graphql(desc = "Begin after this cursor.")] after: Option<String>,
        #[graphql(desc = "The last so many, 1 to 100.")] last: Option<i32>,
        #[graphql(desc = "End before this cursor.")] before: Option<String>,
        #[graphql(desc = "Which entries.")] filter: Option<AuditEntryFilter>,
    ) -> Result<Option<Connection<AuditEntry>>> {
        let call = Call::of(ctx);
        let paging = Paging::read(ctx, (first, after), (last, before), true)?;
        let query = opened(call, filter.unwrap_or_default());
        let rows = read!(call.db(), audit::page(call.scope(), &query, paging.page()))?;
        let total = if wants_total(ctx) { Some(read!(call.db(), audit::count(call.scope(), &query))?) } else { None };
        let key = |entry: &AuditEntry| (entry.0.id.into(), entry.0.id);
        paging.connection(ctx, Loaded::list(rows), key, total).map(Some)
    }
}

/// What was removed has entries still, so a subject is not looked for first: an entry tells no more than who reads it did
/// themselves, or may read anyway.
fn opened(call: &Call, filter: AuditEntryFilter) -> Query {
    Query {
        subject: filter.subject_id.map(|id| call.services().seal.subject(&id)),
        actor: filter.actor_id.map(|id| call.number(Kind::Account, &id)),
        action: filter.action.map(|action| sought(&action)),
        from: filter.from.map(|at| at.naive_utc()),
        to: filter.to.map(|at| at.naive_utc()),
    }
}
