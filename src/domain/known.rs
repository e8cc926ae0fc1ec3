//! The repositories that are known for a question, and which of them a URL belongs to.

use std::collections::HashSet;

use super::name::RepositoryName;
use super::url::{Origin, RepositoryUrl, Scope, Userinfo};
use credential_helper_protocol::Operation;

/// Where a repository is declared; the order is the order in which they are preferred.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum DeclaredBy {
    /// The helper's `config.toml`.
    Settings,
    /// `set --url` and `trust`.
    Bound,
    /// Poetry's `repositories.*`, in variables or files of the user.
    Poetry,
    /// Sources of the project that the client stands in.
    Project,
    /// The user's own `uv.toml`.
    UvToml,
    /// The first answer that was given.
    FirstUse,
    /// PyPI and TestPyPI.
    BuiltIn,
}

/// A repository with one of its URLs.
#[derive(Clone)]
pub struct KnownRepository {
    /// Its name.
    pub name: RepositoryName,
    /// The URL, without userinfo.
    pub url: RepositoryUrl,
    /// What stood in the URL before the host.
    pub userinfo: Option<Userinfo>,
    /// What the URL is for; unset for both.
    pub operation: Option<Operation>,
    /// Where it is declared.
    pub by: DeclaredBy,
    /// Its scopes: those of the URL, and `also`.
    pub scopes: Vec<Scope>,
    /// The account it is known to have.
    pub username: Option<String>,
}

impl KnownRepository {
    /// A repository with the scopes of its URL.
    pub fn new(name: RepositoryName, url: RepositoryUrl, by: DeclaredBy) -> Self {
        let scopes = url.scopes();
        Self {
            name,
            url,
            userinfo: None,
            operation: None,
            by,
            scopes,
            username: None,
        }
    }
}

/// The repository that a URL belongs to.
pub struct Match<'a> {
    /// The repository.
    pub repository: &'a KnownRepository,
    /// The scope that matched.
    pub scope: &'a Scope,
    /// Other names whose scope is as long.
    pub others: Vec<&'a RepositoryName>,
}

/// The repository whose scope is the longest match by whole segments. Of equally long ones, the
/// one whose index URL shares more leading segments with the request, then the first in the order
/// of [`DeclaredBy`], then the first in its file. A given username leaves out the repositories
/// that are known to have another one.
pub fn best_match<'a>(
    known: &'a [KnownRepository],
    url: &RepositoryUrl,
    username: Option<&str>,
    operation: Option<Operation>,
) -> Option<Match<'a>> {
    let wanted = url.segments();
    let shared = |known: &KnownRepository| {
        known
            .url
            .segments()
            .iter()
            .zip(&wanted)
            .take_while(|(a, b)| a == b)
            .count()
    };
    let mut matches: Vec<(&KnownRepository, &Scope)> = known
        .iter()
        .filter(|known| {
            username.is_none_or(|user| known.username.as_deref().is_none_or(|own| own == user))
        })
        .filter(|known| operation.is_none_or(|op| known.operation.is_none_or(|own| own == op)))
        .filter_map(|known| {
            let scope = known.scopes.iter().filter(|scope| scope.covers(url));
            scope
                .max_by_key(|scope| scope.segments.len())
                .map(|scope| (known, scope))
        })
        .collect();
    // The sort is stable: within one place, the order of the file stays.
    matches.sort_by_key(|(known, scope)| {
        (
            std::cmp::Reverse(scope.segments.len()),
            std::cmp::Reverse(shared(known)),
            known.by,
        )
    });
    let (repository, scope) = *matches.first()?;
    let mut others: Vec<&RepositoryName> = Vec::new();
    for (other, other_scope) in &matches[1..] {
        if other_scope.segments.len() == scope.segments.len()
            && other.name.normalized() != repository.name.normalized()
            && !others.contains(&&other.name)
        {
            others.push(&other.name);
        }
    }
    Some(Match {
        repository,
        scope,
        others,
    })
}

/// The repositories of a host, one URL each: of the origins that `is_at` accepts, the first URL of
/// each name. A given username leaves out those that are known to have another one.
pub fn on_host<'a>(
    known: &'a [KnownRepository],
    is_at: impl Fn(&Origin) -> bool,
    username: Option<&str>,
    operation: Option<Operation>,
) -> Vec<&'a KnownRepository> {
    let mut names = HashSet::new();
    known
        .iter()
        .filter(|known| is_at(known.url.origin()))
        .filter(|known| {
            username.is_none_or(|user| known.username.as_deref().is_none_or(|own| own == user))
        })
        .filter(|known| operation.is_none_or(|op| known.operation.is_none_or(|own| own == op)))
        .filter(|known| names.insert(known.name.normalized()))
        .collect()
}

