//! Python's keyring command.
