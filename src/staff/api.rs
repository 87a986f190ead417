//! Staff in the schema.

use std::collections::HashMap;

use async_graphql::{Context, Description, ID, Object};
use chrono::{DateTime, Utc};

use super::{
    can::StaffActions,
    model::{StaffAccount, StaffFilter, StaffOrder, StaffOrderField, StaffRow},
};
use crate::{
    access::model::BULK,
    auth::{
        Role::{self, *},
        RoleSet,
        api::Account,
        model::StaffRole,
        sets::PEOPLE,
    },
    clock::utc,
    courses::api::Course,
    error::Result,
    feedback::api::{FeedbackSummary, SUMMARY, TeacherFeedback},
    graphql::{
        Call, Connection, Date, Direction, Listed, Loaded, MAX_LIST, Paging, Stated, audited, auth, root, stated,
        wants_total,
    },
    ids::Kind,
    leave::api::LeaveRequest,
    meetings::api::Meeting,
    people::{Gender, MaritalStatus},
    read,
    routines::api::Routine,
    subjects::api::Subject,
};

/// Ways to reach them: for themselves and the HOD of a course they teach.
const CONTACT: RoleSet = RoleSet::of(&[Admin, Hod, Own]);
/// What they do at the institute, beyond teaching: for themselves and the HOD of a course they teach.
const WORK: RoleSet = RoleSet::of(&[Admin, Hod, Own]);
/// What is beyond the public card.
const PERSONAL: RoleSet = RoleSet::of(&[Admin, Own]);
/// What colleagues know.
const COLLEAGUES: RoleSet = RoleSet::of(&[Admin, Hod, Admission, Role::Staff, Own]);

/// A staff member.
#[derive(Clone, Description)]
pub struct Staff(Loaded<StaffRow>);

impl Stated for Staff {
    fn granted(&self) -> Option<RoleSet> {
        Some(self.0.granted())
    }

    fn number(&self) -> Option<i64> {
        Some(self.0.id)
    }
}

impl Listed for Staff {
    const CONNECTION: &'static str = "StaffConnection";
    const EDGE: &'static str = "StaffEdge";
}

#[Object(use_type_description, guard = "stated(self)")]
impl Staff {
    /// Global id.
    #[graphql(directive = auth::apply(PEOPLE))]
    pub async fn id(&self, ctx: &Context<'_>) -> ID {
        Call::of(ctx).id(Kind::Staff, self.0.id)
    }

    /// Full name.
    #[graphql(directive = auth::apply(PEOPLE))]
    async fn name(&self) -> &str {
        &self.0.name
    }

    /// Address of the photo.
    #[graphql(directive = auth::apply(PEOPLE))]
    async fn photo_url(&self) -> Option<&str> {
        self.0.photo_url.as_deref()
    }

    /// What they are called at the institute, such as "Senior lecturer".
    #[graphql(directive = auth::apply(PEOPLE))]
    async fn designation(&self) -> Option<&str> {
        self.0.designation.as_deref()
    }

    /// The subjects they teach by the present timetable, of those that the viewer reaches, by name: 100 at most.
    #[graphql(directive = auth::apply(PEOPLE))]
    async fn subjects(&self, ctx: &Context<'_>) -> Result<Option<Vec<Subject>>> {
        let call = Call::of(ctx);
        let subjects = self.0.of_each("subjects", |ids| async move {
            Ok(Loaded::by_parent(read!(call.db(), subjects::of_teachers(call.scope(), &ids, &MAX_LIST))?))
        });
        Ok(Some(subjects.await?.unwrap_or_default()))
    }

    /// Their slots in the present timetable, of those that the viewer reaches, by the hour they start at: 100 at most.
    #[graphql(directive = auth::apply(PEOPLE))]
    async fn routines(&self, ctx: &Context<'_>) -> Result<Option<Vec<Routine>>> {
        let call = Call::of(ctx);
        let routines = self.0.of_each("routines", |ids| async move {
            Ok(Loaded::by_parent(read!(call.db(), routines::of_teachers(call.scope(), &ids, &MAX_LIST))?))
        });
        Ok(Some(routines.await?.unwrap_or_default()))
    }

    /// The courses they head, by name: 100 at most.
    #[graphql(directive = auth::apply(COLLEAGUES))]
    async fn headed_courses(&self, ctx: &Context<'_>) -> Result<Option<Vec<Course>>> {
        let call = Call::of(ctx);
        let courses = self.0.of_each("headed courses", |ids| async move {
            Ok(Loaded::by_parent(read!(call.db(), courses::of_heads(call.scope(), &ids, &MAX_LIST))?))
        });
        Ok(Some(courses.await?.unwrap_or_default()))
    }

    /// Phone number, E.164.
    #[graphql(directive = auth::apply(CONTACT), directive = audited::apply(BULK))]
    async fn phone(&self, ctx: &Context<'_>) -> Result<Option<String>> {
        Ok(self.contact(ctx).await?.and_then(|account| account.phone))
    }

