//! What the sources of a project offer: asked over the network, or found in the cache, and kept for
//! the run.
//!
//! - `pages`: a project as one source has it; `metadata`: what a file says of itself

mod metadata;
mod pages;

use std::sync::Arc;

use credential_helper_protocol::Failure;
use url::Url;

pub use self::metadata::Described;
use super::cache::Cache;
use super::fetch::{Requester, Trouble, Word};
use super::ladder::{Build, Memory};
use super::offers::{Listing, Offers, Rule};
use super::once::{Once, together};
use super::page::Flat;
use super::project::File;
use super::source::{Source, Sources};
use crate::domain::url::Userinfo;
use crate::package::PackageName;
use crate::package::metadata::Metadata;

/// What one source said about one project.
#[derive(Clone, Debug)]
pub struct Answered {
    /// What it said.
    pub word: Word,
    /// The status of its answer; none where the cache answered, or nobody.
    pub status: Option<u16>,
    /// The provider of the credential that was sent.
    pub provider: Option<String>,
    /// More, in our own words.
    pub detail: Option<String>,
    /// What it has, where it has it.
    pub listing: Option<Listing>,
    /// The error, where it could not be asked or refused.
    pub failure: Option<Failure>,
}

impl Answered {
    /// One that was not asked.
    fn skipped(detail: &str) -> Self {
        Self {
            word: Word::Skipped,
            status: None,
            provider: None,
            detail: Some(detail.to_owned()),
            listing: None,
            failure: None,
        }
    }

    /// What it has, if anything.
    ///
    /// # Errors
    /// Where it could not be asked, or refused.
    fn listing(&self) -> Result<Option<Listing>, Failure> {
        match &self.failure {
            Some(failure) => Err(failure.clone()),
            None => Ok(self.listing.clone()),
        }
    }
}

/// The sources, asked over the network.
pub struct Lookups {
    sources: Sources,
    requester: Requester,
    cache: Option<Cache>,
    pages: Once<(usize, PackageName), Arc<Answered>>,
    /// The sources that are one page, or a folder: read once for all projects.
    flats: Once<Url, Result<Arc<Flat>, Trouble>>,
    described: Once<(Url, Url), Result<Described, Failure>>,
    /// What servers cannot do.
    memory: Memory,
    build: Option<Arc<dyn Build>>,
    /// What stood before the hosts of direct URLs.
    accounts: Vec<(Url, Userinfo)>,
}

impl Lookups {
    /// Lookups in these sources. Without a cache, everything is asked anew.
    pub fn new(sources: Sources, requester: Requester, cache: Option<Cache>) -> Self {
        Self {
            sources,
            requester,
            cache,
            pages: Once::default(),
            flats: Once::default(),
            described: Once::default(),
            memory: Memory::default(),
            build: None,
            accounts: Vec::new(),
        }
    }

    /// The same, with what stood before the hosts of these direct URLs.
    #[must_use]
    pub fn knowing(self, accounts: Vec<(Url, Userinfo)>) -> Self {
        Self { accounts, ..self }
    }

    /// The same, where what only a build can tell may be built.
    #[must_use]
    pub fn building(self, build: Arc<dyn Build>) -> Self {
        Self {
            build: Some(build),
            ..self
        }
    }

    /// The sources.
    pub fn sources(&self) -> &Sources {
        &self.sources
    }

    /// Writes to the cache what this run learned. Called once the answer is out.
    pub fn flush(&self) {
        if let Some(cache) = &self.cache {
            cache.flush();
        }
    }

    /// What one source says about a project; asked once a run.
    pub async fn ask(&self, source: &Arc<Source>, project: &PackageName) -> Arc<Answered> {
        let at = self
            .sources
            .all
            .iter()
            .position(|own| Arc::ptr_eq(own, source));
        let key = (at.unwrap_or(usize::MAX), project.clone());
        self.pages
            .get(key, || async {
                Arc::new(self.answer(source, project).await)
            })
            .await
    }

    /// What every source says, the explicit ones too; all are asked at once.
    pub async fn everywhere(&self, project: &PackageName) -> Vec<(Arc<Source>, Arc<Answered>)> {
        let all = self.sources.all.iter();
        let answers = together(all.clone().map(|source| self.ask(source, project))).await;
        all.cloned().zip(answers).collect()
    }

