//! The metadata of a file: what the cache has of a file with these digests, else what is found by
//! asking the source for as little as possible.

use std::sync::Arc;

use credential_helper_protocol::{ErrorCode, Failure};
use url::Url;

use super::Lookups;
use crate::domain::text::shown;
use crate::domain::url::RepositoryUrl;
use crate::index::cache::{Head, Key, Life, Payload, pack, pack_raw, unpack, unpack_raw};
use crate::index::fetch::{ANONYMOUS, CacheUse, Seen, plain};
use crate::index::ladder::{self, Build, Found, Over};
use crate::index::offers::Listing;
use crate::index::project::File;
use crate::index::source::{Authenticate, Form, Kind, Priority, Source};
use crate::package::PackageName;
use crate::package::metadata::Metadata;

/// Metadata, and how they were found.
#[derive(Clone, Debug)]
pub struct Described {
    /// What they say.
    pub metadata: Arc<Metadata>,
    /// `pep658`, `range`, `wheel`, `sdist` or `build`.
    pub from: Arc<str>,
}

impl Described {
    fn new(metadata: Metadata, from: &str) -> Self {
        Self {
            metadata: Arc::new(metadata),
            from: from.into(),
        }
    }
}

/// What is known of a file before it is asked for.
struct Asked {
    source: Arc<Source>,
    provider: Option<String>,
    /// What its metadata are kept under, where they can be told by a digest.
    key: Option<Key>,
}

impl Lookups {
    /// The metadata of a file on a listing, and how they were found; asked for once a run.
    ///
    /// # Errors
    /// Where there are none that can be read without a build, or they could not be had.
    pub async fn described(&self, listing: &Listing, file: &File) -> Result<Described, Failure> {
        let source = self.source(listing)?;
        let key = (source.url.clone(), file.url.clone());
        let work = || async { self.describe(source, listing.project.name(), file).await };
        self.described.get(key, work).await
    }

    /// The metadata of a file as they were written, and the word for how they were found.
    ///
    /// # Errors
    /// As [`Self::described`].
    pub async fn written(
        &self,
        listing: &Listing,
        file: &File,
    ) -> Result<(Vec<u8>, Arc<str>), Failure> {
        let mut asked = self.asked_for(self.source(listing)?, file).await?;
        if let Some(key) = &mut asked.key {
            key.url.push_str("#whole");
        }
        if let Some((raw, from)) = self.kept(&asked, file, unpack_raw) {
            return Ok((raw, from.into()));
        }
        let found = self.climb(&asked.source, listing.project.name(), file);
        let found = found.await?;
        let from = found.from.word();
        self.keep_for_good(asked, || pack_raw(&found.raw, from));
        Ok((found.raw, from.into()))
    }

    /// The metadata of what a direct URL leads to.
    pub(super) async fn describe_direct(
        &self,
        project: &PackageName,
        url: &Url,
    ) -> Result<Described, Failure> {
        let key = (url.clone(), url.clone());
        let work = || async {
            let (mut source, url) = alone(url);
            if source.userinfo.is_none() {
                let known = self.accounts.iter().find(|(own, _)| *own == url);
                source.userinfo = known.map(|(_, userinfo)| userinfo.clone());
            }
            let over = Over {
                requester: &self.requester,
                source: &source,
            };
            let build = self.build.as_deref();
            let found = ladder::direct(&over, &self.memory, project, &url, build).await?;
            Ok(Described::new(found.metadata, found.from.word()))
        };
        self.described.get(key, work).await
    }

    /// The source that a listing comes from.
    fn source(&self, listing: &Listing) -> Result<Arc<Source>, Failure> {
        let mut all = self.sources.all.iter();
        let own = all.find(|source| {
            source.label() == &*listing.source && source.canonical == *listing.index
        });
        own.cloned().ok_or_else(|| {
            let message = format!("no source is called {}", shown(&listing.source));
            Failure::new(ErrorCode::Internal, message)
        })
    }

    async fn describe(
        &self,
        source: Arc<Source>,
        project: &PackageName,
        file: &File,
    ) -> Result<Described, Failure> {
        let asked = self.asked_for(source, file).await?;
        if let Some((metadata, from)) = self.kept(&asked, file, unpack) {
            return Ok(Described::new(metadata, &from));
        }
        let found = self.climb(&asked.source, project, file).await?;
        let from = found.from.word();
        self.keep_for_good(asked, || pack(&found.metadata, from));
        Ok(Described::new(found.metadata, from))
    }

    async fn asked_for(&self, source: Arc<Source>, file: &File) -> Result<Asked, Failure> {
        let (identity, provider) = match file.url.scheme() {
            "file" => (ANONYMOUS.into(), None),
            _ => self.requester.identity(&source, &file.url, false).await?,
        };
        let digest = digest(file).filter(|_| self.cache.is_some());
        Ok(Asked {
            key: digest.map(|digest| Key::metadata(identity, &file.url, digest)),
            source,
            provider,
        })
    }

    fn kept<T>(
        &self,
        asked: &Asked,
        file: &File,
        unpack: impl Fn(&[u8]) -> Option<T>,
    ) -> Option<T> {
        let (_, payload) = self.cache.as_ref()?.read(asked.key.as_ref()?)?;
        let found = unpack(&payload)?;
        self.requester.watch().seen(&Seen {
            method: "GET",
            url: plain(&file.url),
            status: None,
            trouble: None,
            cache: CacheUse::Hit,
            source: asked.source.label(),
            provider: asked.provider.as_deref(),
            ms: 0,
        });
        Some(found)
    }

    fn keep_for_good(&self, asked: Asked, pack: impl FnOnce() -> Vec<u8>) {
        if let (Some(cache), Some(key)) = (&self.cache, asked.key) {
            // What has this digest does not change any more.
            let head = Head::new(&key, asked.source.label(), Life::for_good());
            cache.keep(key, head, Payload::Bytes(pack()));
        }
    }

    async fn climb(
        &self,
        source: &Source,
        project: &PackageName,
        file: &File,
    ) -> Result<Found, Failure> {
        let over = Over {
            requester: &self.requester,
            source,
        };
        let build: Option<&dyn Build> = self.build.as_deref();
        if file.url.scheme() == "file" {
            return ladder::direct(&over, &self.memory, project, &file.url, build).await;
        }
        ladder::metadata(&over, &self.memory, project, file, build).await
    }
}

/// By what metadata are known: their own digest, else the file's.
fn digest(file: &File) -> Option<&str> {
    let own = file.metadata.as_ref();
    let own = own.filter(|hashes| hashes.contains_key("sha256"));
    let hashes = own.unwrap_or(&file.hashes);
    hashes.get("sha256").map(String::as_str)
}

/// The place of a direct URL: a source of its own, whose credential is that of the URL; and the URL
/// without what stood in it before the host.
fn alone(url: &Url) -> (Source, Url) {
    let mut plain = url.clone();
    let _ = plain.set_username("");
    let _ = plain.set_password(None);
    let mut place = plain.clone();
    place.set_query(None);
    place.set_fragment(None);
    let parsed = RepositoryUrl::parse(url.as_str()).ok();
    let source = Source {
        name: None,
        canonical: place.clone(),
        url: place,
        userinfo: parsed.and_then(|(_, userinfo)| userinfo),
        priority: Priority::Explicit,
        kind: Kind::Flat,
        authenticate: Authenticate::Auto,
        ignore_errors: Vec::new(),
        exclude_newer: None,
        always: false,
        form: Form::CommandLine,
        place: "a direct URL".to_owned(),
    };
    (source, plain)
}

#[cfg(test)]
#[path = "metadata_tests.rs"]
mod tests;
