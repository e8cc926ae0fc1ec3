//! `helper publish`: uploads wheels and source archives.
//!
//! - `whither`: where to; `credential`, `identity`: with what; `hide`: and who has to be told so
//! - `reference`: what PyPI's own libraries say of the files
//! - `files`, `progress`, `report`: which files, how far they are, how they ended

mod credential;
mod files;
mod hide;
mod identity;
mod progress;
mod reference;
mod report;
pub(super) mod whither;

use std::path::PathBuf;
use std::time::Duration;

use credential_helper_protocol::caller::About;
use credential_helper_protocol::{ErrorCode, Failure, Question, Report};

use self::credential::{Asker, Given};
use self::progress::Progress;
use self::report::{Run, checked, told};
use super::args_publish::{PublishArgs, TrustedWord};
use super::lookups::folder;
use super::missing::is_nothing;
use super::{Session, python, target, work};
use crate::connect::Agent;
use crate::domain::url::RepositoryUrl;
use crate::http::{Client, Proxies, may_be_proxied};
use crate::publish::compare::Index;
use crate::publish::distribution::{Distribution, together};
use crate::publish::index;
use crate::publish::outcome::{Ended, Outcome};
use crate::publish::place::{Place, built_in};
use crate::publish::trusted::exchange::Burned;
use crate::publish::upload::{Job, Plan, Uploads};

/// The first wait before another attempt.
const PAUSE: Duration = Duration::from_millis(500);

/// Builds the project of the working folder; what was made, wheels first.
fn built(session: &mut Session<'_>) -> Result<Vec<PathBuf>, Failure> {
    let folder = folder(session)?;
    let builder = python::builder(&session.outside.surroundings());
    let dist = folder.join("dist");
    let mut all = builder.project(&folder, &dist, &mut |line| session.out.note(line))?;
    files::in_order(&mut all);
    Ok(all)
}

/// Uploads; or looks only.
pub(crate) fn run(session: &mut Session<'_>, args: &PublishArgs) -> Result<u8, Failure> {
    let account = args.username.as_deref().unwrap_or_default();
    let given_too = args.anonymous || !account.is_empty() || args.password.is_some();
    if args.trusted_publishing == TrustedWord::Always && given_too {
        let message = "--trusted-publishing always cannot be used together with another credential";
        return Err(Failure::new(ErrorCode::Usage, message)
            .hint("leave --username, --password and --anonymous out, or use auto"));
    }
    let repository = args.repository.as_deref().unwrap_or("pypi");
    let about = target(repository)?;
    let files = if args.build {
        built(session)?
    } else {
        files::chosen(&args.files, session.global.directory.as_deref())?
    };
    let direct = match about {
        About::Url(url) => Some(RepositoryUrl::parse(url)?.0),
        _ => built_in(repository),
    };
    let strict = direct.as_ref().is_some_and(index::is_public);
    let (mut ready, mut bad) = read(&files, args.attestations);
    let runtime = work::runtime()?;
    if args.check || strict {
        reference::look(session, &runtime, &mut ready);
    }
    bad.extend(stopping(&ready, strict));
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
        reference::look(session, &runtime, &mut ready);
        let bad = stopping(&ready, true);
        if !bad.is_empty() {
            return checked(session, repository, Some(&place.url), true, &ready, bad);
        }
    }
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
    let [silence, answer] = whither::times(session);
    // Asked for before the connection is made ready: this may bind the name.
    let always = args.trusted_publishing == TrustedWord::Always;
    let (chosen, missing) = if always {
        (Vec::new(), None)
    } else {
        match asker.all(&given, &ready) {
            Err(missing)
                if args.trusted_publishing == TrustedWord::Auto
                    && is_nothing(&missing)
                    && given.username.is_none() =>
            {
                (Vec::new(), Some(missing))
            }
            chosen => (chosen?, None),
        }
    };
    let (tls, origins) = whither::tls(session, args, &place, &own, asker.agent, &context)?;
    // The system's certificates are some hundred files: they are read where one can be needed.
    let mut urls = std::iter::once(&place.url).chain(&place.indexes);
    let client = if (given_too || args.trusted_publishing == TrustedWord::Never)
        && args.cert.is_none()
        && args.client_cert.is_none()
        && urls.all(|url| url.as_str().starts_with("http://"))
        // A proxy may be spoken to by TLS.
        && !may_be_proxied()
    {
        Client::plain(Proxies::Environment, silence)?
    } else {
        Client::bound(&tls, origins, Proxies::Environment, silence)?
    };
    let trusted = identity::About {
        client: &client,
        place: &place,
        ready: &ready,
        context: &context,
        time: silence,
    };
    let mut exchange = match missing {
        Some(missing) => Some(runtime.block_on(trusted.auto(missing))?),
        None if always => Some(runtime.block_on(trusted.always())?),
        None => None,
    };
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
    let plan = Plan {
        url: place.url.clone(),
        indexes,
        skip_existing: args.skip_existing,
        silence: answer,
        pause: PAUSE,
    };
    if !session.out.is_json() {
        let from = match &exchange {
            Some(exchange) => identity::by(exchange),
            None => chosen
                .first()
                .map_or_else(String::new, |one| one.from.clone()),
        };
        let what = if args.dry_run {
            "would upload"
        } else {
            "uploading"
        };
        session.out.note(&format!("{what} to {} {from}", place.url));
    }
    let questions: Vec<Option<Question>> = chosen.iter().map(|one| one.question.clone()).collect();
    let mut chosen = chosen.into_iter();
    let job = |one: &Distribution| Job {
        one: one.clone(),
        authorization: chosen.next().and_then(|one| one.authorization),
    };
    let jobs: Vec<Job> = ready.iter().map(job).collect();
    let mut progress = Progress::new(session.out);
    let uploads = Uploads::new(&client, &plan, &jobs, &mut progress).with(exchange.as_mut());
    let (outcomes, interrupted) = runtime.block_on(to_end(uploads, args.dry_run));
    progress.clear();
    let word = exchange
        .as_ref()
        .map(|one| (one.identity().word(), one.expires()));
    if let Some(exchange) = &mut exchange {
        // A second signal does not wait for it.
        let burned = runtime.block_on(async {
            tokio::select! {
                biased;
                _ = signalled() => Burned::Nothing,
                burned = exchange.burn() => burned,
            }
        });
        if let Burned::Failed(why) = burned {
            let warning = format!("the token could not be given back, and ends by itself: {why}");
            session.out.warning(&warning);
        }
    }
    tell_agent(&mut *agent, &questions, &outcomes);
    let run = Run {
        name: place.name.as_deref(),
        url: &place.url,
        trusted: word,
        outcomes: &outcomes,
        interrupted,
    };
    told(session, &run)
}

