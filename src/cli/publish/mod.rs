//! `helper publish`: uploads wheels and source archives.

mod credential;
mod files;
mod progress;
mod report;
pub(super) mod whither;

use std::path::PathBuf;
use std::time::Duration;

use credential_helper_protocol::caller::About;
use credential_helper_protocol::{ErrorCode, Failure, Question, Report};

use self::credential::{Asker, Chosen, Given};
use self::progress::Progress;
use self::report::{checked, told};
use super::args_publish::PublishArgs;
use super::{Session, target};
use crate::connect::Agent;
use crate::domain::url::RepositoryUrl;
use crate::http::{Client, Proxies};
use crate::publish::compare::Index;
use crate::publish::distribution::{Distribution, together};
use crate::publish::index;
use crate::publish::outcome::{Ended, Outcome};
use crate::publish::place::{Place, built_in};
use crate::publish::upload::{Job, Plan, Uploads};

/// The first wait before another attempt.
const PAUSE: Duration = Duration::from_millis(500);

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
    let (ready, bad) = read(&files, strict, args.attestations);
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
    let own = whither::user_settings(&mut *agent, &context)?;
    let place = match direct {
        Some(url) if repository.contains("://") => Place::of_url(url),
        _ => whither::find(&mut *agent, repository, &context, own.clone())?,
    };
    if index::is_public(&place.url) && !strict {
        let (_, bad) = read(&files, true, args.attestations);
        if !bad.is_empty() {
            return checked(session, repository, Some(&place.url), true, &ready, bad);
        }
    }
    let tls = whither::tls(session, args, place.name.as_deref(), &own, &context);
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
        whole_token: args.no_attenuate,
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
    let [silence, answer] = whither::times(session);
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
    tell_agent(&mut *agent, &questions, &outcomes);
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

/// Tells the agent what the server said about its credential.
fn tell_agent(agent: &mut dyn Agent, questions: &[Option<Question>], outcomes: &[Outcome]) {
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
fn read(
    files: &[PathBuf],
    strict: bool,
    attest: bool,
) -> (Vec<Distribution>, Vec<(String, String)>) {
    let (mut ready, mut bad) = (Vec::new(), Vec::new());
    for path in files {
        let read = Distribution::read(path).and_then(|mut one| {
            if attest {
                one.attest()?;
            }
            Ok(one)
        });
        match read {
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
