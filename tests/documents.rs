//! What the documents say of files, settings, JSON and dependencies holds. Command lines in them are
//! parsed beside the parser (`src/cli/args_tests.rs`).

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use credential_helper::provider::{files::Files, settings};

/// Hosts that a document may name: reserved for examples (RFC 2606), and what it refers to.
const HOSTS: [&str; 7] = [
    "example.org",
    "example.net",
    "h",
    "github.com",
    "keepachangelog.com",
    "semver.org",
    "varlink.org",
];

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Every document, by its path below the root.
fn documents() -> BTreeMap<PathBuf, String> {
    let mut found = BTreeMap::new();
    for folder in ["", "docs", "protocol"] {
        for entry in std::fs::read_dir(root().join(folder)).unwrap() {
            let name = entry.unwrap().file_name();
            let path = Path::new(folder).join(name);
            if path.extension().is_some_and(|extension| extension == "md") {
                let text = std::fs::read_to_string(root().join(&path)).unwrap();
                found.insert(path, text);
            }
        }
    }
    assert!(found.len() >= 10, "{:?}", found.keys());
    found
}

/// The texts between two marks.
fn between<'a>(text: &'a str, open: &str, close: &str) -> Vec<&'a str> {
    let parts = text.split(open).skip(1);
    parts
        .filter_map(|part| Some(part.split_once(close)?.0))
        .collect()
}

/// How a heading is called in a link.
fn anchor(heading: &str) -> String {
    let kept = heading.trim_start_matches('#').trim().chars();
    let kept = kept.filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'));
    kept.collect::<String>().to_lowercase().replace(' ', "-")
}

