//! GitLab CI: the job's definition names the audience, and the token stands in a variable.

use std::collections::BTreeMap;

use credential_helper_protocol::{ErrorCode, Failure, Secret};
use zeroize::Zeroizing;

use super::{Identity, Later, Variables, identity_token};

/// What GitLab's own documentation, and other tools, end such variables with.
const END: &str = "_ID_TOKEN";

pub(super) struct Gitlab(BTreeMap<String, Secret>);

/// Whether this is a job of GitLab's. `names` are those of all variables.
pub(super) fn found(variables: Variables<'_>, names: &[String]) -> Option<Box<dyn Identity>> {
    if !variables.says("GITLAB_CI") {
        return None;
    }
    let tokens = names.iter().filter(|name| name.ends_with(END));
    let tokens = tokens.filter_map(|name| Some((name.clone(), Secret::new(variables.get(name)?))));
    Some(Box::new(Gitlab(tokens.collect())))
}

/// The variable of an audience: upper case, everything but letters and digits as `_`, and none at
/// its beginning that no variable begins with.
fn variable(audience: &str) -> String {
    let mut name: String = audience
        .chars()
        .map(|c| {
            if c.is_ascii_alphanumeric() {
                c.to_ascii_uppercase()
            } else {
                '_'
            }
        })
        .collect();
    if name.starts_with(|c: char| c.is_ascii_digit()) {
        name.insert(0, '_');
    }
    name + END
}

impl Gitlab {
    fn of(&self, audience: &str) -> Result<Secret, Failure> {
        let name = variable(audience);
        let Some(token) = self.0.get(&name) else {
            let message = format!("this job of GitLab's has no identity token: {name} is not set");
            let hint = format!("give the job `id_tokens: {{ {name}: {{ aud: {audience} }} }}`");
            return Err(Failure::new(ErrorCode::NotFound, message).hint(hint));
        };
        // Looked at, and handed on as it is.
        let bytes = Zeroizing::new(token.expose().as_bytes().to_vec());
        identity_token(&bytes, &name)
    }
}

impl Identity for Gitlab {
    fn word(&self) -> &'static str {
        "gitlab"
    }

    fn name(&self) -> &'static str {
        "GitLab CI"
    }

    fn token<'a>(&'a self, audience: &'a str) -> Later<'a, Result<Secret, Failure>> {
        Box::pin(std::future::ready(self.of(audience)))
    }
}

#[cfg(test)]
mod tests {
    use super::variable;

    #[test]
    fn variables() {
        for (audience, name) in [
            ("pypi", "PYPI_ID_TOKEN"),
            ("https://h.example", "HTTPS___H_EXAMPLE_ID_TOKEN"),
            ("1st", "_1ST_ID_TOKEN"),
        ] {
            assert_eq!(variable(audience), name);
        }
    }
}
