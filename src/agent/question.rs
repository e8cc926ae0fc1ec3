//! A question at the door: parsed, held against the limits.

use std::path::Path;

use credential_helper_protocol::{Context, ErrorCode, Failure, Operation, Question, limits};

use crate::domain::credential::TOKEN_USERNAME;
use crate::domain::name::RepositoryName;
use crate::domain::resolution::{Called, CalledKind};
use crate::domain::service::{Form, POETRY, Service, is_account, told};
use crate::domain::text::{has_control, shown};
use crate::domain::url::{RepositoryUrl, Userinfo};

/// A question after the door: parsed, with the userinfo taken out of its URL.
#[derive(Clone)]
pub(super) struct Parsed {
    /// The name.
    pub(super) name: Option<RepositoryName>,
    /// The URL.
    pub(super) url: Option<RepositoryUrl>,
    /// What stood in it.
    pub(super) userinfo: Option<Userinfo>,
    /// The account.
    pub(super) username: Option<String>,
    /// What it is for.
    pub(super) operation: Option<Operation>,
    /// What another tool calls the place, where it is one that asks.
    pub(super) service: Option<Service>,
    /// Whether what is stored under the URL itself is asked for, whatever repository it belongs to.
    pub(super) alone: bool,
}

impl Parsed {
    /// The account by which repositories on one URL are told apart: a token is stored beside the
    /// account that its repository is known to have.
    pub(super) fn account(&self) -> Option<&str> {
        let named = |username: &&str| self.service.is_none() || is_account(username);
        self.username.as_deref().filter(named)
    }

    /// What keyrings may have it under besides the repository's own spellings.
    pub(super) fn called(&self) -> Option<Called> {
        let service = self.service.as_ref()?;
        let kind = match &service.form {
            Form::Name(..) => CalledKind::Name,
            Form::Url { .. } => CalledKind::Url,
            // A single word that is no known repository's host: any program's service.
            Form::Host(host) if !host.is_certain() && self.alone => CalledKind::Other,
            // A host and nothing else: its own entry is the exact one.
            Form::Host(_) if self.alone => CalledKind::Url,
            Form::Host(_) => CalledKind::Host,
            Form::Other | Form::Nothing => CalledKind::Other,
        };
        let mut keys = service.keys();
        match (&service.form, kind) {
            // Poetry's own spelling is asked anyway.
            (Form::Name(name, _), _) => {
                keys.retain(|key| key.strip_prefix(POETRY) != Some(name.as_str()));
            }
            (Form::Nothing, _) => keys.clear(),
            (_, CalledKind::Other) => keys.truncate(1),
            _ => {}
        }
        Some(Called { keys, kind })
    }

    /// Whether nobody ever stores anything there.
    pub(super) fn is_nothing(&self) -> bool {
        let form = self.service.as_ref().map(|service| &service.form);
        matches!(form, Some(Form::Nothing))
    }
}

/// Reads a question.
///
/// # Errors
/// `usage` for a broken name or URL, control characters, or a question about nothing.
pub(super) fn parse(question: &Question) -> Result<Parsed, Failure> {
    if let Some(text) = &question.service {
        return parse_service(question, text);
    }
    let name = question
        .name
        .as_deref()
        .map(RepositoryName::parse)
        .transpose()?;
    let parsed = question
        .url
        .as_deref()
        .map(RepositoryUrl::parse)
        .transpose()?;
    if name.is_none() && parsed.is_none() {
        return Err(Failure::new(
            ErrorCode::Usage,
            "the question names no repository and no URL",
        ));
    }
    if let Some(username) = &question.username {
        check_username(username)?;
    }
    let (url, userinfo) = parsed.map_or((None, None), |(url, userinfo)| (Some(url), userinfo));
    let username = question
        .username
        .clone()
        .filter(|username| !username.is_empty());
    // An account in the URL is the account that is asked for.
    let username = username.or_else(|| {
        let userinfo = userinfo
            .as_ref()
            .filter(|userinfo| userinfo.password.is_none())?;
        Some(userinfo.username.clone()).filter(|username| !username.is_empty())
    });
    Ok(Parsed {
        name,
        url,
        userinfo,
        username,
        operation: question.operation,
        service: None,
        alone: false,
    })
}

/// A question of a tool that calls places in its own way.
fn parse_service(question: &Question, text: &str) -> Result<Parsed, Failure> {
    if question.name.is_some() || question.url.is_some() {
        return Err(Failure::new(
            ErrorCode::Usage,
            "the question names a service, and a repository or URL as well",
        ));
    }
    if let Some(username) = &question.username {
        check_username(username)?;
    }
    let mut parsed = Parsed {
        name: None,
        url: None,
        userinfo: None,
        username: question.username.clone().filter(|name| !name.is_empty()),
        operation: question.operation,
        service: None,
        alone: false,
    };
    let service = Service::parse(text)?;
    match &service.form {
        Form::Name(name, operation) => {
            parsed.name = Some(name.clone());
            // Poetry and PDM upload with what this account has.
            let upload = parsed.username.as_deref() == Some(TOKEN_USERNAME);
            let upload = upload.then_some(Operation::Upload);
            parsed.operation = parsed.operation.or(*operation).or(upload);
        }
        Form::Url { url, userinfo, .. } => {
            parsed.url = Some(url.clone());
            let own = userinfo.as_ref().map(|userinfo| &userinfo.username);
            let own = own.filter(|username| !username.is_empty()).cloned();
            let other = parsed.username.is_some() && parsed.username != own;
            parsed.userinfo.clone_from(userinfo);
            if other {
                parsed.userinfo = None;
            }
            parsed.username = parsed.username.or(own);
        }
        Form::Host(_) | Form::Other | Form::Nothing => {}
    }
    parsed.service = Some(service);
    Ok(parsed)
}

