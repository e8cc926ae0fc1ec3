//! `helper publish` in a CI job: trusted publishing from the variables of the job to the burned token.

use std::process::Stdio;
use std::sync::{Arc, Mutex};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};

use crate::harness::sandbox::{Ended, HELPER, PATIENCE, Sandbox, wait};
use crate::publish::test_server::{Act, Server, say};
use crate::publish::{sandbox, test_server};

#[path = "../src/publish/test_index.rs"]
#[allow(dead_code, reason = "shared with the unit tests, which use all of it")]
mod test_index;
use test_index::{Index, SENTINEL, identity_server, identity_token, path, refusal};

/// The variables of a job of GitHub's.
fn github(sandbox: &mut Sandbox, runner: &Server) {
    sandbox.set("CI", "true");
    sandbox.set("GITHUB_ACTIONS", "true");
    let url = runner.url("/id?api-version=2.0");
    sandbox.set("ACTIONS_ID_TOKEN_REQUEST_URL", &url);
    sandbox.set("ACTIONS_ID_TOKEN_REQUEST_TOKEN", "runner.sentinel");
}

/// No token is printed, apart from masks.
fn clean(ended: &Ended) {
    assert!(!ended.stdout.contains(SENTINEL), "{ended:?}");
    let mut lines = ended.stderr.lines();
    let masks = |line: &str| line.starts_with("::add-mask::");
    assert!(
        lines.all(|line| masks(line) || !line.contains(SENTINEL)),
        "{ended:?}"
    );
}

fn object(ended: &Ended) -> Value {
    clean(ended);
    serde_json::from_str(&ended.stdout).unwrap_or_else(|_| panic!("{ended:?}"))
}

fn results(ended: &Ended) -> Vec<String> {
    let object = object(ended);
    let files = object["files"].as_array().unwrap().iter();
    files
        .map(|file| file["result"].as_str().unwrap().to_owned())
        .collect()
}

#[test]
fn a_job_of_githubs() {
    let (index, runner) = (Index::new(), identity_server());
    let mut sandbox = sandbox(&index.server);
    github(&mut sandbox, &runner);
    // The keyring is left on: a runner has none, which is as good as an empty one.
    let config = format!(
        "[repositories.foo]\nurl = \"{}\"\n",
        index.server.url("/legacy/")
    );
    sandbox.write("home/.config/pypoetry/config.toml", &config);
    // Only looked at: nothing is exchanged.
    let ended = sandbox.helper(&["publish", "-r", "foo", "--dry-run"]);
    assert_eq!(ended.status, 0, "{ended:?}");
    let url = index.server.url("/legacy/");
    let line =
        format!("would upload to {url} by trusted publishing (GitHub Actions, audience pypi)\n");
    assert!(ended.stderr.contains(&line), "{ended:?}");
    let ended = sandbox.helper(&["publish", "-r", "foo", "--dry-run", "--json"]);
    let told = object(&ended);
    assert_eq!(
        (&told["trusted_publishing"], &told["expires"]),
        (&json!("github"), &Value::Null)
    );
    assert_eq!((index.minted().len(), runner.requests().len()), (0, 0));

    let ended = sandbox.helper(&["publish", "-r", "foo", "--json"]);
    assert_eq!(ended.status, 0, "{ended:?}");
    assert_eq!(results(&ended), ["uploaded", "uploaded"]);
    let told = object(&ended);
    assert_eq!(told["trusted_publishing"], "github");
    assert!(told["expires"].as_str().unwrap().ends_with('Z'));
    let minted = index.minted();
    assert_eq!((minted.len(), index.burned()), (1, minted.clone()));
    assert_eq!(index.used(), [minted[0].clone(), minted[0].clone()]);
    for hidden in [identity_token("pypi", 1), minted[0].clone()] {
        assert!(
            ended.stderr.contains(&format!("::add-mask::{hidden}\n")),
            "{ended:?}"
        );
    }
    // By URL, without an agent, and for people.
    let ended = sandbox.helper(&["publish", "-r", &url, "--no-agent", "dist/*.whl"]);
    assert_eq!(ended.status, 0, "{ended:?}");
    clean(&ended);
    assert!(ended.stdout.starts_with("uploaded"), "{ended:?}");
    assert_eq!(index.burned().len(), 2);
    // The runner's own token went to the runner, and nothing else did.
    assert_eq!(runner.requests().len(), 2);
    assert_eq!(
        runner.requests()[0].header("authorization"),
        Some("Bearer runner.sentinel")
    );
    let all = format!("{:?}", index.server.requests());
    assert!(!all.contains("runner.sentinel"));
}

