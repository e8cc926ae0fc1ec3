//! A disk that is full, read-only or broken: the old file stays, the error says why, and the
//! agent lives.

use super::strace::{can_trace, strace_in_folder};
use super::{AUTH, Row, auth, has, sandbox};
use crate::harness::sandbox::{Foreground, Sandbox, end, helper, helperd};

/// Calls of a write, and how each fails.
const BROKEN: [(&str, &str); 8] = [
    ("fsync:error=EIO:when=1", "input/output error"),
    ("fsync:error=ENOSPC:when=1", "no space"),
    ("fsync:error=EDQUOT:when=1", "no space"),
    ("fchmod:error=EIO:when=1", "input/output error"),
    ("renameat2:error=ENOSPC", "no space"),
    ("renameat2:error=EROFS", "read-only"),
    ("renameat2:error=EIO", "input/output error"),
    ("renameat2:error=EACCES", "permission denied"),
];

/// Nothing is written, the reason is named, and the same agent answers.
fn assert_refused(sandbox: &Sandbox, why: &str, what: &str) {
    let before = (sandbox.read(AUTH), sandbox.agent());
    let refused = sandbox.helper_fed(&["set", "foo", "alice"], "a-new-one\n");
    assert_eq!(refused.status, 3, "{what}: {refused:?}");
    let path = sandbox.path(AUTH);
    for part in ["helper: cannot change", path.to_str().unwrap(), why] {
        assert!(refused.stderr.contains(part), "{what}: {part}: {refused:?}");
    }
    assert_eq!((sandbox.read(AUTH), sandbox.agent()), before, "{what}");
    let ended = sandbox.helper(&["get", "foo", "--format", "password"]);
    assert_eq!(
        (ended.status, ended.stdout.as_str()),
        (0, "s3cret\n"),
        "{what}: {ended:?}"
    );
    let folder = std::fs::read_dir(sandbox.path("home/.config/pypoetry")).unwrap();
    assert_eq!(folder.count(), 2, "{what}: a file was left");
}

#[test]
fn full_and_broken() {
    let row = Row {
        name: "disk full, read-only, EIO: at each step of a write",
        target: "old file intact, exit 3 with the reason, the agent lives",
        rounds: [9, 207, 2000],
    };
    let traced = can_trace();
    row.run(|run| {
        run.shared(2, |run| {
            while let Some(round) = run.next() {
                let sandbox = sandbox();
                // The start of an agent that makes this folder sets a mode, too.
                sandbox.private_folder("run/credential-helper");
                let kind = round as usize % (BROKEN.len() + 1);
                let mut command;
                let (what, why) = match BROKEN.get(kind) {
                    Some(_) if !traced => continue,
                    Some((injection, why)) => {
                        let Some(traced) = strace_in_folder(&sandbox, injection) else {
                            continue;
                        };
                        command = traced;
                        (*injection, *why)
                    }
                    None => {
                        command = sandbox.command("prlimit");
                        command.arg("--fsize=40:40");
                        ("a limit on files", "no space")
                    }
                };
                command.arg(helperd()).args(["agent", "run"]);
                let _agent: Foreground = sandbox.run_agent_by(command);
                assert_refused(&sandbox, why, what);
            }
        });
    });
}

/// Runs in a mount namespace of its own: prints what each step came to.
const SCRIPT: &str = r#"
folder="$HOME/.config/pypoetry"
mkdir "$HOME/copy" && cp "$folder"/* "$HOME/copy"
mount -t tmpfs -o size=1m,mode=700 none "$folder" && cp "$HOME/copy"/* "$folder" || { echo no mount; exit; }
try() { echo a-new-one | "$HELPER" set foo alice >"$HOME/said" 2>&1; echo "set $?" $(grep -o "$1" "$HOME/said" | head -n 1); }
same() { cmp "$folder/auth.toml" "$HOME/copy/auth.toml" && echo same; "$HELPER" get foo --format password; }
"$HELPER" get foo --format password
head -c 2000000 /dev/zero 2>/dev/null >"$folder/fill"
try "no space left"; same
rm "$folder/fill"
mount -o remount,bind,ro "$folder"
try "read-only"; same
mount -o remount,bind,rw "$folder"
try nothing; grep -c a-new-one "$folder/auth.toml"
ls -A "$folder"
"$HELPER" agent stop >"$HOME/said" 2>&1
"#;

#[test]
fn a_real_disk() {
    let row = Row {
        name: "disk full, read-only: a file system of 1 MB",
        target: "old file intact, exit 3 with the reason, the agent lives; done once there is room",
        rounds: [1, 200, 200],
    };
    if !has("unshare") {
        return;
    }
    row.run(|run| {
        run.shared(2, |run| {
            while let Some(round) = run.next() {
                let sandbox = sandbox();
                sandbox.write(AUTH, &auth("s3cret"));
                let mut command = sandbox.command("unshare");
                command
                    .args(["-rm", "sh", "-c", SCRIPT])
                    .env("HELPER", helper());
                let ended = end(&mut command, "");
                if ended.stdout.starts_with("no mount") || ended.stdout.is_empty() {
                    eprintln!("nothing can be mounted here: this part is not tested: {ended:?}");
                    return;
                }
                let expected = "s3cret\nset 3 no space left\nsame\ns3cret\n\
                    set 3 read-only\nsame\ns3cret\nset 0\n1\nauth.toml\nconfig.toml\n";
                assert_eq!(ended.stdout, expected, "round {round}: {ended:?}");
            }
        });
    });
}
