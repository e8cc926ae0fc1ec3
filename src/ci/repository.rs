//! A repository with what was answered for it, and the places that are known of it.

use credential_helper_protocol::{
    BindingList, BindingRecord, Credential, Failure, Operation, variable,
};

use crate::domain::name::normalize;

/// A repository, as far as variables go.
pub struct Repository {
    /// Its name.
    pub name: String,
    /// What reads its index.
    pub read: Option<Credential>,
    /// What uploads to it.
    pub upload: Option<Credential>,
    /// Where it is.
    pub places: Places,
}

/// Where a repository is, as bindings and the project say it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Places {
    /// The URL of its index.
    pub index: Option<String>,
    /// The URL that uploads are sent to.
    pub publish: Option<String>,
    /// The project names the upload URL itself, in uv's words.
    pub uv_publishes: bool,
    /// Poetry's own files name the upload URL.
    pub poetry_publishes: bool,
    /// The project reads from it.
    pub is_source: bool,
}

impl Places {
    /// What a list of bindings, and of what a project declares, says of a name.
    pub fn of(name: &str, list: &BindingList) -> Self {
        let key = normalize(name);
        let sources = list.project.iter().flat_map(|project| &project.sources);
        let own: Vec<_> = sources.filter(|one| normalize(&one.name) == key).collect();
        let bound: Vec<&BindingRecord> = list
            .bindings
            .iter()
            .filter(|binding| binding.name == key)
            .collect();
        let by_source = |wanted: Operation| {
            let mut fitting = own.iter().filter(|source| source.operation == Some(wanted));
            fitting.next().map(|source| source.url.clone())
        };
        let url = |wanted: &dyn Fn(&BindingRecord) -> bool| {
            let mut fitting = bound.iter().filter(|binding| wanted(binding));
            fitting.find_map(|binding| binding.url.clone())
        };
        let of_both = |binding: &BindingRecord| binding.operation.is_none();
        let is_index = |binding: &BindingRecord| binding.url.as_deref().is_some_and(is_index);
        let project_publish = by_source(Operation::Upload);
        let poetry = url(&|binding| binding.by == POETRY);
        let publish = project_publish
            .clone()
            .or_else(|| url(&|binding| binding.operation == Some(Operation::Upload)))
            .or_else(|| poetry.clone())
            // A URL that is for both is an index's where it looks like one, and what a first use has
            // recorded was one.
            .or_else(|| {
                url(&|binding| {
                    of_both(binding) && !is_index(binding) && binding.by != "first-use"
                })
            });
        let is_source = own
            .iter()
            .any(|source| source.operation != Some(Operation::Upload));
        let index = by_source(Operation::Read)
            .or_else(|| {
                let mut both = own.iter().filter(|source| source.operation.is_none());
                both.next().map(|source| source.url.clone())
            })
            .or_else(|| url(&|binding| binding.operation == Some(Operation::Read)))
            .or_else(|| url(&|binding| of_both(binding) && is_index(binding)))
            .or_else(|| url(&|binding| of_both(binding) && binding.by != POETRY));
        Self {
            index,
            uv_publishes: project_publish.is_some(),
            poetry_publishes: poetry.is_some() && poetry == publish,
            publish,
            is_source,
        }
    }

    /// What the answers themselves say, where nobody tells more (a restricted socket). An index is
    /// nothing to upload to, here too.
    pub fn of_answers(read: Option<&Credential>, upload: Option<&Credential>) -> Self {
        let url = |answer: Option<&Credential>| answer.and_then(|answer| answer.url.clone());
        Self {
            index: url(read),
            publish: url(upload).filter(|url| !is_index(url)),
            ..Self::default()
        }
    }
}

/// Who binds what Poetry's `repositories.NAME` says.
const POETRY: &str = "poetry";

/// Whether a URL is that of a Simple index: its last segment says so.
fn is_index(url: &str) -> bool {
    let path = url.trim_end_matches('/');
    path.ends_with("/simple") || path.ends_with("/+simple")
}

/// Refuses names that read the same variables: one would get the other's secret. Of `others`, which
/// get no variables of their own, those that are the same name to the check of origins are left out.
///
/// # Errors
/// `usage`, with both names.
pub fn no_collision(chosen: &[String], others: &[String]) -> Result<(), Failure> {
    for (at, name) in chosen.iter().enumerate() {
        let same = |other: &&String| {
            let pypi = |name: &str| name.eq_ignore_ascii_case("pypi");
            *other != name && !(pypi(name) && pypi(other)) && share_variables(name, other)
        };
        let outside = |other: &&String| normalize(other) != normalize(name);
        let other = chosen[..at]
            .iter()
            .find(same)
            .or_else(|| others.iter().filter(outside).find(same));
        if let Some(other) = other {
            return Err(Failure::new(
                credential_helper_protocol::ErrorCode::Usage,
                format!(
                    "\"{other}\" and \"{name}\" have the same variables ({}): one would be given the secret of the other",
                    variable::spellings(name).pop().unwrap_or_default()
                ),
            )
            .hint("rename one of the two package sources, or leave the project out with --only and --no-project-check"));
        }
    }
    Ok(())
}

