//! Who is told of what, and how: inboxes, what their owners choose, and deliveries.
//!
//! An event that was raised ([`crate::events`]) is told of by a job ([`tell`]): whom it concerns by its kind is asked, and of
//! those it comes into the inbox of who reaches what it is about, by their own row scope. With a row in an inbox come its
//! deliveries, one by each channel that its owner wants ([`deliver`]): a job each, to which what comes shortly after is
//! joined. Whether somebody is told is asked again, in the same way, when a delivery is made ([`subject`]): so who has lost a
//! child, a role or a class in between is told nothing of it, and neither is anybody of what is not so any more.
//!
//! Row scope (`store::reach`): everybody reaches their own inbox and their own devices, and nobody those of another, an ADMIN
//! neither. What is about a student is in an inbox as long as its owner reaches that student; what else a row is about is
//! shown where it is reached, and null where it is not.
//!
//! What somebody has read is known to nobody else, and not in the audit log either. The token of a device is never shown
//! again once it is registered.

pub mod api;
pub mod deliver;
pub mod device_api;
pub mod device_mutation;
pub mod due;
pub mod model;
pub mod mutation;
pub mod settings_api;
pub mod subject;
pub mod subscription;
pub mod tell;
