use std::path::Path;

use tempfile::TempDir;

use super::{Declared, Project, find, user_uv};
use crate::provider::files::{FileFailure, Files};

fn folder(files: &[(&str, &str)]) -> TempDir {
    let dir = tempfile::tempdir().unwrap();
    for (path, text) in files {
        let path = dir.path().join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }
    dir
}

async fn at(dir: &TempDir, working: &str) -> Result<Option<Project>, FileFailure> {
    find(&Files::default().view(), &dir.path().join(working)).await
}

fn short(sources: &[Declared]) -> Vec<String> {
    let one = |source: &Declared| {
        format!(
            "{} {} {} {} {}",
            source.form.word(),
            source.name,
            source.url,
            source
                .operation
                .map_or("both", |operation| operation.word()),
            source.priority.as_deref().unwrap_or("-"),
        )
    };
    sources.iter().map(one).collect()
}

/// The file names and texts of warnings, without the folder.
fn tails(warnings: &[String]) -> Vec<&str> {
    let tail = |line: &'_ String| line.find(".toml ").map_or(0, |at| at + 6);
    warnings.iter().map(|line| &line[tail(line)..]).collect()
}

#[tokio::test]
async fn sources_of_both_forms() {
    let text = "[[tool.poetry.source]]\nname = 'foo'\nurl = 'https://u:hunter2@h/simple/'\n\
                priority = 'supplemental'\n[[tool.poetry.source]]\nname = 'PyPI'\n\
                priority = 'explicit'\n[[tool.poetry.source]]\nname = 'old'\nurl = 'https://old/'\n\
                secondary = true\n[[tool.uv.index]]\nname = 'bar'\nurl = 'https://bar/simple'\n\
                publish-url = 'https://bar/upload'\nexplicit = true\n[[tool.uv.index]]\n\
                url = 'https://nameless/'\n[[tool.uv.index]]\nname = 'local'\nurl = './wheels'\n\
                [[tool.uv.index]]\nname = 'd'\nurl = 'https://d/'\ndefault = true\n";
    let dir = folder(&[
        ("p/pyproject.toml", text),
        ("p/poetry.toml", ""),
        ("p/src/a/x", ""),
    ]);
    let project = at(&dir, "p/src/a").await.unwrap().unwrap();
    assert_eq!(project.folder, dir.path().join("p"));
    assert_eq!(
        short(&project.sources),
        [
            "poetry foo https://h/simple/ both supplemental",
            "poetry old https://old/ both secondary",
            "uv bar https://bar/simple read explicit",
            "uv bar https://bar/upload upload explicit",
            "uv d https://d/ both default",
        ]
    );
    let userinfo = project.sources[0].userinfo.as_ref().unwrap();
    assert_eq!(userinfo.username, "u");
    assert_eq!(project.warnings, Vec::<String>::new());
    let files = ["p/pyproject.toml", "p/poetry.toml"].map(|file| dir.path().join(file));
    assert_eq!(project.files, files);
}

#[tokio::test]
async fn bad_entries_are_warnings_and_bad_files_errors() {
    let text = "[[tool.poetry.source]]\nurl = 'https://h/'\n[[tool.poetry.source]]\nname = 'a'\n\
                [[tool.poetry.source]]\nname = 'b'\nurl = 'hunter2'\n[[tool.poetry.source]]\n\
                name = 'ok'\nurl = 'https://ok/'\n[tool.uv]\nindex = 'hunter2'\n";
    let dir = folder(&[("pyproject.toml", text)]);
    let project = at(&dir, "").await.unwrap().unwrap();
    assert_eq!(short(&project.sources), ["poetry ok https://ok/ both -"]);
    assert_eq!(
        tails(&project.warnings),
        [
            "line 1: tool.poetry.source[0] has no name",
            "line 3: tool.poetry.source[1] has no url",
            "line 7: tool.poetry.source[2].url cannot be used: the URL has no scheme",
            "line 12: tool.uv.index must be an array",
        ]
    );
    for files in [
        [("pyproject.toml", "x = hunter2"), ("uv.toml", "")],
        [("pyproject.toml", ""), ("uv.toml", "x = hunter2")],
    ] {
        let failure = at(&folder(&files), "").await.err().unwrap();
        assert_eq!(
            tails(&[failure.detail]),
            ["line 1 is not valid TOML"],
            "{files:?}"
        );
    }
}

