//! Core metadata, versions 1.0 to 2.5, and the name of each field in the upload form.
//!
//! The form's names are the fields' own in lower case with `_`, those that may come more than once
//! in the plural, apart from five (warehouse, `forklift/metadata.py`). A server drops a field under
//! another name without a word.

use crate::package::fields::{self, FIELDS, NEWEST};

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
        let (headers, body) = fields::split(text);
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
            found
                .values
                .push((field.form, value_of(field.form, &value)));
        }
        if !body.trim().is_empty() {
            if found.one("description").is_some() {
                return Err(
                    "its metadata has a description twice: as a field, and after the fields"
                        .to_owned(),
                );
            }
            found.values.push(("description", body.to_owned()));
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
        let version = fields::version(&text)
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

fn value_of(form: &str, value: &str) -> String {
    match form {
        // `Label,url` and `Label, url` are one.
        "project_urls" => match value.split_once(',') {
            Some((label, url)) => format!("{}, {}", label.trim(), url.trim()),
            None => value.to_owned(),
        },
        "keywords" => fields::keywords(value).join(", "),
        "description" => fields::unfolded(value),
        _ => value.to_owned(),
    }
}

#[cfg(test)]
#[path = "metadata_tests.rs"]
mod tests;
