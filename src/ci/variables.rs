//! Which variables a set of credentials becomes: every spelling that a tool reads.
//!
//! What each tool reads: Poetry `config.py` (`Config.get`), uv `index_name.rs` (`to_env_var`) and
//! `uv publish --help`, twine `settings.py`, PDM `config.py`, Hatch `publish/auth.py`, Flit
//! `upload.py`, pip "Environment Variables".

use credential_helper_protocol::{
    Credential, ErrorCode, Failure, Scheme, Secret, TOKEN_USERNAME, variable,
};

use super::repository::Repository;
use super::spellings;
use crate::domain::text::shown;
use crate::domain::url::RepositoryUrl;

/// A variable to set.
#[derive(Debug)]
pub struct Variable {
    /// Its name.
    pub name: String,
    /// Its value.
    pub value: Secret,
    /// Whether the value holds a secret.
    pub secret: bool,
}

/// What the environment becomes.
#[derive(Debug, Default)]
pub struct Plan {
    /// Variables to set, each name once.
    pub set: Vec<Variable>,
    /// Variables of the same tools that would say something else, and are taken out.
    pub unset: Vec<String>,
    /// For people: one line each.
    pub warnings: Vec<String>,
}

/// How pip is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pip {
    /// The first repository is pip's index, the others are extra indexes.
    Index,
    /// All are extra indexes.
    Extra,
}

/// What is asked for.
#[derive(Clone, Copy, Debug, Default)]
pub struct Wishes {
    /// How many of the repositories were named: they come first.
    pub named: usize,
    /// Whether pip's own variables are set, and how.
    pub pip: Option<Pip>,
}

/// The variables of these repositories.
///
/// # Errors
/// Where a credential fits no variable.
pub fn plan(repositories: &[Repository], wishes: Wishes) -> Result<Plan, Failure> {
    let mut plan = Plan::default();
    for repository in repositories {
        for credential in [&repository.read, &repository.upload].into_iter().flatten() {
            fits(&repository.name, credential)?;
        }
        plan.poetry(repository);
        plan.uv_index(repository);
    }
    match target(repositories, wishes.named) {
        Target::One(repository, credential, url) => plan.publish(repository, credential, url),
        Target::Several(names) => plan.warnings.push(format!(
            "the variables of twine, PDM, Hatch, Flit and uv publish hold one repository and are not set: name one of {} first",
            names.join(", ")
        )),
        Target::None => {}
    }
    if let Some(pip) = wishes.pip {
        plan.pip(repositories, pip)?;
    }
    let set: Vec<String> = plan.set.iter().map(|one| one.name.clone()).collect();
    plan.unset.retain(|name| !set.contains(name));
    plan.unset.sort();
    plan.unset.dedup();
    Ok(plan)
}

fn fits(name: &str, credential: &Credential) -> Result<(), Failure> {
    let refused = |why: &str| {
        let place = shown(&credential.provider);
        Failure::new(
            ErrorCode::Usage,
            format!("setting variables for \"{name}\" failed: {why} (from {place})"),
        )
    };
    if credential.scheme == Scheme::Bearer {
        return Err(refused("a bearer token fits no tool's variables")
            .hint("uv reads it from its own store; `helper get --format header` prints it"));
    }
    let secret = credential.password.as_ref().map(Secret::expose);
    let parts = [credential.username.as_deref(), secret];
    if parts.into_iter().flatten().any(|text| text.contains('\0')) {
        return Err(refused("the credential holds a NUL").hint("store it again with `helper set`"));
    }
    Ok(())
}

enum Target<'a> {
    None,
    One(&'a Repository, &'a Credential, &'a str),
    Several(Vec<String>),
}