    /// What the sources say that a resolution would ask, in the order in which it would; the others
    /// are named, and why they are not asked.
    ///
    /// # Errors
    /// `usage`, where no source has the name of `pin`.
    pub async fn explained(
        &self,
        project: &PackageName,
        pin: Option<&str>,
    ) -> Result<Vec<(Arc<Source>, Arc<Answered>)>, Failure> {
        let mut told: Vec<(Arc<Source>, Arc<Answered>)> = Vec::new();
        let mut decided: Option<String> = None;
        for tier in self.sources.tiers(project, pin)? {
            let pool = self.rule() == Rule::VersionPriority;
            if pool && decided.is_none() {
                together(tier.iter().map(|source| self.ask(source, project))).await;
            }
            let mut ended = decided.clone();
            for source in &tier {
                let answered = match &ended {
                    Some(why) if !source.always => Arc::new(Answered::skipped(why)),
                    _ => self.ask(source, project).await,
                };
                let ends = matches!(
                    answered.word,
                    Word::Served | Word::Unauthorized | Word::Forbidden | Word::Error
                );
                if ends && !source.always && decided.is_none() {
                    let why = format!("not asked: {} comes before it", source.label());
                    ended = ended.or((!pool).then(|| why.clone()));
                    decided = Some(why);
                }
                told.push((Arc::clone(source), answered));
            }
        }
        for source in &self.sources.all {
            if !told.iter().any(|(own, _)| Arc::ptr_eq(own, source)) {
                let why = match pin {
                    Some(_) => "not asked: the project is pinned to another source",
                    None => "not asked: it is explicit, and the project is not pinned to it",
                };
                told.push((Arc::clone(source), Arc::new(Answered::skipped(why))));
            }
        }
        Ok(told)
    }

    async fn answer(&self, source: &Arc<Source>, project: &PackageName) -> Answered {
        let answered = |word, status| Answered {
            word,
            status,
            provider: None,
            detail: None,
            listing: None,
            failure: None,
        };
        match self.project(source, project).await {
            Ok(page) => Answered {
                provider: page.provider,
                listing: page.project.clone().map(|project| Listing {
                    source: source.label().into(),
                    index: Arc::new(source.canonical.clone()),
                    cutoff: source.exclude_newer,
                    project,
                }),
                ..match page.project {
                    Some(_) => answered(Word::Served, page.status),
                    None => answered(Word::Absent, page.status),
                }
            },
            Err(trouble) => Answered {
                provider: trouble.provider,
                detail: Some(trouble.failure.message.clone()),
                failure: Some(trouble.failure),
                ..answered(trouble.word, trouble.status)
            },
        }
    }
}

impl Offers for Lookups {
    fn rule(&self) -> Rule {
        self.sources.rule
    }

    async fn tier(
        &self,
        project: &PackageName,
        pin: Option<&str>,
        tier: usize,
    ) -> Result<Option<Arc<[Listing]>>, Failure> {
        let mut tiers = self.sources.tiers(project, pin)?;
        if tier >= tiers.len() {
            return Ok(if tier == 0 {
                Some(Arc::default())
            } else {
                None
            });
        }
        let sources = tiers.swap_remove(tier);
        let mut listings = Vec::new();
        if self.rule() == Rule::VersionPriority {
            let answers = together(sources.iter().map(|source| self.ask(source, project)));
            for answered in answers.await {
                listings.extend(answered.listing()?);
            }
            return Ok(Some(listings.into()));
        }
        for source in &sources {
            if let Some(listing) = self.ask(source, project).await.listing()? {
                listings.push(listing);
                // The first index that has the project provides all of it.
                if !source.always {
                    break;
                }
            }
        }
        Ok(Some(listings.into()))
    }

    async fn metadata(&self, listing: &Listing, file: &File) -> Result<Arc<Metadata>, Failure> {
        Ok(self.described(listing, file).await?.metadata)
    }

    async fn direct(&self, project: &PackageName, url: &Url) -> Result<Arc<Metadata>, Failure> {
        Ok(self.describe_direct(project, url).await?.metadata)
    }
}

#[cfg(test)]
#[path = "lookup_tests.rs"]
mod tests;
