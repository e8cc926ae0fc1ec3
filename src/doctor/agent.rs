//! The running agent: its build, its lock, its providers, its memory.

use credential_helper_protocol::{ErrorCode, Failure, MemoryState, Status, VERSION};

use super::{Check, Outcome};
use crate::domain::credential::ProviderId;

/// Judges the agent's status.
pub(super) fn checks(status: &Result<Option<Status>, Failure>) -> Vec<Check> {
    match status {
        Err(failure) if failure.code == ErrorCode::OtherSettings => vec![
            Check::new(
                "agent",
                Outcome::Warning,
                "the running agent has other settings: commands do the work by themselves",
            )
            .fix("helper agent stop"),
        ],
        Err(failure) => vec![Check::failed("agent", failure)],
        Ok(None) => vec![Check::new(
            "agent",
            Outcome::Ok,
            "none is running; the first command that needs one starts it",
        )],
        Ok(Some(status)) => {
            let mut checks = vec![version(status)];
            if status.locked {
                checks.push(
                    Check::new(
                        "agent",
                        Outcome::Problem,
                        "it is locked and answers nothing",
                    )
                    .fix("helper agent unlock"),
                );
            }
            checks.push(memory(&status.memory));
            checks
        }
    }
}

fn version(status: &Status) -> Check {
    let running = format!("version {}, pid {}", status.version, status.pid);
    if status.version == VERSION {
        return Check::new("agent", Outcome::Ok, format!("running: {running}"));
    }
    let message = format!("another version than this one ({VERSION}) is running: {running}");
    Check::new("agent", Outcome::Warning, message)
        .fix("helper agent stop (the next command starts this version)")
}

fn memory(memory: &MemoryState) -> Check {
    let mut lacking = Vec::new();
    let mut fix = None;
    if memory.dumpable {
        lacking.push("other programs of yours may read its memory");
    }
    if memory.core_limit != Some(0) {
        lacking.push("it may leave a core file");
    }
    match memory.lock.as_str() {
        "all" => {}
        "part" => lacking.push("a part of its secrets may be written to swap"),
        _ => lacking.push("its secrets may be written to swap"),
    }
    if memory.lock != "all" {
        fix = Some("allow more locked memory: `ulimit -l 8192`, or LimitMEMLOCK= of its unit");
    }
    let result = if lacking.is_empty() {
        Outcome::Ok
    } else {
        Outcome::Warning
    };
    let message = if lacking.is_empty() {
        "not readable by other programs, no core file, never in swap".to_owned()
    } else {
        lacking.join("; ")
    };
    Check {
        fix: fix.map(str::to_owned),
        ..Check::new("memory", result, message)
    }
}

/// Judges the providers that the agent could not use. A keyring has a check of its own.
pub(super) fn providers(status: Option<&Status>) -> Vec<Check> {
    let mut checks = Vec::new();
    for provider in status.iter().flat_map(|status| &status.providers) {
        // The Secret Service is judged with its bus.
        if provider.name == ProviderId::SECRET_SERVICE.word() {
            continue;
        }
        let detail = provider.detail.as_deref().unwrap_or("it does not say why");
        let check = |result, message: String| {
            Check::new("provider", result, message).about(&*provider.name)
        };
        match provider.state.as_str() {
            "open" => checks.push(
                check(
                    Outcome::Warning,
                    format!("it did not answer in time and is left out for a while: {detail}"),
                )
                .fix("helper explain NAME (shows how long each provider takes)"),
            ),
            "unavailable" => checks.push(check(
                Outcome::Warning,
                format!("the agent cannot use it: {detail}"),
            )),
            "locked" => checks.push(
                check(Outcome::Problem, format!("it is locked: {detail}"))
                    .fix("helper agent unlock"),
            ),
            _ => {}
        }
    }
    checks
}

#[cfg(test)]
mod tests {
    use credential_helper_protocol::{
        ErrorCode, Failure, MemoryState, ProviderState, Status, VERSION,
    };

    use super::super::Outcome::{self, Ok as Good, Problem, Warning};
    use super::{checks, providers};

    fn status() -> Status {
        Status {
            version: VERSION.into(),
            pid: 9,
            memory: MemoryState {
                core_limit: Some(0),
                lock: "all".into(),
                ..MemoryState::default()
            },
            ..Status::default()
        }
    }

    fn results(status: &Result<Option<Status>, Failure>) -> Vec<Outcome> {
        let found = checks(status);
        assert!(
            found
                .iter()
                .all(|check| check.result != Problem || check.fix.is_some())
        );
        found.iter().map(|check| check.result).collect()
    }

    #[test]
    fn states() {
        let memory = |change: fn(&mut MemoryState)| {
            let mut status = status();
            change(&mut status.memory);
            Ok(Some(status))
        };
        let failed = |code| Err(Failure::new(code, "no").hint("so"));
        for (status, wanted) in [
            (Ok(None), vec![Good]),
            (Ok(Some(status())), vec![Good, Good]),
            (
                Ok(Some(Status {
                    version: "0.0.1".into(),
                    ..status()
                })),
                vec![Warning, Good],
            ),
            (
                Ok(Some(Status {
                    locked: true,
                    ..status()
                })),
                vec![Good, Problem, Good],
            ),
            (memory(|memory| memory.dumpable = true), vec![Good, Warning]),
            (
                memory(|memory| memory.core_limit = None),
                vec![Good, Warning],
            ),
            (
                memory(|memory| memory.lock = "part".into()),
                vec![Good, Warning],
            ),
            (
                memory(|memory| memory.lock = "none".into()),
                vec![Good, Warning],
            ),
            (failed(ErrorCode::OtherSettings), vec![Warning]),
            (failed(ErrorCode::Policy), vec![Problem]),
        ] {
            assert_eq!(results(&status), wanted);
        }
    }

    #[test]
    fn providers_that_do_not_work_are_named() {
        let with = |state: &str| Status {
            providers: vec![ProviderState {
                name: "uv-store".into(),
                state: state.into(),
                detail: None,
            }],
            ..status()
        };
        for (state, wanted) in [
            ("ready", None),
            ("off", None),
            ("open", Some(Warning)),
            ("unavailable", Some(Warning)),
            ("locked", Some(Problem)),
        ] {
            let found = providers(Some(&with(state)));
            assert_eq!(found.first().map(|check| check.result), wanted);
        }
        assert!(providers(None).is_empty());
    }
}
