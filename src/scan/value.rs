//! What is a secret and what only looks like one.

/// Marks that real tokens begin with: PyPI, GitHub, GitLab, JSON web tokens, Artifactory.
const TOKENS: [&str; 13] = [
    "pypi-",
    "ghp_",
    "gho_",
    "ghu_",
    "ghs_",
    "ghr_",
    "github_pat_",
    "glpat-",
    "gldt-",
    "glcbt-",
    "glptt-",
    "eyJ",
    "AKCp",
];
/// As much of a secret as may stand anywhere.
const TELLING: usize = 6;

/// Whether a value stands for another one (`${TOKEN}`, `$(cat f)`, `%TOKEN%`, `{{ token }}`,
/// `<token>`), or for none (`***`).
pub(super) fn is_reference(value: &str) -> bool {
    let value = value.trim();
    let inside = |open: &str, close: &str| {
        let inner = value
            .strip_prefix(open)
            .and_then(|rest| rest.strip_suffix(close));
        inner.is_some_and(|inner| !inner.is_empty() && !inner.contains(open))
    };
    let name = value.strip_prefix('$').unwrap_or_default();
    let is_name = name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    let percent = inside("%", "%")
        && value
            .trim_matches('%')
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || c == '_');
    value.is_empty()
        || is_name
        || percent
        || value.chars().all(|c| c == '*')
        || [
            ("${", "}"),
            ("$(", ")"),
            ("{{", "}}"),
            ("<", ">"),
            ("`", "`"),
        ]
        .iter()
        .any(|(open, close)| inside(open, close))
}

/// Whether a value of a shell or a CI file is put together from others.
pub(super) fn is_expanded(value: &str) -> bool {
    let mut rest = value;
    while let Some(at) = rest.find('$') {
        rest = &rest[at + 1..];
        if rest.starts_with(|c: char| c.is_ascii_alphabetic() || "_{([".contains(c)) {
            return true;
        }
    }
    is_reference(value) || value.contains("{{") || value.contains("credentials(")
}

/// Whether a username is rather a token that stands in its place.
pub(super) fn is_token(text: &str) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-');
    if text.len() < 16 || !text.chars().all(plain) {
        return false;
    }
    let has = |kind: fn(&char) -> bool| text.chars().any(|c| kind(&c));
    TOKENS.iter().any(|mark| text.starts_with(mark))
        || (text.len() >= 20
            && has(char::is_ascii_uppercase)
            && has(char::is_ascii_lowercase)
            && has(char::is_ascii_digit))
        || (text.len() >= 32 && text.chars().all(|c| c.is_ascii_hexdigit()))
}

/// Whether a username may be shown: it is no token and has nothing in common with the secret.
pub(super) fn is_readable_account(name: &str, secret: &str) -> bool {
    let name: Vec<char> = name.chars().collect();
    let parts = name
        .windows(TELLING)
        .map(|part| part.iter().collect::<String>());
    let text: String = name.iter().collect();
    let is_part = secret.chars().count() < TELLING && !secret.is_empty() && text.contains(secret);
    let shares = parts.into_iter().any(|part| secret.contains(&part));
    !(is_token(&text) || shares || is_part)
}

#[cfg(test)]
mod tests {
    use super::{is_expanded, is_readable_account, is_reference, is_token};

    #[test]
    fn references() {
        for text in [
            "",
            "$A",
            "${A_B}",
            "$(cat f)",
            "%A%",
            "{{ x }}",
            "<token>",
            "****",
            "${{ secrets.A }}",
        ] {
            assert!(is_reference(text), "{text}");
        }
        for text in ["a", "$1a", "a$b", "p%40w", "a${B}c", "%", "$"] {
            assert!(!is_reference(text), "{text}");
        }
        for text in [
            "a$B",
            "a${B}c",
            "${{ secrets.A }}",
            "credentials('id')",
            "$(A)",
        ] {
            assert!(is_expanded(text), "{text}");
        }
        assert!(!is_expanded("pa$$1word"));
    }

    #[test]
    fn tokens_in_the_place_of_a_username() {
        for text in [
            "pypi-AgEIcHlwaS5vcmc",
            "ghp_0123456789abcdef",
            "aB3aB3aB3aB3aB3aB3aB3",
        ] {
            assert!(is_token(text), "{text}");
        }
        for text in [
            "alice",
            "gitlab+deploy-token-123456",
            "gitlab-ci-token",
            "__token__",
            "svc-account-release-2024",
        ] {
            assert!(!is_token(text), "{text}");
        }
        assert!(is_readable_account("__token__", "pypi-x"));
        assert!(!is_readable_account("hunter2x", "my-hunter2x"));
        assert!(!is_readable_account("abc", "b"));
    }
}
