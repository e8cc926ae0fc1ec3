//! uv's indexes: `[tool.uv]` of `pyproject.toml` and `uv.toml` (uv `settings.rs`, `index.rs`,
//! docs/concepts/indexes.md).

use std::path::Path;
use std::str::FromStr;

use credential_helper_protocol::Failure;

use super::address::Address;
use super::cutoff::{Cutoff, cutoff};
use super::{Authenticate, Form, Priority, Source};
use crate::domain::name::RepositoryName;
use crate::domain::toml_text::{Document, FileFailure, Item};
use crate::package::{ExtraName, MarkerTree, PackageName, requirement};

/// The name of PyPI where nothing lists it.
const PYPI_NAME: &str = "pypi";
/// The table of a project's own list.
const PROJECT: &str = "tool.uv";
/// The keys of an index: those that are read here, and those that are for other work.
const KEYS: [&str; 11] = [
    "name",
    "url",
    "explicit",
    "default",
    "authenticate",
    "ignore-error-codes",
    "format",
    "exclude-newer",
    "publish-url",
    "cache-control",
    "hash-algorithm",
];

/// `[tool.uv.sources]`: a project comes from one index alone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pin {
    /// The project.
    pub project: PackageName,
    /// The name of the index.
    pub source: String,
    /// Where the pin holds.
    pub marker: MarkerTree,
    /// The extra of the project's own for which it holds.
    pub extra: Option<ExtraName>,
    /// The dependency group for which it holds.
    pub group: Option<String>,
    /// Where it stands: file and line.
    pub place: String,
}

/// An entry of `[[tool.uv.index]]`.
#[derive(Clone, Debug)]
pub struct Listed {
    /// The index.
    pub source: Source,
    /// Whether it takes PyPI's place; of one that is explicit too, nothing more than that is left.
    pub default: bool,
}

/// What one place says of indexes: a file, the variables or the command line.
#[derive(Debug, Default)]
pub struct Layer {
    /// The indexes, in order; the default one among them.
    pub indexes: Vec<Listed>,
    /// `extra-index-url`.
    pub extra: Vec<Source>,
    /// `index-url`.
    pub index_url: Option<Source>,
    /// `find-links`.
    pub links: Vec<Source>,
    /// `no-index`.
    pub no_index: Option<bool>,
    /// What has no effect.
    pub warnings: Vec<String>,
}

impl Layer {
    /// Whether it says nothing of where packages come from.
    pub fn is_silent(&self) -> bool {
        self.indexes.is_empty()
            && self.extra.is_empty()
            && self.index_url.is_none()
            && self.links.is_empty()
            && self.no_index.is_none()
    }
}

/// Reads the settings of a table, `[tool.uv]` or the whole of a `uv.toml`. What its `pip` table
/// says comes first, as for `uv pip compile`.
///
/// # Errors
/// Names the line: an entry that cannot be used, a name that is there twice, two defaults.
pub fn layer(table: &Item<'_>, folder: &Path, file: &str) -> Result<Layer, FileFailure> {
    let mut layer = Layer::default();
    if let Some(pip) = table.get("pip")? {
        urls(&pip, folder, file, &mut layer)?;
    }
    indexes(table, folder, file, &mut layer)?;
    urls(table, folder, file, &mut layer)?;
    Ok(layer)
}

/// `index`, which a `pip` table does not have.
fn indexes(
    table: &Item<'_>,
    folder: &Path,
    file: &str,
    layer: &mut Layer,
) -> Result<(), FileFailure> {
    if let Some(list) = table.get("index")? {
        for item in list.elements()? {
            let index = index(&item, folder, file, &mut layer.warnings)?;
            let others = &layer.indexes;
            let name = &index.source.name;
            let named = name.is_some() && others.iter().any(|other| other.source.name == *name);
            let second = if named {
                Some("has the name of another index")
            } else if index.default && others.iter().any(|other| other.default) {
                Some("is the second default index")
            } else {
                None
            };
            if let Some(second) = second {
                // uv looks for this in a project's own list alone (`pyproject.rs`).
                if table.path() == PROJECT {
                    return Err(item.fails(&format!("{second}: one is allowed")));
                }
                layer
                    .warnings
                    .push(item.says(&format!("{second}: the first one counts")));
            }
            layer.indexes.push(index);
        }
    }
    Ok(())
}

