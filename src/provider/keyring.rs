//! The keyring of macOS and Windows.
