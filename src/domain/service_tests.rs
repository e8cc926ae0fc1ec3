use credential_helper_protocol::{ErrorCode, Operation, Secret};
use proptest::prelude::*;

use super::{Form, Service, may_answer, told};

/// What a service means, in one line.
fn meaning(text: &str) -> String {
    let service = Service::parse(text).unwrap();
    match service.form {
        Form::Name(name, operation) => {
            format!("name {name} {}", operation.map_or("-", Operation::word))
        }
        Form::Url { url, project, .. } => {
            format!("url {url} {}", project.as_deref().unwrap_or("-"))
        }
        Form::Host(host) => {
            let certain = if host.is_certain() { "" } else { " (perhaps)" };
            format!("host {}{certain}", host.url(false).origin().host_port())
        }
        Form::Other => "other".to_owned(),
        Form::Nothing => "nothing".to_owned(),
    }
}

#[test]
fn forms() {
    for (text, expected) in [
        ("poetry-repository-foo", "name foo -"),
        ("poetry-repository-my.repo", "name my.repo -"),
        ("pdm-pypi-foo", "name foo read"),
        ("pdm-repository-foo", "name foo upload"),
        ("pdm-repository-__unknown__", "nothing"),
        ("poetry-repository-", "other"),
        ("poetry-repository-https://h/", "other"),
        ("uv:poetry-repository-foo", "name foo -"),
        ("python-poetry-check", "nothing"),
        ("", "nothing"),
        (
            "https://H.example/a/simple/",
            "url https://h.example/a/simple/ -",
        ),
        (
            "https://h.example/a/simple",
            "url https://h.example/a/simple -",
        ),
        ("uv:https://h.example/a", "url https://h.example/a -"),
        ("pip:https://h.example/a/", "url https://h.example/a/ -"),
        (
            "sparse+https://h.example/index/",
            "url https://h.example/index/ -",
        ),
        ("https://u:p@h.example/a/", "url https://h.example/a/ -"),
        (
            "https://upload.pypi.org/legacy/?my-project",
            "url https://upload.pypi.org/legacy/ my-project",
        ),
        ("https://h.example/?token=abc", "url https://h.example/ -"),
        ("http://127.0.0.1:8080", "url http://127.0.0.1:8080/ -"),
        ("H.example", "host h.example"),
        ("h.example.", "host h.example"),
        ("h.example:8443", "host h.example:8443"),
        ("h.example:443", "host h.example"),
        ("pip:h.example", "host h.example"),
        ("uv:h.example:8443", "host h.example:8443"),
        ("uv:8080", "host uv:8080"),
        ("localhost", "host localhost"),
        ("nexus:8081", "host nexus:8081"),
        ("[::1]:8080", "host [::1]:8080"),
        ("[::1]", "host [::1]"),
        ("[0:0:0:0:0:0:0:1]", "host [::1]"),
        ("127.0.0.1:28471", "host 127.0.0.1:28471"),
        ("b\u{fc}cher.example", "host xn--bcher-kva.example"),
        ("rattler", "host rattler (perhaps)"),
        ("my service", "other"),
        ("8080", "other"),
        ("0x7f.1", "other"),
        ("::1", "other"),
        ("h.example:", "other"),
        ("h.example:0", "other"),
        ("h.example:99999", "other"),
        ("h.example/path", "other"),
        ("me@h.example", "other"),
        ("[::1]x", "other"),
        ("ftp://h.example/", "other"),
        ("https://h.example/%0aurl=x", "other"),
        ("https://h\\@evil.example/", "other"),
    ] {
        assert_eq!(meaning(text), expected, "{text}");
    }
}

#[test]
fn control_characters_and_long_texts_are_refused() {
    for text in ["a\nb", "https://h/\r", "\u{1b}[2J", &"x".repeat(9000)] {
        let failure = Service::parse(text).err().unwrap();
        assert_eq!(failure.code, ErrorCode::Usage);
        assert!(!failure.message.contains(text));
    }
}