    /// E-mail address.
    #[graphql(directive = auth::apply(CONTACT), directive = audited::apply(BULK))]
    async fn email(&self, ctx: &Context<'_>) -> Result<Option<String>> {
        Ok(self.contact(ctx).await?.and_then(|account| account.email))
    }

    /// The roles they hold.
    #[graphql(directive = auth::apply(PERSONAL))]
    async fn roles(&self, ctx: &Context<'_>) -> Result<Option<Vec<StaffRole>>> {
        let call = Call::of(ctx);
        let roles = self.0.of_each("roles", |ids| async move {
            let mut roles: HashMap<i64, Vec<StaffRole>> = HashMap::new();
            for (id, role) in read!(call.db(), staff::roles(call.scope(), &ids))? {
                roles.entry(id).or_default().push(role);
            }
            Ok(roles)
        });
        Ok(Some(roles.await?.unwrap_or_default()))
    }

    /// Gender.
    #[graphql(directive = auth::apply(PERSONAL))]
    async fn gender(&self) -> Option<Gender> {
        self.0.gender
    }

    /// Birth date.
    #[graphql(directive = auth::apply(PERSONAL))]
    async fn birth_date(&self) -> Option<Date> {
        self.0.birth_date.map(Date)
    }

    /// Where they live at present.
    #[graphql(directive = auth::apply(PERSONAL), directive = audited::apply(BULK))]
    async fn temporary_address(&self) -> Option<&str> {
        self.0.temporary_address.as_deref()
    }

    /// Where they are at home.
    #[graphql(directive = auth::apply(PERSONAL), directive = audited::apply(BULK))]
    async fn permanent_address(&self) -> Option<&str> {
        self.0.permanent_address.as_deref()
    }

    /// Marital status.
    #[graphql(directive = auth::apply(PERSONAL))]
    async fn marital_status(&self) -> Option<MaritalStatus> {
        self.0.marital_status
    }

    /// Number of the citizenship certificate.
    #[graphql(directive = auth::apply(PERSONAL), directive = audited::apply(1))]
    async fn citizenship_number(&self) -> Option<&str> {
        self.0.citizenship_number.as_deref()
    }

    /// Number of the passport.
    #[graphql(directive = auth::apply(PERSONAL), directive = audited::apply(1))]
    async fn passport_number(&self) -> Option<&str> {
        self.0.passport_number.as_deref()
    }

    /// Whom to turn to if something happens to them.
    #[graphql(directive = auth::apply(PERSONAL))]
    async fn next_of_kin(&self) -> Option<&str> {
        self.0.next_of_kin.as_deref()
    }

    /// The day they joined the institute.
    #[graphql(directive = auth::apply(PERSONAL))]
    async fn joining_date(&self) -> Option<Date> {
        self.0.joining_date.map(Date)
    }

    /// The meetings they hold that the viewer reaches, newest first.
    #[graphql(directive = auth::apply(WORK))]
    async fn meetings(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The first so many, 1 to 100; 20 where nothing is said.")] first: Option<i32>,
        #[graphql(desc = "Begin after this cursor.")] after: Option<String>,
        #[graphql(desc = "The last so many, 1 to 100.")] last: Option<i32>,
        #[graphql(desc = "End before this cursor.")] before: Option<String>,
    ) -> Result<Option<Connection<Meeting>>> {
        let paging = Paging::read(ctx, (first, after), (last, before), true)?;
        Meeting::of_staff(ctx, &self.0, &paging).await.map(Some)
    }

    /// Their leave requests that the viewer reaches, newest first.
    #[graphql(directive = auth::apply(WORK))]
    async fn leave_requests(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The first so many, 1 to 100; 20 where nothing is said.")] first: Option<i32>,
        #[graphql(desc = "Begin after this cursor.")] after: Option<String>,
        #[graphql(desc = "The last so many, 1 to 100.")] last: Option<i32>,
        #[graphql(desc = "End before this cursor.")] before: Option<String>,
    ) -> Result<Option<Connection<LeaveRequest>>> {
        let paging = Paging::read(ctx, (first, after), (last, before), true)?;
        LeaveRequest::of_staff(ctx, &self.0, &paging).await.map(Some)
    }

    /// What was written about them as a teacher that the viewer reaches, newest month first.
    #[graphql(directive = auth::apply(SUMMARY))]
    async fn feedback(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The first so many, 1 to 100; 20 where nothing is said.")] first: Option<i32>,
        #[graphql(desc = "Begin after this cursor.")] after: Option<String>,
        #[graphql(desc = "The last so many, 1 to 100.")] last: Option<i32>,
        #[graphql(desc = "End before this cursor.")] before: Option<String>,
    ) -> Result<Option<Connection<TeacherFeedback>>> {
        let paging = Paging::read(ctx, (first, after), (last, before), true)?;
        TeacherFeedback::of_teacher(ctx, &self.0, &paging).await.map(Some)
    }

