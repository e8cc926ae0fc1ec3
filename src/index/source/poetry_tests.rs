#![expect(clippy::format_push_string, reason = "a table of a test")]

use std::path::Path;

use super::{declared, is_project};
use crate::domain::toml_text::Document;
use crate::index::source::tests::shorts;

const PYPI: &str = "PyPI https://pypi.org/simple/ primary";

fn parse(text: &str) -> Document {
    Document::parse(Path::new("p"), text).unwrap_or_else(|failure| panic!("{}", failure.detail))
}

/// The sources in the order in which they are asked, and the warnings.
fn read(entries: &str) -> Result<(Vec<String>, Vec<String>), String> {
    let document = parse(entries);
    let declared = declared(&document, Path::new("/project"), "p").map_err(|f| f.detail)?;
    let (sources, warnings) = declared.ordered().map_err(|failure| failure.message)?;
    Ok((shorts(&sources), warnings))
}

/// `name url rest` for each entry; a name alone is PyPI.
fn entries(list: &[&str]) -> String {
    let mut text = String::new();
    for entry in list {
        let mut words = entry.splitn(3, ' ');
        let name = words.next().unwrap_or_default();
        text.push_str(&format!("[[tool.poetry.source]]\nname = \"{name}\"\n"));
        if let Some(url) = words.next().filter(|url| *url != "-") {
            text.push_str(&format!("url = \"{url}\"\n"));
        }
        for line in words.next().unwrap_or_default().split(';') {
            text.push_str(&format!("{}\n", line.trim()));
        }
    }
    text
}

/// The order and PyPI's part in it: `factory.py` `create_pool`, `repository_pool.py`.
#[test]
fn the_order_of_the_pool() {
    let table: &[(&[&str], &[&str])] = &[
        (&[], &[PYPI]),
        // S5: any primary source turns PyPI off.
        (&["a https://a/simple"], &["a https://a/simple primary"]),
        (
            &["a https://a/ priority='supplemental'"],
            &[PYPI, "a https://a/ supplemental"],
        ),
        (
            &["a https://a/ priority='explicit'"],
            &[PYPI, "a https://a/ explicit"],
        ),
        // S6: PyPI by name, in any case, for its place among the others.
        (&["a https://a/", "pypi"], &["a https://a/ primary", PYPI]),
        (
            &[
                "PYPI - priority='supplemental'",
                "b https://b/ priority='supplemental'",
            ],
            &[
                "PyPI https://pypi.org/simple/ supplemental",
                "b https://b/ supplemental",
            ],
        ),
        (
            &["pypi - priority='explicit'", "b https://b/"],
            &[
                "b https://b/ primary",
                "PyPI https://pypi.org/simple/ explicit",
            ],
        ),
        // S4: by priority, then by the order of the file.
        (
            &[
                "e https://e/ priority='explicit'",
                "s https://s/ priority='supplemental'",
                "b https://b/",
                "a https://a/ priority='primary'",
            ],
            &[
                "b https://b/ primary",
                "a https://a/ primary",
                "s https://s/ supplemental",
                "e https://e/ explicit",
            ],
        ),
        // S9: one page with all files.
        (
            &[
                "a https://a/links.html",
                "b https://b/links.htm",
                "c https://c/x.html/",
            ],
            &[
                "a https://a/links.html primary flat",
                "b https://b/links.htm primary flat",
                "c https://c/x.html/ primary",
            ],
        ),
        // S1: keys without an effect.
        (
            &["a https://a/ links = true; indexed = true"],
            &["a https://a/ primary"],
        ),
    ];
    for (list, expected) in table {
        let (sources, warnings) = read(&entries(list)).unwrap();
        assert_eq!(sources, *expected, "{list:?}");
        assert!(warnings.is_empty(), "{warnings:?}");
    }
}

