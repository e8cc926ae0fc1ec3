use std::path::PathBuf;

use credential_helper_protocol::surroundings::{Platform, Surroundings};
use proptest::prelude::*;
use zeroize::Zeroizing;

use super::finding::Way;
use super::forms::FORMS;
use super::places::{Place, Places};
use super::read::Text;
use super::{Report, sarif, scan};

/// Finds what stands in one file of this name below a home.
fn found(name: &str, text: &str) -> Vec<String> {
    let home = tempfile::tempdir().unwrap();
    let path = home.path().join(name);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(&path, text).unwrap();
    let report = scan(&Places::named(&[path], None, &around(home.path())).unwrap());
    assert_eq!(report.skipped, [], "{name}");
    let line = |finding: &super::Finding| {
        format!(
            "{} {} {} {} {}{}",
            finding.line,
            finding.tool,
            finding.kind.word(),
            finding.origin.as_deref().unwrap_or("-"),
            finding.username.as_deref().unwrap_or("-"),
            if finding.can_move() { "" } else { " by hand" },
        )
    };
    report.findings.iter().map(line).collect()
}

fn around(home: &std::path::Path) -> Surroundings {
    Surroundings::given([("HOME", home)], Platform::Xdg, 7, "host")
}

#[test]
fn what_stands_in_each_form_of_file() {
    let url = "https://alice:hunter2@h.example/simple/";
    for (name, text, wanted) in [
        (
            ".pypirc",
            "[distutils]\nindex-servers =\n  pypi\n  own\n[pypi]\nusername = __token__\npassword = pypi-AgEIhunter2\n[own]\nrepository: https://h.example/legacy/\nusername: alice\npassword: hunter2\n[none]\nusername = x\n[odd]\npassword = hunter2\n".to_owned(),
            vec!["7 twine token https://upload.pypi.org __token__", "11 twine http-basic https://h.example alice", "15 twine http-basic - - by hand"],
        ),
        (
            ".netrc",
            "# c\nmachine h.example login alice password hunter2\nmachine i.example\n\tlogin bob\n\tpassword \"hunter 2\"\ndefault login x password hunter2\n".to_owned(),
            vec!["2 netrc http-basic h.example alice", "5 netrc http-basic i.example bob", "6 netrc http-basic - x by hand"],
        ),
        (
            "pip.conf",
            format!("[global]\nindex-url = {url}\nextra-index-url =\n    https://pypi.example/simple/\n    {url}\n# {url}\n[install]\ntrusted-host = x\n"),
            vec!["2 pip url https://h.example alice", "5 pip url https://h.example alice", "6 pip url https://h.example alice by hand"],
        ),
        (
            ".local/share/uv/credentials/credentials.toml",
            "[[credential]]\nservice = \"https://h.example/\"\nusername = \"alice\"\nscheme = \"basic\"\npassword = \"hunter2\"\n\n[[credential]]\nservice = \"https://i.example/\"\nscheme = \"bearer\"\ntoken = \"hunter2\"\n".to_owned(),
            vec!["5 uv http-basic https://h.example alice", "10 uv token https://i.example - by hand"],
        ),
        (
            "uv.toml",
            format!("index-url = \"{url}\"\n[[index]]\nname = \"a\"\nurl = '{url}'\npublish-url = \"{url}\"\n"),
            vec!["1 uv url https://h.example alice", "4 uv url https://h.example alice", "5 uv url https://h.example alice"],
        ),
        (
            ".config/pypoetry/auth.toml",
            "[http-basic.foo]\nusername = \"alice\"\npassword = \"hunter2\"\n[http-basic.old.dotted]\nusername = \"bob\"\npassword = \"hunter2\"\n[http-basic.\"my.repo\"]\nusername = \"c\"\n[http-basic.t]\nusername = \"ghp_0123456789abcdef\"\npassword = \"\"\n[pypi-token]\npypi = \"pypi-hunter2\"\n".to_owned(),
            vec!["3 poetry http-basic - alice", "6 poetry http-basic - bob", "10 poetry token - - by hand", "13 poetry token - __token__"],
        ),
        (
            ".config/pypoetry/config.toml",
            format!("[repositories.foo]\nurl = \"{url}\"\n"),
            vec!["2 poetry url https://h.example alice"],
        ),
        (
            "pyproject.toml",
            format!("[[tool.poetry.source]]\nname = \"a\"\nurl = \"{url}\"\n[project]\ndependencies = [\"x @ https://alice:hunter2@h.example/x.whl\"]\n[tool.uv]\nextra-index-url = [\n  \"{url}\",\n]\n"),
            vec!["3 pyproject url https://h.example alice", "5 pyproject url https://h.example alice by hand", "8 pyproject url https://h.example alice"],
        ),
        (
            ".config/pdm/config.toml",
            "[pypi.foo]\nurl = \"https://h.example/simple\"\nusername = \"alice\"\npassword = \"hunter2\"\n[repository.bar]\nusername = \"__token__\"\npassword = \"hunter2\"\n".to_owned(),
            vec!["4 pdm http-basic https://h.example alice", "7 pdm token - __token__"],
        ),
        (
            ".config/hatch/config.toml",
            "[publish.index]\nuser = \"__token__\"\nauth = \"hunter2\"\n[publish.index.repos.own]\nurl = \"https://h.example/legacy/\"\nuser = \"alice\"\nauth = \"hunter2\"\n".to_owned(),
            vec!["3 hatch token https://upload.pypi.org __token__", "7 hatch http-basic https://h.example alice"],
        ),
        (
            "requirements.txt",
            format!("--index-url {url}\n-i {url}\nx @ https://alice:hunter2@h.example/x.whl\n-e git+https://alice:hunter2@h.example/x.git#egg=x\n--extra-index-url https://${{U}}:${{P}}@h.example/\n# {url}\n"),
            vec!["1 pip url https://h.example alice", "2 pip url https://h.example alice", "3 pip url https://h.example alice", "4 pip url https://h.example alice by hand", "6 pip url https://h.example alice by hand"],
        ),
        ("poetry.lock", format!("[package.source]\nurl = \"{url}\"\n"), vec!["2 poetry url https://h.example alice by hand"]),
        ("uv.lock", format!("source = {{ registry = \"{url}\" }}\n"), vec!["1 uv url https://h.example alice by hand"]),
        ("Pipfile.lock", format!("{{\"url\": \"{url}\"}}\n"), vec!["1 pipenv url https://h.example alice by hand"]),
        (
            ".github/workflows/ci.yml",
            "env:\n  TWINE_PASSWORD: hunter2\n  UV_PUBLISH_TOKEN: ${{ secrets.T }}\nsteps:\n  - run: pip install -i https://alice:hunter2@h.example/simple/ x\n  - with:\n      password: pypi-AgEIcHlwaS5vcmchunter2\n".to_owned(),
            vec!["2 github variable - - by hand", "5 github url https://h.example alice by hand", "7 github token - - by hand"],
        ),
        ("Dockerfile", "ENV UV_INDEX_FOO_PASSWORD hunter2\n".to_owned(), vec!["1 docker variable - - by hand"]),
        (".env", "POETRY_HTTP_BASIC_FOO_PASSWORD='hunter2'\n".to_owned(), vec!["1 dotenv variable - - by hand"]),
        ("notes", format!("see {url}\n"), vec!["1 text url https://h.example alice by hand"]),
        ("clean.env", "TWINE_PASSWORD=$TOKEN\n".to_owned(), vec![]),
    ] {
        assert_eq!(found(name, &text), wanted, "{name}");
    }
}

