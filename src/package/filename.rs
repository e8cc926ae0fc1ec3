//! What the name of a distribution's file says (PEP 427, PEP 625, older names of sdists).

use std::str::FromStr as _;

use super::{PackageName, Version};

/// The longest name of a file: no file system that matters takes a longer one.
pub const LONGEST: usize = 255;

/// The endings of source archives, as setuptools has written them over the years.
const SDISTS: [&str; 7] = [
    ".tar.gz", ".zip", ".tgz", ".tar.bz2", ".tar.xz", ".tar.Z", ".tar",
];

/// A file's name, read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Filename {
    /// A wheel.
    Wheel(Box<WheelName>),
    /// A source archive, with its version.
    Sdist(Version),
}

/// The name of a wheel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WheelName {
    /// The project.
    pub project: PackageName,
    /// The version.
    pub version: Version,
    /// The build tag: its number and what stands behind it, in the order of preference (PEP 427).
    pub build: Option<(u64, String)>,
    /// The Python tags (`py3`, `cp311`), in lower case.
    pub python: Vec<String>,
    /// The ABI tags, in lower case.
    pub abi: Vec<String>,
    /// The platform tags, in lower case.
    pub platform: Vec<String>,
}

impl Filename {
    /// Reads the name of a file of this project.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn parse(text: &str, project: &PackageName) -> Result<Self, String> {
        let parts = Parts::of(text, project).map_err(Wrong::words)?;
        let version = parts.version().ok_or_else(no_version)?;
        Ok(parts.named(project, version))
    }

    /// The version.
    pub fn version(&self) -> &Version {
        match self {
            Self::Wheel(wheel) => &wheel.version,
            Self::Sdist(version) => version,
        }
    }
}

fn no_version() -> String {
    "the version in its name is none (PEP 440)".to_owned()
}

/// Why a name is not one of a project's file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Wrong {
    /// It is the name of another project's file.
    Other,
    /// It is no name of a distribution that installs: `.exe`, `.egg`, `.rpm`, a page.
    Kind,
    /// It is one, and broken.
    Broken(&'static str),
}

impl Wrong {
    /// In words.
    pub(crate) fn words(self) -> String {
        match self {
            Self::Other => "its name is that of another project's file".to_owned(),
            Self::Kind => {
                "it is neither a wheel (.whl) nor a source archive (.tar.gz, .zip)".to_owned()
            }
            Self::Broken(why) => why.to_owned(),
        }
    }
}

/// The parts of a name as they are written, held against a project; nothing is copied.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Parts<'a> {
    /// The version as written.
    pub(crate) version: &'a str,
    wheel: Option<WheelParts<'a>>,
}

#[derive(Clone, Copy, Debug)]
struct WheelParts<'a> {
    build: Option<(u64, &'a str)>,
    tags: [&'a str; 3],
}

impl<'a> Parts<'a> {
    /// Splits the name of a file of this project.
    pub(crate) fn of(text: &'a str, project: &PackageName) -> Result<Self, Wrong> {
        if text.len() > LONGEST {
            return Err(Wrong::Broken("its name is too long"));
        }
        // Nearly all names are of letters that are none of these, and seen to be at one glance.
        let odd = |byte: u8| !byte.is_ascii_graphic() || matches!(byte, b'/' | b'\\');
        let plain = !text.bytes().fold(false, |any, byte| any | odd(byte));
        if !plain
            && text
                .chars()
                .any(|c| c.is_control() || matches!(c, '/' | '\\'))
        {
            return Err(Wrong::Broken("its name is none of a file"));
        }
        if let Some(stem) = text.strip_suffix(".whl") {
            return wheel(stem, project);
        }
        let stem = sdist_stem(text).ok_or(Wrong::Kind)?;
        sdist(stem, project)
    }

    /// The version. That of a wheel is read as it stands: installers no longer take `1.0_1`, which
    /// PEP 427 once made of `1.0-1`.
    pub(crate) fn version(&self) -> Option<Version> {
        Version::from_str(self.version).ok()
    }

    /// The name, whole.
    pub(crate) fn named(&self, project: &PackageName, version: Version) -> Filename {
        let Some(wheel) = &self.wheel else {
            return Filename::Sdist(version);
        };
        let own = |set: &str| set.split('.').map(str::to_ascii_lowercase).collect();
        let [python, abi, platform] = wheel.tags;
        Filename::Wheel(Box::new(WheelName {
            project: project.clone(),
            version,
            build: wheel.build.map(|(number, rest)| (number, rest.to_owned())),
            python: own(python),
            abi: own(abi),
            platform: own(platform),
        }))
    }
}

/// How a source archive is packed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Packing {
    /// A tar with gzip.
    Gzip,
    /// A zip.
    Zip,
    /// Some other way, which is not read here.
    Other,
}

/// How the source archive of this name is packed.
pub(crate) fn packing(text: &str) -> Packing {
    let ends = |end: &str| text.ends_with(end);
    match () {
        () if ends(".tar.gz") || ends(".tgz") => Packing::Gzip,
        () if ends(".zip") => Packing::Zip,
        () => Packing::Other,
    }
}

/// Whether a name has the ending of a distribution.
pub(crate) fn is_distribution(text: &str) -> bool {
    text.strip_suffix(".whl").is_some() || sdist_stem(text).is_some()
}

/// The name of a source archive without its ending.
fn sdist_stem(text: &str) -> Option<&str> {
    SDISTS.iter().find_map(|end| text.strip_suffix(end))
}

