use std::path::Path;

use credential_helper_protocol::{ErrorCode, Failure};
use proptest::prelude::*;

use super::super::held::Held;
use super::super::{Around, Asked};
use super::Chosen;

fn files(files: &[(&str, &str)], chosen: &Chosen) -> Result<Asked, Failure> {
    let around = Around {
        files: &Held::new(files),
        variable: &|_| None,
        folder: Path::new("/p"),
    };
    let mut asked = Asked::default();
    asked.project(Path::new(files[0].0), chosen, &around)?;
    Ok(asked)
}

fn project(text: &str, chosen: &Chosen) -> Result<Asked, Failure> {
    files(&[("pyproject.toml", text)], chosen)
}

fn said(asked: &Asked) -> Vec<String> {
    let line = |one: &super::Wanted| {
        let source = one.source.as_ref().map(|name| format!(" from {name}"));
        let any: Vec<String> = one.any_of.iter().map(|one| format!(" or {one}")).collect();
        let pre = if one.prereleases { " pre" } else { "" };
        format!(
            "{}{}{}{pre}",
            one.requirement,
            source.unwrap_or_default(),
            any.concat()
        )
    };
    asked.requirements.iter().map(line).collect()
}

fn extras(names: &[&str]) -> Chosen {
    Chosen {
        extras: names.iter().map(|name| (*name).to_owned()).collect(),
        ..Chosen::default()
    }
}

fn groups(names: &[&str]) -> Chosen {
    Chosen {
        groups: names.iter().map(|name| (*name).to_owned()).collect(),
        ..Chosen::default()
    }
}

const STANDARD: &str = r#"
[project]
name = "Own.Project"
requires-python = ">=3.9"
dependencies = ["a>=1", "b[x] ; os_name == 'nt'", "c @ ../c"]
[project.optional-dependencies]
One = ["d"]
two = ["own-project[one] ; os_name == 'posix'", "e"]
"#;

#[test]
fn the_project_table() {
    let asked = project(STANDARD, &Chosen::default()).unwrap();
    assert_eq!(
        said(&asked),
        ["a>=1", "b[x] ; os_name == 'nt'", "c @ file:///c"]
    );
    assert_eq!(asked.requires_python.unwrap().to_string(), ">=3.9");
    assert_eq!(asked.project.unwrap().to_string(), "own-project");
    assert_eq!(
        asked.requirements[0].from,
        "pyproject.toml line 5: project.dependencies[0]"
    );
    let asked = project(STANDARD, &extras(&["two"])).unwrap();
    assert_eq!(said(&asked)[3..], ["d ; os_name == 'posix'", "e"]);
    let asked = project(STANDARD, &extras(&["ONE"])).unwrap();
    assert_eq!(said(&asked)[3..], ["d"]);
    let failure = project(STANDARD, &extras(&["three"])).unwrap_err();
    assert_eq!(failure.code, ErrorCode::Usage);
    assert_eq!(failure.hint.unwrap(), "it has one, two");
}

#[test]
fn what_comes_from_a_build_is_not_guessed() {
    for (text, message) in [
        (
            "[project]\nname='a'\ndynamic=['dependencies']",
            "pyproject.toml: its dependencies are dynamic: they come from a build, which is not run here",
        ),
        (
            "[tool.other]\na=1",
            "pyproject.toml asks for nothing: it has neither [project] nor [tool.poetry] nor groups",
        ),
        ("a = ", "pyproject.toml line 1 is not valid TOML"),
        (
            "[project]\ndependencies=['a>>1']",
            "pyproject.toml line 2: project.dependencies[0]: it is no requirement as PEP 508 has it (character 2)",
        ),
    ] {
        let failure = project(text, &Chosen::default()).unwrap_err();
        assert_eq!(failure.message, message, "{text}");
    }
    let text = "[project]\nname='a'\ndynamic=['optional-dependencies']";
    assert!(project(text, &Chosen::default()).is_ok());
    assert!(project(text, &extras(&["x"])).is_err());
}

#[test]
fn groups_of_the_standard() {
    let text = "[dependency-groups]\nTest_ing = ['a', {include-group = 'type.s'}]\n\
                'type-s' = ['b']\nround = [{include-group = 'trip'}]\n\
                trip = [{include-group = 'round'}]\nodd = [{include = 'x'}]\nno = [{include-group = 'none'}]\n";
    let asked = project(text, &groups(&["test-ing"])).unwrap();
    assert_eq!(said(&asked), ["a", "b"]);
    assert_eq!(asked.groups, ["test-ing"]);
    for (group, message) in [
        (
            "round",
            "pyproject.toml line 5: dependency-groups.trip[0].include-group: the groups include each other: round -> trip -> round",
        ),
        (
            "odd",
            "pyproject.toml line 6: dependency-groups.odd[0] must be a requirement, or { include-group = \"...\" }",
        ),
        (
            "no",
            "pyproject.toml line 7: dependency-groups.no[0].include-group: there is no group of this name",
        ),
        ("other", "pyproject.toml has no group other"),
    ] {
        let failure = project(text, &groups(&[group])).unwrap_err();
        assert_eq!(failure.message, message, "{group}");
    }
    let twice = "[dependency-groups]\na_b = []\nA-B = []\n";
    let failure = project(twice, &Chosen::default()).unwrap_err();
    assert!(
        failure.message.ends_with("two groups of this name"),
        "{failure}"
    );
}

