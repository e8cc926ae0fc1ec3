use std::fs;
use std::io::Write;
use std::path::PathBuf;
use std::process::Command;

use credential_helper_protocol::{Failure, Secret};
use proptest::prelude::*;
use toml_edit::DocumentMut;

use super::{
    Removed, Stored, drop_password, drop_token, remove_credentials, set_http_basic, set_setting,
    set_token, store_http_basic, store_token, unset_http_basic, unset_setting, unset_token,
};
use crate::domain::name::RepositoryName;
use crate::domain::toml_text::Document;
use crate::provider::Entry;
use crate::provider::fake::run;
use crate::provider::poetry;
use crate::provider::poetry_key::PoetryKey;

/// A Python that has Poetry, to compare with.
const PYTHON: &str = "CREDENTIAL_HELPER_TEST_PYTHON";

fn name(text: &str) -> RepositoryName {
    RepositoryName::parse(text).unwrap()
}

fn changed(old: &str, change: impl FnOnce(&mut DocumentMut)) -> String {
    let mut doc: DocumentMut = old.parse().unwrap();
    change(&mut doc);
    doc.to_string()
}

#[test]
fn an_account_replaces_the_older_one() {
    let secret = Secret::from("s3");
    for (repository, secret, old, new, dropped) in [
        (
            "foo",
            None,
            "",
            "[http-basic.foo]\nusername = \"u\"\n",
            false,
        ),
        (
            "foo",
            Some(&secret),
            "# c\n[http-basic.bar] # b\nusername = 'x'\n",
            "# c\n[http-basic.bar] # b\nusername = 'x'\n\n[http-basic.foo]\nusername = \"u\"\npassword = \"s3\"\n",
            false,
        ),
        (
            "foo",
            None,
            "[http-basic.foo]\n# who\nusername = 'x' # e\npassword = 'old'\nown = 1\n",
            "[http-basic.foo]\n# who\nusername = \"u\" # e\nown = 1\n",
            true,
        ),
        (
            "my.repo",
            None,
            "[http-basic.my]\nusername = 'm'\n[http-basic.my.repo]\nusername = 'x'\npassword = 'old'\n",
            "[http-basic.my]\nusername = 'm'\n\n[http-basic.\"my.repo\"]\nusername = \"u\"\n",
            true,
        ),
        (
            "my",
            None,
            "[http-basic.my.repo]\npassword = 'p'\n",
            "[http-basic.my]\nusername = \"u\"\n[http-basic.my.repo]\npassword = 'p'\n",
            false,
        ),
        // `username` is a value of `my` here, not the older spelling of `my.username`.
        (
            "my.username",
            None,
            "http-basic.my.username = 'm'\n",
            "http-basic.my.username = 'm'\nhttp-basic.\"my.username\".username = \"u\"\n",
            false,
        ),
    ] {
        let mut was = false;
        let text = changed(old, |doc| {
            was = set_http_basic(doc, &name(repository), "u", secret).unwrap();
        });
        assert_eq!(text, new, "{repository} in {old}");
        assert_eq!(was, dropped, "{old}");
    }
}

#[test]
fn tokens() {
    let token = Secret::from("t");
    for (repository, old, new) in [
        ("pypi", "", "[pypi-token]\npypi = \"t\"\n"),
        (
            "pypi",
            "[pypi-token] # c\nx = 'y'\n",
            "[pypi-token] # c\nx = 'y'\npypi = \"t\"\n",
        ),
        (
            "my.repo",
            "[pypi-token.my]\nrepo = 'old'\n",
            "[pypi-token]\n\"my.repo\" = \"t\"\n",
        ),
    ] {
        let text = changed(old, |doc| {
            set_token(doc, &name(repository), &token).unwrap();
        });
        assert_eq!(text, new, "{repository} in {old}");
        let text = changed(&text, |doc| assert!(unset_token(doc, repository)));
        assert!(!text.contains("\"t\""));
    }
    let mut doc: DocumentMut = "[pypi-token.my]\nrepo = 'old'\n".parse().unwrap();
    assert!(unset_token(&mut doc, "my.repo") && doc.is_empty());
}

