use std::str::FromStr as _;

use super::{LARGEST, Metadata, json};
use proptest::prelude::*;

use crate::package::{ExtraName, Requirement, Version, VersionSpecifiers};

const HEAD: &str = "Metadata-Version: 2.1\nName: My.Pkg\nVersion: 1.0\n";

fn parse(more: &str) -> Metadata {
    Metadata::parse(format!("{HEAD}{more}").as_bytes()).unwrap()
}

#[test]
fn what_a_resolution_needs() {
    let found = parse(
        "Summary: s\nRequires-Python: >=3.8\nRequires-Dist: a (>=1)\nREQUIRES-DIST: b[x]>=2\n  ; extra == 't'\n\
         Provides-Extra: T_t\nProvides-Extra: t-t\nRequires: old\n\nRequires-Dist: c\n",
    );
    assert_eq!(found.name.as_ref(), "my-pkg");
    assert_eq!(found.version, Version::from_str("1.0").unwrap());
    let wanted = ["a>=1", "b[x]>=2 ; extra == 't'"];
    assert_eq!(
        found.requires,
        wanted.map(|text| Requirement::from_str(text).unwrap())
    );
    assert_eq!(
        found.requires_python,
        VersionSpecifiers::from_str(">=3.8").ok()
    );
    assert_eq!(found.extras, [ExtraName::from_str("t-t").unwrap()]);
    assert_eq!(found.doubts, Vec::<String>::new());
}

/// What cannot be read is left out and told, the rest stays.
#[test]
fn doubts() {
    let found = parse(
        "Requires-Dist: a b c\nRequires-Dist: d>=1.*\nRequires-Python: three\nProvides-Extra: -\n\
         Requires-Dist: -e @ https://user:secret@h/\n",
    );
    assert_eq!(found.requires, [Requirement::from_str("d>=1").unwrap()]);
    assert_eq!(found.requires_python, None);
    assert_eq!(found.doubts.len(), 4, "{:?}", found.doubts);
    assert!(found.doubts[0].contains("Requires-Dist \"a b c\" is none (PEP 508)"));
    assert!(!found.doubts.iter().any(|doubt| doubt.contains("secret")));
}

#[test]
fn what_is_unusable() {
    for (text, expected) in [
        ("", "no Metadata-Version"),
        ("Metadata-Version: x\nName: a\nVersion: 1\n", "is none"),
        (
            "Metadata-Version: 3.0\nName: a\nVersion: 1\n",
            "not known here",
        ),
        ("Metadata-Version: 2.1\nVersion: 1\n", "no Name"),
        (
            "Metadata-Version: 2.1\nName: -a\nVersion: 1\n",
            "Name in its metadata",
        ),
        ("Metadata-Version: 2.1\nName: a\n", "no Version"),
        ("Metadata-Version: 2.1\nName: a\nVersion: one\n", "PEP 440"),
        ("<html>\n", "no Metadata-Version"),
    ] {
        let why = Metadata::parse(text.as_bytes()).unwrap_err();
        assert!(why.contains(expected), "{text}: {why}");
    }
    assert!(
        Metadata::parse(&vec![b' '; LARGEST + 1])
            .unwrap_err()
            .contains("16 MiB")
    );
    let many = format!("{HEAD}{}", "Requires-Dist: a\n".repeat(20_001));
    assert!(
        Metadata::parse(many.as_bytes())
            .unwrap_err()
            .contains("20000")
    );
    let latin = [HEAD.as_bytes(), b"Author: J\xf6rg\n"].concat();
    assert!(Metadata::parse(&latin).is_ok());
}

/// All versions of the metadata.
#[test]
fn versions_of_the_metadata() {
    for version in [
        "1.0", "1.1", "1.2", "2.0", "2.1", "2.2", "2.3", "2.4", "2.5", "2.9",
    ] {
        let text = format!("Metadata-Version: {version}\nName: a\nVersion: 1\nRequires-Dist: b\n");
        let found = Metadata::parse(text.as_bytes()).unwrap();
        assert_eq!(found.requires.len(), 1, "{version}");
        let is_static = Metadata::parse_static(text.as_bytes()).is_ok();
        assert_eq!(is_static, version > "2.1", "{version}");
    }
}

#[test]
fn what_a_build_may_change() {
    let parse = |more: &str| {
        let text = format!("Metadata-Version: 2.2\nName: a\nVersion: 1\n{more}");
        Metadata::parse_static(text.as_bytes())
    };
    assert!(parse("Dynamic: License\nDynamic: Description\n").is_ok());
    for field in ["Requires-Dist", "requires-python", "Provides-Extra"] {
        let why = parse(&format!(
            "Dynamic: License\nDynamic: {field}\nDynamic: Author\n"
        ))
        .unwrap_err();
        assert!(why.contains("made by its build"), "{why}");
    }
    let old = Metadata::parse_static(b"Metadata-Version: 2.1\nName: a\nVersion: 1\n");
    assert!(old.unwrap_err().contains("older than version 2.2"));
}

#[test]
fn as_json() {
    let text = format!(
        "{HEAD}Keywords: a, b\nClassifier: x\nClassifier: y\nDescription-Content-Type: text/plain\n\
         Requires-Dist: z\nUnknown: u\n\nlong\n"
    );
    let found = json(text.as_bytes());
    let wanted = serde_json::json!({
        "metadata_version": "2.1", "name": "My.Pkg", "version": "1.0", "keywords": ["a", "b"],
        "classifier": ["x", "y"], "description_content_type": "text/plain",
        "requires_dist": ["z"], "description": "long\n",
    });
    assert_eq!(serde_json::Value::Object(found), wanted);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    /// No bytes make the reader panic.
    #[test]
    fn any_bytes(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        let _ = Metadata::parse(&bytes);
        let _ = json(&bytes);
    }

    /// Nor does text that is nearly metadata.
    #[test]
    fn nearly(text in "((Requires-Dist|Requires-Python|Provides-Extra|Dynamic|Keywords|Description): ?[a-z0-9<>=!~.*,;()\\[\\]@'\" \\-]{0,30}(\n|\r\n|\n  )){0,8}") {
        let text = format!("{HEAD}{text}");
        prop_assert!(Metadata::parse(text.as_bytes()).is_ok());
        let _ = json(text.as_bytes());
    }
}
