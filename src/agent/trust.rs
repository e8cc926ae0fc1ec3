//! Bindings: shown, added, removed, recorded at first use.

use std::path::{Path, PathBuf};

use credential_helper_protocol::{
    BindingList, BindingRecord, Context, ErrorCode, Failure, Operation, Project, Source, Trust,
};

use super::Agent;
use super::known;
use crate::domain::binding::{Binding, BoundBy};
use crate::domain::name::{RepositoryName, normalize};
use crate::domain::url::RepositoryUrl;
use crate::provider::trust_file::{self, FirstUseRecord};

/// What came of recording a first use.
pub enum FirstAnswer {
    /// The answer may be given, with this line.
    Said(String),
    /// Somebody else was first: the answer has to be checked against that.
    Again,
}

/// Records the first answer that is given for a name. If the record cannot be written, the answer
/// is given with a warning.
pub async fn first_use(state: &Path, name: &RepositoryName, url: &RepositoryUrl) -> FirstAnswer {
    let origin = url.origin();
    match trust_file::record_first_use(state, name, url).await {
        Ok(FirstUseRecord::Bound(_)) => FirstAnswer::Said(format!(
            "\"{name}\" is now bound to {origin}; see `helper trust --list`"
        )),
        Ok(FirstUseRecord::AlreadyBound(_)) => FirstAnswer::Again,
        Err(failure) => FirstAnswer::Said(format!(
            "\"{name}\" could not be bound to {origin}: {failure}"
        )),
    }
}

fn record(binding: &Binding) -> BindingRecord {
    BindingRecord {
        name: normalize(&binding.name),
        operation: binding.operation,
        url: Some(binding.url.as_str().to_owned()),
        origin: binding.url.origin().to_string(),
        by: binding.by.word().to_owned(),
        since: binding.since.clone(),
    }
}

/// What the project of the request declares; `None` outside any.
fn project(known: &known::Known) -> Option<Project> {
    let problem = known.project_unread.as_ref().map(|f| f.detail.clone());
    if known.project.is_none() && problem.is_none() {
        return None;
    }
    let unusable = known.project.iter().flat_map(|project| &project.unusable);
    let problem = problem.or_else(|| unusable.map(|(_, f)| f.detail.clone()).next());
    let declared = known.project.iter().flat_map(|project| &project.sources);
    Some(Project {
        folder: known
            .project
            .as_ref()
            .map(|project| project.folder.to_string_lossy().into_owned()),
        sources: declared
            .map(|declared| Source {
                name: declared.name.as_str().to_owned(),
                url: declared.url.as_str().to_owned(),
                operation: declared.operation,
            })
            .collect(),
        problem,
    })
}

impl Agent {
    /// Every binding there is, and what the project declares.
    ///
    /// # Errors
    /// Where the record cannot be read.
    pub async fn bindings(&self, context: &Context) -> Result<BindingList, Failure> {
        let mut list = self.bound(context).await?;
        list.0.project = project(&list.1);
        Ok(list.0)
    }

    async fn bound(&self, context: &Context) -> Result<(BindingList, known::Known), Failure> {
        let mut call = self.call(context)?;
        let keyring = context.keyring_enabled.as_deref();
        let known =
            known::gather(self.own(), &mut call, context.folder.as_deref(), keyring).await?;
        known.need_record()?;
        let list = BindingList {
            bindings: known.bindings.iter().map(record).collect(),
            project: None,
        };
        Ok((list, known))
    }

    /// Binds a name to the origin of a URL, or trusts a project's files until they change.
    ///
    /// # Errors
    /// For broken names and URLs, and where the record cannot be written.
    pub async fn trust(&self, trust: &Trust) -> Result<BindingList, Failure> {
        self.not_locked()?;
        let call = self.call(&trust.context)?;
        let state = &self.own().state;
        if let Some(project) = &trust.project {
            trust_file::trust_project(&call.files, state, &absolute(project)?).await?;
        } else {
            let (name, url) = name_and_url(trust)?;
            let url = url.ok_or_else(|| {
                Failure::new(ErrorCode::Usage, format!("no URL to bind \"{name}\" to"))
                    .hint(format!("helper trust {name} URL"))
            })?;
            self.add_binding(&name, &url, trust.operation, BoundBy::Trust)
                .await?;
        }
        self.changed();
        Ok(self.bound(&trust.context).await?.0)
    }

    /// Binds a name by hand.
    ///
    /// # Errors
    /// Where the record cannot be written.
    pub async fn add_binding(
        &self,
        name: &RepositoryName,
        url: &RepositoryUrl,
        operation: Option<Operation>,
        by: BoundBy,
    ) -> Result<(), Failure> {
        if crate::domain::binding::is_built_in(&name.normalized())
            && operation == Some(Operation::Upload)
        {
            return Err(Failure::new(
                ErrorCode::Policy,
                format!("\"{name}\" is a name of PyPI's: uploads go to PyPI only"),
            )
            .hint("give your repository another name"));
        }
        trust_file::bind(&self.own().state, name, url, operation, by)
            .await
            .map(|_| ())
    }

    /// Takes bindings, or the trust in a project, back.
    ///
    /// # Errors
    /// For a binding that is not in the record, and where the record cannot be written.
    pub async fn untrust(&self, trust: &Trust) -> Result<BindingList, Failure> {
        self.not_locked()?;
        let state = &self.own().state;
        if let Some(project) = &trust.project {
            trust_file::untrust_project(state, &absolute(project)?).await?;
        } else {
            let (name, url) = name_and_url(trust)?;
            let removed = trust_file::unbind(state, &name, url.as_ref(), trust.operation).await?;
            if removed.is_empty() {
                let known = self.bound(&trust.context).await?.0;
                let key = name.normalized();
                let elsewhere: Vec<&str> = known
                    .bindings
                    .iter()
                    .filter(|binding| binding.name == key)
                    .map(|binding| binding.by.as_str())
                    .collect();
                let failure = Failure::new(
                    ErrorCode::NotFound,
                    format!("no such binding of \"{name}\""),
                );
                return Err(if elsewhere.is_empty() {
                    failure.hint("see `helper trust --list`")
                } else {
                    failure.hint(format!(
                        "it is bound by {}: that is changed in its own place",
                        elsewhere.join(", ")
                    ))
                });
            }
        }
        self.changed();
        Ok(self.bound(&trust.context).await?.0)
    }
}

fn name_and_url(trust: &Trust) -> Result<(RepositoryName, Option<RepositoryUrl>), Failure> {
    let name = trust.name.as_deref().unwrap_or_default();
    let name = RepositoryName::parse(name)?;
    let url = trust.url.as_deref().map(RepositoryUrl::parse).transpose()?;
    Ok((name, url.map(|(url, _)| url)))
}

fn absolute(path: &str) -> Result<PathBuf, Failure> {
    let path = PathBuf::from(path);
    if path.is_absolute() {
        Ok(path)
    } else {
        Err(Failure::new(
            ErrorCode::Usage,
            "the project's folder is not an absolute path",
        ))
    }
}
