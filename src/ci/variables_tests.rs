use std::collections::BTreeMap;

use credential_helper_protocol::{Credential, Scheme, Secret};

use super::{Pip, Plan, Wishes, plan};
use crate::ci::repository::{Places, Repository};

fn credential(username: &str, secret: &str) -> Credential {
    Credential {
        username: Some(username.to_owned()),
        password: (!secret.is_empty()).then(|| Secret::from(secret)),
        ..Credential::default()
    }
}

fn repository(name: &str, read: Option<(&str, &str)>, upload: Option<(&str, &str)>) -> Repository {
    Repository {
        name: name.to_owned(),
        read: read.map(|(user, secret)| credential(user, secret)),
        upload: upload.map(|(user, secret)| credential(user, secret)),
        places: Places::default(),
    }
}

fn at(mut repository: Repository, index: &str, publish: &str) -> Repository {
    let some = |text: &str| (!text.is_empty()).then(|| text.to_owned());
    repository.places.index = some(index);
    repository.places.publish = some(publish);
    repository
}

fn values(plan: &Plan) -> BTreeMap<&str, &str> {
    plan.set
        .iter()
        .map(|one| (one.name.as_str(), one.value.expose()))
        .collect()
}

fn planned(repositories: &[Repository], named: usize) -> Plan {
    plan(repositories, Wishes { named, pip: None }).unwrap()
}

#[test]
fn a_source_to_read_from() {
    let plan = planned(&[repository("foo", Some(("u", "p")), Some(("u", "p")))], 1);
    let expected = BTreeMap::from([
        ("POETRY_HTTP_BASIC_FOO_USERNAME", "u"),
        ("POETRY_HTTP_BASIC_FOO_PASSWORD", "p"),
        ("UV_INDEX_FOO_USERNAME", "u"),
        ("UV_INDEX_FOO_PASSWORD", "p"),
    ]);
    assert_eq!(values(&plan), expected);
    assert_eq!(plan.unset, ["POETRY_PYPI_TOKEN_FOO"]);
    assert!(plan.warnings.is_empty());
    let secrets: Vec<&str> = plan
        .set
        .iter()
        .filter(|one| one.secret)
        .map(|one| one.name.as_str())
        .collect();
    assert_eq!(
        secrets,
        ["POETRY_HTTP_BASIC_FOO_PASSWORD", "UV_INDEX_FOO_PASSWORD"]
    );
}

#[test]
fn a_token_of_pypi() {
    let pypi = at(
        repository("pypi", None, Some(("__token__", "pypi-x"))),
        "https://pypi.org/simple/",
        "https://upload.pypi.org/legacy/",
    );
    let plan = planned(&[pypi], 1);
    let url = "https://upload.pypi.org/legacy/";
    let expected = BTreeMap::from([
        ("POETRY_PYPI_TOKEN_PYPI", "pypi-x"),
        ("TWINE_USERNAME", "__token__"),
        ("TWINE_PASSWORD", "pypi-x"),
        ("TWINE_REPOSITORY_URL", url),
        ("PDM_PUBLISH_USERNAME", "__token__"),
        ("PDM_PUBLISH_PASSWORD", "pypi-x"),
        ("PDM_PUBLISH_REPO", url),
        ("HATCH_INDEX_USER", "__token__"),
        ("HATCH_INDEX_AUTH", "pypi-x"),
        ("HATCH_INDEX_REPO", url),
        ("FLIT_USERNAME", "__token__"),
        ("FLIT_PASSWORD", "pypi-x"),
        ("FLIT_INDEX_URL", url),
        ("UV_PUBLISH_TOKEN", "pypi-x"),
        ("UV_PUBLISH_URL", url),
    ]);
    assert_eq!(values(&plan), expected);
    assert_eq!(
        plan.unset,
        [
            "POETRY_HTTP_BASIC_PYPI_PASSWORD",
            "POETRY_HTTP_BASIC_PYPI_USERNAME",
            "TWINE_REPOSITORY",
            "UV_INDEX_PYPI_PASSWORD",
            "UV_INDEX_PYPI_USERNAME",
            "UV_PUBLISH_INDEX",
            "UV_PUBLISH_PASSWORD",
            "UV_PUBLISH_USERNAME",
        ]
    );
}

