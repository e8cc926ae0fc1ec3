//! Values of fields that PyPI cannot read (warehouse, `forklift/metadata.py`, and the `packaging`
//! library behind it).

use super::metadata::Metadata;
use super::rules::kind_of;
use crate::domain::text::shown;
use crate::package::requirement;

/// What may be called dynamic (PEP 643), besides what the form cannot have.
const DYNAMIC: [&str; 28] = [
    "platform",
    "supported-platform",
    "summary",
    "description",
    "description-content-type",
    "keywords",
    "home-page",
    "download-url",
    "author",
    "author-email",
    "maintainer",
    "maintainer-email",
    "license",
    "license-expression",
    "license-file",
    "classifier",
    "requires-dist",
    "requires-python",
    "requires-external",
    "project-url",
    "provides-extra",
    "provides-dist",
    "obsoletes-dist",
    "requires",
    "provides",
    "obsoletes",
    "import-name",
    "import-namespace",
];

/// Top-level domains that are nobody's (RFC 6761, RFC 7686).
const NOWHERE: [&str; 6] = ["arpa", "invalid", "local", "localhost", "onion", "test"];

/// Python's keywords: no part of an import name.
const KEYWORDS: [&str; 35] = [
    "False", "None", "True", "and", "as", "assert", "async", "await", "break", "class", "continue",
    "def", "del", "elif", "else", "except", "finally", "for", "from", "global", "if", "import",
    "in", "is", "lambda", "nonlocal", "not", "or", "pass", "raise", "return", "try", "while",
    "with", "yield",
];

/// What is wrong with the values.
pub(super) fn findings(metadata: &Metadata, found: &mut Vec<String>) {
    requirements(metadata, found);
    for field in metadata.all("dynamic") {
        if !DYNAMIC.contains(&&*field.to_ascii_lowercase()) {
            found.push(format!("its metadata calls {} dynamic", shown(field)));
        }
    }
    for (form, name) in [
        ("author_email", "Author-email"),
        ("maintainer_email", "Maintainer-email"),
    ] {
        if let Some(value) = metadata.one(form).filter(|value| *value != "UNKNOWN")
            && let Some(why) = address(value)
        {
            found.push(format!("its {name} is no address of e-mail: {why}"));
        }
    }
    for extra in metadata.all("provides_extra") {
        if !is_name(extra) {
            found.push(format!("its extra \"{}\" is no name", shown(extra)));
        }
    }
    for form in ["import_name", "import_namespace"] {
        for value in metadata.all(form).filter(|value| !is_import(value)) {
            let value = shown(value);
            found.push(format!("it says that it is imported as {value}"));
        }
    }
    if let Some(licence) = metadata.one("license_expression")
        && !is_expression(licence)
    {
        let licence = shown(licence);
        found.push(format!("its License-Expression cannot be read: {licence}"));
    }
    let (kind, mime) = kind_of(metadata);
    let mut variants = kind.split(';').filter_map(|part| {
        let (name, value) = part.split_once('=')?;
        let is_variant = name.trim().eq_ignore_ascii_case("variant");
        is_variant.then(|| value.trim().trim_matches('"'))
    });
    if mime == "text/markdown"
        && let Some(variant) = variants.find(|variant| !["GFM", "CommonMark"].contains(variant))
    {
        let variant = shown(variant);
        found.push(format!(
            "its description is in a Markdown that is not known: {variant}"
        ));
    }
    let mut labels = Vec::new();
    for pair in metadata.all("project_urls") {
        let label = pair.split_once(", ").map_or(pair, |(label, _)| label);
        if labels.contains(&label) {
            let label = shown(label);
            found.push(format!("two of its project URLs have one label: {label}"));
        }
        labels.push(label);
    }
}

fn requirements(metadata: &Metadata, found: &mut Vec<String>) {
    for (form, name) in [
        ("requires_dist", "Requires-Dist"),
        ("provides_dist", "Provides-Dist"),
        ("obsoletes_dist", "Obsoletes-Dist"),
    ] {
        for needed in metadata.all(form) {
            let head = needed.split(';').next().unwrap_or_default();
            if head.contains('@') {
                // Which is told of what it requires with the other rules.
                if form != "requires_dist" {
                    let head = shown(head);
                    found.push(format!("its {name} has a URL: {head}"));
                }
            } else if let Err(why) = requirement::parse(needed) {
                let needed = shown(needed);
                found.push(format!("its {name} cannot be read: {why}: {needed}"));
            }
        }
    }
}

