//! `helper publish` as it is typed, against a repository that records what it is sent.

use std::path::Path;
use std::sync::{Arc, Mutex};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};

use crate::harness::sandbox::{Ended, HELPER, PATIENCE, Sandbox, wait};

#[path = "../src/package/archive/samples.rs"]
#[allow(dead_code, reason = "shared with the unit tests, which use all of it")]
pub mod samples;
#[path = "../src/publish/test_server.rs"]
#[allow(dead_code, reason = "shared with the unit tests, which use all of it")]
pub mod test_server;

use test_server::{Act, Request, Server, say};

/// A repository with an account, `up` with `sentinel`, for uploads and for its index.
fn repository() -> Server {
    let kept: Arc<Mutex<Vec<(String, String)>>> = Arc::default();
    Server::start(move |request| {
        if request.header("authorization") != Some("Basic dXA6c2VudGluZWw=") {
            return say(401, "who are you");
        }
        let mut kept = kept.lock().unwrap();
        if !request.is_upload() {
            let link =
                |(name, hash): &(String, String)| format!("<a href=\"{name}#sha256={hash}\">x</a>");
            let page: String = kept.iter().map(link).collect();
            return Act::Say(200, "content-type: text/html\r\n".to_owned(), page);
        }
        let body = String::from_utf8_lossy(&request.body).into_owned();
        let name = body
            .split("filename=\"")
            .nth(1)
            .unwrap()
            .split('"')
            .next()
            .unwrap();
        if kept.iter().any(|(own, _)| own == name) {
            return say(409, "already exists");
        }
        kept.push((name.to_owned(), request.field("sha256_digest").unwrap()));
        say(200, "")
    })
}

/// A home in which `foo` leads to this server, and a project with a wheel and a source archive.
pub fn sandbox(server: &Server) -> Sandbox {
    let sandbox = Sandbox::new();
    let url = server.url("/legacy/");
    let config = format!("[keyring]\nenabled = false\n[repositories.foo]\nurl = \"{url}\"\n");
    sandbox.write("home/.config/pypoetry/config.toml", &config);
    let dist = sandbox.path("project/dist");
    std::fs::create_dir(&dist).unwrap();
    samples::wheel(&dist, "a", "1.0");
    samples::sdist(&dist, "a", "1.0");
    sandbox
}

fn store(sandbox: &Sandbox) {
    let auth = "[http-basic.foo]\nusername = \"up\"\npassword = \"sentinel\"\n";
    sandbox.write("home/.config/pypoetry/auth.toml", auth);
}

fn object(ended: &Ended) -> Value {
    assert!(
        !ended.stdout.contains("sentinel") && !ended.stderr.contains("sentinel"),
        "{ended:?}"
    );
    serde_json::from_str(&ended.stdout).unwrap_or_else(|_| panic!("{ended:?}"))
}

fn results(ended: &Ended) -> Vec<(String, String)> {
    let object = object(ended);
    let files = object["files"].as_array().unwrap().iter();
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    files
        .map(|file| (text(&file["filename"]), text(&file["result"])))
        .collect()
}

fn pairs(all: &[(&str, &str)]) -> Vec<(String, String)> {
    all.iter()
        .map(|(a, b)| ((*a).to_owned(), (*b).to_owned()))
        .collect()
}

const WHEEL: &str = "a-1.0-py3-none-any.whl";
const SDIST: &str = "a-1.0.tar.gz";

