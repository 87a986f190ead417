//! Batched loading without a timer: rows that were read together load together.
//!
//! A list of rows is one group. The first row that is asked for something that needs the database loads it for the whole
//! group; its siblings find it done. What is loaded is a group again, across all of its parents, so a query takes a number
//! of statements that depends on its shape alone, at any depth. A group lives and dies with one call: nothing in it is
//! ever seen by another viewer.

use std::{
    any::Any,
    borrow::Cow,
    collections::HashMap,
    future::Future,
    sync::{Arc, Mutex, PoisonError},
};

use tokio::sync::OnceCell;
use tracing::Instrument;

use crate::{
    auth::RoleSet,
    error::{Error, Result},
    telemetry::span,
};

/// A row in scope, the roles by which it was reached, and the rows that were read with it.
pub struct Loaded<R> {
    row: Arc<R>,
    granted: RoleSet,
    group: Arc<Group<R>>,
}

impl<R> Clone for Loaded<R> {
    fn clone(&self) -> Self {
        Self { row: Arc::clone(&self.row), granted: self.granted, group: Arc::clone(&self.group) }
    }
}

impl<R> Loaded<R> {
    /// The roles by which the row was reached.
    #[must_use]
    pub fn granted(&self) -> RoleSet {
        self.granted
    }
}

impl<R> std::ops::Deref for Loaded<R> {
    type Target = R;

    fn deref(&self) -> &R {
        &self.row
    }
}

struct Group<R> {
    rows: Vec<Arc<R>>,
    loads: Mutex<HashMap<Cow<'static, str>, Cell>>,
}

/// What was loaded under one name: any type, by the time it is there.
type Cell = Arc<OnceCell<Result<Arc<dyn Any + Send + Sync>>>>;

/// A row with a number of its own.
pub trait Row: Send + Sync + 'static {
    /// The row's number in its table.
    fn number(&self) -> i64;
}

impl<R: Row> Loaded<R> {
    /// A group of the rows a store returned, each with the bits of the roles by which it was reached, as objects.
    #[must_use]
    pub fn list<T: From<Self>>(rows: Vec<(R, i32)>) -> Vec<T> {
        let rows: Vec<(Arc<R>, i32)> = rows.into_iter().map(|(row, granted)| (Arc::new(row), granted)).collect();
        let group =
            Arc::new(Group { rows: rows.iter().map(|(row, _)| Arc::clone(row)).collect(), loads: Mutex::default() });
        rows.into_iter()
            .map(|(row, granted)| Self { row, granted: RoleSet::from_bits(granted), group: Arc::clone(&group) }.into())
            .collect()
    }

    /// One group of rows, as objects by number.
    #[must_use]
    pub fn by_number<T: From<Self>>(rows: Vec<(R, i32)>) -> HashMap<i64, T> {
        let numbers: Vec<i64> = rows.iter().map(|(row, _)| row.number()).collect();
        numbers.into_iter().zip(Self::list(rows)).collect()
    }

    /// One group of the rows of several parents, as objects by parent and in order.
    #[must_use]
    pub fn by_parent<T: From<Self>>(rows: Vec<(i64, R, i32)>) -> HashMap<i64, Vec<T>> {
        let (parents, rows): (Vec<_>, Vec<_>) =
            rows.into_iter().map(|(parent, row, granted)| (parent, (row, granted))).unzip();
        let mut by_parent: HashMap<i64, Vec<T>> = HashMap::new();
        for (parent, object) in parents.into_iter().zip(Self::list(rows)) {
            by_parent.entry(parent).or_default().push(object);
        }
        by_parent
    }

    /// What `read` gives for the rows of the group; read once for all of them. `name` says what it is (with its
    /// arguments, where it has any): the same name in the same group must mean the same thing.
    ///
    /// # Errors
    /// Whatever `read` failed with, for every row alike.
    pub async fn load<V, F, Fut>(&self, name: impl Into<Cow<'static, str>>, read: F) -> Result<Arc<V>>
    where
        V: Send + Sync + 'static,
        F: FnOnce(Vec<Arc<R>>) -> Fut,
        Fut: Future<Output = Result<V>> + Send,
    {
        let name = name.into();
        let cell = {
            let mut loads = self.group.loads.lock().unwrap_or_else(PoisonError::into_inner);
            Arc::clone(loads.entry(name.clone()).or_default())
        };
        let read = read(self.group.rows.clone());
        let loaded = cell.get_or_init(|| async {
            let value: Arc<dyn Any + Send + Sync> = Arc::new(read.instrument(span::load(&name)).await?);
            Ok(value)
        });
        let value = Arc::clone(loaded.await.as_ref().map_err(Clone::clone)?);
        value.downcast().map_err(|_| Error::internal("two loads of different types share a name"))
    }

    /// This row's part of what `read` gives for the numbers of the group's rows: [`Self::load`] by number.
    pub async fn of_each<V, F, Fut>(&self, name: impl Into<Cow<'static, str>>, read: F) -> Result<Option<V>>
    where
        V: Clone + Send + Sync + 'static,
        F: FnOnce(Vec<i64>) -> Fut,
        Fut: Future<Output = Result<HashMap<i64, V>>> + Send,
    {
        let loaded = self.load(name, |rows| read(rows.iter().map(|row| row.number()).collect()));
        Ok(loaded.await?.get(&self.number()).cloned())
    }

    /// The row of another table that this row refers to by `key`: read once for all that the group refers to.
    pub async fn referred<V, F, Fut>(
        &self,
        name: impl Into<Cow<'static, str>>,
        key: impl Fn(&R) -> Option<i64>,
        read: F,
    ) -> Result<Option<V>>
    where
        V: Clone + Send + Sync + 'static,
        F: FnOnce(Vec<i64>) -> Fut,
        Fut: Future<Output = Result<HashMap<i64, V>>> + Send,
    {
        let Some(own) = key(&self.row) else { return Ok(None) };
        let loaded = self.load(name, |rows| {
            let mut keys: Vec<i64> = rows.iter().filter_map(|row| key(row)).collect();
            keys.sort_unstable();
            keys.dedup();
            read(keys)
        });
        Ok(loaded.await?.get(&own).cloned())
    }
}
