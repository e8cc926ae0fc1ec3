//! Finds and reads the files that say where packages come from.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use credential_helper_protocol::surroundings::{Platform, Surroundings};
use credential_helper_protocol::{ErrorCode, Failure};

use super::change::Place;
use super::mirror::Mirrors;
use super::uv::Layer;
use super::{Form, Options, Pin, Priority, Source, Sources, given, pip, poetry, uv};
use crate::domain::text::shown;
use crate::domain::toml_text::Document;
use crate::domain::workspace::{WORKSPACE, is_member};
use crate::edit::read::named;
use crate::index::offers::Rule;

impl Sources {
    /// The sources of the project that `folder` lies in, which must be an absolute path.
    ///
    /// A project of Poetry's has Poetry's sources. Any other has those of uv: the variables, the
    /// project, the root of its workspace, the user, the machine; where none of these says
    /// anything, those of pip. What `options` say comes first, an index URL in place of all.
    ///
    /// # Errors
    /// Where a file cannot be read or understood: nothing is looked up elsewhere instead.
    pub fn of(folder: &Path, options: &Options, around: &Surroundings) -> Result<Self, Failure> {
        let project = Project::find(folder)?;
        let given = options.layer(folder)?;
        // An index URL stands in place of all that is configured; by pins that is still found.
        let replaced = options.index_url.is_some();
        let (front, wanted) = if replaced {
            (uv::ordered(vec![given], Vec::new())?.0, Layer::default())
        } else {
            (Vec::new(), given)
        };
        let mut found = match &project {
            Some(project) if project.is_poetrys()? => project.poetry(wanted)?,
            _ => layered(project.as_ref(), folder, wanted, around)?,
        };
        if replaced {
            found.rule = Rule::IndexPriority;
            for source in &mut found.sources {
                source.priority = Priority::Explicit;
            }
            found.sources.splice(0..0, front);
        }
        let mirrors = Mirrors::read(around, folder, &mut found.warnings)?;
        for source in &mut found.sources {
            mirrors.apply(source);
        }
        Ok(Self {
            rule: found.rule,
            all: found.sources.into_iter().map(Arc::new).collect(),
            pins: found.pins,
            warnings: found.warnings,
        })
    }
}

/// The lists of sources of the project that `folder` lies in: first the one that rules, to which a
/// new source belongs.
///
/// # Errors
/// `usage` outside any project; where its file cannot be read or understood.
pub fn places(folder: &Path) -> Result<Vec<Place>, Failure> {
    let Some(project) = Project::find(folder)? else {
        let folder = shown(&folder.to_string_lossy());
        return Err(Failure::new(
            ErrorCode::Usage,
            format!("{folder} is in no project: there is no pyproject.toml here or above"),
        )
        .hint("create one, for example with `poetry init` or `uv init`"));
    };
    let pyproject = project.folder.join("pyproject.toml");
    let own = project.folder.join("uv.toml");
    let place = |file: &Path, form| Place {
        file: file.to_owned(),
        form,
    };
    let mut places = Vec::new();
    // Beside a `uv.toml`, uv does not look into `pyproject.toml`.
    if own.exists() {
        places.push(place(&own, Form::Uv));
    }
    if project.pyproject.is_some() {
        places.push(place(&pyproject, Form::Uv));
        places.push(place(&pyproject, Form::Poetry));
    }
    if project.is_poetrys()? {
        places.reverse();
    }
    Ok(places)
}

/// What was found, before mirrors take their places.
struct Found {
    rule: Rule,
    sources: Vec<Source>,
    pins: Vec<Pin>,
    warnings: Vec<String>,
}

/// The project that a folder lies in.
struct Project {
    folder: PathBuf,
    file: String,
    pyproject: Option<Document>,
}

impl Project {
    /// The nearest folder with a `pyproject.toml` or a `uv.toml`.
    fn find(working: &Path) -> Result<Option<Self>, Failure> {
        for folder in working.ancestors() {
            let path = folder.join("pyproject.toml");
            let pyproject = open(&path)?;
            if pyproject.is_some() || folder.join("uv.toml").exists() {
                return Ok(Some(Self {
                    folder: folder.to_owned(),
                    file: shown(&path.to_string_lossy()),
                    pyproject,
                }));
            }
        }
        Ok(None)
    }

    /// Whether Poetry's rule holds. Where both tools are configured uv's does: it is the narrower.
    fn is_poetrys(&self) -> Result<bool, Failure> {
        let Some(document) = &self.pyproject else {
            return Ok(false);
        };
        Ok(poetry::is_project(document)? && document.at(&["tool", "uv", "index"])?.is_none())
    }

    fn poetry(&self, wanted: Layer) -> Result<Found, Failure> {
        let declared = match &self.pyproject {
            Some(document) => poetry::declared(document, &self.folder, &self.file)?,
            None => poetry::Declared::default(),
        };
        let (own, warnings) = declared.ordered()?;
        let no_index = wanted.no_index == Some(true);
        let mut sources = from_options(wanted);
        if !no_index {
            sources.extend(own);
        }
        Ok(Found {
            rule: Rule::VersionPriority,
            sources,
            pins: Vec::new(),
            warnings,
        })
    }

    /// What uv reads here: `uv.toml` where there is one, else `[tool.uv]`.
    fn uv(&self) -> Result<Option<Layer>, Failure> {
        let path = self.folder.join("uv.toml");
        if let Some(document) = open(&path)? {
            let file = shown(&path.to_string_lossy());
            return Ok(Some(uv::layer(&document.root(), &self.folder, &file)?));
        }
        let Some(document) = &self.pyproject else {
            return Ok(None);
        };
        let table = document.at(&["tool", "uv"])?;
        Ok(table
            .map(|table| uv::layer(&table, &self.folder, &self.file))
            .transpose()?)
    }

