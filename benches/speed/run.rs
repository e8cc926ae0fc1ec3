//! The arguments, and the parts in their order.

use std::process::ExitCode;

use crate::artifacts::Artifacts;
use crate::report::Report;
use crate::stage::Stage;
use crate::{clients, exec, memory, once, publish, report, resolve, traffic};

/// What was asked for.
pub(crate) struct Options {
    pub(crate) rounds: usize,
    only: Option<String>,
    write_readme: bool,
}

const PARTS: [&str; 8] = [
    "once", "traffic", "latency", "memory", "clients", "exec", "resolve", "publish",
];

impl Options {
    fn parse(mut arguments: impl Iterator<Item = String>) -> Result<Self, String> {
        let mut options = Self {
            rounds: 25,
            only: None,
            write_readme: false,
        };
        while let Some(argument) = arguments.next() {
            match argument.as_str() {
                "--bench" => {}
                "--write-readme" => options.write_readme = true,
                "--rounds" => {
                    options.rounds = arguments
                        .next()
                        .and_then(|number| number.parse().ok())
                        .filter(|rounds| *rounds > 0)
                        .ok_or("--rounds needs a number")?;
                }
                "--only" => {
                    let part = arguments.next().unwrap_or_default();
                    if !PARTS.contains(&part.as_str()) {
                        return Err(format!("--only needs one of {}", PARTS.join(", ")));
                    }
                    options.only = Some(part);
                }
                _ => return Err(format!("unknown argument {argument}")),
            }
        }
        if options.write_readme && options.only.is_some() {
            return Err("--write-readme needs every part".to_owned());
        }
        Ok(options)
    }

    fn wants(&self, part: &str) -> bool {
        self.only.as_deref().is_none_or(|only| only == part)
    }
}

pub(crate) fn main() -> ExitCode {
    let options = match Options::parse(std::env::args().skip(1)) {
        Ok(options) => options,
        Err(reason) => {
            eprintln!("speed: {reason}");
            return ExitCode::from(2);
        }
    };
    let artifacts = Artifacts::build();
    let mut stage = Stage::set(&artifacts);
    let mut report = Report::new(&artifacts, options.rounds);
    // At rest is what comes before the load of the other parts.
    if options.wants("memory") {
        memory::measure(&stage, &mut report);
    }
    if options.wants("once") {
        once::measure(&mut stage, &options, &mut report);
    }
    if options.wants("traffic") {
        traffic::measure(&stage, &mut report);
    }
    if options.wants("latency") {
        traffic::latency(&stage, &mut report);
    }
    if options.wants("clients") {
        clients::measure(&stage, &options, &mut report);
    }
    if options.wants("exec") {
        exec::measure(&stage, &options, &mut report);
    }
    if options.wants("resolve") {
        resolve::measure(&stage, &options, &mut report);
    }
    if options.wants("publish") {
        publish::measure(&stage, &options, &mut report);
    }
    drop(stage);
    let text = report.finish();
    println!("\n{text}");
    if options.write_readme {
        report::write_readme(&text);
    }
    ExitCode::SUCCESS
}