/// Trusted publishing stands behind every credential, unless it is asked for.
#[test]
fn when_it_is_used() {
    let (index, runner) = (Index::new(), identity_server());
    let mut sandbox = sandbox(&index.server);
    let publish = |sandbox: &Sandbox, options: &[&str]| {
        let ended = sandbox.helper(&[&["publish", "-r", "foo", "dist/*.whl"], options].concat());
        clean(&ended);
        ended
    };
    // No job.
    let ended = publish(&sandbox, &[]);
    assert_eq!(ended.status, 1, "{ended:?}");
    assert!(
        ended
            .stderr
            .contains("no credential for uploads to foo, and nothing was sent\n")
    );
    let always = ["--trusted-publishing", "always"];
    let ended = publish(&sandbox, &always);
    assert_eq!((ended.status, &*ended.stdout), (1, ""), "{ended:?}");
    assert!(
        ended
            .stderr
            .contains("no identity token for trusted publishing here"),
        "{ended:?}"
    );
    // A job that may not.
    sandbox.set("GITHUB_ACTIONS", "true");
    for options in [&[][..], &always] {
        let ended = publish(&sandbox, options);
        assert_eq!(ended.status, 1, "{ended:?}");
        assert!(
            ended.stderr.contains("`permissions: id-token: write`"),
            "{ended:?}"
        );
    }
    assert!(index.server.requests().is_empty());
    // A job that may: not where it is switched off, or something else was given.
    github(&mut sandbox, &runner);
    for (options, status) in [
        (&["--trusted-publishing", "never"][..], 1),
        (&["-u", "up"], 1),
        (&["-u", "up", "-p", "given"], 5),
        (&["--anonymous"], 5),
    ] {
        let ended = publish(&sandbox, options);
        assert_eq!(ended.status, status, "{options:?}: {ended:?}");
    }
    // Nor where something is stored.
    let auth = "[http-basic.foo]\nusername = \"up\"\npassword = \"stored\"\n";
    sandbox.write("home/.config/pypoetry/auth.toml", auth);
    assert_eq!(publish(&sandbox, &[]).status, 5);
    assert_eq!(index.minted().len(), 0);
    let ended = publish(&sandbox, &always);
    assert_eq!(ended.status, 0, "{ended:?}");
    assert_eq!(index.burned().len(), 1);
}

