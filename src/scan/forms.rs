//! Which finder reads which file.

use std::ffi::OsStr;
use std::path::Path;

use super::find::{
    ci, dotenv, hatch, locks, netrc, pdm, pip, poetry, pypirc, pyproject, requirements, uv_store,
    uv_toml,
};
use super::finding::Found;
use super::read::Text;

/// A form of file.
#[derive(Debug)]
pub(super) struct Form {
    /// Whose it is.
    pub(super) tool: &'static str,
    /// Whether a file found in a folder is one.
    is: fn(&Path) -> bool,
    /// What stands in it.
    pub(super) find: fn(&Text) -> Result<Vec<Found>, String>,
    /// What the tool needs to ask us once its file does not say it any more.
    pub(super) needs: Option<&'static str>,
}

const PIP_NEEDS: &str = "pip asks the helper once `helper setup pip` was run";
const UV_NEEDS: &str = "uv asks the helper once `helper setup uv` was run, for an index with a username in its \
                        URL or `authenticate = \"always\"`";
const POETRY_NEEDS: &str =
    "Poetry asks the system's keyring itself, or the helper once `helper setup poetry` was run";
const TWINE_NEEDS: &str = "twine asks the helper once `helper setup twine` was run";
const PDM_NEEDS: &str = "PDM asks the helper once `helper setup pdm` was run";
const HATCH_NEEDS: &str = "Hatch asks the helper once `helper setup hatch` was run";
const PROJECT_NEEDS: &str =
    "the tools of this project ask the helper once `helper setup TOOL` was run for each";
const NETRC_NEEDS: &str =
    "curl, git and other programs that read this file no longer find it there";

/// The forms; the first that fits is the one.
#[rustfmt::skip]
pub(super) const FORMS: [Form; 24] = [
    Form { tool: "twine", is: |path| named(path, &[".pypirc", "pypirc"]), find: pypirc::find, needs: Some(TWINE_NEEDS) },
    Form { tool: "netrc", is: |path| named(path, &[".netrc", "_netrc", "netrc"]), find: netrc::find, needs: Some(NETRC_NEEDS) },
    Form { tool: "pip", is: |path| named(path, &["pip.conf", "pip.ini"]), find: pip::find, needs: Some(PIP_NEEDS) },
    Form { tool: "uv", is: |path| named(path, &["credentials.toml"]) && under(path, "credentials"), find: uv_store::find, needs: Some(UV_NEEDS) },
    Form { tool: "uv", is: |path| named(path, &["uv.toml"]), find: uv_toml::find, needs: Some(UV_NEEDS) },
    Form { tool: "poetry", is: |path| named(path, &["auth.toml", "poetry.toml"]) || in_folder(path, "pypoetry"), find: poetry::find, needs: Some(POETRY_NEEDS) },
    Form { tool: "pdm", is: |path| named(path, &["pdm.toml", ".pdm.toml"]) || in_folder(path, "pdm"), find: pdm::find, needs: Some(PDM_NEEDS) },
    Form { tool: "hatch", is: |path| in_folder(path, "hatch"), find: hatch::find, needs: Some(HATCH_NEEDS) },
    Form { tool: "pyproject", is: |path| named(path, &["pyproject.toml"]), find: pyproject::find, needs: Some(PROJECT_NEEDS) },
    Form { tool: "pip", is: is_requirements, find: requirements::find, needs: Some(PIP_NEEDS) },
    Form { tool: "poetry", is: |path| named(path, &["poetry.lock"]), find: locks::find, needs: None },
    Form { tool: "uv", is: |path| named(path, &["uv.lock"]), find: locks::find, needs: None },
    Form { tool: "pdm", is: |path| named(path, &["pdm.lock"]), find: locks::find, needs: None },
    Form { tool: "pylock", is: is_pylock, find: locks::find, needs: None },
    Form { tool: "pipenv", is: |path| named(path, &["Pipfile", "Pipfile.lock"]), find: locks::find, needs: None },
    Form { tool: "github", is: is_workflow, find: ci::find, needs: None },
    Form { tool: "gitlab", is: |path| named(path, &[".gitlab-ci.yml", ".gitlab-ci.yaml"]), find: ci::find, needs: None },
    Form { tool: "azure", is: |path| starts(path, "azure-pipelines") && ends(path, &["yml", "yaml"]), find: ci::find, needs: None },
    Form { tool: "circleci", is: |path| under(path, ".circleci") && ends(path, &["yml", "yaml"]), find: ci::find, needs: None },
    Form { tool: "buildkite", is: |path| under(path, ".buildkite") && ends(path, &["yml", "yaml"]), find: ci::find, needs: None },
    Form { tool: "jenkins", is: |path| starts(path, "Jenkinsfile"), find: ci::find, needs: None },
    Form { tool: "docker", is: |path| is_dockerfile(path), find: ci::find, needs: None },
    Form { tool: "dotenv", is: |path| starts(path, ".env") || ends(path, &["env"]), find: dotenv::find, needs: None },
    // Whatever else is named: only ever by hand.
    Form { tool: "text", is: |_| false, find: dotenv::find, needs: None },
];