/// The repository that uploads go to. Without a known URL there is none: the tools would send the
/// secret to PyPI.
fn target(repositories: &[Repository], named: usize) -> Target<'_> {
    let candidate = |repository: &'_ Repository| {
        let has_secret = repository.upload.as_ref()?.password.is_some();
        (has_secret && repository.places.publish.is_some()).then_some(())
    };
    let mut candidates = repositories
        .iter()
        .enumerate()
        .filter(|(_, repository)| candidate(repository).is_some());
    let Some((at, first)) = candidates.next() else {
        return Target::None;
    };
    let more: Vec<String> = candidates.map(|(_, other)| shown(&other.name)).collect();
    if at >= named && !more.is_empty() {
        let mut all = vec![shown(&first.name)];
        all.extend(more);
        return Target::Several(all);
    }
    match (&first.upload, &first.places.publish) {
        (Some(credential), Some(url)) => Target::One(first, credential, url),
        _ => Target::None,
    }
}

impl Plan {
    fn put(&mut self, name: String, value: &str, secret: bool) {
        if self.set.iter().any(|one| one.name == name) {
            return;
        }
        self.set.push(Variable {
            name,
            value: Secret::from(value),
            secret,
        });
    }

    /// A username and a secret. A half that is missing is written as an empty one, so that the tool
    /// takes it from nowhere else; a secret that nobody knows is left to the tool.
    fn pair(&mut self, username: String, password: String, credential: &Credential) {
        let account = credential.username.as_deref().unwrap_or_default();
        self.put(username, account, false);
        match &credential.password {
            Some(secret) => self.put(password, secret.expose(), true),
            None => self.unset.push(password),
        }
    }

    fn poetry(&mut self, repository: &Repository) {
        let (read, upload) = (repository.read.as_ref(), repository.upload.as_ref());
        let token = upload.filter(|one| is_token(one));
        let basic = upload.filter(|one| !is_token(one));
        if let (Some(read), Some(upload)) = (read, basic)
            && !same(read, upload)
        {
            self.warnings.push(format!(
                "Poetry has one place for both: uploads to \"{}\" would use the credential for reading",
                shown(&repository.name)
            ));
        }
        // What is for uploads alone does not go to an index that the project reads from.
        let pair = read.or_else(|| basic.filter(|_| !repository.places.is_source));
        let publish = repository.places.publish.as_deref();
        // Of several spellings Poetry before 2.4 and after read one each.
        for part in variable::spellings(&repository.name) {
            let username = format!("POETRY_HTTP_BASIC_{part}_USERNAME");
            let password = format!("POETRY_HTTP_BASIC_{part}_PASSWORD");
            match pair {
                Some(credential) => self.pair(username, password, credential),
                None => self.unset.extend([username, password]),
            }
            let name = format!("POETRY_PYPI_TOKEN_{part}");
            match token.and_then(|one| one.password.as_ref()) {
                Some(secret) => self.put(name, secret.expose(), true),
                None => self.unset.push(name),
            }
            let is_built_in = repository.name.eq_ignore_ascii_case("pypi");
            if let (Some(url), Some(_), false) = (
                publish,
                upload,
                is_built_in || repository.places.poetry_publishes,
            ) {
                self.put(format!("POETRY_REPOSITORIES_{part}_URL"), url, false);
            }
        }
    }

    fn uv_index(&mut self, repository: &Repository) {
        // The last spelling is the one a shell can export, and uv's.
        let Some(part) = variable::spellings(&repository.name).pop() else {
            return;
        };
        let username = format!("UV_INDEX_{part}_USERNAME");
        let password = format!("UV_INDEX_{part}_PASSWORD");
        match &repository.read {
            Some(credential) => self.pair(username, password, credential),
            None => self.unset.extend([username, password]),
        }
    }

