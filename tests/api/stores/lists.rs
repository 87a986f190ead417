//! The lists of the roots, their counts, and rows by number, asked of the stores themselves: the roots are guarded as well,
//! and must not be what keeps a list to its scope.

use rollcall::{
    access::model::AccessQuery,
    api_keys::model::ApiKeyFilter,
    attendance::model::{AttendanceSessionOrderField, SessionQuery},
    audit::model::AuditQuery,
    batches::model::{BatchFilter, BatchOrderField},
    courses::model::{CourseFilter, CourseOrderField},
    feedback::model::{
        InstituteFeedbackFilter, InstituteFeedbackOrderField, TeacherFeedbackOrderField, TeacherFeedbackQuery,
    },
    jobs::model::{JobFilter, JobOrderField},
    leave::model::{LeaveRequestOrderField, LeaveRequestQuery},
    meetings::model::{MeetingOrderField, MeetingQuery},
    notices::model::{NoticeFilter, NoticeOrderField},
    notifications::model::NotificationFilter,
    parents::model::{ParentFilter, ParentOrderField},
    progress::model::{CourseTrackingOrderField, CourseTrackingQuery},
    routines::model::{RoutineOrderField, RoutineQuery},
    staff::model::{StaffFilter, StaffOrderField},
    students::model::{StudentOrderField, StudentQuery},
    subjects::model::{SubjectOrderField, SubjectQuery},
};

use super::*;

impl Reader<'_> {
    /// That rows are those that the viewer reaches, each by no other roles than the rule has.
    #[track_caller]
    fn listed<R: Row>(&self, what: &str, type_name: &str, rows: &[(R, i32)]) {
        self.within(what, type_name, rows.iter().map(|(row, _)| row.number()));
        for (row, granted) in rows {
            self.as_granted(what, type_name, row.number(), *granted);
        }
    }

    /// That of the rows asked for by number those are found that the viewer reaches, by the very roles that the rule has.
    #[track_caller]
    fn exactly<R: Row>(&self, what: &str, type_name: &str, asked: &[i64], rows: &[(R, i32)]) {
        let found: HashMap<i64, i32> = rows.iter().map(|(row, granted)| (row.number(), *granted)).collect();
        for number in asked {
            let (found, rule) = (found.get(number), self.reached[type_name].get(number));
            let names = |bits: Option<&i32>| bits.map(|bits| RoleSet::from_bits(*bits).iter().collect::<Vec<_>>());
            assert_eq!(names(found), names(rule), "{} {what}: {type_name} {number}", self.viewer.name);
        }
    }
}

/// Reads a list, its count, and the rows of its type by all numbers that there are.
macro_rules! list {
    ($reader:expr, $type_name:literal: $store:ident :: $page:ident ( $($asked:expr),* ), $count:ident ( $($counted:expr),* ), $by_ids:ident) => {{
        let rows = read!($reader, $store::$page($($asked,)* &EVERYTHING));
        $reader.listed(concat!(stringify!($store), "::", stringify!($page)), $type_name, &rows);
        let count = read!($reader, $store::$count($($counted),*));
        assert_eq!(usize::try_from(count).unwrap(), rows.len(), "{}: {}", $reader.viewer.name, stringify!($store::$count));
        let all = $reader.all($type_name).await;
        let found = read!($reader, $store::$by_ids(&all));
        $reader.exactly(concat!(stringify!($store), "::", stringify!($by_ids)), $type_name, &all, &found);
    }};
}

async fn of_people(reader: &Reader<'_>) {
    let query = StudentQuery::default();
    list!(reader, "Student": students::page(&query, StudentOrderField::Name), count(&query), by_ids);
    let filter = ParentFilter::default();
    list!(reader, "Parent": parents::page(&filter, ParentOrderField::Name), count(&filter), by_ids);
    let filter = StaffFilter::default();
    list!(reader, "Staff": staff::page(&filter, StaffOrderField::Name), count(&filter), by_ids);
    let accounts = reader.all("Account").await;
    reader.exactly("auth::by_ids", "Account", &accounts, &read!(reader, auth::by_ids(&accounts)));
    reader.listed("parents::by_accounts", "Parent", &read!(reader, parents::by_accounts(&accounts)));
}

