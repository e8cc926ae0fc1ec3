//! What a `pyproject.toml` asks for: `[project]` (PEP 621), groups, and what Poetry and uv add.

use std::path::Path;
use std::str::FromStr as _;

use credential_helper_protocol::{ErrorCode, Failure};
use pep508_rs::{ExtraName, MarkerTree, PackageName, VersionOrUrl};

use super::groups::{self, Groups};
use super::poetry::tables::{self, Main};
use super::uv::{self, Sources, Within};
use super::workspace::Workspace;
use super::{Around, Asked, Role, Wanted, direct, requirements};
use crate::domain::text::shown;
use crate::package::VersionSpecifiers;
use crate::package::document::{Document, Item};

/// Which parts of a project are asked for, besides what it always needs.
#[derive(Clone, Debug, Default)]
pub struct Chosen {
    /// These extras.
    pub extras: Vec<String>,
    /// All extras, and whatever is optional.
    pub all_extras: bool,
    /// These groups.
    pub groups: Vec<String>,
    /// All groups.
    pub all_groups: bool,
}

impl Chosen {
    /// Everything that the project names.
    pub fn everything() -> Self {
        Self {
            all_extras: true,
            all_groups: true,
            ..Self::default()
        }
    }
}

impl Asked {
    /// Reads a `pyproject.toml`.
    ///
    /// # Errors
    /// Where it is not there or wrong, its dependencies come from a build, or a chosen extra or group
    /// is not in it.
    pub fn project(
        &mut self,
        path: &Path,
        chosen: &Chosen,
        around: &Around<'_>,
    ) -> Result<(), Failure> {
        let path = direct::normal(&around.folder.join(path));
        let name = path
            .strip_prefix(around.folder)
            .map_or_else(|_| path.to_string_lossy(), Path::to_string_lossy);
        let Some(text) = around.files.text(&path)? else {
            let message = format!("there is no file {}", shown(&name));
            return Err(Failure::new(ErrorCode::NotFound, message)
                .hint("give requirements, or -r and a file of them"));
        };
        let document = Document::parse(&name, &text)?;
        let folder = path.parent().unwrap_or(around.folder);
        let around = around.of(folder);
        let workspace = Workspace::find(folder, &around)?;
        let root = workspace.root.as_ref();
        let root_name = root.map(|(folder, _)| folder.join("pyproject.toml"));
        let above = match (root, &root_name) {
            (Some((_, text)), Some(name)) => Some(Document::parse(&name.to_string_lossy(), text)?),
            _ => None,
        };
        let mut sources = Sources::default();
        if let (Some((folder, _)), Some(above)) = (root, &above) {
            sources.add(above, folder)?;
        }
        sources.add(&document, folder)?;
        let mut reader = Reader {
            asked: self,
            document: &document,
            around,
            sources,
            workspace: &workspace,
        };
        reader.all(chosen)?;
        let top = root.map_or(folder, |(folder, _)| folder.as_path());
        reader.settings(above.as_ref().unwrap_or(&document), top)
    }
}

struct Reader<'a> {
    asked: &'a mut Asked,
    document: &'a Document,
    around: Around<'a>,
    sources: Sources<'a>,
    workspace: &'a Workspace,
}

impl<'a> Reader<'a> {
    fn all(&mut self, chosen: &Chosen) -> Result<(), Failure> {
        let project = self.document.at(&["project"])?;
        let poetry = self.document.at(&["tool", "poetry"])?;
        let groups = Groups::read(self.document)?;
        if project.is_none() && poetry.is_none() && groups.names().next().is_none() {
            let message = format!(
                "{} asks for nothing: it has neither [project] nor [tool.poetry] nor groups",
                self.document.file()
            );
            return Err(Failure::new(ErrorCode::NotFound, message)
                .hint("give requirements, or -r and a file of them"));
        }
        self.asked.project = name(project.as_ref(), poetry.as_ref())?;
        let table = match &poetry {
            Some(poetry) => poetry.get("dependencies")?,
            None => None,
        };
        let main = Main::read(table.as_ref(), &self.around)?;
        self.python(project.as_ref(), &main)?;
        let of_project = self.of_project(project.as_ref(), chosen, &main)?;
        if !of_project {
            self.of_poetry(poetry.as_ref(), chosen, main)?;
        }
        let mut names = Vec::new();
        for name in &chosen.groups {
            let key = groups::normal(name).unwrap_or_default();
            if !groups.names().any(|own| own == key) {
                return Err(self.no_such("group", name, groups.names()));
            }
            names.push(key);
        }
        if chosen.all_groups {
            names.extend(groups.names().map(str::to_owned));
        }
        names.sort();
        names.dedup();
        for name in names {
            for wanted in groups.wanted(&name, self.asked, &self.around)? {
                self.take(wanted, &Within::Group(name.clone()))?;
            }
            self.asked.groups.push(name);
        }
        Ok(())
    }