#[test]
fn an_account_is_removed_only_where_it_is_meant() {
    let file = "[http-basic.foo]\nusername = 'u'\n[http-basic.no]\npassword = 'p'\n[http-basic.my.repo]\nusername = 'u'\n";
    for (repository, username, removed) in [
        ("foo", None, true),
        ("foo", Some("u"), true),
        ("foo", Some("v"), false),
        ("foo", Some(""), false),
        ("no", Some(""), true),
        ("no", Some("u"), false),
        ("my.repo", Some("u"), true),
        ("my", None, false),
        ("Foo", None, false),
    ] {
        let mut doc: DocumentMut = file.parse().unwrap();
        let got = unset_http_basic(&mut doc, repository, username);
        assert_eq!(got, removed, "{repository} {username:?}");
        assert_eq!(doc.to_string() != file, removed);
    }
}

#[test]
fn files_are_written_and_cleaned() {
    let home = tempfile::tempdir().unwrap();
    let auth = home.path().join("pypoetry/auth.toml");
    let secret = Secret::from("hunter2");
    let stored = |written, plain_text_removed| Stored {
        written,
        plain_text_removed,
    };
    run(async {
        let foo = name("foo");
        assert_eq!(
            remove_credentials(&auth, &foo, None).await.unwrap(),
            Removed::default()
        );
        assert!(!auth.exists());
        let both = store_http_basic(&auth, &foo, "u", Some(&secret))
            .await
            .unwrap();
        assert_eq!(both, stored(true, false));
        assert_eq!(
            store_http_basic(&auth, &foo, "u", Some(&secret))
                .await
                .unwrap(),
            stored(false, false)
        );
        assert_eq!(
            store_http_basic(&auth, &foo, "u", None).await.unwrap(),
            stored(true, true)
        );
        assert!(!fs::read_to_string(&auth).unwrap().contains("hunter2"));
        assert!(store_token(&auth, &foo, &secret).await.unwrap().written);
        assert!(drop_token(&auth, &foo).await.unwrap() && !drop_token(&auth, &foo).await.unwrap());
        store_http_basic(&auth, &foo, "u", Some(&secret))
            .await
            .unwrap();
        assert!(
            drop_password(&auth, &foo).await.unwrap() && !drop_password(&auth, &foo).await.unwrap()
        );
        assert_eq!(
            fs::read_to_string(&auth).unwrap(),
            "[http-basic.foo]\nusername = \"u\"\n"
        );
        store_token(&auth, &foo, &secret).await.unwrap();
        let only = remove_credentials(&auth, &foo, Some("__token__"))
            .await
            .unwrap();
        assert_eq!((only.http_basic, only.token), (false, true));
        assert!(
            only.any()
                && !remove_credentials(&auth, &foo, Some("x"))
                    .await
                    .unwrap()
                    .any()
        );
        // PyPI in any case is one name, and goes with its token.
        store_token(&auth, &name("pypi"), &secret).await.unwrap();
        store_http_basic(&auth, &name("PyPI"), "u", Some(&secret))
            .await
            .unwrap();
        let all = remove_credentials(&auth, &name("pypi"), None)
            .await
            .unwrap();
        assert!(all.http_basic && all.token);
        assert!(
            remove_credentials(&auth, &foo, None)
                .await
                .unwrap()
                .http_basic
        );
        assert_eq!(fs::read_to_string(&auth).unwrap(), "");
        let refused = store_token(&auth, &foo, &Secret::from("hunter2\n"))
            .await
            .unwrap_err();
        assert_eq!(refused.code.exit_status(), 2);
        assert!(!format!("{refused:?}").contains("hunter2"));
    });
}

