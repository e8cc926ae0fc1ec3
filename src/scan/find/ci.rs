//! CI files and Dockerfiles, which have many syntaxes: URLs, and literal values of the variables
//! that the tools read, however they are assigned.

use std::ops::Range;

use credential_helper_protocol::Secret;

use crate::scan::finding::{Found, Kind, Way};
use crate::scan::read::Text;
use crate::scan::urls::{self, Use};
use crate::scan::value::is_expanded;

/// Variables of the tools that hold secrets: what they begin and end with.
const VARIABLES: [(&str, &str); 14] = [
    ("POETRY_HTTP_BASIC_", "_PASSWORD"),
    ("POETRY_PYPI_TOKEN_", ""),
    ("UV_INDEX_", "_PASSWORD"),
    ("UV_PUBLISH_PASSWORD", ""),
    ("UV_PUBLISH_TOKEN", ""),
    ("TWINE_PASSWORD", ""),
    ("PDM_PUBLISH_PASSWORD", ""),
    ("PDM_PYPI_", "_PASSWORD"),
    ("PDM_REPOSITORY_", "_PASSWORD"),
    ("HATCH_INDEX_AUTH", ""),
    ("FLIT_PASSWORD", ""),
    ("PYPI_TOKEN", ""),
    ("PYPI_API_TOKEN", ""),
    ("PYPI_PASSWORD", ""),
];
/// How every token of PyPI begins (a macaroon of pypi.org or test.pypi.org, in base64).
const PYPI_TOKEN: &str = "pypi-AgE";
const CI: &str = "keep it as a secret of the CI service and name it here; \
                  what was committed has to be replaced on the server";

/// # Errors
/// None: whatever is no assignment is passed over.
#[expect(clippy::unnecessary_wraps, reason = "the signature of every finder")]
pub(in crate::scan) fn find(text: &Text) -> Result<Vec<Found>, String> {
    Ok(with(text, CI))
}

/// The findings, each with this fix.
pub(super) fn with(text: &Text, fix: &'static str) -> Vec<Found> {
    let all = &text.text;
    let mut found: Vec<Found> = urls::hits(all, 0..all.len())
        .into_iter()
        .map(|hit| hit.found(Use::Other(fix)))
        .collect();
    let mut add = |kind, span: Range<usize>| {
        // One secret is told once, however it was found.
        let known = found.iter().any(|own| {
            own.spans
                .iter()
                .any(|own| own.start < span.end && span.start < own.end)
        });
        if !known {
            found.push(Found {
                kind,
                secret: Secret::from(&all[span.clone()]),
                spans: vec![span],
                username: None,
                origin: None,
                way: Way::ByHand(fix),
            });
        }
    };
    for span in variables(all) {
        add(Kind::Variable, span);
    }
    for (at, _) in all.match_indices(PYPI_TOKEN) {
        let rest = &all[at..];
        let end = rest.find(|c: char| !c.is_ascii_alphanumeric() && !"-_".contains(c));
        let end = at + end.unwrap_or(rest.len());
        if end - at >= 20 {
            add(Kind::Token, at..end);
        }
    }
    found
}

/// Where the literal values of the tools' variables stand.
fn variables(text: &str) -> Vec<Range<usize>> {
    let mut found = Vec::new();
    let part = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let mut at = 0;
    while let Some(start) = text[at..].find(part).map(|offset| at + offset) {
        let rest = &text[start..];
        let end = start + rest.find(|c| !part(c)).unwrap_or(rest.len());
        at = end;
        // `$TWINE_PASSWORD` is read, not set.
        let read = text[..start].ends_with(['$', '{', '%']) && !text[..start].ends_with("{ ");
        if !read && is_ours(&text[start..end]) {
            found.extend(value(text, end));
        }
    }
    found
}

fn is_ours(name: &str) -> bool {
    let upper = name.to_ascii_uppercase();
    VARIABLES.iter().any(|(start, end)| {
        let inner = upper
            .strip_prefix(start)
            .and_then(|rest| rest.strip_suffix(end));
        inner.is_some_and(|inner| inner.is_empty() != (start.ends_with('_')))
    })
}