/// A version as it may stand in a name. In wheels `-` was escaped to `_` (PEP 427 before 2021), and
/// is in folders of metadata still.
pub(crate) fn version(text: &str, is_wheel: bool) -> Option<Version> {
    Version::from_str(text).ok().or_else(|| {
        let unescaped = is_wheel && text.contains('_');
        unescaped.then(|| Version::from_str(&text.replace('_', "-")).ok())?
    })
}

/// The version and the tags of a wheel, by the last dashes of its name.
fn wheel<'a>(stem: &'a str, project: &PackageName) -> Result<Parts<'a>, Wrong> {
    let (name, version, build, tags) = wheel_parts(stem).map_err(Wrong::Broken)?;
    if !is_project(name, project) {
        return Err(Wrong::Other);
    }
    let wheel = Some(WheelParts { build, tags });
    Ok(Parts { version, wheel })
}

/// Project, version, build tag and tags.
pub(crate) type Split<'a> = (&'a str, &'a str, Option<(u64, &'a str)>, [&'a str; 3]);

/// Splits a wheel's name without its ending.
pub(crate) fn wheel_parts(stem: &str) -> Result<Split<'_>, &'static str> {
    const FORM: &str = "its name is not NAME-VERSION[-BUILD]-PYTHON-ABI-PLATFORM.whl";
    let mut parts = stem.split('-');
    let mut next = || parts.next().filter(|part| !part.is_empty()).ok_or(FORM);
    let (name, version, third) = (next()?, next()?, next()?);
    let (fourth, fifth) = (next()?, next()?);
    let last = parts.next();
    if parts.next().is_some() || last == Some("") {
        return Err(FORM);
    }
    let (build, tags) = match last {
        None => (None, [third, fourth, fifth]),
        Some(platform) => {
            let end = third.find(|c: char| !c.is_ascii_digit());
            let (number, rest) = third.split_at(end.unwrap_or(third.len()));
            let wrong = if number.is_empty() {
                "its build tag does not begin with a digit"
            } else {
                "its build tag has too large a number"
            };
            let number = number.parse().map_err(|_| wrong)?;
            (Some((number, rest)), [fourth, fifth, platform])
        }
    };
    // Runs of `-_.` are one `_` in an escaped name; Python's `packaging` refuses two.
    let plain = |text: &str| {
        let letter = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.');
        text.bytes().fold(true, |all, byte| all & letter(byte))
            || text
                .chars()
                .all(|c| c.is_alphanumeric() || matches!(c, '_' | '.'))
    };
    if name.contains("__") || !plain(name) {
        return Err(FORM);
    }
    let is_set = |set: &&str| {
        plain(set) && !set.starts_with('.') && !set.ends_with('.') && !set.contains("..")
    };
    if !tags.iter().all(is_set) {
        return Err(FORM);
    }
    Ok((name, version, build, tags))
}

/// A source archive: which of the dashes is the one before the version is told by the project.
fn sdist<'a>(stem: &'a str, project: &PackageName) -> Result<Parts<'a>, Wrong> {
    let mut is_ours = false;
    for (at, _) in stem.match_indices('-') {
        if is_project(&stem[..at], project) {
            let found = &stem[at + 1..];
            is_ours = true;
            if version(found, false).is_some() {
                return Ok(Parts {
                    version: found,
                    wheel: None,
                });
            }
        }
    }
    Err(if is_ours {
        Wrong::Broken("the version in its name is none (PEP 440)")
    } else {
        Wrong::Other
    })
}

/// Whether a name as written is that of a project: equal but for case, and for runs of `-_.`
/// (PEP 503).
pub(crate) fn is_project(written: &str, project: &PackageName) -> bool {
    let is_run = |byte: u8| matches!(byte, b'-' | b'_' | b'.');
    let mut normal = project.as_ref().bytes();
    let mut before = 0;
    for byte in written.bytes() {
        if is_run(byte) && is_run(before) {
            continue;
        }
        let byte_in_normal = if is_run(byte) {
            b'-'
        } else {
            byte.to_ascii_lowercase()
        };
        if normal.next() != Some(byte_in_normal) {
            return false;
        }
        before = byte;
    }
    normal.next().is_none()
}

/// Whether a folder is that of a wheel's metadata, in whatever spelling of project and version.
pub(crate) fn is_info(folder: &str, project: &PackageName, of: &Version) -> bool {
    let stem = folder.strip_suffix(".dist-info").unwrap_or_default();
    stem.match_indices('-').any(|(at, _)| {
        is_project(&stem[..at], project)
            && version(&stem[at + 1..], true).is_some_and(|own| own == *of)
    })
}

/// The folder of a wheel's metadata, by the paths of its files.
pub(crate) fn info<'a>(
    paths: impl Iterator<Item = &'a str>,
    project: &PackageName,
    version: &Version,
) -> Result<String, String> {
    let folders = paths.filter_map(|path| path.split_once('/'));
    let mut found: Option<&str> = None;
    for (folder, _) in folders.filter(|(folder, _)| folder.ends_with(".dist-info")) {
        if found.is_some_and(|other| other != folder) {
            return Err("it has more than one .dist-info".to_owned());
        }
        found = Some(folder);
    }
    let found = found.ok_or("it is no wheel: it has no .dist-info")?;
    if !is_info(found, project, version) {
        let name = project.as_ref().replace('-', "_");
        return Err(format!("its metadata is not in {name}-{version}.dist-info"));
    }
    Ok(found.to_owned())
}

/// Whether a path is `FOLDER/PKG-INFO`, where a source archive has its metadata.
pub(crate) fn is_pkg_info(path: &str) -> bool {
    path.strip_suffix("/PKG-INFO")
        .is_some_and(|folder| !folder.is_empty() && !folder.contains('/'))
}

#[cfg(test)]
#[path = "filename_tests.rs"]
mod tests;