#[test]
fn settings_are_written_and_removed() {
    let home = tempfile::tempdir().unwrap();
    for (key, value, file, text) in [
        (
            "repositories.foo",
            "https://h/s/",
            "config.toml",
            "[repositories.foo]\nurl = \"https://h/s/\"\n",
        ),
        (
            "repos.my.repo.url",
            "https://h/",
            "config.toml",
            "[repositories.\"my.repo\"]\nurl = \"https://h/\"\n",
        ),
        (
            "repo.l",
            "https://h/",
            "poetry.toml",
            "[repositories.l]\nurl = \"https://h/\"\n",
        ),
        (
            "certificates.foo.cert",
            "false",
            "auth.toml",
            "[certificates.foo]\ncert = false\n",
        ),
        (
            "certificates.foo.client-cert",
            "/c",
            "auth.toml",
            "[certificates.foo]\nclient-cert = \"/c\"\n",
        ),
        (
            "keyring.enabled",
            "0",
            "config.toml",
            "[keyring]\nenabled = false\n",
        ),
    ] {
        let path = home.path().join(file);
        let key = PoetryKey::parse(key).unwrap();
        assert!(file == "poetry.toml" || file == key.file());
        assert!(!run(unset_setting(&path, &key)).unwrap());
        assert!(run(set_setting(&path, &key, value)).unwrap());
        assert_eq!(fs::read_to_string(&path).unwrap(), text);
        assert!(!run(set_setting(&path, &key, value)).unwrap());
        assert!(run(unset_setting(&path, &key)).unwrap());
        assert_eq!(fs::read_to_string(&path).unwrap(), "");
    }
    // The whole repository goes, in both spellings; a mere `.url` leaves what is beside it.
    let path = home.path().join("config.toml");
    let old = "[repositories.my.repo]\nurl = 'o'\n[repositories.\"my.repo\"]\nurl = 'n'\nx = 1\n";
    fs::write(&path, old).unwrap();
    assert!(
        run(unset_setting(
            &path,
            &PoetryKey::parse("repo.my.repo.url").unwrap()
        ))
        .unwrap()
    );
    assert_eq!(
        fs::read_to_string(&path).unwrap(),
        "[repositories.\"my.repo\"]\nx = 1\n"
    );
    assert!(
        run(unset_setting(
            &path,
            &PoetryKey::parse("repo.my.repo").unwrap()
        ))
        .unwrap()
    );
    assert_eq!(fs::read_to_string(&path).unwrap(), "");
    let credential = PoetryKey::parse("http-basic.foo").unwrap();
    assert!(run(set_setting(&path, &credential, "u")).is_err());
    assert!(run(unset_setting(&path, &credential)).is_err());
}

/// Poetry and we, with the same arguments, each on its own copy of the same files.
struct Both {
    python: PathBuf,
    home: tempfile::TempDir,
}

/// A keyring that takes everything, so that Poetry writes the username alone.
const KEYRING: &str = "
from keyring.backend import KeyringBackend

class Memory(KeyringBackend):
    priority = 1
    def get_password(self, service, username): return None
    def set_password(self, service, username, password): pass
    def delete_password(self, service, username): pass
";

impl Both {
    fn file(&self, side: &str, file: &str) -> PathBuf {
        self.home.path().join(side).join(file)
    }

    fn poetry(&self, keyring: bool, args: &[&str]) {
        let backend = if keyring {
            "taking.Memory"
        } else {
            "keyring.backends.null.Keyring"
        };
        let output = Command::new(&self.python)
            .args(["-m", "poetry", "--no-interaction", "config"])
            .args(args)
            .current_dir(self.home.path().join("project"))
            .env_clear()
            .env("HOME", self.home.path())
            .env("POETRY_CONFIG_DIR", self.home.path().join("poetry"))
            .env("PYTHONPATH", self.home.path())
            .env("PYTHON_KEYRING_BACKEND", backend)
            .output()
            .unwrap();
        assert!(output.status.success(), "{args:?}: {output:?}");
    }