/// What is wrong with the first address of a list; nothing where only a mail server knew.
fn address(value: &str) -> Option<&'static str> {
    let mut quoted = false;
    let end = value.find(|c| {
        quoted ^= c == '"';
        c == ',' && !quoted
    });
    let first = value[..end.unwrap_or(value.len())].trim();
    // Comments and escapes have rules of their own.
    if first.is_empty() || first.contains(['(', '\\', ':']) {
        return None;
    }
    let bare = match first.rsplit_once('<') {
        Some((_, rest)) => rest.split_once('>')?.0.trim(),
        None => first,
    };
    let Some((local, domain)) = bare.rsplit_once('@') else {
        return (!bare.is_empty()).then_some("it has no @");
    };
    let last = domain.rsplit('.').next().unwrap_or_default();
    if local.is_empty() || domain.is_empty() {
        Some("nothing stands before or behind its @")
    } else if domain.split('.').any(str::is_empty) {
        Some("its domain has an empty part")
    } else if !domain.contains('.') && !domain.starts_with('[') {
        Some("its domain has no dot")
    } else if NOWHERE.contains(&&*last.to_ascii_lowercase()) {
        Some("its domain is nobody's")
    } else {
        None
    }
}

/// A name as PEP 508 has it.
fn is_name(text: &str) -> bool {
    let inside = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
    let outside = |c: char| c.is_ascii_alphanumeric();
    text.chars().all(inside) && text.starts_with(outside) && text.ends_with(outside)
}

/// A dotted name, and whether it is private (PEP 794).
fn is_import(value: &str) -> bool {
    let (name, private) = match value.split_once(';') {
        Some((name, private)) => (name, Some(private)),
        None => (value, None),
    };
    private.is_none_or(|word| word.trim_start() == "private")
        && name.trim_end().split('.').all(|part| {
            // What else Python takes for a letter is not looked at.
            let letter = |c: char| c == '_' || c.is_ascii_alphanumeric() || !c.is_ascii();
            let digit = part.starts_with(|c: char| c.is_ascii_digit());
            !part.is_empty() && !digit && part.chars().all(letter) && !KEYWORDS.contains(&part)
        })
}

/// Whether the words of a licence expression stand as they may (SPDX, annex D); which licences there
/// are is not known here.
fn is_expression(text: &str) -> bool {
    let spaced = text.replace('(', " ( ").replace(')', " ) ");
    let (mut open, mut wants_licence) = (0_u32, true);
    let mut before = "";
    for word in spaced.split_whitespace() {
        let upper = word.to_ascii_uppercase();
        match &*upper {
            "(" if wants_licence && before != "WITH" => open += 1,
            ")" if !wants_licence && open > 0 => open -= 1,
            "AND" | "OR" | "WITH" if !wants_licence => wants_licence = true,
            "(" | ")" | "AND" | "OR" | "WITH" => return false,
            _ if !wants_licence => return false,
            _ => {
                let letter = |c: char| c.is_ascii_alphanumeric() || ".-+".contains(c);
                if !word.chars().all(letter) {
                    return false;
                }
                wants_licence = false;
            }
        }
        before = if upper == "WITH" { "WITH" } else { "" };
    }
    open == 0 && !wants_licence
}

#[cfg(test)]
mod tests {
    use super::{address, is_expression, is_import, is_name};

    #[test]
    fn addresses() {
        for sound in [
            "",
            "a@h.example",
            "A B <a@h.example>",
            "\"B, A\" <a@h.example>, nobody",
            "a@h.example, b",
            "a@[127.0.0.1]",
            "a@h (work)",
        ] {
            assert_eq!(address(sound), None, "{sound}");
        }
        for (broken, why) in [
            ("nobody", "it has no @"),
            ("M <m at h>", "it has no @"),
            ("a@localhost", "its domain has no dot"),
            ("a@h..example", "its domain has an empty part"),
            ("a@h.example.", "its domain has an empty part"),
            ("@h.example", "nothing stands before or behind its @"),
            ("a@h.local", "its domain is nobody's"),
        ] {
            assert_eq!(address(broken), Some(why), "{broken}");
        }
    }

    #[test]
    fn names() {
        for (text, sound) in [
            ("a", true),
            ("a-b_c.d", true),
            ("a b", false),
            ("-a", false),
            ("", false),
        ] {
            assert_eq!(is_name(text), sound, "{text}");
        }
        for (text, sound) in [
            ("a", true),
            ("a.b_1", true),
            ("a ; private", true),
            ("\u{e9}t\u{e9}", true),
            ("a-b", false),
            ("a.1", false),
            ("a.", false),
            ("import", false),
            ("a; public", false),
        ] {
            assert_eq!(is_import(text), sound, "{text}");
        }
    }

    #[test]
    fn licences() {
        for (text, sound) in [
            ("MIT", true),
            ("mit or apache-2.0", true),
            ("(MIT AND LicenseRef-Own) OR GPL-2.0+", true),
            ("GPL-3.0-or-later WITH GCC-exception-3.1", true),
            ("", false),
            ("MIT OR", false),
            ("MIT Apache-2.0", false),
            ("(MIT", false),
            ("MIT)", false),
            ("MIT / BSD", false),
            ("MIT WITH (x)", false),
        ] {
            assert_eq!(is_expression(text), sound, "{text}");
        }
    }
}
