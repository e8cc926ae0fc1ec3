//! The sources as the rules see them: without comments and quotes, and apart from their tests.

use std::path::Path;

/// One file, by its path in the repository.
pub(super) struct Source {
    pub(super) path: String,
    pub(super) text: String,
}

impl Source {
    pub(super) fn new(path: &str, text: &str) -> Self {
        let (path, text) = (path.to_owned(), text.to_owned());
        Self { path, text }
    }

    pub(super) fn is_rust(&self) -> bool {
        Path::new(&self.path)
            .extension()
            .is_some_and(|end| end == "rs")
    }

    pub(super) fn is_test(&self) -> bool {
        self.path.starts_with("tests/")
            || self.path.contains("/tests/")
            || self.path.ends_with("_tests.rs")
            || [
                "/tests.rs",
                "/fake.rs",
                "/samples.rs",
                "/test_server.rs",
                "/test_programs.rs",
            ]
            .iter()
            .any(|end| self.path.ends_with(end))
    }

    /// What stands before the tests of the file.
    pub(super) fn product(&self) -> &str {
        if self.is_test() {
            return "";
        }
        // A line that only declares a module for tests ends nothing.
        let end = self.text.match_indices("#[cfg(test)]").find(|(at, _)| {
            let mut lines = self.text[*at..].lines();
            let item = lines.find(|line| line.starts_with("mod ") || line.starts_with("pub"));
            item.is_some_and(|line| line.contains('{') || line.contains("mod tests"))
        });
        &self.text[..end.map_or(self.text.len(), |(at, _)| at)]
    }

    pub(super) fn tests(&self) -> &str {
        &self.text[self.product().len()..]
    }

    /// The module directly below the crate's root, for files of the main crate.
    pub(super) fn module(&self) -> Option<&str> {
        let rest = self.path.strip_prefix("src/")?;
        let name = rest.split('/').next()?;
        let name = name.strip_suffix(".rs").unwrap_or(name);
        (!matches!(name, "lib" | "main" | "bin")).then_some(name)
    }
}

/// The code without comments and without what stands in quotes.
pub(super) fn bare(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let bytes = text.as_bytes();
    let mut at = 0;
    while at < bytes.len() {
        let rest = &text[at..];
        let skipped = if rest.starts_with("//") {
            rest.find('\n').unwrap_or(rest.len())
        } else if rest.starts_with("/*") {
            rest.find("*/").map_or(rest.len(), |end| end + 2)
        } else if rest.starts_with("r#\"") || rest.starts_with("r\"") {
            let hashes = usize::from(rest.starts_with("r#"));
            let (open, close) = (2 + hashes, if hashes == 1 { "\"#" } else { "\"" });
            rest[open..]
                .find(close)
                .map_or(rest.len(), |end| open + end + close.len())
        } else if rest.starts_with('"') {
            quoted(rest)
        } else if rest.starts_with("'\\") || (rest.len() > 2 && rest.as_bytes()[2] == b'\'') {
            // A character; a lifetime has no second quote.
            if rest.starts_with('\'') {
                rest[2..].find('\'').map_or(rest.len(), |end| end + 3)
            } else {
                0
            }
        } else {
            0
        };
        if skipped == 0 {
            let c = rest.chars().next().unwrap_or_default();
            out.push(c);
            at += c.len_utf8();
        } else {
            out.extend(rest[..skipped].matches('\n'));
            out.push(' ');
            at += skipped;
        }
    }
    out
}

fn quoted(rest: &str) -> usize {
    let mut escaped = false;
    for (at, c) in rest.char_indices().skip(1) {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '"' => return at + 1,
            _ => {}
        }
    }
    rest.len()
}

/// The paths below the crate's root that the code names: `crate::a::b`, `crate::{a, b::{c}}`, and
/// `super::super::a` where that reaches the root.
pub(super) fn named(source: &Source, code: &str) -> Vec<String> {
    let inner = source.path.trim_start_matches("src/");
    let depth = inner.trim_end_matches("/mod.rs").split('/').count();
    let roots = [
        "crate::".to_owned(),
        "credential_helper::".to_owned(),
        "super::".repeat(depth),
    ];
    let mut found = Vec::new();
    for root in &roots {
        for (at, _) in code.match_indices(root.as_str()) {
            let before = code[..at].chars().next_back();
            if before.is_some_and(|c| c.is_alphanumeric() || matches!(c, '_' | ':')) {
                continue;
            }
            paths("", &code[at + root.len()..], &mut found);
        }
    }
    found
}

/// The paths that a text begins with, each behind this start: one, or those of a braced group.
fn paths(start: &str, text: &str, found: &mut Vec<String>) {
    let is_path = |c: char| c.is_alphanumeric() || matches!(c, '_' | ':');
    let text = text.trim_start();
    let (path, rest) = text.split_at(text.find(|c| !is_path(c)).unwrap_or(text.len()));
    let path = format!("{start}{path}");
    let Some(group) = rest.strip_prefix('{') else {
        let path = path.strip_suffix("::self").unwrap_or(&path);
        let path = path.trim_end_matches(':');
        if !path.is_empty() {
            found.push(path.to_owned());
        }
        return;
    };
    let (mut depth, mut begin) = (0, 0);
    for (at, c) in group.char_indices() {
        match c {
            '{' => depth += 1,
            '}' if depth == 0 => {
                paths(&path, &group[begin..at], found);
                return;
            }
            '}' => depth -= 1,
            ',' if depth == 0 => {
                paths(&path, &group[begin..at], found);
                begin = at + 1;
            }
            _ => {}
        }
    }
}

/// Whether the code has the word, not as the end of a longer one.
pub(super) fn has_word(code: &str, word: &str) -> bool {
    code.match_indices(word).any(|(at, _)| {
        let before = code[..at].chars().next_back();
        !before.is_some_and(|c| c.is_alphanumeric() || c == '_')
    })
}

pub(super) fn collect(root: &Path, folder: &str, into: &mut Vec<Source>) {
    for entry in std::fs::read_dir(root.join(folder)).unwrap() {
        let entry = entry.unwrap();
        let name = entry.file_name().into_string().unwrap();
        let path = format!("{folder}/{name}");
        if entry.file_type().unwrap().is_dir() {
            if name != "target" && name != "__pycache__" {
                collect(root, &path, into);
            }
        } else if let Ok(text) = std::fs::read_to_string(entry.path()) {
            into.push(Source::new(&path, &text));
        }
    }
}
