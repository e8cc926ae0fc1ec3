//! The rules, one after the other, on Linux.

use credential_helper_protocol::{ErrorCode, Failure};
use tokio::signal::unix::{SignalKind, signal};
use tokio::task::LocalSet;

use super::ground::{Ground, Running};
use super::{Check, Options, deadline, keyring, memory, socket, stranger, traces};

/// The account of the made-up credential.
pub(super) const ACCOUNT: &str = "selftest";

pub(super) fn checks(options: &Options) -> Result<Vec<Check>, Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| internal("start", &error))?;
    let tasks = LocalSet::new();
    let result = tasks.block_on(&runtime, async {
        // Whoever gives up leaves neither an agent nor a folder behind.
        let mut interrupt = signal(SignalKind::interrupt()).map_err(|e| internal("start", &e))?;
        let mut terminate = signal(SignalKind::terminate()).map_err(|e| internal("start", &e))?;
        tokio::select! {
            checks = all(options) => checks,
            _ = interrupt.recv() => Err(given_up()),
            _ = terminate.recv() => Err(given_up()),
        }
    });
    runtime.shutdown_background();
    result
}

async fn all(options: &Options) -> Result<Vec<Check>, Failure> {
    let ground = Ground::new(options.time)?;
    let agent = Running::start(&ground).await?;
    let mut checks = vec![answers(&ground, &agent).await];
    let memory = ground.memory_state().await;
    checks.push(stranger::knocks(&ground));
    checks.push(memory::memory(&agent, memory.as_ref()));
    checks.push(memory::swap(memory.as_ref()));
    checks.push(socket::places(&ground));
    checks.push(socket::squatting(&ground).await);
    checks.push(deadline::stuck(&ground).await);
    traces::provoke(&ground).await;
    checks.push(traces::log(&ground));
    checks.push(traces::files(&ground));
    checks.push(memory::core(&ground, agent).await);
    checks.push(keyring::check(options).await);
    Ok(checks)
}

/// Without this, all that follows would say nothing.
async fn answers(ground: &Ground, agent: &Running) -> Check {
    let asked = ["get", ACCOUNT, "--format", "password"];
    match ground.helper(&asked, &[]).await {
        Ok(ended) if ended.stdout.trim_end() == ground.secret => Check::ok(
            "agent",
            format!(
                "an agent of its own (pid {}) answered a client in {} ms",
                agent.pid,
                ended.took.as_millis()
            ),
        ),
        Ok(ended) => Check::failed(
            "agent",
            format!(
                "a client got no answer from an agent of its own ({})",
                ended.how()
            ),
        ),
        Err(why) => Check::failed("agent", why),
    }
}

fn given_up() -> Failure {
    Failure::new(ErrorCode::Unavailable, "the self-test was interrupted")
}

pub(super) fn internal(doing: &str, error: &std::io::Error) -> Failure {
    Failure::new(
        ErrorCode::Unavailable,
        format!("cannot {doing} the self-test: {}", error.kind()),
    )
    .hint("a folder of your own that can be written to is needed: set TMPDIR")
}