    fn ours(&self, keyring: bool, args: &[&str]) -> Result<(), Failure> {
        let words: Vec<&str> = args
            .iter()
            .filter(|arg| !arg.starts_with("--"))
            .copied()
            .collect();
        let (unset, local) = (args.contains(&"--unset"), args.contains(&"--local"));
        let key = PoetryKey::parse(words[0])?;
        let file = if local && key.may_be_local() {
            "poetry.toml"
        } else {
            key.file()
        };
        let path = self.file("ours", file);
        run(async {
            match (&key, &words[1..]) {
                (PoetryKey::HttpBasic(name), []) => {
                    assert!(remove_credentials(&path, name, None).await?.http_basic);
                }
                (PoetryKey::HttpBasic(name), [user, secret]) => {
                    let secret = Secret::from(*secret);
                    let secret = (!keyring).then_some(&secret);
                    store_http_basic(&path, name, user, secret).await?;
                }
                (PoetryKey::PypiToken(name), []) => assert!(drop_token(&path, name).await?),
                (PoetryKey::PypiToken(name), [token]) => {
                    store_token(&path, name, &Secret::from(*token)).await?;
                }
                (_, []) if unset => assert!(unset_setting(&path, &key).await?),
                (_, [value]) => assert!(set_setting(&path, &key, value).await?),
                _ => unreachable!(),
            }
            Ok(())
        })
    }

    fn compare(&self, args: &[&str]) {
        for file in ["auth.toml", "config.toml", "poetry.toml"] {
            let side = if file == "poetry.toml" {
                "project"
            } else {
                "poetry"
            };
            let theirs = fs::read_to_string(self.file(side, file)).unwrap_or_default();
            let ours = fs::read_to_string(self.file("ours", file)).unwrap_or_default();
            assert_eq!(
                content(&ours),
                content(&theirs),
                "{file} after {args:?}:\n{ours}\n---\n{theirs}"
            );
            for comment in ["# head", "# of bar", "# at the end"] {
                assert_eq!(
                    ours.contains(comment),
                    file == "auth.toml",
                    "{comment} in {file} after {args:?}"
                );
            }
        }
    }
}

/// Without formatting and without the order of tables.
fn content(text: &str) -> toml::Table {
    toml::from_str(text).unwrap()
}

#[test]
fn the_files_are_those_that_poetry_writes() {
    let Some(python) = std::env::var_os(PYTHON) else {
        let note = format!("not compared with Poetry: {PYTHON} is unset\n");
        std::io::stderr().write_all(note.as_bytes()).unwrap();
        return;
    };
    let home = tempfile::tempdir().unwrap();
    let both = Both {
        python: python.into(),
        home,
    };
    let start = "# head\n\n# of bar\n[http-basic.bar]\nusername = 'b' # e\npassword = 'p'\n\n[certificates.bar]\ncert = true\n# at the end\n";
    for side in ["poetry", "ours", "project"] {
        fs::create_dir(both.home.path().join(side)).unwrap();
        if side != "project" {
            fs::write(both.file(side, "auth.toml"), start).unwrap();
        }
    }
    fs::write(both.home.path().join("taking.py"), KEYRING).unwrap();
    // Without a project Poetry writes a `poetry.toml` but does not read it.
    let project = "[project]\nname = \"x\"\nversion = \"1\"\n";
    fs::write(both.file("project", "pyproject.toml"), project).unwrap();
    let calls: &[(bool, &[&str])] = &[
        (false, &["http-basic.foo", "alice", "s3cret \" \\ \u{e9}"]),
        (true, &["http-basic.foo", "alice", "new"]),
        (true, &["http-basic.my.repo", "u", "p"]),
        (false, &["http-basic.my.repo", "u", ""]),
        (false, &["http-basic.empty", "", "p"]),
        (false, &["http-basic.bar", "b2", "p2"]),
        (false, &["pypi-token.pypi", "pypi-x"]),
        (false, &["pypi-token.my.repo", "t"]),
        (false, &["--local", "http-basic.loc", "u", "p"]),
        (false, &["repositories.foo", "https://h.example/simple/"]),
        (false, &["repo.my.repo", "https://h.example/"]),
        (false, &["repositories.foo.url", "https://i.example/"]),
        (false, &["--local", "repos.loc", "https://l.example/"]),
        (false, &["certificates.foo.cert", "false"]),
        (false, &["certificates.foo.client-cert", "/c.pem"]),
        (false, &["certificates.my.repo.cert", "/ca.pem"]),
        (false, &["keyring.enabled", "false"]),
        (false, &["--unset", "keyring.enabled"]),
        (false, &["--unset", "certificates.foo.cert"]),
        (false, &["--unset", "certificates.foo.client-cert"]),
        (false, &["--unset", "repositories.foo"]),
        (false, &["--unset", "repo.my.repo.url"]),
        (false, &["--local", "--unset", "repos.loc"]),
        (false, &["--unset", "pypi-token.pypi"]),
        (false, &["--unset", "pypi-token.my.repo"]),
        (false, &["--unset", "http-basic.bar"]),
        (true, &["--unset", "http-basic.my.repo"]),
        (false, &["--unset", "http-basic.foo"]),
    ];
    for (keyring, args) in calls {
        both.poetry(*keyring, args);
        both.ours(*keyring, args).unwrap();
        both.compare(args);
    }
}

