//! `[[tool.poetry.source]]` (Poetry `factory.py`, `repository_pool.py`, `json/schemas/poetry.json`).

use std::path::Path;

use credential_helper_protocol::{ErrorCode, Failure};

use super::address::Address;
use super::{Form, Kind, PYPI, Priority, Source};
use crate::domain::name::RepositoryName;
use crate::domain::toml_text::{Document, FileFailure, Item};

/// Where the sources stand.
const SOURCES: &[&str] = &["tool", "poetry", "source"];
/// The name that Poetry gives PyPI, however it is written.
const NAME: &str = "PyPI";
/// The keys of a source; those that are not read here have no effect in Poetry either.
const KEYS: [&str; 7] = [
    "name",
    "url",
    "priority",
    "default",
    "secondary",
    "links",
    "indexed",
];

/// The entries as they stand in the file.
#[derive(Debug, Default)]
pub struct Declared {
    /// The sources, in the order of the file.
    pub sources: Vec<Source>,
    /// What is written in words that are gone.
    pub warnings: Vec<String>,
    /// The places in `sources` of those that were `default`, which came before all others.
    foremost: Vec<usize>,
}

/// Whether the project is one of Poetry's: it says so in Poetry's words.
///
/// # Errors
/// Where one of the tables on the way is none.
pub fn is_project(document: &Document) -> Result<bool, FileFailure> {
    if document.at(&["tool", "poetry"])?.is_some() {
        return Ok(true);
    }
    let backend = document.at(&["build-system", "build-backend"])?;
    Ok(backend.is_some_and(|item| item.text().is_ok_and(|text| text.starts_with("poetry."))))
}

/// Reads the entries. An entry that cannot be used is an error: without it, a project would be
/// looked for elsewhere.
///
/// # Errors
/// Names the line: no name, no URL, a URL for PyPI, an unknown priority, a name that is there twice.
pub fn declared(document: &Document, folder: &Path, file: &str) -> Result<Declared, FileFailure> {
    let mut found = Declared::default();
    let Some(list) = document.at(SOURCES)? else {
        return Ok(found);
    };
    for item in list.elements()? {
        let source = found.entry(&item, folder, file)?;
        let name = source.name.as_deref().unwrap_or_default();
        // Names that differ in case only are one in Poetry's pool.
        let twice = found.sources.iter().any(|other| {
            let other = other.name.as_deref().unwrap_or_default();
            other.to_lowercase() == name.to_lowercase()
        });
        if twice {
            return Err(item.fails("has the name of another source"));
        }
        found.sources.push(source);
    }
    Ok(found)
}

impl Declared {
    fn entry(&mut self, item: &Item<'_>, folder: &Path, file: &str) -> Result<Source, FileFailure> {
        let Some(name) = item.get("name")? else {
            return Err(item.fails("has no name"));
        };
        let text = name.text()?;
        RepositoryName::parse(text)
            .map_err(|failure| name.fails(&format!("cannot be used: {failure}")))?;
        for (key, value) in item.entries()? {
            if !KEYS.contains(&key) {
                self.warnings.push(
                    value.says("is no key of a source: it has no effect, and Poetry refuses it"),
                );
            }
        }
        let place = format!("{file} line {}", item.line());
        let url = item.get("url")?;
        let mut source = if text.eq_ignore_ascii_case(NAME) {
            if let Some(url) = url {
                return Err(url.fails(
                    "stands beside the name of PyPI, whose URL is fixed: leave it out, or give the \
                     source another name",
                ));
            }
            let address = Address::parse(PYPI, None).map_err(|why| item.fails(&why))?;
            let mut source = address.index(Form::Poetry, place);
            source.name = Some(NAME.to_owned());
            source
        } else {
            let Some(url) = url else {
                return Err(item.fails("has no url"));
            };
            let written = url.text()?;
            let address = Address::parse(written, Some(folder)).map_err(|why| url.fails(&why))?;
            let mut source = address.index(Form::Poetry, place);
            if is_page(written) {
                source.kind = match source.kind {
                    Kind::LocalIndex(path) => Kind::Local(path),
                    _ => Kind::Flat,
                };
            }
            source.name = Some(text.to_owned());
            source
        };
        source.priority = self.priority(item)?;
        Ok(source)
    }

