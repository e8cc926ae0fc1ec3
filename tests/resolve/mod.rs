//! `helper index` and `helper resolve` as they are typed, against indexes on loopback.

mod audit;
mod folders;
mod index;
mod limits;
mod locks;
mod packages;
mod recorded;
mod tour;

use crate::publish::test_server::{self, Server, say};
use serde_json::{Value, json};

use crate::harness::sandbox::{Ended, HELPER, Sandbox, end};
use index::{Release, index, release};

/// The account of the private index: `ci` with `sentinel`.
const ACCOUNT: &str = "Basic Y2k6c2VudGluZWw=";

fn public() -> Vec<Release> {
    vec![
        release("web", "1.0", &["base>=1"]),
        release(
            "web",
            "2.0",
            &[
                "base>=2",
                "colour; sys_platform == 'win32'",
                "extra; extra == 'more'",
            ],
        ),
        release("base", "1.0", &[]),
        release("base", "2.0", &[]),
        release("base", "2.1", &[]).yanked("broken"),
        release("base", "3.0", &[]).python(">=3.14"),
        release("base", "4.0a1", &[]),
        release("colour", "0.4", &[]),
        release("colour", "0.5", &[]).tags("cp38-cp38-win32"),
        release("extra", "1.0", &[]).uploaded("2026-03-01T00:00:00Z"),
        release("acme-core", "99.0", &[]),
    ]
}

fn private() -> Vec<Release> {
    vec![
        release("acme-core", "1.2", &["web>=1"]),
        release("acme-core", "1.3", &["web>=2"]),
    ]
}

/// A home with both indexes, of which the private one comes first, and its password stored.
struct Place {
    sandbox: Sandbox,
    public: Server,
    private: Server,
}

impl Place {
    fn new() -> Self {
        let place = Self {
            sandbox: Sandbox::new().without_keyring(),
            public: index(public(), None),
            private: index(private(), Some(ACCOUNT)),
        };
        place.project("dependencies = [\"acme-core\"]\n");
        place.store("sentinel");
        place
    }

    /// A project with this text in `[project]`.
    fn project(&self, text: &str) {
        let text = format!(
            "[project]\nname = \"mine\"\nversion = \"1\"\nrequires-python = \">=3.9\"\n{text}\n\
             [[tool.uv.index]]\nname = \"acme\"\nurl = \"{}\"\n\
             [[tool.uv.index]]\nname = \"public\"\nurl = \"{}\"\ndefault = true\n",
            self.private.url("/simple/"),
            self.public.url("/simple/"),
        );
        self.sandbox.write("project/pyproject.toml", &text);
    }

    fn store(&self, password: &str) {
        let auth = format!("[http-basic.acme]\nusername = \"ci\"\npassword = \"{password}\"\n");
        self.sandbox.write("home/.config/pypoetry/auth.toml", &auth);
    }

    /// `helper` for Python 3.12 on Linux.
    fn run(&self, arguments: &[&str]) -> Ended {
        let ended = self.sandbox.helper(arguments);
        assert!(!format!("{ended:?}").contains("sentinel"), "{ended:?}");
        ended
    }

    fn resolve(&self, arguments: &[&str]) -> Ended {
        let python = ["--python-version", "3.12", "--python-platform", "linux"];
        let first = ["resolve", "--no-header", "--no-annotate"];
        self.run(&[&first, &python[..], arguments].concat())
    }

    fn object(&self, arguments: &[&str]) -> Value {
        let ended = self.run(&[arguments, &["--json"]].concat());
        assert_eq!(ended.status, 0, "{ended:?}");
        serde_json::from_str(&ended.stdout).unwrap_or_else(|_| panic!("{ended:?}"))
    }
}

