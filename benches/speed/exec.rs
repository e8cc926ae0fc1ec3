//! `helper exec`: what it costs to start a command, and how fast `--mask` passes its output on.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Instant;

use crate::artifacts::done;
use crate::report::{Report, median};
use crate::run::Options;
use crate::stage::{Agent, PASSWORD, Stage, program};

/// How often the file goes through: a GiB in all.
const TIMES: usize = 16;
const FILE: usize = 64 * 1024 * 1024;
/// A stream takes a second; more rounds say nothing more.
const STREAM_ROUNDS: usize = 5;

pub(crate) fn measure(stage: &Stage<'_>, options: &Options, report: &mut Report) {
    starts(stage, options.rounds, report);
    streams(stage, options.rounds.min(STREAM_ROUNDS), report);
}

/// A command alone, and the same inside `helper exec`.
fn starts(stage: &Stage<'_>, rounds: usize, report: &mut Report) {
    const HOW: [(&str, &[&str]); 3] = [
        ("direct, `--no-netrc`", &["--no-netrc"]),
        ("direct, with a netrc in memory", &[]),
        ("`--mask --no-netrc`", &["--mask", "--no-netrc"]),
    ];
    eprintln!("exec: {rounds} rounds of starts");
    let child = program("true").unwrap();
    let mut alone = Vec::new();
    let mut inside = vec![vec![Vec::new(); HOW.len()]; stage.agents.len()];
    for round in 0..=rounds {
        // Each timed run directly follows an untimed one of the same command.
        let base = [false, true].map(|_| wall(stage.launched(None, None).arg(&child)))[1];
        if round > 0 {
            alone.push(base);
        }
        for (agent, costs) in stage.agents.iter().zip(&mut inside) {
            for ((_, how), costs) in HOW.iter().zip(costs) {
                let run = || {
                    let mut command = stage.launched(Some(agent), None);
                    command.arg(&agent.build.helper).args(["exec", "foo"]);
                    wall(command.arg("--only").args(*how).arg("--").arg(&child))
                };
                let found = [run(), run()][1];
                if round > 0 {
                    costs.push(found - base);
                }
            }
        }
    }
    let head = [
        "`helper exec foo --only -- true`",
        "ms over the command itself",
    ];
    let mut table = vec![head.map(str::to_owned)];
    table.push([
        "`true` alone, whole time".to_owned(),
        format!("{:.2}", median(alone)),
    ]);
    for (agent, costs) in stage.agents.iter().zip(inside) {
        for ((name, _), costs) in HOW.iter().zip(costs) {
            let name = format!("{name}, {}", agent.build.name);
            let found = median(costs);
            table.push([name.clone(), format!("{found:.2}")]);
            if name.starts_with("direct") {
                report.at_most(&format!("`helper exec`, {name}, ms"), found, 5.0);
            }
        }
    }
    report.table(&table);
}

/// In milliseconds, of a command that says what it has launched.
fn wall(command: &mut Command) -> f64 {
    let said = done(command);
    let numbers: Vec<f64> = said
        .split_whitespace()
        .map(|number| number.parse().unwrap())
        .collect();
    assert!(numbers[3].abs() < 0.5, "{command:?} ended with {said}");
    numbers[0] / 1e6
}

/// A GiB of what a build prints, with the secret in it now and then: through `--mask`, and through
/// `cat` in the same place.
fn streams(stage: &Stage<'_>, rounds: usize, report: &mut Report) {
    eprintln!("exec: {rounds} rounds of streams");
    let file = write_log(&stage.home);
    let files = vec![file; TIMES];
    // What follows the command in the pipeline.
    let places = [("/dev/null", ""), ("a pipe", " | cat")];
    let mut costs = vec![vec![(Vec::new(), Vec::new()); places.len()]; stage.agents.len()];
    for round in 0..=rounds {
        for (agent, costs) in stage.agents.iter().zip(&mut costs) {
            for ((_, rest), (ours, theirs)) in places.iter().zip(costs) {
                let mask = format!("\"$0\" exec foo --only --no-netrc --mask -- cat \"$@\"{rest}");
                let ours_took = stream(stage, agent, &mask, &files);
                let theirs_took = stream(stage, agent, &format!("cat \"$@\" | cat{rest}"), &files);
                if round > 0 {
                    ours.push(ours_took);
                    theirs.push(theirs_took);
                }
            }
        }
    }
    let head = ["1 GiB through", "s", "`cat` in its place, s", "x `cat`"];
    let mut table = vec![head.map(str::to_owned)];
    for (agent, costs) in stage.agents.iter().zip(costs) {
        for ((place, _), (ours, theirs)) in places.iter().zip(costs) {
            let pairs = ours.iter().zip(&theirs);
            let ratio = median(pairs.map(|(ours, theirs)| theirs / ours).collect());
            let name = format!("`--mask` into {place}, {}", agent.build.name);
            report.at_least(&format!("{name} / `cat`"), ratio, 0.4);
            let numbers = [median(ours), median(theirs), ratio];
            let [ours, theirs, ratio] = numbers.map(|number| format!("{number:.2}"));
            table.push([name, ours, theirs, ratio]);
        }
    }
    report.table(&table);
}

/// Lines as a package manager prints them; in each 1,000th is the secret.
fn write_log(home: &Path) -> PathBuf {
    let path = home.join("log");
    let mut text = Vec::with_capacity(FILE + 128);
    let mut number = 0_u32;
    while text.len() < FILE {
        number += 1;
        let word = if number.is_multiple_of(1000) {
            PASSWORD
        } else {
            "ok"
        };
        writeln!(
            text,
            "  - Installing package-{number} ({}.{}.0): Downloading... {word}",
            number % 97,
            number % 13,
        )
        .unwrap();
    }
    std::fs::write(&path, text).unwrap();
    path
}

/// In seconds, with the output thrown away.
fn stream(stage: &Stage<'_>, agent: &Agent<'_>, script: &str, files: &[PathBuf]) -> f64 {
    let helper = stage.helper(agent);
    let mut command = stage.keyring.command("sh");
    for (name, value) in helper.get_envs() {
        if let Some(value) = value {
            command.env(name, value);
        }
    }
    command.args(["-c", script]).arg(helper.get_program());
    let begun = Instant::now();
    let status = command.args(files).stdout(Stdio::null()).status().unwrap();
    let took = begun.elapsed().as_secs_f64();
    assert!(status.success(), "{script} ended with {status}");
    took
}
