#![expect(clippy::type_complexity, reason = "a table of a test")]

use std::ffi::OsString;

use credential_helper_protocol::surroundings::{Platform, Surroundings};
use tempfile::TempDir;

use crate::index::offers::Rule;
use crate::index::source::tests::shorts;
use crate::index::source::{Options, Sources};

const PYPI: &str = "pypi https://pypi.org/simple/ default";

/// A folder with these files; what a home needs lies in `home`.
fn folder(files: &[(&str, &str)]) -> TempDir {
    let dir = tempfile::tempdir().unwrap();
    for (name, text) in files {
        let path = dir.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }
    std::fs::create_dir_all(dir.path().join("project")).unwrap();
    dir
}

/// The user's surroundings: none but those of `dir`.
fn around(dir: &TempDir, variables: &[(&str, &str)]) -> Surroundings {
    let mut all: Vec<(OsString, OsString)> = vec![
        ("HOME".into(), dir.path().join("home").into()),
        ("XDG_CONFIG_DIRS".into(), dir.path().join("etc").into()),
    ];
    all.extend(
        variables
            .iter()
            .map(|(name, value)| (OsString::from(name), OsString::from(value))),
    );
    Surroundings::given(all, Platform::Xdg, 7, "host")
}

fn of(
    files: &[(&str, &str)],
    variables: &[(&str, &str)],
    options: &Options,
) -> Result<(Rule, Vec<String>, Vec<String>), String> {
    let dir = folder(files);
    let project = dir.path().join("project");
    let sources =
        Sources::of(&project, options, &around(&dir, variables)).map_err(|f| f.message)?;
    let place = dir.path().to_str().unwrap();
    let clean = |lines: Vec<String>| lines.iter().map(|line| line.replace(place, "")).collect();
    Ok((
        sources.rule,
        clean(shorts(sources.all.iter().map(AsRef::as_ref))),
        clean(sources.warnings),
    ))
}

fn list(files: &[(&str, &str)], variables: &[(&str, &str)], options: &Options) -> Vec<String> {
    of(files, variables, options).unwrap().1
}

const POETRY: (&str, &str) = (
    "project/pyproject.toml",
    "[[tool.poetry.source]]\nname='p'\nurl='https://p/'\n\
     [[tool.poetry.source]]\nname='x'\nurl='https://x/'\npriority='explicit'\n",
);
const UV: (&str, &str) = (
    "project/pyproject.toml",
    "[[tool.uv.index]]\nname='u'\nurl='https://u/'\n\
     [[tool.uv.index]]\nname='x'\nurl='https://x/'\nexplicit=true\n",
);
const USER_UV: (&str, &str) = (
    "home/.config/uv/uv.toml",
    "[[index]]\nname='user'\nurl='https://user/'\n",
);
const PIP: (&str, &str) = (
    "home/.config/pip/pip.conf",
    "[global]\nindex-url = https://pip/\n",
);

