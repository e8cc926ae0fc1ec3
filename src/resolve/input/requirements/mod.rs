//! Requirements files in pip's format, and single requirements as they are typed.
//!
//! Beyond the format: a constraints file that includes another one by `-r` takes it as constraints,
//! as uv does, where pip would install it.

mod lines;
mod options;
mod variables;

use std::path::{Path, PathBuf};
use std::str::FromStr as _;

use credential_helper_protocol::{ErrorCode, Failure};
use pep508_rs::{MarkerTree, PackageName, VersionOrUrl};

use self::lines::Line;
use self::variables::Unusable;
use super::{Around, Asked, Role, Wanted, direct, wrong};
use crate::domain::text::shown;
use crate::package::document::Item;
use crate::package::requirement;

/// Files that include one another: deeper than anybody nests them.
const DEPTH: usize = 32;

impl Asked {
    /// Reads a requirements file and those that it includes; a `pyproject.toml` is none.
    ///
    /// # Errors
    /// Where one of the files is not there or cannot be read, a line is wrong, or the files include
    /// each other in a circle.
    pub fn requirements_file(
        &mut self,
        path: &Path,
        role: Role,
        around: &Around<'_>,
    ) -> Result<(), Failure> {
        let path = direct::normal(&around.folder.join(path));
        Nested {
            asked: self,
            open: Vec::new(),
        }
        .file(&path, role, around)
    }

    /// Reads a text in that format; `name` is what messages call it.
    ///
    /// # Errors
    /// As [`Self::requirements_file`].
    pub fn requirements_text(
        &mut self,
        text: &str,
        name: &str,
        role: Role,
        around: &Around<'_>,
    ) -> Result<(), Failure> {
        Nested {
            asked: self,
            open: Vec::new(),
        }
        .text(text, name, role, around)
    }

    /// Reads a requirement that was typed.
    ///
    /// # Errors
    /// `usage`, where it is none.
    pub fn typed(&mut self, text: &str, around: &Around<'_>) -> Result<(), Failure> {
        let place = "the command line";
        let wanted = wanted(self, text, place, around).map_err(|what| {
            Failure::new(
                ErrorCode::Usage,
                format!("cannot read a requirement of {place}: {what}"),
            )
            .hint("a requirement is a name and what versions of it may be taken, as 'requests>=2'")
        })?;
        self.take(wanted, Role::Requirements);
        Ok(())
    }
}

/// The reading of files that include each other.
struct Nested<'a> {
    asked: &'a mut Asked,
    open: Vec<PathBuf>,
}

impl Nested<'_> {
    fn file(&mut self, path: &Path, role: Role, around: &Around<'_>) -> Result<(), Failure> {
        let name = shown(&path.to_string_lossy());
        if self.open.iter().any(|open| open == path) {
            let message = format!("{name} includes itself, directly or through another file");
            return Err(Failure::new(ErrorCode::Malformed, message)
                .hint("take one of the `-r` or `-c` lines of the circle out"));
        }
        if self.open.len() >= DEPTH {
            return Err(wrong(&name, "files include each other too deeply"));
        }
        let Some(text) = around.files.text(path)? else {
            return Err(Failure::new(
                ErrorCode::NotFound,
                format!("there is no file {name}"),
            ));
        };
        self.open.push(path.to_owned());
        let folder = path.parent().unwrap_or(around.folder);
        let name = path
            .strip_prefix(around.folder)
            .map_or(name, |below| shown(&below.to_string_lossy()));
        let read = self.text(&text, &name, role, &around.of(folder));
        self.open.pop();
        read
    }

    fn text(
        &mut self,
        text: &str,
        name: &str,
        role: Role,
        around: &Around<'_>,
    ) -> Result<(), Failure> {
        let lines = lines::read(text, around.variable).map_err(|(line, why)| {
            let place = format!("{name}:{line}");
            match why {
                Unusable::Unset(variable) => {
                    wrong(&place, &format!("the variable {variable} is not set"))
                        .hint("set it, or write its value there; nothing was asked for")
                }
                Unusable::Misplaced(variable) => {
                    let what = format!(
                        "the variable {variable} holds a credential, and may stand only before the \
                         `@` of the line's URL"
                    );
                    wrong(&place, &what).hint(
                        "whoever wrote the line would be sent it; nothing was asked for. without it \
                         the helper finds the credential of the URL itself",
                    )
                }
            }
        })?;
        for line in &lines {
            let place = format!("{name}:{}", line.number);
            self.line(line, &place, role, around)?;
        }
        Ok(())
    }

    fn line(
        &mut self,
        line: &Line,
        place: &str,
        role: Role,
        around: &Around<'_>,
    ) -> Result<(), Failure> {
        let (requirement, rest) = options::split(&line.text);
        let given = options::read(rest).map_err(|what| wrong(place, &what))?;
        if !requirement.is_empty() {
            let mut one = wanted(self.asked, requirement, place, around)
                .map_err(|what| wrong(place, &what))?;
            one.line = line.number;
            for option in given {
                match option.name {
                    "--hash" => one.hashes.push(option.digest(place)?),
                    "--config-settings" | "--global-option" => {}
                    _ => return Err(wrong(place, "this option stands on a line of its own")),
                }
            }
            fixed(&mut one).map_err(|what| wrong(place, &what))?;
            self.asked.take(one, role);
            return Ok(());
        }
        for option in given {
            match option.name {
                "--requirement" => {
                    let path = option.path(place, around)?;
                    self.file(&path, role, around)?;
                }
                "--constraint" => {
                    let path = option.path(place, around)?;
                    self.file(&path, Role::Constraints, around)?;
                }
                "--editable" => {
                    let mut one = wanted(self.asked, &option.value, place, around)
                        .map_err(|what| wrong(place, &what))?;
                    one.line = line.number;
                    self.asked.take(one, role);
                }
                _ => options::apply(self.asked, option, place, around)?,
            }
        }
        Ok(())
    }
}

