//! What a project declares.
