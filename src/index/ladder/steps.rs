//! The steps for one file of a source.

use credential_helper_protocol::{ErrorCode, Failure};

use super::check::{Check, Fault, read_all};
use super::ranges::{self, Ranged, Wanted};
use super::stream::{self, Pipe};
use super::{Build, Fetch, Found, Got, Memory, Rung, beside, held_against};
use crate::domain::text::shown;
use crate::index::project::File;
use crate::package::PackageName;
use crate::package::archive::{flow, tar};
use crate::package::filename::{Packing, is_info, is_pkg_info, packing};
use crate::package::metadata::{LARGEST, Metadata};

/// The most bytes of an archive that are read in order.
const STREAMED: u64 = 1024 * 1024 * 1024;
/// The most bytes of a source archive that a build is given.
pub(super) const BUILT: usize = 128 * 1024 * 1024;
/// The most bytes of metadata.
const LIMIT: u64 = LARGEST as u64;
/// How often content that is cut off on its way is asked for.
const ATTEMPTS: usize = 3;

/// One file, and who asks for it.
pub(super) struct Asked<'a, F> {
    pub(super) fetch: &'a F,
    pub(super) memory: &'a Memory,
    pub(super) project: &'a PackageName,
    pub(super) file: &'a File,
}

impl<F: Fetch> Asked<'_, F> {
    /// The file cannot be used.
    pub(super) fn failed(&self, why: &str) -> Failure {
        let (name, version) = (self.project, self.file.name.version());
        Failure::new(
            ErrorCode::Malformed,
            format!(
                "cannot read the metadata of {name} {version} in {} from the source {}: {why}",
                shown(&self.file.filename),
                shown(self.fetch.label())
            ),
        )
        .hint(format!(
            "leave this version out ({name}!={version}), or ask the source's owner"
        ))
    }

    /// The file says nothing certain before it is built.
    fn unbuilt(&self, why: &str) -> Failure {
        let (name, version) = (self.project, self.file.name.version());
        Failure::new(
            ErrorCode::Unavailable,
            format!(
                "cannot tell what {name} {version} requires: the source {} has no wheel of it that \
                 can be used, and {}: {why}",
                shown(self.fetch.label()),
                shown(&self.file.filename)
            ),
        )
        .hint("allow its build with --build-sdist, or choose a version that has wheels")
    }

    fn gone(&self, status: u16) -> Failure {
        self.failed(&format!(
            "the file is on its page, and the server answers {status}"
        ))
    }

    /// What stands beside it; `None` where nothing does after all, as on mirrors that keep the page
    /// and not the file.
    pub(super) async fn beside(&self, check: Option<Check>) -> Result<Option<Vec<u8>>, Failure> {
        let url = beside(&self.file.url);
        let mut why = String::new();
        for _ in 0..ATTEMPTS {
            let body = match self.fetch.get(&url, None).await? {
                Got::Served { body, .. } => body,
                Got::Absent(_) | Got::Refused(_) => return Ok(None),
            };
            match read_all(body, LARGEST, check.clone()).await {
                Ok(raw) => return Ok(Some(raw)),
                Err(Fault::Cut(cut)) => why = cut,
                Err(Fault::Bad(bad)) => {
                    why = bad;
                    break;
                }
            }
        }
        Err(self.failed(&format!("the metadata beside it: {why}")))
    }

    /// The metadata in a wheel.
    pub(super) async fn wheel(&self) -> Result<(Vec<u8>, Rung), Failure> {
        let (project, version) = (self.project, self.file.name.version());
        let by_parts = ranges::of_wheel(project, version);
        let (project, version) = (project.clone(), version.clone());
        let in_order = move |source: &mut Pipe| {
            let wanted = |path: &str| {
                let folder = path.strip_suffix("/METADATA").unwrap_or_default();
                !folder.contains('/') && is_info(folder, &project, &version)
            };
            flow::first(source, wanted, LIMIT)
        };
        let none = "it is no wheel: it has no .dist-info of its name";
        let (raw, from) = self.zipped(&by_parts, in_order).await?;
        Ok((raw.ok_or_else(|| self.failed(none))?, from))
    }

    /// One file of a zip: by parts, or in order where the server sends none.
    async fn zipped(
        &self,
        by_parts: &Wanted<'_>,
        in_order: impl Fn(&mut Pipe) -> Result<Option<Vec<u8>>, String> + Clone + Send + 'static,
    ) -> Result<(Option<Vec<u8>>, Rung), Failure> {
        let url = &self.file.url;
        let mut begun = None;
        if self.memory.has_ranges(url) {
            match ranges::read(self.fetch, url, self.file.size, by_parts).await? {
                Ranged::Found(raw) => return Ok((Some(raw), Rung::Range)),
                Ranged::Broken(why) => return Err(self.failed(&why)),
                Ranged::Absent(status) => return Err(self.gone(status)),
                Ranged::Whole(body) => begun = Some(body),
                Ranged::No => {}
            }
            self.memory.no_ranges(url);
        }
        Ok((self.in_order(begun, in_order).await?, Rung::Wheel))
    }

    /// One file of an archive, which is read in order up to it.
    async fn in_order(
        &self,
        mut begun: Option<F::Body>,
        read: impl Fn(&mut Pipe) -> Result<Option<Vec<u8>>, String> + Clone + Send + 'static,
    ) -> Result<Option<Vec<u8>>, Failure> {
        let mut why = String::new();
        for _ in 0..ATTEMPTS {
            let body = match begun.take() {
                Some(body) => body,
                None => self.open().await?,
            };
            let check = Check::of(&self.file.hashes);
            match stream::through(body, STREAMED, check, read.clone()).await {
                Ok(found) => return Ok(found),
                Err(Fault::Cut(cut)) => why = cut,
                Err(Fault::Bad(bad)) => return Err(self.failed(&bad)),
            }
        }
        Err(self.failed(&why))
    }

    /// Opens the whole file.
    async fn open(&self) -> Result<F::Body, Failure> {
        match self.fetch.get(&self.file.url, None).await? {
            Got::Served { body, .. } => Ok(body),
            Got::Absent(status) | Got::Refused(status) => Err(self.gone(status)),
        }
    }

    /// The metadata of a source archive: its own, where it binds, or from a build.
    pub(super) async fn sdist(&self, build: Option<&dyn Build>) -> Result<Found, Failure> {
        let read = |raw: &[u8], parse: fn(&[u8]) -> Result<Metadata, String>| {
            let found = parse(raw).map_err(Err)?;
            let held = held_against(found, self.project, self.file.name.version());
            held.map_err(|why| Ok(self.failed(&why)))
        };
        let why = match self.pkg_info().await? {
            Ok(raw) => match read(&raw, Metadata::parse_static) {
                Ok(metadata) => {
                    let from = Rung::Sdist;
                    return Ok(Found {
                        metadata,
                        raw,
                        from,
                    });
                }
                Err(Ok(failure)) => return Err(failure),
                Err(Err(why)) => why,
            },
            Err(why) => why,
        };
        let Some(build) = build else {
            return Err(self.unbuilt(&why));
        };
        let body = self.open().await?;
        let bytes = read_all(body, BUILT, Check::of(&self.file.hashes)).await;
        let bytes = bytes.map_err(|fault| self.failed(fault.words()))?;
        let raw = build.archive(&self.file.filename, bytes).await?;
        let metadata = read(&raw, Metadata::parse)
            .map_err(|why| why.unwrap_or_else(|why| self.failed(&why)))?;
        let from = Rung::Build;
        Ok(Found {
            metadata,
            raw,
            from,
        })
    }

    /// The `PKG-INFO` of a source archive, or why it has none that is read here.
    async fn pkg_info(&self) -> Result<Result<Vec<u8>, String>, Failure> {
        let found = match packing(&self.file.filename) {
            Packing::Gzip => {
                let read = |source: &mut Pipe| tar::first(source, is_pkg_info, LIMIT);
                self.in_order(None, read).await?
            }
            Packing::Zip => {
                let read = |source: &mut Pipe| flow::first(source, is_pkg_info, LIMIT);
                self.zipped(&ranges::of_sdist(), read).await?.0
            }
            Packing::Other => {
                return Ok(Err("it is packed in a way that is not read here".to_owned()));
            }
        };
        Ok(found.ok_or_else(|| "it has no PKG-INFO".to_owned()))
    }
}
