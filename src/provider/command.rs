//! A command.
