//! What the agent holds: at rest (a credential was read from the keyring, so that its connection is
//! open, and a minute has passed), and after many requests.

use std::time::{Duration, Instant};

use crate::report::Report;
use crate::stage::Stage;
use crate::traffic::{self, Ask};

const REQUESTS: u32 = 100_000;

/// KiB, as the kernel counts them.
#[derive(Clone, Copy)]
struct Memory {
    resident: f64,
    proportional: f64,
    dirty: f64,
}

pub(crate) fn measure(stage: &Stage<'_>, report: &mut Report) {
    eprintln!("memory: {REQUESTS} requests to each agent");
    let head = [
        "memory at rest, KiB",
        "RSS",
        "PSS",
        "private dirty",
        "RSS after 100,000 requests",
    ];
    let mut table = vec![head.map(str::to_owned)];
    let ssh = stage
        .ssh_agent
        .as_ref()
        .and_then(|agent| Memory::of(agent.pid));
    let mut row = |name: String, memory: Option<Memory>, after: Option<Memory>| {
        let shown = |number: Option<f64>| number.map_or("-".to_owned(), |n| format!("{n:.0}"));
        table.push([
            name,
            shown(memory.map(|memory| memory.resident)),
            shown(memory.map(|memory| memory.proportional)),
            shown(memory.map(|memory| memory.dirty)),
            shown(after.map(|memory| memory.resident)),
        ]);
    };
    let before: Vec<_> = stage
        .agents
        .iter()
        .map(|agent| Memory::at_rest(agent.pid))
        .collect();
    for agent in &stage.agents {
        for (mode, share) in [("kept", 9), ("new", 1)] {
            let requests = REQUESTS / 10 * share;
            let ask = Ask {
                mode,
                clients: 8,
                milliseconds: 0,
                requests,
                pinned: None,
            };
            traffic::requests(stage, &agent.socket, &ask);
        }
    }
    let after: Vec<_> = stage
        .agents
        .iter()
        .map(|agent| Memory::at_rest(agent.pid))
        .collect();
    for ((agent, before), after) in stage.agents.iter().zip(before).zip(after) {
        let name = agent.build.name;
        let (Some(before), Some(after)) = (before, after) else {
            // The agent keeps others out of its memory; root alone sees the sums too.
            row(format!("agent, {name}: told to root only"), None, None);
            continue;
        };
        row(format!("agent, {name}"), Some(before), Some(after));
        if let Some(ssh) = ssh {
            let what = format!("private dirty at rest, {name} / ssh-agent");
            report.at_most(&what, before.dirty / ssh.dirty, 1.0);
        }
        report.at_most(
            &format!("PSS at rest, KiB, {name}"),
            before.proportional,
            4096.0,
        );
        report.at_most(
            &format!("RSS at rest, KiB, {name}"),
            before.resident,
            7168.0,
        );
        let grown = after.resident - before.resident;
        report.at_most(
            &format!("RSS at rest, grown by 100,000 requests, KiB, {name}"),
            grown,
            512.0,
        );
    }
    row("`ssh-agent`, one key".to_owned(), ssh, None);
    report.table(&table);
}

impl Memory {
    /// A while after the last question, when the agent has given its code back: once a minute it
    /// looks whether it is at rest.
    fn at_rest(pid: u32) -> Option<Self> {
        let busy = Self::of(pid)?;
        let begin = Instant::now();
        let mut now = busy;
        while now.resident > busy.resident * 0.8 && begin.elapsed() < Duration::from_secs(75) {
            #[expect(
                clippy::disallowed_methods,
                reason = "there is no event to wait for: memory changes without one"
            )]
            std::thread::sleep(Duration::from_millis(500));
            now = Self::of(pid)?;
        }
        Some(now)
    }

    fn of(pid: u32) -> Option<Self> {
        let text = std::fs::read_to_string(format!("/proc/{pid}/smaps_rollup")).ok()?;
        let sum = |key: &str| -> Option<f64> {
            let line = text.lines().find(|line| line.starts_with(key))?;
            line.split_whitespace().nth(1)?.parse().ok()
        };
        Some(Self {
            resident: sum("Rss:")?,
            proportional: sum("Pss:")?,
            dirty: sum("Private_Dirty:")?,
        })
    }
}