#[test]
fn every_link_leads_somewhere() {
    let documents = documents();
    let mut wrong = Vec::new();
    for (path, text) in &documents {
        for link in between(text, "](", ")") {
            if link.starts_with("https://") {
                continue;
            }
            let (file, part) = link.split_once('#').unwrap_or((link, ""));
            let target = root().join(path).parent().unwrap().join(file);
            let there = if file.is_empty() {
                Ok(text.clone())
            } else {
                std::fs::read_to_string(&target)
            };
            let has_part = |text: String| {
                let mut headings = text.lines().filter(|line| line.starts_with('#'));
                part.is_empty() || headings.any(|heading| anchor(heading) == part)
            };
            if !there.is_ok_and(has_part) {
                wrong.push(format!("{}: {link}", path.display()));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn every_document_is_linked() {
    let documents = documents();
    let readme = &documents[Path::new("README.md")];
    for path in documents.keys().filter(|path| path.starts_with("docs")) {
        let link = format!("]({})", path.display());
        assert!(readme.contains(&link), "README.md has no link to {link}");
    }
}

/// Files of the project that are named in running text.
#[test]
fn every_file_that_is_named_is_there() {
    let folders = [
        "src/",
        "tests/",
        "docs/",
        "packaging/",
        "protocol/",
        "benches/",
        ".ci/",
    ];
    let mut wrong = Vec::new();
    for (path, text) in documents() {
        for word in text.split([' ', '\n', '`', '(', ')', ',', ';', ':', '|']) {
            let word = word.split('#').next().unwrap().trim_end_matches('.');
            let named = folders.iter().any(|folder| word.starts_with(folder));
            if named && !word.contains('*') && !root().join(word).exists() {
                wrong.push(format!("{}: {word}", path.display()));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn only_hosts_of_examples_are_named() {
    for (path, text) in documents() {
        for rest in text.split("https://").skip(1) {
            let host = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-');
            let authority = rest.split(['/', '`', ' ']).next().unwrap();
            let (_, after) = authority.rsplit_once('@').unwrap_or(("", authority));
            let host = after
                .split(|c| !host(c))
                .next()
                .unwrap()
                .trim_end_matches('.');
            let known = |known: &str| host == known || host.ends_with(&format!(".{known}"));
            assert!(
                HOSTS.iter().any(|one| known(one)),
                "{}: {host}",
                path.display()
            );
        }
    }
}

#[test]
fn the_example_of_the_settings_is_accepted_without_a_warning() {
    let text = &documents()[Path::new("docs/settings.md")];
    let example = between(text, "```toml\n", "```");
    let [example] = example.as_slice() else {
        panic!("one example expected");
    };
    // The last key stands there twice, the second time as a comment.
    let (before, _) = example.split_once("file = ").unwrap();
    let (_, other) = example.split_once("# or: ").unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    for text in [(*example).to_owned(), format!("{before}{other}")] {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("config.toml"), &text).unwrap();
        let view = Files::default().view();
        let home = Path::new("/home/alice");
        let read = runtime.block_on(settings::load(&view, folder.path(), home));
        let read = read.unwrap_or_else(|failure| panic!("{}\n{text}", failure.detail));
        assert!(read.warnings.is_empty(), "{:?}\n{text}", read.warnings);
        assert_eq!(read.repositories.len(), 1);
    }
}

/// The keys in a text such as `name stored[]{provider location}`.
fn keys(text: &str) -> impl Iterator<Item = String> {
    text.split(|c: char| !(c.is_ascii_alphanumeric() || c == '_'))
        .filter(|word| !word.is_empty())
        .map(str::to_owned)
}

/// What `docs/json.md` says: the keys of each command's object.
fn documented() -> BTreeMap<String, BTreeSet<String>> {
    let text = &documents()[Path::new("docs/json.md")];
    let table = text
        .split("| command | object |\n|---|---|\n")
        .nth(1)
        .unwrap();
    let rows = table.lines().take_while(|line| line.starts_with('|'));
    rows.map(|row| {
        let cells: Vec<&str> = row.trim_matches('|').split('|').collect();
        let [command, object] = cells.as_slice() else {
            panic!("{row}");
        };
        let command = command.trim().trim_matches('`');
        let command = command.split(',').next().unwrap();
        let spans = object.split('`').skip(1).step_by(2);
        (command.to_owned(), spans.flat_map(keys).collect())
    })
    .collect()
}

/// What the conversations find, exactly: the keys of each command's object.
fn printed() -> BTreeMap<String, BTreeSet<String>> {
    let mut found: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for entry in std::fs::read_dir(root().join("tests/conversations")).unwrap() {
        let text = std::fs::read_to_string(entry.unwrap().path()).unwrap();
        let book: toml::Table = toml::from_str(&text).unwrap();
        let conversations = book["conversation"].as_array().unwrap().iter();
        for step in conversations.flat_map(|one| one["steps"].as_array().unwrap()) {
            let Some(objects) = step.get("keys").and_then(toml::Value::as_table) else {
                continue;
            };
            let line = step["run"].as_str().unwrap();
            let whole = objects.get("").and_then(toml::Value::as_str).unwrap();
            let words: Vec<&str> = line.split(' ').collect();
            let command = match words.as_slice() {
                _ if keys(whole).any(|key| key == "error") => "an error".to_owned(),
                [group @ ("agent" | "token" | "index" | "cache"), command, ..] => {
                    format!("{group} {command}")
                }
                [command, ..] => (*command).to_owned(),
                [] => unreachable!(),
            };
            let of_object = objects.iter().filter(|(at, _)| *at != "/settings");
            let all = of_object.flat_map(|(_, value)| keys(value.as_str().unwrap()));
            found.entry(command).or_default().extend(all);
        }
    }
    found
}

#[test]
fn the_json_that_is_printed_is_the_json_that_is_documented() {
    assert_eq!(printed(), documented());
}

/// A provider's word is part of the protocol, and a bridge's name is what a user links.
#[test]
fn every_provider_and_every_bridge_is_told() {
    let documents = documents();
    let has = |path: &str, word: &str| {
        let text = &documents[Path::new(path)];
        let quoted = format!("`{word}");
        assert!(text.contains(&quoted), "{path} does not have {quoted}");
    };
    for provider in credential_helper::provider::always() {
        let word = provider.id().word();
        has("docs/providers.md", word);
        has("docs/json.md", word);
        has("protocol/SPECIFICATION.md", word);
    }
    for bridge in credential_helper::bridge::ALL {
        has("docs/bridges.md", bridge.name);
    }
}

/// The table of CONTRIBUTING.md, against what both packages name.
#[test]
fn every_dependency_has_its_reason() {
    let mut named = BTreeSet::new();
    for file in ["Cargo.toml", "protocol/Cargo.toml"] {
        let text = std::fs::read_to_string(root().join(file)).unwrap();
        let manifest: toml::Table = toml::from_str(&text).unwrap();
        let mut tables = vec![&manifest];
        let targets = manifest.get("target").and_then(toml::Value::as_table);
        tables.extend(
            targets
                .into_iter()
                .flat_map(|one| one.values())
                .filter_map(|one| one.as_table()),
        );
        for table in tables {
            for kind in ["dependencies", "dev-dependencies", "build-dependencies"] {
                let crates = table.get(kind).and_then(toml::Value::as_table);
                named.extend(crates.into_iter().flat_map(|crates| crates.keys().cloned()));
            }
        }
    }
    named.remove("credential-helper-protocol");
    let text = &documents()[Path::new("CONTRIBUTING.md")];
    let table = text.split("| crate | why |\n|---|---|\n").nth(1).unwrap();
    let rows = table.lines().take_while(|line| line.starts_with('|'));
    let explained =
        rows.flat_map(|row| row.split('|').nth(1).unwrap().split('`').skip(1).step_by(2));
    assert_eq!(named, explained.map(str::to_owned).collect());
}