#[test]
fn a_project() {
    let place = Place::new();
    let ended = place.resolve(&[]);
    assert_eq!(ended.status, 0, "{ended:?}");
    assert_eq!(ended.stdout, "acme-core==1.3\nbase==2.0\nweb==2.0\n");
    // The public index is not asked for what the private one has.
    let asked = |server: &Server, name: &str| {
        let all = server.requests();
        all.iter()
            .any(|request| request.line.contains(&format!("/simple/{name}/")))
    };
    assert!(!asked(&place.public, "acme-core"));
    assert!(asked(&place.private, "web"));
    let secret = |server: &Server| {
        let all = server.requests();
        all.iter()
            .filter(|request| request.header("authorization").is_some())
            .count()
    };
    assert_eq!(secret(&place.public), 0);
    assert!(secret(&place.private) > 0);
}

#[test]
fn requirements_and_their_options() {
    let place = Place::new();
    let requirements = "web[more] >=1 # comment\n-c limits.txt\n";
    place.sandbox.write("project/requirements.in", requirements);
    place.sandbox.write("project/limits.txt", "base<2\n");
    place.sandbox.write("project/other.txt", "base==1.0\n");
    for (arguments, out) in [
        (&["web"][..], "base==2.0\nweb==2.0\n"),
        (&["web<2"], "base==2.0\nweb==1.0\n"),
        (&["-r", "requirements.in"], "base==1.0\nweb==1.0\n"),
        (&["web", "-c", "limits.txt"], "base==1.0\nweb==1.0\n"),
        (&["web", "--override", "other.txt"], "base==1.0\nweb==2.0\n"),
        (&["web", "--resolution", "lowest"], "base==1.0\nweb==1.0\n"),
        (
            &["web", "--resolution", "lowest-direct"],
            "base==2.0\nweb==1.0\n",
        ),
        (&["base", "--prerelease", "allow"], "base==4.0a1\n"),
        (&["base==2.1"], "base==2.1\n"),
        (&["web[more]"], "base==2.0\nextra==1.0\nweb==2.0\n"),
        (
            &["web[more]", "--exclude-newer", "2026-03-01"],
            "base==2.0\nextra==1.0\nweb==2.0\n",
        ),
        (
            &["web", "--python-platform", "windows"],
            "base==2.0\ncolour==0.4\nweb==2.0\n",
        ),
        (&["base", "--python-version", "3.14"], "base==3.0\n"),
        (
            &["web", "--universal"],
            "base==2.0 ; python_full_version < '3.14'\nbase==3.0 ; python_full_version >= '3.14'\n\
             colour==0.4 ; sys_platform == 'win32'\nweb==2.0\n",
        ),
    ] {
        let mut python = vec!["resolve", "--no-header", "--no-annotate"];
        for (option, value) in [("--python-version", "3.12"), ("--python-platform", "linux")] {
            let universal = option == "--python-platform" && arguments.contains(&"--universal");
            if !arguments.contains(&option) && !universal {
                python.extend([option, value]);
            }
        }
        let ended = place.run(&[&python, arguments].concat());
        assert_eq!(
            (ended.status, &*ended.stdout),
            (0, out),
            "{arguments:?}: {ended:?}"
        );
    }
    let mut command = place.sandbox.command(HELPER);
    command.args([
        "resolve",
        "-r",
        "-",
        "--no-header",
        "--python-version",
        "3.12",
    ]);
    let ended = end(&mut command, "web<2\nbase<2");
    assert_eq!(ended.status, 0, "{ended:?}");
    assert_eq!(
        ended.stdout,
        "base==1.0\n    # via\n    #   -r standard input\n    #   web\nweb==1.0\n    # via -r standard input\n"
    );
}

