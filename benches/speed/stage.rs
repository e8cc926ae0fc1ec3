//! A private home with everything in it that is compared: a bus with a keyring, the agents, others.

use std::ffi::OsString;
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use credential_helper_protocol::caller::{self, About, CallerOptions};
use credential_helper_protocol::surroundings::{Platform, Surroundings};
use credential_helper_protocol::{Ask, Question, frame};

use crate::artifacts::{Artifacts, Build, done};
use crate::keyring::Keyring;

/// The password that everybody looks up.
pub(crate) const PASSWORD: &str = "sesame-0815";
pub(crate) const USER: &str = "alice";
const URL: &str = "https://pypi.example.org/simple/";

/// An agent of one build.
pub(crate) struct Agent<'a> {
    pub(crate) build: &'a Build,
    pub(crate) socket: PathBuf,
    pub(crate) pid: u32,
    /// This build as the program `keyring`.
    pub(crate) bridge: PathBuf,
    runtime: PathBuf,
}

/// Another program that looks a credential up.
pub(crate) struct Peer {
    pub(crate) name: &'static str,
    /// The program and its arguments; none where it is not installed.
    pub(crate) command: Option<Vec<OsString>>,
    pub(crate) input: Option<PathBuf>,
}

/// `ssh-agent`, with one key.
pub(crate) struct SshAgent {
    pub(crate) socket: PathBuf,
    pub(crate) pid: u32,
}

/// Everything that runs while we measure; ended with it.
pub(crate) struct Stage<'a> {
    pub(crate) artifacts: &'a Artifacts,
    pub(crate) keyring: Keyring,
    pub(crate) agents: Vec<Agent<'a>>,
    pub(crate) peers: Vec<Peer>,
    pub(crate) ssh_agent: Option<SshAgent>,
    pub(crate) echo_socket: PathBuf,
    /// The question for `foo`, as it goes over the wire.
    pub(crate) question: PathBuf,
    pub(crate) home: PathBuf,
    echo: Child,
}

impl<'a> Stage<'a> {
    pub(crate) fn set(artifacts: &'a Artifacts) -> Self {
        let keyring = Keyring::start();
        let home =
            PathBuf::from(done(keyring.command(program("pwd").unwrap()).env_remove("PWD")).trim());
        let echo_socket = home.join("echo.sock");
        let mut echo = keyring
            .command(&artifacts.echo)
            .arg(&echo_socket)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        // It says so once it listens.
        let mut line = String::new();
        BufReader::new(echo.stdout.take().unwrap())
            .read_line(&mut line)
            .unwrap();
        let mut stage = Self {
            artifacts,
            question: home.join("question"),
            echo_socket,
            echo,
            home,
            keyring,
            agents: Vec::new(),
            peers: Vec::new(),
            ssh_agent: None,
        };
        for build in artifacts.builds() {
            stage.start_agent(build);
        }
        stage.write_question();
        stage.start_ssh_agent();
        stage.invite_peers();
        stage
    }

    /// `helper` of a build, in the surroundings of its agent.
    pub(crate) fn helper(&self, agent: &Agent<'_>) -> Command {
        let mut command = self.keyring.command(&agent.build.helper);
        command.env("XDG_RUNTIME_DIR", &agent.runtime);
        command
    }

    /// A command that runs `command` once and says what it cost.
    pub(crate) fn launched(&self, agent: Option<&Agent<'_>>, input: Option<&Path>) -> Command {
        let mut command = self.keyring.command(&self.artifacts.launch);
        if let Some(agent) = agent {
            command.env("XDG_RUNTIME_DIR", &agent.runtime);
        }
        command.arg(input.unwrap_or(Path::new("-")));
        command
    }

    fn start_agent(&mut self, build: &'a Build) {
        let number = self.agents.len();
        let runtime = self.home.join(format!("run-{number}"));
        std::fs::create_dir(&runtime).unwrap();
        let mut agent = Agent {
            build,
            socket: runtime.join("credential-helper/agent.sock"),
            pid: 0,
            bridge: runtime.join("keyring"),
            runtime,
        };
        std::os::unix::fs::symlink(&build.helper, &agent.bridge).unwrap();
        done(self.helper(&agent).args(["agent", "start"]));
        let status = done(self.helper(&agent).args(["agent", "status", "--json"]));
        let status: serde_json::Value = serde_json::from_str(&status).unwrap();
        agent.pid = u32::try_from(status["pid"].as_u64().unwrap()).unwrap();
        if number == 0 {
            let mut set = self.helper(&agent);
            fed(set.args(["set", "foo", USER, "--url", URL]), PASSWORD);
        }
        let found = done(self.helper(&agent).args(["get", "foo"]));
        assert!(found.contains(PASSWORD), "{} finds nothing", build.name);
        self.agents.push(agent);
    }

    fn write_question(&self) {
        let home = self.home.to_str().unwrap();
        let bus = self.keyring.address();
        let variables = [("HOME", home), ("DBUS_SESSION_BUS_ADDRESS", &bus)];
        let around = Surroundings::given(variables, Platform::HERE, 0, "");
        let options = CallerOptions {
            directory: Some(self.home.clone()),
            ..CallerOptions::default()
        };
        let ask = Ask {
            question: Question {
                name: Some("foo".to_owned()),
                context: caller::context_in(&around, About::Name("foo"), &options).unwrap(),
                ..Question::default()
            },
        };
        let message = frame::encode_call("Get", ask).unwrap();
        std::fs::write(&self.question, &*message).unwrap();
    }

