//! The table itself: read from the tests' sources, held against the page, written from a run's output.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

const PAGE: &str = "docs/security-tests.md";

const PARTS: [(char, &str); 4] = [
    ('p', "Protocols and parsing"),
    ('l', "The machine"),
    ('h', "HTTP: the resolver and the publisher"),
    ('a', "Archives"),
];

#[derive(Default)]
struct Row {
    rule: String,
    tests: Vec<String>,
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Every Rust source below a folder, in order.
fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
    let mut entries: Vec<_> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    entries.sort();
    for path in entries {
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|end| end == "rs") {
            found.push(path);
        }
    }
}

/// `l5_...` belongs to row L5.
fn row_of(name: &str) -> Option<(char, u32)> {
    let (row, _) = name.split_once('_')?;
    let part = row.chars().next()?;
    let known = PARTS.iter().any(|(letter, _)| *letter == part);
    known
        .then(|| row[1..].parse().ok())
        .flatten()
        .map(|number| (part, number))
}

/// The module path of a file of this program.
fn module(path: &Path) -> String {
    let below = path.strip_prefix(root().join("tests")).unwrap();
    let text = below.with_extension("").display().to_string();
    text.trim_end_matches("/mod").replace('/', "::")
}

/// The rows, from the comments and names of the tests.
fn rows() -> BTreeMap<(usize, u32), Row> {
    let mut rows: BTreeMap<(usize, u32), Row> = BTreeMap::new();
    let mut files = Vec::new();
    sources(&root().join("tests"), &mut files);
    for path in files {
        let text = std::fs::read_to_string(&path).unwrap();
        let mut comment = Vec::new();
        let mut is_test = false;
        for line in text.lines() {
            if let Some(words) = line.strip_prefix("///") {
                comment.push(words.trim().to_owned());
                continue;
            }
            if line.starts_with("#[") || line.starts_with("    ") || line == ")]" {
                is_test |= line == "#[test]";
                continue;
            }
            let name = line.strip_prefix("pub ").unwrap_or(line);
            let name = name
                .strip_prefix("fn ")
                .and_then(|rest| rest.split('(').next());
            if is_test && let Some((part, number)) = name.and_then(row_of) {
                let name = name.unwrap_or_default();
                let part = PARTS.iter().position(|(own, _)| *own == part).unwrap();
                let row = rows.entry((part, number)).or_default();
                add(row, &comment, &format!("{}::{name}", module(&path)));
            }
            comment.clear();
            is_test = false;
        }
    }
    rows
}

fn add(row: &mut Row, comment: &[String], name: &str) {
    let text = comment.join(" ");
    let (text, also) = text.split_once("Also:").unwrap_or((&text, ""));
    row.tests.push(name.to_owned());
    let also = also.split([',', ' ', '`']).filter(|name| !name.is_empty());
    row.tests.extend(also.map(str::to_owned));
    let label = name.rsplit("::").next().unwrap().split('_').next().unwrap();
    let label = format!("{}: ", label.to_uppercase());
    if let Some(rule) = text.strip_prefix(&label) {
        assert!(row.rule.is_empty(), "{name}: the row has its rule already");
        rule.trim().clone_into(&mut row.rule);
    }
}

/// The lines of the tables, without results.
fn lines() -> Vec<(usize, String, Vec<String>)> {
    rows()
        .into_iter()
        .map(|((part, number), row)| {
            let letter = PARTS[part].0.to_uppercase();
            assert!(!row.rule.is_empty(), "{letter}{number} has no rule");
            assert!(
                !row.rule.contains('|'),
                "{letter}{number}: a bar in the rule"
            );
            let tests = row.tests.join("`, `");
            let line = format!("| {letter}{number} | {} | `{tests}` |", row.rule);
            (part, line, row.tests)
        })
        .collect()
}