/// Which configuration rules.
#[test]
fn the_rule_follows_the_configuration() {
    let none = Options::default();
    let version = Rule::VersionPriority;
    let index = Rule::IndexPriority;
    let poetry = ["p https://p/ primary", "x https://x/ explicit"];
    let table: &[(&[(&str, &str)], Rule, &[&str])] = &[
        (&[], index, &[PYPI]),
        (&[POETRY], version, &poetry),
        // Poetry reads neither uv's nor pip's files.
        (&[POETRY, USER_UV, PIP], version, &poetry),
        (
            &[UV, USER_UV, PIP],
            index,
            &[
                "u https://u/ primary",
                "user https://user/ primary",
                PYPI,
                "x https://x/ explicit",
            ],
        ),
        (
            &[USER_UV, PIP],
            index,
            &["user https://user/ primary", PYPI],
        ),
        (&[PIP], index, &["- https://pip/ default"]),
        (
            &[("project/pyproject.toml", "[project]\nname='x'\n"), PIP],
            index,
            &["- https://pip/ default"],
        ),
        (
            &[("project/pyproject.toml", "[tool.uv]\npackage=true\n"), PIP],
            index,
            &[PYPI],
        ),
        (
            &[("project/pyproject.toml", "[tool.poetry.dependencies]\n")],
            version,
            &["PyPI https://pypi.org/simple/ primary"],
        ),
        // `uv.toml` hides `[tool.uv]` of the same folder.
        (
            &[UV, ("project/uv.toml", "index-url='https://t/'\n")],
            index,
            &["- https://t/ default"],
        ),
    ];
    for (files, rule, expected) in table {
        let found = of(files, &[], &none).unwrap();
        assert_eq!(
            (found.0, found.1),
            (*rule, expected.iter().map(ToString::to_string).collect())
        );
        assert!(found.2.is_empty(), "{:?}", found.2);
    }
    let both = format!("{}{}", POETRY.1, UV.1);
    let found = of(&[("project/pyproject.toml", &both)], &[], &none).unwrap();
    assert_eq!(found.0, index);
    assert_eq!(
        found.2,
        [
            "/project/pyproject.toml has sources of Poetry and indexes of uv: uv's are used, by index priority"
        ]
    );
}

/// uv's variables go before its files (uv `IndexArgs`, docs/reference/environment).
#[test]
fn variables_of_uv() {
    let none = Options::default();
    let x = "x https://x/ explicit";
    let u = "u https://u/ primary";
    let table: &[(&[(&str, &str)], &[&str])] = &[
        (
            &[("UV_INDEX", "n=https://n/ https://m/?a=b")],
            &["n https://n/ primary", "- https://m/ primary", u, PYPI, x],
        ),
        (&[("UV_INDEX", "x")], &["x https://x/ primary", u, PYPI]),
        (
            &[("UV_DEFAULT_INDEX", "d=https://d/")],
            &[u, "d https://d/ default", x],
        ),
        (
            &[
                ("UV_INDEX_URL", "https://i/"),
                ("UV_EXTRA_INDEX_URL", "https://e/ https://f/"),
            ],
            &[
                "- https://e/ primary",
                "- https://f/ primary",
                u,
                "- https://i/ default",
                x,
            ],
        ),
        (
            &[("UV_FIND_LINKS", "https://l/,wheels")],
            &[
                "- https://l/ primary flat links",
                "- file:///project/wheels primary local links",
                u,
                PYPI,
                x,
            ],
        ),
        (&[("UV_INDEX", " "), ("UV_INDEX_URL", "")], &[u, PYPI, x]),
        // Poetry's and pip's variables are none of uv's.
        (&[("PIP_INDEX_URL", "https://i/")], &[u, PYPI, x]),
        (&[("UV_NO_CONFIG", "1")], &[PYPI]),
    ];
    for (variables, expected) in table {
        assert_eq!(list(&[UV], variables, &none), *expected, "{variables:?}");
    }
    // They are none of Poetry's either.
    assert_eq!(
        list(&[POETRY], &[("UV_INDEX_URL", "https://i/")], &none),
        ["p https://p/ primary", x]
    );
    let error = of(&[UV], &[("UV_INDEX", "n=ftp://u:hunter2@h/")], &none).unwrap_err();
    assert!(
        error.starts_with("what UV_INDEX says cannot be used: "),
        "{error}"
    );
    assert!(!error.contains("hunter2"), "{error}");
}

#[test]
fn the_file_that_a_variable_names() {
    let files = [UV, ("project/own.toml", "index-url='https://o/'\n")];
    let variables = [("UV_CONFIG_FILE", "own.toml")];
    assert_eq!(
        list(&files, &variables, &Options::default()),
        ["- https://o/ default"]
    );
    let error = of(&[UV], &variables, &Options::default()).unwrap_err();
    assert!(
        error.ends_with("/project/own.toml, which UV_CONFIG_FILE names: it is not there"),
        "{error}"
    );
}

