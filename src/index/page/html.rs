//! A page as HTML (PEP 503 with 592, 629, 714, 740, 792), and what real servers make of it.

use std::borrow::Cow;

use url::Url;

use super::json::checked;
use super::listed::{Listed, Pairs, Sink, is_algorithm};
use super::text::{Tag, Tags, decoded};

/// What a page says beside its files.
#[derive(Default)]
pub(super) struct Head {
    /// The status of the project, and its reason.
    pub(super) status: Option<(String, Option<String>)>,
    /// What is wrong with the page itself, and does not make it unusable.
    pub(super) doubt: Option<String>,
}

/// Reads a page; what it lists goes into the sink.
pub(super) fn read(bytes: &[u8], base: &Url, sink: &mut impl Sink) -> Result<Head, String> {
    let page = String::from_utf8_lossy(bytes);
    let mut tags = Tags::of(&page);
    let mut base = Cow::Borrowed(base);
    let mut head = Head::default();
    let (mut links, mut others, mut reason) = (0, 0, None);
    let (mut form, mut script) = (false, false);
    while let Some(tag) = tags.next() {
        if tag.is("a") {
            let Some(href) = tag.get("href") else {
                continue;
            };
            links += 1;
            match listed(tag, &href) {
                Some(file) => sink.add(file),
                None => others += usize::from(!is_upwards(&href, &base)),
            }
            if let Some(why) = sink.full() {
                return Err(why);
            }
        } else if tag.is("base") && links == 0 {
            let found = tag.get("href").and_then(|href| base.join(href.trim()).ok());
            if let Some(found) = found.filter(|url| matches!(url.scheme(), "http" | "https")) {
                sink.rebase(&found);
                base = Cow::Owned(found);
            }
        } else if tag.is("meta") {
            let (name, content) = (tag.get("name"), tag.get("content"));
            let (Some(name), Some(content)) = (name, content) else {
                continue;
            };
            match &*name.to_ascii_lowercase() {
                "pypi:repository-version" => head.doubt = checked(&content)?,
                "pypi:project-status" => {
                    head.status = Some((content.trim().to_ascii_lowercase(), None));
                }
                "pypi:project-status-reason" => reason = Some(content.into_owned()),
                _ => {}
            }
        } else if tag.is("form") || tag.is("input") {
            form = true;
        } else if tag.is("script") {
            script = true;
        }
    }
    if sink.is_empty() {
        // An index has links to files and nothing else: what has none, but asks for something or
        // leads elsewhere, is a page for people.
        if form {
            return Err("its page is a form, such as one to log in, and lists no files".to_owned());
        }
        if others > 0 || script && links == 0 {
            return Err("its page is one for people, and lists no files".to_owned());
        }
    }
    if let Some((_, told)) = &mut head.status {
        *told = reason.filter(|reason| !reason.is_empty());
    }
    Ok(head)
}

/// Whether a link leads to the page itself or upwards, as the listings of web servers have it.
fn is_upwards(href: &str, base: &Url) -> bool {
    let Ok(url) = base.join(href.trim()) else {
        return false;
    };
    url.origin() == base.origin() && base.path().starts_with(url.path())
}

/// The file that a link leads to; `None` for a link to something else.
fn listed<'a>(tag: &Tag<'a>, href: &Cow<'a, str>) -> Option<Listed<'a>> {
    let (before, fragment) = match href {
        Cow::Borrowed(href) => match href.split_once('#') {
            Some((url, fragment)) => (Cow::Borrowed(url), Cow::Borrowed(fragment)),
            None => (Cow::Borrowed(*href), Cow::Borrowed("")),
        },
        Cow::Owned(href) => match href.split_once('#') {
            Some((url, fragment)) => (url.to_owned().into(), fragment.to_owned().into()),
            None => (href.clone().into(), Cow::Borrowed("")),
        },
    };
    let filename = {
        let path = before.split('?').next().unwrap_or_default().trim();
        let path = path.split_once("://").map_or(path, |(_, rest)| {
            rest.split_once('/').map_or("", |(_, path)| path)
        });
        let last = path.rsplit('/').next().unwrap_or_default();
        decoded(last).into_owned()
    };
    // Files have an ending.
    if !filename.trim_matches('.').contains('.') {
        return None;
    }
    let mut hashes = Pairs::default();
    for (name, value) in fragment.split('&').filter_map(|part| part.split_once('=')) {
        if is_algorithm(name) {
            hashes.add(name.to_owned().into(), value.to_owned().into());
        }
    }
    // The newer attribute decides, also where it says no (PEP 714).
    let metadata = tag
        .get("data-core-metadata")
        .or_else(|| tag.get("data-dist-info-metadata"));
    Some(Listed {
        filename: filename.into(),
        url: before,
        hashes,
        // Not of any PEP; PyPI's JSON has both, and some servers write them into HTML.
        size: tag
            .get("data-size")
            .and_then(|size| size.trim().parse().ok()),
        uploaded: tag.get("data-upload-time"),
        requires_python: tag.get("data-requires-python"),
        yanked: tag.get("data-yanked"),
        metadata: metadata.and_then(|value| of_metadata(&value)),
        provenance: tag.get("data-provenance").filter(|url| !url.is_empty()),
    })
}

/// `true`, or a digest; anything else says no.
fn of_metadata(value: &str) -> Option<Pairs<'static>> {
    let value = value.trim();
    let mut pairs = Pairs::default();
    if !value.eq_ignore_ascii_case("true") {
        let (name, digest) = value.split_once('=')?;
        pairs.add(name.to_owned().into(), digest.to_owned().into());
    }
    Some(pairs)
}
