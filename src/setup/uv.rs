//! uv: its settings, and the store that the agent keeps for it.

use std::path::Path;

use credential_helper_protocol::{ErrorCode, Failure};

use super::change::{Change, Edit};
use super::path::{self, Say};
use super::text::toml::indexes_without;
use super::tools::{Wish, texts, usage};
use super::{Around, Plan};
use crate::domain::name::RepositoryName;
use crate::domain::url::RepositoryUrl;
use crate::edit::read;

/// The word under which uv's own store is recorded.
pub const STORE: &str = "uv --store";

/// Indexes that everybody may read: a credential that is asked for always would stop uv there.
const PUBLIC: [&str; 4] = [
    "pypi.org",
    "test.pypi.org",
    "files.pythonhosted.org",
    "download.pytorch.org",
];

/// What a file holds; nothing where there is none.
fn text_of(path: &Path) -> Result<String, Failure> {
    let text = read::named(path)?.unwrap_or_default();
    Ok(text.replace("\r\n", "\n"))
}
pub(super) fn plan(wish: &Wish, around: &Around, plan: &mut Plan) -> Result<(), Failure> {
    path::step(around, plan, wish.on_path_by_us)?;
    let named = around
        .process
        .set("UV_CONFIG_FILE")
        .map(|file| around.working.join(file));
    let own = around.uv.as_ref().map(|folder| folder.join("uv.toml"));
    let file = named.or(own).ok_or_else(|| {
        usage("the folder of uv's settings is not known".to_owned()).hint("set HOME")
    })?;
    plan.changes.push(Change::File {
        path: file.clone(),
        edit: Edit::Toml {
            table: Vec::new(),
            key: "keyring-provider".to_owned(),
            value: "subprocess".to_owned(),
        },
        private: false,
    });
    indexes(&file, &["index"], plan)?;
    if wish.project {
        let uv_toml = around.working.join("uv.toml");
        let pyproject = around.working.join("pyproject.toml");
        if uv_toml.is_file() {
            indexes(&uv_toml, &["index"], plan)?;
        } else if pyproject.is_file() {
            indexes(&pyproject, &["tool", "uv", "index"], plan)?;
        } else {
            let message = format!("there is no project in {}", around.working.display());
            return Err(Failure::new(ErrorCode::NotFound, message));
        }
    } else {
        plan.notes.push(
            "an index of a project is asked for only with an account in its URL or `authenticate = \"always\"`: `helper setup uv --project` adds that"
                .to_owned(),
        );
    }
    plan.notes.push(
        "with this provider uv publish uses no trusted publishing by itself: in a job that publishes, set UV_KEYRING_PROVIDER=disabled"
            .to_owned(),
    );
    if let Some(value) = around.process.set("UV_KEYRING_PROVIDER")
        && value != "subprocess"
    {
        plan.notes
            .push("UV_KEYRING_PROVIDER is set here and counts more: unset it".to_owned());
    }
    Ok(())
}

/// `authenticate = "always"` for the indexes of a file that are private, have no account in their
/// URL, and do not say otherwise.
fn indexes(file: &Path, list: &[&str], plan: &mut Plan) -> Result<(), Failure> {
    let list = texts(list);
    let text = text_of(file)?;
    let found = indexes_without(&text, &list, "authenticate").map_err(|failure| {
        let message = format!("cannot change {}: {}", file.display(), failure.message);
        Failure { message, ..failure }
    })?;
    let mut origins = Vec::new();
    for url in found {
        let Ok((parsed, userinfo)) = RepositoryUrl::parse(&url) else {
            continue;
        };
        if userinfo.is_some() || PUBLIC.contains(&parsed.origin().host()) {
            continue;
        }
        let origin = parsed.origin().clone();
        if origins.contains(&origin) {
            // As `tests/clients/matrix.py` finds it (uv 0.13.9).
            plan.notes.push(format!(
                "uv gives one account to all indexes of {origin}: where they differ, put each one's username into its URL"
            ));
        }
        origins.push(origin);
        plan.changes.push(Change::File {
            path: file.to_owned(),
            edit: Edit::Index {
                list: list.clone(),
                url,
                key: "authenticate".to_owned(),
                value: "always".to_owned(),
            },
            private: false,
        });
    }
    Ok(())
}

/// What `uv --store` needs, beside an agent.
///
/// # Errors
/// `usage` for a broken name.
pub fn store(names: &[String], folder: &Path, around: &Around) -> Result<Plan, Failure> {
    let mut plan = Plan {
        tool: STORE.to_owned(),
        changes: Vec::new(),
        notes: Vec::new(),
    };
    for name in names {
        RepositoryName::parse(name)?;
        plan.changes.push(Change::File {
            path: around.settings.join("config.toml"),
            edit: Edit::Element {
                table: Vec::new(),
                key: "uv-store".to_owned(),
                value: name.clone(),
                first: Vec::new(),
            },
            private: true,
        });
    }
    let text = folder.to_string_lossy();
    let file = folder.join("credentials.toml");
    let lines = [
        Say::Export("UV_CREDENTIALS_DIR", &text),
        Say::Unless(&file, &around.helper),
    ];
    path::say(around, &mut plan, &lines)?;
    plan.notes.push(format!(
        "every program of yours can read the secrets in {text} while the agent runs and is not locked"
    ));
    plan.notes.push(
        "what `uv auth login` stored before is not seen by uv itself while UV_CREDENTIALS_DIR is set"
            .to_owned(),
    );
    Ok(plan)
}
