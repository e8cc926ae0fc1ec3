//! One message: decoded, held against the limits, answered.

use credential_helper_protocol::frame::{Reply as Wire, encode, encode_failure, encode_reply};
use credential_helper_protocol::{
    Ask, Asked, ChangedReply, Configure, Delete, ErrorCode, Failure, Got, INTERFACE,
    INTERFACE_NAME, Nothing, Report, Set, Trust, Unlock, VERSION, limits,
};
use serde::{Deserialize, Serialize};
use std::rc::Rc;

#[cfg(unix)]
use credential_helper_protocol::OpenSocket;

use super::Agent;
use super::answers::Bytes;
use super::call::{Head, head};
use super::rejected::Who;
use super::told::Told;
use crate::domain::log::Line;

/// What happens after a reply.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Then {
    /// The next message is awaited.
    Continue,
    /// The connection ends.
    Close,
    /// The agent ends.
    Stop,
}

/// Who sent a message.
#[derive(Clone, Copy, Debug)]
pub struct Caller {
    /// For what a server refused.
    pub who: Who,
    /// Its process, for the log; 0 where it is not known.
    pub pid: u32,
}

/// Answers one message; no bytes for a call that wants no reply, and for what is no call.
pub async fn answer(agent: &Agent, message: &[u8], caller: Caller) -> (Option<Bytes>, Then) {
    // It cannot be told apart from half of another message: nothing behind it would make sense.
    let Some(head) = head(message) else {
        let line = Line::new("closed on what is no call");
        agent.log().info(|| line.number("pid", caller.pid.into()));
        return (None, Then::Close);
    };
    let then = if head.method == format!("{INTERFACE_NAME}.Stop") {
        Then::Stop
    } else {
        Then::Continue
    };
    let told = Told::begin(agent.log(), &head.method, caller.pid);
    let reply = dispatch(agent, &head, message, caller.who, &told).await;
    agent.forget_if_locked();
    told.end();
    (if head.oneway { None } else { reply }, then)
}

async fn dispatch(
    agent: &Agent,
    head: &Head<'_>,
    message: &[u8],
    who: Who,
    told: &Told<'_>,
) -> Option<Bytes> {
    let parameters = head.parameters();
    if !parameters.starts_with('{') {
        return standard("InvalidParameter", "parameter", "parameters");
    }
    let (interface, method) = head.method.rsplit_once('.').unwrap_or(("", &head.method));
    if interface != INTERFACE_NAME {
        return standard_service(head, told);
    }
    macro_rules! call {
        ($type:ty, $handler:expr) => {
            match serde_json::from_str::<$type>(parameters) {
                Ok(parameters) => {
                    told.about(&parameters);
                    replied(told, $handler(parameters).await)
                }
                Err(_) => standard("InvalidParameter", "parameter", "parameters"),
            }
        };
    }
    match method {
        // The only answer that is kept: it comes as it goes over the wire.
        // Without a reply it asks for nothing; a kept one would go out for the next such call.
        "Get" if head.oneway => None,
        "Get" => match serde_json::from_str::<Ask>(parameters) {
            Ok(ask) => {
                told.about(&ask);
                let get = agent.get(&ask.question, message, who, &told.provider);
                let result = agent.unless_locked(get).await;
                told.ended(&result);
                result.map_or_else(|failure| failed(&failure), Some)
            }
            Err(_) => standard("InvalidParameter", "parameter", "question"),
        },
        "Explain" => call!(Ask, |ask: Ask| async move {
            agent.unless_locked(agent.explain(&ask.question)).await
        }),
        "List" => call!(Asked, |asked: Asked| async move {
            agent.unless_locked(agent.list(&asked.context)).await
        }),
        "Set" => call!(Set, |set: Set| async move {
            let changed = agent.unless_locked(agent.set(&set)).await;
            agent.refresh_store().await;
            changed.map(|changed| ChangedReply { changed })
        }),
        "Delete" => call!(Delete, |delete: Delete| async move {
            let changed = agent.unless_locked(Box::pin(agent.delete(&delete))).await;
            agent.refresh_store().await;
            changed.map(|changed| ChangedReply { changed })
        }),
        "Configure" => {
            call!(Configure, |configure: Configure| async move {
                let reply = Box::pin(agent.configure(&configure)).await;
                agent.refresh_store().await;
                reply
            })
        }
        "Settings" => {
            call!(Asked, |asked: Asked| async move {
                agent.poetry_settings(&asked.context).await
            })
        }
        "Trust" => call!(
            Trust,
            |trust: Trust| async move { agent.trust(&trust).await }
        ),
        "Untrust" => call!(
            Trust,
            |trust: Trust| async move { agent.untrust(&trust).await }
        ),
        "Bindings" => call!(Asked, |asked: Asked| async move {
            agent.bindings(&asked.context).await
        }),
        "Report" => call!(Report, |report: Report| async move {
            agent.unless_locked(agent.report(&report, who)).await
        }),
        "Lock" => call!(Nothing, |_| async move { Ok(agent.lock()) }),
        "Unlock" => call!(Unlock, |unlock: Unlock| async move {
            let unlocked = agent.unlock(&unlock).await;
            agent.refresh_store().await;
            unlocked
        }),
        "Status" => call!(Nothing, |_| async move { Ok(agent.status().await) }),
        #[cfg(unix)]
        "OpenSocket" => call!(OpenSocket, |open: OpenSocket| async move {
            agent.open_socket(&open)
        }),
        "Stop" => call!(Nothing, |nothing| async move {
            // Gone before the reply, as the agent's own.
            #[cfg(unix)]
            agent.close_sockets();
            Ok::<Nothing, Failure>(nothing)
        }),
        "Reload" => call!(Nothing, |_| async move {
            let done = agent.reload();
            agent.refresh_store().await;
            Ok(done)
        }),
        _ => standard("MethodNotFound", "method", method),
    }
}

