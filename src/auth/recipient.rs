//! Viewers of accounts whose owners are not here: as whom it is decided what they are told.
//!
//! Who is told of something is asked when it is told, by the row scope of their reads, so there has to be a viewer; there is
//! no request and no session. Nothing but notifications uses these.

use std::collections::HashMap;

use super::{Viewer, model::ViewerRow};
use crate::{db::Db, error::Result, read};

/// The viewers of these accounts, by account; one that is not active, or not there, is not among them.
///
/// # Errors
/// When the database fails.
pub async fn viewers(db: &Db, accounts: &[i64]) -> Result<HashMap<i64, Viewer>> {
    let mut rows: HashMap<i64, Vec<ViewerRow>> = HashMap::new();
    for row in read!(db, auth::viewers_of_accounts(accounts))? {
        rows.entry(row.account_id).or_default().push(row);
    }
    let viewer = |(account, rows): (i64, Vec<ViewerRow>)| {
        let viewer = Viewer::from_rows(&rows)?;
        Some((account, Viewer { session_id: None, ..viewer }))
    };
    Ok(rows.into_iter().filter_map(viewer).collect())
}
