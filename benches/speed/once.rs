//! One credential, one process: start, question, answer, end.

use std::ffi::OsString;
use std::path::PathBuf;

use crate::artifacts::done;
use crate::report::{Report, median};
use crate::run::Options;
use crate::stage::{Stage, USER};

/// What one run cost.
#[derive(Clone, Copy)]
struct Cost {
    wall: f64,
    cpu: f64,
    memory: f64,
}

struct Row {
    name: String,
    /// Whose surroundings; an index of the stage's agents.
    agent: Option<usize>,
    command: Vec<OsString>,
    input: Option<PathBuf>,
    /// A question that was never asked before, each time.
    unasked: bool,
    costs: Vec<Cost>,
}

/// How many runs had an unasked question.
struct Unasked(u32);

impl Unasked {
    /// The time limit is part of the question, so each asks anew; all are longer than any needs.
    fn next(&mut self) -> OsString {
        self.0 += 1;
        format!("{}.{:03}", 5 + self.0 / 1000, self.0 % 1000).into()
    }
}

pub(crate) fn measure(stage: &mut Stage<'_>, options: &Options, report: &mut Report) {
    let mut rows = rows(stage);
    let mut unasked = Unasked(0);
    eprintln!("once: {} rounds of {} commands", options.rounds, rows.len());
    for round in 0..=options.rounds {
        for row in &mut rows {
            // Each timed run directly follows an untimed one of the same command: all are equally
            // warm, and a kept answer of the keyring, which is believed for 1 s, is there.
            run(stage, row, &mut unasked);
            let cost = run(stage, row, &mut unasked);
            if round > 0 {
                row.costs.push(cost);
            }
        }
    }
    tell(stage, &rows, report);
}

fn rows(stage: &Stage<'_>) -> Vec<Row> {
    let mut rows = Vec::new();
    let mut add = |name: String, agent, command: Vec<OsString>, input, unasked| {
        rows.push(Row {
            name,
            agent,
            command,
            input,
            unasked,
            costs: Vec::new(),
        });
    };
    for unasked in [false, true] {
        for (index, agent) in stage.agents.iter().enumerate() {
            let what = if unasked {
                "read from the Secret Service, "
            } else {
                ""
            };
            let name = format!(
                "**`helper get`**, {what}{} ({})",
                agent.build.name, agent.build.linked
            );
            let command = vec![
                agent.build.helper.clone().into(),
                "get".into(),
                "foo".into(),
            ];
            add(name, Some(index), command, None, unasked);
        }
    }
    for (index, agent) in stage.agents.iter().enumerate() {
        for (what, user) in [("hit", USER), ("miss", "nobody")] {
            let name = format!("**our `keyring get`**, {what}, {}", agent.build.name);
            let service = "poetry-repository-foo";
            let words = ["get", service, user].map(OsString::from);
            let program = std::iter::once(agent.bridge.clone().into());
            add(
                name,
                Some(index),
                program.chain(words).collect(),
                None,
                false,
            );
        }
    }
    let once = vec![
        stage.artifacts.once.clone().into(),
        stage.echo_socket.clone().into(),
    ];
    let name = "C, one connection and one round trip (dynamic)";
    add(name.to_owned(), None, once, None, false);
    for peer in &stage.peers {
        let command = peer.command.clone().unwrap_or_default();
        add(
            peer.name.to_owned(),
            None,
            command,
            peer.input.clone(),
            false,
        );
    }
    rows
}

