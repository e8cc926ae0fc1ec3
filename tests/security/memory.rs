//! Rows of the table: memory, core files, swap, crashes.

use std::io::Read as _;
use std::os::unix::process::ExitStatusExt as _;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};

use super::not_here;
use super::other_user::Ordinary;
use crate::agent::AUTH;
use crate::exec_terminal::Terminal;
use crate::harness::rights::looks_into_closed;
use crate::harness::sandbox::{Foreground, PATIENCE, Sandbox, end, gone};
use crate::leak::{hits, sentinel};

/// What a program of the same user gets of a process: which of the ways in were open.
fn ways_in(ordinary: &Ordinary, pid: u32) -> Vec<&'static str> {
    let mut open = Vec::new();
    for file in ["mem", "environ", "maps", "auxv"] {
        let path = format!("/proc/{pid}/{file}");
        let read = Ordinary::as_him(|| {
            let mut file = std::fs::File::open(&path)?;
            // Nothing is mapped at zero: opened is enough for `mem`.
            if path.ends_with("mem") {
                return Ok(1);
            }
            file.read(&mut [0; 64])
        });
        if read.is_ok_and(|count: usize| count > 0) {
            open.push(file);
        }
    }
    let target = i32::try_from(pid).unwrap();
    if Ordinary::as_him(|| copies(target)) {
        open.push("process_vm_readv");
    }
    let mut gdb = ordinary.command(&[], "gdb");
    gdb.args([
        "-nx",
        "-batch",
        "-p",
        &pid.to_string(),
        "-ex",
        "info registers",
    ]);
    match gdb.stdin(Stdio::null()).output() {
        Ok(output) if String::from_utf8_lossy(&output.stdout).contains("rip") => open.push("gdb"),
        _ => {}
    }
    open
}

/// Whether `process_vm_readv` is allowed: it then fails for the address, not for the right.
#[expect(unsafe_code, reason = "a system call without a safe form at hand")]
fn copies(target: i32) -> bool {
    let mut byte = 0_u8;
    let here = libc::iovec {
        iov_base: (&raw mut byte).cast(),
        iov_len: 1,
    };
    let there = libc::iovec {
        iov_base: std::ptr::without_provenance_mut(4096),
        iov_len: 1,
    };
    // SAFETY: writes at most one byte to where one byte is.
    let count =
        unsafe { libc::process_vm_readv(target, &raw const here, 1, &raw const there, 1, 0) };
    count >= 0 || std::io::Error::last_os_error().raw_os_error() == Some(libc::EFAULT)
}

/// L5: not dumpable from the first line of `main` on, agent and commands: other programs of the same user read neither memory nor
/// environment, and cannot attach.
/// Also: `agent::hardening::tests::a_process_is_hardened`
#[test]
fn l5_programs_of_the_same_user_have_no_way_in() {
    let Some(ordinary) = Ordinary::new("s3cret") else {
        return;
    };
    // The same ways lead into any other process.
    let mut other = ordinary.command(&[], "cat");
    let mut other = other
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    std::io::Write::write_all(other.stdin.as_mut().unwrap(), b"x").unwrap();
    other.stdout.as_mut().unwrap().read_exact(&mut [0]).unwrap();
    let control = ways_in(&ordinary, other.id());
    other.kill().unwrap();
    other.wait().unwrap();
    assert!(
        control.starts_with(&["mem", "environ", "maps", "auxv"]),
        "{control:?}"
    );
    if control.len() < 6 {
        not_here(&format!(
            "without all ways in, or without gdb; there are {}",
            control.join(", ")
        ));
    }
    let agent = ordinary.run_agent(&[]);
    assert_eq!(ordinary.helper(&["get", "foo"]).status, 0);
    assert_eq!(ways_in(&ordinary, agent.child.id()), [""; 0]);
    drop(agent);
    // One that a client has started, and a command that waits for a password.
    assert_eq!(ordinary.helper(&["get", "foo"]).status, 0);
    let agent = ordinary.sandbox.agent().unwrap().as_raw_nonzero().get();
    assert_eq!(ways_in(&ordinary, agent.unsigned_abs()), [""; 0]);
    let mut command = ordinary.typed(&[]);
    command.args(["set", "foo", "alice"]);
    let mut terminal = Terminal::start(command);
    terminal.until("assword");
    assert_eq!(ways_in(&ordinary, terminal.child.id()), [""; 0]);
}