#[test]
fn what_cannot_be_read_is_told_without_its_text() {
    let home = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &[u8]| std::fs::write(home.path().join(name), text).unwrap();
    write("uv.toml", b"a = 1\nb = = \"hunter2\"\n");
    write("netrc", b"machine h hunter2 x\n");
    write("poetry.lock", b"\xff\xfe");
    write(".env", &vec![b'x'; 5 * 1024 * 1024]);
    let places = Places::named(&[home.path().to_owned()], None, &around(home.path())).unwrap();
    let report = scan(&places);
    let seen: Vec<(String, &str)> = report
        .skipped
        .iter()
        .map(|one| {
            (
                one.path.file_name().unwrap().to_string_lossy().into_owned(),
                one.reason.as_str(),
            )
        })
        .collect();
    let own = |name: &str| name.to_owned();
    assert_eq!(
        seen,
        [
            (own(".env"), "it is larger than 4 MiB"),
            (own("netrc"), "line 1 is not as netrc has it"),
            (own("poetry.lock"), "line 1 is not UTF-8 text"),
            (own("uv.toml"), "line 2 is not valid TOML"),
        ]
    );
}

#[cfg(unix)]
#[test]
fn folders_of_others_and_links_are_left_out() {
    let home = tempfile::tempdir().unwrap();
    let write = |name: &str| {
        let path = home.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, "TWINE_PASSWORD=hunter2\n").unwrap();
    };
    for name in [
        "p/.env",
        "p/a/b/.env",
        "p/.git/.env",
        "p/venv/.env",
        "p/own/.env",
        "p/node_modules/.env",
        "q/.env",
        "q/a/.env",
        "elsewhere/.env",
    ] {
        write(name);
    }
    std::fs::write(home.path().join("p/own/pyvenv.cfg"), "").unwrap();
    std::os::unix::fs::symlink("../elsewhere", home.path().join("p/link")).unwrap();
    std::os::unix::fs::symlink("../elsewhere/.env", home.path().join("p/link.env")).unwrap();
    let fifo = home.path().join("p/fifo.env");
    let mode = rustix::fs::Mode::RUSR | rustix::fs::Mode::WUSR;
    rustix::fs::mknodat(rustix::fs::CWD, &fifo, rustix::fs::FileType::Fifo, mode, 0).unwrap();
    let below = |report: Report| -> Vec<PathBuf> {
        let path =
            |finding: super::Finding| finding.path.strip_prefix(home.path()).unwrap().to_owned();
        report.findings.into_iter().map(path).collect()
    };
    let around = around(home.path());
    let named = Places::named(&[home.path().join("p")], None, &around).unwrap();
    assert_eq!(
        below(scan(&named)),
        [PathBuf::from("p/.env"), PathBuf::from("p/a/b/.env")]
    );
    // Outside of a project only the folder itself is looked at.
    let of_user = |folder: &str| {
        let folder = home.path().join(folder);
        below(scan(&Places::of_user(&around, Some(&folder))))
    };
    assert_eq!(of_user("q"), [PathBuf::from("q/.env")]);
    std::fs::write(home.path().join("q/pyproject.toml"), "").unwrap();
    assert_eq!(of_user("q/a").len(), 2);
    let report = scan(&Places::named(&[fifo], None, &around).unwrap());
    assert_eq!(report.skipped[0].reason, "it is not a regular file");
}

