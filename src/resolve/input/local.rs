//! Projects in folders: what they need, in whatever language their `pyproject.toml` has.
//!
//! A source tree that is required by its path, or is another member of a workspace, may be a project
//! of Poetry, or take its own dependencies from the workspace: read as a package from an index it
//! would need names that somebody else may hold there.

use std::future::Future;
use std::path::{Path, PathBuf};
use std::str::FromStr as _;
use std::sync::Arc;

use credential_helper_protocol::Failure;
use pep508_rs::{MarkerTree, PackageName};
use url::Url;

use super::{Around, Asked, Chosen, Disk, Files};
use crate::index::offers::{Listing, Offers, Rule};
use crate::index::project::File;
use crate::package::document::Document;
use crate::package::metadata::Metadata;
use crate::package::{Requirement, Version};

const PROJECT: &str = "pyproject.toml";

/// What sources offer, with the projects in folders read by their own files.
pub struct Local<O>(pub Arc<O>);

impl<O: Offers> Offers for Local<O> {
    fn rule(&self) -> Rule {
        self.0.rule()
    }

    fn tier(
        &self,
        project: &PackageName,
        pin: Option<&str>,
        tier: usize,
    ) -> impl Future<Output = Result<Option<Arc<[Listing]>>, Failure>> + Send {
        self.0.tier(project, pin, tier)
    }

    fn metadata(
        &self,
        listing: &Listing,
        file: &File,
    ) -> impl Future<Output = Result<Arc<Metadata>, Failure>> + Send {
        self.0.metadata(listing, file)
    }

    async fn direct(&self, project: &PackageName, url: &Url) -> Result<Arc<Metadata>, Failure> {
        if let Some(folder) = folder(url)
            && let Some(found) = metadata(&folder, &Disk)?
            && found.name == *project
        {
            return Ok(Arc::new(found));
        }
        self.0.direct(project, url).await
    }
}

/// The folder of a `file:` URL, with the part of it that its fragment names.
fn folder(url: &Url) -> Option<PathBuf> {
    if url.scheme() != "file" {
        return None;
    }
    let folder = url.to_file_path().ok()?;
    let mut parts = url.fragment().unwrap_or_default().split('&');
    Some(
        match parts.find_map(|part| part.strip_prefix("subdirectory=")) {
            Some(below) => folder.join(below),
            None => folder,
        },
    )
}

/// What the project in a folder says of itself; `None` where only a build can tell.
///
/// # Errors
/// Where its file is wrong.
fn metadata(folder: &Path, files: &dyn Files) -> Result<Option<Metadata>, Failure> {
    let path = folder.join(PROJECT);
    if !files.is_file(&path) {
        return Ok(None);
    }
    let Some(text) = files.text(&path)? else {
        return Ok(None);
    };
    let document = Document::parse(&path.to_string_lossy(), &text)?;
    let Some((name, version)) = identity(&document)? else {
        return Ok(None);
    };
    let around = Around {
        files,
        variable: &|_| None,
        folder,
    };
    let read = |chosen: &Chosen| {
        let mut asked = Asked::default();
        asked.project(Path::new(PROJECT), chosen, &around)?;
        Ok::<Asked, Failure>(asked)
    };
    let main = read(&Chosen::default())?;
    let mut found = Metadata {
        name,
        version,
        requires: main
            .requirements
            .iter()
            .map(|one| one.requirement.clone())
            .collect(),
        requires_python: main.requires_python,
        extras: Vec::new(),
        doubts: Vec::new(),
    };
    let all = Chosen {
        all_extras: true,
        ..Chosen::default()
    };
    for extra in read(&all)?.extras {
        let chosen = Chosen {
            extras: vec![extra.to_string()],
            ..Chosen::default()
        };
        let mut of_main: Vec<&Requirement> = main
            .requirements
            .iter()
            .map(|one| &one.requirement)
            .collect();
        for one in read(&chosen)?.requirements {
            // What is there without the extra is there already.
            match of_main.iter().position(|own| **own == one.requirement) {
                Some(at) => drop(of_main.swap_remove(at)),
                None => found
                    .requires
                    .push(one.requirement.with_extra_marker(&extra)),
            }
        }
        found.extras.push(extra);
    }
    found.requires.retain(|one| one.marker != MarkerTree::FALSE);
    Ok(Some(found))
}

