use std::path::Path;
use std::str::FromStr as _;

use super::{Layer, layer, ordered, pins};
use crate::domain::toml_text::Document;
use crate::index::source::tests::{short, shorts};
use crate::index::source::{Authenticate, Cutoff};
use crate::package::{MarkerTree, PackageName};

const PYPI: &str = "pypi https://pypi.org/simple/ default";

fn parse(text: &str) -> Document {
    Document::parse(Path::new("p"), text).unwrap_or_else(|failure| panic!("{}", failure.detail))
}

fn read(text: &str) -> Result<Layer, String> {
    layer(&parse(text).root(), Path::new("/project"), "p").map_err(|failure| failure.detail)
}

/// As a project's own table.
fn read_project(text: &str) -> Result<Layer, String> {
    let document = parse(&format!("[tool.uv]\n{text}"));
    let table = document.at(&["tool", "uv"]).unwrap().unwrap();
    layer(&table, Path::new("/project"), "p").map_err(|failure| failure.detail)
}

fn order(texts: &[&str]) -> Vec<String> {
    let layers = texts.iter().map(|text| read(text).unwrap()).collect();
    shorts(&ordered(Vec::new(), layers).unwrap().0)
}

/// The order of one file: uv `index_url.rs`, `settings.rs`, docs/concepts/indexes.md.
#[test]
fn the_order_of_uv() {
    let table: &[(&str, &[&str])] = &[
        ("", &[PYPI]),
        (
            "index=[{name='a',url='https://a/simple'},{url='https://b/'}]",
            &["a https://a/simple primary", "- https://b/ primary", PYPI],
        ),
        // The default index is asked last, wherever it stands, and there is no PyPI beside it.
        (
            "index=[{name='d',url='https://d/',default=true},{name='a',url='https://a/'}]",
            &["a https://a/ primary", "d https://d/ default"],
        ),
        (
            "index=[{name='e',url='https://e/',explicit=true}]",
            &[PYPI, "e https://e/ explicit"],
        ),
        // Both: explicit, and PyPI is off all the same.
        (
            "index=[{name='e',url='https://e/',explicit=true,default=true},{url='https://a/'}]",
            &["- https://a/ primary", "e https://e/ explicit"],
        ),
        // `index` before `extra-index-url` before `index-url`, which is the default.
        (
            "index-url='https://i/'\nextra-index-url=['https://x/','https://y/']\n\
             index=[{url='https://a/'}]",
            &[
                "- https://a/ primary",
                "- https://x/ primary",
                "- https://y/ primary",
                "- https://i/ default",
            ],
        ),
        (
            "index-url='https://i/'\nindex=[{url='https://a/',default=true}]",
            &["- https://a/ default"],
        ),
        // Links count beside every index.
        (
            "find-links=['wheels','https://l/page.html']",
            &[
                "- file:///project/wheels primary local links",
                "- https://l/page.html primary flat links",
                PYPI,
            ],
        ),
        (
            "no-index=true\nfind-links=['/w']\nindex=[{url='https://a/'}]",
            &["- file:///w primary local links"],
        ),
        // A flat index has its place among the indexes.
        (
            "index=[{url='https://f/',format='flat'},{url='mirror'},{url='file:///f',format='flat'}]",
            &[
                "- https://f/ primary flat",
                "- file:///project/mirror primary local-index",
                "- file:///f primary local",
                PYPI,
            ],
        ),
        // `uv pip` prefers its own table.
        (
            "index-url='https://i/'\nextra-index-url=['https://x/']\n\
             [pip]\nindex-url='https://p/'\nextra-index-url=['https://q/']",
            &[
                "- https://q/ primary",
                "- https://x/ primary",
                "- https://p/ default",
            ],
        ),
    ];
    for (text, expected) in table {
        assert_eq!(order(&[text]), *expected, "{text}");
    }
}

/// Several files: uv `combine.rs`, the stronger first.
#[test]
fn the_order_of_files() {
    let index = |name: &str, host: &str| format!("index=[{{name='{name}',url='https://{host}/'}}]");
    let (project, user) = (index("a", "project"), index("b", "user"));
    assert_eq!(
        order(&[&project, &user]),
        [
            "a https://project/ primary",
            "b https://user/ primary",
            PYPI
        ]
    );
    // Of one name the first counts.
    assert_eq!(
        order(&[&project, &index("a", "user")]),
        ["a https://project/ primary", PYPI]
    );
    // Of two defaults the first counts; the other is found by its pins.
    let default =
        |host: &str| format!("index=[{{name='{host}',url='https://{host}/',default=true}}]");
    assert_eq!(
        order(&[&default("one"), &default("two")]),
        ["one https://one/ default", "two https://two/ explicit"]
    );
    assert_eq!(
        order(&[
            "index-url='https://one/'",
            "index-url='https://two/'\nno-index=false"
        ]),
        ["- https://one/ default"]
    );
}

