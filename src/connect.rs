//! A client for this process.