/// What a run said of each test: `ok`, `FAILED`, or why it could not be held here.
fn results(output: &str) -> BTreeMap<String, String> {
    let mut results = BTreeMap::new();
    let mut said = String::new();
    for line in output.lines() {
        if let Some(name) = line
            .strip_prefix("---- ")
            .and_then(|rest| rest.strip_suffix(" stdout ----"))
        {
            name.clone_into(&mut said);
        } else if line.starts_with("not here: ") {
            let line = line.to_owned();
            results.insert(said.clone(), line);
        } else if let Some((name, word)) = line
            .strip_prefix("test ")
            .and_then(|rest| rest.rsplit_once(" ... "))
        {
            // A test of what has to panic has a word behind its name.
            let name = name.split(" - ").next().unwrap_or(name);
            results.insert(name.to_owned(), word.to_owned());
        }
    }
    results
}

/// One result for all tests of a row: what failed, else what could not be held here.
fn together(tests: &[String], results: &BTreeMap<String, String>) -> String {
    let mut notes = BTreeSet::new();
    for test in tests {
        match results.get(test).map_or("not run", String::as_str) {
            "ok" => {}
            "FAILED" | "not run" | "ignored" => return format!("FAILED: {test}"),
            reason => {
                notes.insert(reason.to_owned());
            }
        }
    }
    if notes.is_empty() {
        return "ok".to_owned();
    }
    notes.into_iter().collect::<Vec<_>>().join("; ")
}

fn page(head: &str, results: &BTreeMap<String, String>) -> String {
    let mut text = head.to_owned();
    let mut last = None;
    for (part, line, tests) in lines() {
        if last.replace(part) != Some(part) {
            let title = PARTS[part].1;
            let _ = write!(
                text,
                "\n## {title}\n\n| row | rule | tests | result |\n|---|---|---|---|\n"
            );
        }
        let _ = writeln!(text, "{line} {} |", together(&tests, results));
    }
    text
}

/// The page has the rows that the tests have, each with a result; `tests/security/table` asks here for
/// the names of the tests, and has the page written.
#[test]
fn the_page_is_that_of_the_tests() {
    if let Ok(path) = std::env::var("SECURITY_TABLE_NAMES") {
        let names: Vec<String> = lines()
            .into_iter()
            .flat_map(|(_, _, tests)| tests)
            .collect();
        std::fs::write(path, names.join("\n") + "\n").unwrap();
        return;
    }
    let old = std::fs::read_to_string(root().join(PAGE)).unwrap_or_default();
    if let Ok(path) = std::env::var("SECURITY_TABLE_RUN") {
        let head = std::env::var("SECURITY_TABLE_HEAD").unwrap();
        let output = std::fs::read_to_string(path).unwrap();
        let text = page(&head, &results(&output));
        std::fs::write(root().join(PAGE), &text).unwrap();
        let failed = text.lines().filter(|line| line.contains("| FAILED"));
        assert_eq!(failed.collect::<Vec<_>>(), Vec::<&str>::new());
        return;
    }
    let rows = old.lines().filter(|line| {
        line.starts_with("| ") && row_of(&line[2..].to_lowercase().replace(' ', "_")).is_some()
    });
    let rows: Vec<&str> = rows.collect();
    let expected = lines();
    for ((_, line, _), row) in expected.iter().zip(&rows) {
        let result = row.strip_prefix(line.as_str());
        let result = result.unwrap_or_else(|| panic!("{row}\nis no longer\n{line}"));
        let result = result.trim().trim_end_matches(" |");
        assert!(result == "ok" || result.starts_with("not here: "), "{row}");
    }
    assert_eq!(rows.len(), expected.len(), "run tests/security/table");
}

/// A test that a row refers to is there.
#[test]
fn every_test_that_is_named_is_there() {
    let mut files = Vec::new();
    for folder in ["src", "tests", "protocol/src"] {
        sources(&root().join(folder), &mut files);
    }
    let all: String = files
        .iter()
        .map(|path| std::fs::read_to_string(path).unwrap())
        .collect();
    for (_, line, tests) in lines() {
        for test in tests {
            let name = test.rsplit("::").next().unwrap();
            assert!(all.contains(&format!("fn {name}(")), "{name}: {line}");
        }
    }
}
