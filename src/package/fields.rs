//! The fields of core metadata, versions 1.0 to 2.5, and how they stand in a file.

use std::borrow::Cow;

/// A field of the core metadata.
pub(crate) struct Field {
    /// Its name, in lower case.
    pub(crate) header: &'static str,
    /// Its name in the upload form (warehouse, `forklift/metadata.py`).
    pub(crate) form: &'static str,
    /// Whether it may come more than once.
    pub(crate) many: bool,
    /// The version of the metadata that brought it.
    pub(crate) added: (u8, u8),
}

const fn one(header: &'static str, form: &'static str, added: (u8, u8)) -> Field {
    Field {
        header,
        form,
        many: false,
        added,
    }
}

const fn many(header: &'static str, form: &'static str, added: (u8, u8)) -> Field {
    Field {
        header,
        form,
        many: true,
        added,
    }
}

/// Every field, with the version of the metadata that brought it.
pub(crate) const FIELDS: [Field; 32] = [
    one("metadata-version", "metadata_version", (1, 0)),
    one("name", "name", (1, 0)),
    one("version", "version", (1, 0)),
    many("platform", "platform", (1, 0)),
    one("summary", "summary", (1, 0)),
    one("description", "description", (1, 0)),
    one("keywords", "keywords", (1, 0)),
    one("home-page", "home_page", (1, 0)),
    one("author", "author", (1, 0)),
    one("author-email", "author_email", (1, 0)),
    one("license", "license", (1, 0)),
    many("supported-platform", "supported_platform", (1, 1)),
    one("download-url", "download_url", (1, 1)),
    many("classifier", "classifiers", (1, 1)),
    many("requires", "requires", (1, 1)),
    many("provides", "provides", (1, 1)),
    many("obsoletes", "obsoletes", (1, 1)),
    one("maintainer", "maintainer", (1, 2)),
    one("maintainer-email", "maintainer_email", (1, 2)),
    many("requires-dist", "requires_dist", (1, 2)),
    one("requires-python", "requires_python", (1, 2)),
    many("requires-external", "requires_external", (1, 2)),
    many("project-url", "project_urls", (1, 2)),
    many("provides-dist", "provides_dist", (1, 2)),
    many("obsoletes-dist", "obsoletes_dist", (1, 2)),
    one(
        "description-content-type",
        "description_content_type",
        (2, 1),
    ),
    many("provides-extra", "provides_extra", (2, 1)),
    many("dynamic", "dynamic", (2, 2)),
    one("license-expression", "license_expression", (2, 4)),
    many("license-file", "license_file", (2, 4)),
    many("import-name", "import_name", (2, 5)),
    many("import-namespace", "import_namespace", (2, 5)),
];

/// The newest metadata that is understood.
pub(crate) const NEWEST: (u8, u8) = (2, 5);

/// A description in the fields has its lines indented, by eight blanks or a bar after seven.
pub(crate) fn unfolded(value: &str) -> String {
    let mut lines = value.split('\n');
    let first = lines.next().unwrap_or_default().to_owned();
    lines.fold(first, |mut text, line| {
        text.push('\n');
        let bare = line
            .strip_prefix("       |")
            .or_else(|| line.strip_prefix("        "));
        text.push_str(bare.unwrap_or(line));
        text
    })
}

/// The words of `Keywords`.
pub(crate) fn keywords(value: &str) -> Vec<&str> {
    value.split(',').map(str::trim).collect()
}

/// The number of a version of the metadata.
pub(crate) fn version(text: &str) -> Option<(u8, u8)> {
    let (major, minor) = text.trim().split_once('.')?;
    Some((major.parse().ok()?, minor.parse().ok()?))
}

/// A field as it is written: its name, and its value with folded lines.
pub(crate) type Header<'a> = (&'a str, Cow<'a, str>);

/// The fields, and what stands after them (RFC 822, as Python's `email` reads it).
pub(crate) fn split(text: &str) -> (Vec<Header<'_>>, &str) {
    let mut headers: Vec<Header<'_>> = Vec::new();
    let mut rest = text;
    while !rest.is_empty() {
        let end = rest.find(['\n', '\r']).unwrap_or(rest.len());
        let (line, after) = rest.split_at(end);
        let after = after
            .strip_prefix("\r\n")
            .or_else(|| after.strip_prefix(['\n', '\r']))
            .unwrap_or(after);
        if line.is_empty() {
            return (headers, after);
        }
        if line.starts_with([' ', '\t']) {
            let Some((_, value)) = headers.last_mut() else {
                break;
            };
            let value = value.to_mut();
            value.push('\n');
            value.push_str(line);
        } else {
            let Some((name, value)) = line.split_once(':').filter(|(name, _)| is_name(name)) else {
                break;
            };
            headers.push((name, value.trim_start_matches([' ', '\t']).into()));
        }
        rest = after;
    }
    (headers, rest)
}

fn is_name(name: &str) -> bool {
    !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_graphic())
}