/// Puts the digests of a direct URL into its fragment, where whoever reads the file looks for them.
fn fixed(one: &mut Wanted) -> Result<(), String> {
    let Some(VersionOrUrl::Url(given)) = &one.requirement.version_or_url else {
        return Ok(());
    };
    let mut url = given.to_url();
    let fragment = url.fragment().unwrap_or_default();
    let mut parts: Vec<String> = fragment
        .split('&')
        .filter(|part| !part.is_empty())
        .map(str::to_owned)
        .collect();
    for digest in std::mem::take(&mut one.hashes) {
        let part = digest.replacen(':', "=", 1);
        let kind = part.split('=').next().unwrap_or_default();
        let mut same = parts
            .iter()
            .filter(|own| own.split('=').next() == Some(kind));
        match same.next() {
            Some(own) if own.eq_ignore_ascii_case(&part) => {}
            Some(_) => return Err("a URL is one file, and its digests differ".to_owned()),
            None => parts.push(part),
        }
    }
    if !parts.is_empty() {
        url.set_fragment(Some(&parts.join("&")));
    }
    one.requirement.version_or_url = Some(VersionOrUrl::Url(url.into()));
    Ok(())
}

/// Reads one requirement: PEP 508, or a path or URL of something that tells its name.
fn wanted(
    asked: &mut Asked,
    text: &str,
    place: &str,
    around: &Around<'_>,
) -> Result<Wanted, String> {
    let text = text.trim();
    if let Some(named) = named(asked, text, place, around)? {
        return Ok(named);
    }
    if direct::is_url(text) || direct::is_path(text.split(';').next().unwrap_or(text)) {
        let (target, marker) = with_marker(text)?;
        let (target, extras) = if direct::is_url(target) {
            (target, Vec::new())
        } else {
            direct::with_extras(target)?
        };
        let mut read = direct::read(target, around.folder)?;
        asked.userinfo.extend(read.userinfo.take());
        let (name, of_name) = direct::name(&read.url, around)?;
        let extras = if extras.is_empty() { of_name } else { extras };
        let requirement = direct::requirement(name, extras, read.url, marker);
        return Ok(Wanted::new(requirement, place));
    }
    Ok(Wanted::new(requirement::parse(text)?, place))
}

/// Reads a requirement in a document, which has a name; behind its `@` may stand a path.
///
/// # Errors
/// `malformed`, with the place.
pub(super) fn pep508(
    asked: &mut Asked,
    item: &Item<'_>,
    around: &Around<'_>,
) -> Result<Wanted, Failure> {
    let (text, place) = (item.text()?, item.place());
    let wanted = match named(asked, text.trim(), &place, around) {
        Ok(None) => requirement::parse(text).map(|read| Wanted::new(read, place)),
        Ok(Some(named)) => Ok(named),
        Err(what) => Err(what),
    };
    let mut wanted = wanted.map_err(|what| item.wrong(&what))?;
    wanted.line = item.line();
    Ok(wanted)
}

/// `NAME @ URL`; `None` where it is none of that form.
fn named(
    asked: &mut Asked,
    text: &str,
    place: &str,
    around: &Around<'_>,
) -> Result<Option<Wanted>, String> {
    if let Some((before, after)) = text.split_once('@')
        && let (name, extras) = direct::with_extras(before.trim())?
        && let Ok(name) = PackageName::from_str(name)
        && !after.trim().is_empty()
    {
        let (target, marker) = with_marker(after.trim())?;
        let read = direct::read(target, around.folder)?;
        asked.userinfo.extend(read.userinfo);
        let requirement = direct::requirement(name, extras, read.url, marker);
        return Ok(Some(Wanted::new(requirement, place)));
    }
    Ok(None)
}

/// Splits the marker off: behind a URL it has a space before or behind its semicolon (PEP 508).
fn with_marker(text: &str) -> Result<(&str, MarkerTree), String> {
    let split = text.split_once(" ;").or_else(|| text.split_once("; "));
    match split {
        None => Ok((text, MarkerTree::TRUE)),
        Some((target, rest)) => Ok((target.trim_end(), requirement::marker(rest.trim())?)),
    }
}

#[cfg(test)]
#[path = "requirements_tests.rs"]
mod tests;