#[test]
fn what_an_index_says_of_itself() {
    let of = |rest: &str| {
        let layer = read(&format!("index=[{{url='https://a/'{rest}}}]")).unwrap();
        layer.indexes.into_iter().next().unwrap().source
    };
    assert_eq!(of("").authenticate, Authenticate::Auto);
    assert_eq!(
        of(",authenticate='always'").authenticate,
        Authenticate::Always
    );
    assert_eq!(
        of(",authenticate='never'").authenticate,
        Authenticate::Never
    );
    assert_eq!(
        of(",ignore-error-codes=[401,403]").ignore_errors,
        [401, 403]
    );
    assert_eq!(of(",exclude-newer=false").exclude_newer, Some(Cutoff::Off));
    assert_eq!(
        of(",exclude-newer='2026-01-01T00:00:00Z'").exclude_newer,
        Some(Cutoff::At("2026-01-01T00:00:00Z".parse().unwrap()))
    );
    let text = "index=[{url='https://download.pytorch.org/whl/cpu'}]";
    assert_eq!(read(text).unwrap().indexes[0].source.ignore_errors, [403]);
    let text = "index=[{url='https://download.pytorch.org/whl/cpu',ignore-error-codes=[401]}]";
    assert_eq!(read(text).unwrap().indexes[0].source.ignore_errors, [401]);
    let odd = read("index=[{url='https://a/',publish-url='https://b/',colour='red'}]").unwrap();
    assert_eq!(odd.warnings.len(), 1, "{:?}", odd.warnings);
    assert!(odd.warnings[0].contains("index[0].colour is no key of an index"));
    let account = read("index=[{url='https://u:hunter2@a/'}]").unwrap();
    let source = &account.indexes[0].source;
    assert_eq!(short(source), "- https://a/ primary");
    assert_eq!(source.userinfo.as_ref().unwrap().username, "u");
    assert!(!format!("{account:?}").contains("hunter2"));
}

#[test]
fn what_is_refused() {
    for (text, told) in [
        (
            "index=[{name='a'}]",
            "p line 2: tool.uv.index[0] has no url",
        ),
        ("index=[{url='https://a/',name=' '}]", "index[0].name"),
        (
            "index=[{url='https://a/',name='a b'}]",
            "index[0].name may hold",
        ),
        (
            "index=[{url='https://a/',explicit=true}]",
            "index[0] is explicit and has no name",
        ),
        (
            "index=[{name='a',url='https://a/'},{name='a',url='https://b/'}]",
            "index[1] has the name of another index",
        ),
        (
            "index=[{url='https://a/',default=true},{url='https://b/',default=true}]",
            "index[1] is the second default index",
        ),
        (
            "index=[{url='https://a/',format='html'}]",
            "\"simple\" or \"flat\"",
        ),
        (
            "index=[{url='https://a/',authenticate='yes'}]",
            "\"auto\", \"always\"",
        ),
        (
            "index=[{url='https://a/',ignore-error-codes=[200]}]",
            "from 400 to 599",
        ),
        (
            "index=[{url='https://a/',exclude-newer=true}]",
            "in quotes or false",
        ),
        (
            "index=[{url='https://a/',exclude-newer='hunter2'}]",
            "exclude-newer must be a date, as 2026-01-31",
        ),
        ("index=[{url='ftp://u:hunter2@a/'}]", "url cannot be used"),
        ("index='https://u:hunter2@a/'", "index must be an array"),
        ("index-url=['https://a/']", "index-url must be a string"),
        ("find-links='a'", "find-links must be an array"),
    ] {
        let error = read_project(text).map(|_| ()).unwrap_err();
        assert!(error.contains(told), "{error}");
        assert!(!error.contains("hunter2"), "{error}");
    }
}

/// `[tool.uv.sources]` (uv `pyproject.rs`).
#[test]
fn pinned_projects() {
    let text = "[tool.uv.sources]\n\
        Torch_Vision = {index='cpu'}\n\
        other = {git='https://g/x'}\n\
        torch = [\n  {index='cpu', marker=\"sys_platform == 'darwin'\"},\n  {index='gpu', extra='gpu', group='dev'},\n]\n";
    let pins = pins(&parse(text), "p").unwrap();
    let name = |text: &str| PackageName::from_str(text).unwrap();
    assert_eq!(pins.len(), 3);
    assert_eq!(pins[0].project, name("torch-vision"));
    assert_eq!(pins[0].marker, MarkerTree::TRUE);
    assert_eq!(pins[0].place, "p line 2");
    assert_eq!(
        (pins[1].source.as_str(), pins[2].source.as_str()),
        ("cpu", "gpu")
    );
    assert_eq!(
        pins[1].marker.try_to_string().unwrap(),
        "sys_platform == 'darwin'"
    );
    assert_eq!(pins[2].extra.as_ref().unwrap().to_string(), "gpu");
    assert_eq!(pins[2].group.as_deref(), Some("dev"));
    for (text, told) in [
        ("a b = 1", "is not valid TOML"),
        ("'a b' = {index='x'}", "valid name of a project"),
        ("a = {index='x', marker='??'}", "is no valid marker"),
        ("a = {index=1}", "must be a string"),
        ("a = 1", "must be an array"),
    ] {
        let text = format!("[tool.uv.sources]\n{text}\n");
        let result = Document::parse(Path::new("p"), &text);
        let error = result.and_then(|document| super::pins(&document, "p"));
        let detail = error.unwrap_err().detail;
        assert!(detail.contains(told), "{detail}");
    }
}
