//! A package index on loopback with the pages and metadata of invented packages.

use std::fmt::Write as _;

use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use crate::publish::samples;
use crate::publish::test_server::{Act, Request, Server, say};

/// A release: one wheel, or one source archive.
#[derive(Clone, Debug, Default)]
pub struct Release {
    project: String,
    version: String,
    requires: Vec<String>,
    python: Option<String>,
    yanked: Option<String>,
    tags: String,
    uploaded: String,
}

/// A release as a wheel for every Python.
pub fn release(project: &str, version: &str, requires: &[&str]) -> Release {
    Release {
        project: project.to_owned(),
        version: version.to_owned(),
        requires: requires.iter().map(|one| (*one).to_owned()).collect(),
        tags: "py3-none-any".to_owned(),
        uploaded: "2026-01-02T03:04:05Z".to_owned(),
        ..Release::default()
    }
}

impl Release {
    /// For these Pythons alone.
    pub fn python(mut self, range: &str) -> Self {
        self.python = Some(range.to_owned());
        self
    }

    /// Yanked, and why.
    pub fn yanked(mut self, why: &str) -> Self {
        self.yanked = Some(why.to_owned());
        self
    }

    /// A wheel with these tags.
    pub fn tags(mut self, tags: &str) -> Self {
        self.tags = tags.to_owned();
        self
    }

    /// Uploaded then.
    pub fn uploaded(mut self, time: &str) -> Self {
        self.uploaded = time.to_owned();
        self
    }

    fn filename(&self) -> String {
        let project = self.project.replace('-', "_");
        format!("{project}-{}-{}.whl", self.version, self.tags)
    }

    fn metadata(&self) -> String {
        let mut text = format!(
            "Metadata-Version: 2.1\nName: {}\nVersion: {}\n",
            self.project, self.version
        );
        if let Some(range) = &self.python {
            let _ = writeln!(text, "Requires-Python: {range}");
        }
        for line in &self.requires {
            let _ = writeln!(text, "Requires-Dist: {line}");
        }
        text
    }

    fn wheel(&self) -> Vec<u8> {
        let folder = format!("{}-{}", self.project.replace('-', "_"), self.version);
        samples::zip(&samples::wheel_members(&folder, &self.metadata()))
    }

    fn entry(&self) -> Value {
        let digest = |bytes: &[u8]| {
            Sha256::digest(bytes)
                .iter()
                .fold(String::new(), |mut text, byte| {
                    let _ = write!(text, "{byte:02x}");
                    text
                })
        };
        let wheel = self.wheel();
        let filename = self.filename();
        json!({
            "filename": filename,
            "url": format!("../../files/{filename}"),
            "hashes": { "sha256": digest(&wheel) },
            "size": wheel.len(),
            "requires-python": self.python,
            "yanked": self.yanked.as_ref().map_or(json!(false), |why| json!(why)),
            "upload-time": self.uploaded,
            "core-metadata": { "sha256": digest(self.metadata().as_bytes()) },
        })
    }
}

/// What an index answers; with `account` (the header's value) only to whoever has it.
pub fn index(releases: Vec<Release>, account: Option<&'static str>) -> Server {
    Server::start(move |request| answer(&releases, account, request))
}

/// One answer of such an index.
pub fn answer(releases: &[Release], account: Option<&str>, request: &Request) -> Act {
    if account.is_some() && request.header("authorization") != account {
        return say(401, "who are you");
    }
    let path = request.line.split(' ').nth(1).unwrap_or_default();
    if let Some(name) = path.strip_prefix("/simple/") {
        let name = name.trim_end_matches('/');
        let files: Vec<Value> = releases
            .iter()
            .filter(|release| release.project == name)
            .map(Release::entry)
            .collect();
        if !files.is_empty() {
            let page = json!({ "meta": { "api-version": "1.1" }, "name": name, "files": files });
            let head = "content-type: application/vnd.pypi.simple.v1+json\r\ncache-control: max-age=600\r\n";
            return Act::Say(200, head.to_owned(), page.to_string());
        }
    }
    let file = path.strip_prefix("/files/").unwrap_or_default();
    for release in releases {
        let Some(rest) = file.strip_prefix(&release.filename()) else {
            continue;
        };
        match rest {
            "" => return Act::Give(release.wheel()),
            ".metadata" => return Act::Give(release.metadata().into_bytes()),
            _ => {}
        }
    }
    say(404, "not here")
}