    /// Poetry locks for its own `python`, where there is one: it is never wider than the project's.
    fn python(&mut self, project: Option<&Item<'_>>, main: &Main) -> Result<(), Failure> {
        if let Some((range, marker)) = &main.python {
            self.asked.requires_python = (!range.is_empty()).then(|| range.clone());
            self.asked.environments.extend(marker.clone());
            return Ok(());
        }
        let Some(item) = project
            .map(|table| table.get("requires-python"))
            .transpose()?
        else {
            return Ok(());
        };
        if let Some(item) = item {
            let range = VersionSpecifiers::from_str(item.text()?)
                .map_err(|_| item.wrong("it is no range of versions as PEP 440 has it"))?;
            self.asked.requires_python = Some(range);
        }
        Ok(())
    }

    /// What `[project]` says; false where Poetry's tables say it alone.
    fn of_project(
        &mut self,
        project: Option<&Item<'a>>,
        chosen: &Chosen,
        main: &Main,
    ) -> Result<bool, Failure> {
        let Some(project) = project else {
            return Ok(false);
        };
        let dynamic = project.texts_of("dynamic")?;
        let dependencies = project.get("dependencies")?;
        let optional = project.get("optional-dependencies")?;
        let poetry = !main.entries.is_empty() || main.python.is_some();
        // Poetry takes no notice of lists that are there and empty.
        let is_silent = match (&dependencies, &optional) {
            (Some(list), None) => list.list()?.is_empty(),
            (None, Some(table)) => table.entries()?.is_empty(),
            (Some(list), Some(table)) => list.list()?.is_empty() && table.entries()?.is_empty(),
            (None, None) => true,
        };
        if is_silent && poetry {
            return Ok(false);
        }
        let from_build = |key: &str| {
            let message = format!(
                "{}: its {key} are dynamic: they come from a build, which is not run here",
                self.document.file()
            );
            Failure::new(ErrorCode::Malformed, message).hint(format!(
                "write them into [project] {key}, or give requirements with -r"
            ))
        };
        if dynamic.contains(&"dependencies") && !poetry {
            return Err(from_build("dependencies"));
        }
        if dynamic.contains(&"optional-dependencies") && optional.is_none() && !poetry {
            let failure = from_build("optional-dependencies");
            if !chosen.extras.is_empty() {
                return Err(failure);
            }
            if chosen.all_extras {
                self.asked.warnings.push(failure.message);
            }
        }
        if let Some(list) = &dependencies {
            for item in list.list()? {
                self.standard(&item, main, &Within::Main, &MarkerTree::TRUE)?;
            }
        } else if dynamic.contains(&"dependencies") {
            for entry in main.entries.iter().filter(|entry| !entry.optional) {
                self.asked.userinfo.extend(entry.userinfo.clone());
                self.take(entry.wanted.clone(), &Within::Main)?;
            }
        }
        let mut extras = Vec::new();
        if let Some(table) = &optional {
            for (name, item) in table.entries()? {
                let name = ExtraName::from_str(name)
                    .map_err(|_| item.wrong("it is no name of an extra"))?;
                if extras.iter().any(|(other, _)| *other == name) {
                    return Err(item.wrong("there are two extras of this name"));
                }
                extras.push((name, item));
            }
        }
        let names = extras.iter().map(|(name, _)| name.clone()).collect();
        for name in self.extras(names, chosen)? {
            self.extra(&name, &extras, main, &MarkerTree::TRUE, &mut Vec::new())?;
            self.asked.extras.push(name);
        }
        Ok(true)
    }

