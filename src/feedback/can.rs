//! What the viewer can do with feedback: its author reaches it by a role that may take it back, and nobody else does.

use async_graphql::{Context, Object};

use super::model::{InstituteFeedbackRow, TeacherFeedbackRow};
use crate::{
    actions,
    auth::sets::{PEOPLE, TEACHING},
    change::reached,
    graphql::{auth, stated},
};

actions! {
    /// What the viewer can do with feedback on a teacher. True: the mutation would not be refused for who the viewer is.
    TeacherFeedbackActions(TeacherFeedbackRow)
}

#[Object(use_type_description, guard = "stated(self)")]
impl TeacherFeedbackActions {
    /// Take it back: `withdrawTeacherFeedback`.
    #[graphql(directive = auth::apply(TEACHING))]
    async fn withdraw(&self, ctx: &Context<'_>) -> bool {
        self.0.allows(ctx, "withdrawTeacherFeedback", reached)
    }
}

actions! {
    /// What the viewer can do with feedback on the institute. True: the mutation would not be refused for who the viewer is.
    InstituteFeedbackActions(InstituteFeedbackRow)
}

#[Object(use_type_description, guard = "stated(self)")]
impl InstituteFeedbackActions {
    /// Take it back: `withdrawInstituteFeedback`.
    #[graphql(directive = auth::apply(PEOPLE))]
    async fn withdraw(&self, ctx: &Context<'_>) -> bool {
        self.0.allows(ctx, "withdrawInstituteFeedback", reached)
    }
}
