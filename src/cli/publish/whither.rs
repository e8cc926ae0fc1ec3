//! Where an upload goes, and over which connection: what the user wrote, then the project.

use std::path::Path;
use std::time::Duration;

use credential_helper_protocol::surroundings::Surroundings;
use credential_helper_protocol::{
    Asked, Context, ErrorCode, Failure, Operation, Question, SettingsReply,
};
use zeroize::Zeroizing;

use crate::cli::Session;
use crate::cli::args_publish::PublishArgs;
use crate::connect::Agent;
use crate::domain::name::{normalize, same_stored_name};
use crate::domain::url::{Origin, RepositoryUrl};
use crate::edit::read::named;
use crate::http::TlsPolicy;
use crate::publish::place::{Known, Place, built_in};
use crate::publish::pypirc;

/// How long an index may be silent, and an upload until its answer.
const SILENCE: Duration = Duration::from_secs(15);
const ANSWER: Duration = Duration::from_mins(2);

/// Poetry's settings of the user alone: a project's files decide neither where a name leads, as
/// long as the user's own do, nor whose certificates are believed.
pub(super) fn user_settings(
    agent: &mut dyn Agent,
    context: &Context,
) -> Result<SettingsReply, Failure> {
    let context = Context {
        folder: None,
        ..context.clone()
    };
    allowed(agent.settings(&Asked { context }))
}

/// A restricted socket answers questions about credentials only.
fn allowed<T: Default>(result: Result<T, Failure>) -> Result<T, Failure> {
    match result {
        Err(failure) if failure.code == ErrorCode::Policy => Ok(T::default()),
        result => result,
    }
}

/// Where a name leads.
pub(super) fn find(
    agent: &mut dyn Agent,
    name: &str,
    context: &Context,
    own: SettingsReply,
) -> Result<Place, Failure> {
    let asked = Asked {
        context: context.clone(),
    };
    let all = allowed(agent.settings(&asked))?;
    let bindings = allowed(agent.bindings(&asked))?.bindings;
    let mut declared = [None, None];
    if built_in(name).is_none() {
        for (url, operation) in declared
            .iter_mut()
            .zip([Operation::Upload, Operation::Read])
        {
            let question = Question {
                name: Some(name.to_owned()),
                operation: Some(operation),
                context: context.clone(),
                ..Question::default()
            };
            *url = allowed(agent.explain(&question))?.url;
        }
    }
    // The last place that is looked at: who needs nothing of it does not hear of it.
    let pypirc = pypirc_text();
    let known = Known {
        own,
        all,
        bindings: &bindings,
        declared,
        pypirc: pypirc
            .as_ref()
            .ok()
            .and_then(|text| pypirc::section(text.as_ref()?, name)),
    };
    if let Some(place) = Place::of_name(name, &known) {
        return Ok(place);
    }
    pypirc?;
    let message = format!("no upload URL is known for \"{name}\"");
    let hint = format!("helper config repositories.{name} URL, or give the URL with -r");
    Err(Failure::new(ErrorCode::Usage, message).hint(hint))
}

/// The user's `.pypirc`.
fn pypirc_text() -> Result<Option<Zeroizing<String>>, Failure> {
    match Surroundings::of_process().home {
        Some(home) => named(&home.join(".pypirc")),
        None => Ok(None),
    }
}

/// Whose certificates are believed, and whether one of ours is shown: the command line's word, else the
/// user's own settings; and the origins that this is for. What the settings allow is for where the
/// name is bound: a project may have declared it elsewhere.
///
/// # Errors
/// Where the bindings cannot be told.
pub(super) fn tls(
    session: &mut Session<'_>,
    args: &PublishArgs,
    place: &Place,
    own: &SettingsReply,
    agent: &mut dyn Agent,
    context: &Context,
) -> Result<(TlsPolicy, Vec<Origin>), Failure> {
    let name = place.name.as_deref();
    let folder = context.folder.as_deref().map(Path::new);
    let absolute = |path: &Path| folder.map_or_else(|| path.to_owned(), |folder| folder.join(path));
    let setting = |key: &str| {
        let name = name?;
        let mut all = own.settings.iter();
        all.find_map(|(setting, value)| {
            let own = setting.strip_prefix("certificates.")?.strip_suffix(key)?;
            same_stored_name(own, name).then_some(value)
        })
    };
    let cert = setting(".cert");
    let path = |value: Option<&serde_json::Value>| Some(absolute(Path::new(value?.as_str()?)));
    let given = args.client_cert.as_deref().map(absolute);
    let mut policy = TlsPolicy {
        authorities: args.cert.as_deref().map(absolute).or_else(|| path(cert)),
        unchecked: args.cert.is_none() && cert.and_then(serde_json::Value::as_bool) == Some(false),
        client: given.clone().or_else(|| path(setting(".client-cert"))),
    };
    let mut origins = vec![place.url.origin().clone()];
    if let Some(name) = name.filter(|_| policy.needs_binding()) {
        let asked = Asked {
            context: context.clone(),
        };
        let bindings = allowed(agent.bindings(&asked))?.bindings;
        let key = normalize(name);
        let is_bound = |url: &RepositoryUrl, wanted: Operation| {
            let origin = url.origin().to_string();
            bindings.iter().any(|one| {
                one.name == key
                    && one.origin == origin
                    && one.operation.is_none_or(|own| own == wanted)
            })
        };
        if !is_bound(&place.url, Operation::Upload) {
            let strict = TlsPolicy {
                client: given,
                ..policy.unbound()
            };
            if strict != policy {
                session.out.warning(&format!(
                    "what certificates.{name} allows is not used, because {name} is not bound to \
                     {}: if that is right, helper trust {name} {}",
                    place.url.origin(),
                    place.url
                ));
            }
            policy = strict;
        }
        let indexes = place.indexes.iter();
        let bound = indexes.filter(|index| is_bound(index, Operation::Read));
        origins.extend(bound.map(|index| index.origin().clone()));
    }
    if policy.unchecked {
        session.out.warning(
            "the server's certificate is not checked (certificates.NAME.cert is false): whoever \
             stands between can read the credential",
        );
    }
    Ok((policy, origins))
}

/// For the index, and for an upload's answer: `--timeout`, else what Poetry and uv are told.
pub(in crate::cli) fn times(session: &Session<'_>) -> [Duration; 2] {
    if let Some(time) = session.global.timeout {
        return [time; 2];
    }
    let told = ["POETRY_REQUESTS_TIMEOUT", "UV_HTTP_TIMEOUT"]
        .iter()
        .find_map(|name| {
            let text = std::env::var(name).ok()?;
            let seconds: u64 = text.trim().parse().ok()?;
            (1..=600)
                .contains(&seconds)
                .then(|| Duration::from_secs(seconds))
        });
    [
        told.unwrap_or(SILENCE),
        told.map_or(ANSWER, |time| time.max(ANSWER)),
    ]
}