/// A call of another interface than ours.
pub(super) fn standard_service(head: &Head<'_>, told: &Told<'_>) -> Option<Bytes> {
    let (interface, method) = head.method.rsplit_once('.').unwrap_or(("", &head.method));
    if interface == "org.varlink.service" {
        return service(method, head.parameters(), told);
    }
    standard("InterfaceNotFound", "interface", interface)
}

/// `org.varlink.service`: what every Varlink service answers.
fn service(method: &str, parameters: &str, told: &Told<'_>) -> Option<Bytes> {
    #[derive(Serialize)]
    struct Info<'a> {
        vendor: &'a str,
        product: &'a str,
        version: &'a str,
        url: &'a str,
        interfaces: [&'a str; 2],
    }
    #[derive(Deserialize)]
    struct Wanted {
        interface: String,
    }
    #[derive(Serialize)]
    struct Description<'a> {
        description: &'a str,
    }
    match method {
        "GetInfo" => replied(
            told,
            Ok(Info {
                vendor: "credential-helper",
                product: "credential-helper agent",
                version: VERSION,
                url: env!("CARGO_PKG_REPOSITORY"),
                interfaces: ["org.varlink.service", INTERFACE_NAME],
            }),
        ),
        "GetInterfaceDescription" => match serde_json::from_str::<Wanted>(parameters) {
            Err(_) => standard("InvalidParameter", "parameter", "interface"),
            Ok(wanted) => match wanted.interface.as_str() {
                INTERFACE_NAME => replied(
                    told,
                    Ok(Description {
                        description: INTERFACE,
                    }),
                ),
                "org.varlink.service" => replied(
                    told,
                    Ok(Description {
                        description: SERVICE,
                    }),
                ),
                other => standard("InterfaceNotFound", "interface", other),
            },
        },
        _ => standard("MethodNotFound", "method", method),
    }
}

/// The interface that the Varlink specification gives every service.
const SERVICE: &str = include_str!("../../protocol/org.varlink.service.varlink");

fn replied<T: Serialize>(told: &Told<'_>, result: Result<T, Failure>) -> Option<Bytes> {
    told.ended(&result);
    match result {
        Ok(parameters) => {
            let bytes = encode_reply(parameters)
                .ok()
                .filter(|b| b.len() <= limits::REPLY_MESSAGE);
            match bytes {
                Some(bytes) => Some(Rc::new(bytes)),
                None => failed(&Failure::new(ErrorCode::Internal, "the reply is too long")),
            }
        }
        Err(failure) => failed(&failure),
    }
}

fn failed(failure: &Failure) -> Option<Bytes> {
    encode_failure(failure).ok().map(Rc::new)
}

/// An error of `org.varlink.service`.
pub(super) fn standard(error: &str, field: &str, value: &str) -> Option<Bytes> {
    let value: String = crate::domain::text::shown(value)
        .chars()
        .take(100)
        .collect();
    let parameters = serde_json::json!({ field: value });
    let error = Some(format!("org.varlink.service.{error}"));
    encode(&Wire { error, parameters }).ok().map(Rc::new)
}

/// The reply of `Get` as it goes over the wire.
///
/// # Errors
/// Where it cannot be encoded.
pub fn encode_got(got: &Got) -> Result<Bytes, Failure> {
    encode_reply(got)
        .map(Rc::new)
        .map_err(|_| Failure::new(ErrorCode::Internal, "the answer cannot be encoded"))
}

/// An error as it goes over the wire.
///
/// # Errors
/// Where it cannot be encoded.
pub fn encode_error(failure: &Failure) -> Result<Bytes, Failure> {
    encode_failure(failure)
        .map(Rc::new)
        .map_err(|_| Failure::new(ErrorCode::Internal, "the error cannot be encoded"))
}