/// The places that are no CI system's own, and the settings; never a project.
#[test]
fn files_and_commands() {
    let index = Index::new();
    let sandbox = sandbox(&index.server);
    let token = sandbox.write("home/token", &identity_token("pypi", 1));
    let script = "#!/bin/sh\ntest \"$1\" = pypi && cat \"$2\"\n";
    let command = sandbox.program("home/identity", script);
    let named = [("CREDENTIAL_HELPER_ID_TOKEN_FILE", token.to_str().unwrap())];
    let publish = |variables: &[(&str, &str)], options: &[&str]| {
        let arguments = [&["publish", "-r", "foo", "--json", "dist/*.whl"], options].concat();
        let ended = sandbox.helper_with(variables, &arguments);
        clean(&ended);
        ended
    };
    let word = |ended: &Ended| object(ended)["trusted_publishing"].clone();
    // In no job only where it is asked for.
    assert_eq!(publish(&named, &[]).status, 1);
    let ended = publish(&[named[0], ("CI", "true")], &[]);
    assert_eq!(
        (ended.status, word(&ended)),
        (0, json!("file")),
        "{ended:?}"
    );
    // The same identity token again.
    let always = ["--trusted-publishing", "always"];
    let ended = publish(&named, &always);
    assert_eq!(ended.status, 5, "{ended:?}");
    assert!(ended.stdout.contains("invalid-reuse-token"), "{ended:?}");
    sandbox.write("home/token", &identity_token("pypi", 2));
    let setting = |text: &str| format!("identity-token = {{ {text} }}\n");
    let (command, token) = (command.display(), token.display());
    let by_command = setting(&format!(
        "command = [\"{command}\", \"{{audience}}\", \"{token}\"]"
    ));
    // What a project says is not asked.
    sandbox.write("project/config.toml", &by_command);
    sandbox.write("project/pyproject.toml", &by_command);
    assert_eq!(publish(&[], &always).status, 1);
    let own = "home/.config/credential-helper/config.toml";
    sandbox.write(own, &by_command);
    let ended = publish(&[], &always);
    assert_eq!(
        (ended.status, word(&ended)),
        (0, json!("command")),
        "{ended:?}"
    );
    sandbox.write("home/token", "sentinel, no token");
    let ended = publish(&[], &always);
    assert_eq!(ended.status, 3, "{ended:?}");
    sandbox.write("home/token", &identity_token("pypi", 3));
    sandbox.write(own, &setting(&format!("file = \"{token}\"")));
    let ended = publish(&[], &always);
    assert_eq!(
        (ended.status, word(&ended)),
        (0, json!("file")),
        "{ended:?}"
    );
    assert_eq!(index.burned().len(), 3);
    // One that is for somebody else stays here.
    sandbox.write("home/token", &identity_token("other", 4));
    let before = index.server.requests().len();
    let ended = publish(&[], &always);
    assert_eq!(ended.status, 4, "{ended:?}");
    assert!(
        ended
            .stdout
            .contains("was not sent: it is not for pypi alone"),
        "{ended:?}"
    );
    let mints = index.lines().split_off(before);
    assert!(!mints.iter().any(|line| line.contains("mint")), "{mints:?}");
}

/// H17: an identity token is for the index's own audience, which the index says by https, or for one that the settings allow; it is sent there and nowhere else.
/// Also: `publish::trusted::audience::tests::whose_audiences_they_are`, `publish::trusted::exchange::tests::no_redirect_is_followed`,
/// `publish::trusted::exchange::tests::documents_that_lead_elsewhere`
#[test]
fn h17_audiences_of_others() {
    let index = Index::start(&[], |request| {
        let reply = "{\"audience\":\"sts.amazonaws.com\"}";
        (path(request) == "/_/oidc/audience").then(|| say(200, reply))
    });
    let runner = identity_server();
    let mut sandbox = sandbox(&index.server);
    github(&mut sandbox, &runner);
    let arguments = ["publish", "-r", "foo", "dist/*.whl"];
    for when in ["auto", "always"] {
        let ended = sandbox.helper(&[&arguments[..], &["--trusted-publishing", when]].concat());
        assert_eq!(ended.status, 4, "{ended:?}");
        assert!(
            ended
                .stderr
                .contains("wants an identity token for sts.amazonaws.com, which is not its own"),
            "{ended:?}"
        );
    }
    assert!(runner.requests().is_empty() && index.minted().is_empty());
    let own = "identity-audiences = [\"sts.amazonaws.com\"]\n";
    sandbox.write("home/.config/credential-helper/config.toml", own);
    let ended = sandbox.helper(&arguments);
    assert_eq!(ended.status, 0, "{ended:?}");
    assert_eq!(index.burned().len(), 1);
}

