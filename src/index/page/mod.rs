//! The pages that sources have, read: JSON (PEP 691), HTML (PEP 503), all projects on one page, and
//! folders.
//!
//! A file that cannot be read is left out and named; what is no page at all, or an absurd one, is an
//! error: an empty project would send a resolution on to the next source.
//!
//! - `json`, `value`, `html`: the two forms; `text`: what HTML hides in its letters
//! - `listed`: one file as a page tells of it, checked; `time`: when it was uploaded
//! - `flat`: all projects on one page, or in a folder

mod flat;
mod html;
mod json;
mod listed;
mod text;
mod time;
mod value;

pub use flat::Flat;
use listed::Files;
pub(in crate::index) use text::decoded;

use url::Url;

use super::project::Project;
use crate::package::PackageName;

/// The most bytes of a page, unpacked: PyPI's largest has some 20 MiB. What is made of it takes up to
/// four times as much.
pub const PAGE: usize = 24 * 1024 * 1024;
/// The most files of a project: the largest of PyPI have some ten thousand.
pub const FILES: usize = 60_000;
/// The most versions of a project: those that are published every night have some thousand.
pub const VERSIONS: usize = 50_000;
/// The longest URL.
pub const URL: usize = 16 * 1024;
/// How many doubts are told; the others are counted.
pub const DOUBTS: usize = 20;

/// How a page is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Form {
    Json,
    Html,
}

impl Form {
    /// The form by the content type, its parameters left out; nothing is guessed from the content, or
    /// a page to log in would be one of an index (PEP 691).
    fn of(content_type: &str) -> Result<Self, String> {
        let kind = content_type.split(';').next().unwrap_or_default();
        match kind.trim().to_ascii_lowercase().as_str() {
            "application/vnd.pypi.simple.v1+json" => Ok(Self::Json),
            "application/vnd.pypi.simple.v1+html" | "text/html" => Ok(Self::Html),
            "" => Err("it does not say what its answer is (no Content-Type)".to_owned()),
            other if other.starts_with("application/vnd.pypi.simple.v") => {
                Err("it answered in a version of the Simple API that is not known here".to_owned())
            }
            other => Err(format!(
                "it answered with {}, which is no page of an index",
                crate::domain::text::shown(other)
            )),
        }
    }
}

/// Reads the page of a project. `base` is where it came from in the end, after all redirects.
///
/// # Errors
/// Why it is no such page.
pub fn read(
    content_type: &str,
    bytes: &[u8],
    base: &Url,
    project: &PackageName,
) -> Result<Project, String> {
    let form = Form::of(content_type)?;
    fits(bytes)?;
    let mut files = Files::with_room(project, base, bytes.len());
    match form {
        Form::Json => {
            let head = json::read(bytes, &mut files)?;
            head.is_of(project)?;
            let mut found = files.finish();
            (found.status, found.namespaces) = (head.status, head.namespaces);
            found.doubts.extend(head.doubt);
            Ok(found)
        }
        Form::Html => {
            let head = html::read(bytes, base, &mut files)?;
            let mut found = files.finish();
            found.status = head.status;
            found.doubts.extend(head.doubt);
            Ok(found)
        }
    }
}

fn fits(bytes: &[u8]) -> Result<(), String> {
    if bytes.len() > PAGE {
        return Err(format!("its page has more than {} MiB", PAGE >> 20));
    }
    Ok(())
}

#[cfg(test)]
#[path = "page_tests.rs"]
mod tests;
