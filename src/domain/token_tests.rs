//! Tokens of every kind, and texts that are none.

use base64::Engine as _;
use credential_helper_protocol::{Secret, limits};
use proptest::prelude::*;

use super::{BASE64, Index, Kind, LAST, Token};

/// Made by `pymacaroons`: of pypi.org, of test.pypi.org, and one with three conditions.
pub(crate) const PYPI: &str = "pypi-AgEIcHlwaS5vcmcCJDlhNWYxYzJlLTAwMDAtNDAwMC04MDAwLTAwMDAwMDAwMDAwMQAABiCRMiUBcqZcqml_SWQJhIb0Wzo4vW6fJp3EHAdjgpmeYA";
pub(crate) const TEST_PYPI: &str = "pypi-AgENdGVzdC5weXBpLm9yZwIkOWE1ZjFjMmUtMDAwMC00MDAwLTgwMDAtMDAwMDAwMDAwMDAxAAAGIJEyJQFyplyqaX9JZAmEhvRbOji9bp8mncQcB2OCmZ5g";
const LIMITED: &str = "pypi-AgEIcHlwaS5vcmcCJDlhNWYxYzJlLTAwMDAtNDAwMC04MDAwLTAwMDAwMDAwMDAwMQACJXsidmVyc2lvbiI6IDEsICJwZXJtaXNzaW9ucyI6ICJ1c2VyIn0AAgtbMSxbImZvbyJdXQACEFswLDE3MDAwMDA5MDAsMF0AAAYgsjxE-kyhq_SQPlh_Is4e7RzFBu4SJ7LDJf8UFuLRa9U";

fn read(text: &str) -> Token {
    Token::read(&Secret::from(text))
}

fn projects(token: &Token) -> Vec<&str> {
    token.projects().collect()
}

/// The token with further conditions, as a user's own tool may have added them.
pub(crate) fn with(text: &str, conditions: &[&str]) -> String {
    let conditions: Vec<String> = conditions.iter().map(ToString::to_string).collect();
    let token = read(text);
    let bytes = token.macaroon.as_ref().unwrap().with(&conditions).unwrap();
    format!("pypi-{}", BASE64.encode(&*bytes))
}

fn web_token(head: &str, claims: &str) -> String {
    format!("{}.{}.c2ln", BASE64.encode(head), BASE64.encode(claims))
}

#[test]
fn what_a_token_of_pypi_says() {
    for (text, host, index) in [
        (PYPI, "pypi.org", Index::Pypi),
        (TEST_PYPI, "test.pypi.org", Index::TestPypi),
    ] {
        for text in [text.to_owned(), format!("{text}=")] {
            let token = read(&text);
            assert_eq!(token.kind, Kind::Pypi);
            assert_eq!(token.host.as_deref(), Some(host));
            assert_eq!(token.index(), Some(index));
            assert_eq!((token.user_wide, token.expires), (Some(true), None));
        }
    }
    let token = read(LIMITED);
    assert_eq!(
        (token.user_wide, token.expires),
        (Some(false), Some(1_700_000_900))
    );
    assert_eq!(projects(&token), ["foo"]);
}

