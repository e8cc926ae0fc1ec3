//! Which environment variables speak of repositories, and how names are spelled in them.

/// The variables that are always sent, where set; the rest depends on the question.
pub const BUS: &str = "DBUS_SESSION_BUS_ADDRESS";
/// Poetry's switch for the keyring.
pub const KEYRING_ENABLED: &str = "POETRY_KEYRING_ENABLED";

/// The families of the allow-list: what stands before and after the repository's name.
pub const FAMILIES: [(&str, &str); 6] = [
    ("POETRY_HTTP_BASIC_", "_USERNAME"),
    ("POETRY_HTTP_BASIC_", "_PASSWORD"),
    ("POETRY_PYPI_TOKEN_", ""),
    ("POETRY_REPOSITORIES_", "_URL"),
    ("UV_INDEX_", "_USERNAME"),
    ("UV_INDEX_", "_PASSWORD"),
];

/// The repository's part of a variable's name, where the variable is one of the allow-list.
///
/// `UV_INDEX_URL` and the like have no such part and are not listed.
pub fn repository_part(variable: &str) -> Option<&str> {
    FAMILIES.iter().find_map(|(before, after)| {
        let part = variable.strip_prefix(before)?.strip_suffix(after)?;
        (!part.is_empty()).then_some(part)
    })
}

/// The spellings of a repository's name in variables, in the order they are read: Poetry's own
/// (upper case, `-` as `_`, dots kept; Poetry `Config.get`), then the one a shell can export.
pub fn spellings(name: &str) -> Vec<String> {
    let poetry = name.to_uppercase().replace('-', "_");
    let shell: String = poetry
        .chars()
        .map(|c| if c.is_ascii_alphanumeric() { c } else { '_' })
        .collect();
    if shell == poetry {
        vec![poetry]
    } else {
        vec![poetry, shell]
    }
}

#[cfg(test)]
mod tests {
    use super::{repository_part, spellings};

    #[test]
    fn parts() {
        assert_eq!(
            repository_part("POETRY_HTTP_BASIC_FOO_USERNAME"),
            Some("FOO")
        );
        assert_eq!(
            repository_part("POETRY_PYPI_TOKEN_MY_REPO"),
            Some("MY_REPO")
        );
        assert_eq!(repository_part("UV_INDEX_A_PASSWORD"), Some("A"));
        assert_eq!(
            repository_part("POETRY_REPOSITORIES_MY.REPO_URL"),
            Some("MY.REPO")
        );
        assert_eq!(repository_part("UV_INDEX_URL"), None);
        assert_eq!(repository_part("UV_INDEX_USERNAME"), None);
        assert_eq!(repository_part("HOME"), None);
    }

    #[test]
    fn both_spellings_of_a_dotted_name() {
        assert_eq!(spellings("my.re-po"), ["MY.RE_PO", "MY_RE_PO"]);
        assert_eq!(spellings("foo"), ["FOO"]);
    }
}