impl Form {
    /// The form of a file, by its path.
    pub(super) fn of(path: &Path) -> Option<&'static Self> {
        FORMS.iter().find(|form| (form.is)(path))
    }

    /// The form of a file that has none, or has it by a variable.
    pub(super) fn for_tool(tool: &str) -> Option<&'static Self> {
        FORMS.iter().find(|form| form.tool == tool)
    }
}

fn name(path: &Path) -> &str {
    path.file_name().and_then(OsStr::to_str).unwrap_or_default()
}

fn named(path: &Path, names: &[&str]) -> bool {
    names.contains(&name(path))
}

fn starts(path: &Path, start: &str) -> bool {
    name(path).starts_with(start)
}

fn ends(path: &Path, extensions: &[&str]) -> bool {
    let end = path.extension().and_then(OsStr::to_str);
    end.is_some_and(|end| extensions.contains(&end))
}

/// Whether it lies in a folder of this name.
fn under(path: &Path, folder: &str) -> bool {
    path.parent()
        .and_then(Path::file_name)
        .is_some_and(|name| name == folder)
}

/// `config.toml` of a program.
fn in_folder(path: &Path, folder: &str) -> bool {
    named(path, &["config.toml"]) && under(path, folder)
}

fn is_requirements(path: &Path) -> bool {
    let stem = path.file_stem().and_then(OsStr::to_str).unwrap_or_default();
    let words = ["requirements", "constraints"];
    ends(path, &["txt", "in"])
        && (words
            .iter()
            .any(|word| stem.starts_with(word) || stem.ends_with(word))
            || words.iter().any(|word| under(path, word)))
}

/// `pylock.toml`, `pylock.NAME.toml` (PEP 751).
fn is_pylock(path: &Path) -> bool {
    starts(path, "pylock.") && ends(path, &["toml"])
}

fn is_workflow(path: &Path) -> bool {
    let above = path.parent().and_then(Path::parent);
    ends(path, &["yml", "yaml"])
        && ((under(path, "workflows") && above.is_some_and(|above| above.ends_with(".github")))
            || (named(path, &["action.yml", "action.yaml"])))
}

fn is_dockerfile(path: &Path) -> bool {
    let lower = name(path).to_ascii_lowercase();
    ["dockerfile", "containerfile"].iter().any(|word| {
        lower == *word
            || lower.starts_with(&format!("{word}."))
            || lower.ends_with(&format!(".{word}"))
    }) || [
        "docker-compose.yml",
        "docker-compose.yaml",
        "compose.yml",
        "compose.yaml",
    ]
    .contains(&lower.as_str())
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::Form;

    #[test]
    fn files_by_their_names() {
        for (path, tool) in [
            ("/h/.pypirc", Some("twine")),
            ("/h/.config/pypoetry/config.toml", Some("poetry")),
            ("/h/.config/pdm/config.toml", Some("pdm")),
            ("/h/.config/other/config.toml", None),
            ("/p/requirements-dev.txt", Some("pip")),
            ("/p/requirements/dev.txt", Some("pip")),
            ("/p/dev-requirements.in", Some("pip")),
            ("/p/notes.txt", None),
            ("/p/pylock.dev.toml", Some("pylock")),
            ("/p/.github/workflows/ci.yml", Some("github")),
            ("/p/workflows/ci.yml", None),
            ("/p/Dockerfile.dev", Some("docker")),
            ("/p/.env.local", Some("dotenv")),
            ("/p/prod.env", Some("dotenv")),
            ("/p/main.rs", None),
        ] {
            let form = Form::of(Path::new(path));
            assert_eq!(form.map(|form| form.tool), tool, "{path}");
        }
    }
}