    /// The root of the workspace that this is a member of. As in uv, the nearest workspace above
    /// decides, and a project between is the end of the search.
    fn workspace(&self) -> Result<Option<Self>, Failure> {
        if let Some(document) = &self.pyproject
            && document.at(WORKSPACE)?.is_some()
        {
            return Ok(None);
        }
        for folder in self.folder.ancestors().skip(1) {
            let path = folder.join("pyproject.toml");
            let Some(above) = open(&path)? else {
                continue;
            };
            if let Some(workspace) = above.at(WORKSPACE)? {
                let member = is_member(&workspace, folder, &self.folder)?;
                return Ok(member.then(|| Self {
                    folder: folder.to_owned(),
                    file: shown(&path.to_string_lossy()),
                    pyproject: Some(above),
                }));
            }
            if above.at(&["project"])?.is_some() {
                return Ok(None);
            }
        }
        Ok(None)
    }

    fn pins(&self) -> Result<Vec<Pin>, Failure> {
        match &self.pyproject {
            Some(document) => Ok(uv::pins(document, &self.file)?),
            None => Ok(Vec::new()),
        }
    }
}

/// The sources of the command line, for a project whose own are not in layers.
fn from_options(wanted: Layer) -> Vec<Source> {
    let links = wanted.links.into_iter().map(|mut source| {
        source.always = true;
        source
    });
    let indexes = wanted.indexes.into_iter();
    let indexes = indexes.filter(|_| wanted.no_index != Some(true));
    links.chain(indexes.map(|listed| listed.source)).collect()
}

fn layered(
    project: Option<&Project>,
    folder: &Path,
    wanted: Layer,
    around: &Surroundings,
) -> Result<Found, Failure> {
    let mut warnings = Vec::new();
    let root = project.map(Project::workspace).transpose()?.flatten();
    let own: Vec<&Project> = project.into_iter().chain(&root).collect();
    let mut pins: Vec<Pin> = Vec::new();
    for place in &own {
        // What a member says of a project goes before what its workspace says of it.
        let more = place.pins()?.into_iter();
        let more: Vec<Pin> = more
            .filter(|pin| !pins.iter().any(|other| other.project == pin.project))
            .collect();
        pins.extend(more);
    }
    if let Some(project) = project
        && let Some(document) = &project.pyproject
        && poetry::is_project(document)?
    {
        warnings.push(format!(
            "{} has sources of Poetry and indexes of uv: uv's are used, by index priority",
            project.file
        ));
    }
    let mut layers = uv_files(&own, folder, around)?;
    let variables = given::environment(around, folder, &layers)?;
    let mut uvs = false;
    for place in &own {
        uvs |= place.uv()?.is_some();
    }
    // A project of uv's has nothing from pip's files, as for uv itself.
    if !uvs && variables.is_silent() && layers.iter().all(Layer::is_silent) {
        let mut texts = Vec::new();
        for path in pip::files(around, folder) {
            if let Some(text) = named(&path)? {
                texts.push((shown(&path.to_string_lossy()), text));
            }
        }
        layers.push(pip::layer(&texts, around, folder)?);
    }
    let (sources, mut told) = uv::ordered(vec![wanted, variables], layers)?;
    warnings.append(&mut told);
    Ok(Found {
        rule: Rule::IndexPriority,
        sources,
        pins,
        warnings,
    })
}

/// What uv's files say, the stronger first.
fn uv_files(own: &[&Project], folder: &Path, around: &Surroundings) -> Result<Vec<Layer>, Failure> {
    let mut layers = Vec::new();
    let on = |name| {
        around
            .set(name)
            .is_some_and(|value| !matches!(value.to_str(), Some("0" | "false" | "no" | "off")))
    };
    let mut file = |path: PathBuf| -> Result<bool, Failure> {
        let Some(document) = open(&path)? else {
            return Ok(false);
        };
        let above = path.parent().unwrap_or(folder);
        let name = shown(&path.to_string_lossy());
        layers.push(uv::layer(&document.root(), above, &name)?);
        Ok(true)
    };
    // uv reads this one in place of all others.
    if let Some(path) = around.set("UV_CONFIG_FILE") {
        let path = folder.join(path);
        if !file(path.clone())? {
            let path = shown(&path.to_string_lossy());
            return Err(Failure::new(
                ErrorCode::Unavailable,
                format!("cannot read {path}, which UV_CONFIG_FILE names: it is not there"),
            ));
        }
        return Ok(layers);
    }
    if on("UV_NO_CONFIG") {
        return Ok(layers);
    }
    if let Some(users) = around.uv_folder() {
        file(users.join("uv.toml"))?;
    }
    if around.platform == Platform::Xdg && !on("UV_NO_SYSTEM_CONFIG") {
        let folders = around.set("XDG_CONFIG_DIRS").unwrap_or("/etc/xdg".into());
        let mut paths: Vec<PathBuf> = std::env::split_paths(&folders)
            .map(|at| at.join("uv/uv.toml"))
            .collect();
        paths.push(PathBuf::from("/etc/uv/uv.toml"));
        for path in paths {
            if file(path)? {
                break;
            }
        }
    }
    let mut all = Vec::new();
    for project in own {
        all.extend(project.uv()?);
    }
    all.append(&mut layers);
    Ok(all)
}

/// A TOML file; `None` where it is not there.
pub(super) fn open(path: &Path) -> Result<Option<Document>, Failure> {
    match named(path)? {
        Some(text) => Ok(Some(Document::parse(path, &text)?)),
        None => Ok(None),
    }
}

#[cfg(test)]
#[path = "gather_tests.rs"]
mod tests;
