//! All projects on one page (`--find-links`, `format = "flat"`), or in a folder.
//!
//! Such a source has no pages of projects: it is read once, and asked for each project.

use std::fs;
use std::io::Read as _;
use std::path::Path;

use url::Url;

use super::listed::{Files, Listed, Sink};
use super::{FILES, Form, PAGE, html, json};
use crate::index::project::Project;
use crate::package::PackageName;
use crate::package::filename::is_distribution;

/// Everything that a flat source lists.
#[derive(Clone, Debug)]
pub struct Flat {
    base: Url,
    files: Vec<Listed<'static>>,
    doubts: Vec<String>,
}

impl Flat {
    /// Reads a page. `base` is where it came from in the end, after all redirects.
    ///
    /// # Errors
    /// Why it is no such page.
    pub fn read(content_type: &str, bytes: &[u8], base: &Url) -> Result<Self, String> {
        let form = Form::of(content_type)?;
        super::fits(bytes)?;
        Self::of(form, bytes, base)
    }

    fn of(form: Form, bytes: &[u8], base: &Url) -> Result<Self, String> {
        let mut flat = Self {
            base: base.clone(),
            files: Vec::new(),
            doubts: Vec::new(),
        };
        let doubt = match form {
            Form::Html => html::read(bytes, base, &mut flat)?.doubt,
            Form::Json => json::read(bytes, &mut flat)?.doubt,
        };
        flat.doubts.extend(doubt);
        Ok(flat)
    }

    /// Reads a folder of files, or a page that is a file.
    ///
    /// # Errors
    /// Why it cannot be read.
    pub fn local(path: &Path) -> Result<Self, String> {
        let failed = |error: std::io::Error| match error.kind() {
            std::io::ErrorKind::NotFound => "there is no such folder".to_owned(),
            kind => format!("reading it failed ({kind})"),
        };
        let whole = fs::canonicalize(path).map_err(failed)?;
        let meta = fs::metadata(&whole).map_err(failed)?;
        if meta.is_dir() {
            return Self::folder(&whole).map_err(failed);
        }
        if !meta.is_file() {
            return Err("it is neither a folder nor a file".to_owned());
        }
        let base = Url::from_file_path(&whole).map_err(|()| "its path is no URL".to_owned())?;
        let mut bytes = Vec::new();
        let file = fs::File::open(&whole).map_err(failed)?;
        let most = file.take(PAGE as u64 + 1);
        { most }.read_to_end(&mut bytes).map_err(failed)?;
        super::fits(&bytes)?;
        Self::of(Form::Html, &bytes, &base)
    }

    fn folder(path: &Path) -> std::io::Result<Self> {
        let base = Url::from_directory_path(path)
            .map_err(|()| std::io::Error::from(std::io::ErrorKind::InvalidInput))?;
        let mut flat = Self {
            base,
            files: Vec::new(),
            doubts: Vec::new(),
        };
        for entry in fs::read_dir(path)? {
            let entry = entry?;
            let name = entry.file_name();
            let Some(name) = name.to_str().filter(|name| is_distribution(name)) else {
                continue;
            };
            // Links count as what they lead to.
            let meta = fs::metadata(entry.path());
            let (Ok(url), Ok(meta)) = (Url::from_file_path(entry.path()), meta) else {
                continue;
            };
            if meta.is_file() && flat.files.len() < FILES {
                flat.files.push(Listed {
                    filename: name.to_owned().into(),
                    url: String::from(url).into(),
                    size: Some(meta.len()),
                    ..Listed::default()
                });
            }
        }
        // A folder has no order of its own.
        flat.files.sort_by(|a, b| a.filename.cmp(&b.filename));
        Ok(flat)
    }

    /// What it has of a project; `None` where it has no file of it.
    pub fn project(&self, project: &PackageName) -> Option<Project> {
        let mut files = Files::new(project, &self.base);
        for file in &self.files {
            files.add_of_many(file);
        }
        let mut found = files.finish();
        found.doubts.extend(self.doubts.iter().cloned());
        let has_files = found.versions().next().is_some();
        has_files.then_some(found)
    }
}

impl Sink for Flat {
    fn add(&mut self, file: Listed<'_>) {
        if is_distribution(&file.filename) {
            self.files.push(file.owned());
        }
    }

    fn add_bad(&mut self, _: &str, _: &str) {}

    fn full(&self) -> Option<String> {
        (self.files.len() > FILES).then(super::listed::too_many)
    }

    fn is_empty(&self) -> bool {
        self.files.is_empty()
    }

    fn rebase(&mut self, base: &Url) {
        self.base = base.clone();
    }
}
