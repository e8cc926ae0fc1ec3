//! What a question carries of the process that asks it, so that the agent answers as if it were
//! that process: its variables, its folders, its bus.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

use crate::code::{ErrorCode, Failure};
use crate::message::{Context, Variable};
use crate::secret::Secret;
use crate::surroundings::Surroundings;
use crate::text::shown;
use crate::{VERSION, limits, variable};

/// What the question is about: decides which variables can concern it.
#[derive(Clone, Copy, Debug)]
pub enum About<'a> {
    /// One repository: the variables of its spellings.
    Name(&'a str),
    /// A URL, which may belong to any repository: all of the allow-list.
    Url(&'a str),
    /// Every repository: all of the allow-list.
    All,
}

/// What the command line says about the question.
#[derive(Clone, Debug, Default)]
pub struct CallerOptions {
    /// `--directory`.
    pub directory: Option<PathBuf>,
    /// `--timeout`, in milliseconds.
    pub timeout_ms: Option<u64>,
    /// `--prompt`.
    pub prompt: bool,
}

/// The context of a question that this process asks.
pub fn context(about: About<'_>, options: &CallerOptions) -> Result<Context, Failure> {
    context_in(&Surroundings::of_process(), about, options)
}

/// The context of a question that is asked in these surroundings.
pub fn context_in(
    around: &Surroundings,
    about: About<'_>,
    options: &CallerOptions,
) -> Result<Context, Failure> {
    let here = working_folder(options.directory.as_deref())?;
    let from = here.as_deref();
    Ok(Context {
        folder: path_text("the working folder", here.clone())?,
        poetry: path_text("Poetry's configuration folder", around.poetry_folder(from))?,
        uv: path_text("uv's configuration folder", around.uv_folder())?,
        uv_store: path_text("uv's credentials folder", around.uv_store_folder(from))?,
        settings: path_text("the settings folder", around.settings_folder(from))?,
        state: path_text("the state folder", around.state_folder())?,
        bus: value(around, variable::BUS)?,
        keyring_enabled: value(around, variable::KEYRING_ENABLED)?,
        variables: variables(around, about)?,
        ..bare(options)
    })
}

/// The context of a question to a socket that was mounted from elsewhere: nothing of this process
/// but its version and its patience.
pub fn bare(options: &CallerOptions) -> Context {
    Context {
        version: Some(VERSION.to_owned()),
        timeout_ms: options.timeout_ms,
        prompt: options.prompt,
        ..Context::default()
    }
}

/// The folder that the question is asked from. A working folder that has been removed is none.
fn working_folder(directory: Option<&Path>) -> Result<Option<PathBuf>, Failure> {
    let Some(directory) = directory else {
        return Ok(std::env::current_dir().ok());
    };
    let refused = |reason: &str| {
        Failure::new(
            ErrorCode::Usage,
            format!(
                "could not ask from the folder {}: {reason}",
                shown(&directory.to_string_lossy())
            ),
        )
        .hint("name a folder that is there with --directory")
    };
    let absolute = std::path::absolute(directory).map_err(|error| refused(&error.to_string()))?;
    if absolute.is_dir() {
        Ok(Some(absolute))
    } else {
        Err(refused("it is no folder"))
    }
}

/// Leaving such a folder out would ask other files than the user means.
fn path_text(what: &str, path: Option<PathBuf>) -> Result<Option<String>, Failure> {
    path.map(|path| {
        path.into_os_string()
            .into_string()
            .map_err(|_| not_text(what))
    })
    .transpose()
}

fn value(around: &Surroundings, name: &str) -> Result<Option<String>, Failure> {
    around
        .set(name)
        .map(|value| value.into_string().map_err(|_| not_text(name)))
        .transpose()
}

fn not_text(what: &str) -> Failure {
    Failure::new(
        ErrorCode::Usage,
        format!(
            "could not send {} to the agent: it is not UTF-8",
            shown(what)
        ),
    )
    .hint("give it a value of UTF-8 text")
}

fn variables(
    around: &Surroundings,
    about: About<'_>,
) -> Result<BTreeMap<String, Variable>, Failure> {
    let found: Vec<(OsString, OsString)> = match about {
        About::Name(name) => of_name(around, name),
        About::Url(_) | About::All => around.variables(|name| {
            name.to_str()
                .is_some_and(|name| variable::repository_part(name).is_some())
        }),
    };
    let mut size = 0;
    let mut all = BTreeMap::new();
    for (name, value) in found {
        let name = name.into_string().map_err(|_| not_text("a variable"))?;
        let value = value.into_string().map_err(|_| not_text(&name))?;
        size += name.len() + value.len();
        // The text moves: no second copy of a secret is made.
        all.insert(name, Variable(Secret::new(value)));
    }
    if size > limits::VARIABLES {
        return Err(Failure::new(
            ErrorCode::Usage,
            format!(
                "could not send the variables of repositories to the agent: {size} bytes, at most {}",
                limits::VARIABLES
            ),
        )
        .hint("ask by the repository's name, or unset the variables of others"));
    }
    Ok(all)
}

fn of_name(around: &Surroundings, name: &str) -> Vec<(OsString, OsString)> {
    variable::spellings(name)
        .iter()
        .flat_map(|part| variable::FAMILIES.map(|(before, after)| format!("{before}{part}{after}")))
        .filter_map(|name| around.variable(&name).map(|value| (name.into(), value)))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::{About, CallerOptions, context_in};
    use crate::code::ErrorCode;
    use crate::limits;
    use crate::surroundings::{Platform, Surroundings};

    fn around(variables: &[(&str, &str)]) -> Surroundings {
        Surroundings::given(variables.iter().copied(), Platform::Xdg, 7, "host")
    }

    fn names(about: About<'_>) -> Vec<String> {
        let around = around(&[
            ("POETRY_HTTP_BASIC_MY.REPO_USERNAME", "a"),
            ("POETRY_HTTP_BASIC_MY_REPO_PASSWORD", "b"),
            ("UV_INDEX_MY_REPO_USERNAME", ""),
            ("POETRY_PYPI_TOKEN_OTHER", "c"),
            ("UV_INDEX_URL", "d"),
            ("TWINE_PASSWORD", "e"),
        ]);
        let context = context_in(&around, about, &CallerOptions::default()).unwrap();
        context.variables.into_keys().collect()
    }

    #[test]
    fn a_name_sends_its_spellings_and_a_url_all() {
        let own = [
            "POETRY_HTTP_BASIC_MY.REPO_USERNAME",
            "POETRY_HTTP_BASIC_MY_REPO_PASSWORD",
            "UV_INDEX_MY_REPO_USERNAME",
        ];
        assert_eq!(names(About::Name("my.repo")), own);
        let all = [own[0], own[1], "POETRY_PYPI_TOKEN_OTHER", own[2]];
        assert_eq!(names(About::Url("https://h/simple")), all);
        assert_eq!(names(About::All), all);
    }

    #[test]
    fn folders_bus_and_options_are_sent() {
        let around = around(&[
            ("HOME", "/h"),
            ("DBUS_SESSION_BUS_ADDRESS", "unix:path=/b"),
            ("POETRY_KEYRING_ENABLED", "false"),
        ]);
        let options = CallerOptions {
            timeout_ms: Some(300),
            prompt: true,
            ..CallerOptions::default()
        };
        let context = context_in(&around, About::Name("foo"), &options).unwrap();
        assert_eq!(context.poetry.as_deref(), Some("/h/.config/pypoetry"));
        assert_eq!(context.bus.as_deref(), Some("unix:path=/b"));
        assert_eq!(context.keyring_enabled.as_deref(), Some("false"));
        assert_eq!(context.timeout_ms, Some(300));
        assert!(context.prompt && context.folder.is_some() && context.variables.is_empty());
    }

    #[test]
    fn directory_must_be_there_and_becomes_absolute() {
        let folder = tempfile::tempdir().unwrap();
        let mut options = CallerOptions {
            directory: Some(folder.path().to_owned()),
            ..CallerOptions::default()
        };
        let context = context_in(&around(&[]), About::All, &options).unwrap();
        assert_eq!(context.folder.as_deref(), folder.path().to_str());
        options.directory = Some(folder.path().join("missing"));
        let failure = context_in(&around(&[]), About::All, &options)
            .err()
            .unwrap();
        assert_eq!(failure.code, ErrorCode::Usage);
    }

    #[test]
    fn too_many_variables_are_a_usage_error() {
        let long = "x".repeat(limits::VARIABLES);
        let around = around(&[("POETRY_PYPI_TOKEN_A", &long)]);
        let failure = context_in(&around, About::All, &CallerOptions::default())
            .err()
            .unwrap();
        assert_eq!(failure.code, ErrorCode::Usage);
        assert!(!failure.message.contains("xxx"));
    }

    #[cfg(unix)]
    #[test]
    fn a_value_that_is_no_text_is_named_and_not_shown() {
        use std::os::unix::ffi::OsStringExt;
        let value = std::ffi::OsString::from_vec(b"hunter\xff".to_vec());
        let around =
            Surroundings::given([("POETRY_PYPI_TOKEN_A", value)], Platform::Xdg, 7, "host");
        let failure = context_in(&around, About::Name("a"), &CallerOptions::default())
            .err()
            .unwrap();
        assert!(failure.message.contains("POETRY_PYPI_TOKEN_A"));
        assert!(!failure.message.contains("hunter"));
    }
}
