//! What each tool needs: one function each, from surroundings to a plan.

use std::path::{Path, PathBuf};

use credential_helper_protocol::{ErrorCode, Failure};

use super::change::{Change, Edit};
use super::path::{self, Say, home};
use super::{Around, Plan, git, python, uv};
use crate::domain::text::has_control;
use crate::edit::read;

/// The tools, in the order of the list, with what is done for each.
pub const TOOLS: [(&str, &str); 14] = [
    ("path", "the bridges first on the PATH; others do this too"),
    ("pip", "asks the keyring bridge"),
    ("pipenv", "asks the keyring bridge"),
    ("pipx", "asks the keyring bridge"),
    ("uv", "asks the keyring bridge, also without an account"),
    ("poetry", "has the helper as a backend of its keyring"),
    ("twine", "has the helper as a backend of its keyring"),
    ("pdm", "asks the keyring bridge, or has the backend"),
    ("hatch", "has the helper as a backend of its keyring"),
    ("flit", "has the helper as a backend of its keyring"),
    ("git", "asks the helper for credentials"),
    (
        "docker",
        "asks the helper for credentials; HOST for one registry",
    ),
    ("cargo", "asks the helper for tokens"),
    ("bazel", "asks the helper for headers, for each HOST"),
];

/// What the user wants.
#[derive(Clone, Debug, Default)]
pub struct Wish {
    /// The tool.
    pub tool: String,
    /// Registries, for docker and bazel.
    pub hosts: Vec<String>,
    /// The tool's Python.
    pub python: Option<PathBuf>,
    /// Also the indexes of the project in the working folder.
    pub project: bool,
    /// Whether what we wrote before is why the bridges are on the PATH.
    pub on_path_by_us: bool,
}

/// The plan for a tool.
///
/// # Errors
/// `usage` for what makes no sense, `policy` for what we must not do, `not-found` for a tool that
/// is not there.
pub async fn plan(wish: &Wish, around: &Around) -> Result<Plan, Failure> {
    let takes_hosts = matches!(wish.tool.as_str(), "docker" | "bazel");
    if !wish.hosts.is_empty() && !takes_hosts {
        return Err(usage(format!("{} takes no HOST", wish.tool)));
    }
    wish.hosts.iter().try_for_each(|host| check_host(host))?;
    let mut plan = Plan {
        tool: wish.tool.clone(),
        changes: Vec::new(),
        notes: Vec::new(),
    };
    let into = &mut plan;
    match wish.tool.as_str() {
        "path" => path::step(around, into, wish.on_path_by_us)?,
        "pip" | "pipx" => pip(wish, around, into)?,
        "pipenv" => {
            pip(wish, around, into)?;
            path::say(
                around,
                into,
                &[Say::Export("PIPENV_KEYRING_PROVIDER", "subprocess")],
            )?;
        }
        "uv" => uv::plan(wish, around, into)?,
        "poetry" | "twine" | "flit" | "hatch" => backend(wish, around, into).await?,
        "pdm" => pdm(wish, around, into).await?,
        "git" => {
            path::links(around, into)?;
            let bridge = path::bridge(around, "git-credential-helper")?;
            into.changes.push(Change::Git {
                helper: git::value(&bridge),
            });
            into.notes.push(
                "for credentials by path and not only by host: `git config --global credential.https://HOST.useHttpPath true`"
                    .to_owned(),
            );
        }
        "docker" => docker(wish, around, into)?,
        "cargo" => cargo(around, into)?,
        "bazel" => bazel(wish, around, into)?,
        other => {
            return Err(usage(format!("\"{other}\" is no tool that can be set up"))
                .hint("see `helper setup --list`"));
        }
    }
    Ok(plan)
}

pub(super) fn usage(message: String) -> Failure {
    Failure::new(ErrorCode::Usage, message)
}

fn check_host(host: &str) -> Result<(), Failure> {
    let plain = |c: char| c.is_ascii_alphanumeric() || ".-_:[]*/".contains(c);
    if host.is_empty() || host.contains("://") || !host.chars().all(plain) {
        return Err(usage(
            "a HOST is a name such as registry.example.org, or HOST:PORT".to_owned(),
        ));
    }
    Ok(())
}

/// pip's file for the user (`pip config set --user`; pip `get_configuration_files`).
fn pip_file(around: &Around) -> Result<(PathBuf, PathBuf), Failure> {
    let process = &around.process;
    let legacy = home(around)?.join(".pip/pip.conf");
    if let Some(file) = process.set("PIP_CONFIG_FILE").map(PathBuf::from) {
        if file == Path::new("/dev/null") || file == Path::new("nul") {
            let message = "PIP_CONFIG_FILE switches pip's configuration files off";
            return Err(usage(message.to_owned())
                .hint("unset it, or set PIP_KEYRING_PROVIDER=subprocess by hand"));
        }
        return Ok((around.working.join(file), legacy));
    }
    let apple = home(around)?.join("Library/Application Support/pip");
    if cfg!(target_os = "macos") && apple.is_dir() {
        return Ok((apple.join("pip.conf"), legacy));
    }
    let below = home(around)?.join(".config");
    let folder = process.folder("XDG_CONFIG_HOME").unwrap_or(below);
    Ok((folder.join("pip/pip.conf"), legacy))
}