#[test]
fn uploads_and_again() {
    let server = repository();
    let sandbox = sandbox(&server);
    let ended = sandbox.helper(&["publish", "-r", "foo"]);
    assert_eq!((ended.status, &*ended.stdout), (1, ""), "{ended:?}");
    assert!(
        ended
            .stderr
            .contains("no credential for uploads to foo, and nothing was sent")
    );
    assert_eq!(server.requests().len(), 0);
    store(&sandbox);
    for (options, result, sent) in [
        (&["--dry-run"][..], "not-sent", 0),
        (&[], "uploaded", 2),
        (&[], "already-there", 2),
        (&["--no-agent"], "already-there", 2),
    ] {
        let arguments = [&["publish", "-r", "foo", "--json"], options].concat();
        let ended = sandbox.helper(&arguments);
        assert_eq!(ended.status, 0, "{ended:?}");
        assert_eq!(results(&ended), pairs(&[(WHEEL, result), (SDIST, result)]));
        assert_eq!(server.uploads().len(), sent);
    }
    let object = object(&sandbox.helper(&["publish", "-r", "foo", "--json"]));
    assert_eq!(
        (&object["repository"], &object["url"]),
        (&json!("foo"), &json!(server.url("/legacy/")))
    );
    let sha256 = object["files"][0]["sha256"].as_str().unwrap();
    assert_eq!(sha256.len(), 64);
    // Other bytes under the same name: nothing is sent.
    let text = samples::metadata("a", "1.0", "Summary: other\n");
    let other = samples::zip(&samples::wheel_members("a-1.0", &text));
    samples::write(&sandbox.path("project/dist"), WHEEL, &other);
    let ended = sandbox.helper(&["publish", "-r", "foo"]);
    assert_eq!(ended.status, 5, "{ended:?}");
    assert!(
        ended
            .stderr
            .contains("has a file of this name with other bytes\nhint: "),
        "{ended:?}"
    );
    let ended = sandbox.helper(&["publish", "-r", "foo", "--skip-existing", "--json"]);
    assert_eq!(ended.status, 0, "{ended:?}");
    assert_eq!(
        results(&ended),
        pairs(&[(WHEEL, "skipped"), (SDIST, "already-there")])
    );
    assert_eq!(server.uploads().len(), 2);
}

/// Of a token of PyPI a child goes out, for this project; the token itself only where that is asked.
#[test]
fn a_token_is_limited_to_the_project() {
    use base64::Engine as _;
    const TOKEN: &str = "pypi-AgEIcHlwaS5vcmcCJDlhNWYxYzJlLTAwMDAtNDAwMC04MDAwLTAwMDAwMDAwMDAwMQAABiCRMiUBcqZcqml_SWQJhIb0Wzo4vW6fJp3EHAdjgpmeYA";
    let server = Server::start(|request| say(if request.is_upload() { 200 } else { 404 }, ""));
    let sandbox = sandbox(&server);
    let auth = format!("[pypi-token]\nfoo = \"{TOKEN}\"\n");
    sandbox.write("home/.config/pypoetry/auth.toml", &auth);
    let sent = |options: &[&str]| {
        let before = server.uploads().len();
        let ended = sandbox.helper(&[&["publish", "-r", "foo", "--json"], options].concat());
        assert_eq!(ended.status, 0, "{ended:?}");
        assert!(!format!("{ended:?}").contains("pypi-Ag"), "{ended:?}");
        let uploads = server.uploads().split_off(before);
        assert_eq!(uploads.len(), 2);
        let header = uploads[0].header("authorization").unwrap().to_owned();
        let pair = header.strip_prefix("Basic ").unwrap();
        let pair = base64::engine::general_purpose::STANDARD.decode(pair);
        let pair = String::from_utf8(pair.unwrap()).unwrap();
        pair.strip_prefix("__token__:").unwrap().to_owned()
    };
    let child = sent(&[]);
    assert!(child.starts_with("pypi-") && child != TOKEN);
    let inside = base64::engine::general_purpose::URL_SAFE_NO_PAD.decode(&child[5..]);
    let inside = String::from_utf8_lossy(&inside.unwrap()).into_owned();
    assert!(
        inside.contains("[\"a\"]") || inside.contains("\"a\""),
        "{inside}"
    );
    assert_eq!(sent(&["--no-attenuate"]), TOKEN);
}