/// Uploads until everything is up, or a signal ends it: with this status.
async fn to_end(mut uploads: Uploads<'_, '_>, dry: bool) -> (Vec<Outcome>, Option<u8>) {
    let interrupted = tokio::select! {
        biased;
        status = signalled() => Some(status),
        () = uploads.run(dry) => None,
    };
    (uploads.outcomes(), interrupted)
}

/// Waits for Ctrl-C, or for the signal by which CI systems end a job; the exit status that says so
/// (128 and the signal).
async fn signalled() -> u8 {
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        if let Ok(mut ended) = signal(SignalKind::terminate()) {
            return tokio::select! {
                Ok(()) = tokio::signal::ctrl_c() => 130,
                Some(()) = ended.recv() => 143,
                else => std::future::pending().await,
            };
        }
    }
    match tokio::signal::ctrl_c().await {
        Ok(()) => 130,
        Err(_) => std::future::pending().await,
    }
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
fn read(files: &[PathBuf], attest: bool) -> (Vec<Distribution>, Vec<(String, String)>) {
    let (mut ready, mut bad) = (Vec::new(), Vec::new());
    for (path, read) in files.iter().zip(files::side_by_side(files, |path| {
        let mut one = Distribution::read(path)?;
        if attest {
            one.attest()?;
        }
        Ok(one)
    })) {
        match read {
            Ok(one) => ready.push(one),
            Err(why) => {
                let name = path.file_name().unwrap_or(path.as_os_str());
                bad.push((name.to_string_lossy().into_owned(), why));
            }
        }
    }
    (ready, bad)
}

/// What stops the upload, of each file and of all together.
fn stopping(ready: &[Distribution], strict: bool) -> Vec<(String, String)> {
    let mut bad = Vec::new();
    for one in ready {
        for why in one.refused(strict) {
            bad.push((one.filename.clone(), why.to_owned()));
        }
    }
    bad.extend(together(ready, strict));
    bad
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
