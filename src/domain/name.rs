//! Names of repositories.

use std::fmt;

use credential_helper_protocol::{ErrorCode, Failure, limits, variable};

use super::text::{has_control, shown};

/// The name of a repository, exactly as it was given: files and keyrings compare it exactly,
/// variables without case (Poetry `config.py`).
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RepositoryName(String);

impl RepositoryName {
    /// Reads a name.
    ///
    /// # Errors
    /// `usage` for an empty or over-long name, one with control characters or with `://`.
    pub fn parse(text: &str) -> Result<Self, Failure> {
        let wrong = |why: &str| {
            let text: String = shown(text).chars().take(60).collect();
            Failure::new(
                ErrorCode::Usage,
                format!("repository name \"{text}\" {why}"),
            )
        };
        if text.trim().is_empty() {
            return Err(wrong("is empty").hint("give a name such as `foo`, or a whole URL"));
        }
        if text.len() > limits::NAME {
            return Err(wrong(&format!("is longer than {} bytes", limits::NAME)));
        }
        if has_control(text) {
            return Err(wrong("holds a control character"));
        }
        if text.contains("://") {
            return Err(wrong("is a URL"));
        }
        Ok(Self(text.to_owned()))
    }

    /// The name as given.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether it is PyPI's name: `pypi` in any case is one name.
    pub fn is_pypi(&self) -> bool {
        self.0.eq_ignore_ascii_case("pypi")
    }

    /// The name under which bindings are kept: lower case, runs of `-`, `_` and `.` alike, so that
    /// `Foo` cannot escape the binding of `foo`.
    pub fn normalized(&self) -> String {
        normalize(&self.0)
    }

    /// The spellings under which files and keyrings may have it, the given one first.
    pub fn stored_spellings(&self) -> Vec<String> {
        let mut names = vec![self.0.clone()];
        if self.is_pypi() {
            // Poetry calls the index "PyPI" and the upload repository "pypi".
            names.extend(["pypi", "PyPI"].map(String::from));
            names.dedup();
            if names.len() > 2 && names[0] == names[2] {
                names.pop();
            }
        }
        names
    }

    /// The spellings in environment variables; see [`variable::spellings`].
    pub fn variable_spellings(&self) -> Vec<String> {
        variable::spellings(&self.0)
    }

    /// Whether both names read the same variables although files and keyrings tell them apart.
    pub fn collides_with(&self, other: &Self) -> bool {
        !same_stored_name(&self.0, &other.0)
            && self
                .variable_spellings()
                .iter()
                .any(|s| other.variable_spellings().contains(s))
    }
}

/// See [`RepositoryName::normalized`].
pub fn normalize(name: &str) -> String {
    let mut out = String::with_capacity(name.len());
    for c in name.to_lowercase().chars() {
        let c = if matches!(c, '_' | '.') { '-' } else { c };
        if c != '-' || !out.ends_with('-') {
            out.push(c);
        }
    }
    out
}

/// Whether two names mean the same entry of a file: compared exactly, but `pypi` in any case is one
/// name.
pub fn same_stored_name(a: &str, b: &str) -> bool {
    a == b || (a.eq_ignore_ascii_case("pypi") && b.eq_ignore_ascii_case("pypi"))
}

impl fmt::Display for RepositoryName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&shown(&self.0))
    }
}

#[cfg(test)]
mod tests {
    use super::RepositoryName;

    fn name(text: &str) -> RepositoryName {
        RepositoryName::parse(text).unwrap()
    }

    #[test]
    fn broken_names_are_refused() {
        for text in ["", "  ", "a\nb", "https://a", &"x".repeat(256)] {
            assert!(RepositoryName::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn bindings_take_spellings_together() {
        assert_eq!(name("My.Re_po").normalized(), "my-re-po");
        assert_eq!(name("a__b").normalized(), "a-b");
    }

    #[test]
    fn names_that_read_the_same_variables() {
        for (one, other, collide) in [
            ("my-repo", "my_repo", true),
            ("my.repo", "my-repo", true),
            ("Foo", "foo", true),
            ("foo", "foo", false),
            ("foo", "bar", false),
            ("PyPI", "pypi", false),
        ] {
            assert_eq!(
                name(one).collides_with(&name(other)),
                collide,
                "{one} {other}"
            );
        }
    }

    #[test]
    fn pypi_is_one_name() {
        assert_eq!(name("pypi").stored_spellings(), ["pypi", "PyPI"]);
        assert_eq!(name("PyPI").stored_spellings(), ["PyPI", "pypi"]);
        assert_eq!(name("PYPI").stored_spellings(), ["PYPI", "pypi", "PyPI"]);
        assert_eq!(name("foo").stored_spellings(), ["foo"]);
    }
}
