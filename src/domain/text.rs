//! Text from outside: the same rules as at the client's door.

pub use credential_helper_protocol::text::{has_control, shown};
