//! Mutations of feedback.

use async_graphql::{Context, ID, InputObject, Object, SimpleObject};

use super::{
    api::{InstituteFeedback, TeacherFeedback},
    model::{CHANCE, InstituteFeedbackType, InstituteRating, TeacherRating, number},
};
use crate::{
    auth::{
        Role::{Admin, Admission, Hod, Own, Parent, Staff, Student},
        RoleSet,
        sets::PEOPLE,
    },
    change,
    change::{Act, Problems},
    error::Result,
    graphql::{
        Call, Stated, UserError,
        UserErrorCode::{Invalid, OutOfRange},
        auth, root, stated,
    },
    ids::Kind,
    payload,
};

/// Who rates teachers, and takes that back: those who are taught, and their parents.
const TAUGHT: RoleSet = RoleSet::of(&[Student, Parent]);
/// Who rates the institute: everybody who is there.
const THERE: RoleSet = RoleSet::of(&[Admin, Hod, Admission, Staff, Student, Parent]);
/// Who takes back what was said of the institute: its author.
const AUTHOR: RoleSet = RoleSet::of(&[Own]);

/// What somebody says of a teacher.
#[derive(InputObject)]
pub struct RateTeacherInput {
    /// A teacher who teaches the student now.
    teacher_id: ID,
    /// For a parent: which child of theirs the teacher teaches. A student leaves it out.
    student_id: Option<ID>,
    /// From 1.0 to 5.0, by halves.
    rating: f64,
    /// What is said.
    message: Option<String>,
    /// The client's own name for this mutation: sent again with the same input, it is done once.
    client_mutation_id: Option<String>,
}

/// Feedback on a teacher to take back.
#[derive(InputObject)]
pub struct WithdrawTeacherFeedbackInput {
    /// The feedback.
    id: ID,
    /// The client's own name for this mutation: sent again with the same input, it is done once.
    client_mutation_id: Option<String>,
}

/// What somebody says of the institute. It carries no key of the client's, which would be kept with the author's account;
/// sent again it replaces itself.
#[derive(InputObject)]
pub struct RateInstituteInput {
    /// What it is about.
    #[graphql(name = "type")]
    kind: InstituteFeedbackType,
    /// From 1.0 to 5.0, by halves.
    rating: f64,
    /// What is said.
    message: Option<String>,
    /// Whether nobody is to know who wrote it.
    anonymous: bool,
    /// Whether everybody may read it; else it is for an ADMIN, and its author.
    public: bool,
}

/// Feedback on the institute to take back.
#[derive(InputObject)]
pub struct WithdrawInstituteFeedbackInput {
    /// The feedback.
    id: ID,
}

payload! {
    /// What was said of a teacher.
    RateTeacherPayload {
        /// The feedback.
        feedback: TeacherFeedback,
    }
}

payload! {
    /// The feedback on a teacher that was taken back.
    WithdrawTeacherFeedbackPayload {
        /// The id that it had.
        withdrawn_id: ID,
    }
}

/// What was said of the institute.
#[derive(SimpleObject)]
#[graphql(guard = "stated(self)")]
pub struct RateInstitutePayload {
    /// The feedback.
    #[graphql(directive = auth::apply(PEOPLE))]
    feedback: Option<InstituteFeedback>,
    /// Why nothing was written; empty where it was.
    #[graphql(directive = auth::apply(PEOPLE))]
    user_errors: Vec<UserError>,
}

/// The feedback on the institute that was taken back.
#[derive(SimpleObject)]
#[graphql(guard = "stated(self)")]
pub struct WithdrawInstituteFeedbackPayload {
    /// The id that it had.
    #[graphql(directive = auth::apply(PEOPLE))]
    withdrawn_id: Option<ID>,
    /// Why nothing was written; empty where it was.
    #[graphql(directive = auth::apply(PEOPLE))]
    user_errors: Vec<UserError>,
}
impl Stated for RateInstitutePayload {}
impl Stated for WithdrawInstituteFeedbackPayload {}

/// Feedback's part of the mutation root.
#[derive(Default)]
pub struct FeedbackMutation;

