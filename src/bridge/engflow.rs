//! The credential helper protocol of Bazel and others: `credential-helper get`.
//!
//! Source: the credential helper specification of `EngFlow`, `spec.md` and its JSON schemas. One object comes in, one
//! goes out; that there is no credential is an object without headers.

use std::ffi::OsString;

use credential_helper_protocol::render::{self, Format};
use credential_helper_protocol::{Credential, ErrorCode, Failure, Operation, Question};
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::answer::{Answer, ask};
use super::{Bridge, Outside, Said, Trouble};

/// One line of the table of bridges.
pub(super) const BRIDGE: Bridge = Bridge {
    name: "credential-helper",
    turns: false,
    next: false,
    project: true,
    about: "Bazel and other users of the EngFlow credential helper protocol",
    run,
};

/// What comes in; other members are ignored.
#[derive(Deserialize)]
struct Request {
    uri: String,
}

/// What goes out.
#[derive(Serialize)]
struct Reply<'a> {
    headers: Headers<'a>,
    /// Left out where the credential does not end: some versions of Bazel ask anew for each request
    /// otherwise.
    #[serde(skip_serializing_if = "Option::is_none")]
    expires: Option<&'a str>,
}

#[derive(Default, Serialize)]
struct Headers<'a> {
    #[serde(rename = "Authorization", skip_serializing_if = "Option::is_none")]
    authorization: Option<[&'a str; 1]>,
}

fn run(arguments: &[OsString], outside: &mut dyn Outside) -> Result<Said, Trouble> {
    // Further arguments are for commands yet to come.
    match arguments.first().and_then(|command| command.to_str()) {
        Some("get") => {}
        _ => {
            return Ok(Said::failed(
                &usage("it is used as `credential-helper get`"),
                2,
            ));
        }
    }
    let input = outside.input()?;
    let Ok(request) = serde_json::from_str::<Request>(input.expose()) else {
        let failure = usage("standard input is no object with a \"uri\"");
        return Ok(Said::failed(&failure, 2));
    };
    let question = Question {
        url: Some(request.uri),
        operation: Some(Operation::Read),
        ..Question::default()
    };
    let (credential, err) = match ask(outside, question)? {
        Answer::Found(credential) => {
            let warnings = render::warnings(&credential.warnings);
            (Some(credential), warnings)
        }
        Answer::Miss(err) => (None, err),
        Answer::Failed(failure) => {
            return Ok(Said::failed(&failure, failure.code.exit_status()));
        }
    };
    reply(credential.as_ref()).map_or_else(
        |failure| Ok(Said::failed(&failure, failure.code.exit_status())),
        |out| {
            Ok(Said {
                out,
                err,
                status: 0,
            })
        },
    )
}

fn usage(reason: &str) -> Failure {
    Failure::new(
        ErrorCode::Usage,
        format!("could not answer the credential helper protocol: {reason}"),
    )
}

/// The object that answers.
fn reply(credential: Option<&Credential>) -> Result<Zeroizing<Vec<u8>>, Failure> {
    // A username alone is nothing that can be sent.
    let with_secret = credential.filter(|credential| credential.password.is_some());
    let header = with_secret
        .map(|credential| render::credential(credential, Format::Header))
        .transpose()?;
    let header = header
        .as_deref()
        .and_then(|header| std::str::from_utf8(header).ok())
        .map(str::trim_end);
    let reply = Reply {
        headers: Headers {
            authorization: header.map(|header| [header]),
        },
        expires: with_secret.and_then(|credential| credential.expires.as_deref()),
    };
    let room = 128 + header.map_or(0, str::len);
    let mut out = Zeroizing::new(Vec::with_capacity(room));
    serde_json::to_writer(&mut *out, &reply)
        .map_err(|_| Failure::new(ErrorCode::Internal, "could not write the headers as JSON"))?;
    out.push(b'\n');
    Ok(out)
}

#[cfg(test)]
mod tests {
    use credential_helper_protocol::{Credential, ErrorCode, Failure, Secret};

    use crate::bridge::fake::{Fake, said};

    fn alice() -> Credential {
        Credential {
            username: Some("alice".to_owned()),
            password: Some(Secret::from("s3cret")),
            ..Credential::default()
        }
    }

    #[test]
    fn the_header_of_a_uri() {
        let mut fake = Fake::with_input(r#"{"uri":"https://h/x.whl","more":[1]}"#);
        fake.credential = Ok(alice());
        let ran = said("credential-helper", &["get", "--later"], &mut fake);
        assert_eq!(
            ran.out,
            "{\"headers\":{\"Authorization\":[\"Basic YWxpY2U6czNjcmV0\"]}}\n"
        );
        assert_eq!((ran.status, ran.err.as_str()), (0, ""));
        assert_eq!(fake.calls, ["get url=https://h/x.whl operation=read"]);
    }

    #[test]
    fn an_end_is_told_where_there_is_one() {
        let mut fake = Fake::with_input(r#"{"uri":"https://h/"}"#);
        fake.credential = Ok(Credential {
            expires: Some("2030-01-01T00:00:00Z".to_owned()),
            ..alice()
        });
        let ran = said("credential-helper", &["get"], &mut fake);
        assert!(
            ran.out
                .ends_with("},\"expires\":\"2030-01-01T00:00:00Z\"}\n"),
            "{}",
            ran.out
        );
    }

    #[test]
    fn none_is_an_object_and_an_error_is_none() {
        let mut fake = Fake::with_input(r#"{"uri":"https://h/"}"#);
        let ran = said("credential-helper", &["get"], &mut fake);
        assert_eq!(
            (ran.status, ran.out.as_str(), ran.err.as_str()),
            (0, "{\"headers\":{}}\n", "")
        );
        let mut fake = Fake::with_input(r#"{"uri":"https://h/"}"#);
        fake.credential = Err(Failure::new(ErrorCode::Locked, "the keyring is locked"));
        let ran = said("credential-helper", &["get"], &mut fake);
        assert_eq!((ran.status, ran.out.as_str()), (3, ""));
        assert_eq!(ran.err, "helper: the keyring is locked\n");
    }

    #[test]
    fn wrong_input_is_not_repeated() {
        for (arguments, input) in [
            (&["get"][..], "hunter2"),
            (&["get"], "{}"),
            (&["put"], ""),
            (&[], ""),
        ] {
            let mut fake = Fake::with_input(input);
            let ran = said("credential-helper", arguments, &mut fake);
            assert_eq!((ran.status, ran.out.as_str()), (2, ""), "{arguments:?}");
            assert!(!ran.err.contains("hunter2"), "{}", ran.err);
            assert!(fake.calls.is_empty());
        }
    }
}
