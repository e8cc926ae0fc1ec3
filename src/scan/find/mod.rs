//! One finder a form of file.

mod account;
pub(super) mod ci;
pub(super) mod dotenv;
pub(super) mod hatch;
pub(super) mod locks;
pub(super) mod netrc;
pub(super) mod pdm;
pub(super) mod pip;
pub(super) mod poetry;
pub(super) mod pypirc;
pub(super) mod pyproject;
pub(super) mod requirements;
pub(super) mod uv_store;
pub(super) mod uv_toml;
