//! A secret belongs to an origin: which origins a name is bound to, and what that allows.

use credential_helper_protocol::{Operation, variable};

use super::name::{RepositoryName, normalize};
use super::url::{Origin, RepositoryUrl};

/// Who bound a name to an origin.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum BoundBy {
    /// PyPI and TestPyPI; cannot be removed.
    BuiltIn,
    /// The helper's `config.toml`.
    Settings,
    /// `helper set --url`.
    Set,
    /// `helper trust`.
    Trust,
    /// The user's own Poetry `repositories.NAME`.
    Poetry,
    /// The first answer that was given for the name.
    FirstUse,
}

impl BoundBy {
    /// The word used in JSON and in `trust.toml`.
    pub fn word(self) -> &'static str {
        match self {
            Self::BuiltIn => "built-in",
            Self::Settings => "settings",
            Self::Set => "set",
            Self::Trust => "trust",
            Self::Poetry => "poetry",
            Self::FirstUse => "first-use",
        }
    }

    /// Whether a person bound the name by hand: only such bindings hold for variables.
    pub fn by_hand(self) -> bool {
        matches!(self, Self::Settings | Self::Set | Self::Trust)
    }
}

/// One binding.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Binding {
    /// The name as it was given; compared by its normalised form.
    pub name: String,
    /// For which operation; unset for both.
    pub operation: Option<Operation>,
    /// The URL that was given.
    pub url: RepositoryUrl,
    /// Who bound it.
    pub by: BoundBy,
    /// Whether plain http is allowed to this origin by the user.
    pub allow_http: bool,
    /// Since when, RFC 3339.
    pub since: Option<String>,
}

/// Where a secret comes from, as far as the check of its origin is concerned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    /// Variables: checked against what was bound by hand.
    Variables,
    /// Stored under the repository's name: checked against every binding.
    Stored,
    /// Stored under the URL or host itself: belongs to that origin.
    Url,
}

/// What the user lets a first answer do.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum FirstUse {
    /// It binds the name.
    #[default]
    Bind,
    /// It is refused.
    Refuse,
}

/// The result of the check, from the mildest to the strictest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Verdict {
    /// The secret may go there.
    Allowed,
    /// Nothing binds the name yet: the answer binds it.
    Binds,
    /// Nothing binds the name, and the user wants to do that by hand.
    Unbound,
    /// It would travel over plain http.
    Insecure,
    /// The name is bound to other origins.
    Changed,
}

impl Verdict {
    /// Whether the secret may go.
    pub fn allows(self) -> bool {
        matches!(self, Self::Allowed | Self::Binds)
    }

    /// The word used in JSON.
    pub fn word(self) -> &'static str {
        match self {
            Self::Allowed => "allowed",
            Self::Binds | Self::Unbound => "unbound",
            Self::Changed => "changed",
            Self::Insecure => "insecure",
        }
    }
}

/// The names that are bound without anybody's doing.
const BUILT_IN: [&str; 2] = ["pypi", "testpypi"];

/// The built-in bindings: PyPI's names belong to PyPI.
pub fn built_in() -> Vec<Binding> {
    [
        ("pypi", "https://pypi.org/simple/"),
        ("pypi", "https://upload.pypi.org/legacy/"),
        ("testpypi", "https://test.pypi.org/simple/"),
        ("testpypi", "https://test.pypi.org/legacy/"),
    ]
    .into_iter()
    .filter_map(|(name, url)| {
        let url = RepositoryUrl::bare(url)?;
        let (operation, by, since) = (None, BoundBy::BuiltIn, None);
        Some(Binding {
            name: name.to_owned(),
            operation,
            url,
            by,
            allow_http: false,
            since,
        })
    })
    .collect()
}

