//! What a distribution says of itself, as far as a resolution has to know (core metadata).

use std::borrow::Cow;
use std::str::FromStr as _;

use serde_json::{Map, Value};

use super::fields::{self, FIELDS, NEWEST};
use super::{ExtraName, PackageName, Requirement, Version, VersionSpecifiers, repair};
use crate::domain::text::shown;

/// The most bytes of metadata: the description is the long part, and PyPI's form ends far below.
pub const LARGEST: usize = 16 * 1024 * 1024;
/// The most requirements and extras of one distribution: real ones have some hundred.
const MANY: usize = 20_000;

/// Core metadata.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Metadata {
    /// `Name`.
    pub name: PackageName,
    /// `Version`.
    pub version: Version,
    /// `Requires-Dist`, repaired where it can be told what was meant.
    pub requires: Vec<Requirement>,
    /// `Requires-Python`.
    pub requires_python: Option<VersionSpecifiers>,
    /// `Provides-Extra`.
    pub extras: Vec<ExtraName>,
    /// What could not be read and was left out, in words for a person.
    pub doubts: Vec<String>,
}

impl Metadata {
    /// Reads `METADATA` or `PKG-INFO`.
    ///
    /// # Errors
    /// What makes it unusable, in our own words.
    pub fn parse(bytes: &[u8]) -> Result<Self, String> {
        Self::read(bytes).map(|(metadata, _)| metadata)
    }

    /// Reads the `PKG-INFO` of a source archive, which only binds where it says so: from version
    /// 2.2 on, and what a build may change is named by `Dynamic` (PEP 643).
    ///
    /// # Errors
    /// What makes it unusable, or that a build may change it.
    pub fn parse_static(bytes: &[u8]) -> Result<Self, String> {
        let (metadata, bound) = Self::read(bytes)?;
        match bound {
            Bound::All => Ok(metadata),
            Bound::Not => Err(
                "its metadata is older than version 2.2, and says nothing certain before a build"
                    .to_owned(),
            ),
            Bound::Dynamic(field) => Err(format!("its {field} is made by its build")),
        }
    }

    fn read(bytes: &[u8]) -> Result<(Self, Bound), String> {
        if bytes.len() > LARGEST {
            return Err(format!("its metadata has more than {} MiB", LARGEST >> 20));
        }
        // What is not UTF-8 is an author's name of long ago.
        let text = String::from_utf8_lossy(bytes);
        let (headers, _) = fields::split(&text);
        let first = |wanted: &str| {
            let mut all = headers.iter();
            let found = all.find(|(name, _)| name.eq_ignore_ascii_case(wanted));
            found
                .map(|(_, value)| value.trim())
                .filter(|value| !value.is_empty())
        };
        let written = first("Metadata-Version").ok_or("its metadata has no Metadata-Version")?;
        let written = fields::version(written).ok_or("its Metadata-Version is none")?;
        if written.0 > NEWEST.0 {
            let (major, minor) = written;
            return Err(format!(
                "its metadata is of version {major}.{minor}, which is not known here"
            ));
        }
        let name = first("Name").ok_or("its metadata has no Name")?;
        let name = PackageName::from_str(name).map_err(|_| "the Name in its metadata is none")?;
        let version = first("Version").ok_or("its metadata has no Version")?;
        let version = Version::from_str(version)
            .map_err(|_| "the Version in its metadata is none (PEP 440)")?;
        let mut found = Self {
            name,
            version,
            requires: Vec::new(),
            requires_python: None,
            extras: Vec::new(),
            doubts: Vec::new(),
        };
        let mut bound = if written >= (2, 2) {
            Bound::All
        } else {
            Bound::Not
        };
        for (name, value) in &headers {
            let value = value.trim();
            if name.eq_ignore_ascii_case("Requires-Dist") {
                match repair::requirement(&unbroken(value)) {
                    Some(requirement) => found.requires.push(requirement.value),
                    None => found.doubt("Requires-Dist", value, "PEP 508"),
                }
            } else if name.eq_ignore_ascii_case("Provides-Extra") {
                match ExtraName::from_str(value) {
                    Ok(extra) if found.extras.contains(&extra) => {}
                    Ok(extra) => found.extras.push(extra),
                    Err(_) => found.doubt("Provides-Extra", value, "PEP 685"),
                }
            } else if name.eq_ignore_ascii_case("Requires-Python") && !value.is_empty() {
                match repair::specifiers(value) {
                    Some(specifiers) => found.requires_python = Some(specifiers.value),
                    None => found.doubt("Requires-Python", value, "PEP 440"),
                }
            } else if name.eq_ignore_ascii_case("Dynamic") && bound == Bound::All {
                let matters = ["Requires-Dist", "Requires-Python", "Provides-Extra"];
                let field = matters
                    .iter()
                    .find(|field| field.eq_ignore_ascii_case(value));
                bound = field.map_or(Bound::All, |field| Bound::Dynamic(field));
            }
            if found.requires.len() + found.extras.len() + found.doubts.len() > MANY {
                return Err(format!("its metadata has more than {MANY} requirements"));
            }
        }
        Ok((found, bound))
    }

    fn doubt(&mut self, field: &str, value: &str, rule: &str) {
        // Userinfo of a URL would be a secret.
        let value = if value.contains("://") {
            "a URL"
        } else {
            value
        };
        let value: String = shown(value).chars().take(100).collect();
        self.doubts
            .push(format!("its {field} \"{value}\" is none ({rule})"));
    }
}

/// What of the metadata binds a build.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Bound {
    All,
    Not,
    Dynamic(&'static str),
}

/// A value on one line.
fn unbroken(value: &str) -> Cow<'_, str> {
    if value.contains('\n') {
        Cow::Owned(value.split_whitespace().collect::<Vec<_>>().join(" "))
    } else {
        Cow::Borrowed(value)
    }
}

/// All fields in the JSON form of PEP 566: names in lower case with `_`, a list for those that may
/// come more than once.
pub fn json(bytes: &[u8]) -> Map<String, Value> {
    let text = String::from_utf8_lossy(bytes);
    let (headers, body) = fields::split(&text);
    let mut all = Map::new();
    for (name, value) in headers {
        let lower = name.to_ascii_lowercase();
        let Some(field) = FIELDS.iter().find(|field| field.header == lower) else {
            continue;
        };
        let key = lower.replace('-', "_");
        if field.many {
            if let Value::Array(list) = all.entry(key).or_insert_with(|| Value::Array(Vec::new())) {
                list.push(value.into_owned().into());
            }
            continue;
        }
        let value = match field.header {
            "keywords" => fields::keywords(&value).into(),
            "description" => fields::unfolded(&value).into(),
            _ => value.into_owned().into(),
        };
        all.entry(key).or_insert(value);
    }
    if !body.trim().is_empty() {
        all.entry("description").or_insert_with(|| body.into());
    }
    all
}

#[cfg(test)]
#[path = "metadata_tests.rs"]
mod tests;