/// A job of Buildkite's: its agent gives the token, and is told to hide what came of it.
#[test]
fn a_job_of_buildkites() {
    let index = Index::new();
    let mut sandbox = sandbox(&index.server);
    let token = identity_token("pypi", 1);
    let hidden = sandbox.path("hidden");
    let script = format!(
        "#!/bin/sh\ncase \"$*\" in\n\"oidc request-token --audience pypi\") echo {token} ;;\n\
         \"redactor add --format json\") cat >> {} ;;\n*) exit 7 ;;\nesac\n",
        hidden.display()
    );
    let program = sandbox.program("bin/buildkite-agent", &script);
    sandbox.set("BUILDKITE", "true");
    let path = std::env::var("PATH").unwrap();
    sandbox.set(
        "PATH",
        &format!("{}:{path}", program.parent().unwrap().display()),
    );
    let ended = sandbox.helper(&["publish", "-r", "foo", "--json"]);
    assert_eq!(ended.status, 0, "{ended:?}");
    assert_eq!(results(&ended), ["uploaded", "uploaded"]);
    assert!(!ended.stderr.contains(SENTINEL), "{ended:?}");
    let hidden = sandbox.read("hidden");
    assert!(
        hidden.contains(&token) && hidden.contains(&index.minted()[0]),
        "{hidden}"
    );
    assert_eq!(index.burned(), index.minted());
}

/// The server's no: its code, what it means, and what the identity token says.
#[test]
fn a_refusal() {
    let index = Index::start(&[], |request| {
        (path(request) == "/_/oidc/mint-token").then(|| refusal("invalid-publisher", "none fits"))
    });
    let runner = identity_server();
    let mut sandbox = sandbox(&index.server);
    github(&mut sandbox, &runner);
    let ended = sandbox.helper(&["publish", "-r", "foo"]);
    assert_eq!(ended.status, 5, "{ended:?}");
    clean(&ended);
    for part in [
        "no trusted publisher there fits this job (status 422: invalid-publisher: none fits)",
        "hint: add or correct a publisher at 127.0.0.1, in the settings of a: repository o/r, \
         workflow release.yml, environment release",
        "unverified: iss https://token.actions.githubusercontent.com, aud pypi, sub repo:o/r",
    ] {
        assert!(ended.stderr.contains(part), "{part}: {ended:?}");
    }
    assert_eq!(
        results(&sandbox.helper(&["publish", "-r", "foo", "--json"])),
        ["failed", "not-sent"]
    );
    assert!(index.used().is_empty());
    // An index that has none of it.
    let index = Index::start(&[], |_| Some(say(404, "")));
    let config = format!(
        "[keyring]\nenabled = false\n[repositories.foo]\nurl = \"{}\"\n",
        index.server.url("/legacy/")
    );
    sandbox.write("home/.config/pypoetry/config.toml", &config);
    let ended = sandbox.helper(&["publish", "-r", "foo"]);
    assert_eq!(ended.status, 1, "{ended:?}");
    assert!(
        ended
            .stderr
            .contains("has no trusted publishing: it answered 404"),
        "{ended:?}"
    );
}

/// Each token goes to the server that it is for, wherever another one points.
#[test]
fn each_token_to_its_own_server() {
    let other = Arc::new(Server::start(|_| {
        say(200, "{\"audience\":\"pypi\",\"token\":\"x\"}")
    }));
    for place in [
        "/_/oidc/audience",
        "/_/oidc/mint-token",
        "/_/oidc/burn-token",
        "/legacy/",
    ] {
        let to = other.url("/x");
        let index = Index::start(&[], move |request| {
            let headers = format!("location: {to}\r\n");
            (path(request) == place).then(|| Act::Say(307, headers, String::new()))
        });
        let runner = identity_server();
        let mut sandbox = sandbox(&index.server);
        github(&mut sandbox, &runner);
        let ended = sandbox.helper(&["publish", "-r", "foo", "dist/*.whl"]);
        clean(&ended);
        let (status, burned) = match place {
            "/_/oidc/burn-token" => (0, 0),
            "/legacy/" => (4, 1),
            _ => (4, 0),
        };
        assert_eq!(
            (ended.status, index.burned().len()),
            (status, burned),
            "{place}: {ended:?}"
        );
        let requests = format!("{:?}", runner.requests());
        assert!(!requests.contains("pypi-"), "{requests}");
    }
    assert!(other.requests().is_empty());
    // Nor over plain http to another machine.
    let runner = identity_server();
    let mut sandbox = sandbox(&Index::new().server);
    github(&mut sandbox, &runner);
    let arguments = [
        "publish",
        "-r",
        "http://h.example.org/",
        "--trusted-publishing",
        "always",
    ];
    let ended = sandbox.helper(&arguments);
    assert_eq!(ended.status, 4, "{ended:?}");
    assert!(
        ended
            .stderr
            .contains("http://h.example.org would be asked in the clear"),
        "{ended:?}"
    );
    assert!(runner.requests().is_empty());
}