/// Whether a secret of this class, asked for by `name`, may go to `wanted`. For a token there is
/// [`token_may_go`] as well.
pub fn check(
    bindings: &[Binding],
    name: &RepositoryName,
    wanted: &Origin,
    operation: Option<Operation>,
    class: Class,
    first_use: FirstUse,
) -> Verdict {
    let key = name.normalized();
    // A variable belongs to every name that is spelled like it.
    let spellings = match class {
        Class::Variables => name.variable_spellings(),
        Class::Stored | Class::Url => Vec::new(),
    };
    let bound: Vec<&Binding> = bindings
        .iter()
        .filter(|binding| normalize(&binding.name) == key || reads(&binding.name, &spellings))
        .collect();
    let counts = |binding: &&&Binding| match class {
        Class::Variables => binding.by.by_hand() || binding.by == BoundBy::BuiltIn,
        Class::Stored | Class::Url => true,
    };
    let fits = |binding: &&&Binding| {
        binding.url.origin() == wanted
            && operation.is_none_or(|op| binding.operation.is_none_or(|own| own == op))
            // PyPI's own names: a person may add an origin to read from, never one to upload to.
            && (!is_built_in(&normalize(&binding.name))
                || binding.by == BoundBy::BuiltIn
                || operation != Some(Operation::Upload))
    };
    let allowed_http = bound.iter().any(|binding| {
        binding.allow_http && binding.by.by_hand() && binding.url.origin() == wanted
    });
    let insecure = wanted.is_http() && !wanted.is_loopback() && !allowed_http;
    if class == Class::Url {
        return if insecure {
            Verdict::Insecure
        } else {
            Verdict::Allowed
        };
    }
    if bound.iter().filter(counts).any(|binding| fits(&binding)) {
        return if insecure {
            Verdict::Insecure
        } else {
            Verdict::Allowed
        };
    }
    if bound.iter().any(|binding| counts(&binding)) {
        return Verdict::Changed;
    }
    match (insecure, class, first_use) {
        (true, ..) => Verdict::Insecure,
        (false, Class::Variables, _) => Verdict::Allowed,
        (false, _, FirstUse::Bind) => Verdict::Binds,
        (false, _, FirstUse::Refuse) => Verdict::Unbound,
    }
}

/// Whether the normalised name is one of those that are built in.
pub fn is_built_in(normalized: &str) -> bool {
    BUILT_IN.contains(&normalized)
}

/// Whether an API token stored under this name may go to `wanted`: a token of PyPI's names never
/// goes to an origin that a person added.
pub fn token_may_go(name: &RepositoryName, wanted: &Origin) -> bool {
    let (key, spellings) = (name.normalized(), name.variable_spellings());
    let own: Vec<&str> = BUILT_IN
        .into_iter()
        .filter(|name| *name == key || reads(name, &spellings))
        .collect();
    own.is_empty()
        || built_in()
            .iter()
            .any(|binding| own.contains(&binding.name.as_str()) && binding.url.origin() == wanted)
}

/// Whether a name is read from one of these spellings of variables.
fn reads(name: &str, spellings: &[String]) -> bool {
    !spellings.is_empty()
        && variable::spellings(name)
            .iter()
            .any(|own| spellings.contains(own))
}

#[cfg(test)]
mod tests {
    use credential_helper_protocol::Operation;

    use super::{Binding, BoundBy, Class, FirstUse, Verdict, built_in, check};
    use crate::domain::name::RepositoryName;
    use crate::domain::url::RepositoryUrl;

    fn bound(url: &str, by: BoundBy, operation: Option<Operation>) -> Binding {
        let url = RepositoryUrl::parse(url).unwrap().0;
        let allow_http = url.origin().is_http() && by == BoundBy::Trust;
        Binding {
            name: "foo".into(),
            operation,
            url,
            by,
            allow_http,
            since: None,
        }
    }

    fn verdict(bindings: &[Binding], name: &str, url: &str, class: Class) -> Verdict {
        let name = RepositoryName::parse(name).unwrap();
        let url = RepositoryUrl::parse(url).unwrap().0;
        check(bindings, &name, url.origin(), None, class, FirstUse::Bind)
    }

    #[test]
    fn look_alikes_get_nothing() {
        let bindings = [bound("https://good.example/simple/", BoundBy::Set, None)];
        assert_eq!(
            verdict(
                &bindings,
                "foo",
                "https://good.example/other/",
                Class::Stored
            ),
            Verdict::Allowed
        );
        for url in [
            "https://good.example.evil/",
            "https://evil-good.example/",
            "http://good.example/",
            "https://good.example:8443/",
            "https://sub.good.example/",
            "https://g\u{43e}od.example/",
            "https://good.example@evil/",
            "https://evil/good.example/",
            "https://good-example/",
        ] {
            for name in ["foo", "Foo", "FOO"] {
                let got = verdict(&bindings, name, url, Class::Stored);
                assert_eq!(got, Verdict::Changed, "{url}");
                assert_eq!(
                    verdict(&bindings, name, url, Class::Variables),
                    Verdict::Changed
                );
            }
        }
    }

