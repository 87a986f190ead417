//! Mutations of courses.

use async_graphql::{Context, ID, InputObject, MaybeUndefined, Object};

use super::{
    api::Course,
    model::{CourseEdit, DurationType, MAX_YEARS, NewCourse},
};
use crate::{
    auth::{
        Role::{Admin, Admission, Hod},
        RoleSet,
        sets::PEOPLE,
    },
    change,
    change::{Act, Problems, patch},
    error::Result,
    graphql::{Call, UserErrorCode::OutOfRange, auth, root, stated},
    ids::Kind,
    payload,
};

/// Who adds courses.
const ADDING: RoleSet = RoleSet::of(&[Admin, Admission]);
/// Who edits courses; an HOD those that they head.
const EDITING: RoleSet = RoleSet::of(&[Admin, Admission, Hod]);
/// Who says who heads a course.
const APPOINTING: RoleSet = RoleSet::of(&[Admin]);

/// A course to add.
#[derive(InputObject)]
pub struct CreateCourseInput {
    /// Code, unique.
    code: String,
    /// Name.
    name: String,
    /// What the course is about.
    description: Option<String>,
    /// How many years it takes, 1 to 10.
    duration_years: i32,
    /// How its years are divided.
    duration_type: DurationType,
    /// The client's own name for this mutation: sent again with the same input, it is done once.
    client_mutation_id: Option<String>,
}

/// What to change of a course. What is left out stays as it is; null empties it.
#[derive(InputObject)]
pub struct EditCourseInput {
    /// The course.
    id: ID,
    /// The version that was read: if the course has changed since, nothing is written.
    version: i32,
    /// Code, unique.
    code: MaybeUndefined<String>,
    /// Name.
    name: MaybeUndefined<String>,
    /// What the course is about.
    description: MaybeUndefined<String>,
    /// How many years it takes, 1 to 10.
    duration_years: MaybeUndefined<i32>,
    /// How its years are divided.
    duration_type: MaybeUndefined<DurationType>,
    /// Whether the course is offered.
    active: MaybeUndefined<bool>,
    /// The client's own name for this mutation: sent again with the same input, it is done once.
    client_mutation_id: Option<String>,
}

/// Who is to head a course.
#[derive(InputObject)]
pub struct AssignCourseHodInput {
    /// The course.
    course_id: ID,
    /// The version that was read: if the course has changed since, nothing is written.
    version: i32,
    /// A staff member with the role HOD; null where nobody is to head it.
    staff_id: Option<ID>,
    /// The client's own name for this mutation: sent again with the same input, it is done once.
    client_mutation_id: Option<String>,
}

payload! {
    /// The course that was added.
    CreateCoursePayload {
        /// The course.
        course: Course,
    }
}
payload! {
    /// The course that was edited.
    EditCoursePayload {
        /// The course.
        course: Course,
    }
}
payload! {
    /// The course whose head was appointed.
    AssignCourseHodPayload {
        /// The course.
        course: Course,
    }
}

/// The courses' part of the mutation root.
#[derive(Default)]
pub struct CourseMutation;

#[Object(guard = "root(\"Mutation\")")]
impl CourseMutation {
    /// Adds a course.
    #[graphql(directive = auth::apply(ADDING))]
    async fn create_course(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The course.")] input: CreateCourseInput,
    ) -> Result<Option<CreateCoursePayload>> {
        let (call, mut problems) = (Call::of(ctx), Problems::default());
        let course = NewCourse {
            code: problems.line("code", &input.code),
            name: problems.line("name", &input.name),
            description: problems.maybe_text("description", input.description.as_deref()),
            duration_years: years(&mut problems, input.duration_years),
            duration_type: input.duration_type,
        };
        let act = Act::of(ctx, input.client_mutation_id).await?;
        let done = change!(call, &act, courses_write::create(&course, problems.clone()));
        CreateCoursePayload::of(done, |ids| Course::by_ids(call, ids)).await
    }

    /// Edits a course. Periods in which there are subjects or students cannot be taken away.
    #[graphql(directive = auth::apply(EDITING))]
    async fn edit_course(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What to change.")] input: EditCourseInput,
    ) -> Result<Option<EditCoursePayload>> {
        let (call, mut problems) = (Call::of(ctx), Problems::default());
        let edit = CourseEdit {
            code: problems.patch_required("code", input.code, |problems, code| problems.line("code", &code)),
            name: problems.patch_required("name", input.name, |problems, name| problems.line("name", &name)),
            description: patch(input.description, |text| problems.maybe_text("description", Some(&text))),
            duration_years: problems.patch_required("durationYears", input.duration_years, years),
            duration_type: problems.patch_required("durationType", input.duration_type, |_, kind| kind),
            active: problems.patch_required("active", input.active, |_, active| active),
        };
        let act = Act::of(ctx, input.client_mutation_id).await?;
        let target = (call.number(Kind::Course, &input.id), input.version);
        let done = change!(call, &act, courses_write::edit(target, &edit, problems.clone()));
        EditCoursePayload::of(done, |ids| Course::by_ids(call, ids)).await
    }

    /// Says who heads a course, or that nobody does.
    #[graphql(directive = auth::apply(APPOINTING))]
    async fn assign_course_hod(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The course and its head.")] input: AssignCourseHodInput,
    ) -> Result<Option<AssignCourseHodPayload>> {
        let call = Call::of(ctx);
        let act = Act::of(ctx, input.client_mutation_id).await?;
        let target = (call.number(Kind::Course, &input.course_id), input.version);
        let hod = input.staff_id.map(|id| call.number(Kind::Staff, &id));
        let done = change!(call, &act, courses_write::assign_hod(target, hod, Problems::default()));
        AssignCourseHodPayload::of(done, |ids| Course::by_ids(call, ids)).await
    }
}

fn years(problems: &mut Problems, years: i32) -> i32 {
    problems.require((1..=MAX_YEARS).contains(&years), "durationYears", OutOfRange, "a course takes 1 to 10 years");
    years
}