fn share_variables(a: &str, b: &str) -> bool {
    let others = variable::spellings(b);
    variable::spellings(a)
        .iter()
        .any(|one| others.contains(one))
}

#[cfg(test)]
mod tests {
    use credential_helper_protocol::{
        BindingList, BindingRecord, Credential, Operation, Project, Source,
    };

    use super::{Places, no_collision};

    fn bound(name: &str, url: &str, operation: Option<Operation>, by: &str) -> BindingRecord {
        BindingRecord {
            name: name.to_owned(),
            url: Some(url.to_owned()),
            operation,
            by: by.to_owned(),
            ..BindingRecord::default()
        }
    }

    fn source(name: &str, url: &str, operation: Option<Operation>) -> Source {
        Source {
            name: name.to_owned(),
            url: url.to_owned(),
            operation,
        }
    }

    fn places(bindings: Vec<BindingRecord>, sources: Vec<Source>) -> Places {
        let project = (!sources.is_empty()).then(|| Project {
            sources,
            ..Project::default()
        });
        Places::of("Foo", &BindingList { bindings, project })
    }

    #[test]
    fn where_a_repository_is() {
        let (read, upload) = (Some(Operation::Read), Some(Operation::Upload));
        let of_settings = places(
            vec![
                bound("foo", "https://h/simple/", read, "settings"),
                bound("foo", "https://h/legacy/", upload, "settings"),
            ],
            vec![],
        );
        assert_eq!(of_settings.index.as_deref(), Some("https://h/simple/"));
        assert_eq!(of_settings.publish.as_deref(), Some("https://h/legacy/"));
        // One URL for both: an index is nothing to upload to.
        let index = places(vec![bound("foo", "https://h/simple/", None, "set")], vec![]);
        assert_eq!((index.index.is_some(), index.publish), (true, None));
        let other = places(
            vec![bound("foo", "https://h/api/pypi", None, "set")],
            vec![],
        );
        assert_eq!(other.index, other.publish);
        let poetry = places(vec![bound("foo", "https://h/up", None, "poetry")], vec![]);
        assert_eq!((poetry.index, poetry.poetry_publishes), (None, true));
        let pypi = places(
            vec![
                bound("foo", "https://pypi.org/simple/", None, "built-in"),
                bound("foo", "https://upload.pypi.org/legacy/", None, "built-in"),
            ],
            vec![],
        );
        assert_eq!(
            (pypi.index.as_deref(), pypi.publish.as_deref()),
            (
                Some("https://pypi.org/simple/"),
                Some("https://upload.pypi.org/legacy/")
            )
        );
        let uv = places(
            vec![bound("foo", "https://h/other/", upload, "trust")],
            vec![
                source("foo", "https://h/simple/", read),
                source("foo", "https://h/up/", upload),
            ],
        );
        assert_eq!(uv.publish.as_deref(), Some("https://h/up/"));
        assert!(uv.uv_publishes && uv.is_source);
        let poetry_source = places(vec![], vec![source("foo", "https://h/simple", None)]);
        assert_eq!(poetry_source.index.as_deref(), Some("https://h/simple"));
        assert_eq!(poetry_source.publish, None);
        assert_eq!(
            places(vec![], vec![source("bar", "https://h/", None)]),
            Places::default()
        );
    }

    #[test]
    fn where_it_is_by_the_answers_alone() {
        let answer = |url: &str| Credential {
            url: Some(url.to_owned()),
            ..Credential::default()
        };
        let (index, upload) = (answer("https://h/simple/"), answer("https://h/legacy/"));
        let both = Places::of_answers(Some(&index), Some(&upload));
        assert_eq!(both.index.as_deref(), Some("https://h/simple/"));
        assert_eq!(both.publish.as_deref(), Some("https://h/legacy/"));
        let none = Places::of_answers(None, Some(&index));
        assert_eq!(none, Places::default());
    }

    #[test]
    fn names_that_share_variables() {
        let names = |list: &[&str]| {
            list.iter()
                .map(|name| (*name).to_owned())
                .collect::<Vec<_>>()
        };
        for (chosen, others, fails) in [
            (&["foo", "bar"][..], &[][..], false),
            (&["foo-bar", "foo_bar"], &[], true),
            (&["foo.bar", "foo-bar"], &[], true),
            (&["foo", "Foo"], &[], true),
            (&["pypi", "PyPI"], &[], false),
            (&["foo", "foo"], &[], false),
            (&["foo-bar"], &["foo+bar"], true),
            // The check of origins takes these for one name.
            (&["foo-bar"], &["foo_bar"], false),
            (&["foo"], &["foo", "bar"], false),
        ] {
            let told = no_collision(&names(chosen), &names(others));
            assert_eq!(told.is_err(), fails, "{chosen:?} {others:?}");
            if let Err(failure) = told {
                assert!(failure.message.contains(chosen[0]), "{failure}");
            }
        }
    }
}
