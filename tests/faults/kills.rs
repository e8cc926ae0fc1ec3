//! Programs that are killed while they write, and many that write at once: nothing is lost.

use std::io::Write as _;
use std::process::{Child, Stdio};

use rustix::process::{Signal, kill_process};

use super::{AUTH, Row, moment};
use crate::harness::sandbox::{COULD_NOT, PATIENCE, Sandbox, gone, helper, helperd, wait};

const COMMENT: &str =
    "# mine\n[http-basic.bar] # bar's\nusername = 'b'\npassword = 'bp' # as it is\n";

fn sandbox() -> Sandbox {
    let sandbox = Sandbox::new().without_keyring();
    sandbox.write(
        AUTH,
        &format!("{COMMENT}\n[http-basic.foo]\nusername = \"alice\"\npassword = \"p0\"\n"),
    );
    sandbox
}

/// Starts a writer; its secret goes in at once.
fn write(sandbox: &Sandbox, round: u32, agent: bool) -> Child {
    let mut command = sandbox.command(if agent { helper() } else { helperd() });
    if !agent {
        command.arg("--no-agent");
    }
    let mut child = match round % 3 {
        0 => command.args(["config", "http-basic.foo", "alice"]),
        1 => command.args(["set", "foo", "alice"]),
        _ => command.args(["config", "certificates.foo.cert", "false"]),
    }
    .stdin(Stdio::piped())
    .stdout(Stdio::null())
    .stderr(Stdio::null())
    .spawn()
    .unwrap();
    let _ = child
        .stdin
        .take()
        .unwrap()
        .write_all(format!("p{round}\n").as_bytes());
    child
}

/// The file is whole, with everything that others wrote, and the credential is one that was set.
fn check(sandbox: &Sandbox, round: u32, known: &mut u32) {
    let text = sandbox.read(AUTH);
    assert!(text.starts_with(COMMENT), "round {round}: {text}");
    let ended = sandbox.helper_patiently(&["get", "foo"], "");
    assert_eq!(ended.status, 0, "round {round}: {ended:?}");
    let password = ended
        .stdout
        .strip_prefix("username=alice\npassword=p")
        .unwrap_or_else(|| panic!("{ended:?}"));
    let now: u32 = password.trim().parse().unwrap();
    assert!(
        now == *known || now == round,
        "round {round}: {now} after {known}"
    );
    *known = now;
}

/// No temporary file is left for ever: the next writer cleans up.
fn assert_tidy(sandbox: &Sandbox) {
    let ended = sandbox.helper_patiently(&["set", "foo", "alice"], "last\n");
    assert_eq!(ended.status, 0, "{ended:?}");
    let names: Vec<String> = std::fs::read_dir(sandbox.path("home/.config/pypoetry"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| name.contains("tmp") || name.contains("new"))
        .collect();
    assert_eq!(names, Vec::<String>::new());
}

#[test]
fn a_killed_writer_leaves_the_old_or_the_new() {
    let row = Row {
        name: "kill -9 of a writer without an agent, at random moments",
        target: "the file is the old or the new one, nothing left behind",
        rounds: [60, 200, 2000],
    };
    row.run(|run| {
        let sandbox = sandbox();
        let mut known = 0;
        while let Some(round) = run.next().map(|round| round + 1) {
            let mut child = write(&sandbox, round, false);
            let process = rustix::process::Pid::from_child(&child);
            gone(process, moment(round));
            let _ = child.kill();
            child.wait().unwrap();
            check(&sandbox, round, &mut known);
        }
        assert_tidy(&sandbox);
    });
}

#[test]
fn a_killed_agent_leaves_the_old_or_the_new() {
    let row = Row {
        name: "kill -9 of an agent that writes for a client, at random moments",
        target: "the file is the old or the new one; what was said to be done is done",
        rounds: [60, 200, 2000],
    };
    row.run(|run| {
        let sandbox = sandbox();
        let mut known = 0;
        assert_eq!(sandbox.helper_patiently(&["get", "foo"], "").status, 0);
        while let Some(round) = run.next().map(|round| round + 1) {
            let agent = sandbox.agent().unwrap();
            let mut child = write(&sandbox, round, true);
            gone(rustix::process::Pid::from_child(&child), moment(round));
            kill_process(agent, Signal::KILL).unwrap();
            assert!(gone(agent, PATIENCE));
            // The client comes to an end of its own: done by the next agent, or an error.
            let ended = wait(&mut child, PATIENCE);
            check(&sandbox, round, &mut known);
            let last = if round % 3 == 2 { known } else { round };
            assert!(
                ended.status != 0 || known == last,
                "round {round}: done, but {known}"
            );
        }
        assert_tidy(&sandbox);
    });
}

#[test]
fn writers_at_once_lose_nothing() {
    for agent in [true, false] {
        let sandbox = sandbox();
        let names: Vec<String> = (0..16).map(|number| format!("name{number}")).collect();
        let mut children: Vec<Child> = names
            .iter()
            .map(|name| {
                let mut command = sandbox.command(if agent { helper() } else { helperd() });
                if !agent {
                    command.arg("--no-agent");
                }
                let mut child = command
                    .args(["set", name, "alice"])
                    .stdin(Stdio::piped())
                    .stdout(Stdio::piped())
                    .stderr(Stdio::piped())
                    .spawn()
                    .unwrap();
                child
                    .stdin
                    .take()
                    .unwrap()
                    .write_all(format!("secret-{name}\n").as_bytes())
                    .unwrap();
                child
            })
            .collect();
        for (child, name) in children.iter_mut().zip(&names) {
            let mut ended = wait(child, PATIENCE);
            // Who was too late for the agent or for the lock has written nothing, and comes again.
            if ended.status == COULD_NOT {
                let set = [
                    if agent { &[][..] } else { &["--no-agent"] },
                    &["set", name, "alice"],
                ];
                ended = sandbox.helper_patiently(&set.concat(), &format!("secret-{name}\n"));
            }
            assert_eq!(ended.status, 0, "{ended:?}");
        }
        for name in &names {
            let ended = sandbox.helper_patiently(&["get", name, "--format", "password"], "");
            assert_eq!(ended.stdout, format!("secret-{name}\n"), "{ended:?}");
        }
        assert!(sandbox.read(AUTH).starts_with(COMMENT));
    }
}
