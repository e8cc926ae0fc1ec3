//! The text of a netrc: our entries, then those of the user's own netrc for other hosts, which the
//! variable `NETRC` would hide.

use std::collections::HashSet;

use credential_helper_protocol::render::{self, Format};
use credential_helper_protocol::{Credential, Scheme};
use zeroize::Zeroizing;

use super::repository::Repository;
use crate::domain::netrc::{self as words, Machine};
use crate::domain::text::shown;
use crate::domain::url::RepositoryUrl;

/// A netrc, and what is to be said of it.
#[derive(Default)]
pub struct Netrc {
    /// The text; empty where there is nothing of ours to write.
    pub text: Zeroizing<Vec<u8>>,
    /// For people: one line each.
    pub warnings: Vec<String>,
}

/// A netrc knows hosts only: of two repositories on one host the first is written.
pub fn text(repositories: &[Repository], own: Option<&str>) -> Netrc {
    let mut netrc = Netrc::default();
    let mut hosts: Vec<(String, &str)> = Vec::new();
    for repository in repositories {
        let name = repository.name.as_str();
        let places = &repository.places;
        for (credential, place) in [
            (&repository.read, &places.index),
            (&repository.upload, &places.publish),
        ] {
            let Some((host, entry)) = entry(credential.as_ref(), place.as_deref()) else {
                continue;
            };
            match hosts.iter().find(|(other, _)| *other == host) {
                Some((_, first)) if *first == name => {}
                Some((_, first)) => netrc.warnings.push(format!(
                    "\"{}\" and \"{}\" are on one host: what reads NETRC gets the credential of \"{}\" for both",
                    shown(first),
                    shown(name),
                    shown(first),
                )),
                None => {
                    extend(&mut netrc.text, &entry);
                    hosts.push((host, name));
                }
            }
        }
    }
    netrc.warnings.dedup();
    if netrc.text.is_empty() {
        return netrc;
    }
    match own.map(words::parse) {
        None => {}
        Some(Ok(machines)) => {
            let ours: HashSet<&str> = hosts.iter().map(|(host, _)| host.as_str()).collect();
            append(&mut netrc.text, &machines, &ours);
        }
        Some(Err((line, wrong))) => netrc.warnings.push(format!(
            "your own netrc is left out of NETRC: line {line}: {wrong}"
        )),
    }
    netrc
}

/// The host, in lower case, and the line for it.
fn entry(
    credential: Option<&Credential>,
    place: Option<&str>,
) -> Option<(String, Zeroizing<Vec<u8>>)> {
    let credential = credential?;
    if credential.scheme == Scheme::Bearer || credential.password.is_none() {
        return None;
    }
    let mut placed = credential.clone();
    if placed.origin.is_none() && placed.url.is_none() {
        placed.url = Some(place?.to_owned());
    }
    let url = placed.origin.as_ref().or(placed.url.as_ref())?;
    let url = RepositoryUrl::bare(url)?;
    let line = render::credential(&placed, Format::Netrc).ok()?;
    Some((bare(url.origin().host()), line))
}

/// A host as a netrc has it.
fn bare(host: &str) -> String {
    let host = host.strip_prefix('[').unwrap_or(host);
    let host = host.strip_suffix(']').unwrap_or(host);
    host.strip_suffix('.').unwrap_or(host).to_ascii_lowercase()
}

fn append(text: &mut Zeroizing<Vec<u8>>, machines: &[Machine], ours: &HashSet<&str>) {
    // The default entry goes last: what stands behind it counts for nothing (netrc(5)).
    let (named, default): (Vec<_>, Vec<_>) =
        machines.iter().partition(|machine| machine.name.is_some());
    for machine in named.into_iter().chain(default) {
        match &machine.name {
            Some(name) if ours.contains(bare(name).as_str()) => continue,
            Some(name) => {
                extend(text, b"machine ");
                render::netrc_value(name, text);
            }
            None => extend(text, b"default"),
        }
        for (word, value) in [
            (" login ", &machine.login),
            (" account ", &machine.account),
            (" password ", &machine.password),
        ] {
            if let Some(value) = value {
                extend(text, word.as_bytes());
                render::netrc_value(value, text);
            }
        }
        extend(text, b"\n");
    }
}

/// A buffer that grows leaves copies behind; this one moves into a new one and is wiped.
fn extend(text: &mut Zeroizing<Vec<u8>>, bytes: &[u8]) {
    if text.capacity() - text.len() < bytes.len() {
        let mut larger = Zeroizing::new(Vec::with_capacity(2 * (text.len() + bytes.len()) + 4096));
        larger.extend_from_slice(text);
        *text = larger;
    }
    text.extend_from_slice(bytes);
}

#[cfg(test)]
mod tests {
    use credential_helper_protocol::{Credential, Secret};

    use super::text;
    use crate::ci::repository::{Places, Repository};

    fn repository(name: &str, origin: Option<&str>, secret: &str) -> Repository {
        Repository {
            name: name.to_owned(),
            read: Some(Credential {
                username: Some("u".to_owned()),
                password: Some(Secret::from(secret)),
                origin: origin.map(str::to_owned),
                ..Credential::default()
            }),
            upload: None,
            places: Places::default(),
        }
    }

    fn written(repositories: &[Repository], own: Option<&str>) -> (String, Vec<String>) {
        let netrc = text(repositories, own);
        (
            String::from_utf8(netrc.text.to_vec()).unwrap(),
            netrc.warnings,
        )
    }

    #[test]
    fn ours_then_the_users_for_other_hosts() {
        let own = "default login d password x\nmachine H login old password old\n\
                   macdef init\ncd /\n\nmachine other account \"a b\" password p\n";
        let (text, warnings) = written(
            &[
                repository("foo", Some("https://h:8443"), "p w"),
                repository("bar", Some("https://h"), "q"),
                repository("baz", None, "q"),
            ],
            Some(own),
        );
        assert_eq!(
            text,
            "machine h login u password \"p w\"\nmachine other account \"a b\" password p\n\
             default login d password x\n"
        );
        assert_eq!(warnings.len(), 1, "{warnings:?}");
        assert!(warnings[0].contains("\"foo\" and \"bar\""));
    }

    #[test]
    fn a_broken_netrc_is_left_out() {
        let foo = repository("foo", Some("https://h"), "p");
        let (text, warnings) = written(&[foo], Some("machine h\nhello s3cret"));
        assert_eq!(text, "machine h login u password p\n");
        assert!(warnings[0].contains("line 2") && !warnings[0].contains("s3cret"));
    }

    #[test]
    fn nothing_of_ours_is_no_netrc() {
        let (text, _) = written(&[repository("baz", None, "q")], Some("machine h login a"));
        assert_eq!(text, "");
    }
}