/// The name and version; `None` where they, or the dependencies, come from a build.
fn identity(document: &Document) -> Result<Option<(PackageName, Version)>, Failure> {
    let project = document.at(&["project"])?;
    let poetry = document.at(&["tool", "poetry"])?;
    let dependencies = document.at(&["tool", "poetry", "dependencies"])?;
    let dynamic = match &project {
        Some(table) => table.texts_of("dynamic")?,
        None => Vec::new(),
    };
    let from_build = |key: &str| {
        let of_poetry = matches!(
            key,
            "dependencies" | "optional-dependencies" | "requires-python"
        );
        of_poetry && dependencies.is_none()
    };
    if dynamic.into_iter().any(from_build) {
        return Ok(None);
    }
    let text = |key: &str| {
        for table in [&project, &poetry].into_iter().flatten() {
            if let Some(text) = table.text_of(key)? {
                return Ok(Some(text));
            }
        }
        Ok::<_, Failure>(None)
    };
    let name = text("name")?.and_then(|name| PackageName::from_str(name).ok());
    let version = text("version")?.and_then(|version| Version::from_str(version).ok());
    Ok(name.zip(version))
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use url::Url;

    use super::super::held::Held;
    use super::{folder, metadata};

    #[test]
    fn folders_of_urls() {
        for (url, expected) in [
            ("file:///p/a", Some("/p/a")),
            ("file:///p/a#subdirectory=b/c", Some("/p/a/b/c")),
            ("https://e.org/a", None),
        ] {
            let found = folder(&Url::parse(url).unwrap());
            assert_eq!(found.as_deref(), expected.map(Path::new), "{url}");
        }
    }

    #[test]
    fn projects_of_every_kind() {
        let files = Held::new(&[
            (
                "a/pyproject.toml",
                "[tool.poetry]\nname='A'\nversion='1.0'\n[tool.poetry.dependencies]\npython='^3.9'\n\
                 b='^2'\nc={path='../c'}\nd={version='*',optional=true}\n[tool.poetry.extras]\nmore=['d']",
            ),
            ("pyproject.toml", "[tool.uv.workspace]\nmembers=['c', 'e']"),
            (
                "c/pyproject.toml",
                "[project]\nname='c'\nversion='2'\ndependencies=['e']\n[project.optional-dependencies]\nx=['e[y]']\n\
                 [tool.uv.sources]\ne={workspace=true}",
            ),
            (
                "e/pyproject.toml",
                "[project]\nname='e'\ndynamic=['version']",
            ),
            (
                "f/pyproject.toml",
                "[project]\nname='f'\nversion='1'\ndynamic=['dependencies']",
            ),
            ("g/setup.py", ""),
        ]);
        for (name, expected) in [
            (
                "a",
                Some(
                    "a 1.0 [\"b>=2,<3\", \"c @ file:///p/c\", \"d ; extra == 'more'\"] [\"more\"]",
                ),
            ),
            (
                "c",
                Some("c 2 [\"e @ file:///p/e\", \"e[y] @ file:///p/e ; extra == 'x'\"] [\"x\"]"),
            ),
            ("e", None),
            ("f", None),
            ("g", None),
        ] {
            let found = metadata(&Path::new("/p").join(name), &files).unwrap();
            let told = found.map(|one| {
                let requires: Vec<String> = one.requires.iter().map(ToString::to_string).collect();
                let extras: Vec<String> = one.extras.iter().map(ToString::to_string).collect();
                format!("{} {} {requires:?} {extras:?}", one.name, one.version)
            });
            assert_eq!(told.as_deref(), expected, "{name}");
        }
    }
}
