//! Core metadata, versions 1.0 to 2.5, and the name of each field in the upload form.
//!
//! The form's names are the fields' own in lower case with `_`, those that may come more than once
//! in the plural, apart from five (warehouse, `forklift/metadata.py`). A server drops a field under
//! another name without a word.

/// A field of the core metadata.
struct Field {
    header: &'static str,
    form: &'static str,
    many: bool,
    added: (u8, u8),
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
const FIELDS: [Field; 32] = [
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
    // PEP 685 lets older metadata have it.
    many("provides-extra", "provides_extra", (1, 2)),
    many("dynamic", "dynamic", (2, 2)),
    one("license-expression", "license_expression", (2, 4)),
    many("license-file", "license_file", (2, 4)),
    many("import-name", "import_name", (2, 5)),
    many("import-namespace", "import_namespace", (2, 5)),
];

/// The newest metadata that is understood.
const NEWEST: (u8, u8) = (2, 5);

/// Core metadata, read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Metadata {
    /// Form name and value, in the order of the file.
    values: Vec<(&'static str, String)>,
    /// What is wrong with it, but does not make it unusable.
    pub doubts: Vec<String>,
}

impl Metadata {
    /// Reads `METADATA` or `PKG-INFO`.
    ///
    /// # Errors
    /// What makes it unusable.
    pub fn parse(bytes: &[u8]) -> Result<Self, String> {
        let text = std::str::from_utf8(bytes).map_err(|_| "its metadata is not UTF-8")?;
        let (headers, body) = split(text);
        let mut found = Self::default();
        for (name, value) in headers {
            let lower = name.to_ascii_lowercase();
            let Some(field) = FIELDS.iter().find(|field| field.header == lower) else {
                found.doubts.push(format!(
                    "its metadata has an unknown field \"{name}\", which is not sent"
                ));
                continue;
            };
            if !field.many && found.one(field.form).is_some() {
                return Err(format!("its metadata has {name} twice"));
            }
            found.values.push((field.form, value_of(field.form, value)));
        }
        if !body.trim().is_empty() {
            if found.one("description").is_some() {
                return Err(
                    "its metadata has a description twice: as a field, and after the fields"
                        .to_owned(),
                );
            }
            found.values.push(("description", body));
        }
        found.settle()
    }

    /// Holds the fields against the version of the metadata.
    fn settle(mut self) -> Result<Self, String> {
        for needed in ["metadata_version", "name", "version"] {
            if self.one(needed).is_none_or(str::is_empty) {
                return Err(format!("its metadata has no {}", header(needed)));
            }
        }
        let text = self.one("metadata_version").unwrap_or_default().to_owned();
        let version = text
            .split_once('.')
            .and_then(|(major, minor)| Some((major.parse().ok()?, minor.parse().ok()?)));
        let version: (u8, u8) = version
            .ok_or_else(|| format!("its metadata has the version \"{text}\", which is none"))?;
        if version.0 > NEWEST.0 {
            return Err(format!(
                "its metadata has the version {text}, which is not known here"
            ));
        }
        if version > NEWEST || matches!(version, (1, 3..) | (2, 0)) {
            self.doubts.push(format!(
                "its metadata has the version {text}, which PyPI does not take"
            ));
        }
        // Setuptools wrote it long before it meant anything (PEP 639); twine leaves it out as well.
        if version < (2, 4) {
            self.values.retain(|(form, _)| *form != "license_file");
        }
        for field in FIELDS.iter().filter(|field| field.added > version) {
            if self.one(field.form).is_some() {
                let (major, minor) = field.added;
                self.doubts.push(format!(
                    "its metadata is of version {text} and has {}, which came with {major}.{minor}",
                    header(field.form)
                ));
            }
        }
        Ok(self)
    }

    /// The value of a field by its name in the form.
    pub fn one(&self, form: &str) -> Option<&str> {
        let mut all = self.values.iter();
        all.find(|(name, _)| *name == form)
            .map(|(_, value)| value.as_str())
    }

    /// All values of a field.
    pub fn all(&self, form: &'static str) -> impl Iterator<Item = &str> {
        self.values
            .iter()
            .filter(move |(name, _)| *name == form)
            .map(|(_, value)| value.as_str())
    }

    /// Every field of the form, in the order of the file.
    pub fn values(&self) -> impl Iterator<Item = (&'static str, &str)> {
        self.values
            .iter()
            .map(|(name, value)| (*name, value.as_str()))
    }
}

/// The field's own name.
fn header(form: &str) -> &'static str {
    let field = FIELDS.iter().find(|field| field.form == form);
    field.map_or("", |field| field.header)
}

fn value_of(form: &str, value: String) -> String {
    match form {
        // `Label,url` and `Label, url` are one.
        "project_urls" => match value.split_once(',') {
            Some((label, url)) => format!("{}, {}", label.trim(), url.trim()),
            None => value,
        },
        "keywords" => {
            let words: Vec<&str> = value.split(',').map(str::trim).collect();
            words.join(", ")
        }
        "description" => unfolded(&value),
        _ => value,
    }
}

/// A description in the fields has its lines indented, by eight blanks or a bar after seven.
fn unfolded(value: &str) -> String {
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

/// The fields, and what stands after them (RFC 822, as Python's `email` reads it).
fn split(text: &str) -> (Vec<(String, String)>, String) {
    let mut headers: Vec<(String, String)> = Vec::new();
    let mut rest = text;
    while !rest.is_empty() {
        let end = rest.find(['\n', '\r']).unwrap_or(rest.len());
        let (line, after) = rest.split_at(end);
        let after = after
            .strip_prefix("\r\n")
            .or_else(|| after.strip_prefix(['\n', '\r']))
            .unwrap_or(after);
        if line.is_empty() {
            return (headers, after.to_owned());
        }
        if line.starts_with([' ', '\t']) {
            let Some((_, value)) = headers.last_mut() else {
                break;
            };
            value.push('\n');
            value.push_str(line);
        } else {
            let Some((name, value)) = line.split_once(':').filter(|(name, _)| is_name(name)) else {
                break;
            };
            let value = value.trim_start_matches([' ', '\t']);
            headers.push((name.to_owned(), value.to_owned()));
        }
        rest = after;
    }
    (headers, rest.to_owned())
}

fn is_name(name: &str) -> bool {
    !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_graphic())
}

#[cfg(test)]
#[path = "metadata_tests.rs"]
mod tests;
