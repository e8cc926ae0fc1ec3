//! A project as one source has it: its page, its place on a page with all projects, or in a folder.

use std::path::Path;
use std::sync::Arc;
use std::time::SystemTime;

use bytes::Bytes;
use reqwest::header::HeaderMap;
use url::Url;

use super::Lookups;
use crate::http::ACCEPT_SIMPLE;
use crate::index::cache::{Head, Key, Life, Payload, life};
use crate::index::fetch::{CacheUse, Said, Seen, Trouble, Wish, plain};
use crate::index::page::{self, Flat, PAGE};
use crate::index::project::Project;
use crate::index::source::{Kind, Source};
use crate::package::PackageName;

/// What is known of a page before it is asked for.
struct Asked<'a> {
    source: &'a Source,
    url: Url,
    provider: Option<String>,
    key: Key,
    kept: Option<(Head, Bytes)>,
}

impl Lookups {
    /// A project as a source has it, with the status of the answer and the provider of the
    /// credential that was sent.
    pub(super) async fn project(
        &self,
        source: &Source,
        project: &PackageName,
    ) -> Result<Page, Trouble> {
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
                    if !path.is_dir() {
                        local(source, path)?;
                    }
                    return Ok(Page::local(None));
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
        if self.requester.is_offline() && asked.was_absent() {
            self.found(&asked);
            return Ok(page(None, None, asked.provider));
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
            Said::Same(headers) => {
                let kept = asked.kept.as_ref();
                let found = kept.and_then(|(_, payload)| Project::from_bytes(payload));
                let found = found.ok_or_else(|| nothing_kept(source, &asked.url))?;
                self.renew(&asked, &headers);
                Ok(page(Some(Arc::new(found)), Some(304), asked.provider))
            }
            Said::Absent(status) | Said::Known(status) => {
                self.keep_absent(&asked);
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
        let kept = |(_, payload): &(Head, Bytes)| {
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
            Said::Same(headers) => {
                let flat = asked.kept.as_ref().and_then(kept);
                self.renew(&asked, &headers);
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
            url: plain(&asked.url),
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

    /// That there was nothing: the next one in order can be asked without this one offline too.
    fn keep_absent(&self, asked: &Asked<'_>) {
        if let Some(cache) = &self.cache
            && !asked.was_absent()
        {
            let head = Head::new(&asked.key, asked.source.label(), Life::none());
            cache.keep(asked.key.clone(), head, Payload::Bytes(Vec::new()));
        }
    }

    fn forget(&self, asked: &Asked<'_>) {
        if let (Some(cache), Some(_)) = (&self.cache, &asked.kept) {
            cache.remove(asked.key.clone());
        }
    }
}

impl Asked<'_> {
    /// Whether the last answer was that there is nothing.
    fn was_absent(&self) -> bool {
        self.kept
            .as_ref()
            .is_some_and(|(_, payload)| payload.is_empty())
    }

    fn wish(&self) -> Wish<'_> {
        let mut wish = Wish::page(&self.url, ACCEPT_SIMPLE);
        if let Some((head, _)) = &self.kept {
            wish.validators = head.validators.clone();
        }
        wish
    }
}

/// A project as a source has it.
pub(super) struct Page {
    pub(super) project: Option<Arc<Project>>,
    /// The status of the answer; none where nobody was asked.
    pub(super) status: Option<u16>,
    /// The provider of the credential that was sent.
    pub(super) provider: Option<String>,
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
