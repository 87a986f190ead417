//! What the viewer can do that is about no row yet, and who may change what somebody signs in with.

use async_graphql::{Context, Description, Object};

use super::{Role, model::StaffRole, sets::PEOPLE};
use crate::{
    change::Actor,
    graphql::{Stated, auth, stated},
};

/// Who is behind an account, so far as it matters to who would change what it is signed in with.
#[derive(Clone, Debug, Default)]
pub struct Behind {
    /// The roles of its staff member, archived or not.
    pub roles: Vec<StaffRole>,
    /// Whether it is of a student, or of a parent of one, who is in none of the courses that the viewer heads.
    pub answers_for_others: bool,
}

/// Whether somebody may change the e-mail and phone of an account: ADMIN those of everybody; an HOD those of accounts that
/// are no staff but teachers, and behind which there is no student and no child outside of the courses they head;
/// ADMISSION those of accounts that hold no role as staff. Whether the person is theirs to edit is asked before.
#[must_use]
pub fn change_contact(actor: &Actor, behind: &Behind) -> bool {
    let held = actor.held();
    let as_admission = held.has(Role::Admission) && behind.roles.is_empty();
    let as_hod = held.has(Role::Hod)
        && behind.roles.iter().all(|role| *role == StaffRole::Teacher)
        && !behind.answers_for_others;
    held.has(Role::Admin) || as_admission || as_hod
}

/// What the viewer can do that is about no row yet. True: they hold a role of the mutation's statement. What is about a row
/// is told by its own `viewerCan`.
#[derive(Description)]
pub struct ViewerActions;

impl Stated for ViewerActions {}

#[Object(use_type_description, guard = "stated(self)")]
impl ViewerActions {
    /// Admit students: `admitStudent`.
    #[graphql(directive = auth::apply(PEOPLE))]
    async fn admit_student(&self, ctx: &Context<'_>) -> bool {
        Actor::of(ctx, "admitStudent").is_some()
    }

    /// Add staff: `addStaff`.
    #[graphql(directive = auth::apply(PEOPLE))]
    async fn add_staff(&self, ctx: &Context<'_>) -> bool {
        Actor::of(ctx, "addStaff").is_some()
    }

    /// Add courses: `createCourse`.
    #[graphql(directive = auth::apply(PEOPLE))]
    async fn create_course(&self, ctx: &Context<'_>) -> bool {
        Actor::of(ctx, "createCourse").is_some()
    }

    /// Add batches: `createBatch`.
    #[graphql(directive = auth::apply(PEOPLE))]
    async fn create_batch(&self, ctx: &Context<'_>) -> bool {
        Actor::of(ctx, "createBatch").is_some()
    }

    /// Publish notices: `publishNotice`.
    #[graphql(directive = auth::apply(PEOPLE))]
    async fn publish_notice(&self, ctx: &Context<'_>) -> bool {
        Actor::of(ctx, "publishNotice").is_some()
    }

    /// Offer meetings: `offerMeeting`.
    #[graphql(directive = auth::apply(PEOPLE))]
    async fn offer_meeting(&self, ctx: &Context<'_>) -> bool {
        Actor::of(ctx, "offerMeeting").is_some()
    }

    /// Ask for meetings: `requestMeeting`.
    #[graphql(directive = auth::apply(PEOPLE))]
    async fn request_meeting(&self, ctx: &Context<'_>) -> bool {
        Actor::of(ctx, "requestMeeting").is_some()
    }

    /// Say something of teachers: `rateTeacher`.
    #[graphql(directive = auth::apply(PEOPLE))]
    async fn rate_teacher(&self, ctx: &Context<'_>) -> bool {
        Actor::of(ctx, "rateTeacher").is_some()
    }

    /// Say something of the institute: `rateInstitute`.
    #[graphql(directive = auth::apply(PEOPLE))]
    async fn rate_institute(&self, ctx: &Context<'_>) -> bool {
        Actor::of(ctx, "rateInstitute").is_some()
    }

    /// Edit the institute: `editInstitute`.
    #[graphql(directive = auth::apply(PEOPLE))]
    async fn edit_institute(&self, ctx: &Context<'_>) -> bool {
        Actor::of(ctx, "editInstitute").is_some()
    }

    /// Make API keys: `createApiKey`.
    #[graphql(directive = auth::apply(PEOPLE))]
    async fn create_api_key(&self, ctx: &Context<'_>) -> bool {
        Actor::of(ctx, "createApiKey").is_some()
    }

    /// Have jobs that were given up tried again: `requeueJobs`.
    #[graphql(directive = auth::apply(PEOPLE))]
    async fn requeue_jobs(&self, ctx: &Context<'_>) -> bool {
        Actor::of(ctx, "requeueJobs").is_some()
    }

    /// Reset the second factor of others: `resetSecondFactor`.
    #[graphql(directive = auth::apply(PEOPLE))]
    async fn reset_second_factor(&self, ctx: &Context<'_>) -> bool {
        Actor::of(ctx, "resetSecondFactor").is_some()
    }
}
