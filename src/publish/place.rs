//! Where a repository's name leads: its upload URL, and its indexes.

use credential_helper_protocol::{BindingRecord, Operation, SettingsReply};

use super::index;
use super::pypirc::Section;
use crate::domain::name::{normalize, same_stored_name};
use crate::domain::url::RepositoryUrl;

/// PyPI's own names, which lead nowhere else.
const BUILT_IN: [(&str, &str); 2] = [
    ("pypi", "https://upload.pypi.org/legacy/"),
    ("testpypi", "https://test.pypi.org/legacy/"),
];

/// Who bound a name, where no file did.
const BY_HAND: &[&str] = &["set", "trust", "first-use"];

/// What is known of a name, from the user's own files first.
#[derive(Default)]
pub struct Known<'a> {
    /// Poetry's settings, those of the user alone.
    pub own: SettingsReply,
    /// Poetry's settings, with the project's.
    pub all: SettingsReply,
    /// Every binding.
    pub bindings: &'a [BindingRecord],
    /// What the project declares for uploads, and for reading.
    pub declared: [Option<String>; 2],
    /// What the user's `.pypirc` says.
    pub pypirc: Option<Section>,
}

/// A place that can be uploaded to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// The repository's name.
    pub name: Option<String>,
    /// Its upload URL.
    pub url: RepositoryUrl,
    /// Its indexes, the likelier first.
    pub indexes: Vec<RepositoryUrl>,
    /// The account that `.pypirc` names.
    pub username: Option<String>,
}

/// The upload URL of PyPI and of its test instance; `None` for other names.
pub fn built_in(name: &str) -> Option<RepositoryUrl> {
    let key = normalize(name);
    let (_, url) = BUILT_IN.iter().find(|(own, _)| *own == key)?;
    RepositoryUrl::bare(url)
}

impl Place {
    /// Of a URL without a name.
    pub fn of_url(url: RepositoryUrl) -> Self {
        Self {
            name: None,
            indexes: index::guesses(&url),
            url,
            username: None,
        }
    }

    /// Of a name; `None` where nothing says where it is.
    pub fn of_name(name: &str, known: &Known<'_>) -> Option<Self> {
        let key = normalize(name);
        let own = |by: &'static [&'static str], operation: Operation| {
            let all = known
                .bindings
                .iter()
                .filter(move |one| by.contains(&&*one.by));
            let key = key.clone();
            all.filter(move |one| {
                one.name == key && one.operation.is_none_or(|own| own == operation)
            })
            .filter_map(|one| RepositoryUrl::bare(one.url.as_deref()?))
        };
        let poetry = |reply: &SettingsReply| {
            let mut all = reply.settings.iter();
            all.find_map(|(setting, value)| {
                let own = setting
                    .strip_prefix("repositories.")?
                    .strip_suffix(".url")?;
                same_stored_name(own, name).then(|| RepositoryUrl::bare(value.as_str()?))?
            })
        };
        let [upload, read] = &known.declared;
        let pypirc = known.pypirc.as_ref();
        let url = built_in(name)
            .or_else(|| own(&["settings"], Operation::Upload).next())
            .or_else(|| poetry(&known.own))
            .or_else(|| RepositoryUrl::bare(upload.as_deref()?))
            .or_else(|| poetry(&known.all))
            .or_else(|| own(BY_HAND, Operation::Upload).next())
            .or_else(|| RepositoryUrl::bare(pypirc?.repository.as_deref()?))?;
        let written = own(&["settings"], Operation::Read)
            .next()
            .or_else(|| RepositoryUrl::bare(read.as_deref()?))
            .or_else(|| own(BY_HAND, Operation::Read).next())
            // One URL for both is the upload URL, or it would not be known where to upload to.
            .filter(|index| *index != url && built_in(name).is_none());
        let mut indexes = index::guesses(&url);
        if let Some(index) = written {
            indexes = vec![index];
        }
        Some(Self {
            name: Some(name.to_owned()),
            indexes,
            url,
            username: pypirc.and_then(|section| section.username.clone()),
        })
    }
}

#[cfg(test)]
mod tests {
    use credential_helper_protocol::{BindingRecord, Operation, SettingsReply};

    use super::{Known, Place};
    use crate::publish::pypirc::Section;

    fn settings(url: &str) -> SettingsReply {
        let settings = [("repositories.foo.url".to_owned(), url.into())].into();
        SettingsReply {
            settings,
            ..SettingsReply::default()
        }
    }

    fn binding(by: &str, operation: Option<Operation>, url: &str) -> BindingRecord {
        BindingRecord {
            name: "foo".to_owned(),
            operation,
            url: Some(url.to_owned()),
            by: by.to_owned(),
            ..BindingRecord::default()
        }
    }

    fn of(known: &Known<'_>) -> Option<(String, String)> {
        let place = Place::of_name("foo", known)?;
        Some((
            place.url.as_str().to_owned(),
            place.indexes[0].as_str().to_owned(),
        ))
    }

    fn pair(url: &str, index: &str) -> (String, String) {
        (url.to_owned(), index.to_owned())
    }

    #[test]
    fn the_users_own_word_comes_first() {
        let pypirc = Section {
            repository: Some("https://f/legacy/".to_owned()),
            username: None,
        };
        let mut known = Known {
            pypirc: Some(pypirc),
            ..Known::default()
        };
        assert_eq!(
            of(&known).unwrap(),
            pair("https://f/legacy/", "https://f/simple/")
        );
        let set = [binding("set", None, "https://e/up/")];
        known.bindings = &set;
        assert_eq!(
            of(&known).unwrap(),
            pair("https://e/up/", "https://e/up/simple/")
        );
        known.all = settings("https://d/up/");
        assert_eq!(of(&known).unwrap().0, "https://d/up/");
        known.declared = ["https://c/up/", "https://c/simple/"].map(|url| Some(url.to_owned()));
        assert_eq!(
            of(&known).unwrap(),
            pair("https://c/up/", "https://c/simple/")
        );
        known.own = settings("https://b/up/");
        assert_eq!(
            of(&known).unwrap(),
            pair("https://b/up/", "https://c/simple/")
        );
        let both = [
            binding("settings", Some(Operation::Read), "https://a/simple/"),
            binding("settings", Some(Operation::Read), "https://files.a/"),
            binding("settings", Some(Operation::Upload), "https://a/up/"),
        ];
        known.bindings = &both;
        assert_eq!(
            of(&known).unwrap(),
            pair("https://a/up/", "https://a/simple/")
        );
        assert_eq!(of(&Known::default()), None);
    }

    #[test]
    fn names_of_pypi_lead_there() {
        let known = Known {
            own: settings("https://evil/"),
            ..Known::default()
        };
        for (name, url) in [
            ("pypi", "https://upload.pypi.org/legacy/"),
            ("PyPI", "https://upload.pypi.org/legacy/"),
            ("testpypi", "https://test.pypi.org/legacy/"),
        ] {
            assert_eq!(Place::of_name(name, &known).unwrap().url.as_str(), url);
        }
    }
}
