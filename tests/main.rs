//! The one integration binary: a module for each subject.
#![cfg(test)]
#![allow(
    unreachable_pub,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stderr,
    reason = "tests: a failure is the message, and nobody outside uses the harness"
)]

#[cfg(target_os = "linux")]
mod agent;
mod architecture;
#[cfg(target_os = "linux")]
mod bad_input;
#[cfg(target_os = "linux")]
mod bridges;
#[cfg(target_os = "linux")]
mod ci_recipes;
#[cfg(target_os = "linux")]
mod conformance;
#[cfg(target_os = "linux")]
mod conversations;
#[cfg(target_os = "linux")]
mod documents;
#[cfg(target_os = "linux")]
mod env;
#[cfg(target_os = "linux")]
mod exec;
#[cfg(target_os = "linux")]
mod exec_terminal;
#[cfg(target_os = "linux")]
mod faults;
mod harness;
#[cfg(all(target_os = "linux", feature = "net"))]
mod hostile_index;
#[cfg(target_os = "linux")]
mod keyring_bridge;
#[cfg(target_os = "linux")]
mod keyring_end_to_end;
#[cfg(target_os = "linux")]
mod leak;
#[cfg(target_os = "linux")]
mod log;
#[cfg(target_os = "linux")]
mod mounted;
#[cfg(target_os = "linux")]
mod other_keyrings;
#[cfg(all(target_os = "linux", feature = "net"))]
mod packaging;
#[cfg(target_os = "linux")]
mod plain_text;
#[cfg(feature = "net")]
mod poetry_language;
mod provider_contract;
#[cfg(all(target_os = "linux", feature = "net"))]
mod publish;
#[cfg(all(target_os = "linux", feature = "net"))]
mod publish_trusted;
#[cfg(all(target_os = "linux", feature = "net"))]
mod resolve;
#[cfg(all(target_os = "linux", feature = "net"))]
mod resolve_peers;
#[cfg(target_os = "linux")]
mod restricted;
mod secret_service;
#[cfg(target_os = "linux")]
mod secret_service_odd;
#[cfg(target_os = "linux")]
mod secret_service_prompt;
#[cfg(target_os = "linux")]
mod security;
#[cfg(target_os = "linux")]
mod selftest;
#[cfg(target_os = "linux")]
mod services;
#[cfg(target_os = "linux")]
mod setup;
#[cfg(target_os = "linux")]
mod setup_store;
#[cfg(target_os = "linux")]
mod systemd;
#[cfg(target_os = "linux")]
mod vectors;