    /// The dependencies of an extra; those on the project itself are its other extras.
    fn extra(
        &mut self,
        name: &ExtraName,
        extras: &[(ExtraName, Item<'a>)],
        main: &Main,
        condition: &MarkerTree,
        open: &mut Vec<ExtraName>,
    ) -> Result<(), Failure> {
        let Some((_, list)) = extras.iter().find(|(own, _)| own == name) else {
            return Ok(());
        };
        if open.contains(name) {
            return Ok(());
        }
        open.push(name.clone());
        for item in list.list()? {
            let within = Within::Extra(name.to_string());
            let own = self.standard(&item, main, &within, condition)?;
            if let Some(own) = own {
                let mut marker = own.requirement.marker;
                marker.and(condition.clone());
                for extra in &own.requirement.extras {
                    self.extra(extra, extras, main, &marker, open)?;
                }
            }
        }
        open.pop();
        Ok(())
    }

    /// Takes over a requirement of `[project]`; one on the project itself comes back.
    fn standard(
        &mut self,
        item: &Item<'_>,
        main: &Main,
        within: &Within,
        condition: &MarkerTree,
    ) -> Result<Option<Wanted>, Failure> {
        let mut one = requirements::pep508(self.asked, item, &self.around)?;
        if Some(&one.requirement.name) == self.asked.project.as_ref()
            && !matches!(one.requirement.version_or_url, Some(VersionOrUrl::Url(_)))
        {
            return Ok(Some(one));
        }
        one.requirement.marker.and(condition.clone());
        for wanted in tables::enriched(self.asked, one, main)? {
            self.take(wanted, within)?;
        }
        Ok(None)
    }

    /// What Poetry's tables alone say.
    fn of_poetry(
        &mut self,
        poetry: Option<&Item<'_>>,
        chosen: &Chosen,
        main: Main,
    ) -> Result<(), Failure> {
        let table = poetry
            .map(|table| table.get("extras"))
            .transpose()?
            .flatten();
        let extras = tables::extras(table.as_ref())?;
        let mut named = Vec::new();
        for name in self.extras(extras.keys().cloned().collect(), chosen)? {
            for package in &extras[&name] {
                if main.of(package).next().is_none() {
                    let message = format!(
                        "{}: the extra {name} names {package}, which is no dependency",
                        self.document.file()
                    );
                    return Err(Failure::new(ErrorCode::Malformed, message)
                        .hint("add it to [tool.poetry.dependencies] with optional = true"));
                }
                named.push(package.clone());
            }
            self.asked.extras.push(name);
        }
        for entry in main.entries {
            let name = &entry.wanted.requirement.name;
            if entry.optional && !chosen.all_extras && !named.contains(name) {
                continue;
            }
            self.asked.userinfo.extend(entry.userinfo);
            self.take(entry.wanted, &Within::Main)?;
        }
        Ok(())
    }

    /// The extras that were chosen of these.
    fn extras(&self, known: Vec<ExtraName>, chosen: &Chosen) -> Result<Vec<ExtraName>, Failure> {
        if chosen.all_extras {
            return Ok(known);
        }
        let mut found = Vec::new();
        for text in &chosen.extras {
            let name = ExtraName::from_str(text).ok();
            let Some(name) = name.filter(|name| known.contains(name)) else {
                let names: Vec<String> = known.iter().map(ToString::to_string).collect();
                return Err(self.no_such("extra", text, names.iter().map(String::as_str)));
            };
            found.push(name);
        }
        found.sort();
        found.dedup();
        Ok(found)
    }

    fn no_such<'b>(&self, what: &str, name: &str, known: impl Iterator<Item = &'b str>) -> Failure {
        let known: Vec<&str> = known.collect();
        let message = format!("{} has no {what} {}", self.document.file(), shown(name));
        let hint = match known.as_slice() {
            [] => format!("it has no {what}s at all"),
            known => format!("it has {}", known.join(", ")),
        };
        Failure::new(ErrorCode::Usage, message).hint(hint)
    }

    fn take(&mut self, wanted: Wanted, within: &Within) -> Result<(), Failure> {
        let all = self
            .sources
            .applied(wanted, within, self.asked, self.workspace, &self.around)?;
        for one in all {
            self.asked.take(one, Role::Requirements);
        }
        Ok(())
    }

    /// uv's settings, which the root of a workspace has for all of it.
    fn settings(&mut self, document: &Document, folder: &Path) -> Result<(), Failure> {
        let around = self.around.of(folder);
        let path = folder.join("uv.toml");
        if let Some(text) = around.files.text(&path)? {
            let own = Document::parse(&path.to_string_lossy(), &text)?;
            return uv::settings(self.asked, &own.root(), &around);
        }
        match document.at(&["tool", "uv"])? {
            Some(table) => uv::settings(self.asked, &table, &around),
            None => Ok(()),
        }
    }
}

/// The name of the project.
fn name(
    project: Option<&Item<'_>>,
    poetry: Option<&Item<'_>>,
) -> Result<Option<PackageName>, Failure> {
    for table in [project, poetry].into_iter().flatten() {
        if let Some(item) = table.get("name")? {
            let name = PackageName::from_str(item.text()?);
            return name
                .map(Some)
                .map_err(|_| item.wrong("it is no name of a package"));
        }
    }
    Ok(None)
}

#[cfg(test)]
#[path = "project_tests.rs"]
mod tests;