    fn start_ssh_agent(&mut self) {
        let Some(ssh_agent) = program("ssh-agent") else {
            return;
        };
        let socket = self.home.join("ssh.sock");
        let said = done(self.keyring.command(ssh_agent).arg("-a").arg(&socket));
        let (_, pid) = said.split_once("SSH_AGENT_PID=").unwrap();
        let (pid, _) = pid.split_once(';').unwrap();
        self.ssh_agent = Some(SshAgent {
            socket: socket.clone(),
            pid: pid.parse().unwrap(),
        });
        let key = self.home.join("key");
        let mut generate = self.keyring.command(program("ssh-keygen").unwrap());
        done(
            generate
                .args(["-q", "-t", "ed25519", "-N", "", "-f"])
                .arg(&key),
        );
        let mut add = self.keyring.command(program("ssh-add").unwrap());
        done(add.arg("-q").arg(&key).env("SSH_AUTH_SOCK", &socket));
    }

    fn invite_peers(&mut self) {
        let item = ["service", "poetry-repository-foo", "username", USER];
        let python = std::env::var_os("CREDENTIAL_HELPER_TEST_PYTHON").map(PathBuf::from);
        let beside = python.and_then(|python| Some(python.parent()?.join("keyring")));
        let keyring = beside
            .filter(|path| path.is_file())
            .or_else(|| program("keyring"));
        self.invite(
            "`keyring get` (Python)",
            keyring,
            &["get", item[1], USER],
            None,
        );
        let secret_tool = program("secret-tool");
        let mut lookup = vec!["lookup"];
        lookup.extend(item);
        self.invite("`secret-tool lookup`", secret_tool, &lookup, None);

        let docker = program("docker-credential-secretservice");
        if let Some(program) = &docker {
            let entry = serde_json::json!({"ServerURL": URL, "Username": USER, "Secret": PASSWORD});
            fed(
                self.keyring.command(program).arg("store"),
                &entry.to_string(),
            );
        }
        let name = "`docker-credential-secretservice get`";
        self.invite(name, docker, &["get"], Some(URL));

        let git = program("git");
        let socket = self.git_socket();
        let cache = ["credential-cache", "--socket", &socket];
        if let Some(git) = &git {
            let mut store = self.keyring.command(git);
            let entry = format!("protocol=https\nhost=h\nusername={USER}\npassword={PASSWORD}\n");
            fed(store.args(cache).arg("store"), &entry);
        }
        let get: Vec<&str> = cache.into_iter().chain(["get"]).collect();
        let asked = Some("protocol=https\nhost=h\n");
        self.invite("`git credential-cache get`", git, &get, asked);
    }

    /// Notes a program, if it is there; one that does not find the password is no comparison.
    fn invite(
        &mut self,
        name: &'static str,
        program: Option<PathBuf>,
        arguments: &[&str],
        input: Option<&str>,
    ) {
        let input = input.map(|text| {
            let path = self.home.join(format!("input-{}", self.peers.len()));
            std::fs::write(&path, text).unwrap();
            path
        });
        if let Some(program) = &program {
            let mut command = self.keyring.command(program);
            if let Some(input) = &input {
                command.stdin(std::fs::File::open(input).unwrap());
            }
            let found = done(command.args(arguments));
            assert!(
                found.contains(PASSWORD),
                "{name} does not find the password"
            );
        }
        let command = program.map(|program| {
            let arguments = arguments.iter().map(OsString::from);
            std::iter::once(program.into_os_string())
                .chain(arguments)
                .collect()
        });
        self.peers.push(Peer {
            name,
            command,
            input,
        });
    }

    fn git_socket(&self) -> String {
        let folder = self.home.join("git");
        if !folder.exists() {
            use std::os::unix::fs::DirBuilderExt as _;
            std::fs::DirBuilder::new()
                .mode(0o700)
                .create(&folder)
                .unwrap();
        }
        folder.join("socket").to_str().unwrap().to_owned()
    }
}

impl Drop for Stage<'_> {
    fn drop(&mut self) {
        for agent in &self.agents {
            let _ = self.helper(agent).args(["agent", "stop"]).status();
        }
        let _ = self.echo.kill();
        let _ = self.echo.wait();
        if let (Some(agent), Some(program)) = (&self.ssh_agent, program("ssh-agent")) {
            let mut end = self.keyring.command(program);
            end.arg("-k").env("SSH_AGENT_PID", agent.pid.to_string());
            let _ = end.stdout(Stdio::null()).status();
        }
        if let Some(git) = program("git") {
            let mut end = self.keyring.command(git);
            end.args(["credential-cache", "--socket", &self.git_socket(), "exit"]);
            let _ = end.stdin(Stdio::null()).status();
        }
    }
}

/// Runs it to the end with this on its standard input.
pub(crate) fn fed(command: &mut Command, input: &str) {
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    stdin.write_all(input.as_bytes()).unwrap();
    drop(stdin);
    let name = command.get_program().to_string_lossy().into_owned();
    assert!(child.wait().unwrap().success(), "{name} failed");
}

/// Where a program is on PATH.
pub(crate) fn program(name: &str) -> Option<PathBuf> {
    std::env::split_paths(&std::env::var_os("PATH")?)
        .map(|folder| folder.join(name))
        .find(|path| path.is_file())
}
