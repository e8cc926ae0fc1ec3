//! How fast the helper is, beside others that do the same, in one run on one machine.
//!
//! `cargo bench --bench speed -- [--rounds N] [--only once|traffic|latency|memory|clients|exec|resolve|publish] [--write-readme]`
//!
//! Nothing here is a test: a figure depends on the machine and on what else it does. So everything
//! is measured in turn with what it is compared to, and what counts are ratios.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a benchmark: a failure is the message, and printing is its work"
)]

#[cfg(target_os = "linux")]
mod artifacts;
#[cfg(target_os = "linux")]
mod clients;
#[cfg(target_os = "linux")]
mod exec;
#[cfg(target_os = "linux")]
mod graph;
#[cfg(target_os = "linux")]
#[path = "../../tests/harness/mod.rs"]
#[expect(
    dead_code,
    unreachable_pub,
    unused_imports,
    reason = "shared with the tests, which use all of it"
)]
mod harness;
#[cfg(target_os = "linux")]
mod index;
#[cfg(target_os = "linux")]
mod memory;
#[cfg(target_os = "linux")]
mod once;
#[cfg(target_os = "linux")]
mod pins;
#[cfg(target_os = "linux")]
mod publish;
#[cfg(target_os = "linux")]
mod report;
#[cfg(target_os = "linux")]
mod resolve;
#[cfg(target_os = "linux")]
mod run;
#[cfg(target_os = "linux")]
mod served;
#[cfg(target_os = "linux")]
mod stage;
#[cfg(target_os = "linux")]
mod traffic;

#[cfg(target_os = "linux")]
use harness::keyring;

fn main() -> std::process::ExitCode {
    // `cargo test --all-targets` starts this too, without the argument that `cargo bench` gives.
    if !std::env::args().any(|argument| argument == "--bench") {
        return std::process::ExitCode::SUCCESS;
    }
    #[cfg(target_os = "linux")]
    return run::main();
    #[cfg(not(target_os = "linux"))]
    return std::process::ExitCode::SUCCESS;
}
