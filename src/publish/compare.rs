//! Whether a file is in the index already, told by its SHA-256 and by nothing else.

use std::collections::BTreeMap;
use std::str::FromStr as _;

use url::Url;

use crate::domain::url::RepositoryUrl;
use crate::http::{ACCEPT_SIMPLE, Answer, Authorization, Client, Reply};

use super::distribution::Distribution;
use super::index;
use crate::index::page::{self, PAGE};
use crate::package::PackageName;

/// The files of a project, by name, each with its SHA-256 where the page has it.
type Files = BTreeMap<String, Option<String>>;

/// An index, and the credential for reading it: never the one for uploads.
pub struct Index {
    /// Its URL.
    pub url: RepositoryUrl,
    /// Goes to this URL's origin only.
    pub authorization: Option<Authorization>,
}

/// What the index says of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Seen {
    /// It has these bytes under this name.
    Same,
    /// It has other bytes under this name.
    Different,
    /// It has the name and does not say which bytes.
    Unhashed,
    /// It does not have the name.
    Absent,
    /// It could not be asked.
    Unknown(String),
}

/// A project's page, or why there is none.
pub(super) type Looked = Result<Files, String>;

/// Asks the indexes for a project's page, the likelier first; a project that none has is one
/// without files.
pub(super) async fn look(client: &Client, indexes: &[Index], project: &str) -> Looked {
    let mut trouble = None;
    for index in indexes {
        let Some(url) = index::page(&index.url, project) else {
            continue;
        };
        let authorization = index.authorization.as_ref();
        match client.fetch(&url, ACCEPT_SIMPLE, authorization, PAGE).await {
            Ok(answer) if answer.status == 200 => match files(&answer, &url, project) {
                Ok(files) => return Ok(files),
                Err(why) => trouble = Some(format!("{url} is no page of an index: {why}")),
            },
            Ok(answer) if answer.status == 404 => {}
            Ok(answer) => trouble = Some(format!("{url} answered {}", answer.status)),
            Err(reply) => trouble = Some(format!("{url}: {}", why(&reply))),
        }
    }
    match trouble {
        Some(trouble) => Err(trouble),
        None if indexes.is_empty() => Err("its index is not known".to_owned()),
        None => Ok(Files::new()),
    }
}

/// The files on a page.
fn files(answer: &Answer, url: &RepositoryUrl, project: &str) -> Result<Files, String> {
    if answer.cut {
        return Err("it is too large".to_owned());
    }
    let unknown = |_| "its URL cannot be understood".to_owned();
    let base = Url::parse(url.as_str()).map_err(unknown)?;
    let project = PackageName::from_str(project).map_err(|_| "its project is none")?;
    let page = page::read(&answer.content_type, &answer.content, &base, &project)?;
    // A file that cannot be used is there all the same.
    let doubts = page
        .doubts
        .iter()
        .filter_map(|doubt| doubt.split_once(": "));
    let mut files: Files = doubts.map(|(name, _)| (name.to_owned(), None)).collect();
    for file in page.versions().flat_map(|version| page.files(version)) {
        files.insert(file.filename.clone(), file.hashes.get("sha256").cloned());
    }
    Ok(files)
}

/// What a page says of a file.
pub(super) fn seen(looked: &Looked, one: &Distribution) -> Seen {
    match looked {
        Err(why) => Seen::Unknown(why.clone()),
        Ok(files) => match files.get(&one.filename) {
            None => Seen::Absent,
            Some(None) => Seen::Unhashed,
            Some(Some(sha256)) if *sha256 == one.digests.sha256 => Seen::Same,
            Some(Some(_)) => Seen::Different,
        },
    }
}

/// Why there was no answer.
pub(super) fn why(reply: &Reply) -> String {
    match reply {
        Reply::Tls(why) | Reply::Connect(why) => why.clone(),
        Reply::Redirect(origin) => format!("it sends on to {origin}, another origin"),
        Reply::TimedOut => "there was no answer in time".to_owned(),
        Reply::Unauthorized => "it answered 401".to_owned(),
        Reply::Forbidden => "it answered 403".to_owned(),
        Reply::NotFound => "it answered 404".to_owned(),
        Reply::Ok(status) | Reply::Status(status) => format!("it answered {status}"),
    }
}

#[cfg(test)]
mod tests {
    use super::{Files, files};
    use crate::domain::url::RepositoryUrl;
    use crate::http::Answer;

    fn read(content_type: &str, text: &str) -> Result<Files, String> {
        let answer = Answer {
            status: 200,
            content_type: content_type.to_owned(),
            content: text.as_bytes().to_vec(),
            ..Answer::default()
        };
        let url = RepositoryUrl::parse("https://h.example/simple/a/")
            .unwrap()
            .0;
        files(&answer, &url, "a")
    }

    #[test]
    fn what_is_on_a_page() {
        let hash = "AB".repeat(32);
        let page = format!(
            "<a href=\"f/a-1.tar.gz#sha256={hash}\">x</a><a href=a-2.tar.gz>x</a>\
             <a href=\"a-3.tar.gz#sha256=1\">x</a>"
        );
        let found = read("text/html", &page).unwrap();
        let own = |name: &str, hash: Option<String>| (name.to_owned(), hash);
        let wanted = [
            own("a-1.tar.gz", Some("ab".repeat(32))),
            own("a-2.tar.gz", None),
            own("a-3.tar.gz", None),
        ];
        assert_eq!(found, Files::from(wanted));
        assert!(read("text/html", "<form>").is_err() && read("text/plain", &page).is_err());
    }

    #[test]
    fn a_page_that_is_cut_off_is_none() {
        let cut = Answer {
            status: 200,
            content_type: "text/html".to_owned(),
            cut: true,
            ..Answer::default()
        };
        let url = RepositoryUrl::parse("https://h.example/simple/a/")
            .unwrap()
            .0;
        assert!(files(&cut, &url, "a").is_err());
    }
}