/// The value behind a name: `=`, `:`, a space (`ENV NAME value`), or `value:` on the next line.
fn value(text: &str, end: usize) -> Option<Range<usize>> {
    let line_end = |from: usize| text[from..].find('\n').map_or(text.len(), |at| from + at);
    let mut at = end;
    if text[at..].starts_with(['"', '\'']) {
        at += 1;
    }
    let rest = &text[at..line_end(at)];
    let bare = rest.trim_start();
    at += rest.len() - bare.len();
    let gap = at > end;
    if bare.starts_with(['=', ':']) {
        at += if bare.starts_with(":=") { 2 } else { 1 };
    } else if !bare.is_empty() && (!gap || !is_docker(text, end)) {
        return None;
    }
    let rest = &text[at..line_end(at)];
    if rest.trim().is_empty() {
        // `- name: X`, then `value: ...`.
        let next = line_end(at) + 1;
        let line = text.get(next..).map(|_| &text[next..line_end(next)])?;
        let inner = line.trim_start().strip_prefix("value:")?;
        return literal(text, next + line.len() - inner.len(), next + line.len());
    }
    literal(text, at, at + rest.len())
}

fn is_docker(text: &str, at: usize) -> bool {
    let line = text[..at].rfind('\n').map_or(0, |at| at + 1);
    text[line..at]
        .trim_start()
        .to_ascii_uppercase()
        .starts_with("ENV ")
}

fn literal(text: &str, from: usize, to: usize) -> Option<Range<usize>> {
    let rest = &text[from..to];
    let bare = rest.trim_start();
    let start = to - bare.len();
    let first = bare.chars().next()?;
    let (start, end) = if matches!(first, '"' | '\'') {
        (start + 1, start + 1 + bare[1..].find(first)?)
    } else {
        let stop = bare.find(|c: char| c.is_whitespace() || ";&|,}".contains(c));
        (start, start + stop.unwrap_or(bare.len()))
    };
    // `${{ secrets.X }}` is cut at its first space.
    let whole = &text[start..to];
    (end > start && !is_expanded(&text[start..end]) && !whole.starts_with("${{"))
        .then_some(start..end)
}

#[cfg(test)]
mod tests {
    use super::variables;

    #[test]
    fn literal_values_of_the_tools_variables() {
        for line in [
            "TWINE_PASSWORD: hunter2",
            "  TWINE_PASSWORD: \"hunter2\" # c",
            "export UV_INDEX_FOO_PASSWORD='hunter2'",
            "ENV POETRY_HTTP_BASIC_FOO_PASSWORD hunter2",
            "ARG PDM_PUBLISH_PASSWORD=hunter2",
            "RUN TWINE_PASSWORD=hunter2 twine upload dist/*",
            "POETRY_PYPI_TOKEN_PYPI = 'hunter2'",
            "- name: TWINE_PASSWORD\n  value: hunter2",
            "TWINE_PASSWORD:\n    value: \"hunter2\"",
            "\"HATCH_INDEX_AUTH\": \"hunter2\",",
            "env: { TWINE_PASSWORD: hunter2 }",
        ] {
            let found = variables(line);
            assert_eq!(found.len(), 1, "{line}");
            assert_eq!(&line[found[0].clone()], "hunter2", "{line}");
        }
        for line in [
            "TWINE_PASSWORD: ${{ secrets.TOKEN }}",
            "TWINE_PASSWORD: \"$TOKEN\"",
            "TWINE_PASSWORD: $(TOKEN)",
            "TWINE_PASSWORD = credentials('id')",
            "echo $TWINE_PASSWORD: x",
            "TWINE_PASSWORD",
            "TWINE_PASSWORD=",
            "POETRY_PYPI_TOKEN_: x",
            "MY_TWINE_PASSWORD: x",
            "- name: TWINE_PASSWORD\n  other: x",
            "TWINE_USERNAME: alice",
        ] {
            assert!(variables(line).is_empty(), "{line}");
        }
    }
}
