use credential_helper_protocol::render::netrc_value;
use proptest::prelude::*;
use zeroize::Zeroizing;

use super::{Machine, parse};
use crate::domain::url::RepositoryUrl;

fn read(text: &str) -> Vec<(String, String, String)> {
    let text_of = |text: Option<&str>| text.unwrap_or("-").to_owned();
    parse(text)
        .unwrap()
        .iter()
        .map(|machine| {
            (
                text_of(machine.name.as_ref().map(|text| text.as_str())),
                text_of(machine.account()),
                text_of(machine.password.as_ref().map(|text| text.as_str())),
            )
        })
        .collect()
}

#[test]
fn texts_are_read_as_python_does() {
    for (text, expected) in [
        ("machine h login u password p", vec![("h", "u", "p")]),
        (
            "machine h\n\tlogin u\r\n\tpassword p\r\n",
            vec![("h", "u", "p")],
        ),
        (
            r#"machine h login "a b" password "q\"\\ #x""#,
            vec![("h", "a b", "q\"\\ #x")],
        ),
        (r"machine h login u password a\ b", vec![("h", "u", "a b")]),
        ("machine h login u password #p", vec![("h", "u", "#p")]),
        ("machine h login u password \"\"", vec![("h", "u", "")]),
        ("machine h password p user u", vec![("h", "u", "p")]),
        ("machine h account a password p", vec![("h", "a", "p")]),
        (
            "# machine x\nmachine h login u # c\n password p",
            vec![("h", "u", "p")],
        ),
        (
            "machine a login u password p macdef init\ncd /\nmachine evil login x password y\n\nmachine b login v password q\n",
            vec![("a", "u", "p"), ("b", "v", "q")],
        ),
        ("macdef init\nmachine evil login x", vec![]),
        (
            "default login d password x\nmachine h login u password p",
            vec![("-", "d", "x"), ("h", "u", "p")],
        ),
        (
            "machine h login b\u{fc} password p\u{e4}\u{df}",
            vec![("h", "b\u{fc}", "p\u{e4}\u{df}")],
        ),
        (
            "machine login login u password login",
            vec![("login", "u", "login")],
        ),
        ("", vec![]),
    ] {
        let expected: Vec<(String, String, String)> = expected
            .into_iter()
            .map(|(a, b, c)| (a.into(), b.into(), c.into()))
            .collect();
        assert_eq!(read(text), expected, "{text}");
    }
}

#[test]
fn faults_name_the_line_and_nothing_of_the_text() {
    for (text, line) in [
        ("machine h login u\npassword s3cret phrase", 2),
        ("\n\nlogin u", 3),
        ("machine h password", 1),
        ("machine", 1),
        ("machine h\nlogin u\npassword \"s3cret\n\n", 3),
        ("hello s3cret", 1),
    ] {
        let (at, words) = parse(text).err().unwrap();
        assert_eq!(at, line, "{text}");
        assert!(!words.contains("s3cret") && !words.contains("phrase"));
    }
}

#[test]
fn hosts_are_exact() {
    let machine = |name: &str| Machine {
        name: Some(name.to_owned().into()),
        ..Machine::default()
    };
    let is_for = |name: &str, url: &str, port: bool| {
        let url = RepositoryUrl::parse(url).unwrap().0;
        machine(name).is_for(url.origin(), port)
    };
    for (name, url, expected) in [
        ("good", "https://good/simple/", true),
        ("GOOD.example", "https://good.EXAMPLE/", true),
        ("good", "https://good:8443/", true),
        ("::1", "https://[::1]:8443/", true),
        ("good", "http://good:@evil/", false),
        ("evil;good", "https://good/", false),
        ("good", "https://good.evil/", false),
        ("good", "https://sub.good/", false),
        ("example", "https://good.example/", false),
        ("", "https://good/", false),
        ("good:8443", "https://good:8443/", false),
    ] {
        assert_eq!(is_for(name, url, false), expected, "{name} {url}");
    }
    assert!(is_for("good:8443", "https://good:8443/", true));
    assert!(!is_for("good:8443", "https://good/", true));
    let default = Machine::default();
    let url = RepositoryUrl::parse("https://good/").unwrap().0;
    assert!(!default.is_for(url.origin(), false));
}

#[test]
fn an_entry_without_account_and_password_says_nothing() {
    for text in [
        "machine h",
        "machine h login \"\" password \"\"",
        "machine h account \"\"",
    ] {
        assert!(!parse(text).unwrap()[0].says_anything(), "{text}");
    }
}

proptest! {
    /// Whatever a value holds: written into a netrc it is read again, and so is what stands beside it.
    #[test]
    fn what_is_written_is_read_again(
        entries in prop::collection::vec(("\\PC{1,9}", "\\PC{0,9}", "[ -~\t\n\u{e9}]{0,12}"), 0..5),
    ) {
        let mut text = Zeroizing::new(Vec::new());
        for (name, login, password) in &entries {
            for (word, value) in [("machine ", name), (" login ", login), (" password ", password)] {
                text.extend_from_slice(word.as_bytes());
                netrc_value(value, &mut text);
            }
            text.push(b'\n');
        }
        let machines = parse(std::str::from_utf8(&text).unwrap()).unwrap();
        prop_assert_eq!(machines.len(), entries.len());
        for (machine, (name, login, password)) in machines.iter().zip(&entries) {
            let same = |own: &Option<Zeroizing<String>>, other: &str| {
                own.as_ref().is_some_and(|own| own.as_str() == other)
            };
            prop_assert!(same(&machine.name, name) && same(&machine.login, login));
            prop_assert!(same(&machine.password, password));
        }
    }
}
