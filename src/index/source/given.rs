//! Sources that are given for one run: by options, by lines of a requirements file, by variables.

use std::path::Path;

use credential_helper_protocol::surroundings::Surroundings;
use credential_helper_protocol::{ErrorCode, Failure};

use super::address::Address;
use super::uv::{Layer, Listed, is_name};
use super::{Form, Priority, Source};

/// What the command line says, and requirements files with it. Has no `Debug`: a URL may hold a
/// password.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Options {
    /// `--index-url`: in place of everything that is configured.
    pub index_url: Option<String>,
    /// `--extra-index-url`: before what is configured.
    pub extra_index_urls: Vec<String>,
    /// `--find-links`.
    pub find_links: Vec<String>,
    /// `--no-index`: links alone.
    pub no_index: bool,
}

impl Options {
    /// Whether nothing is said.
    pub fn is_silent(&self) -> bool {
        *self == Self::default()
    }

    /// What they say; paths are taken from `folder`.
    ///
    /// # Errors
    /// `usage`, where one of them is neither URL nor path.
    pub fn layer(&self, folder: &Path) -> Result<Layer, Failure> {
        let read = |option: &str, text: &String| {
            let address = Address::parse(text, Some(folder)).map_err(|why| wrong(option, &why))?;
            Ok::<_, Failure>((address, option.to_owned()))
        };
        let index = |option, text| {
            let (address, place) = read(option, text)?;
            Ok(address.index(Form::CommandLine, place))
        };
        let links = |text| {
            let (address, place) = read("--find-links", text)?;
            Ok(address.flat(Form::CommandLine, place))
        };
        let extra = self.extra_index_urls.iter();
        Ok(Layer {
            // An index that the command line adds comes before those that the files name.
            indexes: extra
                .map(|text| index("--extra-index-url", text).map(listed))
                .collect::<Result<_, Failure>>()?,
            index_url: self
                .index_url
                .as_ref()
                .map(|text| index("--index-url", text))
                .transpose()?,
            links: self
                .find_links
                .iter()
                .map(links)
                .collect::<Result<_, Failure>>()?,
            no_index: self.no_index.then_some(true),
            ..Layer::default()
        })
    }
}

/// What uv's variables say (uv `IndexArgs`). The name of an index in `configured` stands for it.
///
/// # Errors
/// `usage`, where one of them is neither URL nor path.
pub fn environment(
    around: &Surroundings,
    folder: &Path,
    configured: &[Layer],
) -> Result<Layer, Failure> {
    let value = |name: &str| {
        around
            .set(name)
            .map(|value| value.to_string_lossy().into_owned())
            .filter(|value| !value.trim().is_empty())
    };
    let mut layer = Layer::default();
    if let Some(text) = value("UV_DEFAULT_INDEX") {
        let mut source = named(text.trim(), "UV_DEFAULT_INDEX", folder, configured)?;
        source.priority = Priority::Default;
        layer.indexes.push(Listed {
            source,
            default: true,
        });
    }
    for text in value("UV_INDEX").unwrap_or_default().split_whitespace() {
        let mut source = named(text, "UV_INDEX", folder, configured)?;
        source.priority = Priority::Primary;
        layer.indexes.push(listed(source));
    }
    let index = |text: &str, name: &str| {
        let address = Address::parse(text, Some(folder)).map_err(|why| wrong(name, &why))?;
        Ok::<_, Failure>(address.index(Form::Environment, name.to_owned()))
    };
    if let Some(text) = value("UV_INDEX_URL") {
        layer.index_url = Some(index(&text, "UV_INDEX_URL")?);
    }
    let extra = value("UV_EXTRA_INDEX_URL").unwrap_or_default();
    for text in extra.split_whitespace() {
        layer.extra.push(index(text, "UV_EXTRA_INDEX_URL")?);
    }
    let links = value("UV_FIND_LINKS").unwrap_or_default();
    for text in links.split(',').filter(|text| !text.trim().is_empty()) {
        let name = "UV_FIND_LINKS";
        let address = Address::parse(text, Some(folder)).map_err(|why| wrong(name, &why))?;
        layer
            .links
            .push(address.flat(Form::Environment, name.to_owned()));
    }
    Ok(layer)
}

/// `NAME=URL`, the name of a configured index, a URL or a path.
fn named(
    text: &str,
    variable: &str,
    folder: &Path,
    configured: &[Layer],
) -> Result<Source, Failure> {
    let known = configured
        .iter()
        .flat_map(|layer| &layer.indexes)
        .find(|listed| listed.source.name.as_deref() == Some(text));
    if let Some(listed) = known {
        return Ok(listed.source.clone());
    }
    let (name, rest) = match text.split_once('=') {
        Some((name, rest)) if is_name(name) => (Some(name), rest),
        _ => (None, text),
    };
    let address = Address::parse(rest, Some(folder)).map_err(|why| wrong(variable, &why))?;
    let mut source = address.index(Form::Environment, variable.to_owned());
    source.name = name.map(str::to_owned);
    Ok(source)
}

fn listed(source: Source) -> Listed {
    Listed {
        source,
        default: false,
    }
}

fn wrong(what: &str, why: &str) -> Failure {
    Failure::new(ErrorCode::Usage, format!("what {what} says {why}"))
        .hint("give a URL such as https://host/simple/, or the path of a folder")
}