/// The root of a uv workspace, and the pins of both.
#[test]
fn workspaces() {
    let root = (
        "pyproject.toml",
        "[tool.uv.workspace]\nmembers=['p*']\n[[tool.uv.index]]\nname='root'\nurl='https://root/'\n\
         [tool.uv.sources]\na={index='root'}\nb={index='root'}\n",
    );
    let member = (
        "project/pyproject.toml",
        "[project]\nname='m'\n[[tool.uv.index]]\nname='m'\nurl='https://m/'\n\
         [tool.uv.sources]\na={index='m'}\n",
    );
    let dir = folder(&[root, member]);
    let sources = Sources::of(
        &dir.path().join("project"),
        &Options::default(),
        &around(&dir, &[]),
    )
    .unwrap();
    assert_eq!(
        shorts(sources.all.iter().map(AsRef::as_ref)),
        ["m https://m/ primary", "root https://root/ primary", PYPI]
    );
    let pins: Vec<(String, &str)> = sources
        .pins
        .iter()
        .map(|pin| (pin.project.to_string(), pin.source.as_str()))
        .collect();
    assert_eq!(pins, [("a".to_owned(), "m"), ("b".to_owned(), "root")]);
    let outside = (
        "pyproject.toml",
        "[tool.uv.workspace]\nmembers=['other']\n[[tool.uv.index]]\nname='root'\nurl='https://root/'\n",
    );
    assert_eq!(
        list(&[outside, member], &[], &Options::default()),
        ["m https://m/ primary", PYPI]
    );
}

/// Options go first; an index URL stands in place of what is configured.
#[test]
fn the_command_line() {
    let url = |text: &str| Some(text.to_owned());
    let urls = |texts: &[&str]| texts.iter().map(ToString::to_string).collect::<Vec<_>>();
    let index_url = Options {
        index_url: url("https://c/"),
        ..Options::default()
    };
    let both = Options {
        extra_index_urls: urls(&["https://e/", "https://f/"]),
        find_links: urls(&["links"]),
        ..index_url.clone()
    };
    let extra = Options {
        extra_index_urls: urls(&["https://e/"]),
        ..Options::default()
    };
    let offline = Options {
        no_index: true,
        find_links: urls(&["links"]),
        ..Options::default()
    };
    let links = "- file:///project/links primary local links";
    let (c, e, x) = (
        "- https://c/ default",
        "- https://e/ primary",
        "x https://x/ explicit",
    );
    let default = (
        "project/pyproject.toml",
        "[[tool.uv.index]]\nname='d'\nurl='https://d/'\ndefault=true\n",
    );
    let table: &[(&Options, (&str, &str), Rule, &[&str])] = &[
        (
            &index_url,
            UV,
            Rule::IndexPriority,
            &[
                c,
                "u https://u/ explicit",
                "pypi https://pypi.org/simple/ explicit",
                x,
            ],
        ),
        (
            &index_url,
            default,
            Rule::IndexPriority,
            &[c, "d https://d/ explicit"],
        ),
        (
            &index_url,
            POETRY,
            Rule::IndexPriority,
            &[c, "p https://p/ explicit", x],
        ),
        (
            &both,
            default,
            Rule::IndexPriority,
            &[links, e, "- https://f/ primary", c, "d https://d/ explicit"],
        ),
        (
            &extra,
            UV,
            Rule::IndexPriority,
            &[e, "u https://u/ primary", PYPI, x],
        ),
        (
            &extra,
            POETRY,
            Rule::VersionPriority,
            &[e, "p https://p/ primary", x],
        ),
        (&offline, UV, Rule::IndexPriority, &[links]),
        (&offline, POETRY, Rule::VersionPriority, &[links]),
    ];
    for (options, file, rule, expected) in table {
        let found = of(&[*file], &[], options).unwrap();
        assert_eq!(
            (found.0, found.1),
            (*rule, urls(expected)),
            "{:?} {}",
            options.index_url,
            file.1
        );
    }
    let wrong = Options {
        index_url: url("ftp://u:hunter2@h/"),
        ..Options::default()
    };
    let error = of(&[UV], &[], &wrong).unwrap_err();
    assert!(
        error.starts_with("what --index-url says cannot be used: "),
        "{error}"
    );
    assert!(!error.contains("hunter2"), "{error}");
}

