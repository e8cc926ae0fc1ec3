//! Sources in memory, for tests.

use std::collections::{BTreeMap, HashMap};
use std::str::FromStr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use credential_helper_protocol::{ErrorCode, Failure};
use pep508_rs::{MarkerEnvironment, MarkerEnvironmentBuilder};
use url::Url;

use super::{Environment, Problem, Resolution, Unsolved, resolve};
use crate::index::offers::{Listing, Offers, Rule};
use crate::index::project::{File, Project};
use crate::index::source::Cutoff;
use crate::package::filename::{Filename, WheelName};
use crate::package::metadata::Metadata;
use crate::package::platform::Platform;
use crate::package::tags::{Interpreter, Tags};
use crate::package::{ExtraName, PackageName, Requirement, Version, VersionSpecifiers};
use crate::resolve::input::Wanted;

/// What some sources have.
pub(super) struct World {
    sources: Vec<Source>,
    direct: HashMap<Url, Arc<Metadata>>,
    rule: Rule,
    /// Answers come in an order that depends on this; 0: at once.
    pub(super) seed: u64,
    /// How many listings and metadata were asked for.
    pub(super) asked: AtomicU64,
}

struct Source {
    name: Arc<str>,
    url: Arc<Url>,
    tier: usize,
    cutoff: Option<Cutoff>,
    doubts: HashMap<PackageName, Vec<String>>,
    files: BTreeMap<PackageName, Vec<File>>,
    metadata: HashMap<String, Result<Arc<Metadata>, Failure>>,
    failures: HashMap<PackageName, Failure>,
    listings: std::sync::Mutex<HashMap<PackageName, Arc<Project>>>,
}

pub(super) fn name(text: &str) -> PackageName {
    PackageName::from_str(text).unwrap()
}

pub(super) fn requirement(text: &str) -> Requirement {
    Requirement::from_str(text).unwrap_or_else(|error| panic!("{text}: {error}"))
}

pub(super) fn wanted(text: &str) -> Wanted {
    Wanted {
        requirement: requirement(text),
        source: None,
        any_of: Vec::new(),
        line: 0,
        from: "the test".to_owned(),
        direct: true,
        prereleases: false,
        hashes: Vec::new(),
    }
}

pub(super) fn linux(python: &str) -> MarkerEnvironment {
    let full = if python.matches('.').count() < 2 {
        format!("{python}.0")
    } else {
        python.to_owned()
    };
    let short: Vec<&str> = full.split('.').take(2).collect();
    MarkerEnvironment::try_from(MarkerEnvironmentBuilder {
        implementation_name: "cpython",
        implementation_version: &full,
        os_name: "posix",
        platform_machine: "x86_64",
        platform_python_implementation: "CPython",
        platform_release: "",
        platform_system: "Linux",
        platform_version: "",
        python_full_version: &full,
        python_version: &short.join("."),
        sys_platform: "linux",
    })
    .unwrap()
}

/// One Python on Linux.
pub(super) fn one(python: &str) -> Environment {
    let markers = linux(python);
    let release = markers.python_full_version().version.release().to_vec();
    let pair = (
        u32::try_from(release[0]).unwrap(),
        u32::try_from(release[1]).unwrap(),
    );
    let tags = Tags::new(
        &Interpreter::cpython(pair, false),
        &Platform::Manylinux {
            glibc: (2, 17),
            arch: "x86_64".to_owned(),
        },
    );
    Environment::One {
        markers: Box::new(markers),
        tags: Arc::new(tags),
    }
}

/// All platforms.
pub(super) fn universal(requires_python: &str) -> Environment {
    let requires_python = VersionSpecifiers::from_str(requires_python).unwrap();
    let tags = Tags::universal(Some(&requires_python));
    Environment::Universal {
        requires_python: Some(requires_python),
        environments: Vec::new(),
        tags: Arc::new(tags),
    }
}

