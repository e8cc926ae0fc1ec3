//! Where the helper means to answer in another way than `packaging`, and why.

use serde_json::Value;

/// Why an answer to this case differs; `None` if it should not.
pub(super) fn reason(kind: &str, case: &[Value]) -> Option<&'static str> {
    let text = case[1].as_str().unwrap_or_default();
    if huge(text) || case.get(2).and_then(Value::as_str).is_some_and(huge) {
        return Some("a number of 64 bits or more is no part of a version");
    }
    match kind {
        "specifiers" if text.contains("===") => {
            Some("=== compares versions, not how they are written")
        }
        "marker" => marker(text, &case[4]).or_else(|| {
            let names = ["python_full_version", "implementation_version"];
            let pre = case[2].as_u64() == Some(5) && names.iter().any(|name| text.contains(name));
            pre.then_some("a pre-release of Python counts as its release, as with uv")
        }),
        "requirement" => requirement(text, case),
        "wheel" | "sdist" => filename(text, kind),
        _ => None,
    }
}

fn marker(text: &str, known: &Value) -> Option<&'static str> {
    let is = |name: &str| {
        known
            .as_array()
            .is_some_and(|all| all.iter().any(|one| one == name))
    };
    if !text.is_ascii() {
        Some("a marker has letters of ASCII alone")
    } else if holds_single_quote(text) {
        Some("a text in a marker holds no single quotation mark")
    } else if is("string-order") {
        Some("< and > of texts compare them by letters, as PEP 508 says")
    } else if is("release") {
        Some("platform_release is a text: it is seldom a version")
    } else if is("version-list") {
        Some("`in` of a version looks for it in a list, not in the letters of the list")
    } else if is("spoilt") && text.contains("===") {
        Some("=== compares versions, not how they are written")
    } else if is("spoilt") && text.contains("extra") {
        Some("the name of an extra begins and ends in a letter or digit")
    } else if is("version-text")
        || is("spoilt") && text.contains("_version") && (text.contains("~=") || !all_versions(text))
    {
        Some("a comparison of a version with what is none is left out")
    } else {
        None
    }
}

fn holds_single_quote(text: &str) -> bool {
    let mut open = None;
    text.chars()
        .filter(|letter| matches!(letter, '"' | '\''))
        .any(|letter| match open {
            None => {
                open = Some(letter);
                false
            }
            Some(own) if own == letter => {
                open = None;
                false
            }
            Some(own) => own == '"',
        })
}

/// Whether all that is quoted are versions.
fn all_versions(text: &str) -> bool {
    let quoted = text.split(['\'', '"']).skip(1).step_by(2);
    quoted.into_iter().all(|value| {
        let value = value.strip_suffix(".*").unwrap_or(value);
        value.parse::<pep440_rs::Version>().is_ok()
    })
}

fn requirement(text: &str, case: &[Value]) -> Option<&'static str> {
    if let Some(url) = case[2].get(3).and_then(Value::as_str) {
        return Some(match url.parse::<url::Url>() {
            Ok(url) if url.as_str() != case[2][3] => "a URL is written as URLs are",
            Ok(_) => return requirement_text(text, case),
            Err(_) => "a URL that is none is refused at once",
        });
    }
    requirement_text(text, case)
}

fn requirement_text(text: &str, case: &[Value]) -> Option<&'static str> {
    if text.contains('\n') {
        return Some("a line break is white space");
    }
    if let Some((_, marked)) = text.split_once(';') {
        if let Some(reason) = marker(marked, &case[3]) {
            return Some(reason);
        }
        if marked.contains("extra") && case[3].as_array().is_some_and(|all| !all.is_empty()) {
            return Some("the name of an extra begins and ends in a letter or digit");
        }
    }
    let url = text.split_once('@').map(|(_, url)| url.trim());
    if url.is_some_and(|url| url.contains(|letter: char| letter.is_whitespace() || letter == ';')) {
        return Some("a URL may have white space and semicolons; no server is asked for it");
    }
    let head = text
        .split(['[', '(', '<', '>', '=', '!', '~', ';', '@'])
        .next()?;
    if head.trim().ends_with(['_', '-', '.']) {
        return Some("the name of a project ends in a letter or digit");
    }
    if text.contains("===") {
        return Some("=== compares versions, not how they are written");
    }
    None
}

fn filename(text: &str, kind: &str) -> Option<&'static str> {
    let project = if kind == "wheel" {
        text.split('-').next()?
    } else {
        text.rsplit_once('-')?.0
    };
    let inside = |letter: char| letter.is_ascii_alphanumeric() || "-_.".contains(letter);
    let end = |letter: char| letter.is_ascii_alphanumeric();
    let stem = if kind == "wheel" {
        project
    } else {
        project.trim_end_matches('-')
    };
    if !stem.starts_with(end) || !stem.ends_with(end) || !stem.chars().all(inside) {
        return Some("the name of a project has ASCII, and a letter or digit at both ends");
    }
    if kind == "wheel" {
        let version = text.split('-').nth(1)?;
        let tags = text.rsplitn(4, '-').take(3).collect::<String>();
        let plain = |letter: char| letter.is_ascii_alphanumeric() || "._".contains(letter);
        return if version.contains('_') {
            Some("in wheels from before 2021 `_` stands for the `-` of a version")
        } else if text
            .rsplit('-')
            .nth(2)?
            .starts_with(|letter: char| letter.is_ascii_digit())
        {
            Some("a Python tag that begins with a digit fits nothing, so it may be one")
        } else if tags.contains(|letter| !plain(letter)) {
            Some("tags have letters, digits and `_`")
        } else {
            None
        };
    }
    // `a-1.0-1.tar.gz`: `packaging` knows no project, and splits at the last dash.
    let stem = text.trim_end_matches(".zip").trim_end_matches(".tar.gz");
    if stem.matches('-').count() > 1 {
        return Some("the project of a source archive is known, so its version may have a `-`");
    }
    None
}

/// Whether there is a number that `u64` does not hold, or its highest, which stands for "none".
fn huge(text: &str) -> bool {
    text.split(|letter: char| !letter.is_ascii_digit())
        .any(|digits| {
            !digits.is_empty() && digits.parse::<u64>().is_ok_and(|n| n == u64::MAX)
                || digits.trim_start_matches('0').len() > 19
        })
}