async fn of_academics(reader: &Reader<'_>) {
    let filter = BatchFilter::default();
    list!(reader, "Batch": batches::page(&filter, BatchOrderField::Name), count(&filter), by_ids);
    let filter = CourseFilter::default();
    list!(reader, "Course": courses::page(&filter, CourseOrderField::Name), count(&filter), by_ids);
    reader.within("courses::all", "Course", read!(reader, courses::all()).iter().map(Row::number));
    let query = SubjectQuery::default();
    list!(reader, "Subject": subjects::page(&query, SubjectOrderField::Name), count(&query), by_ids);
    let files = reader.all("StudyFile").await;
    reader.exactly("subjects::files_by_ids", "StudyFile", &files, &read!(reader, subjects::files_by_ids(&files)));
    for active in [true, false] {
        let query = RoutineQuery { course: None, period: None, teacher: None, weekday: None, date: None, active };
        list!(reader, "Routine": routines::page(&query, RoutineOrderField::StartsAt), count(&query), by_ids);
    }
    let query = SessionQuery::default();
    list!(reader, "AttendanceSession": attendance::page(&query, AttendanceSessionOrderField::Date), count(&query), by_ids);
    let records = reader.all("AttendanceRecord").await;
    reader.exactly(
        "attendance::records_by_ids",
        "AttendanceRecord",
        &records,
        &read!(reader, attendance::records_by_ids(&records)),
    );
    let query = CourseTrackingQuery::default();
    list!(
        reader, "CourseTracking":
        progress::page(&query, CourseTrackingOrderField::Entry), count(&query), tracking_by_ids
    );
    let progress = reader.all("SubjectProgress").await;
    reader.exactly(
        "progress::subject_by_ids",
        "SubjectProgress",
        &progress,
        &read!(reader, progress::subject_by_ids(&progress)),
    );
}

async fn of_school_life(reader: &Reader<'_>) {
    let query = MeetingQuery::default();
    list!(reader, "Meeting": meetings::page(&query, MeetingOrderField::StartsAt), count(&query), by_ids);
    let query = LeaveRequestQuery::default();
    list!(reader, "LeaveRequest": leave::page(&query, LeaveRequestOrderField::FirstDay), count(&query), by_ids);
    let filter = NoticeFilter::default();
    list!(reader, "Notice": notices::page(&filter, NoticeOrderField::PublishedAt), count(&filter), by_ids);
    let query = TeacherFeedbackQuery::default();
    let order = TeacherFeedbackOrderField::Entry;
    list!(
        reader, "TeacherFeedback":
        feedback::page_teacher(&query, order), count_teacher(&query, order), teacher_by_ids
    );
    let filter = InstituteFeedbackFilter::default();
    list!(
        reader, "InstituteFeedback":
        feedback::page_institute(&filter, InstituteFeedbackOrderField::Entry), count_institute(&filter), institute_by_ids
    );
}

async fn of_the_administration(reader: &Reader<'_>) {
    let query = AuditQuery::default();
    list!(reader, "AuditEntry": audit::page(&query), count(&query), by_ids);
    let query = AccessQuery::default();
    list!(reader, "AccessEntry": access::page(&query), count(&query), by_ids);
    let entries = reader.all("AccessEntry").await;
    reader.within("access::subjects", "AccessEntry", numbers(&read!(reader, access::subjects(&entries))));
    let (filter, now) = (ApiKeyFilter::default(), reader.app.clock.now());
    list!(reader, "ApiKey": api_keys::page(filter, now), count(filter, now), by_ids);
    let filter = JobFilter::default();
    list!(reader, "Job": jobs::page(filter, JobOrderField::Entry), count(filter), by_ids);
    let (sessions, in_force) = (reader.all("Session").await, reader.app.api.services().sessions.in_force());
    reader.exactly("sessions::by_ids", "Session", &sessions, &read!(reader, sessions::by_ids(&sessions, in_force)));
    let accounts = reader.all("Account").await;
    let of_accounts = read!(reader, sessions::of_accounts(&accounts, in_force, &EVERYTHING));
    reader.granted("sessions::of_accounts", "Session", &of_accounts);
    let counts = read!(reader, sessions::count_of_accounts(&accounts, in_force));
    counted("sessions::count_of_accounts", &of_accounts, &counts);
    let keys = reader.all("ApiKey").await;
    reader.within("api_keys::in_force", "ApiKey", read!(reader, api_keys::in_force(&keys, now)));
}

async fn of_exports(reader: &Reader<'_>) {
    list!(reader, "Export": exports::page(), count(), by_ids);
    let found = reader.all("Export").await;
    let contents = read!(reader, exports::contents(&found));
    reader.within("exports::contents", "Export", contents.into_iter().map(|(export, _)| export));
    for course in reader.all("Course").await {
        let students = read!(reader, exports::students(course));
        reader.within("exports::students", "Student", students.into_iter().map(|(student, _)| student));
        let day = |year| NaiveDate::from_ymd_opt(year, 1, 1).unwrap();
        let days = (day(2000), day(2100));
        let attended = read!(reader, exports::attended(course, days));
        reader.within("exports::attended", "Student", attended.into_iter().map(|(student, ..)| student));
    }
}

async fn of_inboxes(reader: &Reader<'_>) {
    let filter = NotificationFilter::default();
    list!(reader, "Notification": notifications::page(&filter), count(&filter), by_ids);
    let devices = reader.all("Device").await;
    let found = read!(reader, notifications::devices_by_ids(&devices));
    reader.exactly("notifications::devices_by_ids", "Device", &devices, &found);
    reader.listed("notifications::devices", "Device", &read!(reader, notifications::devices()));
}

/// All lists that there are.
pub async fn all(reader: &Reader<'_>) {
    of_people(reader).await;
    of_academics(reader).await;
    of_school_life(reader).await;
    of_the_administration(reader).await;
    of_inboxes(reader).await;
    of_exports(reader).await;
}