#[test]
fn every_condition_has_to_hold() {
    for (conditions, user_wide, names, expires) in [
        (&[r#"[3,"u"]"#][..], Some(true), &[][..], None),
        (
            &[r#"{"version":1,"permissions":"user"}"#],
            Some(true),
            &[],
            None,
        ),
        (&[r#"[1,["b","a"]]"#], Some(false), &["a", "b"], None),
        (
            &[r#"[1,["b","a"]]"#, r#"[1,["b","c"]]"#],
            Some(false),
            &["b"],
            None,
        ),
        (&[r#"[1,["a"]]"#, r#"[1,["b"]]"#], Some(false), &[], None),
        (
            &[r#"[4,"p"]"#, r#"[2,["9a5f-1"]]"#, "[0,900,0]"],
            Some(false),
            &["9a5f-1"],
            Some(900),
        ),
        (
            &[r#"[2,["9a5f-1"]]"#, r#"[1,["a"]]"#],
            Some(false),
            &["a"],
            None,
        ),
        (
            &["[0,900,0]", "[0,300,0]", "[0,600,0]"],
            Some(true),
            &[],
            Some(300),
        ),
        (&["[7,1]"], None, &[], None),
        (&["[7,1]", r#"[1,["a"]]"#], Some(false), &["a"], None),
        (&[r#"[1,["\u001b[1m","a b",""]]"#], Some(false), &[], None),
        (&["[0,18446744073709551615,0]"], Some(true), &[], Some(LAST)),
    ] {
        let token = read(&with(PYPI, conditions));
        assert_eq!(token.user_wide, user_wide, "{conditions:?}");
        assert_eq!(projects(&token), names, "{conditions:?}");
        assert_eq!(token.expires, expires, "{conditions:?}");
    }
    assert_eq!(read(&with(PYPI, &["[0,900,300]"])).begins, 300);
}

#[test]
fn a_child_says_what_it_is_limited_to() {
    let token = read(&with(PYPI, &["[0,2000,0]"]));
    let child = Token::read(&token.child("foo", 1000).unwrap());
    assert_eq!((child.user_wide, child.expires), (Some(false), Some(1000)));
    assert_eq!(projects(&child), ["foo"]);
    assert_eq!(child.host.as_deref(), Some("pypi.org"));
    assert!(child.allows("foo") && !child.allows("bar"));
    // A child of a child may not do more.
    let further = Token::read(&child.child("bar", 9000).unwrap());
    assert!(!further.allows("bar") && further.expires == Some(1000));
    assert!(read("password").child("foo", 1000).is_none());
    // The longest that is read leaves no room.
    let room = (limits::SECRET - PYPI.len()) * 3 / 4 - 16;
    let full = with(PYPI, &[&"x".repeat(room)]);
    assert!(read(&full).child("foo", 1000).is_none());
}

#[test]
fn json_web_tokens() {
    let head = r#"{"alg":"RS256","typ":"JWT"}"#;
    for (claims, host, expires) in [
        (
            r#"{"iss":"https://token.actions.githubusercontent.com","exp":1700000000,"sub":"x"}"#,
            Some("token.actions.githubusercontent.com"),
            Some(1_700_000_000),
        ),
        (
            r#"{"iss":"https://gitlab.example:8443/group","exp":1700000000.9}"#,
            Some("gitlab.example:8443"),
            Some(1_700_000_000),
        ),
        (r#"{"iss":"jfac@01","exp":-5}"#, None, Some(0)),
        (r#"{"iss":"gitlab.com"}"#, Some("gitlab.com"), None),
        (r#"{"exp":1e300}"#, None, Some(LAST)),
        (r#"{"exp":"soon"}"#, None, None),
    ] {
        let token = read(&web_token(head, claims));
        assert_eq!(token.kind, Kind::Jwt, "{claims}");
        assert_eq!(
            (token.host.as_deref(), token.expires),
            (host, expires),
            "{claims}"
        );
        assert_eq!((token.user_wide, token.index()), (None, None));
    }
}

#[test]
fn what_is_opaque() {
    let unsigned = web_token("{\"alg\":\"RS256\"}", "{}").replace("c2ln", "");
    for text in [
        "",
        "hunter2",
        "pypi",
        "eyes.on.you",
        "ghp_0123456789",
        &web_token("[]", "{}"),
        &web_token("{}", "{}"),
        &web_token("{\"alg\":1}", "{}"),
        &web_token("{\"alg\":\"RS256\"}", "[]"),
        &format!("{}.x", web_token("{\"alg\":\"RS256\"}", "{}")),
        &unsigned,
        &format!("ey{}", "a".repeat(limits::SECRET)),
    ] {
        let token = read(text);
        assert_eq!(token.kind, Kind::Opaque, "{text}");
        assert!(!token.is_broken());
    }
    for text in [
        "pypi-",
        "pypi-AgEIcHlwaS5vcmc",
        "pypi-fake",
        "pypi-\u{e4}",
        &PYPI[..PYPI.len() - 4],
    ] {
        assert_eq!(read(text).kind, Kind::Opaque, "{text}");
        assert!(read(text).is_broken());
    }
}

#[test]
fn hosts_of_the_indexes() {
    for (host, index) in [
        ("pypi.org", Some(Index::Pypi)),
        ("upload.pypi.org", Some(Index::Pypi)),
        ("test.pypi.org", Some(Index::TestPypi)),
        ("evil-pypi.org", None),
        ("pypi.org.evil", None),
        ("", None),
    ] {
        assert_eq!(Index::of_host(host), index);
    }
    for index in [Index::Pypi, Index::TestPypi] {
        assert_eq!(Index::of_host(index.host()), Some(index));
        assert_eq!(Index::of_name(index.name()), Some(index));
    }
    assert_eq!(Index::of_name("PyPI"), Some(Index::Pypi));
    assert_eq!(Index::of_name("pypi-foo"), None);
}

proptest! {
    #[test]
    fn every_text_is_of_one_kind(text in ".{0,80}", prefix in "(pypi-|ey|)") {
        let _ = read(&format!("{prefix}{text}"));
    }

    #[test]
    fn every_condition_can_be_read(condition in r#"[\[\]{},:"a-z0-9. -]{0,60}"#) {
        let token = read(&with(PYPI, &[&condition]));
        prop_assert_eq!(token.kind, Kind::Pypi);
    }
}