    #[test]
    fn variables_obey_only_what_was_bound_by_hand() {
        for by in [BoundBy::Poetry, BoundBy::FirstUse] {
            let bindings = [bound("https://a.example/", by, None)];
            assert_eq!(
                verdict(&bindings, "foo", "https://b.example/", Class::Variables),
                Verdict::Allowed
            );
            assert_eq!(
                verdict(&bindings, "foo", "https://b.example/", Class::Stored),
                Verdict::Changed
            );
        }
    }

    /// The variables of `foo-bar` are read for every name that a shell spells like it.
    #[test]
    fn another_name_does_not_take_variables_round_a_binding() {
        let mut bindings = built_in();
        bindings.push(Binding {
            name: "foo-bar".into(),
            ..bound("https://good.example/", BoundBy::Set, None)
        });
        for name in [
            "foo+bar",
            "foo bar",
            "foo@Bar",
            "foo\u{e9}bar",
            "pyp\u{131}",
        ] {
            let got = |url| verdict(&bindings, name, url, Class::Variables);
            assert_eq!(got("https://evil.example/"), Verdict::Changed, "{name}");
            let stored = verdict(&bindings, name, "https://evil.example/", Class::Stored);
            assert_eq!(stored, Verdict::Binds, "{name}");
            let name = RepositoryName::parse(name).unwrap();
            let evil = RepositoryUrl::parse("https://evil.example/").unwrap().0;
            let token = super::token_may_go(&name, evil.origin());
            assert_eq!(token, name.as_str().starts_with("foo"), "{name}");
        }
        assert_eq!(
            verdict(
                &bindings,
                "foo+bar",
                "https://good.example/x",
                Class::Variables
            ),
            Verdict::Allowed
        );
        assert_eq!(
            verdict(
                &bindings,
                "foo.bars",
                "https://b.example/",
                Class::Variables
            ),
            Verdict::Allowed
        );
    }

    #[test]
    fn first_use_binds_once() {
        assert_eq!(
            verdict(&[], "foo", "https://a.example/", Class::Stored),
            Verdict::Binds
        );
        assert_eq!(
            verdict(&[], "foo", "http://a.example/", Class::Stored),
            Verdict::Insecure
        );
        assert_eq!(
            verdict(&[], "foo", "http://127.0.0.1:80/", Class::Stored),
            Verdict::Binds
        );
        let name = RepositoryName::parse("foo").unwrap();
        let url = RepositoryUrl::parse("https://a.example/").unwrap().0;
        let got = check(
            &[],
            &name,
            url.origin(),
            None,
            Class::Stored,
            FirstUse::Refuse,
        );
        assert_eq!(got, Verdict::Unbound);
    }

    #[test]
    fn http_needs_the_users_word() {
        let trusted = [bound("http://a.example/", BoundBy::Trust, None)];
        assert_eq!(
            verdict(&trusted, "foo", "http://a.example/", Class::Stored),
            Verdict::Allowed
        );
        let poetry = [bound("http://a.example/", BoundBy::Poetry, None)];
        assert_eq!(
            verdict(&poetry, "foo", "http://a.example/", Class::Stored),
            Verdict::Insecure
        );
        assert_eq!(
            verdict(&[], "foo", "http://a.example/", Class::Url),
            Verdict::Insecure
        );
        // The word is a person's own, and for one origin.
        let set = bound("http://a.example/", BoundBy::Set, None);
        let of_poetry = Binding {
            allow_http: true,
            ..poetry[0].clone()
        };
        let elsewhere = bound("http://b.example/", BoundBy::Trust, None);
        for bindings in [vec![set.clone()], vec![of_poetry], vec![set, elsewhere]] {
            let got = verdict(&bindings, "foo", "http://a.example/", Class::Stored);
            assert_eq!(got, Verdict::Insecure);
        }
    }

