//! Meetings of a teacher with parents, about one or more students.
//!
//! A meeting takes the time of its teacher and of each parent: the database lets none of them be in two open ones at once.
//! It is open while it is SCHEDULED or RESCHEDULED; a CANCELLED one has a reason, a COMPLETED one has notes. A REQUESTED one
//! takes nobody's time until it is accepted.
//!
//! Who may do what with a meeting, and when, is in `rules`. Who takes part, and whom it is about, must be within the reach
//! of who offers it, by the role by which they offer it. Somebody who is busy is said to be so without a word about what
//! the viewer may not know of: when the other meeting is, is told to who reaches that meeting.
//!
//! Row scope (`store::reach`): ADMIN reaches every meeting; an HOD those with the teachers of the courses they head, and
//! their own; a teacher those they hold; a student those that are about them; a parent those about their linked children,
//! and those about no student at all that they take part in. Others reach none. Who takes part is read by the scopes of the
//! participants: a parent sees no stranger in a meeting, though it is about their child.
//!
//! Who leaves keeps nobody waiting (`leaving`): what a teacher was to hold is called off with it, and a parent is taken out
//! of what is to come about a child who is theirs no more, or here no more; where that leaves no parent it is called off.

pub mod api;
pub mod can;
pub mod model;
pub mod mutation;
pub mod rules;
pub mod subscription;