/// What is given on the command line is used, each half of it and an empty password too.
#[test]
fn given_credentials() {
    let authorization = |request: &Request| request.header("authorization").map(str::to_owned);
    for (options, stored, wanted) in [
        (&["-u", "x", "-p", "y"][..], true, Some("Basic eDp5")),
        (&["-u", "x", "-p", ""], true, Some("Basic eDo=")),
        (&["-u", "up"], true, Some("Basic dXA6c2VudGluZWw=")),
        (&["-p", "y"], true, Some("Basic dXA6eQ==")),
        (
            &["-p", "pypi-y"],
            true,
            Some("Basic X190b2tlbl9fOnB5cGkteQ=="),
        ),
        (&["-p", "y"], false, Some("Basic Onk=")),
        (&["--anonymous"], true, None),
    ] {
        let server = Server::start(|request| {
            if request.is_upload() {
                say(200, "")
            } else {
                say(404, "")
            }
        });
        let sandbox = sandbox(&server);
        if stored {
            store(&sandbox);
        }
        let arguments = [&["publish", "-r", "foo", "dist/*.whl"], options].concat();
        let ended = sandbox.helper(&arguments);
        assert_eq!(ended.status, 0, "{options:?}: {ended:?}");
        let uploads = server.uploads();
        assert_eq!(uploads.len(), 1);
        assert_eq!(authorization(&uploads[0]).as_deref(), wanted, "{options:?}");
    }
    let server = repository();
    let sandbox = sandbox(&server);
    let ended = sandbox.helper(&["publish", "-r", "foo", "-u", "nobody"]);
    assert_eq!(ended.status, 1, "{ended:?}");
    let plain = [
        "publish",
        "-r",
        "http://h.example.org/",
        "-u",
        "x",
        "-p",
        "y",
    ];
    let ended = sandbox.helper(&plain);
    assert_eq!(ended.status, 4, "{ended:?}");
    assert!(ended.stderr.contains("in the clear"), "{ended:?}");
    // A token stands before the account of the same name, for uploads only.
    let auth =
        "[http-basic.foo]\nusername = \"up\"\npassword = \"sentinel\"\n[pypi-token]\nfoo = \"t\"\n";
    sandbox.write("home/.config/pypoetry/auth.toml", auth);
    let ended = sandbox.helper(&["publish", "-r", "foo", "dist/*.whl"]);
    assert_eq!(ended.status, 5, "{ended:?}");
    assert!(
        ended
            .stderr
            .contains("refused the credential (status 401: who are you)"),
        "{ended:?}"
    );
    let requests = server.requests();
    let sent: Vec<_> = requests.iter().map(authorization).collect();
    let [read, upload] = ["Basic dXA6c2VudGluZWw=", "Basic X190b2tlbl9fOnQ="].map(str::to_owned);
    assert_eq!(sent[..2], [Some(read), Some(upload)]);
}

/// Bad files, of whatever kind, are told by name, and nothing is sent.
#[test]
fn bad_files() {
    let server = repository();
    let sandbox = sandbox(&server);
    store(&sandbox);
    let dist = sandbox.path("project/dist");
    let whole = std::fs::read(dist.join(WHEEL)).unwrap();
    let publish = |expected: &str| {
        let ended = sandbox.helper(&["publish", "-r", "foo", "--json"]);
        assert_eq!(ended.status, 1, "{ended:?}");
        let object = object(&ended);
        let files = object["files"].as_array().unwrap();
        let failed = files
            .iter()
            .find(|file| file["result"] == "failed")
            .unwrap();
        let message = failed["message"].as_str().unwrap();
        assert!(message.contains(expected), "{message}");
        assert_eq!(server.requests().len(), 0);
    };
    for (bytes, expected) in [
        (&whole[..whole.len() - 9], "cut off"),
        (b"Metadata-Version: 2.1\n", "no zip archive"),
        (&[&whole[..], b"x"].concat(), "after its end"),
    ] {
        samples::write(&dist, WHEEL, bytes);
        publish(expected);
    }
    samples::write(&dist, WHEEL, &whole);
    let second = samples::wheel(&dist, "a", "1.1");
    publish("would go up together");
    std::fs::remove_file(second).unwrap();
    // What only PyPI refuses is told, and stops an upload to PyPI alone.
    let text = samples::metadata("a", "1.0", "Classifier: Private :: No\n");
    let private = samples::zip(&samples::wheel_members("a-1.0", &text));
    samples::write(&dist, WHEEL, &private);
    let ended = sandbox.helper(&["publish", "--check"]);
    assert_eq!(ended.status, 1, "{ended:?}");
    assert!(
        ended
            .stdout
            .contains("bad   a-1.0-py3-none-any.whl: its classifier"),
        "{ended:?}"
    );
    assert!(ended.stdout.contains("good  a-1.0.tar.gz"), "{ended:?}");
    let ended = sandbox.helper(&["publish", "--check", "-r", "foo"]);
    assert_eq!(ended.status, 0, "{ended:?}");
    assert!(ended.stderr.contains("PyPI refuses that"), "{ended:?}");
    assert_eq!(sandbox.helper(&["publish", "-r", "foo"]).status, 0);
    let ended = sandbox.helper(&["publish", "dist/none*"]);
    assert_eq!((ended.status, &*ended.stdout), (1, ""), "{ended:?}");
}

