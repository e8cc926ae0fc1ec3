//! The rule as a table: which token goes where, and how large.

use credential_helper_protocol::{ErrorCode, Secret};

use super::super::token::tests::{PYPI, TEST_PYPI, with};
use super::super::token::{Kind, Token};
use super::{Asked, CHILD_LIFE, Given, given, warnings};

const NOW: u64 = 1_700_000_000;

fn read(text: &str) -> Token {
    Token::read(&Secret::from(text))
}

/// What goes out of a token: `whole`, `PROJECTS until SECONDS`, or the error.
fn out(text: &str, host: Option<&str>, project: Option<&str>) -> String {
    let asked = Asked {
        subject: "foo",
        host,
        project,
        now: NOW,
    };
    match given(&read(text), &asked) {
        Ok(Given::Whole) => "whole".to_owned(),
        Ok(Given::Child { secret, expires }) => {
            let child = Token::read(&secret);
            assert_eq!((child.kind, child.expires), (Kind::Pypi, Some(expires)));
            assert!(!secret.same(&Secret::from(text)));
            let projects: Vec<&str> = child.projects().collect();
            format!("{} until {}", projects.join(","), expires - NOW)
        }
        Err(failure) => {
            assert!(failure.hint.is_some());
            format!("{}: {}", failure.code.word(), failure.message)
        }
    }
}

#[test]
fn what_goes_out() {
    let soon = with(PYPI, &[&format!("[0,{},0]", NOW + 60)]);
    let foo = with(PYPI, &[r#"[1,["foo","foo-bar"]]"#]);
    let old = with(
        PYPI,
        &[r#"{"version":1,"permissions":{"projects":["foo"]}}"#],
    );
    let by_number = with(PYPI, &[r#"[2,["9a5f-1"]]"#]);
    let own = "pypi-MDAxOGxvY2F0aW9uIHB5cGkubG9jYWwKMDAxMmlkZW50aWZpZXIgaWQKMDAyZnNpZ25hdHVyZSAAAQIDBAUGBwgJCgsMDQ4PEBESExQVFhcYGRobHB0eHwo";
    assert_eq!(read(own).host.as_deref(), Some("pypi.local"));
    let pypi = Some("pypi.org");
    for (text, host, project, expected) in [
        (PYPI, pypi, Some("foo"), "foo until 900"),
        (
            PYPI,
            Some("upload.pypi.org"),
            Some("Foo_._Bar"),
            "foo-bar until 900",
        ),
        (
            TEST_PYPI,
            Some("test.pypi.org"),
            Some("foo"),
            "foo until 900",
        ),
        (PYPI, None, Some("foo"), "foo until 900"),
        // Where the user has bound its name to another server: what goes there is small at least.
        (PYPI, Some("proxy.example"), Some("foo"), "foo until 900"),
        (PYPI, pypi, None, "whole"),
        (&soon, pypi, Some("foo"), "foo until 60"),
        (&foo, pypi, Some("foo.bar"), "foo-bar until 900"),
        (&old, pypi, Some("FOO"), "foo until 900"),
        (&by_number, pypi, Some("foo"), "foo until 900"),
        (&foo, pypi, None, "whole"),
        (
            &foo,
            pypi,
            Some("bar"),
            "policy: the token of foo is good for foo, foo-bar, but bar is uploaded",
        ),
        (
            &old,
            pypi,
            Some("bar"),
            "policy: the token of foo is good for foo, but bar is uploaded",
        ),
        (
            TEST_PYPI,
            pypi,
            Some("foo"),
            "policy: the token of foo is made for test.pypi.org, but pypi.org was asked for",
        ),
        (
            TEST_PYPI,
            Some("upload.pypi.org"),
            None,
            "policy: the token of foo is made for test.pypi.org, but pypi.org was asked for",
        ),
        (
            PYPI,
            Some("test.pypi.org"),
            None,
            "policy: the token of foo is made for pypi.org, but test.pypi.org was asked for",
        ),
        (
            own,
            pypi,
            None,
            "policy: the token of foo is made for pypi.local, but pypi.org was asked for",
        ),
        // Another server that gives tokens of this form out: it may not know these conditions.
        (own, Some("pypi.local"), Some("foo"), "whole"),
        (own, None, Some("foo"), "whole"),
        (
            "pypi-fake",
            pypi,
            Some("foo"),
            "policy: the token of foo cannot be limited to one project: it cannot be read",
        ),
        ("pypi-fake", pypi, None, "whole"),
        ("pypi-fake", Some("127.0.0.1"), Some("foo"), "whole"),
        ("hunter2", pypi, Some("foo"), "whole"),
        ("", pypi, Some("foo"), "whole"),
    ] {
        assert_eq!(out(text, host, project), expected, "{host:?} {project:?}");
    }
    for project in [
        "",
        "-",
        "foo-",
        "_foo",
        "f\"]],",
        "f\u{f6}\u{f6}",
        "foo\n",
        "a b",
    ] {
        let said = out(PYPI, pypi, Some(project));
        assert!(said.starts_with("usage: the project"), "{project}: {said}");
    }
}

#[test]
fn the_life_of_a_child_is_fifteen_minutes() {
    assert_eq!(CHILD_LIFE, 900);
    assert_eq!(ErrorCode::Policy.exit_status(), 4);
}

#[test]
fn what_is_warned_about() {
    let until = |seconds: u64| with(PYPI, &[&format!("[0,{seconds},0]"), r#"[1,["foo"]]"#]);
    let day = 24 * 3600;
    let later = with(
        PYPI,
        &[
            &format!("[0,{},{}]", NOW + 30 * day, NOW + 1),
            r#"[1,["foo"]]"#,
        ],
    );
    for (text, expected) in [
        (until(NOW - 1), "the token of foo has expired"),
        (until(NOW), "the token of foo has expired"),
        (until(NOW + 59), "the token of foo expires in 0 minutes"),
        (until(NOW + 3600), "the token of foo expires in 1 hour"),
        (
            until(NOW + 2 * day - 1),
            "the token of foo expires in 1 day",
        ),
        (until(NOW + 7 * day), "the token of foo expires in 7 days"),
        (until(NOW + 7 * day + 1), ""),
        (later, "the token of foo is not good yet"),
        ("hunter2".to_owned(), ""),
        ("pypi-fake".to_owned(), ""),
    ] {
        for for_upload in [true, false] {
            let said = warnings(&read(&text), "foo", for_upload, NOW);
            assert_eq!(said.join("\n"), expected);
        }
    }
    let said = warnings(&read(PYPI), "foo\u{1b}", true, NOW);
    assert!(
        said[0].starts_with("the token of foo\\u{1b} is good for every project"),
        "{said:?}"
    );
    assert!(warnings(&read(PYPI), "foo", false, NOW).is_empty());
}
