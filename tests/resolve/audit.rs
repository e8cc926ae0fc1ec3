//! `helper index audit`: a private index beside PyPI, which a mirror on loopback stands in for.

use serde_json::{Value, json};

use super::index::{index, release};
use super::{ACCOUNT, private, public};
use crate::harness::sandbox::{Ended, Sandbox};
use crate::publish::test_server::Server;

const UV: &str = "[[tool.uv.index]]\nname = \"acme\"\nurl = \"{}\"\n";
const POETRY: &str = "[[tool.poetry.source]]\nname = \"acme\"\nurl = \"{}\"\n\
                      [[tool.poetry.source]]\nname = \"pypi\"\n";

struct Place {
    sandbox: Sandbox,
    pypi: Server,
    inner: Server,
}

impl Place {
    /// A project that depends on these, with sources in this form.
    fn new(dependencies: &str, sources: &str) -> Self {
        let mut releases = public();
        releases.push(release("taken", "9.0", &[]));
        let mut own = private();
        own.push(release("free", "1.0", &[]));
        let pypi = index(releases, None);
        let mut sandbox = Sandbox::new().without_keyring();
        sandbox.set("POETRY_PYPI_MIRROR_URL", &pypi.url("/simple/"));
        let place = Self {
            sandbox,
            pypi,
            inner: index(own, Some(ACCOUNT)),
        };
        place.write(dependencies, sources);
        place.store("sentinel");
        place
    }

    fn write(&self, dependencies: &str, sources: &str) {
        let sources = sources.replace("{}", &self.inner.url("/simple/"));
        let text = format!(
            "[project]\nname = \"mine\"\nversion = \"1\"\ndependencies = [{dependencies}]\n{sources}"
        );
        self.sandbox.write("project/pyproject.toml", &text);
    }

    fn store(&self, password: &str) {
        let auth = format!("[http-basic.acme]\nusername = \"ci\"\npassword = \"{password}\"\n");
        self.sandbox.write("home/.config/pypoetry/auth.toml", &auth);
    }

    fn audit(&self, arguments: &[&str]) -> Ended {
        let ended = self
            .sandbox
            .helper(&[&["index", "audit"], arguments].concat());
        assert!(!format!("{ended:?}").contains("sentinel"), "{ended:?}");
        ended
    }

    fn object(&self, status: i32, arguments: &[&str]) -> Value {
        let ended = self.audit(&[arguments, &["--json"]].concat());
        assert_eq!(ended.status, status, "{ended:?}");
        serde_json::from_str(&ended.stdout).unwrap_or_else(|_| panic!("{ended:?}"))
    }

    /// Whether PyPI was asked about a name.
    fn told(&self, name: &str) -> bool {
        let all = self.pypi.requests();
        all.iter()
            .any(|request| request.line.contains(&format!("/simple/{name}/")))
    }
}

#[test]
fn a_private_name_stays_private_until_it_is_said_otherwise() {
    let place = Place::new("\"acme-core\", \"web\", \"free\"", UV);
    let ended = place.audit(&[]);
    assert_eq!((ended.status, &*ended.stdout), (0, ""), "{ended:?}");
    for words in [
        "there is no lock file",
        "2 of 3 names were not told to a public index",
        "0 findings in 3 dependencies",
    ] {
        assert!(ended.stderr.contains(words), "{words}: {ended:?}");
    }
    assert!(!place.told("acme-core") && !place.told("free") && place.told("web"));

    let object = place.object(1, &["--ask-public"]);
    assert!(place.told("acme-core") && place.told("free"));
    let findings = object["findings"].as_array().unwrap();
    assert_eq!(findings.len(), 2, "{object}");
    let first = &findings[0];
    for (key, value) in [
        ("rule", json!("confusion")),
        ("severity", json!("warning")),
        ("project", json!("acme-core")),
        ("served_by", json!("acme")),
        ("also_in", json!(["pypi"])),
        ("pip", json!({ "source": "pypi", "version": "99.0" })),
        ("uv", json!({ "source": "acme", "version": "1.3" })),
        (
            "fix",
            json!("[tool.uv.sources]\nacme-core = { index = \"acme\" }"),
        ),
        ("line", json!(4)),
    ] {
        let lower = first[key].to_string().to_lowercase();
        assert_eq!(lower, value.to_string().to_lowercase(), "{key}");
    }
    assert_eq!(findings[1]["rule"], "unclaimed");
    assert_eq!(findings[1]["project"], "free");
    // Nobody is told a mirror's URL.
    assert!(!object.to_string().contains(&place.pypi.url("/")));

    let ended = place.audit(&["--ask-public", "--format", "sarif"]);
    assert_eq!(ended.status, 1, "{ended:?}");
    let sarif: Value = serde_json::from_str(&ended.stdout).unwrap();
    let result = &sarif["runs"][0]["results"][0];
    assert_eq!(result["ruleId"], "confusion");
    assert_eq!(
        result["locations"][0]["physicalLocation"],
        json!({ "artifactLocation": { "uri": "pyproject.toml" }, "region": { "startLine": 4 } })
    );

    // The line of the finding ends it.
    let pinned = format!(
        "{UV}[tool.uv.sources]\nacme-core = {{ index = \"acme\" }}\nfree = {{ index = \"acme\" }}\n"
    );
    place.write("\"acme-core\", \"web\", \"free\"", &pinned);
    let ended = place.audit(&["--ask-public"]);
    assert_eq!((ended.status, &*ended.stdout), (0, ""), "{ended:?}");
}