/// A project has modules of any name: the Python that is asked for PyPI's own libraries takes none of
/// them, and still has what is installed for the user.
#[test]
fn no_module_of_the_project_is_run() {
    let sandbox = Sandbox::new().without_keyring();
    let fields = "Classifier: A :: B\n\n*text*\n";
    let text = samples::metadata("a", "1.0", fields);
    let wheel = samples::zip(&samples::wheel_members("a-1.0", &text));
    std::fs::create_dir(sandbox.path("project/dist")).unwrap();
    samples::write(&sandbox.path("project/dist"), WHEEL, &wheel);
    let ran = sandbox.path("ran");
    let tells = |file: &Path| format!("open({:?}, 'a').write(__name__ + ' ')\n", file.display());
    for name in [
        "json",
        "io",
        "importlib",
        "sitecustomize",
        "usercustomize",
        "readme_renderer",
        "build",
        "pip",
    ] {
        let module = format!("{}raise SystemExit(0)\n", tells(&ran));
        sandbox.write(&format!("project/{name}.py"), &module);
    }
    let reached = sandbox.path("reached");
    let module = format!("{}raise ImportError\n", tells(&reached));
    sandbox.write("modules/trove_classifiers.py", &module);
    // An empty entry is the working folder.
    let modules = format!(":{}", sandbox.path("modules").display());
    for modules in ["", &*modules] {
        let variables: &[_] = &[("PYTHONPATH", modules)];
        let ended = sandbox.helper_with(variables, &["publish", "--check"]);
        assert_eq!(ended.status, 0, "{ended:?}");
        assert!(!ran.exists(), "{}", sandbox.read("ran"));
    }
    let path = std::env::var_os("PATH").unwrap();
    if std::env::split_paths(&path).any(|folder| folder.join("python3").is_file()) {
        assert_eq!(sandbox.read("reached"), "trove_classifiers ");
    }
}

/// Where a name leads: the files of uv, the helper's own settings, `.pypirc`.
#[test]
fn names() {
    let server = repository();
    let sandbox = Sandbox::new().without_keyring();
    let wheel = samples::wheel(&sandbox.path("project"), "a", "1.0");
    let publish = |name: &str| {
        let options = ["-u", "up", "-p", "sentinel", "--json", "--dry-run"];
        let arguments = [
            &["publish", "-r", name, wheel.to_str().unwrap()],
            &options[..],
        ]
        .concat();
        let ended = sandbox.helper(&arguments);
        (ended.status == 0).then(|| object(&ended)["url"].as_str().unwrap().to_owned())
    };
    assert_eq!(publish("foo"), None);
    let url = |path: &str| server.url(path);
    let pypirc = format!("[foo]\nrepository = {}\npassword = x\n", url("/rc/"));
    sandbox.write("home/.pypirc", &pypirc);
    assert_eq!(publish("foo"), Some(url("/rc/")));
    // One that cannot be read is not one that says nothing, and is in nobody's way who needs it not.
    let broken = [b"[foo]\nrepository = \xff\n", pypirc.as_bytes()].concat();
    std::fs::write(sandbox.path("home/.pypirc"), broken).unwrap();
    let unread = sandbox.helper(&["publish", "-r", "foo", wheel.to_str().unwrap()]);
    assert_eq!(unread.status, 3, "{unread:?}");
    assert!(unread.stderr.contains(".pypirc: line 2"), "{unread:?}");
    let project = format!(
        "[[tool.uv.index]]\nname = \"foo\"\nurl = \"{}\"\npublish-url = \"{}\"\n",
        url("/uv/simple/"),
        url("/uv/")
    );
    sandbox.write("project/pyproject.toml", &project);
    assert_eq!(publish("foo"), Some(url("/uv/")));
    let looked = server.requests().last().unwrap().line.clone();
    assert_eq!(looked, "GET /uv/simple/a/ HTTP/1.1");
    let settings = format!(
        "[repositories.foo]\nurl = \"{}\"\npublish-url = \"{}\"\n",
        url("/own/index/"),
        url("/own/")
    );
    sandbox.write("home/.config/credential-helper/config.toml", &settings);
    assert_eq!(publish("foo"), Some(url("/own/")));
    let looked = server.requests().last().unwrap().line.clone();
    assert_eq!(looked, "GET /own/index/a/ HTTP/1.1");
}

