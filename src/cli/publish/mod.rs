//! `helper publish`: uploads wheels and source archives.

mod credential;
mod files;
mod progress;

use std::path::{Path, PathBuf};
use std::time::Duration;

use credential_helper_protocol::caller::About;
use credential_helper_protocol::surroundings::Surroundings;
use credential_helper_protocol::{
    Asked, Context, ErrorCode, Failure, Operation, Question, Report, SettingsReply,
};
use serde::Serialize;

use self::credential::{Asker, Chosen, Given};
use self::progress::Progress;
use super::args_publish::PublishArgs;
use super::{Session, target};
use crate::connect::Agent;
use crate::domain::name::same_stored_name;
use crate::domain::text::shown;
use crate::domain::url::RepositoryUrl;
use crate::http::{Client, Proxies, TlsPolicy};
use crate::publish::compare::Index;
use crate::publish::distribution::{Distribution, together};
use crate::publish::outcome::{Ended, Outcome};
use crate::publish::place::{Known, Place, built_in};
use crate::publish::upload::{Job, Plan, Uploads};
use crate::publish::{index, pypirc};

/// How long an index may be silent, and an upload until its answer.
const SILENCE: Duration = Duration::from_secs(15);
const ANSWER: Duration = Duration::from_mins(2);
/// The first wait before another attempt.
const PAUSE: Duration = Duration::from_millis(500);
/// As after a signal (128 and SIGINT).
const INTERRUPTED: u8 = 130;
/// The largest `.pypirc`.
const PYPIRC: u64 = 1024 * 1024;

#[derive(Serialize)]
struct Answer<'a> {
    repository: Option<&'a str>,
    url: Option<&'a str>,
    files: &'a [Outcome],
}

/// Uploads; or looks only.
pub(crate) fn run(session: &mut Session<'_>, args: &PublishArgs) -> Result<u8, Failure> {
    let repository = args.repository.as_deref().unwrap_or("pypi");
    let about = target(repository)?;
    let files = files::chosen(&args.files, session.global.directory.as_deref())?;
    let direct = match about {
        About::Url(url) => Some(RepositoryUrl::parse(url)?.0),
        _ => built_in(repository),
    };
    let strict = direct.as_ref().is_some_and(index::is_public);
    let (ready, bad) = read(&files, strict);
    if args.check || !bad.is_empty() {
        return checked(session, repository, direct.as_ref(), strict, &ready, bad);
    }
    warn(session, strict, &ready);
    let context = session.context(about)?;
    let mut agent = session.agent()?;
    let mut given = Given {
        username: args.username.clone(),
        password: args.password.clone(),
        anonymous: args.anonymous,
    };
    // An empty account says nothing, unless a password came with it.
    given.username = given
        .username
        .filter(|username| !username.is_empty() || given.password.is_some());
    let own = user_settings(&mut *agent, &context)?;
    let place = match direct {
        Some(url) if repository.contains("://") => Place::of_url(url),
        _ => find(&mut *agent, repository, &context, own.clone())?,
    };
    if index::is_public(&place.url) && !strict {
        let (_, bad) = read(&files, true);
        if !bad.is_empty() {
            return checked(session, repository, Some(&place.url), true, &ready, bad);
        }
    }
    let tls = tls(session, args, place.name.as_deref(), &own, &context);
    let url = if repository.contains("://") {
        repository
    } else {
        place.url.as_str()
    };
    let mut asker = Asker {
        agent: &mut *agent,
        place: &place,
        url,
        context: &context,
        warnings: std::collections::BTreeSet::new(),
    };
    let chosen: Vec<Chosen> = ready
        .iter()
        .map(|one| asker.upload(&given, one))
        .collect::<Result<_, _>>()?;
    let indexes: Vec<Index> = place
        .indexes
        .iter()
        .map(|url| Index {
            authorization: asker.read(url, &given),
            url: url.clone(),
        })
        .collect();
    for warning in std::mem::take(&mut asker.warnings) {
        session.out.warning(&warning);
    }
    drop(given);
    let [silence, answer] = times(session);
    let client = Client::new(&tls, Proxies::Environment, silence)?;
    let plan = Plan {
        url: place.url.clone(),
        indexes,
        skip_existing: args.skip_existing,
        silence: answer,
        pause: PAUSE,
    };
    if !session.out.is_json() {
        let from = chosen.first().map_or("", |chosen| &chosen.from);
        let what = if args.dry_run {
            "would upload"
        } else {
            "uploading"
        };
        session.out.note(&format!("{what} to {} {from}", place.url));
    }
    let questions: Vec<Option<Question>> = chosen.iter().map(|one| one.question.clone()).collect();
    let jobs: Vec<Job> = ready
        .into_iter()
        .zip(chosen)
        .map(|(one, chosen)| Job {
            one,
            authorization: chosen.authorization,
        })
        .collect();
    let (outcomes, interrupted) = upload(session, &client, &plan, &jobs, args.dry_run)?;
    report(&mut *agent, &questions, &outcomes);
    told(
        session,
        place.name.as_deref(),
        &place.url,
        &outcomes,
        interrupted,
    )
}

