//! Trusted publishing: a CI job's identity token is exchanged for a token that uploads to one index
//! for some minutes. Nothing that lasts is stored anywhere.
//!
//! - `ambient`: whose identity token there is; `github`, `gitlab`, `buildkite`, `circleci`, `google`,
//!   `file`: where each comes from; `program`: those that a program hands out
//! - `discover`: where an index exchanges tokens (PEP 807, else PyPI's own paths)
//! - `audience`: for whom an index may want one
//! - `ask`: the requests, and what is tried again
//! - `exchange`: audience, identity, minted token, its end
//! - `claims`, `refusal`: why an index said no, with what the identity token says of itself

pub mod ambient;
mod ask;
mod audience;
mod buildkite;
mod circleci;
mod claims;
mod discover;
pub mod exchange;
mod file;
mod github;
mod gitlab;
mod google;
mod program;
mod refusal;

use std::future::Future;
use std::pin::Pin;

use credential_helper_protocol::{ErrorCode, Failure, Secret, limits};
use zeroize::Zeroizing;

use crate::domain::text::has_control;

/// Something that is waited for.
pub type Later<'a, T> = Pin<Box<dyn Future<Output = T> + 'a>>;

/// Where identity tokens come from.
pub trait Identity {
    /// The word used in JSON.
    fn word(&self) -> &'static str;
    /// The name for people.
    fn name(&self) -> &'static str;
    /// An identity token for this audience: a new one at each call, where there is more than one.
    fn token<'a>(&'a self, audience: &'a str) -> Later<'a, Result<Secret, Failure>>;
}

/// The environment of the job, or that of a test.
#[derive(Clone, Copy)]
pub struct Variables<'a>(pub &'a dyn Fn(&str) -> Option<String>);

impl Variables<'_> {
    /// A variable that is set to something.
    fn get(self, name: &str) -> Option<String> {
        (self.0)(name).filter(|value| !value.is_empty())
    }

    /// Whether a CI system says that it is one.
    fn says(self, name: &str) -> bool {
        self.get(name)
            .is_some_and(|value| value.eq_ignore_ascii_case("true"))
    }
}

/// An identity token out of what some place gave, without its line end.
///
/// # Errors
/// Where it is no JSON Web Token.
pub fn identity_token(bytes: &Zeroizing<Vec<u8>>, from: &str) -> Result<Secret, Failure> {
    let wrong = |why: &str| {
        let message = format!("{from} gave no identity token: {why}");
        Failure::new(ErrorCode::Malformed, message)
    };
    let text = std::str::from_utf8(bytes).map_err(|_| wrong("it is no text"))?;
    let text = text.trim_ascii();
    if text.is_empty() {
        return Err(wrong("there is nothing in it"));
    }
    if text.len() > limits::SECRET {
        return Err(wrong("it is too long"));
    }
    // Three parts of base64 (RFC 7515, section 7.1): a page of HTML or a message is none.
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | '=');
    if has_control(text) || !text.chars().all(plain) || text.split('.').count() != 3 {
        return Err(wrong("it is no JSON Web Token"));
    }
    Ok(Secret::from(text))
}

#[cfg(test)]
mod ambient_tests;