/// `auth.toml` in the forms in which people and both tools write it.
fn auth_toml() -> impl Strategy<Value = String> {
    let part = proptest::sample::select(vec![
        "# a comment\n",
        "\n",
        "[http-basic.foo]\nusername = \"a\"\npassword = \"1\" # why\n",
        "[http-basic.my.repo]\nusername = \"b\"\npassword = '2'\n",
        "[http-basic.\"my.repo\"]\nusername = \"c\"\n",
        "[http-basic.my]\nusername = \"d\"\npassword = \"4\"\n",
        "[http-basic.bar]\npassword = \"5\"\n",
        "[pypi-token]\npypi = \"pypi-6\"\nfoo = \"7\"\n",
        "[virtualenvs]\ncreate = false\n",
        "[repositories.foo]\nurl = \"https://h/\"\n",
    ]);
    proptest::collection::vec(part, 0..8).prop_map(|parts| {
        let head = "http-basic.inline = { username = \"i\", password = \"9\" }\n";
        // Tables of the file's own must not come twice.
        let mut all: Vec<&str> = Vec::new();
        for part in parts {
            if part.starts_with(['#', '\n']) || !all.contains(&part) {
                all.push(part);
            }
        }
        let dotted = !all.iter().any(|part| part.starts_with("[http-basic"));
        format!("{}{}", if dotted { head } else { "" }, all.concat())
    })
}

fn entries(text: &str) -> Vec<Entry> {
    let place = std::path::Path::new("auth.toml");
    let Ok(document) = Document::parse(place, text) else {
        panic!("no TOML: {text}");
    };
    poetry::list(&document, place).unwrap()
}

proptest! {
    #[test]
    fn a_change_of_one_name_is_none_of_another(
        text in auth_toml(),
        of in proptest::sample::select(vec!["foo", "my.repo", "my", "bar", "inline", "new"]),
        username in "\\PC{1,9}",
        secret in "\\PC{0,20}",
    ) {
        let (name, secret) = (name(of), Secret::from(secret.as_str()));
        let others = |text: &str| {
            let mut all = entries(text);
            all.retain(|entry| entry.name.as_deref() != Some(of));
            all.sort_by_key(|entry| (entry.name.clone(), entry.username.clone(), entry.is_token));
            all
        };
        let stored = changed(&text, |doc| {
            set_http_basic(doc, &name, &username, Some(&secret)).unwrap();
        });
        prop_assert_eq!(others(&text), others(&stored));
        let own: Vec<Entry> = entries(&stored)
            .into_iter()
            .filter(|entry| entry.name.as_deref() == Some(of) && !entry.is_token)
            .collect();
        prop_assert_eq!(own.len(), 1);
        prop_assert_eq!(own[0].username.as_deref(), Some(username.as_str()));
        prop_assert_eq!(own[0].has_secret, !secret.is_empty());
        let removed = changed(&stored, |doc| {
            unset_http_basic(doc, of, None);
            unset_token(doc, of);
        });
        prop_assert_eq!(others(&text), others(&removed));
        prop_assert!(entries(&removed).iter().all(|entry| entry.name.as_deref() != Some(of)));
        for line in text.lines().filter(|line| line.starts_with('#')) {
            prop_assert!(removed.contains(line), "a comment is lost");
        }
    }
}