#[test]
fn the_users_own_files() {
    let home = tempfile::tempdir().unwrap();
    let url = "https://a:hunter2@h.example/";
    for (name, text) in [
        (".pypirc", "[own]\nrepository = https://h.example/\nusername = a\npassword = hunter2\n".to_owned()),
        ("net", "machine h.example login a password hunter2\n".to_owned()),
        (".pip/pip.conf", format!("[global]\nindex-url = {url}\n")),
        (".config/pip/pip.conf", format!("[global]\nindex-url = {url}\n")),
        ("venv/pip.conf", format!("[global]\nindex-url = {url}\n")),
        (".config/uv/uv.toml", format!("index-url = \"{url}\"\n")),
        ("store/credentials.toml", "[[credential]]\nservice = \"https://h.example/\"\nusername = \"a\"\npassword = \"hunter2\"\n".to_owned()),
        ("poetry/config.toml", "[http-basic.foo]\nusername = \"a\"\npassword = \"hunter2\"\n".to_owned()),
        ("pdm.conf", "[pypi]\nusername = \"a\"\npassword = \"hunter2\"\n".to_owned()),
        (".config/hatch/config.toml", "[publish.index]\nuser = \"a\"\nauth = \"hunter2\"\n".to_owned()),
    ] {
        let path = home.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }
    let path = |name: &str| home.path().join(name).into_os_string();
    let variables = [
        ("HOME", home.path().as_os_str().to_owned()),
        ("NETRC", path("net")),
        ("VIRTUAL_ENV", path("venv")),
        ("UV_CREDENTIALS_DIR", path("store")),
        ("POETRY_CONFIG_DIR", path("poetry")),
        ("PDM_CONFIG_FILE", path("pdm.conf")),
    ];
    let around = Surroundings::given(variables, Platform::Xdg, 7, "host");
    let report = scan(&Places::of_user(&around, None));
    let tools: Vec<&str> = report
        .findings
        .iter()
        .filter(|finding| finding.path.starts_with(home.path()))
        .map(|finding| finding.tool)
        .collect();
    assert_eq!(
        tools,
        [
            "twine", "netrc", "pip", "pip", "pip", "uv", "uv", "poetry", "pdm", "hatch"
        ]
    );
}