#[test]
fn in_poetrys_pool_the_higher_version_wins() {
    let place = Place::new("\"acme-core\"", POETRY);
    let ended = place.audit(&["--ask-public"]);
    assert_eq!(ended.status, 1, "{ended:?}");
    for words in [
        "pyproject.toml:4  error  confusion",
        "acme-core comes from PyPI; acme has another project of this name; uv would take 1.3",
        "acme-core = { version = \"*\", source = \"acme\" }",
    ] {
        assert!(ended.stdout.contains(words), "{words}: {ended:?}");
    }
}

#[test]
fn requirements_and_lock_files() {
    let place = Place::new("\"web\"", UV);
    let url = place.inner.url("/simple/");
    let digest = "0".repeat(64);
    let text = format!("--extra-index-url {url}\nacme-core==1.2 --hash=sha256:{digest}\nweb\n");
    place.sandbox.write("project/requirements.txt", &text);
    let object = place.object(1, &["requirements.txt"]);
    let first = &object["findings"][0];
    assert_eq!(
        (&first["rule"], &first["line"]),
        (&json!("locked-bytes"), &json!(2)),
        "{object}"
    );
    assert!(first["fix"].as_str().unwrap().contains("--require-hashes"));
    assert!(!place.told("acme-core"));

    // What the lock file has from PyPI was asked there before.
    let lock = "version = 1\n[[package]]\nname = \"acme-core\"\nversion = \"99.0\"\n\
                source = { registry = \"https://pypi.org/simple\" }\n";
    place.sandbox.write("project/uv.lock", lock);
    let object = place.object(1, &[]);
    assert!(place.told("acme-core"));
    let rules: Vec<&Value> = object["findings"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| &one["rule"])
        .collect();
    assert_eq!(rules, [&json!("confusion"), &json!("locked-elsewhere")]);
    let same = place.object(1, &["uv.lock"]);
    assert_eq!(object, same);
}

#[test]
fn who_could_not_say_is_named() {
    let place = Place::new("\"acme-core\", \"web\"", UV);
    place.store("another");
    let ended = place.audit(&[]);
    assert_eq!((ended.status, &*ended.stdout), (5, ""), "{ended:?}");
    assert!(
        ended
            .stderr
            .contains("acme could not say whether it has acme-core"),
        "{ended:?}"
    );
    // It may be there.
    assert!(!place.told("acme-core") && !place.told("web"));
    let object = place.object(5, &[]);
    assert_eq!(object["skipped"][0]["source"], "acme");
    for (arguments, status) in [
        (&["--json", "--format", "sarif"][..], 2),
        (&["nothing.txt"], 1),
        (&["nothing.lock/uv.lock"], 1),
    ] {
        let ended = place.audit(arguments);
        assert_eq!((ended.status, &*ended.stdout), (status, ""), "{ended:?}");
    }
}