/// `pip.conf` by its places and sections (pip `configuration.py`).
#[test]
fn files_of_pip() {
    let none = Options::default();
    let machine = (
        "etc/pip/pip.conf",
        "[global]\nindex-url = https://machine/\n",
    );
    let old = ("home/.pip/pip.conf", "[global]\nindex-url = https://old/\n");
    let user = (
        "home/.config/pip/pip.conf",
        "# all\n[global]\nextra-index-url =\n    https://a/\n    https://b/\n\n[download]\nindex-url = https://no/\n",
    );
    let install = (
        "home/.config/pip/pip.conf",
        "[install]\nindex_url: https://install/\n",
    );
    let venv = (
        "venv/pip.conf",
        "[global]\nfind-links = wheels https://l/\nno-index = yes\n",
    );
    let named = ("own.conf", "[global]\nindex-url = https://own/\n");
    let (a, b) = ("- https://a/ primary", "- https://b/ primary");
    let table: &[(&[(&str, &str)], &[&str], &[&str])] = &[
        (&[machine], &[], &["- https://machine/ default"]),
        (&[machine, old], &[], &["- https://old/ default"]),
        (
            &[machine, old, user],
            &[],
            &[a, b, "- https://old/ default"],
        ),
        // A section of the command is stronger than `global` of any file.
        (
            &[machine, install, named],
            &["PIP_CONFIG_FILE=own.conf"],
            &["- https://own/ default"],
        ),
        (&[install, venv], &[], &["- https://install/ default"]),
        (
            &[install, venv],
            &["VIRTUAL_ENV=venv"],
            &[
                "- file:///project/wheels primary local links",
                "- https://l/ primary flat links",
            ],
        ),
        // The user's own files are not read beside a named one.
        (
            &[old, named],
            &["PIP_CONFIG_FILE=own.conf"],
            &["- https://own/ default"],
        ),
        (&[old], &["PIP_CONFIG_FILE=/dev/null"], &[PYPI]),
        (
            &[user],
            &["PIP_INDEX_URL=https://i/", "PIP_EXTRA_INDEX_URL=https://e/"],
            &["- https://e/ primary", "- https://i/ default"],
        ),
        (&[user], &["PIP_NO_INDEX=1"], &[]),
    ];
    for (files, variables, expected) in table {
        let dir = folder(files);
        let here = dir.path().to_str().unwrap();
        let variables: Vec<(String, String)> = variables
            .iter()
            .map(|variable| {
                let (name, value) = variable.split_once('=').unwrap();
                let place = matches!(name, "VIRTUAL_ENV" | "PIP_CONFIG_FILE");
                if place && !value.starts_with('/') {
                    (name.to_owned(), format!("{here}/{value}"))
                } else {
                    (name.to_owned(), value.to_owned())
                }
            })
            .collect();
        let variables: Vec<(&str, &str)> = variables
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()))
            .collect();
        let around = around(&dir, &variables);
        let sources = Sources::of(&dir.path().join("project"), &none, &around).unwrap();
        let found: Vec<String> = shorts(sources.all.iter().map(AsRef::as_ref))
            .iter()
            .map(|line| line.replace(here, ""))
            .collect();
        assert_eq!(found, *expected, "{variables:?}");
    }
    for (text, told) in [
        (
            "[global]\nno-index = perhaps\n",
            "pip.conf line 2: what it says is neither yes nor no",
        ),
        (
            "[global]\nindex-url = ftp://u:hunter2@h/\n",
            "pip.conf line 2: what it says cannot be used",
        ),
    ] {
        let error = of(&[("home/.config/pip/pip.conf", text)], &[], &none).unwrap_err();
        assert!(error.contains(told), "{error}");
        assert!(!error.contains("hunter2"), "{error}");
    }
}

