//! Bindings: shown, added, removed, recorded at first use.

use std::path::{Path, PathBuf};

use credential_helper_protocol::{
    BindingList, BindingRecord, Context, ErrorCode, Failure, Operation, Trust,
};

use super::Agent;
use super::known;
use crate::domain::binding::{Binding, BoundBy};
use crate::domain::known::declared_by_project;
use crate::domain::name::{RepositoryName, normalize};
use crate::domain::url::RepositoryUrl;
use crate::provider::trust_file;

/// Records the first answer that was given for a name; says so, or why it could not.
pub async fn first_use(state: &Path, name: &RepositoryName, url: &RepositoryUrl) -> String {
    match trust_file::record_first_use(state, name, url).await {
        Ok(_) => format!(
            "\"{name}\" is now bound to {}; see `helper trust --list`",
            url.origin()
        ),
        Err(failure) => format!("\"{name}\" could not be bound to {}: {failure}", url.origin()),
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

impl Agent {
    /// Every binding there is.
    ///
    /// # Errors
    /// Where the record cannot be read.
    pub async fn bindings(&self, context: &Context) -> Result<BindingList, Failure> {
        let mut call = self.call(context)?;
        let keyring = context.keyring_enabled.as_deref();
        let known =
            known::gather(self.own(), &mut call, context.folder.as_deref(), keyring).await?;
        known.need_record()?;
        Ok(BindingList { bindings: known.bindings.iter().map(record).collect() })
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
            trust_file::trust_project(state, &absolute(project)?).await?;
        } else {
            let (name, url) = name_and_url(trust)?;
            let url = url.ok_or_else(|| {
                Failure::new(ErrorCode::Usage, format!("no URL to bind \"{name}\" to"))
                    .hint(format!("helper trust {name} URL"))
            })?;
            self.add_binding(&name, &url, trust.operation, BoundBy::Trust).await?;
        }
        drop(call);
        self.changed();
        self.bindings(&trust.context).await
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
        trust_file::add(&self.own().state, name, url, operation, by).await
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
            let removed = trust_file::remove(state, &name, url.as_ref()).await?;
            if removed == 0 {
                let known = self.bindings(&trust.context).await?;
                let key = name.normalized();
                let elsewhere: Vec<&str> = known
                    .bindings
                    .iter()
                    .filter(|binding| binding.name == key)
                    .map(|binding| binding.by.as_str())
                    .collect();
                let failure =
                    Failure::new(ErrorCode::NotFound, format!("no such binding of \"{name}\""));
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
        self.bindings(&trust.context).await
    }

    /// The URL that `set` says to bind in words, where the project declares one.
    pub fn declared_url(known: &known::Known, name: &RepositoryName) -> Option<RepositoryUrl> {
        declared_by_project(&known.repositories, name).map(|known| known.url.clone())
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
        Err(Failure::new(ErrorCode::Usage, "the project's folder is not an absolute path"))
    }
}
