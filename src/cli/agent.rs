//! `helper agent`: starts, stops, locks and shows the agent.

use std::time::Duration;

use credential_helper_protocol::{ErrorCode, Failure, OpenSocket, Status, Unlock};

use super::Session;
use super::args_agent::{AgentCommand, SocketArgs};
use super::table::{Cell, lines, table};
use crate::connect::{Agent, Options, RunOptions};

/// Does one of them.
pub(crate) fn run(session: &mut Session<'_>, command: &AgentCommand) -> Result<u8, Failure> {
    if session.global.no_agent && !matches!(command, AgentCommand::Unlock { .. }) {
        return Err(Failure::new(
            ErrorCode::Usage,
            "--no-agent leaves out the agent that this command is about",
        ));
    }
    match command {
        AgentCommand::Run { detached, by_hand } => {
            let options = RunOptions {
                detached: *detached,
                by_client: *detached && !*by_hand,
                ..RunOptions::default()
            };
            // One that has left its client has nowhere to tell anything.
            let level = session.level.filter(|_| !*detached);
            session.outside.run_agent(options, level)?;
        }
        AgentCommand::Start => start(session)?,
        AgentCommand::Stop => match running(session)? {
            Some(mut agent) => {
                agent.stop()?;
                session.out.note("stopped the agent");
            }
            None => session.out.note("no agent is running"),
        },
        AgentCommand::Status => status(session)?,
        AgentCommand::Lock => {
            session.outside.connect(&options(session))?.lock()?;
            session
                .out
                .note("locked the agent; `helper agent unlock` lifts that");
        }
        AgentCommand::Unlock { password_stdin } => unlock(session, *password_stdin)?,
        AgentCommand::Socket(args) => socket(session, args)?,
        AgentCommand::Reload => match running(session)? {
            Some(mut agent) => {
                agent.reload()?;
                session.out.note("read settings and bindings again");
            }
            None => session
                .out
                .note("no agent is running: the next one reads its settings when it starts"),
        },
    }
    Ok(0)
}

/// How the agent itself is reached: a variable that says to work without it does not count here.
fn options(session: &Session<'_>) -> Options {
    Options {
        no_agent: false,
        ..session.options()
    }
}

fn running(session: &Session<'_>) -> Result<Option<Box<dyn Agent>>, Failure> {
    session.outside.running(&options(session))
}

fn start(session: &mut Session<'_>) -> Result<(), Failure> {
    let (mut agent, told) = match running(session)? {
        Some(agent) => (agent, "an agent is running already"),
        None => (
            session.outside.start_agent(&options(session))?,
            "started the agent",
        ),
    };
    let status = agent.status()?;
    let socket = status.socket.as_deref().unwrap_or("-");
    session
        .out
        .note(&format!("{told}: pid {}, socket {socket}", status.pid));
    Ok(())
}

fn socket(session: &mut Session<'_>, args: &SocketArgs) -> Result<(), Failure> {
    let broken = || {
        Failure::new(
            ErrorCode::Usage,
            "the path of the socket is no absolute path of UTF-8 text",
        )
    };
    let path = std::path::absolute(&args.path).map_err(|_| broken())?;
    let opened = session
        .outside
        .connect(&options(session))?
        .open_socket(&OpenSocket {
            path: path.to_str().ok_or_else(broken)?.to_owned(),
            names: args.names.clone(),
            operation: Some(args.operation.into()),
            ttl_s: args.ttl.map(|ttl| ttl.as_secs()),
            uid: args.uid,
        })?;
    if session.out.is_json() {
        return session.out.object(&opened);
    }
    let until = opened.until.as_deref();
    session.out.note(&format!(
        "opened {} for {}, until {}",
        opened.path,
        opened.names.join(", "),
        until.unwrap_or("the agent ends")
    ));
    Ok(())
}

fn unlock(session: &mut Session<'_>, password_stdin: bool) -> Result<(), Failure> {
    let password = if password_stdin {
        Some(
            session
                .outside
                .secret("password of the keyring", session.may_ask())?,
        )
    } else {
        None
    };
    // The keyring's own window is no prompt of ours: only the option forbids it.
    let context = session.context_alone(!session.global.non_interactive)?;
    session.agent()?.unlock(&Unlock { password, context })?;
    session.out.note("unlocked");
    Ok(())
}

fn status(session: &mut Session<'_>) -> Result<(), Failure> {
    let Some(mut agent) = running(session)? else {
        return Err(Failure::new(ErrorCode::NotFound, "no agent is running")
            .hint("it starts when it is needed, or with `helper agent start`"));
    };
    let status = agent.status()?;
    if session.out.is_json() {
        return session.out.object(&status);
    }
    let colours = session.out.colours();
    session.out.text(&text(&status, colours))
}

fn text(status: &Status, colours: bool) -> String {
    let seconds = |seconds| humantime::format_duration(Duration::from_secs(seconds)).to_string();
    let memory = &status.memory;
    let fact = |label: &str, value: &str| vec![Cell::new(label), Cell::new(value)];
    let facts = [
        fact("version", &status.version),
        fact("build", &status.build),
        fact("protocol", &status.protocol),
        fact("pid", &status.pid.to_string()),
        fact("socket", status.socket.as_deref().unwrap_or("-")),
        fact("started by", &status.started_by),
        fact("uptime", &seconds(status.uptime_s)),
        fact(
            "ends when idle",
            &status.idle_exit_s.map_or_else(
                || "never".to_owned(),
                |idle| format!("after {}", seconds(idle)),
            ),
        ),
        fact("locked", if status.locked { "yes" } else { "no" }),
        fact("connections", &status.connections.to_string()),
        fact(
            "cache",
            &format!(
                "{} entries, {} hits, {} misses",
                status.cache.entries, status.cache.hits, status.cache.misses
            ),
        ),
        fact(
            "memory",
            &format!(
                "{}, core files {}, {} locked ({} bytes)",
                if memory.dumpable {
                    "readable by the user's other processes"
                } else {
                    "not dumpable"
                },
                match memory.core_limit {
                    Some(0) => "off".to_owned(),
                    Some(limit) => format!("up to {limit} bytes"),
                    None => "on".to_owned(),
                },
                memory.lock,
                memory.locked_bytes,
            ),
        ),
    ];
    let sockets = status.sockets.iter().map(|socket| {
        let until = socket.until.as_deref().unwrap_or("the agent ends");
        let names = socket.names.join(", ");
        let other = socket.uid.map(|uid| format!(", also for user {uid}"));
        let what = format!(
            "{} ({} {names}{}), until {until}",
            socket.path,
            socket.operation.word(),
            other.unwrap_or_default()
        );
        fact("restricted socket", &what)
    });
    let facts: Vec<_> = facts.into_iter().chain(sockets).collect();
    let mut text = lines(facts.iter(), colours);
    if !status.providers.is_empty() {
        let rows: Vec<Vec<Cell>> = status
            .providers
            .iter()
            .map(|provider| {
                vec![
                    Cell::new(&provider.name),
                    Cell::word(&provider.state),
                    Cell::new(provider.detail.as_deref().unwrap_or_default()),
                ]
            })
            .collect();
        text.push('\n');
        text.push_str(&table(&["PROVIDER", "STATE", ""], &rows, colours));
    }
    text
}