/// Uploads until everything is up, or somebody presses Ctrl-C.
fn upload(
    session: &mut Session<'_>,
    client: &Client,
    plan: &Plan,
    jobs: &[Job],
    dry: bool,
) -> Result<(Vec<Outcome>, bool), Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| {
            let message = format!("cannot start the uploads: {}", error.kind());
            Failure::new(ErrorCode::Internal, message)
        })?;
    let mut progress = Progress::new(session.out);
    let mut uploads = Uploads::new(client, plan, jobs, &mut progress);
    let interrupted = runtime.block_on(async {
        tokio::select! {
            biased;
            Ok(()) = tokio::signal::ctrl_c() => true,
            () = uploads.run(dry) => false,
        }
    });
    let outcomes = uploads.outcomes();
    progress.clear();
    Ok((outcomes, interrupted))
}

/// Tells how it ended; the exit status.
fn told(
    session: &mut Session<'_>,
    name: Option<&str>,
    url: &RepositoryUrl,
    outcomes: &[Outcome],
    interrupted: bool,
) -> Result<u8, Failure> {
    let failure = outcomes.iter().find_map(|outcome| outcome.failure.as_ref());
    let status = match failure {
        _ if interrupted => INTERRUPTED,
        Some(failure) => failure.code.exit_status(),
        None => 0,
    };
    if session.out.is_json() {
        session.out.object(&Answer {
            repository: name,
            url: Some(url.as_str()),
            files: outcomes,
        })?;
        return Ok(status);
    }
    for outcome in outcomes {
        if outcome.result == Ended::NotSent {
            let line = progress::line(outcome, session.out.colours());
            session.out.text(&line)?;
        }
    }
    if let Some(failure) = failure {
        session.out.failure(failure);
    }
    Ok(status)
}

/// Tells the agent what the server said about its credential.
fn report(agent: &mut dyn Agent, questions: &[Option<Question>], outcomes: &[Outcome]) {
    let mut ended = questions.iter().zip(outcomes);
    let said = ended.find_map(|(question, outcome)| {
        let word = match (outcome.result, outcome.status) {
            (Ended::Uploaded, _) => "accepted",
            (Ended::Failed, Some(401)) => "unauthorized",
            (Ended::Failed, Some(403)) => "forbidden",
            _ => return None,
        };
        Some((question.clone()?, word))
    });
    if let Some((question, outcome)) = said {
        // It is for the agent's sake: an upload that is done has not failed without it.
        let _ = agent.report(&Report {
            question,
            outcome: outcome.to_owned(),
        });
    }
}

/// Reads every file; those that may be sent, and those that may not.
fn read(files: &[PathBuf], strict: bool) -> (Vec<Distribution>, Vec<(String, String)>) {
    let (mut ready, mut bad) = (Vec::new(), Vec::new());
    for path in files {
        match Distribution::read(path) {
            Ok(one) => ready.push(one),
            Err(why) => {
                let name = path.file_name().unwrap_or(path.as_os_str());
                bad.push((name.to_string_lossy().into_owned(), why));
            }
        }
    }
    for one in &ready {
        for why in one.refused(strict) {
            bad.push((one.filename.clone(), why.to_owned()));
        }
    }
    bad.extend(together(&ready, strict));
    (ready, bad)
}

/// What does not stop the upload and should be known.
fn warn(session: &mut Session<'_>, strict: bool, ready: &[Distribution]) {
    for one in ready {
        for finding in &one.findings {
            if strict && !finding.refused {
                session
                    .out
                    .warning(&format!("{}: {}", one.filename, finding.message));
            }
        }
    }
}

