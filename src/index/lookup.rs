//! What the sources of a project offer: asked over the network, or found in the cache, and kept for
//! the run.

use std::path::Path;
use std::sync::Arc;
use std::time::SystemTime;

use credential_helper_protocol::Failure;
use reqwest::header::HeaderMap;
use url::Url;

use super::cache::{Cache, Head, Key, Payload, life};
use super::fetch::{CacheUse, Requester, Said, Seen, Trouble, Whole, Wish, Word};
use super::offers::{Listing, Offers, Rule};
use super::once::{Once, together};
use super::page::{self, Flat, PAGE};
use super::project::{File, Project};
use super::source::{Kind, Source, Sources};
use crate::http::ACCEPT_SIMPLE;
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
}

/// What is known of a page before it is asked for.
struct Asked<'a> {
    source: &'a Source,
    url: Url,
    provider: Option<String>,
    key: Key,
    kept: Option<(Head, Vec<u8>)>,
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

    /// A project as a source has it, with the status of the answer and the provider of the
    /// credential that was sent.
    async fn project(&self, source: &Source, project: &PackageName) -> Result<Page, Trouble> {
        match &source.kind {
            Kind::Index => self.page(source, project).await,
            Kind::Flat => {
                let read = || async { self.flat(source).await };
                let flat = self.flats.get(source.url.clone(), read).await?;
                Ok(Page::local(flat.project(project)))
            }
            Kind::Local(path) => {
                let read = || async { local(source, path).map(Arc::new) };
                let flat = self.flats.get(source.url.clone(), read).await?;
                Ok(Page::local(flat.project(project)))
            }
            Kind::LocalIndex(path) => {
                let folder = path.join(project.as_ref());
                let page = folder.join("index.html");
                if page.is_file() {
                    return Ok(Page::local(local(source, &page)?.project(project)));
                }
                if !folder.is_dir() {
                    // The folder itself has to be there: a wrong path is no empty index.
                    return match path.is_dir() {
                        true => Ok(Page::local(None)),
                        false => local(source, path).map(|_| Page::local(None)),
                    };
                }
                Ok(Page::local(local(source, &folder)?.project(project)))
            }
        }
    }

    /// The page of a project.
    async fn page(&self, source: &Source, project: &PackageName) -> Result<Page, Trouble> {
        let asked = self.asked(source, page_url(&source.url, project)).await?;
        let page = |project, status, provider| Page {
            project,
            status,
            provider,
        };
        if let Some((head, payload)) = &asked.kept
            && (head.is_fresh() || self.requester.is_offline())
            && let Some(found) = Project::from_bytes(payload)
        {
            self.found(&asked);
            return Ok(page(Some(Arc::new(found)), None, asked.provider));
        }
        match self.requester.whole(source, &asked.wish(), PAGE).await? {
            Said::Served(whole) => {
                let read = page::read(&whole.kind, &whole.body, &whole.url, project);
                let found = read.map_err(|why| Trouble::malformed(source, &whole.url, &why))?;
                let found = Arc::new(found);
                let payload = Payload::Page(Arc::clone(&found));
                self.keep(&asked, &whole.headers, payload).await;
                Ok(page(Some(found), Some(whole.status), asked.provider))
            }
            Said::Same(incoming) => {
                let kept = asked.kept.as_ref();
                let found = kept.and_then(|(_, payload)| Project::from_bytes(payload));
                let found = found.ok_or_else(|| nothing_kept(source, &asked.url))?;
                self.renew(&asked, incoming.headers());
                Ok(page(Some(Arc::new(found)), Some(304), asked.provider))
            }
            Said::Absent(status) | Said::Known(status) => {
                self.forget(&asked);
                Ok(page(None, Some(status), asked.provider))
            }
        }
    }

    /// A page with all projects. It has no 404 of its own: one that is not there is a mistake.
    async fn flat(&self, source: &Source) -> Result<Arc<Flat>, Trouble> {
        let asked = self.asked(source, source.url.clone()).await?;
        let read = |kind: &str, body: &[u8], base: &Url| {
            let flat = Flat::read(kind, body, base);
            flat.map(Arc::new)
                .map_err(|why| Trouble::malformed(source, base, &why))
        };
        let kept = |(_, payload): &(Head, Vec<u8>)| {
            let (kind, base, body): (&str, &str, &[u8]) = postcard::from_bytes(payload).ok()?;
            read(kind, body, &Url::parse(base).ok()?).ok()
        };
        if let Some(entry) = &asked.kept
            && (entry.0.is_fresh() || self.requester.is_offline())
            && let Some(flat) = kept(entry)
        {
            self.found(&asked);
            return Ok(flat);
        }
        match self.requester.whole(source, &asked.wish(), PAGE).await? {
            Said::Served(whole) => {
                let flat = read(&whole.kind, &whole.body, &whole.url)?;
                let payload = (whole.kind.as_str(), whole.url.as_str(), &whole.body[..]);
                if let Ok(payload) = postcard::to_stdvec(&payload) {
                    let payload = Payload::Bytes(payload);
                    self.keep(&asked, &whole.headers, payload).await;
                }
                Ok(flat)
            }
            Said::Same(incoming) => {
                let flat = asked.kept.as_ref().and_then(kept);
                self.renew(&asked, incoming.headers());
                flat.ok_or_else(|| nothing_kept(source, &asked.url))
            }
            Said::Absent(status) | Said::Known(status) => {
                self.forget(&asked);
                let why = format!("it answers {status}, and it is one page for all projects");
                Err(Trouble::malformed(source, &asked.url, &why))
            }
        }
    }

    /// What is known before a page is asked for: who reads it, and what the cache has.
    async fn asked<'a>(&self, source: &'a Source, url: Url) -> Result<Asked<'a>, Trouble> {
        let (identity, provider) = self.requester.identity(source, &url, true).await?;
        let key = Key::page(identity, &url);
        let kept = self.cache.as_ref().and_then(|cache| cache.read(&key));
        Ok(Asked {
            source,
            url,
            provider,
            key,
            kept,
        })
    }

    fn found(&self, asked: &Asked<'_>) {
        self.requester.watch().seen(&Seen {
            method: "GET",
            url: asked.url.as_str().to_owned(),
            status: None,
            trouble: None,
            cache: CacheUse::Hit,
            source: asked.source.label(),
            provider: asked.provider.as_deref(),
            ms: 0,
        });
    }

    async fn keep(&self, asked: &Asked<'_>, headers: &HeaderMap, payload: Payload) {
        let Some(cache) = &self.cache else { return };
        // A refusal may have put another credential in place of the first.
        let identity = self.requester.identity(asked.source, &asked.url, true);
        let Ok((identity, _)) = identity.await else {
            return;
        };
        let key = Key::page(identity, &asked.url);
        match life(&asked.url, headers, &[], SystemTime::now()) {
            Some(life) => {
                let head = Head::new(&key, asked.source.label(), life);
                cache.keep(key, head, payload);
            }
            None if asked.kept.is_some() => cache.remove(key),
            None => {}
        }
    }

    fn renew(&self, asked: &Asked<'_>, headers: &HeaderMap) {
        let (Some(cache), Some((head, _))) = (&self.cache, &asked.kept) else {
            return;
        };
        let key = asked.key.clone();
        match life(&asked.url, headers, &head.said, SystemTime::now()) {
            Some(life) => cache.renew(key, head.clone(), head.renewed(life)),
            None => cache.remove(key),
        }
    }

    fn forget(&self, asked: &Asked<'_>) {
        if let (Some(cache), Some(_)) = (&self.cache, &asked.kept) {
            cache.remove(asked.key.clone());
        }
    }
}

