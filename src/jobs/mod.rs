//! Work that is done after an answer, surely and once: the queue.
//!
//! The table `jobs` is the truth: a job is a row, written in the transaction that makes it necessary, until it is done. A
//! relay leases what is due and hands it to the job engine (apalis: Redis carries it between instances in production, a
//! channel in the process otherwise), whose workers do it. Who begins a job takes its lease over under a name of their own,
//! so that one that was handed out twice is done once; who dies with it is outlived by the row, whose lease runs out. So a
//! crash of a worker, of Redis or of everything loses nothing, and repeats at most the one try that was under way, under
//! the same idempotency key. [docs/queue.md](../../docs/queue.md) has all of it for who operates it.
//!
//! Row scope (`store::reach`): ADMIN reaches every job, nobody else any; what a job holds is nobody's to read.

pub mod api;
pub mod can;
pub mod clean_up;
pub mod engine;
pub mod model;
pub mod mutation;
pub mod relay;
pub mod schedule;
pub mod wake;
pub mod worker;