/// Words of before Poetry 2.0 (S2, S3), each with what to write instead.
#[test]
fn words_that_are_gone() {
    let primary = "write priority = \"primary\"";
    let supplemental = "write priority = \"supplemental\"";
    let table: &[(&[&str], &[&str], &[&str])] = &[
        (
            &["b https://b/", "a https://a/ priority='default'"],
            &["a https://a/ primary", "b https://b/ primary"],
            &[primary],
        ),
        (
            &["b https://b/", "a https://a/ default=true"],
            &["a https://a/ primary", "b https://b/ primary"],
            &[primary],
        ),
        (
            &["a https://a/ secondary=true"],
            &[PYPI, "a https://a/ supplemental"],
            &[supplemental],
        ),
        (
            &["a https://a/ priority='secondary'"],
            &[PYPI, "a https://a/ supplemental"],
            &[supplemental],
        ),
        (
            &["a https://a/ default=false; secondary=false"],
            &["a https://a/ primary"],
            &["take it out", "take it out"],
        ),
        (
            &["a https://a/ default=true; priority='explicit'"],
            &[PYPI, "a https://a/ explicit"],
            &["no effect beside a priority"],
        ),
        (
            &["a https://a/ prio='explicit'"],
            &["a https://a/ primary"],
            &["Poetry refuses it"],
        ),
    ];
    for (list, expected, told) in table {
        let (sources, warnings) = read(&entries(list)).unwrap();
        assert_eq!(sources, *expected, "{list:?}");
        assert_eq!(warnings.len(), told.len(), "{warnings:?}");
        for (warning, told) in warnings.iter().zip(*told) {
            assert!(warning.contains(told), "{warning}");
            assert!(warning.starts_with("p line "), "{warning}");
        }
    }
}

/// What Poetry refuses is refused, with its place (S1, S6, S7, S8).
#[test]
fn what_is_refused() {
    for (list, told) in [
        (
            &["pypi https://mirror/simple/"][..],
            "p line 3: tool.poetry.source[0].url stands beside the name of PyPI",
        ),
        (&["a"], "p line 1: tool.poetry.source[0] has no url"),
        (
            &["foo https://a/", "Foo https://b/"],
            "tool.poetry.source[1] has the name of another source",
        ),
        (
            &["pypi", "PyPI"],
            "tool.poetry.source[1] has the name of another source",
        ),
        (
            &["a https://a/ priority='Primary'"],
            "must be \"primary\", \"supplemental\" or \"explicit\"",
        ),
        (&["a https://a/ priority=1"], "must be a string in quotes"),
        (&["a https://a/ default=1"], "must be true or false"),
        (&["a ftp://u:hunter2@a/"], "url cannot be used"),
        (
            &[
                "a https://a/ priority='explicit'",
                "pypi - priority='explicit'",
            ],
            "all package sources of this project are explicit",
        ),
    ] {
        let error = read(&entries(list)).unwrap_err();
        assert!(error.contains(told), "{error}");
        assert!(!error.contains("hunter2"), "{error}");
    }
    let error = read("[[tool.poetry.source]]\nurl = \"https://a/\"\n").unwrap_err();
    assert!(error.contains("has no name"), "{error}");
}

#[test]
fn whose_project_it_is() {
    for (text, expected) in [
        ("", false),
        ("[project]\nname='a'\n", false),
        ("[[tool.poetry.source]]\nname='pypi'\n", true),
        ("[tool.poetry.dependencies]\npython='^3.9'\n", true),
        ("[tool.poetry.group.dev.dependencies]\n", true),
        ("[tool.poetry]\npackages=[]\n", true),
        (
            "[build-system]\nbuild-backend='poetry.core.masonry.api'\n",
            true,
        ),
        ("[build-system]\nbuild-backend='hatchling.build'\n", false),
    ] {
        let found = is_project(&parse(text)).map_err(|failure| failure.detail);
        assert_eq!(found, Ok(expected), "{text}");
    }
}