/// What a question is about, for reports and the log: its name and URL, as they came. The word of
/// another tool stands in place of a URL, without what may be a secret in it.
pub(super) fn about(question: &Question) -> (Option<String>, Option<String>) {
    let service = question
        .service
        .as_deref()
        .map(|text| told(text).into_owned());
    (question.name.clone(), question.url.clone().or(service))
}

/// # Errors
/// `usage` for control characters and over-long accounts.
pub(super) fn check_username(username: &str) -> Result<(), Failure> {
    if has_control(username) {
        return Err(Failure::new(
            ErrorCode::Usage,
            "the username holds a control character",
        ));
    }
    if username.len() > limits::USERNAME {
        return Err(Failure::new(
            ErrorCode::Usage,
            "the username is longer than 1024 bytes",
        ));
    }
    Ok(())
}

/// Holds what a client says of itself against the specification (sections 2, 3 and 5.2).
///
/// # Errors
/// `usage` for control characters, and for what is beyond the limits; for a folder that is not
/// absolute: taken for none, it would leave the project out, and with it the check of the origin. A
/// value is never repeated.
pub(super) fn check_context(context: &Context) -> Result<(), Failure> {
    let wrong = |message: String| Err(Failure::new(ErrorCode::Usage, message));
    let folders = [
        ("folder", &context.folder),
        ("poetry", &context.poetry),
        ("uv", &context.uv),
        ("uv_store", &context.uv_store),
        ("settings", &context.settings),
        ("state", &context.state),
    ];
    for (field, folder) in folders {
        if let Some(folder) = folder
            && !Path::new(folder).is_absolute()
        {
            return wrong(format!("the field \"{field}\" is not an absolute path"));
        }
    }
    let texts = [
        ("bus", &context.bus),
        ("keyring_enabled", &context.keyring_enabled),
        ("version", &context.version),
    ];
    for (field, text) in folders.into_iter().chain(texts) {
        if text.as_deref().is_some_and(has_control) {
            return wrong(format!("the field \"{field}\" holds a control character"));
        }
    }
    let mut size = 0;
    for (name, value) in &context.variables {
        let text = value.0.expose();
        if has_control(name) || has_control(text) {
            let at_end = !has_control(text.trim_end_matches(['\r', '\n']));
            let line_break = if at_end {
                ": a line break at its end"
            } else {
                ""
            };
            let name = shown(name);
            return wrong(format!("{name} holds a control character{line_break}"))
                .map_err(|failure| failure.hint(format!("set {name} anew, without it")));
        }
        size += name.len() + text.len();
    }
    if size > limits::VARIABLES {
        return wrong("the variables are longer than 48 KiB".to_owned());
    }
    if context
        .timeout_ms
        .is_some_and(|ms| !limits::TIMEOUT_MS.contains(&ms))
    {
        return wrong("the time-out is not within 0.1 to 600 s".to_owned());
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use credential_helper_protocol::{Context, ErrorCode, Secret, Variable};

    use super::check_context;

    fn with_variable(value: &str) -> Context {
        let variable = Variable(Secret::from(value));
        Context {
            variables: [("UV_INDEX_FOO_PASSWORD".to_owned(), variable)].into(),
            ..Context::default()
        }
    }

    #[test]
    fn what_a_client_may_not_say_of_itself() {
        let text = |text: &str| Some(text.to_owned());
        for (context, expected) in [
            (
                with_variable("hunter2\r\n"),
                "UV_INDEX_FOO_PASSWORD holds a control character: a line break at its end",
            ),
            (
                with_variable("hun\u{1b}ter2"),
                "UV_INDEX_FOO_PASSWORD holds a control character",
            ),
            (
                with_variable(&"x".repeat(49 * 1024)),
                "the variables are longer than 48 KiB",
            ),
            (
                Context {
                    folder: text("here"),
                    ..Context::default()
                },
                "the field \"folder\" is not an absolute path",
            ),
            (
                Context {
                    bus: text("unix:\n"),
                    ..Context::default()
                },
                "the field \"bus\" holds a control character",
            ),
            (
                Context {
                    timeout_ms: Some(99),
                    ..Context::default()
                },
                "the time-out is not within 0.1 to 600 s",
            ),
        ] {
            let failure = check_context(&context).unwrap_err();
            assert_eq!(failure.message, expected);
            assert_eq!(failure.code, ErrorCode::Usage);
        }
        assert!(check_context(&with_variable("p\u{e4}ss word")).is_ok());
    }
}