/// Whether a URL is one that repositories are uploaded to, and not one that is read as well.
pub fn is_upload(known: &[KnownRepository], url: &RepositoryUrl) -> bool {
    let segments = url.segments();
    let same = |known: &&KnownRepository| {
        known.url.origin() == url.origin() && known.url.segments() == segments
    };
    // The API for uploads of PyPI has no other use (docs.pypi.org, "Upload API").
    let pypi = |known: &KnownRepository| known.by == DeclaredBy::BuiltIn && segments == ["legacy"];
    let all: Vec<&KnownRepository> = known.iter().filter(same).collect();
    all.iter()
        .any(|known| known.operation == Some(Operation::Upload) || pypi(known))
        && !all
            .iter()
            .any(|known| known.operation == Some(Operation::Read))
}

/// What the project in the working folder declares for the name and the operation: the first URL
/// of each origin.
pub fn declared_by_project<'a>(
    known: &'a [KnownRepository],
    name: &RepositoryName,
    operation: Option<Operation>,
) -> Vec<&'a KnownRepository> {
    let wanted = name.normalized();
    let mut origins = HashSet::new();
    known
        .iter()
        .filter(|known| known.by == DeclaredBy::Project && known.name.normalized() == wanted)
        .filter(|known| operation.is_none_or(|op| known.operation.is_none_or(|own| own == op)))
        .filter(|known| origins.insert(known.url.origin()))
        .collect()
}

#[cfg(test)]
mod tests {
    use credential_helper_protocol::Operation;

    use super::{DeclaredBy, KnownRepository, best_match, declared_by_project, is_upload, on_host};
    use crate::domain::name::RepositoryName;
    use crate::domain::url::RepositoryUrl;

    fn url(text: &str) -> RepositoryUrl {
        RepositoryUrl::parse(text).unwrap().0
    }

    fn known(list: &[(&str, &str)]) -> Vec<KnownRepository> {
        let new = |(name, text): &(&str, &str)| {
            KnownRepository::new(
                RepositoryName::parse(name).unwrap(),
                url(text),
                DeclaredBy::Poetry,
            )
        };
        list.iter().map(new).collect()
    }

    /// The URL table of Poetry 2.5, with our named deviations.
    #[test]
    fn table() {
        for (repositories, request, expected) in [
            (
                vec![("foo", "https://h/simple/")],
                "https://h/files/x.whl",
                Some("foo"),
            ),
            (
                vec![("foo", "https://h/simple/")],
                "http://h/simple/x",
                None,
            ),
            (
                vec![("foo", "http://h/simple/")],
                "https://h/simple/x",
                None,
            ),
            (
                vec![("foo", "https://h/simple/")],
                "https://h:443/simple/x",
                Some("foo"),
            ),
            (
                vec![("foo", "https://H.ex/simple/")],
                "https://h.ex/simple/x",
                Some("foo"),
            ),
            (
                vec![
                    ("private", "https://h/repo/private"),
                    ("priv", "https://h/repo/priv"),
                ],
                "https://h/repo/priv/x",
                Some("priv"),
            ),
            (
                vec![("a", "https://h/a/simple"), ("b", "https://h/b/simple")],
                "https://h/files/x",
                None,
            ),
            (
                vec![("n1", "https://h/s/"), ("n2", "https://h/s/")],
                "https://h/s/x",
                Some("n1"),
            ),
            (
                vec![
                    ("g1", "https://gl/api/v4/groups/1/-/packages/pypi/simple"),
                    ("g11", "https://gl/api/v4/groups/11/-/packages/pypi/simple"),
                ],
                "https://gl/api/v4/groups/11/-/packages/pypi/simple/x/",
                Some("g11"),
            ),
        ] {
            let known = known(&repositories);
            let found = best_match(&known, &url(request), None, None);
            assert_eq!(
                found.map(|m| m.repository.name.as_str()),
                expected,
                "{request}"
            );
        }
    }

    #[test]
    fn repositories_of_a_host() {
        let mut known = known(&[
            ("a", "https://h/a/simple/"),
            ("A", "https://h/a/legacy/"),
            ("b", "https://h/b/simple/"),
            ("c", "http://h/c/"),
            ("d", "https://other/"),
        ]);
        known[2].username = Some("bob".to_owned());
        let names = |username| {
            let wanted = url("https://h/");
            let found = on_host(&known, |own| own == wanted.origin(), username, None);
            let names = found.iter().map(|known| known.name.as_str());
            names.collect::<Vec<_>>().join(" ")
        };
        assert_eq!(names(None), "a b");
        assert_eq!(names(Some("alice")), "a");
        assert_eq!(names(Some("bob")), "a b");
    }

