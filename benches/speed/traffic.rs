//! Many requests to one server: how many a second, and how long one takes.

use std::path::Path;

use crate::artifacts::done;
use crate::report::{Report, median};
use crate::stage::Stage;

/// Measurements of each server, in turn.
const ROUNDS: usize = 7;
/// How long each takes.
const MILLISECONDS: u32 = 600;
/// Round trips in one measurement of latency.
const TRIPS: u32 = 4000;
/// `SSH_AGENTC_REQUEST_IDENTITIES` (draft-ietf-sshm-ssh-agent, 3.3).
const LIST_KEYS: [u8; 5] = [0, 0, 0, 1, 11];

/// What one measurement found.
pub(crate) struct Load {
    per_second: f64,
    p50: f64,
    p99: f64,
}

/// Who is asked what.
struct Target<'a> {
    socket: &'a Path,
    message: &'a Path,
    framing: &'static str,
}

/// How the load program is to ask.
pub(crate) struct Ask {
    pub(crate) mode: &'static str,
    pub(crate) clients: u32,
    pub(crate) milliseconds: u32,
    pub(crate) requests: u32,
    /// Both sides on one processor, with this server.
    pub(crate) pinned: Option<u32>,
}

pub(crate) fn measure(stage: &Stage<'_>, report: &mut Report) {
    eprintln!("traffic: {ROUNDS} rounds");
    let mut names = vec!["C echo (epoll)".to_owned()];
    names.extend(
        stage
            .agents
            .iter()
            .map(|agent| format!("agent, {}", agent.build.name)),
    );
    let mut table = vec![
        ["requests a second".to_owned(), "connections".to_owned()]
            .into_iter()
            .chain(names.iter().cloned())
            .chain(
                stage
                    .agents
                    .iter()
                    .map(|agent| format!("{} / C", agent.build.name)),
            )
            .collect::<Vec<_>>(),
    ];
    for (mode, what, goal) in [("kept", "kept", 0.4), ("new", "one for each request", 0.6)] {
        for clients in [8, 64] {
            let ask = Ask {
                mode,
                clients,
                milliseconds: MILLISECONDS,
                requests: 0,
                pinned: None,
            };
            let mut rates = vec![Vec::new(); names.len()];
            for _ in 0..ROUNDS {
                let echo = target(stage, &stage.echo_socket);
                rates[0].push(load(stage, &echo, &ask).per_second);
                for (agent, rates) in stage.agents.iter().zip(&mut rates[1..]) {
                    rates.push(load(stage, &target(stage, &agent.socket), &ask).per_second);
                }
            }
            let mut row = vec![format!("{clients} clients"), what.to_owned()];
            row.extend(
                rates
                    .iter()
                    .map(|rates| format!("{:.0}", median(rates.clone()))),
            );
            for (agent, ours) in stage.agents.iter().zip(&rates[1..]) {
                let ratio = median(ours.iter().zip(&rates[0]).map(|(a, b)| a / b).collect());
                row.push(format!("{ratio:.2}"));
                let name = format!(
                    "requests/s, {clients} clients, connection {what}, {} / C echo",
                    agent.build.name
                );
                report.at_least(&name, ratio, goal);
            }
            table.push(row);
        }
    }
    report.table(&table);
}

pub(crate) fn latency(stage: &Stage<'_>, report: &mut Report) {
    let mut table = vec![
        [
            "round trip on a kept connection",
            "p50, us",
            "p99, us",
            "p50 / ssh-agent",
        ]
        .map(str::to_owned),
    ];
    let message = stage.home.join("list-keys");
    std::fs::write(&message, LIST_KEYS).unwrap();
    let mut found: Vec<Vec<Load>> = stage.agents.iter().map(|_| Vec::new()).collect();
    let mut theirs = Vec::new();
    eprintln!("latency: {ROUNDS} rounds");
    let ask = |pid| Ask {
        mode: "kept",
        clients: 1,
        milliseconds: 0,
        requests: TRIPS,
        pinned: Some(pid),
    };
    for _ in 0..ROUNDS {
        if let Some(ssh) = &stage.ssh_agent {
            let target = Target {
                socket: &ssh.socket,
                message: &message,
                framing: "ssh",
            };
            theirs.push(load(stage, &target, &ask(ssh.pid)));
        }
        for (agent, found) in stage.agents.iter().zip(&mut found) {
            found.push(load(stage, &target(stage, &agent.socket), &ask(agent.pid)));
        }
    }
    let mut row = |name: String, loads: &[Load], ratio: Option<f64>| {
        let p50 = median(loads.iter().map(|load| load.p50).collect());
        let p99 = median(loads.iter().map(|load| load.p99).collect());
        let ratio = ratio.map_or("-".to_owned(), |ratio| format!("{ratio:.2}"));
        table.push([name, format!("{p50:.1}"), format!("{p99:.1}"), ratio]);
    };
    if theirs.is_empty() {
        row("`ssh-agent`: not here".to_owned(), &[], None);
    } else {
        row("`ssh-agent`, list of keys".to_owned(), &theirs, None);
    }
    for (agent, ours) in stage.agents.iter().zip(&found) {
        let ratio = median(
            ours.iter()
                .zip(&theirs)
                .map(|(a, b)| a.p50 / b.p50)
                .collect(),
        );
        row(format!("agent, {}", agent.build.name), ours, Some(ratio));
        let name = format!("round trip, p50, {} / ssh-agent", agent.build.name);
        report.at_most(&name, ratio, 2.0);
    }
    report.table(&table);
}

fn target<'a>(stage: &'a Stage<'_>, socket: &'a Path) -> Target<'a> {
    Target {
        socket,
        message: &stage.question,
        framing: "nul",
    }
}

/// So many requests to an agent over some kept or new connections.
pub(crate) fn requests(stage: &Stage<'_>, socket: &Path, ask: &Ask) {
    load(stage, &target(stage, socket), ask);
}

fn load(stage: &Stage<'_>, target: &Target<'_>, ask: &Ask) -> Load {
    let mut command = stage.keyring.command(&stage.artifacts.load);
    command.args([target.socket, target.message]);
    command.args([target.framing, ask.mode]);
    command.args([ask.clients, ask.milliseconds, ask.requests].map(|number| number.to_string()));
    if let Some(pid) = ask.pinned {
        command.args([pid, 0].map(|number| number.to_string()));
    }
    let said = done(&mut command);
    let numbers: Vec<f64> = said
        .split_whitespace()
        .map(|number| number.parse().unwrap())
        .collect();
    Load {
        per_second: numbers[0] / numbers[1] * 1e9,
        p50: numbers[2] / 1e3,
        p99: numbers[3] / 1e3,
    }
}
