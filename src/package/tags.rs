//! Which wheels fit an interpreter on a platform, and how well (PEP 425).
//!
//! For one environment the tags and their order are those of `packaging.tags.sys_tags` (26.4). For
//! a resolution that has to hold on every platform a wheel fits if there is an interpreter within
//! `requires-python` and a platform that takes it.

use std::collections::HashMap;

use pep440_rs::release_specifiers_to_ranges;
use version_ranges::Ranges;

use super::filename::WheelName;
use super::platform::Platform;
use super::{Version, VersionSpecifiers};

/// An interpreter, as far as wheels care.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Interpreter {
    /// `cp`, `pp`, or the name of another implementation (`graalpy`).
    pub name: String,
    /// Major and minor version of the language.
    pub version: (u32, u32),
    /// The ABIs of its own extension modules, the best first (`cp313t`, `pypy311_pp73`).
    pub abis: Vec<String>,
}

impl Interpreter {
    /// `CPython` as it is commonly built; `free_threaded` from 3.13 on (PEP 703).
    pub fn cpython(version: (u32, u32), free_threaded: bool) -> Self {
        let threads = if free_threaded && version >= (3, 13) {
            "t"
        } else {
            ""
        };
        let pymalloc = if version < (3, 8) { "m" } else { "" };
        let wide = if version < (3, 3) { "u" } else { "" };
        Self {
            name: "cp".to_owned(),
            version,
            abis: vec![format!(
                "cp{}{}{threads}{pymalloc}{wide}",
                version.0, version.1
            )],
        }
    }

    /// `PyPy`, whose own ABI has been `pp73` since 2019.
    pub fn pypy(version: (u32, u32)) -> Self {
        Self {
            name: "pp".to_owned(),
            version,
            abis: vec![format!("pypy{}{}_pp73", version.0, version.1)],
        }
    }

    /// Whether extension modules of the version-specific ABI are for a build without the lock.
    pub fn free_threaded(&self) -> bool {
        self.abis
            .iter()
            .find_map(|abi| {
                if abi == "abi3t" {
                    return Some(true);
                }
                let flags = abi.strip_prefix("cp")?;
                let digits = flags.bytes().take_while(u8::is_ascii_digit).count();
                (digits > 0).then(|| flags[digits..].contains('t'))
            })
            .unwrap_or(false)
    }

    /// The pairs of Python and ABI tag that go with every platform tag, the best first.
    fn pairs(&self) -> Vec<(String, String)> {
        let (major, minor) = self.version;
        let own = format!("{}{major}{minor}", self.name);
        let mut pairs = Vec::new();
        if self.name == "cp" {
            let threads = self.free_threaded();
            let stable = if threads { "abi3t" } else { "abi3" };
            for abi in &self.abis {
                if abi != "none" && abi != "abi3" && !(threads && abi == "abi3t") {
                    pairs.push((own.clone(), abi.clone()));
                }
            }
            // PEP 384 came with 3.2; PEP 803 has the same for builds without the lock.
            let has_stable = self.version >= (3, 2);
            if has_stable {
                pairs.push((own.clone(), stable.to_owned()));
            }
            pairs.push((own, "none".to_owned()));
            if has_stable {
                for older in (2..minor).rev() {
                    pairs.push((format!("cp{major}{older}"), stable.to_owned()));
                }
            }
        } else {
            for abi in &self.abis {
                pairs.push((own.clone(), abi.clone()));
            }
            if !self.abis.iter().any(|abi| abi == "none") {
                pairs.push((own, "none".to_owned()));
            }
        }
        for python in self.pure() {
            pairs.push((python, "none".to_owned()));
        }
        pairs
    }

    /// The Python tags of wheels in Python alone, the best first.
    fn pure(&self) -> Vec<String> {
        let (major, minor) = self.version;
        let mut pythons = vec![format!("py{major}{minor}"), format!("py{major}")];
        pythons.extend((0..minor).rev().map(|older| format!("py{major}{older}")));
        pythons
    }

    /// The Python tags that go with the platform tag `any`.
    fn anywhere(&self) -> Vec<String> {
        let (major, minor) = self.version;
        let mut pythons = match self.name.as_str() {
            "cp" => vec![format!("cp{major}{minor}")],
            "pp" => vec!["pp3".to_owned()],
            _ => Vec::new(),
        };
        pythons.extend(self.pure());
        pythons
    }
}

