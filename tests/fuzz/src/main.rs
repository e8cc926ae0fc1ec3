//! One program for all targets, so that the product is built once: `CREDENTIAL_HELPER_FUZZ` names the target.

#![no_main]

use std::sync::OnceLock;

use credential_helper_fuzz::targets::{self, Target};
use libfuzzer_sys::fuzz_target;

fn chosen() -> Target {
    static CHOSEN: OnceLock<Target> = OnceLock::new();
    *CHOSEN.get_or_init(|| {
        let name = std::env::var("CREDENTIAL_HELPER_FUZZ").unwrap_or_default();
        targets::named(&name).unwrap_or_else(|| panic!("CREDENTIAL_HELPER_FUZZ names no target"))
    })
}

fuzz_target!(|data: &[u8]| chosen()(data));
