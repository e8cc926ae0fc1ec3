//! A public index that serves recorded pages of real projects (`record.py`), and what else a test puts
//! beside them.

use std::collections::BTreeMap;

use serde_json::Value;

use super::index::{Release, answer};
use crate::publish::test_server::{Act, Request, Server};

const RECORDED: [(&str, &str); 5] = [
    ("certifi", include_str!("recorded/certifi.json")),
    (
        "charset-normalizer",
        include_str!("recorded/charset-normalizer.json"),
    ),
    ("idna", include_str!("recorded/idna.json")),
    ("requests", include_str!("recorded/requests.json")),
    ("urllib3", include_str!("recorded/urllib3.json")),
];

/// What is under each path.
fn bodies() -> BTreeMap<String, (&'static str, String)> {
    const JSON: &str =
        "content-type: application/vnd.pypi.simple.v1+json\r\ncache-control: max-age=600\r\n";
    const BYTES: &str = "content-type: application/octet-stream\r\n";
    let mut bodies = BTreeMap::new();
    for (name, text) in RECORDED {
        let recorded: Value = serde_json::from_str(text).unwrap();
        let page = &recorded["page"];
        bodies.insert(format!("/simple/{name}/"), (JSON, page.to_string()));
        for file in page["files"].as_array().unwrap() {
            let filename = file["filename"].as_str().unwrap();
            let version = filename.split('-').nth(1).unwrap();
            if let Some(metadata) = recorded["metadata"][version]
                .as_str()
                .filter(|_| file.get("core-metadata").is_some())
            {
                let path = format!("/files/{filename}.metadata");
                bodies.insert(path, (BYTES, metadata.to_owned()));
            }
        }
    }
    bodies
}

/// The index.
pub fn index(more: Vec<Release>) -> Server {
    let bodies = bodies();
    Server::start(move |request: &Request| {
        let path = request.line.split(' ').nth(1).unwrap_or_default();
        match bodies.get(path) {
            Some((head, body)) => Act::Say(200, (*head).to_owned(), body.clone()),
            None => answer(&more, None, request),
        }
    })
}