    /// The priority, also in the words that Poetry 2.0 took out.
    fn priority(&mut self, item: &Item<'_>) -> Result<Priority, FileFailure> {
        let mut old = None;
        for key in ["default", "secondary"] {
            let Some(value) = item.get(key)? else {
                continue;
            };
            if value.boolean()? {
                old = old.or(Some((key, value)));
            } else {
                self.warnings
                    .push(value.says("has no effect since Poetry 2.0: take it out"));
            }
        }
        if let Some(value) = item.get("priority")? {
            if let Some((_, old)) = old {
                self.warnings
                    .push(old.says("has no effect beside a priority: take it out"));
            }
            return match value.text()? {
                "primary" => Ok(Priority::Primary),
                "supplemental" => Ok(Priority::Supplemental),
                "explicit" => Ok(Priority::Explicit),
                "default" => Ok(self.old_default(&value)),
                "secondary" => Ok(self.old_secondary(&value)),
                _ => Err(value.fails("must be \"primary\", \"supplemental\" or \"explicit\"")),
            };
        }
        Ok(match old {
            Some(("default", value)) => self.old_default(&value),
            Some((_, value)) => self.old_secondary(&value),
            None => Priority::Primary,
        })
    }

    /// It was asked first and turned PyPI off; any primary source does that now.
    fn old_default(&mut self, item: &Item<'_>) -> Priority {
        self.warnings.push(item.says(
            "is gone since Poetry 2.0: write priority = \"primary\", which turns PyPI off too",
        ));
        self.foremost.push(self.sources.len());
        Priority::Primary
    }

    /// It was pooled with all others. What is nearest to it today is asked only for what they lack.
    fn old_secondary(&mut self, item: &Item<'_>) -> Priority {
        self.warnings.push(item.says(
            "is gone since Poetry 2.0 and read as supplemental: write priority = \"supplemental\"",
        ));
        Priority::Supplemental
    }

    /// The sources in the order in which they are asked, with PyPI where it is implied: no entry
    /// names it, and no other source is primary (`factory.py`, `create_pool`).
    ///
    /// # Errors
    /// `usage`, where all are explicit, so that nothing could be found.
    pub fn ordered(self) -> Result<(Vec<Source>, Vec<String>), Failure> {
        let is_pypi = |source: &Source| {
            let name = source.name.as_deref();
            name.is_some_and(|name| name.eq_ignore_ascii_case(NAME))
        };
        let listed = self.sources.iter().any(is_pypi);
        let primary = |source: &Source| source.priority == Priority::Primary;
        let mut sources: Vec<(bool, Source)> = self
            .sources
            .into_iter()
            .enumerate()
            .map(|(at, source)| (!self.foremost.contains(&at), source))
            .collect();
        if !listed && !sources.iter().any(|(_, source)| primary(source)) {
            sources.push((true, Source::pypi(NAME, Priority::Primary)?));
        }
        if sources
            .iter()
            .all(|(_, source)| source.priority == Priority::Explicit)
        {
            return Err(Failure::new(
                ErrorCode::Usage,
                "all package sources of this project are explicit, so nothing can be looked up",
            )
            .hint("give one of them the priority \"primary\""));
        }
        sources.sort_by_key(|(behind, source)| (source.priority, *behind));
        let sources = sources.into_iter().map(|(_, source)| source).collect();
        Ok((sources, self.warnings))
    }
}

/// Whether the URL is that of one page with all files (`factory.py`: `.*\.(htm|html)$`).
fn is_page(url: &str) -> bool {
    [".htm", ".html"].iter().any(|end| url.ends_with(end))
}

#[cfg(test)]
#[path = "poetry_tests.rs"]
mod tests;
