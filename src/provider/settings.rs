//! The helper's settings.