#[test]
fn sarif_has_what_its_schema_requires() {
    let home = tempfile::tempdir().unwrap();
    std::fs::write(home.path().join("a b.env"), "\nTWINE_PASSWORD=hunter2\n").unwrap();
    std::fs::write(home.path().join("uv.toml"), "=\n").unwrap();
    let places = Places::named(&[home.path().to_owned()], None, &around(home.path())).unwrap();
    let log = sarif::log(&scan(&places), Some(home.path()));
    let text = |at: &str| {
        log.pointer(at)
            .and_then(|value| value.as_str())
            .map(str::to_owned)
    };
    assert_eq!(text("/version").as_deref(), Some("2.1.0"));
    assert_eq!(
        text("/runs/0/tool/driver/name").as_deref(),
        Some("helper scan")
    );
    let result = "/runs/0/results/0";
    assert_eq!(
        text(&format!("{result}/ruleId")).as_deref(),
        Some("variable")
    );
    assert!(text(&format!("{result}/message/text")).is_some_and(|text| !text.contains("hunter2")));
    let place = format!("{result}/locations/0/physicalLocation");
    assert_eq!(
        text(&format!("{place}/artifactLocation/uri")).as_deref(),
        Some("a%20b.env")
    );
    assert_eq!(
        log.pointer(&format!("{place}/region/startLine")),
        Some(&2.into())
    );
    let rule = log
        .pointer(&format!("{result}/ruleIndex"))
        .and_then(serde_json::Value::as_u64)
        .unwrap();
    assert_eq!(
        text(&format!("/runs/0/tool/driver/rules/{rule}/id")).as_deref(),
        Some("variable")
    );
    let run = "/runs/0/invocations/0";
    assert_eq!(
        log.pointer(&format!("{run}/executionSuccessful")),
        Some(&false.into())
    );
    assert!(text(&format!("{run}/toolExecutionNotifications/0/message/text")).is_some());
}

/// What files are made of.
const PIECES: [&str; 40] = [
    "machine ",
    "password ",
    "login ",
    "default ",
    "macdef x\n",
    "\"",
    "'",
    "\"\"\"",
    "\n",
    "\r\n",
    " ",
    "\t",
    "[a]\n",
    "[pypi]\n",
    "[global]\n",
    "=",
    ":",
    "https://",
    "git+https://",
    "u:p@",
    "h",
    "h/",
    "\u{e9}",
    "\u{1f600}",
    "TWINE_PASSWORD",
    "UV_INDEX_A_PASSWORD",
    "#",
    "\\",
    "{",
    "}",
    ",",
    "[[credential]]\n",
    "password = \"x\"",
    "username = \"a\"",
    "service = \"https://h/\"\n",
    "[http-basic.foo]\n",
    "pypi-AgEIcHlwaS5vcmcAAAAAA",
    "%",
    "${X}",
    "value:",
];

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]
    #[test]
    fn no_text_breaks_a_finder(pieces in prop::collection::vec(prop::sample::select(&PIECES[..]), 0..24)) {
        let text = Text { path: PathBuf::from("f"), text: Zeroizing::new(pieces.concat()) };
        for form in &FORMS {
            let place = Place { path: text.path.clone(), form, named: true, own: true };
            let Ok(findings) = super::scan_text(&place, &text) else {
                continue;
            };
            for finding in &findings {
                prop_assert!(finding.line <= text.text.lines().count().max(1));
                if let Way::Move { edits, .. } = &finding.found.way {
                    super::preview::of(&text.text, finding, edits, &findings);
                    super::preview::edited(&text.text, edits);
                }
            }
        }
    }
}
