//! Insertion of demonstration data. Nothing of it is read here, so it takes no scope.

use diesel::{QueryDsl, sql_query, sql_types::Text};
use diesel_async::{AsyncConnection, RunQueryDsl, SimpleAsyncConnection};

use super::{Cx, demo_bulk as bulk, dialect};
use crate::{
    db::schema::{
        accounts, attendance_corrections, attendance_sessions, batch_courses, batch_students, batches,
        course_trackings, courses, institute, institute_feedback, leave_requests, meeting_parents, meeting_students,
        meetings, notice_audiences, notice_reads, notices, parent_students, parents, routines, staff, staff_roles,
        students, study_files, subject_progress, subjects, teacher_feedback,
    },
    demo::{Summary, data::Data},
    error::Result,
};

/// Told how many rows of how many are written.
type Progress<'a> = &'a (dyn Fn(u64, u64) + Send + Sync);

/// Columns of the widest table.
const WIDEST: usize = 17;
const RECORD_COLUMNS: usize = 6;

/// Whether there is an institute in the database, or anybody.
pub(crate) async fn is_taken(cx: &mut Cx) -> Result<bool> {
    let institutes: i64 = institute::table.count().get_result(cx).await?;
    let accounts: i64 = accounts::table.count().get_result(cx).await?;
    Ok(institutes + accounts > 0)
}

/// Writes everything, or nothing.
pub(crate) async fn fill(cx: &mut Cx, data: Data, progress: Progress<'_>) -> Result<Summary> {
    let summary = cx.transaction(async move |cx| Writer::new(cx, &data, progress).all(data).await).await?;
    bulk::settle(cx).await?;
    Ok(summary)
}

/// Statements that take something off a table and put it back.
#[derive(diesel::QueryableByName)]
struct Aside {
    #[diesel(sql_type = Text)]
    away: String,
    #[diesel(sql_type = Text)]
    back: String,
}

struct Writer<'a> {
    cx: &'a mut Cx,
    progress: Progress<'a>,
    written: u64,
    total: u64,
    summary: Summary,
}

impl<'a> Writer<'a> {
    fn new(cx: &'a mut Cx, data: &Data, progress: Progress<'a>) -> Self {
        Self { cx, progress, written: 0, total: data.rows(), summary: Summary::default() }
    }

    /// In the order of the foreign keys.
    async fn all(mut self, mut data: Data) -> Result<Summary> {
        self.cx.batch_execute(bulk::BEGIN).await?;
        self.people(&mut data).await?;
        self.academics(&mut data).await?;
        self.table("attendance_sessions", data.sessions.clone(), |rows| {
            diesel::insert_into(attendance_sessions::table).values(rows)
        })
        .await?;
        self.records(&data).await?;
        self.table("attendance_corrections", data.corrections, |rows| {
            diesel::insert_into(attendance_corrections::table).values(rows)
        })
        .await?;
        self.table("meetings", data.meetings, |rows| diesel::insert_into(meetings::table).values(rows)).await?;
        self.table("meeting_parents", data.meeting_parents, |rows| {
            diesel::insert_into(meeting_parents::table).values(rows)
        })
        .await?;
        self.table("meeting_students", data.meeting_students, |rows| {
            diesel::insert_into(meeting_students::table).values(rows)
        })
        .await?;
        self.table("leave_requests", data.leave, |rows| diesel::insert_into(leave_requests::table).values(rows))
            .await?;
        self.table("teacher_feedback", data.teacher_feedback, |rows| {
            diesel::insert_into(teacher_feedback::table).values(rows)
        })
        .await?;
        self.table("institute_feedback", data.institute_feedback, |rows| {
            diesel::insert_into(institute_feedback::table).values(rows)
        })
        .await?;
        self.table("notices", data.notices, |rows| diesel::insert_into(notices::table).values(rows)).await?;
        self.table("notice_audiences", data.audiences, |rows| {
            diesel::insert_into(notice_audiences::table).values(rows)
        })
        .await?;
        self.table("notice_reads", data.reads, |rows| diesel::insert_into(notice_reads::table).values(rows)).await?;
        self.table("course_trackings", data.trackings, |rows| {
            diesel::insert_into(course_trackings::table).values(rows)
        })
        .await?;
        self.table("subject_progress", data.progress, |rows| diesel::insert_into(subject_progress::table).values(rows))
            .await?;
        self.cx.batch_execute(bulk::FINISH).await?;
        Ok(self.summary)
    }

