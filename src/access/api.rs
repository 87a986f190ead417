//! The access log in the schema.

use std::collections::HashMap;

use async_graphql::{Context, Description, ID, Object};
use chrono::{DateTime, Utc};

use super::model::{AccessEntryFilter, AccessEntryRow, AccessOutcome, AccessQuery as Query};
use crate::{
    api_keys::api::ApiKey,
    auth::{Role, RoleSet, api::Account},
    clock::utc,
    db::sought,
    error::Result,
    graphql::{Call, Connection, Listed, Loaded, Node, Paging, Stated, auth, find_all, root, stated, wants_total},
    ids::Kind,
    read,
};

/// Who reads the access log.
const WATCHING: RoleSet = RoleSet::of(&[Role::Admin]);

/// What one request read of a sensitive field, or was denied.
#[derive(Clone, Description)]
pub struct AccessEntry(Loaded<AccessEntryRow>);

impl Stated for AccessEntry {
    fn granted(&self) -> Option<RoleSet> {
        Some(self.0.granted())
    }
}

impl Listed for AccessEntry {
    const CONNECTION: &'static str = "AccessEntryConnection";
    const EDGE: &'static str = "AccessEntryEdge";
}

#[Object(use_type_description, guard = "stated(self)")]
impl AccessEntry {
    /// Global id.
    #[graphql(directive = auth::apply(WATCHING))]
    pub async fn id(&self, ctx: &Context<'_>) -> ID {
        Call::of(ctx).id(Kind::AccessEntry, self.0.id)
    }

    /// When it was.
    #[graphql(directive = auth::apply(WATCHING))]
    async fn at(&self) -> DateTime<Utc> {
        utc(self.0.at)
    }

    /// Who asked; null where it was an API key.
    #[graphql(directive = auth::apply(WATCHING))]
    async fn actor(&self, ctx: &Context<'_>) -> Result<Option<Account>> {
        let call = Call::of(ctx);
        self.0.referred("actor", |row| row.account_id, |ids| Account::by_ids(call, ids)).await
    }

    /// The API key that asked; null where it was a person.
    #[graphql(directive = auth::apply(WATCHING))]
    async fn api_key(&self, ctx: &Context<'_>) -> Result<Option<ApiKey>> {
        let call = Call::of(ctx);
        self.0.referred("api_key", |row| row.api_key_id, |ids| ApiKey::by_ids(call, ids)).await
    }

    /// Whether it was read or denied.
    #[graphql(directive = auth::apply(WATCHING))]
    async fn outcome(&self) -> AccessOutcome {
        self.0.outcome
    }

    /// The field, as a schema coordinate: `Student.citizenshipNumber`.
    #[graphql(directive = auth::apply(WATCHING))]
    async fn coordinate(&self) -> String {
        format!("{}.{}", self.0.type_name, self.0.field_name)
    }

    /// Of how many rows, counted as often as the request asked for them.
    #[graphql(directive = auth::apply(WATCHING))]
    async fn row_count(&self) -> i32 {
        self.0.row_count
    }

    /// The rows that were read, a hundred at most; none where it was denied.
    #[graphql(directive = auth::apply(WATCHING))]
    async fn subjects(&self, ctx: &Context<'_>) -> Result<Vec<Node>> {
        let call = Call::of(ctx);
        let subjects = self.0.load("subjects", |rows| async move {
            let entries: Vec<i64> = rows.iter().map(|row| row.id).collect();
            let pairs = read!(call.db(), access::subjects(call.scope(), &entries))?;
            let types: HashMap<i64, &str> = rows.iter().map(|row| (row.id, row.type_name.as_str())).collect();
            let mut subjects: HashMap<i64, Vec<Node>> = HashMap::new();
            for kind in Kind::ALL {
                let name = kind.name();
                let of_kind = || pairs.iter().filter(|(entry, _)| types.get(entry) == Some(&name.as_str()));
                if of_kind().next().is_none() {
                    continue;
                }
                let found = find_all(call, kind, of_kind().map(|(_, subject)| *subject).collect()).await?;
                for (entry, subject) in of_kind() {
                    subjects.entry(*entry).or_default().extend(found.get(subject).cloned());
                }
            }
            Ok(subjects)
        });
        Ok(subjects.await?.get(&self.0.id).cloned().unwrap_or_default())
    }

    /// The request, as the operator's log knows it.
    #[graphql(directive = auth::apply(WATCHING))]
    async fn request_id(&self) -> &str {
        &self.0.request_id
    }
}

impl From<Loaded<AccessEntryRow>> for AccessEntry {
    fn from(row: Loaded<AccessEntryRow>) -> Self {
        Self(row)
    }
}

impl AccessEntry {
    /// Those of the numbered entries that the viewer reaches, by number.
    pub async fn by_ids(call: &Call, ids: Vec<i64>) -> Result<HashMap<i64, Self>> {
        Ok(Loaded::by_number(read!(call.db(), access::by_ids(call.scope(), &ids))?))
    }
}

/// The access log's part of the query root.
#[derive(Default)]
pub struct AccessQuery;

#[Object(guard = "root(\"Query\")")]
impl AccessQuery {
    /// Who read what is sensitive, and who was denied what, newest first.
    #[graphql(directive = auth::apply(WATCHING))]
    async fn access_entries(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The first so many, 1 to 100; 20 where nothing is said.")] first: Option<i32>,
        #[graphql(desc = "Begin after this cursor.")] after: Option<String>,
        #[graphql(desc = "The last so many, 1 to 100.")] last: Option<i32>,
        #[graphql(desc = "End before this cursor.")] before: Option<String>,
        #[graphql(desc = "Which entries.")] filter: Option<AccessEntryFilter>,
    ) -> Result<Option<Connection<AccessEntry>>> {
        let call = Call::of(ctx);
        let paging = Paging::read(ctx, (first, after), (last, before), true)?;
        let query = opened(call, filter.unwrap_or_default());
        let rows = read!(call.db(), access::page(call.scope(), &query, paging.page()))?;
        let total = if wants_total(ctx) { Some(read!(call.db(), access::count(call.scope(), &query))?) } else { None };
        let key = |entry: &AccessEntry| (entry.0.id.into(), entry.0.id);
        paging.connection(ctx, Loaded::list(rows), key, total).map(Some)
    }
}

fn opened(call: &Call, filter: AccessEntryFilter) -> Query {
    Query {
        outcome: filter.outcome,
        actor: filter.actor_id.map(|id| call.number(Kind::Account, &id)),
        subject: filter.subject_id.map(|id| call.services().seal.subject(&id)),
        coordinate: filter.coordinate.map(|coordinate| {
            let (type_name, field) = coordinate.split_once('.').unwrap_or_default();
            (sought(type_name), sought(field))
        }),
        from: filter.from.map(|at| at.naive_utc()),
        to: filter.to.map(|at| at.naive_utc()),
    }
}
