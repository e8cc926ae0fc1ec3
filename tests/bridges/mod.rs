//! Bridges with the tools they are for, or at the wire where a tool is not here.

mod bazel;
mod cargo;
mod docker;
mod git;
mod server;

use std::path::PathBuf;

use crate::harness::keyring::Keyring;
use crate::harness::sandbox::{HELPER, Sandbox};

/// A home with a keyring.
fn home(keyring: &Keyring) -> Sandbox {
    let mut sandbox = Sandbox::new();
    sandbox.set("DBUS_SESSION_BUS_ADDRESS", &keyring.address());
    sandbox
}

/// `helper` under a bridge's name.
fn called(sandbox: &Sandbox, name: &str) -> PathBuf {
    let program = sandbox.path(&format!("bin/{name}"));
    std::fs::create_dir_all(program.parent().unwrap()).unwrap();
    if !program.exists() {
        std::os::unix::fs::symlink(HELPER, &program).unwrap();
    }
    program
}
