//! Notices in the database.

use chrono::NaiveDateTime;
use diesel::{dsl, prelude::*};
use diesel_async::RunQueryDsl;

use super::{Backend, Cx, batches, courses};
use crate::{
    auth::{Reach, Role, Scope},
    db::{
        paging::Page,
        schema::{notice_audiences, notice_reads, notices},
    },
    error::Result,
    keyset, keyset_of_each,
    notices::model::{AudienceKind, AudienceRole, AudienceRow, NoticeFilter, NoticeOrderField, NoticeRow},
};

type Query<'a> = notices::BoxedQuery<'a, Backend>;

/// The notices that each role reaches. `Own` is who published one.
pub fn reach(scope: &Scope) -> Reach<notices::table, Backend> {
    let course = || notice_audiences::course_id.assume_not_null();
    let batch = || notice_audiences::batch_id.assume_not_null();
    let reach = Reach::of(scope)
        .all(Role::Admin)
        .when(Role::Hod, |viewer| {
            let students = batches::joined(&viewer.only(Role::Hod));
            let course = course().eq_any(courses::headed(viewer));
            dsl::exists(audience().filter(holders(AudienceRole::Hod).or(course).or(batch().eq_any(students))))
        })
        .when(Role::Admission, |_| dsl::exists(audience().filter(holders(AudienceRole::Admission))))
        .when(Role::Staff, |viewer| {
            let students = batches::joined(&viewer.only(Role::Staff));
            let course = course().eq_any(courses::taught(viewer));
            dsl::exists(audience().filter(holders(AudienceRole::Staff).or(course).or(batch().eq_any(students))))
        })
        .when(Role::Student, |viewer| {
            let viewer = viewer.only(Role::Student);
            let course = course().eq_any(courses::attended(&viewer));
            let batch = batch().eq_any(batches::joined(&viewer));
            dsl::exists(audience().filter(holders(AudienceRole::Student).or(course).or(batch)))
        })
        .when(Role::Parent, |viewer| {
            let viewer = viewer.only(Role::Parent);
            let course = course().eq_any(courses::attended(&viewer));
            let batch = batch().eq_any(batches::joined(&viewer));
            dsl::exists(audience().filter(holders(AudienceRole::Parent).or(course).or(batch)))
        })
        .provided(notices::withdrawn_at.is_null());
    // Who is no staff has published nothing.
    if scope.staff() == 0 {
        return reach;
    }
    reach.when(Role::Own, |viewer| notices::published_by.assume_not_null().eq(viewer.staff()))
}

/// The audience of the notice at hand.
#[dsl::auto_type]
fn audience() -> _ {
    notice_audiences::table.filter(notice_audiences::notice_id.eq(notices::id))
}

/// A group of an audience that is everybody, or those who hold a role.
#[dsl::auto_type]
pub fn holders(role: AudienceRole) -> _ {
    let everybody: AudienceKind = AudienceKind::Everybody;
    notice_audiences::kind.eq(everybody).or(notice_audiences::role.assume_not_null().eq(role))
}

/// What the viewer has read.
#[dsl::auto_type]
fn read(scope: &Scope) -> _ {
    let account: i64 = scope.account();
    notice_reads::table.filter(notice_reads::account_id.eq(account)).select(notice_reads::notice_id)
}

fn listed<'a>(scope: &Scope, filter: &NoticeFilter) -> Query<'a> {
    let mut rows = notices::table.filter(reach(scope).filter()).into_boxed();
    if let Some(from) = filter.from {
        rows = rows.filter(notices::published_at.ge(from.naive_utc()));
    }
    if let Some(to) = filter.to {
        rows = rows.filter(notices::published_at.lt(to.naive_utc()));
    }
    rows = match filter.unread {
        Some(true) => rows.filter(notices::id.ne_all(read(scope))),
        Some(false) => rows.filter(notices::id.eq_any(read(scope))),
        None => rows,
    };
    if filter.withdrawn {
        rows.filter(notices::withdrawn_at.is_not_null())
    } else {
        rows.filter(notices::withdrawn_at.is_null())
    }
}

/// A page of the notices in scope.
pub async fn page(
    cx: &mut Cx,
    scope: &Scope,
    filter: &NoticeFilter,
    order: NoticeOrderField,
    page: &Page,
) -> Result<Vec<(NoticeRow, i32)>> {
    let rows = listed(scope, filter);
    let rows = match order {
        NoticeOrderField::PublishedAt => keyset!(rows, page, notices::published_at, notices::id, NaiveDateTime),
    };
    Ok(rows.select((NoticeRow::as_select(), reach(scope).granted())).load(cx).await?)
}

/// How many notices there are in scope.
pub async fn count(cx: &mut Cx, scope: &Scope, filter: &NoticeFilter) -> Result<i64> {
    Ok(listed(scope, filter).count().get_result(cx).await?)
}

/// Notices by number.
pub async fn by_ids(cx: &mut Cx, scope: &Scope, ids: &[i64]) -> Result<Vec<(NoticeRow, i32)>> {
    let rows = notices::table
        .filter(notices::id.eq_any(ids))
        .filter(reach(scope).filter())
        .select((NoticeRow::as_select(), reach(scope).granted()))
        .load(cx)
        .await?;
    Ok(rows)
}

/// The audience of each notice in scope, reached by the roles that the notice was reached by.
pub async fn audiences(
    cx: &mut Cx,
    scope: &Scope,
    notices: &[i64],
    page: &Page,
) -> Result<Vec<(i64, AudienceRow, i32)>> {
    let rows = notice_audiences::table
        .inner_join(notices::table)
        .filter(notice_audiences::notice_id.eq_any(notices))
        .filter(reach(scope).filter())
        .into_boxed();
    keyset_of_each!(
        cx,
        rows,
        page,
        notice_audiences::id,
        notice_audiences::id,
        i64,
        notice_audiences::notice_id,
        AudienceRow::as_select(),
        reach(scope).granted()
    )
}

/// When the viewer, and nobody else, read each notice.
pub async fn reads(cx: &mut Cx, scope: &Scope, notices: &[i64]) -> Result<Vec<(i64, NaiveDateTime)>> {
    let reads = notice_reads::table
        .filter(notice_reads::account_id.eq(scope.account()))
        .filter(notice_reads::notice_id.eq_any(notices))
        .select((notice_reads::notice_id, notice_reads::read_at))
        .load(cx)
        .await?;
    Ok(reads)
}