fn pip(wish: &Wish, around: &Around, plan: &mut Plan) -> Result<(), Failure> {
    path::step(around, plan, wish.on_path_by_us)?;
    let (path, legacy) = pip_file(around)?;
    let edit = Edit::Ini {
        section: "global".to_owned(),
        key: "keyring-provider".to_owned(),
        value: "subprocess".to_owned(),
    };
    // pip reads the old file too; where that says it, nothing is missing.
    let text = read::present(&legacy).ok().flatten();
    let said = text.is_some_and(|text| matches!(edit.put(&text), Ok(super::text::Put::Already)));
    if !said {
        plan.changes.push(Change::File {
            path,
            edit,
            private: false,
        });
    }
    if let Some(value) = around.process.set("PIP_KEYRING_PROVIDER")
        && value != "subprocess"
    {
        plan.notes
            .push("PIP_KEYRING_PROVIDER is set here and counts more: unset it".to_owned());
    }
    Ok(())
}

pub(super) fn texts(words: &[&str]) -> Vec<String> {
    words.iter().map(|word| (*word).to_owned()).collect()
}

async fn interpreter(wish: &Wish, around: &Around) -> Result<python::Python, Failure> {
    let program = match &wish.python {
        Some(path) => around.working.join(path),
        None => python::of_tool(&wish.tool, around)?,
    };
    python::ask(&program).await
}

async fn backend(wish: &Wish, around: &Around, plan: &mut Plan) -> Result<(), Failure> {
    let python = interpreter(wish, around).await?;
    python.allows(&wish.tool)?;
    plan.changes.push(Change::Package {
        python: python.program,
        folder: python.folder,
    });
    if wish.tool == "hatch" {
        plan.notes.push(
            "its environments are installed by pip or uv: see `helper setup pip` and `helper setup uv`"
                .to_owned(),
        );
    }
    Ok(())
}

/// PDM runs the `keyring` program where it cannot import the module.
async fn pdm(wish: &Wish, around: &Around, plan: &mut Plan) -> Result<(), Failure> {
    let python = interpreter(wish, around).await?;
    if python.keyring {
        return backend(wish, around, plan).await;
    }
    path::step(around, plan, wish.on_path_by_us)
}

fn docker(wish: &Wish, around: &Around, plan: &mut Plan) -> Result<(), Failure> {
    path::step(around, plan, wish.on_path_by_us)?;
    let below = home(around)?.join(".docker");
    let folder = around
        .process
        .set("DOCKER_CONFIG")
        .map(|folder| around.working.join(folder));
    let path = folder.unwrap_or(below).join("config.json");
    let mut add = |object: Option<&str>, key: &str| {
        plan.changes.push(Change::File {
            path: path.clone(),
            edit: Edit::Json {
                object: object.map(str::to_owned),
                key: key.to_owned(),
                value: "helper".to_owned(),
            },
            private: true,
        });
    };
    if wish.hosts.is_empty() {
        add(None, "credsStore");
        let note = "for one registry instead: `helper setup docker HOST`";
        plan.notes.push(note.to_owned());
    } else {
        wish.hosts
            .iter()
            .for_each(|host| add(Some("credHelpers"), host));
    }
    Ok(())
}

fn no_blanks(path: &Path, tool: &str) -> Result<String, Failure> {
    let text = path.to_string_lossy().into_owned();
    if text.contains(char::is_whitespace) || has_control(&text) {
        let message = format!("{tool} cannot run a program whose path has a blank: {text}");
        return Err(Failure::new(ErrorCode::Usage, message)
            .hint("set XDG_DATA_HOME to a folder without one, and run this again"));
    }
    Ok(text)
}

fn cargo(around: &Around, plan: &mut Plan) -> Result<(), Failure> {
    path::links(around, plan)?;
    let below = home(around)?.join(".cargo");
    let folder = around
        .process
        .set("CARGO_HOME")
        .map(|folder| around.working.join(folder));
    let folder = folder.unwrap_or(below);
    // Where both are there, cargo reads the old name.
    let old = folder.join("config");
    let path = if old.is_file() {
        old
    } else {
        folder.join("config.toml")
    };
    let bridge = path::bridge(around, "cargo-credential-helper")?;
    plan.changes.push(Change::File {
        path,
        edit: Edit::Element {
            table: texts(&["registry"]),
            key: "global-credential-providers".to_owned(),
            value: no_blanks(&bridge, "cargo")?,
            first: texts(&["cargo:token"]),
        },
        private: false,
    });
    Ok(())
}

fn bazel(wish: &Wish, around: &Around, plan: &mut Plan) -> Result<(), Failure> {
    if wish.hosts.is_empty() {
        return Err(
            usage("bazel needs the HOSTs that the helper answers for".to_owned())
                .hint("for example `helper setup bazel artifacts.example.org`"),
        );
    }
    path::links(around, plan)?;
    let bridge = no_blanks(&path::bridge(around, "credential-helper")?, "bazel")?;
    let file = home(around)?.join(".bazelrc");
    plan.changes
        .extend(wish.hosts.iter().map(|host| Change::File {
            path: file.clone(),
            edit: Edit::Line {
                line: format!("common --credential_helper={host}={bridge}"),
                rival: format!("--credential_helper={host}="),
            },
            private: false,
        }));
    Ok(())
}
