//! uv's store.
