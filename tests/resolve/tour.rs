//! The tour of the README: a private index beside a public one, which has real projects.

use super::index::{index, release};
use super::{ACCOUNT, Place, recorded};
use crate::harness::sandbox::Sandbox;

const TOUR: &str = include_str!("tour.txt");

/// What each command printed on the way, in both places, one after the other.
#[test]
fn holds() {
    let own = vec![
        release("acme-core", "1.2", &["requests>=2.31"]),
        release("acme-core", "1.3", &["requests>=2.34"]),
    ];
    // It begins without a password.
    let place = Place {
        sandbox: Sandbox::new().without_keyring(),
        public: recorded::index(vec![release("acme-core", "99.0", &[])]),
        private: index(own, Some(ACCOUNT)),
    };
    place.project("dependencies = [\"acme-core\"]\n");
    let project = place.sandbox.read("project/pyproject.toml");
    let project = project.replace(">=3.9", ">=3.10");
    place.sandbox.write("project/pyproject.toml", &project);
    let mut commands = TOUR.split("$ helper ").skip(1).peekable();
    assert!(commands.peek().is_some());
    for step in commands {
        let (line, expected) = step.split_once('\n').unwrap();
        let line = line.split('#').next().unwrap().trim();
        let index = place.private.url("/simple/");
        let line = line.replace("https://pypi.example.org/acme/simple/", &index);
        let arguments: Vec<&str> = line.split(' ').collect();
        let ended = place.sandbox.helper_fed(&arguments, "sentinel\n");
        let found = i32::from(line == "index audit");
        assert_eq!(ended.status, found, "{line}: {ended:?}");
        let said = format!("{}{}", ended.stdout, ended.stderr);
        for wanted in expected.lines() {
            let parts: Vec<&str> = wanted.split("...").collect();
            let fits = |line: &str| {
                let inside = parts.iter().all(|part| line.contains(part));
                inside && line.starts_with(parts[0]) && line.ends_with(parts[parts.len() - 1])
            };
            assert!(said.lines().any(fits), "{line}: {wanted}: {ended:?}");
        }
        assert!(!said.contains("sentinel"), "{ended:?}");
    }
}

/// Where the README has the tour, it has this one.
#[test]
fn the_readme_has_it() {
    let readme =
        std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/README.md")).unwrap();
    let command = TOUR.lines().nth(1).unwrap();
    assert!(!readme.contains(command) || readme.contains(TOUR), "{TOUR}");
}
