//! What cargo and a provider say to each other: one object a line.

use credential_helper_protocol::Secret;
use credential_helper_protocol::secret::on_wire;
use credential_helper_protocol::text::shown;
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::{No, Yes};

/// The versions of the protocol that are spoken here.
pub(super) const HELLO: &[u8] = b"{\"v\":[1]}\n";

/// What cargo says; other members are passed over.
#[derive(Default, Deserialize)]
#[serde(default, rename_all = "kebab-case")]
pub(super) struct Request {
    pub(super) v: u32,
    pub(super) kind: String,
    pub(super) registry: Registry,
    pub(super) operation: Option<String>,
    pub(super) name: Option<String>,
    pub(super) vers: Option<String>,
    pub(super) cksum: Option<String>,
    #[serde(with = "on_wire")]
    pub(super) token: Option<Secret>,
    pub(super) login_url: Option<String>,
}

/// The registry that it is about.
#[derive(Default, Deserialize)]
#[serde(default, rename_all = "kebab-case")]
pub(super) struct Registry {
    pub(super) index_url: String,
    pub(super) name: Option<String>,
}

/// What is said to cargo.
#[derive(Serialize)]
enum Reply<'a> {
    Ok(Done<'a>),
    Err(Undone<'a>),
}

#[derive(Serialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
enum Done<'a> {
    Get {
        token: &'a str,
        cache: &'static str,
        #[serde(skip_serializing_if = "Option::is_none")]
        expiration: Option<i64>,
        #[serde(rename = "operation_independent")]
        operation_independent: bool,
    },
    Login,
    Logout,
}

#[derive(Serialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
enum Undone<'a> {
    UrlNotSupported,
    NotFound,
    OperationNotSupported,
    #[serde(rename_all = "kebab-case")]
    Other {
        message: String,
        caused_by: &'a [String],
    },
}

/// One line, in a buffer that is wiped and never moves.
pub(super) fn reply(done: &Result<Yes, No>) -> Zeroizing<Vec<u8>> {
    let mut causes = Vec::new();
    let mut room = 16 * 1024;
    let reply = match done {
        Ok(Yes::Get { token, ends }) => match std::str::from_utf8(token) {
            Ok(token) => {
                room += 6 * token.len();
                Reply::Ok(Done::Get {
                    token,
                    cache: if ends.is_some() { "expires" } else { "session" },
                    expiration: *ends,
                    // A read and an upload may have credentials of their own.
                    operation_independent: false,
                })
            }
            Err(_) => Reply::Err(Undone::NotFound),
        },
        Ok(Yes::Login) => Reply::Ok(Done::Login),
        Ok(Yes::Logout) => Reply::Ok(Done::Logout),
        Err(No::UrlNotSupported) => Reply::Err(Undone::UrlNotSupported),
        Err(No::NotFound) => Reply::Err(Undone::NotFound),
        Err(No::OperationNotSupported) => Reply::Err(Undone::OperationNotSupported),
        Err(No::Other(failure)) => {
            causes.extend(
                failure
                    .hint
                    .iter()
                    .map(|hint| format!("hint: {}", shown(hint))),
            );
            Reply::Err(Undone::Other {
                message: shown(&failure.message),
                caused_by: &causes,
            })
        }
    };
    let mut out = Zeroizing::new(Vec::with_capacity(room));
    if serde_json::to_writer(&mut *out, &reply).is_err() {
        out.clear();
        out.extend_from_slice(
            b"{\"Err\":{\"kind\":\"other\",\"message\":\"no answer\",\"caused-by\":[]}}",
        );
    }
    out.push(b'\n');
    out
}