/// What has no solution is 1, in words; what could not be asked or was refused is 3 or 5, never
/// looked for elsewhere.
#[test]
fn statuses() {
    let place = Place::new();
    let ended = place.resolve(&["web>=2", "base<2"]);
    assert_eq!((ended.status, &*ended.stdout), (1, ""), "{ended:?}");
    assert!(ended.stderr.contains("base"), "{ended:?}");
    let ended = place.resolve(&["web>=2", "base<2", "--json"]);
    let object: Value = serde_json::from_str(&ended.stderr).unwrap();
    assert_eq!(
        (ended.status, &object["error"]),
        (1, &json!("unsatisfiable"))
    );
    let ended = place.resolve(&["nothing-like-it"]);
    assert_eq!(ended.status, 1, "{ended:?}");
    assert!(ended.stderr.contains("nothing-like-it"), "{ended:?}");
    place.store("another");
    let ended = place.resolve(&[]);
    assert_eq!((ended.status, &*ended.stdout), (5, ""), "{ended:?}");
    assert!(
        ended.stderr.contains("acme") && ended.stderr.contains("auth.toml"),
        "{ended:?}"
    );
    let names = |server: &Server| {
        let all = server.requests();
        all.iter()
            .filter(|one| one.line.contains("acme-core"))
            .count()
    };
    assert_eq!(names(&place.public), 0);
    for (status, text) in [(403, "no"), (200, "<form>log in</form>")] {
        let server = Server::start(move |_| say(status, text));
        let url = server.url("/simple/");
        let ended = place.resolve(&["web", "--extra-index-url", &url]);
        assert!(matches!(ended.status, 3 | 5), "{ended:?}");
        assert!(ended.stderr.contains(&url), "{ended:?}");
    }
}

#[test]
fn files_are_written() {
    let place = Place::new();
    let ended = place.resolve(&["-o", "requirements.txt", "--generate-hashes"]);
    assert_eq!((ended.status, &*ended.stdout), (0, ""), "{ended:?}");
    assert!(
        ended.stderr.contains("wrote requirements.txt: 3 packages"),
        "{ended:?}"
    );
    let text = place.sandbox.read("project/requirements.txt");
    assert!(
        text.starts_with("acme-core==1.3 \\\n    --hash=sha256:"),
        "{text}"
    );
    let ended = place.resolve(&["-o", "requirements.txt", "--generate-hashes"]);
    assert!(
        ended.stderr.contains("nothing changes in requirements.txt"),
        "{ended:?}"
    );
    // What is written is kept, until it is to be newer.
    place
        .sandbox
        .write("project/requirements.txt", "acme-core==1.2\nweb==1.0\n");
    for (arguments, versions) in [
        (&[][..], "acme-core==1.2\nbase==2.0\nweb==1.0\n"),
        (&["-P", "web"], "acme-core==1.2\nbase==2.0\nweb==2.0\n"),
        (&["-U"], "acme-core==1.3\nbase==2.0\nweb==2.0\n"),
    ] {
        let ended = place.resolve(&[&["-o", "requirements.txt"], arguments].concat());
        assert_eq!(ended.status, 0, "{ended:?}");
        assert_eq!(place.sandbox.read("project/requirements.txt"), versions);
    }
    // A lock by its name.
    let ended = place.resolve(&["-o", "pylock.toml", "--json"]);
    let object: Value = serde_json::from_str(&ended.stdout).unwrap_or_else(|_| panic!("{ended:?}"));
    assert_eq!(object["packages"].as_array().unwrap().len(), 3);
    let text = place.sandbox.read("project/pylock.toml");
    assert!(
        text.starts_with("lock-version = \"1.0\"\nrequires-python = \">=3.12\"\n"),
        "{text}"
    );
    assert!(
        text.contains(&format!("index = \"{}\"", place.private.url("/simple/"))),
        "{text}"
    );
    assert!(!text.contains("ci@") && !text.contains("sentinel"));
}

