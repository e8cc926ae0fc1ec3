//! hardening.
