//! Reports: figures of groups, for reporting tools, which read no person (REPORTING), and for those who answer for them.
//!
//! Where they stand: `report` of a course, a batch and a subject, and `report` of the query root for the whole institute.
//! ADMIN and REPORTING read all of them, an HOD those of the courses that they head and of those courses' subjects. They
//! are made in SQL, of totals where the database keeps some, in a number of statements that the query's shape decides.
//! Nobody who is archived counts in what is told of persons.
//!
//! No figure may tell of a person, whoever asks:
//!
//! - What fewer than five persons are in is null ([`model::LEAST`]), and of parts of a whole so many are null that what is
//!   left cannot be worked out from the rest ([`model::parts`]).
//! - Each count stands in one division only (students by course, by batch or by status; leave by status), without the
//!   totals that would give away what is null.
//! - Attendance, completion and ratings are shares and averages, rounded, without how much they are made of: what two
//!   groups differ by cannot be multiplied out.
//! - A batch that has all but a few of a course's students, or a few more, has no attendance: course less batch would be
//!   those few ([`model::near`]).
//!
//! What is not prevented: who asks day by day sees what changed in between, to the rounding.

pub mod api;
pub mod model;