/// What stands beside it in the words of pip.
fn urls(table: &Item<'_>, folder: &Path, file: &str, layer: &mut Layer) -> Result<(), FileFailure> {
    let read = |item: &Item<'_>| {
        let address = Address::parse(item.text()?, Some(folder)).map_err(|why| item.fails(&why))?;
        Ok::<_, FileFailure>((address, format!("{file} line {}", item.line())))
    };
    if let Some(list) = table.get("extra-index-url")? {
        for item in list.elements()? {
            let (address, place) = read(&item)?;
            layer.extra.push(address.index(Form::Uv, place));
        }
    }
    if let Some(item) = table.get("index-url")?
        && layer.index_url.is_none()
    {
        let (address, place) = read(&item)?;
        layer.index_url = Some(address.index(Form::Uv, place));
    }
    if let Some(list) = table.get("find-links")? {
        for item in list.elements()? {
            let (address, place) = read(&item)?;
            layer.links.push(address.flat(Form::Uv, place));
        }
    }
    if let Some(item) = table.get("no-index")?
        && layer.no_index.is_none()
    {
        layer.no_index = Some(item.boolean()?);
    }
    Ok(())
}

fn index(
    item: &Item<'_>,
    folder: &Path,
    file: &str,
    warnings: &mut Vec<String>,
) -> Result<Listed, FileFailure> {
    for (key, value) in item.entries()? {
        if !KEYS.contains(&key) {
            warnings.push(value.says("is no key of an index: it has no effect"));
        }
    }
    let Some(url) = item.get("url")? else {
        return Err(item.fails("has no url"));
    };
    let address = Address::parse(url.text()?, Some(folder)).map_err(|why| url.fails(&why))?;
    let flat = match item.get("format")? {
        None => false,
        Some(format) => match format.text()? {
            "simple" => false,
            "flat" => true,
            _ => return Err(format.fails("must be \"simple\" or \"flat\"")),
        },
    };
    let place = format!("{file} line {}", item.line());
    let mut source = if flat {
        address.flat(Form::Uv, place)
    } else {
        address.index(Form::Uv, place)
    };
    if let Some(name) = item.get("name")? {
        let text = name.text()?;
        RepositoryName::parse(text)
            .map_err(|failure| name.fails(&format!("cannot be used: {failure}")))?;
        if !is_name(text) {
            return Err(name.fails("may hold ASCII letters, digits, `-`, `_` and `.` only"));
        }
        source.name = Some(text.to_owned());
    }
    let switch = |key| {
        item.get(key)?
            .map_or(Ok(false), |value: Item<'_>| value.boolean())
    };
    let default = switch("default")?;
    source.priority = match (switch("explicit")?, default) {
        (true, _) => Priority::Explicit,
        (false, true) => Priority::Default,
        (false, false) => Priority::Primary,
    };
    if source.priority == Priority::Explicit && source.name.is_none() {
        return Err(item.fails("is explicit and has no name, so that nothing can be pinned to it"));
    }
    if let Some(value) = item.get("authenticate")? {
        source.authenticate = match value.text()? {
            "auto" => Authenticate::Auto,
            "always" => Authenticate::Always,
            "never" => Authenticate::Never,
            _ => return Err(value.fails("must be \"auto\", \"always\" or \"never\"")),
        };
    }
    if let Some(list) = item.get("ignore-error-codes")? {
        source.ignore_errors.clear();
        for code in list.elements()? {
            source.ignore_errors.push(status(&code)?);
        }
    }
    if let Some(value) = item.get("exclude-newer")? {
        source.exclude_newer = Some(if value.is_boolean() {
            if value.boolean()? {
                return Err(value.must_be("a time in quotes or false"));
            }
            Cutoff::Off
        } else {
            let time = cutoff(value.text()?).map_err(|what| value.must_be(&what))?;
            Cutoff::At(time)
        });
    }
    Ok(Listed { source, default })
}

/// Whether uv allows the name (`index_name.rs`).
pub fn is_name(text: &str) -> bool {
    !text.is_empty()
        && text
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.'))
}

fn status(item: &Item<'_>) -> Result<u16, FileFailure> {
    let number = item.number()?;
    (400..600)
        .find(|code| f64::from(*code).total_cmp(&number).is_eq())
        .ok_or_else(|| item.must_be("a status code from 400 to 599"))
}

/// The pins of a `pyproject.toml`; entries that are no index are for others to read.
///
/// # Errors
/// Names the line: an entry with an index that cannot be used.
pub fn pins(document: &Document, file: &str) -> Result<Vec<Pin>, FileFailure> {
    let mut pins = Vec::new();
    let Some(table) = document.at(&["tool", "uv", "sources"])? else {
        return Ok(pins);
    };
    for (project, item) in table.entries()? {
        let entries = if item.is_table() {
            vec![item]
        } else {
            item.elements()?
        };
        for entry in entries {
            let Some(source) = entry.get("index")? else {
                continue;
            };
            let named = PackageName::from_str(project)
                .map_err(|_| entry.fails("has no valid name of a project"))?;
            let text = |key| {
                entry
                    .get(key)?
                    .map(|value: Item<'_>| value.text().map(str::to_owned))
                    .transpose()
            };
            let marker = match entry.get("marker")? {
                None => MarkerTree::TRUE,
                Some(marker) => requirement::marker(marker.text()?)
                    .map_err(|_| marker.fails("is no valid marker"))?,
            };
            let extra = text("extra")?
                .map(|extra| ExtraName::from_str(&extra))
                .transpose()
                .map_err(|_| entry.fails("has no valid extra"))?;
            pins.push(Pin {
                project: named,
                source: source.text()?.to_owned(),
                marker,
                extra,
                group: text("group")?,
                place: format!("{file} line {}", entry.line()),
            });
        }
    }
    Ok(pins)
}

/// What several places say together, the first ones first.
fn combined(layers: Vec<Layer>) -> Layer {
    let mut all = Layer::default();
    for mut layer in layers {
        all.indexes.append(&mut layer.indexes);
        all.extra.append(&mut layer.extra);
        all.links.append(&mut layer.links);
        all.warnings.append(&mut layer.warnings);
        all.index_url = all.index_url.or(layer.index_url);
        all.no_index = all.no_index.or(layer.no_index);
    }
    all
}

/// The indexes of a layer in their order, the default one marked.
fn written(layer: Layer) -> impl Iterator<Item = Listed> {
    let extra = layer.extra.into_iter().map(|source| Listed {
        source,
        default: false,
    });
    let index_url = layer.index_url.map(|mut source| {
        source.priority = Priority::Default;
        Listed {
            source,
            default: true,
        }
    });
    layer.indexes.into_iter().chain(extra).chain(index_url)
}

/// The sources in the order in which `uv pip` asks: the links, the indexes that are `given` for this
/// run, those of the files, then the default index, which is PyPI where none is. Of indexes with one
/// name the first counts, of defaults the first too.
///
/// # Errors
/// None but those of a broken build.
pub fn ordered(
    given: Vec<Layer>,
    files: Vec<Layer>,
) -> Result<(Vec<Source>, Vec<String>), Failure> {
    let mut layers = [combined(given), combined(files)];
    let mut sources = Vec::new();
    let mut warnings = Vec::new();
    for layer in &mut layers {
        sources.append(&mut layer.links);
        warnings.append(&mut layer.warnings);
    }
    for source in &mut sources {
        source.always = true;
    }
    let [given, files] = layers;
    if given.no_index.or(files.no_index) == Some(true) {
        return Ok((sources, warnings));
    }
    let (mut explicit, mut default, mut defaulted) = (Vec::new(), None, false);
    for listed in written(given).chain(written(files)) {
        let source = listed.source;
        let named = source.name.is_some();
        let mut known = sources.iter().chain(&explicit).chain(&default);
        if named && known.any(|other: &Source| other.name == source.name) {
            continue;
        }
        match source.priority {
            Priority::Explicit => explicit.push(source),
            // One default index is enough; what is pinned to another still finds it.
            Priority::Default if defaulted => explicit.extend(named.then_some(Source {
                priority: Priority::Explicit,
                ..source
            })),
            Priority::Default => default = Some(source),
            _ => sources.push(source),
        }
        defaulted |= listed.default;
    }
    if !defaulted {
        default = Some(Source::pypi(PYPI_NAME, Priority::Default)?);
    }
    sources.extend(default);
    sources.append(&mut explicit);
    Ok((sources, warnings))
}

#[cfg(test)]
#[path = "uv_tests.rs"]
mod tests;