#[test]
fn the_object() {
    let place = Place::new();
    let python = ["--python-version", "3.12", "--python-platform", "linux"];
    let object = place.object(&[&["resolve"], &python[..]].concat());
    assert_eq!(object["rule"], "index priority");
    let first = &object["packages"][0];
    for (key, value) in [
        ("name", json!("acme-core")),
        ("version", json!("1.3")),
        ("source", json!("acme")),
        ("marker", Value::Null),
        ("requires", json!(["web==2.0"])),
    ] {
        assert_eq!(first[key], value, "{key}");
    }
    let file = &first["files"][0];
    assert_eq!(file["filename"], "acme_core-1.3-py3-none-any.whl");
    assert_eq!(
        file["url"],
        place.private.url("/files/acme_core-1.3-py3-none-any.whl")
    );
    assert_eq!(file["hashes"]["sha256"].as_str().unwrap().len(), 64);
}

/// A second run asks nothing, one offline neither; one without what it needs says so.
#[test]
fn from_the_cache() {
    let place = Place::new();
    // What the private index does not have, it is asked for again.
    let before = |place: &Place| {
        let there = |request: &&test_server::Request| {
            let path = request.line.split('/').nth(2);
            !matches!(path, Some("web" | "base" | "colour"))
        };
        let private = place.private.requests();
        place.public.requests().len() + private.iter().filter(there).count()
    };
    let first = place.resolve(&[]);
    assert_eq!(first.status, 0, "{first:?}");
    let count = before(&place);
    let again = place.resolve(&[]);
    assert_eq!(first.stdout, again.stdout);
    assert_eq!(before(&place), count);
    let offline = place.resolve(&["--offline"]);
    assert_eq!(first.stdout, offline.stdout, "{offline:?}");
    let missing = place.resolve(&["colour", "--offline"]);
    assert_eq!(missing.status, 3, "{missing:?}");
    assert!(missing.stderr.contains("colour"), "{missing:?}");
    assert_eq!(before(&place), count);
    let fresh = place.resolve(&["--no-cache"]);
    assert_eq!(first.stdout, fresh.stdout);
    assert!(before(&place) > count);
}

#[test]
fn requests_are_told() {
    let place = Place::new();
    let ended = place.resolve(&["-vv"]);
    for words in [
        "request method=GET",
        "source=acme",
        "source=public",
        "credential=\"auth.toml",
    ] {
        assert!(ended.stderr.contains(words), "{words}: {ended:?}");
    }
    let ended = place.resolve(&["-v", "--no-cache"]);
    assert!(!ended.stderr.contains("request method"), "{ended:?}");
    assert!(
        ended.stderr.contains("lookups ended packages=3 requests="),
        "{ended:?}"
    );
}

#[test]
fn versions() {
    let place = Place::new();
    let python = ["--python-version", "3.12", "--python-platform", "linux"];
    let object = place.object(&[&["index", "versions", "Base"], &python[..]].concat());
    let versions = |object: &Value| -> Vec<(String, Value)> {
        let all = object["versions"].as_array().unwrap().iter();
        all.map(|one| {
            (
                one["version"].as_str().unwrap().to_owned(),
                one["hidden"].clone(),
            )
        })
        .collect()
    };
    assert_eq!(object["project"], "base");
    let names: Vec<String> = versions(&object)
        .into_iter()
        .map(|(name, _)| name)
        .collect();
    assert_eq!(names, ["4.0a1", "2.0", "1.0"]);
    let all = place.object(&[&["index", "versions", "base", "--all"], &python[..]].concat());
    assert_eq!(
        versions(&all)[1..3],
        [
            ("3.0".to_owned(), json!("requires-python: >=3.14")),
            ("2.1".to_owned(), json!("yanked: broken")),
        ]
    );
    let one = &all["versions"][2];
    assert_eq!(
        (&one["source"], &one["yanked"]),
        (&json!("public"), &json!("broken"))
    );
    assert_eq!(one["uploaded"], "2026-01-02T03:04:05Z");
    // What another source has of the same name is shown as what it is.
    let arguments = ["index", "versions", "acme-core", "--all"];
    let all = place.object(&[&arguments, &python[..]].concat());
    let sources: Vec<&Value> = all["versions"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| &one["source"])
        .collect();
    assert_eq!(sources, [&json!("public"), &json!("acme"), &json!("acme")]);
    assert!(
        all["versions"][0]["hidden"]
            .as_str()
            .unwrap()
            .starts_with("priority: ")
    );
    let ended = place.run(
        &[
            &["index", "versions", "acme-core", "--source", "public"],
            &python[..],
        ]
        .concat(),
    );
    assert!(ended.stdout.contains("99.0"), "{ended:?}");
    let ended = place.run(&["index", "versions", "nothing"]);
    assert_eq!((ended.status, &*ended.stdout), (1, ""), "{ended:?}");
    let ended = place.run(&["index", "versions", "base", "--source", "nowhere"]);
    assert_eq!(ended.status, 2, "{ended:?}");
}