/// A project cannot lead a name that the user has bound to another server.
#[test]
fn a_project_cannot_take_the_credential() {
    let (server, other) = (repository(), repository());
    let sandbox = sandbox(&server);
    store(&sandbox);
    let poetry = format!("[repositories.foo]\nurl = \"{}\"\n", other.url("/legacy/"));
    sandbox.write("project/poetry.toml", &poetry);
    sandbox.write("project/pyproject.toml", "[project]\nname = \"a\"\n");
    assert_eq!(sandbox.helper(&["publish", "-r", "foo"]).status, 0);
    assert_eq!(server.uploads().len(), 2);
    let ended = sandbox.helper(&["publish", "-r", &other.url("/legacy/")]);
    assert_eq!(ended.status, 1, "{ended:?}");
    assert_eq!(other.requests().len(), 0);
}

/// Attestations go up with their file, and only where they are wanted.
#[test]
fn attestations() {
    let server = repository();
    let sandbox = sandbox(&server);
    store(&sandbox);
    let file = format!("project/dist/{SDIST}.publish.attestation");
    sandbox.write(&file, "{}");
    let arguments = ["publish", "-r", "foo", "--attestations", "--json"];
    let ended = sandbox.helper(&arguments);
    assert_eq!(ended.status, 1, "{ended:?}");
    assert!(
        ended
            .stdout
            .contains("a-1.0.tar.gz.publish.attestation is no attestation"),
        "{ended:?}"
    );
    // {"subject": [{"name": "a-1.0.tar.gz", "digest": {"sha256": ...}}]}, signed by nobody.
    let found = object(&sandbox.helper(&["publish", "-r", "foo", "--json", "--dry-run"]));
    let sha256 = found["files"][1]["sha256"].as_str().unwrap();
    let statement = json!({ "subject": [{ "name": SDIST, "digest": { "sha256": sha256 } }] });
    let statement = base64::Engine::encode(
        &base64::engine::general_purpose::STANDARD,
        statement.to_string(),
    );
    let attestation = json!({
        "version": 1,
        "verification_material": {},
        "envelope": { "statement": statement, "signature": "" },
    });
    sandbox.write(&file, &attestation.to_string());
    let ended = sandbox.helper(&arguments);
    assert_eq!(ended.status, 0, "{ended:?}");
    let uploads = server.uploads();
    assert_eq!(uploads.len(), 2);
    let sent = |upload: &Request| upload.field("attestations");
    assert_eq!(sent(&uploads[0]), None);
    let sent: Value = serde_json::from_str(&sent(&uploads[1]).unwrap()).unwrap();
    assert_eq!(sent, json!([attestation]));
}

/// Ctrl-C: status 130, and what was done is told.
#[test]
fn interrupted() {
    let (sender, receiver) = std::sync::mpsc::channel();
    let sender = Mutex::new(sender);
    let server = Server::start(move |request| match request {
        one if !one.is_upload() => say(404, ""),
        one if one.field("filetype").as_deref() == Some("bdist_wheel") => say(200, ""),
        _ => {
            sender.lock().unwrap().send(()).unwrap();
            Act::Wait
        }
    });
    let sandbox = sandbox(&server);
    let mut command = sandbox.command(HELPER);
    command.args(["publish", "-r", "foo", "--anonymous", "--json"]);
    let piped = std::process::Stdio::piped;
    let mut child = command.stdout(piped()).stderr(piped()).spawn().unwrap();
    receiver.recv_timeout(PATIENCE).unwrap();
    kill_process(Pid::from_child(&child), Signal::INT).unwrap();
    let ended = wait(&mut child, PATIENCE);
    assert_eq!(ended.status, 130, "{ended:?}");
    assert_eq!(
        results(&ended),
        pairs(&[(WHEEL, "uploaded"), (SDIST, "not-sent")])
    );
    assert!(
        ended.stdout.contains("interrupted while it was sent"),
        "{ended:?}"
    );
}

/// `--directory` is where patterns start, and where relative certificates are looked for.
#[test]
fn from_another_folder() {
    let server = repository();
    let sandbox = sandbox(&server);
    store(&sandbox);
    let project = sandbox.path("project");
    let mut command = sandbox.command(HELPER);
    command.current_dir(Path::new("/"));
    command
        .args(["publish", "-r", "foo", "--json", "--directory"])
        .arg(project);
    let ended = crate::harness::sandbox::end(&mut command, "");
    assert_eq!(ended.status, 0, "{ended:?}");
    let missing = sandbox.helper(&["publish", "-r", "foo", "--cert", "none.pem"]);
    assert_eq!(missing.status, 3, "{missing:?}");
    assert!(missing.stderr.contains("project/none.pem"), "{missing:?}");
}
