//! Variables that hold credentials: what the agent's providers read, what `helper exec` sets, and the
//! identities of CI jobs.

use credential_helper_protocol::variable::repository_part;

/// What stands in a variable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Holds {
    /// A credential or a part of one.
    Secret,
    /// URLs of indexes, in which a credential may stand.
    Urls,
}

/// Secrets by their whole names.
const NAMES: [&str; 5] = [
    "ACTIONS_ID_TOKEN_REQUEST_TOKEN",
    "ACTIONS_ID_TOKEN_REQUEST_URL",
    "CIRCLE_OIDC_TOKEN",
    "CIRCLE_OIDC_TOKEN_V2",
    "BUILDKITE_AGENT_ACCESS_TOKEN",
];

/// Families of variables: what is no secret in them is nobody else's business either.
const FAMILIES: [&str; 7] = [
    "POETRY_HTTP_BASIC_",
    "POETRY_PYPI_TOKEN_",
    "UV_PUBLISH_",
    "TWINE_",
    "PDM_PUBLISH_",
    "HATCH_INDEX_",
    "FLIT_",
];

/// URLs of indexes.
const URLS: [&str; 8] = [
    "PIP_INDEX_URL",
    "PIP_EXTRA_INDEX_URL",
    "PIP_FIND_LINKS",
    "UV_INDEX",
    "UV_DEFAULT_INDEX",
    "UV_INDEX_URL",
    "UV_EXTRA_INDEX_URL",
    "UV_FIND_LINKS",
];

/// What the variable of this name holds; `None` for those that are not known to hold a credential. On
/// Windows names have no case: give it in upper case.
pub fn holds(name: &str) -> Option<Holds> {
    let is_url = name.starts_with("POETRY_REPOSITORIES_") && name.ends_with("_URL");
    if is_url || URLS.contains(&name) {
        return Some(Holds::Urls);
    }
    let is_secret = NAMES.contains(&name)
        || name.ends_with("_ID_TOKEN")
        || repository_part(name).is_some()
        || FAMILIES.iter().any(|family| name.starts_with(family));
    is_secret.then_some(Holds::Secret)
}

#[cfg(test)]
mod tests {
    use super::{Holds, holds};

    #[test]
    fn what_they_hold() {
        for (name, expected) in [
            ("POETRY_HTTP_BASIC_FOO_PASSWORD", Some(Holds::Secret)),
            ("POETRY_PYPI_TOKEN_FOO", Some(Holds::Secret)),
            ("UV_INDEX_FOO_USERNAME", Some(Holds::Secret)),
            ("UV_INDEX_FOO_PASSWORD", Some(Holds::Secret)),
            ("UV_PUBLISH_TOKEN", Some(Holds::Secret)),
            ("TWINE_PASSWORD", Some(Holds::Secret)),
            ("PDM_PUBLISH_PASSWORD", Some(Holds::Secret)),
            ("HATCH_INDEX_AUTH", Some(Holds::Secret)),
            ("FLIT_PASSWORD", Some(Holds::Secret)),
            ("PYPI_ID_TOKEN", Some(Holds::Secret)),
            ("CIRCLE_OIDC_TOKEN", Some(Holds::Secret)),
            ("POETRY_REPOSITORIES_FOO_URL", Some(Holds::Urls)),
            ("PIP_INDEX_URL", Some(Holds::Urls)),
            ("UV_INDEX", Some(Holds::Urls)),
            ("UV_CACHE_DIR", None),
            ("UV_INDEX_STRATEGY", None),
            ("TOKEN", None),
            ("HOME", None),
        ] {
            assert_eq!(holds(name), expected, "{name}");
        }
    }
}