/// Why a wheel does not fit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Misfit {
    /// It is for other versions or implementations of Python.
    Python,
    /// It is for another ABI.
    Abi,
    /// It is for another platform.
    Platform,
}

/// The tags that fit.
#[derive(Clone, Debug)]
pub struct Tags(Fit);

#[derive(Clone, Debug)]
enum Fit {
    One(Ordered),
    Universal(Vec<(u32, u32)>),
}

/// The tags of one environment. A tag's place is worked out from those of its parts.
#[derive(Clone, Debug)]
struct Ordered {
    platforms: Vec<String>,
    pairs: Vec<(String, String)>,
    anywhere: Vec<String>,
    places: HashMap<String, u32>,
    pythons: HashMap<String, Vec<Group>>,
}

/// A Python tag with an ABI tag: with every platform tag from this place on, or with `any`.
#[derive(Clone, Debug)]
struct Group {
    abi: String,
    place: u32,
    any: bool,
}

impl Tags {
    /// Those of an interpreter on a platform.
    pub fn new(interpreter: &Interpreter, platform: &Platform) -> Self {
        let platforms = platform.tags();
        let pairs = interpreter.pairs();
        let anywhere = interpreter.anywhere();
        let mut places = HashMap::with_capacity(platforms.len());
        for (place, tag) in (0..).zip(&platforms) {
            places.entry(tag.clone()).or_insert(place);
        }
        let mut pythons = HashMap::<String, Vec<Group>>::new();
        let mut place = 0;
        let width = u32::try_from(platforms.len()).unwrap_or(u32::MAX);
        for (python, abi) in &pairs {
            pythons.entry(python.clone()).or_default().push(Group {
                abi: abi.clone(),
                place,
                any: false,
            });
            place += width;
        }
        for python in &anywhere {
            pythons.entry(python.clone()).or_default().push(Group {
                abi: "none".to_owned(),
                place,
                any: true,
            });
            place += 1;
        }
        Self(Fit::One(Ordered {
            platforms,
            pairs,
            anywhere,
            places,
            pythons,
        }))
    }

    /// Those of every platform, and of every interpreter within `requires_python`.
    pub fn universal(requires_python: Option<&VersionSpecifiers>) -> Self {
        let allowed = requires_python.map_or_else(Ranges::full, |specifiers| {
            release_specifiers_to_ranges(specifiers.clone())
        });
        let within = |major: u32, minor: u32| {
            let version = |minor: u32| Version::new([u64::from(major), u64::from(minor)]);
            let one = Ranges::from_range_bounds(version(minor)..version(minor + 1));
            !one.is_disjoint(&allowed)
        };
        let versions = (0..=7)
            .map(|minor| (2, minor))
            .chain((0..100).map(|minor| (3, minor)))
            .filter(|(major, minor)| within(*major, *minor))
            .collect();
        Self(Fit::Universal(versions))
    }

    /// How well a wheel fits, 0 best; `None` if it does not.
    ///
    /// Of two wheels of a version that fit alike the one with the higher build tag is better.
    pub fn rank(&self, wheel: &WheelName) -> Option<u32> {
        match &self.0 {
            Fit::One(tags) => tags.rank(wheel),
            Fit::Universal(versions) => {
                let fits = wheel.python.iter().any(|python| {
                    wheel
                        .abi
                        .iter()
                        .any(|abi| could_fit(versions, &lower(python), &lower(abi)))
                });
                let pure = wheel.platform.iter().any(|tag| tag == "any");
                fits.then(|| u32::from(!pure))
            }
        }
    }

    /// What is wrong with a wheel that does not fit.
    pub fn misfit(&self, wheel: &WheelName) -> Misfit {
        let Fit::One(tags) = &self.0 else {
            return Misfit::Python;
        };
        let mut misfit = Misfit::Python;
        for python in &wheel.python {
            let Some(groups) = tags.pythons.get(lower(python).as_ref()) else {
                continue;
            };
            let abi = groups
                .iter()
                .any(|group| wheel.abi.iter().any(|abi| lower(abi) == group.abi));
            misfit = misfit.max(if abi { Misfit::Platform } else { Misfit::Abi });
        }
        misfit
    }