    #[test]
    fn what_a_url_is_for() {
        let mut known = known(&[
            ("a", "https://h/legacy/"),
            ("a", "https://h/simple/"),
            ("b", "https://h/both/"),
            ("b", "https://h/both"),
            ("pypi", "https://upload.pypi.org/legacy/"),
            ("pypi", "https://pypi.org/simple/"),
            ("c", "https://h/c/legacy"),
            ("d", "https://d/legacy/"),
        ]);
        known[0].operation = Some(Operation::Upload);
        known[2].operation = Some(Operation::Upload);
        known[3].operation = Some(Operation::Read);
        known[4].by = DeclaredBy::BuiltIn;
        known[5].by = DeclaredBy::BuiltIn;
        for (text, expected) in [
            ("https://h/legacy", true),
            ("https://h/legacy/x", false),
            ("https://h/simple/", false),
            ("https://h/both", false),
            ("https://upload.pypi.org/legacy/", true),
            ("https://pypi.org/simple/", false),
            ("https://h/c/legacy/", false),
            ("https://d/legacy/", false),
        ] {
            assert_eq!(is_upload(&known, &url(text)), expected, "{text}");
        }
    }

    /// Of equally long scopes: the account, the operation, the index URL that has more in common
    /// with the request, the place where it is declared, the order of the file.
    #[test]
    fn which_of_several() {
        let read = Some(Operation::Read);
        let upload = Some(Operation::Upload);
        let mut known = known(&[
            ("a", "https://h/s/one/simple/"),
            ("b", "https://h/s/two/simple/"),
            ("c", "https://h/s/two/simple/"),
        ]);
        for one in &mut known {
            one.scopes = url("https://h/s/").scopes();
        }
        let best = |known: &[KnownRepository], text, username, operation| {
            let found = best_match(known, &url(text), username, operation)?;
            let others = found.others.iter().map(|name| name.as_str());
            let names = [vec![found.repository.name.as_str()], others.collect()].concat();
            Some((names.join(" "), found.scope.segments.len()))
        };
        let says = |names: &str| Some((names.to_owned(), 1));
        assert_eq!(best(&known, "https://h/s/x", None, None), says("a b c"));
        let two = "https://h/s/two/x";
        assert_eq!(best(&known, two, None, None), says("b c a"));
        known[2].by = DeclaredBy::Settings;
        assert_eq!(best(&known, two, None, None), says("c b a"));
        known[2].username = Some("bob".to_owned());
        assert_eq!(best(&known, two, Some("bob"), None), says("c b a"));
        assert_eq!(best(&known, two, Some("alice"), None), says("b a"));
        known[1].operation = upload;
        assert_eq!(best(&known, two, Some("alice"), read), says("a"));
        assert_eq!(best(&known, two, Some("alice"), upload), says("b a"));
        let on_host = |operation| {
            let wanted = url("https://h/");
            let found = on_host(&known, |own| own == wanted.origin(), None, operation);
            let names = found.iter().map(|known| known.name.as_str());
            names.collect::<String>()
        };
        assert_eq!(
            (on_host(read), on_host(upload)),
            ("ac".into(), "abc".into())
        );
        assert_eq!(best(&known, "https://other/s/x", None, None), None);
    }

    #[test]
    fn what_a_project_declares() {
        let mut known = known(&[
            ("foo", "https://h/read/"),
            ("Foo", "https://h/again/"),
            ("foo", "https://up/"),
            ("bar", "https://other/"),
            ("foo", "https://mine/"),
        ]);
        for one in &mut known[..4] {
            one.by = DeclaredBy::Project;
        }
        known[2].operation = Some(Operation::Upload);
        let name = RepositoryName::parse("FOO").unwrap();
        let urls = |operation| {
            let found = declared_by_project(&known, &name, operation);
            let urls = found.iter().map(|known| known.url.as_str());
            urls.collect::<Vec<_>>().join(" ")
        };
        assert_eq!(urls(None), "https://h/read/ https://up/");
        assert_eq!(urls(Some(Operation::Read)), "https://h/read/");
        let upload = urls(Some(Operation::Upload));
        assert_eq!(upload, "https://h/read/ https://up/");
    }

    #[test]
    fn ambiguity_is_told() {
        let list = [
            ("n1", "https://h/s/"),
            ("n2", "https://h/s/"),
            ("N1", "https://h/s/"),
            ("n2", "https://h/s/"),
            ("n3", "https://h/"),
        ];
        let known = known(&list);
        let found = best_match(&known, &url("https://h/s/x"), None, None).unwrap();
        let others: Vec<&str> = found.others.iter().map(|name| name.as_str()).collect();
        assert_eq!(others, ["n2"]);
    }
}
