use super::Question;
use crate::package::archive::samples::{metadata, wheel_members, write, zip};
use crate::publish::distribution::Distribution;

const MARKDOWN: &str = "Description-Content-Type: text/markdown; charset=UTF-8\n";

/// A wheel with these fields, and a description behind them.
fn wheel(fields: &str) -> Distribution {
    let folder = tempfile::tempdir().unwrap();
    let bytes = zip(&wheel_members("a-1.0", &metadata("a", "1.0", fields)));
    let path = write(folder.path(), "a-1.0-py3-none-any.whl", &bytes);
    Distribution::read(&path).unwrap()
}

/// What is told, and what is found of the first file, when the libraries say that.
fn found(all: &mut [Distribution], answer: &str) -> (Option<String>, Vec<(String, bool)>) {
    let question = Question::of(all).unwrap();
    let told = question.answered(all, answer.as_bytes());
    let findings = all[0].findings.iter();
    let findings = findings.map(|finding| (finding.message.clone(), finding.refused));
    (told, findings.collect())
}

#[test]
fn what_is_asked() {
    let asked = |all: &[Distribution]| {
        Question::of(all).map(|question| String::from_utf8(question.json()).unwrap())
    };
    for silent in [
        "Summary: s\n",
        "Description-Content-Type: text/plain\n\nbody\n",
        "Description-Content-Type: text/html\n\nbody\n",
        "Classifier: Topic :: Utilities\nClassifier: Private :: x\n",
        "Classifier: topic :: utilities\nClassifier: Natural Language :: Ukranian\n",
    ] {
        assert_eq!(asked(&[wheel(silent)]), None, "{silent}");
    }
    let two = [
        wheel("Classifier: A :: B\n\n*rst*\n"),
        wheel("Classifier: A :: B\n\n*rst*\n"),
    ];
    assert_eq!(
        asked(&two).unwrap(),
        r#"{"descriptions":[{"markdown":false,"text":"*rst*\n"}],"classifiers":["A :: B"]}"#
    );
    let markdown = [wheel(&format!("{MARKDOWN}\n# m\n"))];
    assert!(asked(&markdown).unwrap().contains(r#""markdown":true"#));
}

#[test]
fn descriptions() {
    let rst = "Summary: s\n\ntext\n";
    let markdown = format!("{MARKDOWN}\ntext\n");
    let said = |rendered: &str| format!(r#"{{"renderer":"46.0","rendered":[{rendered}]}}"#);
    for (fields, answer, expected) in [
        (rst, said(r#"[true,""]"#), None),
        (
            rst,
            said(r#"[false,"<string>:4: (WARNING/2) Title underline too short.\n\nmore\n"]"#),
            Some("cannot be shown as reStructuredText: line 4: Title underline too short"),
        ),
        (
            rst,
            said(r#"[false,"No content rendered from RST source."]"#),
            Some("as reStructuredText: No content rendered from RST source"),
        ),
        (
            &markdown,
            said(r#"[false,""]"#),
            Some("cannot be shown as Markdown: nothing of it is left to show"),
        ),
        (
            rst,
            said(r#"[false,"<string>:1: (ERROR/3) \u001b[31mred"]"#),
            Some("line 1: \\u"),
        ),
    ] {
        let (told, findings) = found(&mut [wheel(fields)], &answer);
        assert_eq!(told, None, "{answer}");
        match expected {
            None => assert_eq!(findings, []),
            Some(part) => {
                let [(message, true)] = findings.as_slice() else {
                    panic!("{findings:?}");
                };
                assert!(message.contains(part), "{message}");
            }
        }
    }
}

#[test]
fn where_nothing_is_told() {
    let rst = "Summary: s\n\ntext\n";
    let markdown = format!("{MARKDOWN}\ntext\n");
    for (fields, answer, part) in [
        (
            rst,
            r#"{"renderer":null,"rendered":[null]}"#,
            "install readme_renderer for",
        ),
        (
            &markdown,
            r#"{"renderer":"46.0","rendered":[null]}"#,
            "install readme_renderer[md]",
        ),
        (
            rst,
            r#"{"renderer":"46.0","rendered":[null]}"#,
            "readme_renderer failed",
        ),
        (
            rst,
            r#"{"renderer":"46.0","rendered":[]}"#,
            "cannot be read",
        ),
        (rst, "", "cannot be read"),
    ] {
        let (told, findings) = found(&mut [wheel(fields)], answer);
        assert!(told.unwrap().contains(part), "{answer}");
        assert_eq!(findings, []);
    }
    // Of a classifier alone nothing is told: the list here has spoken.
    let mut alone = [wheel("Classifier: A :: B\n")];
    assert_eq!(found(&mut alone, "").0, None);
}

#[test]
fn classifiers() {
    let said = |version: &str, standing: &str| {
        format!(
            r#"{{"renderer":null,"rendered":[],"classifiers":{{"version":"{version}","all":{{"A :: B":["{standing}","A :: C"]}}}}}}"#
        )
    };
    for (version, standing, expected) in [
        ("2999.1.2.3", "known", None),
        (
            "2999.1.2.3",
            "retired",
            Some(("is retired: write \"A :: C\"", true)),
        ),
        (
            "2999.1.2.3",
            "unknown",
            Some(("none that trove-classifiers 2999.1.2.3 has", true)),
        ),
        (
            "2019.1.2.3",
            "known",
            Some(("is none that PyPI had on 20", false)),
        ),
        (
            "2019.1.2.3",
            "unknown",
            Some(("is none that PyPI had on 20", false)),
        ),
        ("", "unknown", Some(("is none that PyPI had on 20", false))),
    ] {
        let mut all = [wheel(
            "Classifier: A :: B\nClassifier: Topic :: Utilities\n",
        )];
        let (_, findings) = found(&mut all, &said(version, standing));
        match (findings.as_slice(), expected) {
            ([], None) => {}
            ([(message, refused)], Some((part, expected))) => {
                assert!(message.contains(part), "{message}");
                assert_eq!(*refused, expected);
            }
            _ => panic!("{version} {standing}: {findings:?}"),
        }
    }
}