/// L6: the core limit is 0 and cannot be raised, in the foreground too; a crash leaves no core file. The rest of the row (memory marked
/// as not to be dumped) is not needed then.
#[test]
fn l6_a_crash_leaves_no_core_file() {
    let Some(ordinary) = Ordinary::new("s3cret") else {
        return;
    };
    let folder = ordinary.sandbox.path("project");
    let dumps = ["prlimit", "--core=unlimited", "--"];
    if !ordinary.command(&dumps, "true").status().unwrap().success() {
        return not_here("no right to core files: the limit cannot be raised");
    }
    let mut other = ordinary.command(&dumps, "cat");
    let mut other = other
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    // It is `cat` as soon as it copies.
    std::io::Write::write_all(other.stdin.as_mut().unwrap(), b"x").unwrap();
    other.stdout.as_mut().unwrap().read_exact(&mut [0]).unwrap();
    kill_process(Pid::from_child(&other), Signal::ABORT).unwrap();
    if !other.wait().unwrap().core_dumped() {
        not_here("no process leaves a core file; the limits alone are looked at");
    }
    for entry in std::fs::read_dir(&folder).unwrap() {
        std::fs::remove_file(entry.unwrap().path()).unwrap();
    }
    for signal in [Signal::ABORT, Signal::QUIT, Signal::SEGV, Signal::BUS] {
        let mut agent = ordinary.run_agent(&["prlimit", "--core=unlimited", "--"]);
        assert_eq!(ordinary.helper(&["get", "foo"]).status, 0);
        let limits = std::fs::read_to_string(format!("/proc/{}/limits", agent.child.id())).unwrap();
        let line = limits
            .lines()
            .find(|line| line.starts_with("Max core"))
            .unwrap();
        let values: Vec<&str> = line.split_whitespace().skip(4).take(2).collect();
        assert_eq!(values, ["0", "0"], "{line}");
        let status = crash(&mut agent, signal);
        assert!(
            status.signal().is_some() && !status.core_dumped(),
            "{status:?}"
        );
    }
    let left: Vec<_> = std::fs::read_dir(&folder).unwrap().collect();
    assert!(left.is_empty(), "{left:?}");
}

/// The standard library's handler for faults lets the first one that was only sent pass.
fn crash(agent: &mut Foreground, signal: Signal) -> std::process::ExitStatus {
    let pid = Pid::from_child(&agent.child);
    let until = Instant::now() + PATIENCE;
    while !gone(pid, Duration::from_millis(50)) {
        let status = format!("/proc/{}/status", agent.child.id());
        let status = std::fs::read_to_string(status).unwrap_or_default();
        assert!(Instant::now() < until, "{signal:?}: {status}");
        kill_process(pid, signal).unwrap();
    }
    agent.child.wait().unwrap()
}

fn memory(ordinary: &Ordinary) -> Value {
    let ended = ordinary.helper(&["agent", "status", "--json"]);
    let status: Value = serde_json::from_str(&ended.stdout).unwrap();
    status["memory"].clone()
}

/// L7: memory is locked as far as the limits allow, the whole of it and not an arena, under a limit all that data lie in; `status` says
/// what was obtained, and without any the agent works.
#[test]
fn l7_what_is_locked_is_told_and_no_condition() {
    for limit in ["0", "1048576", "unlimited"] {
        let Some(ordinary) = Ordinary::new("s3cret") else {
            return;
        };
        let option = format!("--memlock={limit}");
        let mut probe = ordinary.command(&["prlimit", &option, "--"], "true");
        if !probe.status().unwrap().success() {
            not_here(&format!("no right to a limit of {limit} for locked memory"));
            continue;
        }
        let agent = ordinary.run_agent(&["prlimit", &option, "--"]);
        let ended = ordinary.helper(&["get", "foo", "--format", "password"]);
        assert_eq!(ended.stdout, "s3cret\n", "{limit}: {ended:?}");
        let memory = memory(&ordinary);
        let status = std::fs::read_to_string(format!("/proc/{}/status", agent.child.id())).unwrap();
        let line = status
            .lines()
            .find_map(|line| line.strip_prefix("VmLck:"))
            .unwrap();
        let locked: u64 = line.split_whitespace().next().unwrap().parse().unwrap();
        match limit {
            "0" => assert_eq!((&memory["lock"], locked), (&json!("none"), 0), "{memory}"),
            "unlimited" => assert_eq!(memory["lock"], "all", "{memory}"),
            _ => assert_ne!(memory["lock"], "all", "{memory}"),
        }
        assert_eq!(locked > 0, memory["lock"] != "none", "{memory} {line}");
    }
}

