//! Staff: who works at the institute, as what, and who may read what of them.
//!
//! Row scope (`store::reach`): everybody who works here reaches every colleague, for the public card; an HOD also reaches
//! the teachers of the courses they head, for more of it; a student those who teach them, a parent those who teach their
//! linked children; everybody themselves. Who teaches whom is what the active routines say. An archived staff member is
//! reached by ADMIN alone.
//!
//! The roles by which a row was reached tell these apart: a colleague is reached as STAFF, also by an HOD who teaches
//! nothing, and their own teacher as HOD. So `store::reach` is about the card: what belongs to a staff member (their leave,
//! say) has a narrower scope, made of `store::headed`.
//!
//! Contact details are those of the staff member's account: nobody else can have the same.
//!
//! ADMIN adds and edits staff and says which roles they hold. An HOD adds teachers, and edits, deactivates and archives those
//! of the courses they head who hold no other role, where that touches no course of others. Who is deactivated may not
//! sign in, whatever else they are; who is archived is staff no more, and their account is left to what else they are.
//! Nobody leaves while they head a course, nor while they teach or have meetings to come, unless those are ended with it;
//! leave that they wait for is withdrawn; and one administrator who can sign in always remains.

pub mod api;
pub mod can;
pub mod leaving_mutation;
pub mod model;
pub mod mutation;
