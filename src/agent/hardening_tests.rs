use std::process::Command;

use super::linux::private_data;
use super::{harden, lock_memory, memory_state, wipe_variables};

const CHILD: &str = "CREDENTIAL_HELPER_TEST_HARDENED";

/// Runs one test of this program again in a process of its own, on its only thread.
fn alone(test: &str) -> Command {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command
        .args(["--exact", &format!("agent::hardening::tests::{test}")])
        .args(["--nocapture", "--test-threads=1"])
        .env(CHILD, "1");
    command
}

fn is_child() -> bool {
    std::env::var_os(CHILD).is_some()
}

#[test]
fn hardened_child() {
    if !is_child() {
        return;
    }
    harden();
    lock_memory();
    let state = memory_state();
    assert!(!state.dumpable);
    assert_eq!(state.core_limit, Some(0));
    assert!(["all", "part", "none"].contains(&&*state.lock));
    assert_eq!(state.locked_bytes > 0, state.lock != "none");
    let status = std::fs::read_to_string("/proc/thread-self/status").unwrap();
    assert!(status.contains("NoNewPrivs:\t1"));
    // Allocation goes on whatever was locked.
    let large = vec![1_u8; 64 << 20];
    assert_eq!(
        large.iter().map(|byte| u64::from(*byte)).sum::<u64>(),
        64 << 20
    );
}

#[test]
fn a_process_is_hardened() {
    if !is_child() {
        assert!(alone("hardened_child").output().unwrap().status.success());
    }
}

#[test]
#[expect(
    unsafe_code,
    reason = "a process with one thread is only to be had by fork"
)]
fn wiped_child() {
    if !is_child() {
        return;
    }
    let wanted = |name: &str| name.starts_with("WIPED_");
    assert_eq!(std::env::var("WIPED_ONE").unwrap(), "sentinel-one");
    // The harness is a thread, too: where there is another one, nothing may be touched.
    assert_eq!(wipe_variables(wanted), 0);
    assert_eq!(std::env::var("WIPED_ONE").unwrap(), "sentinel-one");
    // SAFETY: the child does what needs no other thread, and ends without running the harness.
    let child = unsafe { libc::fork() };
    if child == 0 {
        let wiped = wipe_variables(wanted);
        let block = std::fs::read("/proc/self/environ").unwrap_or_default();
        let left = String::from_utf8_lossy(&block);
        let gone = !left.contains("sentinel") && !left.contains("WIPED");
        let kept = left.contains("KEPT_ONE=kept")
            && std::env::var_os("WIPED_TWO").is_none()
            && std::env::var("KEPT_ONE").is_ok_and(|value| value == "kept");
        let status = i32::from(!(wiped == 2 && gone && kept));
        // SAFETY: ends this process and nothing else.
        unsafe { libc::_exit(status) };
    }
    let mut status = 0;
    // SAFETY: waits for the child made above.
    assert_eq!(unsafe { libc::waitpid(child, &raw mut status, 0) }, child);
    assert_eq!(status, 0);
    println!("wiped");
}

#[test]
fn variables_are_wiped_from_the_block_itself() {
    if is_child() {
        return;
    }
    let output = alone("wiped_child")
        .env("WIPED_ONE", "sentinel-one")
        .env("KEPT_ONE", "kept")
        .env("WIPED_TWO", "sentinel-two")
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{text}");
    assert!(text.contains("wiped\n"), "{text}");
}

#[test]
fn data_are_found() {
    let line = "55d0c0000000-55d0c0021000 rw-p 00000000 00:00 0    [heap]";
    assert_eq!(private_data(line), Some((0x55d0_c000_0000, 0x21000)));
    let line = "7f0000000000-7f0000001000 rw-p 00000000 00:00 0";
    assert_eq!(private_data(line), Some((0x7f00_0000_0000, 0x1000)));
    for line in [
        "7f0000000000-7f0000001000 r--p 00000000 08:01 1    /lib/libc.so",
        "7f0000000000-7f0000001000 rw-p 00000000 08:01 1    /lib/libc.so",
        "7f0000000000-7f0000001000 ---p 00000000 00:00 0",
        "7ffd00000000-7ffd00021000 rw-p 00000000 00:00 0    [stack]",
    ] {
        assert_eq!(private_data(line), None, "{line}");
    }
}
