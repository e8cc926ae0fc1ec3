//! Whether a file is in the index already, told by its SHA-256 and by nothing else.

use crate::domain::url::RepositoryUrl;
use crate::http::{ACCEPT_SIMPLE, Authorization, Client, Reply};

use super::distribution::Distribution;
use super::index;
use super::page::{self, Files};

/// A page of a project: PyPI's largest has some thousand files.
const PAGE: usize = 64 * 1024 * 1024;

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
            Ok(answer) if answer.status == 200 => match page::files(&answer) {
                Some(files) => return Ok(files),
                None => trouble = Some(format!("{url} is no page of an index")),
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
