//! What the viewer can do with a subject or a study file, and the rules of it.

use std::{collections::BTreeSet, sync::Arc};

use async_graphql::{Context, Object};

use super::model::{StudyFileRow, SubjectRow};
use crate::{
    actions,
    auth::sets::{PEOPLE, TEACHING},
    change::{Actor, By, Verdict},
    courses::{
        api::Course,
        can::{Within, change},
    },
    error::Result,
    graphql::{Call, Loaded, Row, UserErrorCode::InUse, auth, stated},
    read,
    routines::can::plan,
};

/// A subject is deleted by who may change it, where nothing refers to it.
pub fn delete(by: By, subject: &SubjectRow, within: &Within, referring: &[&'static str]) -> Verdict {
    let verdict = change(by, subject.course_id, within);
    if referring.is_empty() {
        return verdict;
    }
    verdict.but(InUse, format!("there is something that refers to it: {}", referring.join(", ")))
}

/// A study file is added by who may change the subject, and by who teaches it.
pub fn add_file(_: By, subject: &SubjectRow, within: &Within, taught: &BTreeSet<i64>) -> Verdict {
    Verdict::when(taught.contains(&subject.id) || within.has(subject.course_id))
}

/// A study file is removed by who may change its subject, which is of this course, and by who teaches that and added it.
pub fn remove_file(
    actor: &Actor,
    file: &StudyFileRow,
    _: By,
    course: Option<i64>,
    within: &Within,
    taught: &BTreeSet<i64>,
) -> Verdict {
    let staff = actor.scope.staff();
    let own = staff != 0 && file.uploaded_by == Some(staff) && taught.contains(&file.subject_id);
    Verdict::when(own || course.is_some_and(|course| within.has(course)))
}

/// The subjects that the viewer teaches, read once for the rows of a group.
async fn taught<R: Row>(ctx: &Context<'_>, rows: &Loaded<R>, actor: Actor) -> Result<Arc<BTreeSet<i64>>> {
    let call = Call::of(ctx);
    let read = |_| async move { read!(call.db(), subjects_write::taught(&actor)) };
    rows.load("subjects taught by the viewer", read).await
}

actions! {
    /// What the viewer can do with a subject. True: with a well-formed input the mutation would not be refused for who the
    /// viewer is, nor for how the subject stands; what else an input may be refused for is another matter.
    SubjectActions(SubjectRow)
}

#[Object(use_type_description, guard = "stated(self)")]
impl SubjectActions {
    /// Edit it: `editSubject`.
    #[graphql(directive = auth::apply(PEOPLE))]
    async fn edit(&self, ctx: &Context<'_>) -> Result<bool> {
        let Some((actor, by)) = self.0.asked(ctx, "editSubject") else { return Ok(false) };
        let within = Within::load(ctx, &self.0, &actor).await?;
        Ok(change(by, self.0.course_id, &within).is_yes())
    }

    /// Delete it: `deleteSubject`.
    #[graphql(directive = auth::apply(PEOPLE))]
    async fn delete(&self, ctx: &Context<'_>) -> Result<bool> {
        let Some((actor, by)) = self.0.asked(ctx, "deleteSubject") else { return Ok(false) };
        let call = Call::of(ctx);
        let within = Within::load(ctx, &self.0, &actor).await?;
        let referring =
            self.0.of_each("referring", |ids| async move { read!(call.db(), subjects_write::referring(&ids)) });
        let referring = referring.await?.unwrap_or_default();
        Ok(delete(by, &self.0, &within, &referring).is_yes())
    }

    /// Put it into the timetable: `createRoutine`.
    #[graphql(directive = auth::apply(PEOPLE))]
    async fn create_routine(&self, ctx: &Context<'_>) -> Result<bool> {
        let Some((actor, by)) = self.0.asked(ctx, "createRoutine") else { return Ok(false) };
        let call = Call::of(ctx);
        let within = Within::load(ctx, &self.0, &actor).await?;
        let course = self.0.referred("course", |row| Some(row.course_id), |ids| Course::by_ids(call, ids)).await?;
        let offered = course.is_some_and(|course| course.row().active);
        Ok(plan(by, &self.0, &within, offered).is_yes())
    }

    /// Add a file to study it from: `addStudyFile`.
    #[graphql(directive = auth::apply(PEOPLE))]
    async fn add_study_file(&self, ctx: &Context<'_>) -> Result<bool> {
        let Some((actor, by)) = self.0.asked(ctx, "addStudyFile") else { return Ok(false) };
        let within = Within::load(ctx, &self.0, &actor).await?;
        let taught = taught(ctx, &self.0, actor).await?;
        Ok(add_file(by, &self.0, &within, &taught).is_yes())
    }
}

actions! {
    /// What the viewer can do with a study file. True: the mutation would not be refused for who the viewer is.
    StudyFileActions(StudyFileRow)
}

#[Object(use_type_description, guard = "stated(self)")]
impl StudyFileActions {
    /// Remove it: `removeStudyFile`.
    #[graphql(directive = auth::apply(TEACHING))]
    async fn remove(&self, ctx: &Context<'_>) -> Result<bool> {
        let Some((actor, by)) = self.0.asked(ctx, "removeStudyFile") else { return Ok(false) };
        let call = Call::of(ctx);
        let within = Within::load(ctx, &self.0, &actor).await?;
        let taught = taught(ctx, &self.0, actor).await?;
        let courses = self.0.load("courses of their subjects", |files| async move {
            let subjects: Vec<i64> = files.iter().map(|file| file.subject_id).collect();
            read!(call.db(), subjects_write::courses_of(&subjects))
        });
        let course = courses.await?.get(&self.0.subject_id).copied();
        Ok(remove_file(&actor, &self.0, by, course, &within, &taught).is_yes())
    }
}
