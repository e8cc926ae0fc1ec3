//! A store that others change: the very next question sees it, also where nothing can be watched.

use std::time::Instant;

use super::{AUTH, Row, Slowest, auth, has, password, sandbox};
use crate::harness::sandbox::{Foreground, Sandbox, helperd};

/// An agent whose user may have no more of this limit (`/proc/sys/user`, `user_namespaces(7)`).
fn without(sandbox: &Sandbox, limit: &str) -> Option<Foreground> {
    if !has("unshare") {
        return None;
    }
    let script = "echo 0 > /proc/sys/user/$0 && exec \"$@\"";
    let mut probe = sandbox.command("unshare");
    probe.args(["-Ur", "sh", "-c", script, limit, "true"]);
    if !probe.status().unwrap().success() {
        eprintln!("there are no namespaces for users here: this part is not tested");
        return None;
    }
    let mut command = sandbox.command("unshare");
    command.args(["-Ur", "sh", "-c", script, limit]);
    command.arg(helperd()).args(["agent", "run"]);
    Some(sandbox.run_agent_by(command))
}

#[test]
fn store_change() {
    let row = Row {
        name: "auth.toml changed by others in 7 ways: watched, without inotify, without watches",
        target: "seen ≤ 250 ms after (here: by the very next question)",
        rounds: [30, 600, 6000],
    };
    row.run(|run| {
        let slowest = Slowest::default();
        std::thread::scope(|scope| {
            for kind in 0..3 {
                let (slowest, run) = (&slowest, &run);
                scope.spawn(move || {
                    let sandbox = sandbox();
                    let agent = match kind {
                        0 => Some(sandbox.run_agent(&[])),
                        1 => without(&sandbox, "max_inotify_instances"),
                        _ => without(&sandbox, "max_inotify_watches"),
                    };
                    // Each of the three has its own third.
                    let rounds = (0..run.rounds).filter(|round| round % 3 == kind);
                    for round in rounds.filter(|_| agent.is_some()) {
                        changes(&sandbox, round, slowest);
                        run.next();
                    }
                });
            }
        });
        run.figure(format!("slowest {}", slowest.shown()));
    });
}

fn changes(sandbox: &Sandbox, round: u32, slowest: &Slowest) {
    let mut connection = sandbox.connect();
    let question = sandbox.question("foo");
    let mut expect = |password_now: Option<&str>, how: &str| {
        let start = Instant::now();
        let reply = connection.call("Get", &question);
        slowest.note(start.elapsed());
        assert_eq!(password(&reply), password_now, "{how}: {reply}");
    };
    let path = sandbox.path(AUTH);
    let text = |how: &str| format!("{how}-{round}");
    sandbox.write(AUTH, &auth(&text("in-place")));
    expect(Some(&text("in-place")), "written in place");
    let new = sandbox.write("home/.config/pypoetry/new", &auth(&text("renamed")));
    std::fs::rename(new, &path).unwrap();
    expect(Some(&text("renamed")), "renamed");
    let aside = sandbox.path("aside");
    std::fs::rename(&path, &aside).unwrap();
    expect(None, "moved away");
    std::fs::rename(&aside, &path).unwrap();
    expect(Some(&text("renamed")), "moved back");
    std::fs::remove_file(&path).unwrap();
    expect(None, "deleted");
    for (number, how) in ["link-a", "link-b"].into_iter().enumerate() {
        let target = sandbox.write(&format!("target-{number}"), &auth(&text(how)));
        let link = sandbox.path("home/.config/pypoetry/link");
        std::os::unix::fs::symlink(target, &link).unwrap();
        std::fs::rename(link, &path).unwrap();
        expect(Some(&text(how)), "another link");
    }
    sandbox.write("target-1", &auth(&text("behind")));
    expect(Some(&text("behind")), "changed behind the link");
    std::fs::remove_file(&path).unwrap();
}