const POETRY: &str = r#"
[tool.poetry]
name = "own"
[tool.poetry.dependencies]
python = "^3.9"
a = "^1.2"
b = { version = "~1.0", extras = ["x"], source = "inner", allow-prereleases = true, python = ">=3.10" }
c = [{ version = "<2", python = "<3.11" }, { version = ">=2", markers = "python_version >= '3.11'" }]
d = { version = "*", optional = true }
e = { git = "git@e.org:o/e.git", branch = "main", subdirectory = "sub" }
f = { path = "../f" }
g = { file = "g-1.0.tar.gz" }
h = { url = "https://u:hunter2@e.org/h-1.0.zip" }
i = { git = "https://e.org/i", tag = "v1", platform = "linux || darwin" }
j = "^1 || ^3"
[tool.poetry.extras]
More = ["d"]
[tool.poetry.group.test.dependencies]
k = "*"
[tool.poetry.group.docs]
optional = true
include-groups = ["test"]
[tool.poetry.group.docs.dependencies]
l = "1.*"
[tool.poetry.dev-dependencies]
m = "*"
"#;

#[test]
fn poetry_alone() {
    let asked = project(POETRY, &Chosen::default()).unwrap();
    let expected = [
        "a>=1.2, <2.0",
        "b[x]>=1.0, <1.1 ; python_full_version >= '3.10' from inner pre",
        "c<2 ; python_full_version < '3.11'",
        "c>=2 ; python_full_version >= '3.11'",
        "e @ git+ssh://git@e.org/o/e.git@main#subdirectory=sub",
        "f @ file:///f",
        "g @ file:///p/g-1.0.tar.gz",
        "h @ https://e.org/h-1.0.zip",
        "i @ git+https://e.org/i@v1 ; sys_platform == 'darwin' or sys_platform == 'linux'",
        "j>=1, <4 or >=1, <2 or >=3, <4",
    ];
    let found: Vec<String> = said(&asked);
    let spaced: Vec<String> = found.iter().map(|line| line.replace(",<", ", <")).collect();
    assert_eq!(spaced, expected);
    assert_eq!(
        asked.requires_python.as_ref().unwrap().to_string(),
        ">=3.9, <4.0"
    );
    assert_eq!(asked.userinfo[0].username, "u");
    assert!(!format!("{asked:?}").contains("hunter2"));
    let asked = project(POETRY, &extras(&["more"])).unwrap();
    assert!(said(&asked).contains(&"d".to_owned()));
    let asked = project(POETRY, &groups(&["docs", "dev"])).unwrap();
    assert_eq!(said(&asked)[10..], ["m", "l==1.*", "k"]);
    let asked = project(POETRY, &Chosen::everything()).unwrap();
    assert_eq!(asked.groups, ["dev", "docs", "test"]);
}

#[test]
fn poetry_adds_to_the_project_table() {
    let text = r#"
[project]
name = "own"
requires-python = ">=3.8"
dependencies = ["a>=1", "b ; os_name == 'nt'", "c[x]>=1", "d"]
[project.optional-dependencies]
more = ["e"]
[tool.poetry.dependencies]
python = ">=3.9,<4"
a = { version = "<3", source = "inner" }
b = { git = "https://e.org/b" }
c = [{ version = "<2", python = "<3.11" }, { version = "<3", python = ">=3.11" }]
d = { version = "1", markers = "os_name == 'nt' and os_name == 'posix'" }
z = "*"
"#;
    let asked = project(text, &extras(&["more"])).unwrap();
    let found: Vec<String> = said(&asked)
        .iter()
        .map(|line| line.replace(", ", ","))
        .collect();
    assert_eq!(
        found,
        [
            "a>=1,<3 from inner",
            "b @ git+https://e.org/b ; os_name == 'nt'",
            "c[x]>=1,<2 ; python_full_version < '3.11'",
            "c[x]>=1,<3 ; python_full_version >= '3.11'",
            "d",
            "e",
        ]
    );
    assert_eq!(asked.requires_python.unwrap().to_string(), ">=3.9, <4");
    let clash = "[project]\nname='own'\ndependencies=['a @ https://e.org/a.zip']\n\
                 [tool.poetry.dependencies]\na={url='https://e.org/b.zip'}";
    assert!(project(clash, &Chosen::default()).is_err());
}

