//! Whether a credential is missing, or could not be asked for.

use credential_helper_protocol::{ErrorCode, Failure, ProviderAnswer};

use crate::provider::NO_BUS;

/// Whether there is no credential: none was found, and all that could not be asked is a system
/// keyring. Where a CI job runs there is none, and a locked one says that it is locked.
pub(super) fn is_nothing(failure: &Failure) -> bool {
    const KEYRINGS: [&str; 3] = ["secret-service", "keychain", "credential-manager"];
    let none = |one: &ProviderAnswer| {
        matches!(&*one.answer, "not-found" | "skipped")
            || one.answer == "unavailable" && KEYRINGS.contains(&&*one.name)
    };
    match failure.code {
        ErrorCode::NotFound => true,
        ErrorCode::Unavailable => {
            !failure.providers.is_empty() && failure.providers.iter().all(none)
        }
        _ => false,
    }
}

/// The same for lookups, where a source that shows less to strangers could make another source's
/// package take the place of its own: what could not be asked is a system keyring that cannot exist,
/// because there is no bus.
pub(super) fn is_nowhere(failure: &Failure) -> bool {
    failure.code == ErrorCode::NotFound || is_nothing(failure) && failure.message.contains(NO_BUS)
}

#[cfg(test)]
mod tests {
    use credential_helper_protocol::{ErrorCode, Failure, ProviderAnswer};

    use super::{is_nothing, is_nowhere};
    use crate::provider::NO_BUS;

    #[test]
    fn what_counts_as_no_credential() {
        for (code, answers, expected) in [
            (ErrorCode::NotFound, &[][..], true),
            (
                ErrorCode::Unavailable,
                &[
                    ("auth.toml", "not-found"),
                    ("secret-service", "unavailable"),
                ],
                true,
            ),
            (ErrorCode::Unavailable, &[], false),
            (ErrorCode::Unavailable, &[("command", "unavailable")], false),
            (
                ErrorCode::Unavailable,
                &[
                    ("auth.toml", "malformed"),
                    ("secret-service", "unavailable"),
                ],
                false,
            ),
            (
                ErrorCode::Unavailable,
                &[("secret-service", "timed-out")],
                false,
            ),
            (ErrorCode::Locked, &[("secret-service", "locked")], false),
            (ErrorCode::OriginChanged, &[], false),
        ] {
            let answer = |(name, answer): &(&str, &str)| ProviderAnswer {
                name: (*name).to_owned(),
                answer: (*answer).to_owned(),
            };
            let failure = Failure {
                providers: answers.iter().map(answer).collect(),
                ..Failure::new(code, "")
            };
            assert_eq!(is_nothing(&failure), expected, "{code:?} {answers:?}");
        }
    }

    #[test]
    fn a_keyring_that_does_not_answer_is_not_nowhere() {
        let with = |message: &str| Failure {
            providers: vec![ProviderAnswer {
                name: "secret-service".to_owned(),
                answer: "unavailable".to_owned(),
            }],
            ..Failure::new(ErrorCode::Unavailable, message)
        };
        assert!(is_nowhere(&Failure::new(ErrorCode::NotFound, "")));
        assert!(is_nowhere(&with(&format!("secret-service: {NO_BUS}"))));
        assert!(!is_nowhere(&with("secret-service: it went away")));
        assert!(!is_nowhere(&Failure::new(ErrorCode::Unavailable, NO_BUS)));
    }
}