pub(super) fn problem(requirements: &[&str], environment: Environment) -> Problem {
    Problem::new(
        requirements.iter().map(|text| wanted(text)).collect(),
        environment,
    )
}

pub(super) fn wheel(project: &str, version: &str, tags: &str) -> File {
    let mut parts = tags.split('-');
    let mut part = || -> Vec<String> {
        let part = parts.next().unwrap();
        part.split('.').map(str::to_owned).collect()
    };
    file(
        format!("{project}-{version}-{tags}.whl"),
        Filename::Wheel(Box::new(WheelName {
            project: name(project),
            version: Version::from_str(version).unwrap(),
            build: None,
            python: part(),
            abi: part(),
            platform: part(),
        })),
    )
}

pub(super) fn sdist(project: &str, version: &str) -> File {
    file(
        format!("{project}-{version}.tar.gz"),
        Filename::Sdist(Version::from_str(version).unwrap()),
    )
}

fn file(filename: String, name: Filename) -> File {
    File {
        url: Url::parse(&format!("https://files.test/{filename}")).unwrap(),
        filename,
        name,
        hashes: BTreeMap::new(),
        size: None,
        requires_python: None,
        yanked: None,
        uploaded: None,
        metadata: Some(BTreeMap::new()),
        provenance: None,
    }
}

pub(super) fn metadata(project: &str, version: &str, requires: &[&str]) -> Metadata {
    Metadata {
        name: name(project),
        version: Version::from_str(version).unwrap(),
        requires: requires.iter().map(|text| requirement(text)).collect(),
        requires_python: None,
        extras: Vec::new(),
        doubts: Vec::new(),
    }
}

impl World {
    /// One source, `corp`.
    pub(super) fn new() -> Self {
        let mut world = Self {
            sources: Vec::new(),
            direct: HashMap::new(),
            rule: Rule::IndexPriority,
            seed: 0,
            asked: AtomicU64::new(0),
        };
        world.source("corp", 0);
        world
    }

    /// One more source; more than one are a pool.
    pub(super) fn source(&mut self, name: &str, tier: usize) {
        if !self.sources.is_empty() {
            self.rule = Rule::VersionPriority;
        }
        self.sources.push(Source {
            name: name.into(),
            url: Arc::new(Url::parse(&format!("https://{name}.test/simple/")).unwrap()),
            tier,
            cutoff: None,
            doubts: HashMap::new(),
            files: BTreeMap::new(),
            metadata: HashMap::new(),
            failures: HashMap::new(),
            listings: std::sync::Mutex::default(),
        });
    }

    /// The limit to the age of files that the last source has.
    pub(super) fn limit(&mut self, own: Option<Cutoff>) {
        self.sources.last_mut().unwrap().cutoff = own;
    }

    /// Something on a page of the last source that could not be read.
    pub(super) fn doubt(&mut self, project: &str, what: &str) {
        let source = self.sources.last_mut().unwrap();
        let doubts = source.doubts.entry(name(project)).or_default();
        doubts.push(what.to_owned());
    }

    /// A wheel for everywhere, on the source that was added last.
    pub(super) fn add(&mut self, project: &str, version: &str, requires: &[&str]) -> &mut File {
        self.put(
            wheel(project, version, "py3-none-any"),
            Ok(metadata(project, version, requires)),
        )
    }

    /// A file on the source that was added last.
    pub(super) fn put(&mut self, file: File, metadata: Result<Metadata, Failure>) -> &mut File {
        let source = self.sources.last_mut().unwrap();
        let project = match (&file.name, &metadata) {
            (Filename::Wheel(wheel), _) => wheel.project.clone(),
            (_, Ok(metadata)) => metadata.name.clone(),
            _ => panic!("whose file is this"),
        };
        source
            .metadata
            .insert(file.filename.clone(), metadata.map(Arc::new));
        let files = source.files.entry(project).or_default();
        files.push(file);
        files.last_mut().unwrap()
    }