#[test]
fn what_uv_adds() {
    let text = r#"
[project]
name = "own"
dependencies = ["a", "b>=1", "c", "d", "e", "f ; os_name == 'nt'"]
[dependency-groups]
x = ["c"]
[tool.uv]
constraint-dependencies = ["q<2"]
override-dependencies = ["r==1"]
environments = ["sys_platform == 'linux'"]
prerelease = "allow"
resolution = "lowest"
exclude-newer = "2026-01-01T00:00:00Z"
dev-dependencies = ["h"]
[tool.uv.sources]
a = { index = "inner" }
b = [{ git = "https://e.org/b", rev = "abc", marker = "os_name == 'posix'" }, { index = "inner", marker = "os_name == 'nt'" }]
c = { path = "../c", group = "x" }
d = { url = "https://e.org/d.zip", subdirectory = "s" }
e = { workspace = true }
f = { index = "inner", marker = "os_name == 'nt'" }
[tool.uv.workspace]
members = ["packages/*"]
exclude = ["packages/old"]
"#;
    let all = [
        ("pyproject.toml", text),
        (
            "packages/e/pyproject.toml",
            "[project]\nname = 'e'\ndependencies = ['a', 'e2']\n[tool.uv.sources]\ne2 = { workspace = true }",
        ),
        ("packages/e2/pyproject.toml", "[project]\nname = 'e2'"),
        ("packages/old/pyproject.toml", "[project]\nname = 'e2'"),
    ];
    let asked = files(&all, &groups(&["x", "dev"])).unwrap();
    assert_eq!(
        said(&asked),
        [
            "a from inner",
            "b @ git+https://e.org/b@abc ; os_name == 'posix'",
            "b>=1 ; os_name == 'nt' from inner",
            "b>=1 ; os_name != 'nt' and os_name != 'posix'",
            "c",
            "d @ https://e.org/d.zip#subdirectory=s",
            "e @ file:///p/packages/e",
            "f ; os_name == 'nt' from inner",
            "h",
            "c @ file:///c",
        ]
    );
    let held = |list: &[crate::package::Requirement]| -> Vec<String> {
        list.iter().map(ToString::to_string).collect()
    };
    assert_eq!(held(&asked.constraints), ["q<2"]);
    assert_eq!(held(&asked.overrides), ["r==1"]);
    assert_eq!(asked.environments.len(), 1);
    assert_eq!(asked.choices.prerelease.as_deref(), Some("allow"));
    assert_eq!(asked.choices.resolution.as_deref(), Some("lowest"));

    let mut inner = all;
    inner.swap(0, 1);
    let asked = files(&inner, &Chosen::default()).unwrap();
    assert_eq!(said(&asked), ["a from inner", "e2 @ file:///p/packages/e2"]);
    assert_eq!(held(&asked.constraints), ["q<2"]);

    let lone = "[project]\nname='a'\ndependencies=['b']\n[tool.uv.sources]\nb={workspace=true}";
    let failure = project(lone, &Chosen::default()).unwrap_err();
    assert!(
        failure
            .message
            .ends_with("the workspace has no member of this name")
    );
    let own = [
        (
            "pyproject.toml",
            text.split("[tool.uv.sources]").next().unwrap(),
        ),
        ("uv.toml", "prerelease = 'disallow'"),
    ];
    let asked = files(&own, &Chosen::default()).unwrap();
    assert_eq!(asked.choices.prerelease.as_deref(), Some("disallow"));
    assert!(asked.constraints.is_empty());
}

proptest! {
    #[test]
    fn no_value_is_too_odd(
        key in "[a-z-]{1,8}",
        value in r#"("[a-c@:/.\[\];,=^ ]{0,12}"|[0-9]{1,3}|true|\[\]|\{ git = "[a-c@:/.]{0,12}", rev = "a" \}|\{ path = "[a-c/.#]{0,8}" \}|\{ version = "1", python = "[0-9.<>=|^ ]{0,8}" \})"#,
        table in prop::sample::select(vec![
            "project", "tool.poetry.dependencies", "tool.poetry.extras", "tool.poetry.group.x.dependencies",
            "dependency-groups", "tool.uv.sources", "tool.uv", "project.optional-dependencies",
        ]),
    ) {
        let text = format!("[project]\nname = 'a'\ndependencies = ['{key}']\n[{table}]\n{key} = {value}\n");
        let text = if table == "project" {
            format!("[project]\n{key} = {value}\n")
        } else {
            text
        };
        let _ = project(&text, &Chosen::everything());
    }
}