    /// What was written about them as a teacher that the viewer reaches, as a whole.
    #[graphql(directive = auth::apply(SUMMARY))]
    async fn feedback_summary(&self, ctx: &Context<'_>) -> Result<Option<FeedbackSummary>> {
        FeedbackSummary::of(ctx, &self.0).await.map(Some)
    }

    /// Whether their account may sign in.
    #[graphql(directive = auth::apply(WORK))]
    async fn active(&self, ctx: &Context<'_>) -> Result<Option<bool>> {
        Ok(self.contact(ctx).await?.map(|account| account.active))
    }

    /// How often it was changed, and once for its making: an edit gives back what it read.
    #[graphql(directive = auth::apply(WORK))]
    async fn version(&self) -> Option<i32> {
        Some(self.0.version)
    }

    /// What they sign in with.
    #[graphql(directive = auth::apply(PERSONAL))]
    async fn account(&self, ctx: &Context<'_>) -> Result<Option<Account>> {
        let call = Call::of(ctx);
        self.0.referred("account", |row| Some(row.account_id), |ids| Account::by_ids(call, ids)).await
    }

    /// When they were archived; null for everybody who is not.
    #[graphql(directive = auth::apply(RoleSet::of(&[Admin])))]
    async fn archived_at(&self) -> Option<DateTime<Utc>> {
        self.0.archived_at.map(utc)
    }

    /// What the viewer can do with them.
    #[graphql(directive = auth::apply(PEOPLE))]
    async fn viewer_can(&self) -> Option<StaffActions> {
        Some((&self.0).into())
    }
}

impl From<Loaded<StaffRow>> for Staff {
    fn from(row: Loaded<StaffRow>) -> Self {
        Self(row)
    }
}

impl Staff {
    /// Those of the numbered staff that the viewer reaches, by number.
    pub async fn by_ids(call: &Call, ids: Vec<i64>) -> Result<HashMap<i64, Self>> {
        Ok(Loaded::by_number(read!(call.db(), staff::by_ids(call.scope(), &ids))?))
    }

    /// Those that the viewer reaches of the staff whose accounts these are, by account.
    pub async fn by_accounts(call: &Call, accounts: Vec<i64>) -> Result<HashMap<i64, Self>> {
        let rows = read!(call.db(), staff::by_accounts(call.scope(), &accounts))?;
        let accounts: Vec<i64> = rows.iter().map(|(row, _)| row.account_id).collect();
        Ok(accounts.into_iter().zip(Loaded::list(rows)).collect())
    }

    /// The key and number a cursor holds, in an order.
    #[must_use]
    pub fn key(&self, order: StaffOrderField) -> (serde_json::Value, i64) {
        let key = match order {
            StaffOrderField::Name => self.0.name.clone().into(),
            StaffOrderField::Entry => self.0.id.into(),
        };
        (key, self.0.id)
    }

    async fn contact(&self, ctx: &Context<'_>) -> Result<Option<StaffAccount>> {
        let call = Call::of(ctx);
        let read = |ids: Vec<i64>| async move {
            Ok(read!(call.db(), staff::accounts(call.scope(), &ids))?.into_iter().collect::<HashMap<_, _>>())
        };
        self.0.of_each("contact", read).await
    }
}

/// The staff's part of the query root.
#[derive(Default)]
pub struct StaffQuery;

#[Object(guard = "root(\"Query\")")]
impl StaffQuery {
    /// The staff that the viewer reaches.
    #[graphql(directive = auth::apply(PEOPLE))]
    #[expect(clippy::too_many_arguments, reason = "the arguments of a connection")]
    async fn staff(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The first so many, 1 to 100; 20 where nothing is said.")] first: Option<i32>,
        #[graphql(desc = "Begin after this cursor.")] after: Option<String>,
        #[graphql(desc = "The last so many, 1 to 100.")] last: Option<i32>,
        #[graphql(desc = "End before this cursor.")] before: Option<String>,
        #[graphql(desc = "Which staff.")] filter: Option<StaffFilter>,
        #[graphql(desc = "In which order.")] order_by: Option<StaffOrder>,
    ) -> Result<Option<Connection<Staff>>> {
        let call = Call::of(ctx);
        let (filter, order) = (filter.unwrap_or_default(), order_by.unwrap_or_default());
        let paging = Paging::read(ctx, (first, after), (last, before), order.direction == Direction::Desc)?;
        let rows = read!(call.db(), staff::page(call.scope(), &filter, order.field, paging.page()))?;
        let total = if wants_total(ctx) { Some(read!(call.db(), staff::count(call.scope(), &filter))?) } else { None };
        paging.connection(ctx, Loaded::list(rows), |staff: &Staff| staff.key(order.field), total).map(Some)
    }
}
