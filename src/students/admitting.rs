//! Mutations that bring students to the institute and into courses.

use std::collections::BTreeSet;

use async_graphql::{Context, ID, InputObject, Object};

use super::{
    api::Student,
    model::{Admission, NewStudent},
    mutation::batches,
};
use crate::{
    auth::{
        Role::{Admin, Admission as Officer, Hod},
        RoleSet,
        model::Contact,
        sets::PEOPLE,
    },
    change,
    change::{Act, Problems},
    error::Result,
    graphql::{Call, Date, UserErrorCode::OutOfRange, auth, root, stated},
    ids::Kind,
    parents::mutation::ParentInput,
    payload,
    people::{Gender, MaritalStatus},
};

/// Who admits and enrols students; an HOD into the courses that they head.
const ADMITTING: RoleSet = RoleSet::of(&[Admin, Officer, Hod]);
/// Parents of one student at most.
const MAX_PARENTS: usize = 10;

/// A student to admit.
#[derive(InputObject)]
pub struct AdmitStudentInput {
    /// Full name.
    name: String,
    /// E-mail address: nobody else can have it.
    email: Option<String>,
    /// Phone number with its country code: nobody else can have it.
    phone: Option<String>,
    /// Gender.
    gender: Option<Gender>,
    /// Birth date, not in the future.
    birth_date: Option<Date>,
    /// Where the student lives during the course.
    temporary_address: Option<String>,
    /// Where the student is at home.
    permanent_address: Option<String>,
    /// Marital status (not for an HOD, who may not read it).
    marital_status: Option<MaritalStatus>,
    /// Number of the citizenship certificate (not for an HOD, who may not read it).
    citizenship_number: Option<String>,
    /// Address of the photo, which begins with `https://`.
    photo_url: Option<String>,
    /// The course to begin: one that is offered.
    course_id: Option<ID>,
    /// The period of the course that the student is in; the first where nothing is said.
    period: Option<i32>,
    /// The batches to join: 20 at most, in use.
    #[graphql(default)]
    batch_ids: Vec<ID>,
    /// The day the student joined, not in the future; where it is left out, the day that the first of the batches began.
    joining_date: Option<Date>,
    /// The parents: 10 at most, each with a phone number of their own.
    #[graphql(default)]
    parents: Vec<ParentInput>,
    /// The client's own name for this mutation: sent again with the same input, it is done once.
    client_mutation_id: Option<String>,
}

/// A student and the course to enrol them in.
#[derive(InputObject)]
pub struct EnrolStudentInput {
    /// The student.
    student_id: ID,
    /// The version that was read: if the student has changed since, nothing is written.
    version: i32,
    /// The course: one that is offered, and that the student has not completed.
    course_id: ID,
    /// The period of the course that the student is in.
    #[graphql(default = 1)]
    period: i32,
    /// The client's own name for this mutation: sent again with the same input, it is done once.
    client_mutation_id: Option<String>,
}

payload! {
    /// The student who was admitted.
    AdmitStudentPayload {
        /// The student.
        student: Student,
    }
}
payload! {
    /// The student who was enrolled.
    EnrolStudentPayload {
        /// The student.
        student: Student,
    }
}

/// The part of admission in the mutation root.
#[derive(Default)]
pub struct AdmissionMutation;

#[Object(guard = "root(\"Mutation\")")]
impl AdmissionMutation {
    /// Admits a student, with an account that has no password yet. The course is under way from the joining date on, or
    /// from today. A parent is linked by phone number, or made, with an account that has no password yet either.
    #[graphql(directive = auth::apply(ADMITTING))]
    async fn admit_student(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The student.")] input: AdmitStudentInput,
    ) -> Result<Option<AdmitStudentPayload>> {
        let (call, mut problems) = (Call::of(ctx), Problems::default());
        let contact = Contact {
            email: problems.maybe_email("email", input.email.as_deref()),
            phone: problems.maybe_phone("phone", input.phone.as_deref()),
        };
        let student = NewStudent {
            name: problems.line("name", &input.name),
            gender: input.gender,
            birth_date: input.birth_date.map(|Date(date)| date),
            temporary_address: problems.maybe_text("temporaryAddress", input.temporary_address.as_deref()),
            permanent_address: problems.maybe_text("permanentAddress", input.permanent_address.as_deref()),
            marital_status: input.marital_status,
            citizenship_number: problems.maybe_line("citizenshipNumber", input.citizenship_number.as_deref()),
            photo_url: problems.maybe_url("photoUrl", input.photo_url.as_deref()),
        };
        let few = input.parents.len() <= MAX_PARENTS;
        problems.require(few, "parents", OutOfRange, "a student has at most 10 parents");
        let parents = input.parents.iter().take(MAX_PARENTS).enumerate();
        let parents = parents.map(|(i, parent)| parent.read(format!("parents.{i}"), &mut problems)).collect();
        let batches: BTreeSet<i64> = batches(call, &input.batch_ids, "batchIds", &mut problems);
        let joining_date = input.joining_date.map(|Date(date)| date);
        let course = input.course_id.map(|id| call.number(Kind::Course, &id));
        let act = Act::of(ctx, input.client_mutation_id).await?;
        problems.past("birthDate", student.birth_date, act.today);
        problems.past("joiningDate", joining_date, act.today);
        let new = Admission { student, contact, joining_date, course, period: input.period, batches, parents };
        let done = change!(call, &act, students_admission::admit(&new, problems.clone()));
        AdmitStudentPayload::of(done, |ids| Student::by_ids(call, ids)).await
    }

    /// Enrols a student in another course, or in their first, from today on. What was under way in the course they leave is
    /// dropped; a course that they had left is taken up again. Batches stay.
    #[graphql(directive = auth::apply(ADMITTING))]
    async fn enrol_student(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The student and the course.")] input: EnrolStudentInput,
    ) -> Result<Option<EnrolStudentPayload>> {
        let call = Call::of(ctx);
        let act = Act::of(ctx, input.client_mutation_id).await?;
        let target = (call.number(Kind::Student, &input.student_id), input.version);
        let course = (call.number(Kind::Course, &input.course_id), input.period);
        let done = change!(call, &act, students_admission::enrol(target, course, Problems::default()));
        EnrolStudentPayload::of(done, |ids| Student::by_ids(call, ids)).await
    }
}
