//! Relay connections: <https://relay.dev/graphql/connections.htm>.

use std::{borrow::Cow, collections::HashMap, future::Future};

use async_graphql::{Context, OutputType, SimpleObject, TypeName, Value};

use super::{
    Call, Loaded, Row,
    statement::{Stated, auth, stated},
};
use crate::{
    auth::sets::SIGNED_IN,
    db::paging::Page,
    error::{Error, Result},
};

/// Rows in a page at most.
pub const MAX_PAGE: i32 = 100;
/// Rows in a page where the query does not say.
pub(super) const DEFAULT_PAGE: i32 = 20;

/// A type that is listed in connections, with the names of its connection and edge.
pub trait Listed: OutputType {
    /// Name of the connection's type.
    const CONNECTION: &'static str;
    /// Name of the edge's type.
    const EDGE: &'static str;
}

/// A page of a list.
#[derive(SimpleObject)]
#[graphql(name_type, guard = "stated(self)")]
pub struct Connection<T: Listed> {
    /// The rows of the page, each with its cursor.
    #[graphql(directive = auth::apply(SIGNED_IN))]
    edges: Vec<Edge<T>>,
    /// Where the page stands in the list.
    #[graphql(directive = auth::apply(SIGNED_IN))]
    page_info: PageInfo,
    /// How many rows the whole list has for this viewer; counted only when asked for.
    #[graphql(directive = auth::apply(SIGNED_IN))]
    total_count: Option<i64>,
}

/// A row of a page.
#[derive(SimpleObject)]
#[graphql(name_type, guard = "stated(self)")]
pub struct Edge<T: Listed> {
    /// The row.
    #[graphql(directive = auth::apply(SIGNED_IN))]
    node: T,
    /// Where the row stands in the list: for `after` and `before`.
    #[graphql(directive = auth::apply(SIGNED_IN))]
    cursor: String,
}

/// Where a page stands in its list.
#[derive(SimpleObject, Clone)]
#[graphql(guard = "stated(self)")]
pub struct PageInfo {
    /// Whether there are rows after the page.
    #[graphql(directive = auth::apply(SIGNED_IN))]
    has_next_page: bool,
    /// Whether there are rows before the page.
    #[graphql(directive = auth::apply(SIGNED_IN))]
    has_previous_page: bool,
    /// The first row's cursor.
    #[graphql(directive = auth::apply(SIGNED_IN))]
    start_cursor: Option<String>,
    /// The last row's cursor.
    #[graphql(directive = auth::apply(SIGNED_IN))]
    end_cursor: Option<String>,
}

impl<T: Listed> TypeName for Connection<T> {
    fn type_name() -> Cow<'static, str> {
        Cow::Borrowed(T::CONNECTION)
    }
}
impl<T: Listed> TypeName for Edge<T> {
    fn type_name() -> Cow<'static, str> {
        Cow::Borrowed(T::EDGE)
    }
}
impl<T: Listed> Stated for Connection<T> {}
impl<T: Listed> Stated for Edge<T> {}
impl Stated for PageInfo {}

/// The paging arguments of a connection field, and what its cursors are bound to.
pub struct Paging {
    page: Page,
    /// The field with its other arguments, and the viewer's scope: a cursor from elsewhere does not open.
    binding: String,
    after_given: bool,
    before_given: bool,
}

impl Paging {
    /// Reads and checks the paging arguments; `descending` is the direction of the list.
    ///
    /// # Errors
    /// When both directions are asked at once, a size is not between 1 and [`MAX_PAGE`], or a cursor is not of this list.
    pub fn read(
        ctx: &Context<'_>,
        (first, after): (Option<i32>, Option<String>),
        (last, before): (Option<i32>, Option<String>),
        descending: bool,
    ) -> Result<Self> {
        let backward = last.is_some() || (first.is_none() && before.is_some());
        if (backward && (first.is_some() || after.is_some())) || (!backward && before.is_some()) {
            return Err(Error::bad_input(
                "page forward with `first` and `after`, or backward with `last` and `before`",
            ));
        }
        let (name, size) = if backward { ("last", last) } else { ("first", first) };
        let size = size.unwrap_or(DEFAULT_PAGE);
        if !(1..=MAX_PAGE).contains(&size) {
            return Err(Error::bad_input(format!("`{name}` must be between 1 and {MAX_PAGE}")));
        }
        let binding = binding(ctx)?;
        let cursor = if backward { &before } else { &after };
        let position = cursor.as_ref().map(|cursor| open(ctx, &binding, cursor)).transpose()?;
        let page = Page { limit: i64::from(size), backward, descending, position };
        Ok(Self { page, binding, after_given: after.is_some(), before_given: before.is_some() })
    }