    /// A file without metadata.
    pub(super) fn broken(&mut self, file: File, code: ErrorCode, message: &str) {
        self.put(file, Err(Failure::new(code, message)));
    }

    /// The last source cannot be asked for this project.
    pub(super) fn fails(&mut self, project: &str, failure: Failure) {
        let source = self.sources.last_mut().unwrap();
        source.failures.insert(name(project), failure);
    }

    /// What is behind a direct URL.
    pub(super) fn behind(&mut self, url: &str, metadata: Metadata) {
        self.direct
            .insert(Url::parse(url).unwrap(), Arc::new(metadata));
    }

    async fn delay(&self, what: &str) {
        self.asked.fetch_add(1, Ordering::Relaxed);
        if self.seed == 0 {
            return;
        }
        let mut hash = self.seed;
        for byte in what.bytes() {
            hash = hash.wrapping_mul(0x0100_0000_01b3) ^ u64::from(byte);
        }
        for _ in 0..hash % 23 {
            tokio::task::yield_now().await;
        }
    }
}

impl Offers for World {
    fn rule(&self) -> Rule {
        self.rule
    }

    async fn tier(
        &self,
        project: &PackageName,
        pin: Option<&str>,
        tier: usize,
    ) -> Result<Option<Arc<[Listing]>>, Failure> {
        self.delay(project.as_ref()).await;
        if tier > 0 && (pin.is_some() || self.sources.iter().all(|one| one.tier < tier)) {
            return Ok(None);
        }
        let mut listings = Vec::new();
        for source in &self.sources {
            let here = match pin {
                Some(pin) => *source.name == *pin,
                None => source.tier == tier,
            };
            if !here {
                continue;
            }
            if let Some(failure) = source.failures.get(project) {
                return Err(failure.clone());
            }
            if let Some(files) = source.files.get(project) {
                let mut known = source.listings.lock().unwrap();
                let listing = known
                    .entry(project.clone())
                    .or_insert_with(|| {
                        let mut page = Project::new(project.clone(), files.clone());
                        page.doubts = source.doubts.get(project).cloned().unwrap_or_default();
                        Arc::new(page)
                    })
                    .clone();
                listings.push(Listing {
                    source: source.name.clone(),
                    index: source.url.clone(),
                    cutoff: source.cutoff,
                    project: listing,
                });
            }
        }
        Ok(Some(listings.into()))
    }

    async fn metadata(&self, listing: &Listing, file: &File) -> Result<Arc<Metadata>, Failure> {
        self.delay(&file.filename).await;
        let source = self
            .sources
            .iter()
            .find(|source| source.name == listing.source)
            .unwrap();
        source.metadata[&file.filename].clone()
    }

    async fn direct(&self, _: &PackageName, url: &Url) -> Result<Arc<Metadata>, Failure> {
        self.delay(url.as_str()).await;
        self.direct
            .get(url)
            .cloned()
            .ok_or_else(|| Failure::new(ErrorCode::Unavailable, format!("could not get {url}")))
    }
}

/// The answer.
pub(super) fn solve(world: &Arc<World>, problem: Problem) -> Result<Resolution, Unsolved> {
    tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap()
        .block_on(resolve(world.clone(), problem, None))
}

/// The packages, a line each.
pub(super) fn lines(resolution: &Resolution) -> Vec<String> {
    resolution
        .packages
        .iter()
        .map(|package| {
            let marker = package
                .marker
                .try_to_string()
                .map_or_else(String::new, |marker| format!(" ; {marker}"));
            let extras: Vec<&str> = package.extras.iter().map(ExtraName::as_ref).collect();
            let extras = if extras.is_empty() {
                String::new()
            } else {
                format!("[{}]", extras.join(","))
            };
            format!("{}{extras}=={}{marker}", package.name, package.version)
        })
        .collect()
}
