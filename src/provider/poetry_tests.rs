use std::collections::BTreeMap;

use credential_helper_protocol::{Secret, Variable};
use tempfile::TempDir;

use super::{Declared, PoetryFile, project_repositories, repositories};
use crate::domain::credential::{Answer, Key, ProviderId};
use crate::provider::files::Files;
use crate::provider::{Call, Folders, Provider};

/// A home of Poetry and a project with these files, and these variables.
pub(crate) fn call(files: &[(&str, &str)], variables: &[(&str, &str)]) -> (TempDir, Call) {
    let dir = tempfile::tempdir().unwrap();
    for folder in ["poetry", "project"] {
        std::fs::create_dir(dir.path().join(folder)).unwrap();
    }
    for (path, text) in files {
        std::fs::write(dir.path().join(path), text).unwrap();
    }
    let variable =
        |(name, value): &(&str, &str)| ((*name).to_owned(), Variable(Secret::from(*value)));
    let call = Call {
        variables: variables.iter().map(variable).collect::<BTreeMap<_, _>>(),
        folders: Folders {
            project: Some(dir.path().join("project")),
            poetry: Some(dir.path().join("poetry")),
            ..Folders::default()
        },
        files: Files::default().view(),
        bus: None,
        prompt: false,
        time: std::time::Duration::from_secs(1),
    };
    (dir, call)
}

fn told(answer: Answer) -> String {
    let half = |text: Option<&str>| text.unwrap_or("None").to_owned();
    match answer {
        Answer::Found(found) => format!(
            "{}/{}",
            half(found.username.as_deref()),
            half(found.secret.as_ref().map(Secret::expose)),
        ),
        Answer::Failed(why, detail) => {
            let place = detail.rsplit('/').next().unwrap_or_default();
            format!("{} {place}", why.word())
        }
        other => other.word().to_owned(),
    }
}

async fn ask(text: &str, key: Key) -> String {
    let (_dir, call) = call(&[("poetry/auth.toml", text)], &[]);
    told(PoetryFile(ProviderId::AUTH_TOML).find(&key, &call).await)
}

fn names(list: &[&str]) -> Vec<String> {
    list.iter().map(|name| (*name).to_owned()).collect()
}

#[tokio::test]
async fn http_basic() {
    for (text, name, expected) in [
        (
            "[http-basic.foo]\nusername='au'\npassword='ap'",
            "foo",
            "au/ap",
        ),
        ("[http-basic.foo]\nusername='au'", "foo", "au/None"),
        ("[http-basic.foo]\nusername='au'\npassword=''", "foo", "au/"),
        ("[http-basic.foo]\nusername=''\npassword='p'", "foo", "/p"),
        ("[http-basic.foo]\nusername='au'", "Foo", "not-found"),
        ("[http-basic.foo]\n", "foo", "not-found"),
        ("", "foo", "not-found"),
        (
            "http-basic = { foo = { username = 'a{cache-dir}b' } }",
            "foo",
            "a{cache-dir}b/None",
        ),
        (
            "[http-basic.\"my.repo\"]\nusername='u'",
            "my.repo",
            "u/None",
        ),
        (
            "[http-basic.my.repo]\nusername='u'\r\npassword='p'",
            "my.repo",
            "u/p",
        ),
        // Halves of two spellings may belong to different accounts.
        (
            "[http-basic.\"my.repo\"]\nusername='u'\n[http-basic.my.repo]\npassword='old'",
            "my.repo",
            "u/None",
        ),
        ("[http-basic.my.repo]\nusername='u'", "my", "not-found"),
        ("[http-basic.my]\nusername='u'", "my.username", "not-found"),
        (
            "[http-basic.my]\nusername='u'\n[http-basic.my.password]\nusername='v'",
            "my",
            "u/None",
        ),
        (
            "\u{feff}[http-basic.foo]\r\nusername='au'\r\n",
            "foo",
            "au/None",
        ),
        (
            "[http-basic.foo]\nusername='u'\npassword=1234",
            "foo",
            "malformed auth.toml line 3: http-basic.foo.password must be a string in quotes",
        ),
        (
            "[http-basic]\nfoo='hunter2'",
            "foo",
            "malformed auth.toml line 2: http-basic.foo must be a table",
        ),
        (
            "[http-basic.foo]\npassword='hun\tter2'",
            "foo",
            "malformed auth.toml line 2: http-basic.foo.password holds a control character",
        ),
        (
            "[http-basic.foo]\npassword=hunter2",
            "foo",
            "malformed auth.toml line 2 is not valid TOML",
        ),
    ] {
        let answer = ask(text, Key::HttpBasic(names(&[name]))).await;
        assert_eq!(answer, expected, "{text} {name}");
    }
}