#[Object(guard = "root(\"Mutation\")")]
impl FeedbackMutation {
    /// Says something of a teacher, in place of what the viewer said of them before: a student of who teaches them now, a
    /// parent of who teaches their child now. The teacher reads it without its author.
    #[graphql(directive = auth::apply(TAUGHT))]
    async fn rate_teacher(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What is said.")] input: RateTeacherInput,
    ) -> Result<Option<RateTeacherPayload>> {
        let (call, mut problems) = (Call::of(ctx), Problems::default());
        let said = TeacherRating {
            teacher: call.number(Kind::Staff, &input.teacher_id),
            student: input.student_id.map(|id| call.number(Kind::Student, &id)),
            half_stars: stars(&mut problems, input.rating),
            message: problems.maybe_text("message", input.message.as_deref()),
        };
        let act = Act::of(ctx, input.client_mutation_id).await?;
        let done = change!(call, &act, feedback_write::rate_teacher(&said, new_number(call, &act), problems.clone()));
        RateTeacherPayload::of(done, |ids| TeacherFeedback::by_ids(call, ids)).await
    }

    /// Takes back what the viewer said of a teacher.
    #[graphql(directive = auth::apply(TAUGHT))]
    async fn withdraw_teacher_feedback(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The feedback.")] input: WithdrawTeacherFeedbackInput,
    ) -> Result<Option<WithdrawTeacherFeedbackPayload>> {
        let call = Call::of(ctx);
        let act = Act::of(ctx, input.client_mutation_id).await?;
        let id = call.number(Kind::TeacherFeedback, &input.id);
        let done = change!(call, &act, feedback_write::withdraw_teacher(id, Problems::default()));
        WithdrawTeacherFeedbackPayload::of(done, async |ids| Ok(call.ids(Kind::TeacherFeedback, ids))).await
    }

    /// Says something of the institute, in place of what the viewer said of the same before. The author of what is anonymous
    /// is shown to nobody but themselves.
    #[graphql(directive = auth::apply(THERE))]
    async fn rate_institute(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What is said.")] input: RateInstituteInput,
    ) -> Result<Option<RateInstitutePayload>> {
        let (call, mut problems) = (Call::of(ctx), Problems::default());
        let said = InstituteRating {
            kind: input.kind,
            half_stars: stars(&mut problems, input.rating),
            message: problems.maybe_text("message", input.message.as_deref()),
            anonymous: input.anonymous,
            public: input.public,
        };
        let act = Act::of(ctx, None).await?;
        let done = change!(call, &act, feedback_write::rate_institute(&said, new_number(call, &act), problems.clone()));
        let feedback = done.read(|ids| InstituteFeedback::by_ids(call, ids)).await?;
        Ok(Some(RateInstitutePayload { feedback, user_errors: done.user_errors }))
    }

    /// Takes back what the viewer said of the institute.
    #[graphql(directive = auth::apply(AUTHOR))]
    async fn withdraw_institute_feedback(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The feedback.")] input: WithdrawInstituteFeedbackInput,
    ) -> Result<Option<WithdrawInstituteFeedbackPayload>> {
        let call = Call::of(ctx);
        let act = Act::of(ctx, None).await?;
        let id = call.number(Kind::InstituteFeedback, &input.id);
        let done = change!(call, &act, feedback_write::withdraw_institute(id, Problems::default()));
        Ok(Some(WithdrawInstituteFeedbackPayload {
            withdrawn_id: done.value.map(|id| call.id(Kind::InstituteFeedback, id)),
            user_errors: done.user_errors,
        }))
    }
}

/// The number of a row that is entered now; another one each time.
fn new_number(call: &Call, act: &Act) -> i64 {
    number(act.now, call.services().random.bytes::<CHANCE>())
}

/// A rating in halves.
#[expect(clippy::cast_possible_truncation, reason = "between 2 and 10")]
fn stars(problems: &mut Problems, rating: f64) -> i32 {
    let halves = rating * 2.0;
    if !(2.0..=10.0).contains(&halves) {
        problems.add("rating", OutOfRange, "a rating is from 1.0 to 5.0");
    } else if halves.fract() != 0.0 {
        problems.add("rating", Invalid, "a rating is a number of halves, such as 3.5");
    }
    halves.clamp(2.0, 10.0).round() as i32
}