/// Ctrl-C, and what CI systems end jobs with: the token is given back, and what was done is told.
#[test]
fn interrupted() {
    for (signal, status) in [(Signal::INT, 130), (Signal::TERM, 143)] {
        let (sender, receiver) = std::sync::mpsc::channel();
        let sender = Mutex::new(sender);
        let index = Index::start(&[], move |request| {
            let is_sdist = path(request) == "/legacy/"
                && request.field("filetype").as_deref() == Some("sdist");
            is_sdist.then(|| {
                sender.lock().unwrap().send(()).unwrap();
                Act::Wait
            })
        });
        let runner = identity_server();
        let mut sandbox = sandbox(&index.server);
        github(&mut sandbox, &runner);
        let mut command = sandbox.command(HELPER);
        command.args(["publish", "-r", "foo", "--json"]);
        let mut child = command
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        receiver.recv_timeout(PATIENCE).unwrap();
        kill_process(Pid::from_child(&child), signal).unwrap();
        let ended = wait(&mut child, PATIENCE);
        assert_eq!(ended.status, status, "{ended:?}");
        assert_eq!(results(&ended), ["uploaded", "not-sent"]);
        assert_eq!((index.minted().len(), index.burned()), (1, index.minted()));
    }
}

/// The token ends between two files: another identity token, another token, and the rest goes up.
#[test]
fn a_token_that_ends_on_the_way() {
    let index = Index::start(&[30], |_| None);
    let runner = identity_server();
    let mut sandbox = sandbox(&index.server);
    github(&mut sandbox, &runner);
    let ended = sandbox.helper(&["publish", "-r", "foo", "--json"]);
    assert_eq!(ended.status, 0, "{ended:?}");
    assert_eq!(results(&ended), ["uploaded", "uploaded"]);
    assert_eq!(index.used(), index.minted());
    assert_eq!(
        (runner.requests().len(), index.burned()),
        (2, vec![index.minted()[1].clone()])
    );
}

/// Faults in the middle of five files, through the whole program: nothing is lost, nothing is sent twice.
#[test]
fn faults_in_the_middle_of_five_files() {
    let count = Mutex::new(0);
    let index = Index::start(&[], move |request| {
        if path(request) != "/legacy/" {
            return None;
        }
        let mut count = count.lock().unwrap();
        *count += 1;
        match *count {
            2 => Some(Act::Say(
                429,
                "retry-after: 0\r\n".to_owned(),
                String::new(),
            )),
            4 => Some(say(500, "")),
            6 => Some(say(502, "")),
            8 => Some(say(503, "")),
            10 => Some(say(400, "no more")),
            _ => None,
        }
    });
    let runner = identity_server();
    let mut sandbox = sandbox(&index.server);
    github(&mut sandbox, &runner);
    let dist = sandbox.path("project/dist");
    for tag in ["cp311", "cp312", "cp313"] {
        let from = dist.join("a-1.0-py3-none-any.whl");
        std::fs::copy(from, dist.join(format!("a-1.0-{tag}-none-any.whl"))).unwrap();
    }
    let ended = sandbox.helper(&["publish", "-r", "foo", "--json"]);
    assert_eq!(ended.status, 0, "{ended:?}");
    assert_eq!(results(&ended), ["uploaded"; 5]);
    assert_eq!(ended.stderr.matches("; again in ").count(), 4, "{ended:?}");
    assert_eq!((index.used().len(), index.minted().len()), (9, 1));
    // The next attempt is refused for good: what is behind it is not sent, and the token is burned.
    let ended = sandbox.helper(&["publish", "-r", "foo", "--json"]);
    assert_eq!(ended.status, 5, "{ended:?}");
    assert_eq!(results(&ended)[..2], ["failed", "not-sent"]);
    assert_eq!(index.burned(), index.minted());
}