/// A file that cannot be read or understood stops everything: nothing is looked up elsewhere.
#[test]
fn files_that_cannot_be_used() {
    for (file, text, told) in [
        (
            "project/pyproject.toml",
            "x = hunter2",
            "/project/pyproject.toml line 1 is not valid TOML",
        ),
        (
            "project/uv.toml",
            "x = hunter2",
            "/project/uv.toml line 1 is not valid TOML",
        ),
        (
            "home/.config/uv/uv.toml",
            "[[index]]\nname='a'\n",
            "/home/.config/uv/uv.toml line 1: index[0] has no url",
        ),
        (
            "home/.config/credential-helper/config.toml",
            "[mirrors]\n'https://u:hunter2@h/' = 1",
            "/home/.config/credential-helper/config.toml line 2: mirrors entry must be a string in quotes",
        ),
    ] {
        let error = of(&[(file, text)], &[], &Options::default()).unwrap_err();
        assert!(error.ends_with(told), "{error}");
    }
    let dir = folder(&[]);
    std::fs::create_dir(dir.path().join("project/pyproject.toml")).unwrap();
    let error = Sources::of(
        &dir.path().join("project"),
        &Options::default(),
        &around(&dir, &[]),
    );
    let message = error.map(|_| ()).unwrap_err().message;
    assert!(
        message.ends_with("pyproject.toml: it is not a regular file"),
        "{message}"
    );
    let large = " ".repeat(4 * 1024 * 1024 + 1);
    let error = of(
        &[("project/pyproject.toml", &large)],
        &[],
        &Options::default(),
    )
    .unwrap_err();
    assert!(error.ends_with("it is larger than 4 MiB"), "{error}");
}

/// Mirrors: of the user alone.
#[test]
fn mirrors_of_the_user() {
    let none = Options::default();
    let own = (
        "home/.config/credential-helper/config.toml",
        "[mirrors]\n'https://pypi.org/simple' = 'https://own/simple/'\n'https://p/' = 'https://u:hunter2@pm/'\n",
    );
    let plugin = (
        "home/.config/pypoetry/config.toml",
        "[plugins.pypi_mirror]\nurl='https://plugin/simple/'\n",
    );
    let project = (
        "project/poetry.toml",
        "[plugins.pypi_mirror]\nurl='https://evil/simple/'\n",
    );
    let variable = [("POETRY_PYPI_MIRROR_URL", "https://variable/simple/")];
    let by = |host: &str| vec![format!("{PYPI} by https://{host}/simple/")];
    assert_eq!(list(&[own, plugin], &[], &none), by("own"));
    assert_eq!(list(&[plugin], &[], &none), by("plugin"));
    assert_eq!(list(&[own, plugin], &variable, &none), by("variable"));
    assert_eq!(list(&[], &[("POETRY_PYPI_MIRROR_URL", "")], &none), [PYPI]);
    let found = of(&[project], &[], &none).unwrap();
    assert_eq!(found.1, [PYPI]);
    assert!(
        found.2[0].contains("a project names no mirror"),
        "{:?}",
        found.2
    );
    let dir = folder(&[POETRY, own]);
    let sources = Sources::of(&dir.path().join("project"), &none, &around(&dir, &[])).unwrap();
    let source = sources.named("p").unwrap();
    assert_eq!(source.url.as_str(), "https://pm/");
    assert_eq!(source.label(), "p");
    assert_eq!(source.credential_name(), None);
    assert_eq!(source.userinfo.as_ref().unwrap().username, "u");
    assert!(!format!("{sources:?}").contains("hunter2"));
}
