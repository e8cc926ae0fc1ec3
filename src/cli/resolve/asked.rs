//! What is asked for, by the command line and the files that it names.

use std::collections::BTreeSet;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::str::FromStr as _;

use clap::ValueEnum;
use credential_helper_protocol::{ErrorCode, Failure, input};
use url::Url;
use zeroize::Zeroizing;

use crate::cli::Session;
use crate::cli::args_index::SourceOptions;
use crate::cli::args_resolve::{ResolveArgs, Strategy as StrategyWord, When};
use crate::cli::lookups::given;
use crate::domain::text::shown;
use crate::domain::url::Userinfo;
use crate::edit::FILE_SIZE;
use crate::index::source::{Options, cutoff};
use crate::package::environment::Environment as Python;
use crate::package::order::allows_python;
use crate::package::tags::Tags;
use crate::package::{MarkerTree, PackageName, VersionSpecifiers};
use crate::resolve::input::{
    Around, Asked, Chosen, Disk, IndexOptions, Place, Role, Userinfo as Given, pins,
};
use crate::resolve::solve::{Environment, Names, Preference, Prerelease, Problem, Strategy};

/// The project's own file.
pub(in crate::cli) const PROJECT: &str = "pyproject.toml";

/// Reads it all.
///
/// # Errors
/// Where something cannot be read or understood, or nothing is asked for.
pub(super) fn read(
    session: &Session<'_>,
    args: &ResolveArgs,
    folder: &Path,
) -> Result<Asked, Failure> {
    let around = Around {
        files: &Disk,
        variable: &|name| std::env::var(name).ok(),
        folder,
    };
    let chosen = Chosen {
        extras: args.extra.clone(),
        all_extras: args.all_extras,
        groups: args.group.clone(),
        all_groups: false,
    };
    let mut asked = Asked::default();
    let own = PathBuf::from(PROJECT);
    let alone = args.requirements.is_empty() && args.files.is_empty();
    let files = if alone {
        std::slice::from_ref(&own)
    } else {
        &args.files
    };
    let projects = files.iter().filter(|file| is_project(file)).count();
    let parts = !chosen.extras.is_empty() || chosen.all_extras || !chosen.groups.is_empty();
    if parts && projects == 0 {
        let message = "--extra, --all-extras and --group are about a project's pyproject.toml";
        return Err(Failure::new(ErrorCode::Usage, message)
            .hint("leave the requirements out, or give -r pyproject.toml"));
    }
    for file in files {
        if is_project(file) {
            asked.project(file, &chosen, &around)?;
        } else {
            list(&mut asked, file, Role::Requirements, &around)?;
        }
    }
    for text in &args.requirements {
        asked.typed(text, &around)?;
    }
    for (files, role) in [
        (&args.constraint, Role::Constraints),
        (&args.r#override, Role::Overrides),
    ] {
        for file in files {
            list(&mut asked, file, role, &around)?;
        }
    }
    session.log.info(|| {
        let count = u64::try_from(asked.requirements.len()).unwrap_or(u64::MAX);
        crate::domain::log::Line::new("requirements read").number("count", count)
    });
    Ok(asked)
}

/// Whether this is a project, by its name.
pub(in crate::cli) fn is_project(file: &Path) -> bool {
    file.file_name().is_some_and(|name| name == PROJECT)
}

/// A requirements file; `-` is standard input.
fn list(asked: &mut Asked, file: &Path, role: Role, around: &Around<'_>) -> Result<(), Failure> {
    if file != Path::new("-") {
        return asked.requirements_file(file, role, around);
    }
    let fail = |what: &str| {
        Failure::new(
            ErrorCode::Unavailable,
            format!("cannot read standard input: {what}"),
        )
    };
    let mut text = Zeroizing::new(String::new());
    let input = input::file().map_err(|error| fail(&error.kind().to_string()))?;
    input
        .take(FILE_SIZE + 1)
        .read_to_string(&mut text)
        .map_err(|error| fail(&error.kind().to_string()))?;
    if text.len() as u64 > FILE_SIZE {
        return Err(fail("it is longer than 4 MiB"));
    }
    asked.requirements_text(&text, "standard input", role, around)
}

/// What stood before the hosts of direct URLs.
pub(super) fn accounts(given: Vec<Given>) -> Vec<(Url, Userinfo)> {
    let pairs = given.into_iter().map(|one| {
        let userinfo = Userinfo {
            username: one.username,
            password: one.secret,
        };
        (one.url, userinfo)
    });
    pairs.collect()
}

/// Where packages come from: what is typed comes before what files say.
pub(in crate::cli) fn indexes(typed: &SourceOptions, written: &IndexOptions) -> Options {
    let mut options = given(typed);
    let texts = |places: &[Place]| -> Vec<String> {
        places.iter().map(|place| place.text.to_string()).collect()
    };
    if options.index_url.is_none() {
        let url = written.index_url.as_ref();
        options.index_url = url.map(|place| place.text.to_string());
    }
    options
        .extra_index_urls
        .extend(texts(&written.extra_index_urls));
    options.find_links.extend(texts(&written.find_links));
    options.no_index |= written.no_index;
    options
}

/// The problem, for an environment that is not known yet.
///
/// # Errors
/// Where a file chooses what there is not to choose, or the versions to keep cannot be read.
pub(super) fn problem(
    args: &ResolveArgs,
    asked: &Asked,
    folder: &Path,
) -> Result<Problem, Failure> {
    let choices = &asked.choices;
    let nowhere = Environment::Universal {
        requires_python: None,
        environments: Vec::new(),
        tags: Tags::universal(None).into(),
    };
    let mut problem = Problem::new(asked.requirements.clone(), nowhere);
    problem.constraints.clone_from(&asked.constraints);
    problem.overrides.clone_from(&asked.overrides);
    problem.digests.clone_from(&asked.digests);
    let when = match args.prerelease {
        Some(when) => Some(when),
        None => chosen::<When>("prerelease", choices.prerelease.as_deref())?,
    };
    problem.prerelease = match when {
        None => Prerelease::default(),
        Some(When::Disallow) => Prerelease::Disallow,
        Some(When::Allow) => Prerelease::Allow,
        Some(When::IfNecessary) => Prerelease::IfNecessary,
        Some(When::Explicit) => Prerelease::Explicit,
        Some(When::IfNecessaryOrExplicit) => Prerelease::IfNecessaryOrExplicit,
    };
    let strategy = match args.resolution {
        Some(strategy) => Some(strategy),
        None => chosen::<StrategyWord>("resolution", choices.resolution.as_deref())?,
    };
    problem.strategy = match strategy {
        None | Some(StrategyWord::Highest) => Strategy::Highest,
        Some(StrategyWord::Lowest) => Strategy::Lowest,
        Some(StrategyWord::LowestDirect) => Strategy::LowestDirect,
    };
    problem.exclude_newer = match (args.exclude_newer, choices.exclude_newer.as_deref()) {
        (Some(time), _) => Some(time),
        (None, Some(text)) => Some(cutoff(text).map_err(|wanted| {
            Failure::new(
                ErrorCode::Malformed,
                format!("exclude-newer of the project is not {wanted}"),
            )
        })?),
        (None, None) => None,
    };
    problem.upgrade = upgrade(args)?;
    if let Some(file) = &args.output_file
        && !args.upgrade
    {
        let around = Around {
            files: &Disk,
            variable: &|name| std::env::var(name).ok(),
            folder,
        };
        problem.preferences = kept(file, &around)?;
    }
    Ok(problem)
}

/// A choice that a file makes, in uv's words.
fn chosen<T: ValueEnum>(key: &str, text: Option<&str>) -> Result<Option<T>, Failure> {
    let Some(text) = text else { return Ok(None) };
    let known = T::from_str(text, false).map(Some);
    known.map_err(|_| {
        let words: Vec<String> = T::value_variants()
            .iter()
            .filter_map(|word| Some(word.to_possible_value()?.get_name().to_owned()))
            .collect();
        let message = format!("{key} of the project is \"{}\"", shown(text));
        Failure::new(ErrorCode::Malformed, message)
            .hint(format!("it is one of {}", words.join(", ")))
    })
}

fn upgrade(args: &ResolveArgs) -> Result<Names, Failure> {
    if args.upgrade {
        return Ok(Names::All);
    }
    let mut names = BTreeSet::new();
    for text in &args.upgrade_package {
        let name = PackageName::from_str(text.trim()).map_err(|_| {
            let message = format!(
                "--upgrade-package: \"{}\" is not the name of a package",
                shown(text)
            );
            Failure::new(ErrorCode::Usage, message)
        })?;
        names.insert(name);
    }
    Ok(if names.is_empty() {
        Names::None
    } else {
        Names::These(names)
    })
}

/// The versions in an earlier output: kept where they still fit.
fn kept(path: &Path, around: &Around<'_>) -> Result<Vec<Preference>, Failure> {
    let locked = pins(path, around)?.unwrap_or_default().into_iter();
    let pins = locked.filter_map(|pin| {
        Some(Preference {
            version: pin.version?,
            name: pin.name,
            marker: pin.marker,
        })
    });
    Ok(pins.collect())
}

/// One interpreter on one machine, and the Pythons that the result is for.
pub(super) fn one(python: &Python) -> (Environment, Option<VersionSpecifiers>) {
    let environment = Environment::One {
        markers: Box::new(python.markers().clone()),
        tags: python.tags().clone().into(),
    };
    (environment, least(python, false))
}

/// All platforms, and all Pythons from the one that was named on, else those that the project is
/// for, else from the one here on.
pub(super) fn universal(
    python: &Python,
    named: bool,
    project: Option<VersionSpecifiers>,
    environments: Vec<MarkerTree>,
) -> (Environment, Option<VersionSpecifiers>) {
    let range = project.filter(|_| !named).or_else(|| least(python, named));
    let environment = Environment::Universal {
        requires_python: range.clone(),
        environments,
        tags: Tags::universal(range.as_ref()).into(),
    };
    (environment, range)
}

/// From this Python on; the series of it where nobody named it.
fn least(python: &Python, named: bool) -> Option<VersionSpecifiers> {
    let release = python.python().release();
    let patch = named && release.get(2).is_some_and(|patch| *patch > 0);
    let count = if patch { 3 } else { 2 };
    let text: Vec<String> = release
        .iter()
        .take(count)
        .map(ToString::to_string)
        .collect();
    VersionSpecifiers::from_str(&format!(">={}", text.join("."))).ok()
}

/// What to say where the project is not for this Python.
pub(super) fn unfit(python: &Python, range: Option<&VersionSpecifiers>) -> Option<String> {
    let range = range.filter(|range| !allows_python(range, python.python()))?;
    let version = python.python();
    Some(format!(
        "the project is for Python {range}, and packages are chosen for Python {version} \
         (--python-version says another)"
    ))
}
