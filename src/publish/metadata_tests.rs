use super::{FIELDS, Metadata};

const HEAD: &str = "Metadata-Version: 2.4\nName: a\nVersion: 1\n";

fn parse(more: &str) -> Result<Metadata, String> {
    Metadata::parse(format!("{HEAD}{more}").as_bytes())
}

fn values(more: &str) -> Vec<(&'static str, String)> {
    let found = parse(more).unwrap();
    let values = found.values().skip(3);
    values
        .map(|(name, value)| (name, value.to_owned()))
        .collect()
}

#[test]
fn fields_and_their_names_in_the_form() {
    let text = "Platform: a\nPlatform: b\nClassifier: x :: y\nKeywords: a,b , c\n\
                Project-URL: Home,https://h/\nProvides-Extra: t\nLicense-File: L\n\
                REQUIRES-DIST:  b>=1\nSupported-Platform: s\n";
    let expected = [
        ("platform", "a"),
        ("platform", "b"),
        ("classifiers", "x :: y"),
        ("keywords", "a, b, c"),
        ("project_urls", "Home, https://h/"),
        ("provides_extra", "t"),
        ("license_file", "L"),
        ("requires_dist", "b>=1"),
        ("supported_platform", "s"),
    ];
    let expected: Vec<_> = expected
        .map(|(name, value)| (name, value.to_owned()))
        .into();
    assert_eq!(values(text), expected);
}

/// The singular ones are those that a form names in the plural at first sight.
#[test]
fn names_are_plural_where_the_form_has_them_so() {
    for field in &FIELDS {
        let own = field.header.replace('-', "_");
        match field.form {
            "platform" | "supported_platform" | "license_file" | "import_name"
            | "import_namespace" => {
                assert!(field.many && own == field.form);
            }
            "classifiers" | "project_urls" => assert_eq!(format!("{own}s"), field.form),
            form => assert_eq!(own, form),
        }
    }
}

#[test]
fn descriptions() {
    let body = "\n# Title\r\n\r\ntext\n";
    assert_eq!(
        values(body),
        [("description", "# Title\r\n\r\ntext\n".to_owned())]
    );
    let field = "Description: first\n        second\n       |third\n         fourth\n";
    let text = "first\nsecond\nthird\n fourth".to_owned();
    assert_eq!(values(field), [("description", text)]);
    assert!(
        parse(&format!("{field}\nbody\n"))
            .unwrap_err()
            .contains("twice")
    );
    assert_eq!(values("\n  \n"), []);
    // Python ends the fields at the first line that is none, and keeps it.
    assert_eq!(
        values("no field\n"),
        [("description", "no field\n".to_owned())]
    );
}

#[test]
fn folded_and_carriage_returns() {
    let found = parse("License: MIT\r\n  or so\r\nSummary: s\r\n\r\nbody\r\n").unwrap();
    assert_eq!(found.one("license"), Some("MIT\n  or so"));
    assert_eq!(found.one("summary"), Some("s"));
    assert_eq!(found.one("description"), Some("body\r\n"));
}

#[test]
fn what_is_unusable() {
    for (text, expected) in [
        ("Name: a\nVersion: 1\n", "no metadata-version"),
        ("Metadata-Version: 2.1\nVersion: 1\n", "no name"),
        ("Metadata-Version: 2.1\nName: a\n", "no version"),
        ("Metadata-Version: 2.1\nName:\nVersion: 1\n", "no name"),
        (
            "Metadata-Version: x\nName: a\nVersion: 1\n",
            "which is none",
        ),
        (
            "Metadata-Version: 3.0\nName: a\nVersion: 1\n",
            "not known here",
        ),
        (
            "Metadata-Version: 2.1\nName: a\nName: b\nVersion: 1\n",
            "Name twice",
        ),
    ] {
        let why = Metadata::parse(text.as_bytes()).unwrap_err();
        assert!(why.contains(expected), "{text}: {why}");
    }
    assert!(
        Metadata::parse(b"Name: \xff\n")
            .unwrap_err()
            .contains("UTF-8")
    );
}

#[test]
fn fields_that_came_later() {
    let doubts = |text: &str| Metadata::parse(text.as_bytes()).unwrap().doubts;
    let text =
        "Metadata-Version: 2.1\nName: a\nVersion: 1\nLicense-Expression: MIT\nLicense-File: L\n";
    let found = doubts(text);
    assert_eq!(found.len(), 1, "{found:?}");
    assert!(found[0].contains("license-expression, which came with 2.4"));
    let old = Metadata::parse(text.as_bytes()).unwrap();
    assert_eq!(old.one("license_file"), None);
    let odd = doubts("Metadata-Version: 2.0\nName: a\nVersion: 1\nColour: red\n");
    assert!(odd[0].contains("unknown field \"Colour\"") && odd[1].contains("PyPI does not take"));
    for version in ["1.0", "1.1", "1.2", "2.1", "2.2", "2.3", "2.4", "2.5"] {
        let text = format!("Metadata-Version: {version}\nName: a\nVersion: 1\n");
        assert_eq!(doubts(&text), Vec::<String>::new());
    }
}