    /// Every tag, the best first, as `python-abi-platform`; none where every platform counts.
    pub fn iter(&self) -> impl Iterator<Item = String> {
        let tags = match &self.0 {
            Fit::One(tags) => Some(tags),
            Fit::Universal(_) => None,
        };
        tags.into_iter().flat_map(|tags| {
            let platforms = tags.pairs.iter().flat_map(|(python, abi)| {
                tags.platforms
                    .iter()
                    .map(move |platform| format!("{python}-{abi}-{platform}"))
            });
            let anywhere = tags.anywhere.iter();
            platforms.chain(anywhere.map(|python| format!("{python}-none-any")))
        })
    }
}

impl Ordered {
    fn rank(&self, wheel: &WheelName) -> Option<u32> {
        let platform = wheel
            .platform
            .iter()
            .filter_map(|tag| self.places.get(lower(tag).as_ref()).copied())
            .min();
        let any = wheel.platform.iter().any(|tag| lower(tag) == "any");
        let mut best = None::<u32>;
        for python in &wheel.python {
            let Some(groups) = self.pythons.get(lower(python).as_ref()) else {
                continue;
            };
            for group in groups {
                if !wheel.abi.iter().any(|abi| lower(abi) == group.abi) {
                    continue;
                }
                let place = match (group.any, platform) {
                    (true, _) if any => group.place,
                    (false, Some(platform)) => group.place + platform,
                    _ => continue,
                };
                best = Some(best.map_or(place, |best| best.min(place)));
            }
        }
        best
    }
}

/// Tags are compared in lower case, and nearly always written so.
fn lower(tag: &str) -> std::borrow::Cow<'_, str> {
    if tag.bytes().any(|byte| byte.is_ascii_uppercase()) {
        tag.to_ascii_lowercase().into()
    } else {
        tag.into()
    }
}

/// Whether an interpreter of one of these versions, of whatever implementation, takes a Python and
/// an ABI tag. An implementation that is not known here may.
fn could_fit(versions: &[(u32, u32)], python: &str, abi: &str) -> bool {
    let digits = python.find(|letter: char| letter.is_ascii_digit());
    let (name, number) = python.split_at(digits.unwrap_or(python.len()));
    let number = number.split_once('_').map_or(number, |(number, _)| number);
    let major = number.get(..1).and_then(|digit| digit.parse::<u32>().ok());
    let minor = number.get(1..).filter(|minor| !minor.is_empty());
    let minor = minor.map(|minor| minor.parse::<u32>().ok());
    let exactly = |minor| versions.iter().any(|version| Some(*version) == minor);
    match (name, major, minor) {
        ("py", Some(major), None) => {
            abi == "none" && versions.iter().any(|version| version.0 == major)
        }
        ("py", Some(major), Some(Some(minor))) => {
            abi == "none"
                && versions
                    .iter()
                    .any(|version| version.0 == major && version.1 >= minor)
        }
        ("cp", Some(major), Some(Some(minor))) if matches!(abi, "abi3" | "abi3t") => versions
            .iter()
            .any(|version| version.0 == major && version.1 >= minor && *version >= (3, 2)),
        ("cp", Some(major), Some(Some(minor))) => {
            (abi == "none" || abi_of(abi) == Some((major, minor))) && exactly(Some((major, minor)))
        }
        ("pp", Some(3), None) => abi == "none" && versions.iter().any(|version| version.0 == 3),
        ("pp", Some(major), Some(Some(minor))) => exactly(Some((major, minor))),
        ("py" | "cp" | "pp", ..) => false,
        _ => true,
    }
}

/// The version in an ABI tag of `CPython` (`cp313t`).
fn abi_of(abi: &str) -> Option<(u32, u32)> {
    let number = abi.strip_prefix("cp")?;
    let digits = number.bytes().take_while(u8::is_ascii_digit).count();
    let major = number.get(..1)?.parse().ok()?;
    Some((major, number.get(1..digits)?.parse().ok()?))
}

#[cfg(test)]
#[path = "tags_tests.rs"]
mod tests;