    #[test]
    fn an_operation_keeps_to_its_own() {
        let bindings = [bound(
            "https://up.example/",
            BoundBy::Set,
            Some(Operation::Upload),
        )];
        let name = RepositoryName::parse("foo").unwrap();
        let url = RepositoryUrl::parse("https://up.example/").unwrap().0;
        let ask = |operation| {
            check(
                &bindings,
                &name,
                url.origin(),
                operation,
                Class::Stored,
                FirstUse::Bind,
            )
        };
        assert_eq!(ask(Some(Operation::Upload)), Verdict::Allowed);
        assert_eq!(ask(Some(Operation::Read)), Verdict::Changed);
        assert_eq!(ask(None), Verdict::Allowed);
    }

    /// What a person adds to PyPI's names is read from, and never uploaded to.
    #[test]
    fn pypi_belongs_to_pypi() {
        let mirror = Binding {
            name: "PyPI".into(),
            ..bound("https://mirror.example/simple/", BoundBy::Trust, None)
        };
        let bindings = [built_in(), vec![mirror]].concat();
        let name = RepositoryName::parse("pypi").unwrap();
        let ask = |url: &str, operation, class| {
            let url = RepositoryUrl::parse(url).unwrap().0;
            check(
                &bindings,
                &name,
                url.origin(),
                operation,
                class,
                FirstUse::Bind,
            )
        };
        let (read, upload) = (Some(Operation::Read), Some(Operation::Upload));
        for class in [Class::Stored, Class::Variables] {
            for (url, operation, expected) in [
                ("https://pypi.org/simple/", None, Verdict::Allowed),
                ("https://upload.pypi.org/legacy/", upload, Verdict::Allowed),
                ("https://evil.example/", None, Verdict::Changed),
                ("https://test.pypi.org/legacy/", upload, Verdict::Changed),
                ("https://mirror.example/", None, Verdict::Allowed),
                ("https://mirror.example/", read, Verdict::Allowed),
                ("https://mirror.example/", upload, Verdict::Changed),
            ] {
                assert_eq!(ask(url, operation, class), expected, "{url} {operation:?}");
            }
        }
        // Any other name may be uploaded to where a person says.
        let bindings = [bound("https://mirror.example/", BoundBy::Trust, None)];
        let name = RepositoryName::parse("foo").unwrap();
        let url = RepositoryUrl::parse("https://mirror.example/").unwrap().0;
        let stored = (Class::Stored, FirstUse::Bind);
        let got = check(&bindings, &name, url.origin(), upload, stored.0, stored.1);
        assert_eq!(got, Verdict::Allowed);
    }

    #[test]
    fn a_token_of_pypi_goes_to_pypi_alone() {
        for (name, url, expected) in [
            ("pypi", "https://upload.pypi.org/legacy/", true),
            ("PyPI", "https://pypi.org/simple/", true),
            ("pypi", "https://test.pypi.org/legacy/", false),
            ("testpypi", "https://test.pypi.org/legacy/", true),
            ("testpypi", "https://upload.pypi.org/legacy/", false),
            ("pypi", "https://evil.example/", false),
            ("foo", "https://evil.example/", true),
        ] {
            let url = RepositoryUrl::parse(url).unwrap().0;
            let name = RepositoryName::parse(name).unwrap();
            let got = super::token_may_go(&name, url.origin());
            assert_eq!(got, expected, "{name:?}");
        }
    }

    /// JSON, `trust.toml` and the documents know these words.
    #[test]
    fn words() {
        let by = [
            (BoundBy::BuiltIn, "built-in", false),
            (BoundBy::Settings, "settings", true),
            (BoundBy::Set, "set", true),
            (BoundBy::Trust, "trust", true),
            (BoundBy::Poetry, "poetry", false),
            (BoundBy::FirstUse, "first-use", false),
        ];
        for (by, word, by_hand) in by {
            assert_eq!((by.word(), by.by_hand()), (word, by_hand));
        }
        for (verdict, word, allows) in [
            (Verdict::Allowed, "allowed", true),
            (Verdict::Binds, "unbound", true),
            (Verdict::Unbound, "unbound", false),
            (Verdict::Insecure, "insecure", false),
            (Verdict::Changed, "changed", false),
        ] {
            assert_eq!((verdict.word(), verdict.allows()), (word, allows));
        }
    }
}
