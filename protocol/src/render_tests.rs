use super::{Format, credential, failure_json, failure_text, host, warnings};
use crate::code::{ErrorCode, Failure, ProviderAnswer};
use crate::message::{Credential, Operation, Scheme};
use crate::secret::Secret;

fn sample(username: Option<&str>, password: Option<&str>) -> Credential {
    Credential {
        name: Some("foo".to_owned()),
        url: Some("https://h.example/simple/".to_owned()),
        username: username.map(str::to_owned),
        password: password.map(Secret::from),
        provider: "auth.toml".to_owned(),
        location: "/c/auth.toml".to_owned(),
        origin: Some("https://h.example:8443".to_owned()),
        operation: Some(Operation::Read),
        ..Credential::default()
    }
}

fn text(credential: &Credential, format: Format) -> Result<String, ErrorCode> {
    super::credential(credential, format)
        .map(|bytes| String::from_utf8(bytes.to_vec()).unwrap())
        .map_err(|failure| failure.code)
}

#[test]
fn every_form_of_a_whole_credential() {
    let whole = sample(Some("alice"), Some("s3cret"));
    let rows = [
        (Format::Lines, "username=alice\npassword=s3cret\n"),
        (Format::Header, "Basic YWxpY2U6czNjcmV0\n"),
        (
            Format::Netrc,
            "machine h.example login alice password s3cret\n",
        ),
        (Format::Password, "s3cret\n"),
        (
            Format::Json,
            concat!(
                r#"{"name":"foo","url":"https://h.example/simple/","username":"alice","#,
                r#""password":"s3cret","scheme":"basic","provider":"auth.toml","#,
                r#""location":"/c/auth.toml","origin":"https://h.example:8443","#,
                r#""operation":"read","expires":null,"warnings":[]}"#,
                "\n"
            ),
        ),
    ];
    for (format, expected) in rows {
        assert_eq!(text(&whole, format).as_deref(), Ok(expected));
    }
}

#[test]
fn halves() {
    let name = sample(Some("alice"), None);
    assert_eq!(
        text(&name, Format::Lines).as_deref(),
        Ok("username=alice\n")
    );
    assert_eq!(
        text(&name, Format::Header).as_deref(),
        Ok("Basic YWxpY2U6\n")
    );
    assert_eq!(text(&name, Format::Password), Err(ErrorCode::NotFound));
    assert_eq!(text(&name, Format::Netrc), Err(ErrorCode::NotFound));
    let nothing = sample(None, None);
    assert_eq!(text(&nothing, Format::Lines), Err(ErrorCode::NotFound));
    assert_eq!(text(&nothing, Format::Header), Err(ErrorCode::NotFound));
    let empty = sample(Some(""), Some(""));
    assert_eq!(
        text(&empty, Format::Lines).as_deref(),
        Ok("username=\npassword=\n")
    );
}

#[test]
fn bearer_tokens() {
    let token = Credential {
        scheme: Scheme::Bearer,
        ..sample(None, Some("t0ken"))
    };
    assert_eq!(
        text(&token, Format::Lines).as_deref(),
        Ok("password=t0ken\n")
    );
    assert_eq!(
        text(&token, Format::Header).as_deref(),
        Ok("Bearer t0ken\n")
    );
    assert_eq!(text(&token, Format::Password).as_deref(), Ok("t0ken\n"));
    assert_eq!(text(&token, Format::Netrc), Err(ErrorCode::Usage));
}

#[test]
fn what_a_form_cannot_say_is_refused() {
    let colon = sample(Some("a:b"), Some("x"));
    assert_eq!(text(&colon, Format::Header), Err(ErrorCode::Usage));
    let nowhere = Credential {
        url: None,
        origin: None,
        ..sample(Some("a"), Some("x"))
    };
    assert_eq!(text(&nowhere, Format::Netrc), Err(ErrorCode::Usage));
    let control = sample(Some("a"), Some("x\nusername=b"));
    assert_eq!(text(&control, Format::Lines), Err(ErrorCode::Malformed));
    let failure = credential(&control, Format::Lines).err().unwrap();
    assert!(!failure.message.contains("username=b"));
}

#[test]
fn netrc_quotes_where_it_must() {
    let odd = sample(Some("a b"), Some("q\"\\#"));
    assert_eq!(
        text(&odd, Format::Netrc).as_deref(),
        Ok("machine h.example login \"a b\" password \"q\\\"\\\\#\"\n")
    );
}

#[test]
fn hosts() {
    assert_eq!(host("https://u:p@h.example:1/x"), Some("h.example"));
    assert_eq!(host("http://[::1]:80"), Some("::1"));
    assert_eq!(host("https://"), None);
    assert_eq!(host("h.example"), None);
}

#[test]
fn errors_for_people_and_for_programs() {
    let mut failure = Failure::new(ErrorCode::NotFound, "no credential for a\u{1b}b").hint("try");
    assert_eq!(
        failure_text(&failure),
        "helper: no credential for a\\u{1b}b\nhint: try\n"
    );
    failure.providers.push(ProviderAnswer {
        name: "auth.toml".to_owned(),
        answer: "not-found".to_owned(),
    });
    assert_eq!(
        failure_json(&failure),
        concat!(
            r#"{"error":"not-found","message":"no credential for a\u001bb","hint":"try","#,
            r#""providers":[{"name":"auth.toml","answer":"not-found"}]}"#,
            "\n"
        )
    );
    assert_eq!(
        failure_json(&Failure::new(ErrorCode::Usage, "m")),
        "{\"error\":\"usage\",\"message\":\"m\",\"hint\":null,\"providers\":[]}\n"
    );
    assert_eq!(warnings(&["w".to_owned()]), "helper: warning: w\n");
}

#[cfg(unix)]
#[test]
fn a_reader_that_has_gone_is_a_broken_pipe() {
    use std::os::fd::AsFd;
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let error = super::write_to(writer.as_fd(), b"x").unwrap_err();
    assert_eq!(error.kind(), std::io::ErrorKind::BrokenPipe);
}
