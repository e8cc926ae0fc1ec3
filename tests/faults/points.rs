//! A writer is killed at each of its steps: the file is the old or the new one, never neither.

use std::process::Command;

use super::strace::{can_trace, strace, strace_in_folder};
use super::{AUTH, Row, sandbox};
use crate::harness::sandbox::{Ended, Foreground, PATIENCE, Sandbox, end, gone, helper, helperd};

/// Where the kill comes: before this call of the thread that writes. A limit on the size of
/// files ends a write in the middle; what is killed then is the way out of it.
const POINTS: [(&str, &str, bool); 7] = [
    (
        "before the file is opened for it",
        "flock:signal=KILL",
        false,
    ),
    ("in the middle of the write", "unlinkat:signal=KILL", true),
    ("written, with the wrong mode", "fchmod:signal=KILL", false),
    ("before the sync", "fsync:signal=KILL:when=1", false),
    ("before the exchange", "renameat2:signal=KILL", false),
    ("before the old one goes", "unlinkat:signal=KILL", false),
    (
        "before the sync of the folder",
        "fsync:signal=KILL:when=2",
        false,
    ),
];

const COMMENT: &str =
    "# mine\n[http-basic.bar] # bar's\nusername = 'b'\npassword = 'bp' # as it is\nunknown = 7\n";

fn text(password: &str) -> String {
    format!("{COMMENT}\n[http-basic.foo]\nusername = \"alice\"\npassword = \"{password}\"\n")
}

/// No file but what was there.
fn assert_tidy(sandbox: &Sandbox, point: &str) {
    let folder = std::fs::read_dir(sandbox.path("home/.config/pypoetry")).unwrap();
    for entry in folder {
        let name = entry.unwrap().file_name();
        assert!(
            name == "auth.toml" || name == "config.toml",
            "{point}: {name:?}"
        );
    }
}

/// Old or new; and the next writer leaves nothing of the killed one.
fn check(sandbox: &Sandbox, point: &str, old: &str, new: &str) -> bool {
    let after = sandbox.read(AUTH);
    assert!(after == text(old) || after == text(new), "{point}: {after}");
    let ended = sandbox.helper(&["get", "foo", "--format", "password"]);
    assert_eq!(ended.status, 0, "{point}: {ended:?}");
    assert_eq!(after, text(ended.stdout.trim()), "{point}");
    let next = sandbox.helper_fed(&["set", "foo", "alice"], "next\n");
    assert_eq!(next.status, 0, "{point}: {next:?}");
    assert_eq!(sandbox.read(AUTH), text("next"), "{point}");
    assert_tidy(sandbox, point);
    after == text(new)
}

fn limited(traced: &Command, sandbox: &Sandbox) -> Command {
    let mut command = sandbox.command("prlimit");
    command.arg("--fsize=70:70").arg(traced.get_program());
    command.args(traced.get_args());
    command
}

/// A writer without an agent; its status is that of a kill.
fn alone(sandbox: &Sandbox, injection: &str, limit: bool, secret: &str) -> Ended {
    let mut command = strace(sandbox, injection);
    command.arg(helperd());
    command.args(["--no-agent", "set", "foo", "alice"]);
    if limit {
        command = limited(&command, sandbox);
    }
    end(&mut command, secret)
}

#[test]
fn killed_at_each_point_of_a_write() {
    let row = Row {
        name: "kill -9 at each of 7 points of a write of auth.toml, the agent and `--no-agent`",
        target: "the file is the old or the new one, comments and unknown keys kept; nothing left behind",
        rounds: [14, 210, 2000],
    };
    if !can_trace() {
        return;
    }
    row.run(|run| {
        let new_ones = std::sync::atomic::AtomicU32::new(0);
        run.shared(3, |run| {
            let sandbox = sandbox();
            while let Some(round) = run.next() {
                sandbox.write(AUTH, &text("old"));
                let (point, injection, limit) = POINTS[round as usize % POINTS.len()];
                if (round as usize / POINTS.len()).is_multiple_of(2) {
                    let ended = alone(&sandbox, injection, limit, "new\n");
                    assert_eq!(ended.status, 128 + 9, "{point}: {ended:?}");
                } else {
                    in_agent(&sandbox, point, injection, limit);
                }
                if check(&sandbox, point, "old", "new") {
                    new_ones.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
                }
            }
        });
        let new = new_ones.into_inner();
        run.figure(format!(
            "{} times the old file, {new} times the new one",
            run.rounds - new
        ));
    });
}

/// The same, of an agent that a client asked for it.
fn in_agent(sandbox: &Sandbox, point: &str, injection: &str, limit: bool) {
    let _ = sandbox.helper(&["agent", "stop"]);
    let Some(mut command) = strace_in_folder(sandbox, injection) else {
        return;
    };
    command.arg(helperd()).args(["agent", "run"]);
    if limit {
        command = limited(&command, sandbox);
    }
    let agent: Foreground = sandbox.run_agent_by(command);
    let pid = sandbox.agent().unwrap();
    let ended = end(
        sandbox.command(helper()).args(["set", "foo", "alice"]),
        "new\n",
    );
    assert!(gone(pid, PATIENCE), "{point}: {ended:?}");
    // An error, or done by the next agent, which the client has started.
    if ended.status != 0 {
        assert_eq!(ended.status, 3, "{point}: {ended:?}");
        assert!(ended.stderr.starts_with("helper: "), "{point}: {ended:?}");
    }
    drop(agent);
}
