//! Mutations of exports.

use async_graphql::{Context, ID, InputObject, Object};

use super::{
    api::{EXPORTING, Export},
    model::NewExport,
};
use crate::{
    auth::sets::PEOPLE,
    change,
    change::{Act, Problems},
    error::Result,
    graphql::{Call, Date, auth, root, stated},
    ids::Kind,
    payload,
};

/// What is to be exported.
#[derive(InputObject)]
pub struct ExportAttendanceInput {
    /// The course whose students' attendance it is.
    course_id: ID,
    /// The first day.
    first_day: Date,
    /// The last day: 366 days at most in all.
    last_day: Date,
    /// The client's own name for this mutation: sent again with the same input, it is done once.
    client_mutation_id: Option<String>,
}

payload! {
    /// The export that was asked for.
    ExportAttendancePayload {
        /// The export, which is being made.
        export: Export,
    }
}

/// The exports' part of the mutation root.
#[derive(Default)]
pub struct ExportMutation;

#[Object(guard = "root(\"Mutation\")")]
impl ExportMutation {
    /// Asks for the attendance of a course's students over some days. It is made in the background, and who asked is notified
    /// when it is ready. ADMIN asks for any course, an HOD for those that they head. Five at a time.
    #[graphql(directive = auth::apply(EXPORTING))]
    async fn export_attendance(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What to export.")] input: ExportAttendanceInput,
    ) -> Result<Option<ExportAttendancePayload>> {
        let call = Call::of(ctx);
        let act = Act::of(ctx, input.client_mutation_id).await?;
        let course = call.number(Kind::Course, &input.course_id);
        let new = NewExport { course, first_day: input.first_day.0, last_day: input.last_day.0 };
        let done = change!(call, &act, exports_write::ask(&new, Problems::default()));
        ExportAttendancePayload::of(done, |ids| Export::by_ids(call, ids)).await
    }
}