#[tokio::test]
async fn the_nearest_project_counts() {
    let dir = folder(&[
        (
            "pyproject.toml",
            "[[tool.poetry.source]]\nname='outer'\nurl='https://o/'",
        ),
        (
            "in/pyproject.toml",
            "[[tool.poetry.source]]\nname='inner'\nurl='https://i/'",
        ),
    ]);
    let project = at(&dir, "in").await.unwrap().unwrap();
    assert_eq!(short(&project.sources), ["poetry inner https://i/ both -"]);
    let missing = at(&dir, "not/there").await.unwrap().unwrap();
    assert_eq!(short(&missing.sources), ["poetry outer https://o/ both -"]);
}

#[tokio::test]
async fn uv_toml_hides_the_uv_table_beside_it() {
    let dir = folder(&[
        (
            "pyproject.toml",
            "[[tool.uv.index]]\nname='hidden'\nurl='https://x/'",
        ),
        ("uv.toml", "[[index]]\nname='seen'\nurl='https://y/'"),
    ]);
    let project = at(&dir, "").await.unwrap().unwrap();
    assert_eq!(short(&project.sources), ["uv seen https://y/ both -"]);
    assert_eq!(project.files.len(), 2);
}

#[tokio::test]
async fn members_have_the_indexes_of_their_workspace() {
    let root = "[tool.uv.workspace]\nmembers=['packages/*', './apps/**']\nexclude=['packages/out']\n\
                [[tool.uv.index]]\nname='root'\nurl='https://root/'\n\
                [[tool.poetry.source]]\nname='not-this'\nurl='https://p/'";
    let dir = folder(&[
        ("pyproject.toml", root),
        (
            "packages/a/pyproject.toml",
            "[[tool.uv.index]]\nname='own'\nurl='https://own/'",
        ),
        ("packages/out/pyproject.toml", ""),
        ("apps/x/y/pyproject.toml", "[project]\nname='y'"),
        ("apps/x/y/deep/pyproject.toml", ""),
        ("other/pyproject.toml", ""),
    ]);
    for (working, expected) in [
        ("packages/a", &["own", "root"][..]),
        ("packages/out", &[]),
        ("apps/x/y", &["root"]),
        // A project between is the end of the search.
        ("apps/x/y/deep", &[]),
        ("other", &[]),
        ("", &["not-this", "root"]),
    ] {
        let project = at(&dir, working).await.unwrap().unwrap();
        let names: Vec<&str> = project.sources.iter().map(|s| s.name.as_str()).collect();
        assert_eq!(names, expected, "{working}");
        assert_eq!(project.warnings, Vec::<String>::new());
    }
}

#[tokio::test]
async fn a_broken_file_above_is_a_warning() {
    let dir = folder(&[("pyproject.toml", "x = hunter2"), ("in/pyproject.toml", "")]);
    let project = at(&dir, "in").await.unwrap().unwrap();
    assert_eq!(tails(&project.warnings), ["line 1 is not valid TOML"]);
}

#[tokio::test]
async fn the_users_uv_toml() {
    let text = "[[index]]\nname='a'\nurl='https://a/'\n[[index]]\nname='b'\n";
    let dir = folder(&[("uv.toml", text)]);
    let view = Files::default().view();
    let (sources, warnings) = user_uv(&view, dir.path()).await.unwrap();
    assert_eq!(short(&sources), ["uv a https://a/ both -"]);
    assert_eq!(tails(&warnings), ["line 4: index[1] has no url"]);
    let (none, _) = user_uv(&view, Path::new("/nonexistent")).await.unwrap();
    assert!(none.is_empty());
}
