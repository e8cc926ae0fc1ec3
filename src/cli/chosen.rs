//! The repositories of `exec` and `env`, with what the agent answers for them.

use credential_helper_protocol::caller::About;
use credential_helper_protocol::{
    Asked, BindingList, Credential, ErrorCode, Failure, Operation, Question,
};

use super::Session;
use super::args_exec::{ChosenArgs, PipWord};
use crate::ci::repository::{Places, Repository, no_collision};
use crate::ci::variables::{Pip, Wishes};
use crate::connect::Agent;
use crate::domain::name::{RepositoryName, same_stored_name};

/// Repositories, those that were named first.
pub(crate) struct Chosen {
    /// With their credentials.
    pub(crate) repositories: Vec<Repository>,
    /// What is asked for beside.
    pub(crate) wishes: Wishes,
}

/// Asks for the credentials of what was named, and of what the project declares. Ends at the first
/// that cannot be had; says what has none.
pub(crate) fn chosen(session: &mut Session<'_>, args: &ChosenArgs) -> Result<Chosen, Failure> {
    let mut names: Vec<String> = Vec::new();
    for name in &args.names {
        RepositoryName::parse(name).map_err(|failure| {
            if name.contains("://") {
                failure.hint("variables are those of a name: see `helper list`")
            } else {
                failure
            }
        })?;
        if !names.iter().any(|other| same_stored_name(other, name)) {
            names.push(name.clone());
        }
    }
    let first = names.len();
    let mut agent = session.agent()?;
    let told = known(session, agent.as_mut(), first > 0)?;
    // A restricted socket gives credentials for one of both operations.
    let of_one_operation = told.is_none();
    let known = told.unwrap_or_default();
    let declared = declared(&known);
    if !args.only {
        add_declared(&known, &declared, &mut names)?;
    }
    let others = if args.no_project_check {
        &[][..]
    } else {
        &declared[..]
    };
    no_collision(&names, others)?;
    let mut repositories = Vec::new();
    for (at, name) in names.iter().enumerate() {
        let answers = ask(session, agent.as_mut(), args, name, of_one_operation)?;
        match answers {
            Err(failure) if at < first => return Err(failure),
            Err(_) => session.out.note(&format!(
                "helper: nothing is stored or set for {name}, which the project declares"
            )),
            Ok([read, upload]) => repositories.push(Repository {
                places: if of_one_operation {
                    Places::of_answers(read.as_ref(), upload.as_ref())
                } else {
                    Places::of(name, &known)
                },
                name: name.clone(),
                read,
                upload,
            }),
        }
    }
    Ok(Chosen {
        repositories,
        wishes: Wishes {
            named: first,
            pip: args.pip.map(|word| match word {
                PipWord::Index => Pip::Index,
                PipWord::Extra => Pip::Extra,
            }),
        },
    })
}

/// What is bound and declared. A restricted socket does not say (`None`); who names the repositories
/// does without.
fn known(
    session: &Session<'_>,
    agent: &mut dyn Agent,
    named: bool,
) -> Result<Option<BindingList>, Failure> {
    let context = session.context_alone(false)?;
    match agent.bindings(&Asked { context }) {
        Ok(known) => Ok(Some(known)),
        Err(failure) if failure.code == ErrorCode::Policy && named => Ok(None),
        Err(failure) if failure.code == ErrorCode::Policy => {
            Err(failure.hint("this socket does not say what there is: name the repositories"))
        }
        Err(failure) => Err(failure),
    }
}

/// The names that the project declares, each once.
fn declared(known: &BindingList) -> Vec<String> {
    let mut names: Vec<String> = Vec::new();
    for source in known.project.iter().flat_map(|project| &project.sources) {
        if !names
            .iter()
            .any(|other| same_stored_name(other, &source.name))
        {
            names.push(source.name.clone());
        }
    }
    names
}

fn add_declared(
    known: &BindingList,
    declared: &[String],
    names: &mut Vec<String>,
) -> Result<(), Failure> {
    let Some(project) = &known.project else {
        if names.is_empty() {
            return Err(Failure::new(
                ErrorCode::Usage,
                "no repository is named, and there is no project here",
            )
            .hint("name one, or run it in the folder of a `pyproject.toml`"));
        }
        return Ok(());
    };
    if let Some(problem) = &project.problem {
        return Err(Failure::new(
            ErrorCode::Malformed,
            format!("what the project declares is not known: {problem}"),
        )
        .hint("correct the file, or name the repositories with --only"));
    }
    for name in declared {
        if !names.iter().any(|other| same_stored_name(other, name)) {
            names.push(name.clone());
        }
    }
    Ok(())
}

/// The credentials for reading and for uploads, or why there is neither.
type Answers = Result<[Option<Credential>; 2], Failure>;

fn ask(
    session: &mut Session<'_>,
    agent: &mut dyn Agent,
    args: &ChosenArgs,
    name: &str,
    of_one_operation: bool,
) -> Result<Answers, Failure> {
    let mut context = session.context(About::Name(name))?;
    if args.no_project_check {
        // Asked from outside any project there is no URL to check.
        context.folder = None;
    }
    let mut why = None;
    let mut found = [None, None];
    let wanted = args.operation.map(Operation::from);
    for (at, operation) in [Operation::Read, Operation::Upload].into_iter().enumerate() {
        if wanted.is_some_and(|wanted| wanted != operation) {
            continue;
        }
        let question = Question {
            name: Some(name.to_owned()),
            operation: Some(operation),
            context: context.clone(),
            ..Question::default()
        };
        match agent.get(&question) {
            Ok(credential) => {
                for warning in &credential.warnings {
                    session.out.warning(warning);
                }
                found[at] = Some(credential);
            }
            Err(failure) if failure.code == ErrorCode::NotFound => {
                why.get_or_insert(failure);
            }
            // The operation that this socket is not for; where nothing else is found, it is the reason.
            Err(failure)
                if failure.code == ErrorCode::Policy && of_one_operation && wanted.is_none() =>
            {
                why.get_or_insert(explained(failure, name));
            }
            Err(failure) => return Err(explained(failure, name)),
        }
    }
    Ok(match why {
        Some(failure) if found.iter().all(Option::is_none) => Err(failure),
        _ => Ok(found),
    })
}

/// The failure of one of several repositories names it.
fn explained(failure: Failure, name: &str) -> Failure {
    if failure.message.contains(name) {
        return failure;
    }
    Failure {
        message: format!("{name}: {}", failure.message),
        ..failure
    }
}