/// L8: what is freed is wiped: after `lock`, after an entry's end and after its removal, no copy of a secret is left in the agent's memory, in
/// no spelling.
/// Also: `agent::allocator::tests::given_back_blocks_are_empty`, `agent::buffer::tests::nothing_is_left_behind`
#[test]
fn l8_nothing_is_left_in_memory_after_lock() {
    if !looks_into_closed() {
        return not_here("nobody here can read the memory of the agent, root or not");
    }
    let secret = sentinel("memory");
    let mut sandbox = Sandbox::new();
    sandbox.set("POETRY_KEYRING_ENABLED", "false");
    let store = format!("[http-basic.foo]\nusername = \"alice\"\npassword = \"{secret}\"\n");
    sandbox.write(AUTH, &store);
    for format in ["lines", "json", "header", "password"] {
        let ended = sandbox.helper(&["get", "foo", "--format", format]);
        assert_eq!(ended.status, 0, "{ended:?}");
    }
    for arguments in [["list"].as_slice(), &["explain", "foo"]] {
        assert_eq!(sandbox.helper(arguments).status, 0);
    }
    let stored = sandbox.helper_fed(&["set", "bar", "bob"], &format!("{secret}\n"));
    assert_eq!(stored.status, 0, "{stored:?}");
    let own = [("POETRY_HTTP_BASIC_FOO_PASSWORD", secret.as_str())];
    assert_eq!(sandbox.helper_with(&own, &["get", "foo"]).status, 0);
    let mut connection = sandbox.connect();
    let reply = connection.call("Get", &sandbox.question("foo"));
    assert!(reply.to_string().contains(&secret));
    let agent = sandbox.agent().unwrap();
    // A cached answer is there: the search finds what there is to find.
    assert!(hits(agent, &secret) > 0, "the search finds nothing at all");
    let locked = connection.call("Lock", &json!({}));
    assert!(locked.get("error").is_none_or(Value::is_null), "{locked}");
    assert_eq!(hits(agent, &secret), 0);
}

/// Within so long.
const WIPED: Duration = Duration::from_mins(1);

/// What has outlived its limits is wiped within a minute, unasked; what was changed or removed at once.
#[test]
fn l8_nothing_is_left_in_memory_when_an_entry_ends() {
    if !looks_into_closed() {
        return not_here("nobody here can read the memory of the agent, root or not");
    }
    for removed in [false, true] {
        let secret = sentinel("memory");
        let mut sandbox = Sandbox::new();
        sandbox.set("POETRY_KEYRING_ENABLED", "false");
        let store = format!("[http-basic.foo]\nusername = \"a\"\npassword = \"{secret}\"\n");
        sandbox.write(AUTH, &store);
        let ended = sandbox.helper(&["get", "foo", "--format", "password"]);
        assert_eq!(ended.stdout, format!("{secret}\n"), "{ended:?}");
        let agent = sandbox.agent().unwrap();
        if removed {
            assert_eq!(sandbox.helper(&["delete", "foo"]).status, 0);
        } else {
            sandbox.write(AUTH, &store.replace(&secret, "another"));
        }
        let ended = sandbox.helper(&["get", "foo", "--format", "password"]);
        assert!(!ended.stdout.contains(&secret), "{ended:?}");
        let until = Instant::now() + WIPED + PATIENCE;
        while hits(agent, &secret) > 0 {
            assert!(Instant::now() < until, "removed: {removed}");
        }
    }
}

const PANICS: &str = "CREDENTIAL_HELPER_TEST_PANICS";

/// L25: a panic tells where it happened and nothing of what was worked on.
#[test]
fn l25_a_panic_tells_no_value() {
    if std::env::var_os(PANICS).is_some() {
        credential_helper_protocol::guard::quiet_panics();
        let secret = String::from("s\u{e9}ntinel-of-a-panic");
        // The standard library quotes the text.
        let half = &secret[..2];
        unreachable!("{half}");
    }
    let mut command = Command::new(std::env::current_exe().unwrap());
    command
        .args(["--exact", "security::memory::l25_a_panic_tells_no_value"])
        .args(["--nocapture", "--test-threads=1"])
        .env(PANICS, "1")
        .env("RUST_BACKTRACE", "1");
    let ended = end(&mut command, "");
    assert_ne!(ended.status, 0, "{ended:?}");
    let said = format!("{}{}", ended.stdout, ended.stderr);
    assert!(!said.contains("ntinel"), "{said}");
    assert!(
        said.contains("fault of the program itself, at tests/security/memory.rs:"),
        "{said}"
    );
}