/// Nobody is asked for what cannot be meant.
#[test]
fn options_are_read_before_anything_is_asked() {
    let place = Place::new();
    for (option, value) in [
        ("--python-version", "three"),
        ("--python-platform", "amiga"),
    ] {
        let ended = place.run(&["resolve", option, value]);
        assert_eq!(ended.status, 2, "{ended:?}");
        assert!(ended.stderr.contains(option), "{ended:?}");
    }
    assert_eq!(
        place.public.requests().len() + place.private.requests().len(),
        0
    );
}

#[test]
fn files() {
    let place = Place::new();
    let object = place.object(&["index", "files", "acme_core==1.2"]);
    let file = &object["files"][0];
    assert_eq!(object["files"].as_array().unwrap().len(), 1);
    for (key, value) in [
        ("filename", json!("acme_core-1.2-py3-none-any.whl")),
        ("source", json!("acme")),
        ("version", json!("1.2")),
        ("metadata", json!(true)),
        ("yanked", Value::Null),
        ("hidden", Value::Null),
    ] {
        assert_eq!(file[key], value, "{key}");
    }
    let ended = place.run(&["index", "files", "acme_core==7"]);
    assert_eq!(ended.status, 1, "{ended:?}");
}

#[test]
fn metadata() {
    let place = Place::new();
    let object = place.object(&["index", "metadata", "web==2.0"]);
    for (key, value) in [
        ("project", json!("web")),
        ("version", json!("2.0")),
        ("source", json!("public")),
        ("from", json!("pep658")),
    ] {
        assert_eq!(object[key], value, "{key}");
    }
    assert_eq!(object["metadata"]["name"], "web");
    assert_eq!(object["metadata"]["requires_dist"][0], "base>=2");
    let ended = place.run(&["index", "metadata", "web==2.0"]);
    assert!(
        ended.stdout.contains("requires_dist: base>=2\n"),
        "{ended:?}"
    );
    for (package, status) in [("web", 2), ("web==7", 1)] {
        assert_eq!(place.run(&["index", "metadata", package]).status, status);
    }
}

#[test]
fn explained() {
    let place = Place::new();
    let object = place.object(&["index", "explain", "acme-core"]);
    assert_eq!(
        (&object["served_by"], &object["rule"]),
        (&json!("acme"), &json!("index priority"))
    );
    let answers: Vec<&Value> = object["sources"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| &one["answer"])
        .collect();
    assert_eq!(answers, ["served", "skipped"]);
    assert_eq!(object["sources"][0]["provider"], "auth.toml");
    assert_eq!(place.public.requests().len(), 0);
    let object = place.object(&["index", "explain", "web"]);
    let answers: Vec<&Value> = object["sources"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| &one["answer"])
        .collect();
    assert_eq!(answers, ["absent", "served"]);
    assert_eq!(object["sources"][0]["status"], 404);
    place.store("another");
    let ended = place.run(&["index", "explain", "web"]);
    assert_eq!(ended.status, 0, "{ended:?}");
    assert!(
        ended.stdout.starts_with("web is served by nobody"),
        "{ended:?}"
    );
    assert!(ended.stdout.contains("unauthorized"), "{ended:?}");
}