    /// What the store reads.
    #[must_use]
    pub fn page(&self) -> &Page {
        &self.page
    }

    /// A name for this very page, for rows that are loaded together ([`super::Loaded::load`]).
    #[must_use]
    pub fn name(&self) -> String {
        format!("{}{:?}", self.binding, self.page)
    }

    /// Makes the connection of what the store read for [`Self::page`] (one row more than the page, if there are others),
    /// given each row's key in the order and its number.
    ///
    /// # Errors
    /// When a cursor cannot be made.
    pub fn connection<T: Listed>(
        &self,
        ctx: &Context<'_>,
        mut nodes: Vec<T>,
        key: impl Fn(&T) -> (serde_json::Value, i64),
        total_count: Option<i64>,
    ) -> Result<Connection<T>> {
        let size = usize::try_from(self.page.limit).unwrap_or(0);
        let more = nodes.len() > size;
        nodes.truncate(size);
        if self.page.backward {
            nodes.reverse();
        }
        let seal = &Call::of(ctx).services().seal;
        let edge = |node| {
            let (key, number) = key(&node);
            let cursor = seal.cursor(&self.binding, &serde_json::json!([key, number]).to_string())?;
            Ok(Edge { node, cursor })
        };
        let edges = nodes.into_iter().map(edge).collect::<Result<Vec<Edge<T>>>>()?;
        let page_info = PageInfo {
            has_next_page: if self.page.backward { self.before_given } else { more },
            has_previous_page: if self.page.backward { more } else { self.after_given },
            start_cursor: edges.first().map(|edge| edge.cursor.clone()),
            end_cursor: edges.last().map(|edge| edge.cursor.clone()),
        };
        Ok(Connection { edges, page_info, total_count })
    }
}

/// A connection below a row, with the rows of all its siblings read at once.
pub async fn nested<R, T, P, PFut, C, CFut>(
    ctx: &Context<'_>,
    parent: &Loaded<R>,
    paging: &Paging,
    key: impl Fn(&T) -> (serde_json::Value, i64),
    pages: P,
    counts: C,
) -> Result<Connection<T>>
where
    R: Row,
    T: Listed + Clone + Send + Sync + 'static,
    P: FnOnce(Vec<i64>) -> PFut,
    PFut: Future<Output = Result<HashMap<i64, Vec<T>>>> + Send,
    C: FnOnce(Vec<i64>) -> CFut,
    CFut: Future<Output = Result<Vec<(i64, i64)>>> + Send,
{
    let nodes = parent.of_each(paging.name(), pages).await?.unwrap_or_default();
    let total = if wants_total(ctx) {
        let counts = parent.of_each(format!("count {}", paging.binding), |ids| {
            let counts = counts(ids);
            async move { Ok(counts.await?.into_iter().collect()) }
        });
        Some(counts.await?.unwrap_or(0))
    } else {
        None
    };
    paging.connection(ctx, nodes, key, total)
}

/// Whether the query asks for the connection's `totalCount`.
#[must_use]
pub fn wants_total(ctx: &Context<'_>) -> bool {
    ctx.look_ahead().field("totalCount").exists()
}

fn open(ctx: &Context<'_>, binding: &str, cursor: &str) -> Result<(serde_json::Value, i64)> {
    let position = Call::of(ctx).services().seal.open_cursor(binding, cursor).ok_or_else(Error::bad_cursor)?;
    serde_json::from_str(&position).map_err(|_| Error::bad_cursor())
}

fn binding(ctx: &Context<'_>) -> Result<String> {
    let field = ctx.field();
    let arguments = field.arguments().map_err(|error| Error::bad_input(error.message))?;
    let others: Vec<(String, Value)> = arguments
        .into_iter()
        .filter(|(name, _)| !matches!(name.as_str(), "first" | "after" | "last" | "before"))
        .map(|(name, value)| (name.to_string(), value))
        .collect();
    // The viewer and the roles that they hold: a cursor from before a role was taken away does not open any more.
    // Their session is no part of it.
    let call = Call::of(ctx);
    let viewer = format!("{:?} {:?}", call.scope(), call.viewer().key_id());
    serde_json::to_string(&(field.name(), others, viewer)).map_err(Error::internal)
}
