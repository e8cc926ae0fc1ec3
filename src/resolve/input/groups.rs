//! Groups of dependencies: `[dependency-groups]` (PEP 735), `[tool.poetry.group.*]`, and what came
//! before both.

use std::collections::BTreeMap;
use std::str::FromStr as _;

use credential_helper_protocol::Failure;
use pep508_rs::ExtraName;

use super::poetry::tables::{self, Main};
use super::{Around, Asked, Wanted, requirements};
use crate::package::document::{Document, Item};

/// The groups of a project, by their normalised names.
#[derive(Default)]
pub(super) struct Groups<'a>(BTreeMap<String, Group<'a>>);

#[derive(Default)]
struct Group<'a> {
    /// How its name is written.
    name: &'a str,
    /// The entries of PEP 735's table.
    standard: Option<Vec<Item<'a>>>,
    /// `[tool.poetry.group.NAME.dependencies]`.
    poetry: Option<Item<'a>>,
    /// `include-groups` of Poetry.
    includes: Vec<Item<'a>>,
    /// `[tool.uv] dev-dependencies`.
    uv: Vec<Item<'a>>,
}

/// A group's name as it is compared (PEP 735, that of PEP 503).
pub(super) fn normal(name: &str) -> Option<String> {
    ExtraName::from_str(name).ok().map(|name| name.to_string())
}

impl<'a> Groups<'a> {
    /// Reads what there is.
    ///
    /// # Errors
    /// Where two names are the same but for their spelling, or something is of the wrong kind.
    pub(super) fn read(document: &'a Document) -> Result<Self, Failure> {
        let mut groups = Self::default();
        if let Some(table) = document.at(&["dependency-groups"])? {
            for (name, item) in table.entries()? {
                let group = groups.group(name, &item)?;
                if group.standard.is_some() {
                    return Err(item.wrong("there are two groups of this name"));
                }
                group.standard = Some(item.list()?);
            }
        }
        if let Some(table) = document.at(&["tool", "poetry", "group"])? {
            for (name, item) in table.entries()? {
                let group = groups.group(name, &item)?;
                if group.poetry.is_some() || group.name != name {
                    return Err(item.wrong("there are two groups of this name"));
                }
                group.poetry = item.get("dependencies")?;
                if let Some(list) = item.get("include-groups")? {
                    group.includes = list.list()?;
                }
            }
        }
        if let Some(item) = document.at(&["tool", "poetry", "dev-dependencies"])? {
            let group = groups.group("dev", &item)?;
            if group.poetry.is_some() {
                return Err(item.wrong("there is a group `dev` beside it"));
            }
            group.poetry = Some(item);
        }
        if let Some(item) = document.at(&["tool", "uv", "dev-dependencies"])? {
            groups.group("dev", &item)?.uv = item.list()?;
        }
        Ok(groups)
    }

    fn group(&mut self, name: &'a str, item: &Item<'a>) -> Result<&mut Group<'a>, Failure> {
        let key = normal(name).ok_or_else(|| item.wrong("it is no name of a group"))?;
        let group = self.0.entry(key).or_default();
        if group.name.is_empty() {
            group.name = name;
        }
        Ok(group)
    }

    /// The normalised names.
    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }

    /// All that a group asks for, also through the groups that it includes.
    ///
    /// # Errors
    /// Where an entry is wrong, or groups include each other in a circle.
    pub(super) fn wanted(
        &self,
        name: &str,
        asked: &mut Asked,
        around: &Around<'_>,
    ) -> Result<Vec<Wanted>, Failure> {
        let mut found = Vec::new();
        self.expand(name, &mut Vec::new(), asked, around, &mut found)?;
        Ok(found)
    }

    fn expand<'b>(
        &'b self,
        name: &str,
        open: &mut Vec<&'b str>,
        asked: &mut Asked,
        around: &Around<'_>,
        found: &mut Vec<Wanted>,
    ) -> Result<(), Failure> {
        let Some((name, group)) = self.0.get_key_value(name) else {
            return Ok(());
        };
        open.push(name);
        let poetry = Main::read(group.poetry.as_ref(), around)?;
        for item in group.standard.iter().flatten().chain(&group.uv) {
            if item.is_text() {
                let one = requirements::pep508(asked, item, around)?;
                found.extend(tables::enriched(asked, one, &poetry)?);
                continue;
            }
            let Some(include) = item.get("include-group")? else {
                return Err(item.must_be("a requirement, or { include-group = \"...\" }"));
            };
            self.include(&include, open, asked, around, found)?;
        }
        if group.standard.as_ref().is_none_or(Vec::is_empty) {
            for entry in poetry.entries {
                asked.userinfo.extend(entry.userinfo);
                found.push(entry.wanted);
            }
        }
        for include in &group.includes {
            self.include(include, open, asked, around, found)?;
        }
        open.pop();
        Ok(())
    }

    fn include<'b>(
        &'b self,
        item: &Item<'_>,
        open: &mut Vec<&'b str>,
        asked: &mut Asked,
        around: &Around<'_>,
        found: &mut Vec<Wanted>,
    ) -> Result<(), Failure> {
        let name = normal(item.text()?).unwrap_or_default();
        if !self.0.contains_key(&name) {
            return Err(item.wrong("there is no group of this name"));
        }
        if open.contains(&name.as_str()) {
            let circle = format!(
                "the groups include each other: {} -> {name}",
                open.join(" -> ")
            );
            return Err(item.wrong(&circle));
        }
        self.expand(&name, open, asked, around, found)
    }
}