#[test]
fn every_spelling_of_a_dotted_name() {
    let mut foo = at(
        repository("My.re-po", Some(("u", "p")), Some(("u", "p"))),
        "",
        "https://h/up/",
    );
    foo.places.uv_publishes = true;
    let plan = planned(&[foo], 0);
    let values = values(&plan);
    for name in [
        "POETRY_HTTP_BASIC_MY.RE_PO_USERNAME",
        "POETRY_HTTP_BASIC_MY_RE_PO_PASSWORD",
        "POETRY_REPOSITORIES_MY.RE_PO_URL",
        "POETRY_REPOSITORIES_MY_RE_PO_URL",
        "UV_INDEX_MY_RE_PO_PASSWORD",
    ] {
        assert!(values.contains_key(name), "{name}");
    }
    assert!(!values.contains_key("UV_INDEX_MY.RE_PO_PASSWORD"));
    assert_eq!(values["UV_PUBLISH_INDEX"], "My.re-po");
    assert!(!values.contains_key("UV_PUBLISH_URL"));
    assert_eq!(values["UV_PUBLISH_USERNAME"], "u");
}

#[test]
fn one_repository_to_upload_to() {
    let to = |name: &str| {
        at(
            repository(name, None, Some(("u", name))),
            "",
            &format!("https://{name}/"),
        )
    };
    // Without a known URL the secret would go to PyPI.
    let nowhere = planned(&[repository("foo", None, Some(("u", "p")))], 1);
    assert!(!values(&nowhere).contains_key("TWINE_PASSWORD"));
    let named = planned(&[to("foo"), to("bar")], 1);
    assert_eq!(values(&named)["TWINE_PASSWORD"], "foo");
    let several = planned(&[to("foo"), to("bar")], 0);
    assert!(!values(&several).contains_key("TWINE_PASSWORD"));
    assert!(several.warnings[0].contains("foo, bar"), "{several:?}");
    let second = planned(&[repository("foo", Some(("u", "p")), None), to("bar")], 1);
    assert_eq!(values(&second)["TWINE_REPOSITORY_URL"], "https://bar/");
}

#[test]
fn halves() {
    let plan = planned(&[repository("foo", Some(("u", "")), None)], 1);
    assert_eq!(values(&plan).len(), 2);
    assert!(plan.unset.contains(&"UV_INDEX_FOO_PASSWORD".to_owned()));
    let mut token = repository("foo", Some(("", "p")), None);
    token.read.as_mut().unwrap().username = None;
    let plan = planned(&[token], 1);
    assert_eq!(values(&plan)["POETRY_HTTP_BASIC_FOO_USERNAME"], "");
    assert_eq!(values(&plan)["UV_INDEX_FOO_PASSWORD"], "p");
}

#[test]
fn what_is_for_uploads_is_not_for_reading() {
    let mut foo = repository("foo", None, Some(("u", "p")));
    assert_eq!(
        values(&planned(&[repository("foo", None, Some(("u", "p")))], 1))["POETRY_HTTP_BASIC_FOO_PASSWORD"],
        "p"
    );
    foo.places.is_source = true;
    assert!(values(&planned(&[foo], 1)).is_empty());
    let differ = planned(&[repository("foo", Some(("u", "p")), Some(("u", "q")))], 1);
    assert_eq!(values(&differ)["POETRY_HTTP_BASIC_FOO_PASSWORD"], "p");
    assert_eq!(differ.warnings.len(), 1);
}

#[test]
fn pip_on_request() {
    let all = || {
        [
            at(
                repository("a", Some(("u@", "p/w")), None),
                "https://a/simple/",
                "",
            ),
            at(
                repository("b", Some(("u", "q")), None),
                "https://b:81/simple",
                "",
            ),
            repository("c", Some(("u", "q")), None),
        ]
    };
    let a = "https://u%40:p%2Fw@a/simple/";
    let b = "https://u:q@b:81/simple";
    let wishes = |pip| Wishes {
        named: 3,
        pip: Some(pip),
    };
    let index = plan(&all(), wishes(Pip::Index)).unwrap();
    assert_eq!(values(&index)["PIP_INDEX_URL"], a);
    assert_eq!(values(&index)["PIP_EXTRA_INDEX_URL"], b);
    assert!(index.warnings[0].contains("\"c\""));
    let extra = plan(&all(), wishes(Pip::Extra)).unwrap();
    assert_eq!(values(&extra)["PIP_EXTRA_INDEX_URL"], format!("{a} {b}"));
    assert!(!values(&extra).contains_key("PIP_INDEX_URL"));
}

#[test]
fn what_fits_no_variable() {
    let mut foo = repository("foo", Some(("u", "hunter2")), None);
    foo.read.as_mut().unwrap().scheme = Scheme::Bearer;
    let nul = repository("foo", Some(("u", "hunter\x002")), None);
    for repository in [foo, nul] {
        let failure = plan(&[repository], Wishes::default()).unwrap_err();
        assert!(!failure.to_string().contains("hunter"), "{failure}");
    }
}
