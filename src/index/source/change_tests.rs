use std::path::PathBuf;

use toml_edit::DocumentMut;

use super::{Place, Wish, pinned};
use crate::index::source::{Form, Priority};

fn place(form: Form, file: &str) -> Place {
    Place {
        file: PathBuf::from("/project").join(file),
        form,
    }
}

fn added(
    place: &Place,
    text: &str,
    wish: (&str, &str, Option<Priority>),
) -> Result<String, String> {
    let (name, url, priority) = wish;
    let url = (!url.is_empty()).then_some(url);
    let wish = Wish::new(name, url, priority).map_err(|failure| failure.to_string())?;
    let mut document: DocumentMut = text.parse().unwrap();
    place
        .add(&mut document, &wish)
        .map_err(|failure| failure.to_string())?;
    let text = document.to_string();
    assert!(text.parse::<DocumentMut>().is_ok(), "{text}");
    Ok(text)
}

const A: &str = "https://a/simple/";

#[test]
fn added_as_poetry_writes_it() {
    let poetry = place(Form::Poetry, "pyproject.toml");
    for (text, wish, expected) in [
        (
            "",
            ("a", A, None),
            "[[tool.poetry.source]]\nname = \"a\"\nurl = \"https://a/simple/\"\npriority = \"primary\"\n",
        ),
        (
            "# head\n[tool.poetry] # t\nname = 'x'\n\n[build-system]\nrequires = []\n# end\n",
            ("pypi", "", Some(Priority::Supplemental)),
            "# head\n[tool.poetry] # t\nname = 'x'\n\n[[tool.poetry.source]]\nname = \"PyPI\"\npriority = \"supplemental\"\n\n[build-system]\nrequires = []\n# end\n",
        ),
        (
            "[[tool.poetry.source]]\nname = 'b' # c\nurl='https://b/'\n\n[tool.black]\nx = 1\n",
            ("a", A, Some(Priority::Explicit)),
            "[[tool.poetry.source]]\nname = 'b' # c\nurl='https://b/'\n\n[[tool.poetry.source]]\nname = \"a\"\nurl = \"https://a/simple/\"\npriority = \"explicit\"\n\n[tool.black]\nx = 1\n",
        ),
        (
            "[tool.poetry]\nsource = [\n    { name = 'b', url = 'https://b/' }, # c\n]\n",
            ("a", A, None),
            "[tool.poetry]\nsource = [\n    { name = 'b', url = 'https://b/' },\n    { name = \"a\", url = \"https://a/simple/\", priority = \"primary\" }, # c\n]\n",
        ),
        (
            "tool.poetry.name = 'x'\n",
            ("a", A, None),
            "tool.poetry.name = 'x'\ntool.poetry.source = [{ name = \"a\", url = \"https://a/simple/\", priority = \"primary\" }]\n",
        ),
        (
            "[tool]\npoetry = { name = 'x' }\n",
            ("a", A, None),
            "[tool]\npoetry = { name = 'x' , source = [{ name = \"a\", url = \"https://a/simple/\", priority = \"primary\" }] }\n",
        ),
    ] {
        assert_eq!(added(&poetry, text, wish).unwrap(), expected, "of {text:?}");
    }
}

#[test]
fn added_as_uv_reads_it() {
    let uv = place(Form::Uv, "pyproject.toml");
    let entry = "name = \"a\"\nurl = \"https://a/simple/\"\n";
    for (text, wish, expected) in [
        (
            "[project]\nname = 'x'\n",
            ("a", A, None),
            format!("[project]\nname = 'x'\n\n[[tool.uv.index]]\n{entry}"),
        ),
        (
            "[project]\nname = 'x'\n",
            ("a", A, Some(Priority::Explicit)),
            format!("[project]\nname = 'x'\n\n[[tool.uv.index]]\n{entry}explicit = true\n"),
        ),
        (
            "[tool.uv]\npackage = true\n[tool.uv.sources]\nx = 1\n",
            ("a", A, None),
            format!("[tool.uv]\npackage = true\n[tool.uv.sources]\nx = 1\n\n[[tool.uv.index]]\n{entry}"),
        ),
        (
            "",
            ("pypi", "", None),
            "[[tool.uv.index]]\nname = \"pypi\"\nurl = \"https://pypi.org/simple/\"\ndefault = true\n".to_owned(),
        ),
        (
            "",
            ("PyPI", "", Some(Priority::Explicit)),
            "[[tool.uv.index]]\nname = \"pypi\"\nurl = \"https://pypi.org/simple/\"\ndefault = true\nexplicit = true\n".to_owned(),
        ),
        (
            "",
            ("a", "wheels/here", None),
            "[[tool.uv.index]]\nname = \"a\"\nurl = \"wheels/here\"\n".to_owned(),
        ),
    ] {
        assert_eq!(added(&uv, text, wish).unwrap(), expected, "of {text:?}");
    }
    assert_eq!(
        added(&place(Form::Uv, "uv.toml"), "", ("a", A, None)).unwrap(),
        format!("[[index]]\n{entry}")
    );
}

