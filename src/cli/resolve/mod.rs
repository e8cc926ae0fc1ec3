//! `helper resolve`: which versions go together.

mod asked;
mod command;
mod written;

use std::mem::ManuallyDrop;
use std::sync::Arc;

use credential_helper_protocol::Failure;

pub(super) use self::asked::{PROJECT, indexes, is_project};
use self::asked::{problem, read};
use super::args_resolve::ResolveArgs;
use super::lookups::{self, Desk, Ground, folder};
use super::{Session, python};
use crate::agent::bulk;
use crate::domain::text::shown;
use crate::index::offers::Offers as _;
use crate::package::VersionSpecifiers;
use crate::resolve::input::Local;
use crate::resolve::solve::{Conflict, Event, Resolution, Unsolved, Watch, resolve};

/// What came out, and for which Pythons.
struct Outcome {
    result: Result<Resolution, Unsolved>,
    requires_python: Option<VersionSpecifiers>,
    warnings: Vec<String>,
}

/// Resolves, and writes what came out.
pub(crate) fn run(session: &mut Session<'_>, args: &ResolveArgs) -> Result<u8, Failure> {
    bulk::begin();
    let format = written::format(session, args)?;
    let folder = folder(session)?;
    let asked = read(session, args, &folder)?;
    for warning in &asked.warnings {
        session.out.warning(warning);
    }
    let mut problem = problem(args, &asked, &folder)?;
    let mut desk = Desk::default();
    let given = indexes(&args.sources, &asked.indexes);
    let ground = Arc::new(Ground::find(session, &mut desk, &given, &args.sources)?);
    let hashes = args.generate_hashes || asked.choices.require_hashes;
    let (python, universal) = (args.python.clone(), args.universal);
    let (range, environments) = (asked.requires_python, asked.environments);
    python::check(&python, &ground.around)?;
    let accounts = asked::accounts(asked.userinfo);
    let (own, locked_for) = (Arc::clone(&ground), environments.clone());
    let work = async move |tools: lookups::Tools<Outcome>| {
        let lookups = Arc::new(own.lookups(&tools).knowing(accounts));
        let counting = Arc::clone(&tools.watch);
        let watch: Watch = Arc::new(move |event| {
            if let Event::Seen(count) = event {
                counting.packages(*count);
            }
        });
        // An interpreter takes a while to say what it is: the first pages come meanwhile.
        for name in problem.certain() {
            let lookups = Arc::clone(&lookups);
            tokio::spawn(async move {
                // The resolution asks the same, and is told the same, errors too.
                let _ = lookups.tier(&name, None, 0).await;
            });
        }
        let outcome = async {
            let environment = python::environment(&python, &own.around, own.cache.as_deref());
            let (environment, warning) = environment.await?;
            let mut warnings: Vec<String> = warning.into_iter().collect();
            let given = python.python_version.is_some();
            let (environment, requires_python) = if universal {
                asked::universal(&environment, given, range, environments)
            } else {
                warnings.extend(asked::unfit(&environment, range.as_ref()));
                asked::one(&environment)
            };
            problem.environment = environment;
            let offers = Arc::new(Local(Arc::clone(&lookups)));
            let result = resolve(offers, problem, Some(watch)).await;
            Ok(Outcome {
                result,
                requires_python,
                warnings,
            })
        };
        tools.done(outcome.await);
        lookups.flush();
    };
    lookups::run(session, desk, work, |session, outcome| {
        for warning in &outcome.warnings {
            session.out.warning(warning);
        }
        match outcome.result {
            Ok(resolution) => {
                // The process ends: to give all of it back piece by piece, before the system takes it
                // at once, would be a tenth of the time.
                let resolution = ManuallyDrop::new(resolution);
                let form = written::Form {
                    format,
                    hashes,
                    requires_python: outcome.requires_python.as_ref(),
                    environments: &locked_for,
                };
                written::write(session, args, &form, &ground.sources, &resolution, &folder)
            }
            Err(Unsolved::Failed(failure)) => Err(failure),
            Err(unsolved @ Unsolved::Conflict(_)) => Ok(told(session, &unsolved)),
        }
    })
}

/// Tells why there is no resolution, line by line.
fn told(session: &mut Session<'_>, unsolved: &Unsolved) -> u8 {
    let failure = unsolved.failure();
    let status = failure.code.exit_status();
    let Unsolved::Conflict(conflict) = unsolved else {
        session.out.failure(&failure);
        return status;
    };
    if session.out.is_json() {
        session.out.failure(&failure);
        return status;
    }
    let Conflict {
        reasons,
        offered,
        hints,
        ..
    } = &**conflict;
    let first = failure.message.lines().next().unwrap_or_default();
    session.out.failure(&Failure::new(failure.code, first));
    for line in reasons.iter().chain(offered) {
        session.out.people(&format!("  {}\n", shown(line)));
    }
    for hint in hints {
        session.out.note(&format!("hint: {hint}"));
    }
    status
}