#[tokio::test]
async fn tokens() {
    for (text, list, expected) in [
        (
            "[pypi-token]\npypi='t'",
            &["PyPI", "pypi"][..],
            "__token__/t",
        ),
        ("[pypi-token]\npypi=''", &["pypi"], "__token__/"),
        ("[pypi-token]\n\"my.repo\"='t'", &["my.repo"], "__token__/t"),
        ("[pypi-token]\nmy.repo='t'", &["my.repo"], "__token__/t"),
        ("[pypi-token]\nmy.repo='t'", &["my"], "not-found"),
        (
            "[pypi-token]\npypi=1",
            &["pypi"],
            "malformed auth.toml line 2: pypi-token.pypi must be a string in quotes",
        ),
    ] {
        assert_eq!(ask(text, Key::Token(names(list))).await, expected, "{text}");
    }
}

#[tokio::test]
async fn each_file_is_its_own_provider() {
    let files = [
        ("project/poetry.toml", "[http-basic.foo]\nusername='lu'"),
        ("poetry/auth.toml", "[http-basic.foo]\nusername='au'"),
        ("poetry/config.toml", "[http-basic.foo]\nusername='cu'"),
    ];
    let (dir, mut call) = call(&files, &[]);
    let key = Key::HttpBasic(names(&["foo"]));
    for (id, path, expected) in [
        (ProviderId::POETRY_TOML, "project/poetry.toml", "lu/None"),
        (ProviderId::AUTH_TOML, "poetry/auth.toml", "au/None"),
        (ProviderId::CONFIG_TOML, "poetry/config.toml", "cu/None"),
    ] {
        let answer = PoetryFile(id).find(&key, &call).await;
        if let Answer::Found(halves) = &answer {
            assert_eq!(halves.location, dir.path().join(path).to_string_lossy());
        }
        assert_eq!(told(answer), expected);
    }
    call.folders = Folders::default();
    for id in [ProviderId::POETRY_TOML, ProviderId::AUTH_TOML] {
        assert_eq!(told(PoetryFile(id).find(&key, &call).await), "skipped");
    }
}

#[tokio::test]
async fn what_is_no_file_is_a_failure() {
    let (dir, call) = call(&[], &[]);
    std::fs::create_dir(dir.path().join("poetry/auth.toml")).unwrap();
    let key = Key::HttpBasic(names(&["foo"]));
    let answer = PoetryFile(ProviderId::AUTH_TOML).find(&key, &call).await;
    assert!(matches!(answer, Answer::Failed(..)));
}

#[tokio::test]
async fn a_listing_holds_no_secret() {
    let text = "[http-basic.b]\nusername='u'\npassword='hunter2'\n[http-basic.my.repo]\n\
                username='v'\n[pypi-token]\npypi='hunter2'\nx.y='hunter2'\n[http-basic.none]\n";
    let (_dir, call) = call(&[("poetry/auth.toml", text)], &[]);
    let entries = PoetryFile(ProviderId::AUTH_TOML).list(&call).await.unwrap();
    assert!(!format!("{entries:?}").contains("hunter2"));
    let short: Vec<_> = entries
        .iter()
        .map(|e| (e.name.as_deref().unwrap(), e.is_token, e.has_secret))
        .collect();
    assert_eq!(
        short,
        [
            ("b", false, true),
            ("my.repo", false, false),
            ("pypi", true, true),
            ("x.y", true, true)
        ]
    );
}

fn short(list: &[Declared]) -> Vec<String> {
    list.iter()
        .map(|declared| format!("{}={}", declared.name, declared.url))
        .collect()
}

#[tokio::test]
async fn variables_add_to_the_repositories_of_files() {
    let files = [
        (
            "poetry/auth.toml",
            "[repositories.foo]\nurl='https://auth/'",
        ),
        (
            "poetry/config.toml",
            "[repositories.foo]\nurl='https://config/'\n[repositories.My_Repo]\n\
             url='https://u:hunter2@h/'\n[repositories.my.repo]\nurl='https://dotted/'\n\
             [repositories.bad]\nurl='hunter2'\n[repositories.worse]\nurl=1",
        ),
        (
            "project/poetry.toml",
            "[repositories.local]\nurl='https://local/'",
        ),
    ];
    let variables = [
        ("POETRY_REPOSITORIES_NEW_2_URL", "https://new/"),
        ("POETRY_REPOSITORIES_MY_REPO_URL", "https://variable/"),
        ("POETRY_REPOSITORIES_WRONG_URL", "hunter2"),
    ];
    let (_dir, call) = call(&files, &variables);
    let (found, failures) = repositories(&call).await;
    assert_eq!(
        short(&found),
        [
            "My_Repo=https://variable/",
            "new-2=https://new/",
            "foo=https://auth/",
            "my.repo=https://dotted/",
        ]
    );
    let details: Vec<&str> = failures
        .iter()
        .map(|failure| failure.detail.rsplit("config.toml ").next().unwrap())
        .collect();
    assert_eq!(
        details,
        [
            "line 8: repositories.bad.url cannot be used: the URL has no scheme",
            "line 10: repositories.worse.url must be a string in quotes",
            "POETRY_REPOSITORIES_WRONG_URL: the URL has no scheme",
        ]
    );
    let (found, failures) = project_repositories(&call).await;
    assert_eq!(short(&found), ["local=https://local/"]);
    assert!(failures.is_empty());
}