#[test]
fn what_is_refused() {
    let poetry = place(Form::Poetry, "pyproject.toml");
    let uv = place(Form::Uv, "pyproject.toml");
    let b = "[[tool.poetry.source]]\nname = 'My.Repo'\nurl='https://b/'\n";
    let default = "[[tool.uv.index]]\nurl='https://b/'\ndefault=true\n";
    let explicit = Some(Priority::Explicit);
    for (place, text, wish, told) in [
        (
            &poetry,
            b,
            ("my-repo", A, None),
            "there is a source \"My.Repo\" already",
        ),
        (&poetry, "", ("a", "", None), "the source \"a\" needs a URL"),
        (&poetry, "", ("PyPi", A, None), "the URL of PyPI is fixed"),
        (
            &poetry,
            "",
            ("pypi", "", explicit),
            "all package sources of this project are explicit",
        ),
        (&poetry, "", ("a", "wheels", None), "has a URL, not a path"),
        (
            &poetry,
            "",
            ("a", "https://u:hunter2@h/", None),
            "holds an account",
        ),
        (
            &poetry,
            "",
            ("a", "ftp://u:hunter2@h/", None),
            "the URL of \"a\" cannot be used",
        ),
        (&poetry, "", ("a://b", A, None), "is a URL"),
        (
            &poetry,
            "[tool]\npoetry = 1\n",
            ("a", A, None),
            "tool.poetry is not a table",
        ),
        (
            &poetry,
            "[tool.poetry]\nsource = 1\n",
            ("a", A, None),
            "tool.poetry.source is not a list",
        ),
        (
            &poetry,
            "[[tool.poetry.source]]\nname = 'b'\n",
            ("a", A, None),
            "/project/pyproject.toml line 1: tool.poetry.source[0] has no url",
        ),
        (
            &uv,
            "",
            ("a", A, Some(Priority::Supplemental)),
            "uv knows no supplemental sources",
        ),
        (
            &uv,
            "",
            ("a b", A, None),
            "uv takes no index of the name \"a b\"",
        ),
        (
            &uv,
            default,
            ("pypi", "", None),
            "is the second default index",
        ),
    ] {
        let error = added(place, text, wish).unwrap_err();
        assert!(error.contains(told), "{error}");
        assert!(!error.contains("hunter2"), "{error}");
    }
    let failure = Wish::new("a", Some("https://u:hunter2@h/x"), None).unwrap_err();
    assert_eq!(
        failure.hint.as_deref(),
        Some("add it without, and store the account with `helper set a u --url https://h/x`")
    );
}

#[test]
fn removed() {
    let poetry = place(Form::Poetry, "pyproject.toml");
    for (text, name, expected) in [
        ("[[tool.poetry.source]]\nname = 'a'\n", "A", Some(("a", ""))),
        (
            "[[tool.poetry.source]]\nname = 'My.Repo'\n",
            "my_repo",
            Some(("My.Repo", "")),
        ),
        (
            "[[tool.poetry.source]]\nname = 'my.repo'\n[[tool.poetry.source]]\nname = 'my-repo'\n",
            "my-repo",
            Some(("my-repo", "[[tool.poetry.source]]\nname = 'my.repo'\n")),
        ),
        (
            "[tool.poetry]\n\n# about a\n[[tool.poetry.source]]\nname = 'a'\n\n[x]\ny = 1\n",
            "a",
            Some(("a", "[tool.poetry]\n\n# about a\n\n[x]\ny = 1\n")),
        ),
        (
            "[tool.poetry]\nsource = [{ name = 'a' }, { name = 'b' }]\n",
            "a",
            Some(("a", "[tool.poetry]\nsource = [ { name = 'b' }]\n")),
        ),
        (
            "tool.poetry.source = [{ name = 'a' }]\nx = 1\n",
            "a",
            Some(("a", "x = 1\n")),
        ),
        ("[[tool.poetry.source]]\nname = 'a'\n", "b", None),
        ("[[tool.uv.index]]\nname = 'a'\n", "a", None),
        ("", "a", None),
    ] {
        let mut document: DocumentMut = text.parse().unwrap();
        let found = poetry.remove(&mut document, name);
        let expected_name = expected.map(|(name, _)| name.to_owned());
        assert_eq!(found, expected_name, "{text}");
        let expected_text = expected.map_or(text, |(_, text)| text);
        assert_eq!(document.to_string(), expected_text);
    }
}

#[test]
fn who_is_still_pinned() {
    let text = "[tool.uv.sources]\na = {index='X'}\nb = [{index='y'},{index='x'}]\nc = {git='x'}\n\
        [tool.poetry.dependencies]\nd = {version='1',source='x'}\ne = '1'\n\
        [[tool.poetry.dependencies.f]]\nsource='x'\n\
        [tool.poetry.group.dev.dependencies]\ng = {version='1',source='x'}\n";
    let document: DocumentMut = text.parse().unwrap();
    assert_eq!(pinned(&document, "x"), ["a", "b", "d", "f", "g"]);
    assert!(pinned(&document, "z").is_empty());
    assert!(pinned(&DocumentMut::new(), "z").is_empty());
}
