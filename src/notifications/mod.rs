//! Who is told of what, and how: inboxes, what their owners choose, and deliveries.

pub mod deliver;
pub mod model;
pub mod subscription;
pub mod tell;
