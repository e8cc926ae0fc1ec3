//! The requests of an exchange: small, never redirected, tried again where that may help.

use std::time::Duration;

use credential_helper_protocol::{ErrorCode, Failure};
use zeroize::Zeroizing;

use crate::domain::url::Origin;
use crate::http::{Answer, Call, Client, Reply};
use crate::publish::compare::why;

/// How much of an answer is read.
pub(super) const ANSWER: usize = 64 * 1024;
/// Attempts after the first one.
const RETRIES: u32 = 3;
/// The first wait before another attempt; each further one is twice as long.
const PAUSE: Duration = Duration::from_millis(if cfg!(test) { 1 } else { 500 });

/// An answer.
pub(super) enum Asked {
    /// The server said yes.
    Said(Zeroizing<Vec<u8>>),
    /// It said something else, with this status.
    No(u16, Answer),
}

/// Asks, and again where the connection was refused or cut, or another attempt may be answered better;
/// not where the time is up. `call` makes
/// the same request anew.
pub(super) async fn ask<'c>(
    client: &Client,
    doing: &str,
    origin: &Origin,
    call: impl Fn() -> Call<'c>,
) -> Result<Asked, Failure> {
    let mut attempt = 0;
    loop {
        let reply = client.call(call()).await;
        let wait = match &reply {
            Ok(answer) if matches!(answer.status, 408 | 425 | 429 | 500 | 502..=504) => {
                Some(answer.retry_after)
            }
            Err(Reply::Connect(_)) => Some(None),
            _ => None,
        };
        if let Some(wait) = wait.filter(|_| attempt < RETRIES) {
            let own = PAUSE.saturating_mul(1 << attempt);
            attempt += 1;
            tokio::time::sleep(wait.unwrap_or(own)).await;
            continue;
        }
        return match reply {
            Ok(mut answer) if (200..300).contains(&answer.status) => Ok(Asked::Said(
                Zeroizing::new(std::mem::take(&mut answer.content)),
            )),
            Ok(answer) => Ok(Asked::No(answer.status, answer)),
            Err(reply) => Err(unanswered(doing, origin, &reply)),
        };
    }
}

fn unanswered(doing: &str, origin: &Origin, reply: &Reply) -> Failure {
    let code = match reply {
        Reply::Redirect(_) => ErrorCode::Policy,
        Reply::TimedOut => ErrorCode::TimedOut,
        _ => ErrorCode::Unavailable,
    };
    let failure = Failure::new(code, format!("{doing} failed: {origin}: {}", why(reply)));
    match reply {
        Reply::Redirect(_) => failure.hint("a token goes to the one server that it is for"),
        _ => failure,
    }
}