#[test]
fn keys_are_the_exact_text_and_the_spellings_of_others() {
    let keys = |text: &str| Service::parse(text).unwrap().keys();
    for (text, expected) in [
        (
            "https://H.example/simple",
            vec![
                "https://H.example/simple",
                "https://h.example/simple/",
                "https://h.example/simple",
            ],
        ),
        (
            "https://h.example/legacy/?p",
            vec![
                "https://h.example/legacy/?p",
                "https://h.example/legacy?p",
                "https://h.example/legacy/",
                "https://h.example/legacy",
            ],
        ),
        (
            "https://u:p@h.example/",
            vec!["https://h.example/", "https://h.example"],
        ),
        ("h.example:443", vec!["h.example:443", "h.example"]),
        ("pip:h.example", vec!["pip:h.example", "h.example"]),
        ("pdm-pypi-foo", vec!["pdm-pypi-foo"]),
        ("my service", vec!["my service"]),
    ] {
        assert_eq!(keys(text), expected, "{text}");
    }
}

#[test]
fn accounts_that_say_a_kind_are_strict() {
    let empty = "__poetry_source_empty_username__";
    for (asked, own, configured, expected) in [
        ("alice", Some("alice"), false, true),
        ("alice", Some("bob"), true, false),
        ("alice", None, false, true),
        ("__token__", Some("__token__"), false, true),
        ("__token__", Some("alice"), true, false),
        ("__token__", None, false, false),
        ("__token__", None, true, true),
        ("pypi_token:project:x", None, true, false),
        ("pypi_token:project:x", Some("__token__"), true, false),
        (
            "pypi_token:project:x",
            Some("pypi_token:project:x"),
            false,
            true,
        ),
        ("pypi_token:user:x", None, false, false),
        (empty, None, false, true),
        (empty, Some(""), false, true),
        (empty, Some(empty), false, true),
        (empty, Some("alice"), true, false),
    ] {
        assert_eq!(
            may_answer(asked, own, configured),
            expected,
            "{asked} {own:?}"
        );
    }
}

#[test]
fn what_is_shown_holds_no_secret() {
    for (text, expected) in [
        ("https://u:S3NTINEL@h.example/a/", "https://h.example/a/"),
        ("https://u:S3/NTINEL@h.example/a/", "https://h.example/a/"),
        ("https://h.example/?token=S3NTINEL", "https://h.example/"),
        ("https://h.example/#S3NTINEL", "https://h.example/"),
        ("https://h.example/?project", "https://h.example/?project"),
        ("ftp://u:S3NTINEL@h.example/", "ftp://h.example/"),
        ("my service", "my service"),
        ("u:S3NTINEL@h.example", "h.example"),
        ("u:S3NT@INEL@h.example:80/a", "h.example:80/a"),
        ("me@h.example", "me@h.example"),
    ] {
        assert_eq!(told(text), expected, "{text}");
    }
}

proptest! {
    #[test]
    fn any_text_has_a_meaning(text in "\\PC{0,60}") {
        if let Ok(service) = Service::parse(&text) {
            prop_assert_eq!(&service.keys()[0], &service.text);
        }
    }

    #[test]
    fn a_prefix_changes_nothing_but_the_key(
        text in "(https?://)?[a-z]{1,8}(\\.[a-z]{2,5}){1,2}(:[1-9][0-9]{1,3})?(/[a-z]{0,5}){0,3}",
        prefix in "uv:|pip:",
    ) {
        let with = format!("{prefix}{text}");
        prop_assert_eq!(meaning(&with), meaning(&text));
        prop_assert_eq!(&Service::parse(&with).unwrap().text, &with);
    }

    #[test]
    fn names_come_back(name in "[A-Za-z0-9][A-Za-z0-9._-]{0,20}") {
        prop_assert_eq!(meaning(&format!("poetry-repository-{name}")), format!("name {name} -"));
    }

    #[test]
    fn userinfo_stays_at_the_door(user in "[a-z]{1,8}", password in "[A-Z0-9]{8,12}") {
        let service = Service::parse(&format!("https://{user}:{password}@h.example/a/")).unwrap();
        prop_assert!(service.keys().iter().all(|key| !key.contains(&password)));
        prop_assert!(!service.shown().contains(&password));
        let Form::Url { userinfo: Some(userinfo), .. } = service.form else {
            return Err(TestCaseError::fail("no userinfo"));
        };
        prop_assert!(userinfo.password.is_some_and(|own| own.same(&Secret::new(password))));
    }

    #[test]
    fn nobody_gets_the_secret_of_somebody_else(
        asked in "[a-z_:]{1,12}", own in "[a-z_:]{1,12}", configured: bool,
    ) {
        prop_assume!(asked != own);
        prop_assert!(!may_answer(&asked, Some(&own), configured));
    }
}
