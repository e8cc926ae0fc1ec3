//! The metadata of a file: what the cache has of a file with these digests, else what is found by
//! asking the source for as little as possible.

use std::sync::Arc;

use credential_helper_protocol::{ErrorCode, Failure};
use sha2::{Digest as _, Sha256};

use super::Lookups;
use crate::domain::text::shown;
use crate::index::cache::{Head, Key, Life, Payload, pack, unpack};
use crate::index::fetch::{ANONYMOUS, CacheUse, Said, Seen, Trouble, Wish};
use crate::index::offers::Listing;
use crate::index::project::File;
use crate::index::source::Source;
use crate::package::metadata::{LARGEST, Metadata};

/// Metadata, and how they were found.
#[derive(Clone, Debug)]
pub struct Described {
    /// What they say.
    pub metadata: Arc<Metadata>,
    /// `pep658`, `range`, `wheel`, `sdist` or `build`.
    pub from: Arc<str>,
}

impl Lookups {
    /// The metadata of a file on a listing, and how they were found; asked for once a run.
    ///
    /// # Errors
    /// Where there are none that can be read without a build, or they could not be had.
    pub async fn described(&self, listing: &Listing, file: &File) -> Result<Described, Failure> {
        let source = self.source(listing)?;
        let key = (source.url.clone(), file.url.clone());
        let work = || async { self.describe(&source, file).await };
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

    async fn describe(&self, source: &Source, file: &File) -> Result<Described, Failure> {
        let (identity, provider) = match source.url.scheme() {
            "file" => (ANONYMOUS.into(), None),
            _ => self.requester.identity(source, &file.url, false).await?,
        };
        let key = digest(file).map(|digest| Key::metadata(identity, &file.url, digest));
        if let (Some(cache), Some(key)) = (&self.cache, &key)
            && let Some((_, payload)) = cache.read(key)
            && let Some((metadata, from)) = unpack(&payload)
        {
            self.requester.watch().seen(&Seen {
                method: "GET",
                url: file.url.as_str().to_owned(),
                status: None,
                trouble: None,
                cache: CacheUse::Hit,
                source: source.label(),
                provider: provider.as_deref(),
                ms: 0,
            });
            return Ok(Described {
                metadata: Arc::new(metadata),
                from: from.into(),
            });
        }
        let (metadata, from) = self.climb(source, file).await?;
        if let (Some(cache), Some(key)) = (&self.cache, key) {
            // What has this digest does not change any more.
            let head = Head::new(&key, source.label(), Life::for_good());
            cache.keep(key, head, Payload::Bytes(pack(&metadata, from)));
        }
        Ok(Described {
            metadata: Arc::new(metadata),
            from: from.into(),
        })
    }

    async fn climb(
        &self,
        source: &Source,
        file: &File,
    ) -> Result<(Metadata, &'static str), Failure> {
        let mut url = file.url.clone();
        let path = [url.path(), ".metadata"].concat();
        url.set_path(&path);
        let wish = Wish {
            packed: true,
            ..Wish::file(&url)
        };
        match self.requester.whole(source, &wish, LARGEST).await? {
            Said::Served(whole) => {
                let wanted = file.metadata.as_ref().and_then(|all| all.get("sha256"));
                if wanted.is_some_and(|wanted| *wanted != sha256(&whole.body)) {
                    let why = "its digest is not the one that the page names";
                    return Err(Trouble::malformed(source, &url, why).into());
                }
                let metadata = Metadata::parse(&whole.body)
                    .map_err(|why| Trouble::malformed(source, &url, &why))?;
                Ok((metadata, "pep658"))
            }
            _ => Err(Failure::new(
                ErrorCode::Unavailable,
                format!("{} has no metadata beside it", shown(&file.filename)),
            )),
        }
    }
}

fn sha256(bytes: &[u8]) -> String {
    let digest = Sha256::digest(bytes);
    let digits = digest.iter().flat_map(|byte| [byte >> 4, byte & 15]);
    digits
        .filter_map(|digit| char::from_digit(u32::from(digit), 16))
        .collect()
}

/// By what metadata are known: their own digest, else the file's.
fn digest(file: &File) -> Option<&str> {
    let own = file.metadata.as_ref();
    let own = own.filter(|hashes| hashes.contains_key("sha256"));
    let hashes = own.unwrap_or(&file.hashes);
    hashes.get("sha256").map(String::as_str)
}