fn run(stage: &Stage<'_>, row: &Row, unasked: &mut Unasked) -> Cost {
    let nothing = Cost {
        wall: f64::NAN,
        cpu: f64::NAN,
        memory: f64::NAN,
    };
    if row.command.is_empty() {
        return nothing;
    }
    let agent = row.agent.map(|index| &stage.agents[index]);
    let mut command = stage.launched(agent, row.input.as_deref());
    command.args(&row.command);
    if row.unasked {
        command.arg("--timeout").arg(unasked.next());
    }
    let said = done(&mut command);
    let numbers: Vec<f64> = said
        .split_whitespace()
        .map(|number| number.parse().unwrap())
        .collect();
    // A bridge that finds nothing says so.
    let status = if row.name.contains("miss") { 1.0 } else { 0.0 };
    assert!(
        (numbers[3] - status).abs() < 0.5,
        "{} ended with {}",
        row.name,
        numbers[3]
    );
    Cost {
        wall: numbers[0] / 1e6,
        cpu: numbers[1] / 1e6,
        memory: numbers[2] / 1024.0,
    }
}

fn tell(stage: &Stage<'_>, rows: &[Row], report: &mut Report) {
    let packaged = stage.agents.len() - 1;
    let mut table = vec![[
        "one credential, one process".to_owned(),
        "wall, ms".to_owned(),
        "from-to".to_owned(),
        "CPU, ms".to_owned(),
        "peak RSS, MiB".to_owned(),
        "x `helper get`, packaged".to_owned(),
    ]];
    for row in rows {
        if row.command.is_empty() {
            let none = || "-".to_owned();
            table.push([
                row.name.clone(),
                "not here".to_owned(),
                none(),
                none(),
                none(),
                none(),
            ]);
            continue;
        }
        let walls: Vec<f64> = row.costs.iter().map(|cost| cost.wall).collect();
        let cpus = row.costs.iter().map(|cost| cost.cpu).collect();
        let memory = row.costs.iter().map(|cost| cost.memory).collect();
        let least = walls.iter().copied().fold(f64::INFINITY, f64::min);
        let most = walls.iter().copied().fold(0.0, f64::max);
        table.push([
            row.name.clone(),
            format!("{:.2}", median(walls)),
            format!("{least:.2}-{most:.2}"),
            format!("{:.2}", median(cpus)),
            format!("{:.1}", median(memory)),
            format!("{:.2}", ratio(row, &rows[packaged])),
        ]);
    }
    report.table(&table);
    let named = |part: &str| rows.iter().find(|row| row.name.contains(part)).unwrap();
    let (floor, keyring) = (named("C, one"), named("`keyring get` (Python)"));
    let (plain, small) = (&rows[0], &rows[packaged]);
    report.at_most(
        "`helper get` / C client, cargo build",
        ratio(plain, floor),
        1.5,
    );
    report.at_most(
        "`helper get` / C client, packaged",
        ratio(small, floor),
        0.6,
    );
    report.at_least(
        "`keyring get` / `helper get`, cargo build",
        ratio(keyring, plain),
        150.0,
    );
    report.at_least(
        "`keyring get` / `helper get`, packaged",
        ratio(keyring, small),
        300.0,
    );
    let tool = named("secret-tool");
    for (agent, (python, secret_tool)) in stage.agents.iter().zip([(150.0, 6.0), (300.0, 15.0)]) {
        let name = agent.build.name;
        let ours = |what: &str| named(&format!("our `keyring get`**, {what}, {name}"));
        let (hit, miss) = (ours("hit"), ours("miss"));
        let what = format!("Python's `keyring get` / our `keyring get`, {name}");
        report.at_least(&what, ratio(keyring, hit), python);
        let what = format!("`secret-tool lookup` / our `keyring get`, {name}");
        report.at_least(&what, ratio(tool, hit), secret_tool);
        let what = format!("our `keyring get`, miss / hit, {name}");
        report.at_most(&what, ratio(miss, hit), 1.1);
    }
    for (row, agent) in rows[stage.agents.len()..].iter().zip(&stage.agents) {
        let what = format!(
            "read from the Secret Service / `secret-tool lookup`, {}",
            agent.build.name
        );
        report.at_most(&what, ratio(row, tool), 0.25);
    }
}

/// The median of the ratios of each round: what slows the machine for a while slows both.
fn ratio(row: &Row, to: &Row) -> f64 {
    let pairs = row.costs.iter().zip(&to.costs);
    median(pairs.map(|(row, to)| row.wall / to.wall).collect())
}