    fn publish(&mut self, repository: &Repository, credential: &Credential, url: &str) {
        let account = credential.username.as_deref().unwrap_or_default();
        let secret = credential.password.as_ref().map_or("", Secret::expose);
        for (username, password, place) in [
            ("TWINE_USERNAME", "TWINE_PASSWORD", "TWINE_REPOSITORY_URL"),
            (
                "PDM_PUBLISH_USERNAME",
                "PDM_PUBLISH_PASSWORD",
                "PDM_PUBLISH_REPO",
            ),
            ("HATCH_INDEX_USER", "HATCH_INDEX_AUTH", "HATCH_INDEX_REPO"),
            ("FLIT_USERNAME", "FLIT_PASSWORD", "FLIT_INDEX_URL"),
        ] {
            self.put(username.to_owned(), account, false);
            self.put(password.to_owned(), secret, true);
            self.put(place.to_owned(), url, false);
        }
        // uv takes either a token or an account, either a URL or the name of an index.
        if is_token(credential) {
            self.put("UV_PUBLISH_TOKEN".to_owned(), secret, true);
        } else {
            self.put("UV_PUBLISH_USERNAME".to_owned(), account, false);
            self.put("UV_PUBLISH_PASSWORD".to_owned(), secret, true);
        }
        if repository.places.uv_publishes {
            self.put("UV_PUBLISH_INDEX".to_owned(), &repository.name, false);
        } else {
            self.put("UV_PUBLISH_URL".to_owned(), url, false);
        }
        self.unset.extend(
            [
                "TWINE_REPOSITORY",
                "UV_PUBLISH_TOKEN",
                "UV_PUBLISH_USERNAME",
                "UV_PUBLISH_PASSWORD",
                "UV_PUBLISH_INDEX",
                "UV_PUBLISH_URL",
            ]
            .map(str::to_owned),
        );
    }

    fn pip(&mut self, repositories: &[Repository], pip: Pip) -> Result<(), Failure> {
        let mut urls = Vec::new();
        for repository in repositories {
            let Some(credential) = &repository.read else {
                continue;
            };
            let Some(index) = &repository.places.index else {
                self.warnings.push(format!(
                    "pip is not told of \"{}\": the URL of its index is not known",
                    shown(&repository.name)
                ));
                continue;
            };
            urls.push(with_userinfo(index, credential)?);
        }
        let extra = match pip {
            Pip::Index if !urls.is_empty() => {
                self.put("PIP_INDEX_URL".to_owned(), urls[0].expose(), true);
                &urls[1..]
            }
            _ => &urls[..],
        };
        if !extra.is_empty() {
            let all: Vec<&str> = extra.iter().map(Secret::expose).collect();
            let all = zeroize::Zeroizing::new(all.join(" "));
            self.put("PIP_EXTRA_INDEX_URL".to_owned(), &all, true);
        }
        if !urls.is_empty() {
            self.unset.push("PIP_EXTRA_INDEX_URL".to_owned());
        }
        Ok(())
    }
}

/// The URL with account and secret in it, percent-encoded.
fn with_userinfo(url: &str, credential: &Credential) -> Result<Secret, Failure> {
    let (url, _) = RepositoryUrl::parse(url)?;
    let Some((scheme, rest)) = url.as_str().split_once("://") else {
        return Ok(Secret::from(url.as_str()));
    };
    let account = spellings::userinfo(credential.username.as_deref().unwrap_or_default());
    let secret = credential.password.as_ref().map_or("", Secret::expose);
    let secret = spellings::userinfo(secret);
    let parts = [scheme, "://", &account, ":", &secret, "@", rest];
    let mut text = String::with_capacity(parts.iter().map(|part| part.len()).sum());
    text.extend(parts);
    Ok(Secret::new(text))
}

fn is_token(credential: &Credential) -> bool {
    credential.username.as_deref() == Some(TOKEN_USERNAME)
}

fn same(a: &Credential, b: &Credential) -> bool {
    let secrets = match (&a.password, &b.password) {
        (Some(a), Some(b)) => a.same(b),
        (None, None) => true,
        _ => false,
    };
    secrets && a.username.as_deref().unwrap_or("") == b.username.as_deref().unwrap_or("")
}

#[cfg(test)]
#[path = "variables_tests.rs"]
mod tests;