impl Asked<'_> {
    fn wish(&self) -> Wish<'_> {
        let mut wish = Wish::page(&self.url, ACCEPT_SIMPLE);
        if let Some((head, _)) = &self.kept {
            wish.validators = head.validators.clone();
        }
        wish
    }
}

/// A project as a source has it.
struct Page {
    project: Option<Arc<Project>>,
    /// The status of the answer; none where nobody was asked.
    status: Option<u16>,
    /// The provider of the credential that was sent.
    provider: Option<String>,
}

impl Page {
    fn local(project: Option<Project>) -> Self {
        Self {
            project: project.map(Arc::new),
            status: None,
            provider: None,
        }
    }
}

/// A 304 to a request that said nothing of what we have, or to what turns out to be damaged.
fn nothing_kept(source: &Source, url: &Url) -> Trouble {
    let why = "it says that what is in the cache holds, and there is nothing: try --no-cache";
    Trouble::malformed(source, url, why)
}

/// Reads a folder, or a page on disk.
fn local(source: &Source, path: &Path) -> Result<Flat, Trouble> {
    Flat::local(path).map_err(|why| Trouble::local(source, path, &why))
}

/// The page of a project: exactly one slash, the normalised name, a slash (PEP 503).
fn page_url(index: &Url, project: &PackageName) -> Url {
    let mut url = index.clone();
    let path = format!("{}/{project}/", url.path().trim_end_matches('/'));
    url.set_path(&path);
    url
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
        let _ = (listing, file);
        Err(Failure::new(
            credential_helper_protocol::ErrorCode::Internal,
            "x",
        ))
    }

    async fn direct(&self, project: &PackageName, url: &Url) -> Result<Arc<Metadata>, Failure> {
        let _ = (project, url);
        Err(Failure::new(
            credential_helper_protocol::ErrorCode::Internal,
            "x",
        ))
    }
}

#[cfg(test)]
#[path = "lookup_tests.rs"]
mod tests;
