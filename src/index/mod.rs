//! Companion: package sources, and what they offer.
//!
//! Knows the protocol's messages, `package` and `http`; never a provider, nor the agent's inside.
//!
//! - `project`: what one source has of one project
//! - `offers`: what a resolution asks the sources for
//! - `source`: where packages come from: Poetry, uv, pip, the command line

pub mod offers;
pub mod project;
pub mod source;