/// The report of `--check`, and of files that must not be sent; the exit status.
fn checked(
    session: &mut Session<'_>,
    repository: &str,
    url: Option<&RepositoryUrl>,
    strict: bool,
    ready: &[Distribution],
    bad: Vec<(String, String)>,
) -> Result<u8, Failure> {
    let status = u8::from(!bad.is_empty());
    let mut outcomes: Vec<Outcome> = bad
        .into_iter()
        .map(|(filename, why)| {
            let sha256 = ready.iter().find(|one| one.filename == filename);
            Outcome {
                sha256: sha256.map(|one| one.digests.sha256.clone()),
                filename,
                result: Ended::Failed,
                status: None,
                message: Some(why),
                failure: None,
            }
        })
        .collect();
    let sound = ready
        .iter()
        .filter(|one| outcomes.iter().all(|bad| bad.filename != one.filename));
    let sound: Vec<Outcome> = sound.map(|one| Outcome::new(one, Ended::NotSent)).collect();
    outcomes.extend(sound);
    if session.out.is_json() {
        session.out.object(&Answer {
            repository: (!repository.contains("://")).then_some(repository),
            url: url.map(RepositoryUrl::as_str),
            files: &outcomes,
        })?;
        return Ok(status);
    }
    for outcome in &outcomes {
        let word = if outcome.result == Ended::Failed {
            "bad"
        } else {
            "good"
        };
        let why = outcome
            .message
            .as_deref()
            .map_or(String::new(), |why| format!(": {}", shown(why)));
        let text = format!("{word:<5} {}{why}", shown(&outcome.filename));
        session.out.text(&text)?;
    }
    for one in ready {
        for finding in one
            .findings
            .iter()
            .filter(|finding| !(strict && finding.refused))
        {
            let who = if finding.refused {
                " (PyPI refuses that)"
            } else {
                ""
            };
            session
                .out
                .warning(&format!("{}: {}{who}", one.filename, finding.message));
        }
    }
    if status > 0 {
        session.out.note("nothing was sent");
    }
    Ok(status)
}

/// Poetry's settings of the user alone: a project's files decide neither where a name leads, as
/// long as the user's own do, nor whose certificates are believed.
fn user_settings(agent: &mut dyn Agent, context: &Context) -> Result<SettingsReply, Failure> {
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
fn find(
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
            *url = agent.explain(&question)?.url;
        }
    }
    let known = Known {
        own,
        all,
        bindings: &bindings,
        declared,
        pypirc: pypirc_text().and_then(|text| pypirc::section(&text, name)),
    };
    Place::of_name(name, &known).ok_or_else(|| {
        Failure::new(
            ErrorCode::Usage,
            format!("no upload URL is known for \"{name}\""),
        )
        .hint(format!(
            "helper config repositories.{name} URL, or give the URL with -r"
        ))
    })
}

/// The user's `.pypirc`; none where it cannot be read: it is the last place that is looked at.
fn pypirc_text() -> Option<String> {
    let home = Surroundings::of_process().home?;
    let path = home.join(".pypirc");
    let meta = std::fs::metadata(&path).ok()?;
    (meta.is_file() && meta.len() <= PYPIRC).then(|| std::fs::read_to_string(&path).ok())?
}

/// Whose certificates are believed: the command line's word, else the user's own settings.
fn tls(
    session: &mut Session<'_>,
    args: &PublishArgs,
    name: Option<&str>,
    own: &SettingsReply,
    context: &Context,
) -> TlsPolicy {
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
    let policy = TlsPolicy {
        authorities: args.cert.as_deref().map(absolute).or_else(|| path(cert)),
        unchecked: args.cert.is_none() && cert.and_then(serde_json::Value::as_bool) == Some(false),
        client: args
            .client_cert
            .as_deref()
            .map(absolute)
            .or_else(|| path(setting(".client-cert"))),
    };
    if policy.unchecked {
        session.out.warning(
            "the server's certificate is not checked (certificates.NAME.cert is false): whoever \
             stands between can read the credential",
        );
    }
    policy
}

/// For the index, and for an upload's answer: `--timeout`, else what Poetry and uv are told.
fn times(session: &Session<'_>) -> [Duration; 2] {
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
