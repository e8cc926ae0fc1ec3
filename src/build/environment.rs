//! What a build is not given: credentials, and the way to more of them.
//!
//! Taken out are the variables that this program reads, and those that `helper exec` sets. The rest
//! of the environment stays, because compilers and proxies are told by it. A build is a program of
//! the same user all the same and could ask for more: the documentation says so.

use std::ffi::OsString;

use credential_helper_protocol::variable::repository_part;

use crate::domain::variable::{Holds, holds};

/// Ways to credentials; taken out whatever they hold.
const NAMES: [&str; 3] = [
    "NETRC",
    "CREDENTIAL_HELPER_SOCKET",
    "CREDENTIAL_HELPER_ID_TOKEN_FILE",
];

/// Whether a build is given this variable.
pub(super) fn is_given((name, value): &(OsString, OsString)) -> bool {
    let name = name.to_string_lossy();
    // On Windows names have no case; elsewhere such a name is none of these tools'.
    let name = name.to_uppercase();
    let name = name.as_str();
    if NAMES.contains(&name) || repository_part(name).is_some() {
        return false;
    }
    match holds(name) {
        Some(Holds::Secret) => false,
        // What the build itself needs may come from there.
        Some(Holds::Urls) => !value.to_string_lossy().contains('@'),
        None => true,
    }
}

#[cfg(test)]
mod tests {
    use std::ffi::OsString;

    use super::is_given;

    #[test]
    fn what_stays() {
        for (name, value, stays) in [
            ("PATH", "/usr/bin", true),
            ("CFLAGS", "-O2", true),
            ("HTTPS_PROXY", "http://proxy.example.org:3128", true),
            ("SOURCE_DATE_EPOCH", "0", true),
            ("UV_CACHE_DIR", "/cache", true),
            ("POETRY_HTTP_BASIC_FOO_USERNAME", "u", false),
            ("POETRY_HTTP_BASIC_FOO_PASSWORD", "p", false),
            ("POETRY_PYPI_TOKEN_FOO", "t", false),
            ("POETRY_REPOSITORIES_FOO_URL", "https://h/", false),
            ("UV_INDEX_FOO_PASSWORD", "p", false),
            ("UV_PUBLISH_TOKEN", "t", false),
            ("TWINE_PASSWORD", "p", false),
            ("PDM_PUBLISH_PASSWORD", "p", false),
            ("HATCH_INDEX_AUTH", "p", false),
            ("FLIT_PASSWORD", "p", false),
            ("NETRC", "/proc/1/fd/3", false),
            ("CREDENTIAL_HELPER_SOCKET", "/run/x", false),
            ("PYPI_ID_TOKEN", "t", false),
            ("PIP_INDEX_URL", "https://pypi.example.org/simple/", true),
            (
                "PIP_INDEX_URL",
                "https://u:p@pypi.example.org/simple/",
                false,
            ),
            ("UV_INDEX", "foo=https://t@pypi.example.org/simple/", false),
        ] {
            let pair = (OsString::from(name), OsString::from(value));
            assert_eq!(is_given(&pair), stays, "{name}={value}");
        }
    }
}