    async fn people(&mut self, data: &mut Data) -> Result<()> {
        use std::mem::take;
        self.table("institute", take(&mut data.institute), |rows| diesel::insert_into(institute::table).values(rows))
            .await?;
        self.table("accounts", take(&mut data.accounts), |rows| diesel::insert_into(accounts::table).values(rows))
            .await?;
        self.table("staff", take(&mut data.staff), |rows| diesel::insert_into(staff::table).values(rows)).await?;
        self.table("staff_roles", take(&mut data.roles), |rows| diesel::insert_into(staff_roles::table).values(rows))
            .await?;
        self.table("courses", take(&mut data.courses), |rows| diesel::insert_into(courses::table).values(rows)).await?;
        self.table("students", take(&mut data.students), |rows| diesel::insert_into(students::table).values(rows))
            .await?;
        self.table("parents", take(&mut data.parents), |rows| diesel::insert_into(parents::table).values(rows)).await?;
        self.table("parent_students", take(&mut data.parent_students), |rows| {
            diesel::insert_into(parent_students::table).values(rows)
        })
        .await
    }

    async fn academics(&mut self, data: &mut Data) -> Result<()> {
        use std::mem::take;
        self.table("batches", take(&mut data.batches), |rows| diesel::insert_into(batches::table).values(rows)).await?;
        self.table("batch_courses", take(&mut data.batch_courses), |rows| {
            diesel::insert_into(batch_courses::table).values(rows)
        })
        .await?;
        self.table("batch_students", take(&mut data.batch_students), |rows| {
            diesel::insert_into(batch_students::table).values(rows)
        })
        .await?;
        self.table("subjects", take(&mut data.subjects), |rows| diesel::insert_into(subjects::table).values(rows))
            .await?;
        self.table("study_files", take(&mut data.study_files), |rows| {
            diesel::insert_into(study_files::table).values(rows)
        })
        .await?;
        self.table("routines", take(&mut data.routines), |rows| diesel::insert_into(routines::table).values(rows)).await
    }

    /// Inserts the rows of a table, as many in a statement as it takes.
    async fn table<R, S>(
        &mut self,
        name: &'static str,
        rows: Vec<R>,
        statement: impl Fn(Vec<R>) -> S + Send,
    ) -> Result<()>
    where
        R: Send,
        S: bulk::Batch,
    {
        let before = self.written;
        let mut rows = rows.into_iter();
        loop {
            let chunk: Vec<R> = rows.by_ref().take(dialect::rows_per_insert(WIDEST)).collect();
            if chunk.is_empty() {
                break;
            }
            let rows = chunk.len() as u64;
            dialect::execute_batch(self.cx, statement(chunk)).await?;
            self.tell(rows);
        }
        self.summary.rows.push((name, self.written - before));
        Ok(())
    }

    /// The records of attendance, which are never in memory all at once.
    async fn records(&mut self, data: &Data) -> Result<()> {
        let aside: Vec<Aside> = sql_query(bulk::SET_ASIDE).load(self.cx).await?;
        for Aside { away, .. } in &aside {
            self.cx.batch_execute(away).await?;
        }
        let before = self.written;
        let mut records = data.records();
        loop {
            let chunk: Vec<_> = records.by_ref().take(dialect::rows_per_insert(RECORD_COLUMNS)).collect();
            if chunk.is_empty() {
                break;
            }
            let rows = chunk.len() as u64;
            bulk::records(self.cx, chunk).await?;
            self.tell(rows);
        }
        for Aside { back, .. } in &aside {
            self.cx.batch_execute(back).await?;
        }
        self.summary.rows.push(("attendance_records", self.written - before));
        Ok(())
    }

    fn tell(&mut self, rows: u64) {
        self.written += rows;
        (self.progress)(self.written, self.total);
    }
}
