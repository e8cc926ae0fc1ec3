use std::str::FromStr as _;
use std::sync::Arc;

use super::{Form, Kind, Priority, Source, Sources, address::Address};
use crate::index::offers::Rule;
use crate::package::PackageName;

/// `name url priority`, the kind where it is no index, `links` where it always counts.
pub(super) fn short(source: &Source) -> String {
    let name = source.name.as_deref().unwrap_or("-");
    let kind = match source.kind {
        Kind::Index => "",
        Kind::Flat => " flat",
        Kind::Local(_) => " local",
        Kind::LocalIndex(_) => " local-index",
    };
    let links = if source.always { " links" } else { "" };
    let mirrored = if source.is_mirrored() {
        format!(" by {}", source.url)
    } else {
        String::new()
    };
    let priority = source.priority.word();
    format!(
        "{name} {} {priority}{kind}{links}{mirrored}",
        source.canonical
    )
}

pub(super) fn shorts<'a>(sources: impl IntoIterator<Item = &'a Source>) -> Vec<String> {
    sources.into_iter().map(short).collect()
}

fn source(name: &str, url: &str, priority: Priority) -> Arc<Source> {
    let address = Address::parse(url, None).unwrap();
    let mut source = address.index(Form::Uv, "a".to_owned());
    source.name = (!name.is_empty()).then(|| name.to_owned());
    source.priority = priority;
    Arc::new(source)
}

fn sources() -> Sources {
    Sources {
        rule: Rule::VersionPriority,
        all: vec![
            source("one", "https://one/simple", Priority::Primary),
            source("", "https://two/simple/", Priority::Primary),
            source("again", "https://one/simple/", Priority::Primary),
            source("PyPI", "https://pypi.org/simple/", Priority::Default),
            source("three", "https://three/", Priority::Supplemental),
            source("four", "https://four/", Priority::Supplemental),
            source("five", "https://five/", Priority::Explicit),
        ],
        pins: Vec::new(),
        warnings: Vec::new(),
    }
}

fn labels(tiers: &[Vec<Arc<Source>>]) -> Vec<Vec<&str>> {
    tiers
        .iter()
        .map(|tier| tier.iter().map(|source| source.label()).collect())
        .collect()
}

#[test]
fn tiers() {
    let sources = sources();
    let project = PackageName::from_str("foo").unwrap();
    assert_eq!(
        labels(&sources.tiers(&project, None).unwrap()),
        [
            vec!["one", "https://two/simple/", "PyPI"],
            vec!["three"],
            vec!["four"]
        ]
    );
    for (pin, label) in [
        ("five", "five"),
        ("FIVE", "five"),
        ("again", "again"),
        ("pypi", "PyPI"),
        ("four", "four"),
    ] {
        let tiers = sources.tiers(&project, Some(pin)).unwrap();
        assert_eq!(labels(&tiers), [[label]], "{pin}");
    }
    let error = sources.tiers(&project, Some("six")).unwrap_err();
    assert_eq!(
        error.message,
        "foo is pinned to the source \"six\", which is not declared"
    );
}

#[test]
fn userinfo_is_never_shown() {
    let address = Address::parse("https://u:hunter2@h/simple/", None).unwrap();
    let source = address.index(Form::Uv, "a".to_owned());
    assert!(source.userinfo.is_some());
    assert!(!format!("{source:?}").contains("hunter2"));
    assert_eq!(source.label(), "https://h/simple/");
}
