//! Keyset paging: a page is the rows after (or before) a position, never rows that are counted off.

use serde::de::DeserializeOwned;

use crate::error::{Error, Result};

/// Which rows of an ordered list to read.
#[derive(Clone, Debug)]
pub struct Page {
    /// Rows wanted; one more is read to know whether there are others.
    pub limit: i64,
    /// From the end of the list (`last`, `before`).
    pub backward: bool,
    /// The list is ordered downwards.
    pub descending: bool,
    /// The row to begin after: its key in the order, and its number. As JSON, from a cursor whose seal was checked.
    pub position: Option<(serde_json::Value, i64)>,
}

impl Page {
    /// The first `limit` rows, upwards.
    #[must_use]
    pub fn first(limit: i64) -> Self {
        Self { limit, backward: false, descending: false, position: None }
    }

    /// Whether to read upwards: an ascending list forward, or a descending one backward.
    #[must_use]
    pub fn ascending(&self) -> bool {
        self.descending == self.backward
    }

    /// Rows to read: the page and one more.
    #[must_use]
    pub fn rows(&self) -> i64 {
        self.limit + 1
    }

    /// The position with its key as the type of the column that the list is ordered by.
    ///
    /// # Errors
    /// When the key is of another type: a cursor of another order.
    pub fn position<K: DeserializeOwned>(&self) -> Result<Option<(K, i64)>> {
        self.position
            .as_ref()
            .map(|(key, id)| Ok((serde_json::from_value(key.clone()).map_err(|_| Error::bad_cursor())?, *id)))
            .transpose()
    }
}

/// Orders a boxed query by a column (of Rust type `$key`) and the row's number, and cuts it to a [`Page`].
#[macro_export]
macro_rules! keyset {
    ($query:expr, $page:expr, $column:expr, $id:expr, $key:ty) => {{
        let mut query = $query;
        let page: &$crate::db::paging::Page = $page;
        let position = page.position::<$key>()?;
        // `column >= key` is implied by the rest, and lets the index begin at the key.
        if page.ascending() {
            if let Some((key, id)) = position {
                query = query.filter($column.ge(key.clone()).and($column.gt(key).or($id.gt(id))));
            }
            query.order(($column.asc(), $id.asc())).limit(page.rows())
        } else {
            if let Some((key, id)) = position {
                query = query.filter($column.le(key.clone()).and($column.lt(key).or($id.lt(id))));
            }
            query.order(($column.desc(), $id.desc())).limit(page.rows())
        }
    }};
}

/// Loads a [`Page`] of each parent in one statement: rows of `($parent, $row, granted)`, from a boxed query.
#[macro_export]
macro_rules! keyset_of_each {
    ($cx:expr, $query:expr, $page:expr, $column:expr, $id:expr, $key:ty, $parent:expr, $row:expr, $granted:expr) => {{
        let mut query = $query;
        let page: &$crate::db::paging::Page = $page;
        let position = page.position::<$key>()?;
        let number = diesel::dsl::row_number().partition_by($parent);
        let rows: Vec<(i64, _, i32, i64)> = if page.ascending() {
            if let Some((key, id)) = position {
                query = query.filter($column.ge(key.clone()).and($column.gt(key).or($id.gt(id))));
            }
            let number = $crate::db::expressions::Position(number.window_order(($column.asc(), $id.asc())));
            let query = query.select(($parent, $row, $granted, number));
            $crate::db::expressions::first_of_each(query, page.rows()).load($cx).await?
        } else {
            if let Some((key, id)) = position {
                query = query.filter($column.le(key.clone()).and($column.lt(key).or($id.lt(id))));
            }
            let number = $crate::db::expressions::Position(number.window_order(($column.desc(), $id.desc())));
            let query = query.select(($parent, $row, $granted, number));
            $crate::db::expressions::first_of_each(query, page.rows()).load($cx).await?
        };
        Ok(rows.into_iter().map(|(parent, row, granted, _)| (parent, row, granted)).collect())
    }};
}
