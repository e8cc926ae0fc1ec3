//! `helper exec` as a process among others: signals, streams, the netrc in memory, what is left.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::os::unix::process::CommandExt as _;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use rustix::process::{Pid, Signal, kill_process};

use crate::harness::sandbox::{
    HELPER, HELPERD, PATIENCE, Sandbox, end, fifo, gone, readable, wait, writer,
};

const SECRET: &str = "s3cret-of-exec";

fn sandbox() -> Sandbox {
    let sandbox = Sandbox::new().without_keyring();
    let auth = format!("[http-basic.foo]\nusername = \"u\"\npassword = \"{SECRET}\"\n");
    sandbox.write("home/.config/pypoetry/auth.toml", &auth);
    let config =
        "[keyring]\nenabled = false\n[repositories.foo]\nurl = \"https://pypi.example.org/\"\n";
    sandbox.write("home/.config/pypoetry/config.toml", config);
    sandbox
}

/// `helper exec foo` with these options, then `bash -c`.
fn exec(sandbox: &Sandbox, options: &[&str], script: &str) -> Command {
    let mut command = sandbox.command(HELPER);
    command.args(["exec", "foo"]).args(options);
    command.args(["--", "bash", "-c", script]);
    command
}

/// A running child whose output is read line by line.
struct Running {
    child: Child,
    out: BufReader<std::process::ChildStdout>,
}

impl Running {
    fn start(mut command: Command) -> Self {
        let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
        let out = BufReader::new(child.stdout.take().unwrap());
        Self { child, out }
    }

    fn line(&mut self) -> String {
        let mut line = String::new();
        let is_here = !self.out.buffer().is_empty() || readable(self.out.get_ref(), PATIENCE);
        assert!(is_here, "nothing is said");
        self.out.read_line(&mut line).unwrap();
        line
    }
}

/// Says each signal; ends with their number at SIGUSR2. A shell's `read` may miss the moment of a
/// signal; what waits for signals counts them all.
const COUNTS: &str = "import signal, sys\n\
    kinds = {getattr(signal, 'SIG' + n) for n in 'HUP INT QUIT TERM USR1 USR2'.split()}\n\
    signal.pthread_sigmask(signal.SIG_BLOCK, kinds)\n\
    print('ready', flush=True)\n\
    n = 0\n\
    while (one := signal.sigwait(kinds)) != signal.SIGUSR2:\n\
    \x20   n += 1\n\
    \x20   print(signal.Signals(one).name, flush=True)\n\
    sys.exit(n)\n";

/// As if nobody had run the tests with `nohup`: what is ignored is not passed on.
fn hears_of_hangups(command: &mut Command) {
    #[expect(unsafe_code, reason = "runs between fork and exec")]
    // SAFETY: only an async-signal-safe call.
    unsafe {
        command.pre_exec(|| {
            libc::signal(libc::SIGHUP, libc::SIG_DFL);
            Ok(())
        });
    }
}

#[test]
fn a_signal_is_passed_on_once() {
    let sandbox = sandbox();
    for (how, first) in [
        (&["--mask"][..], HELPER),
        (&["--mask", "--no-agent"], HELPERD),
        (&[], HELPER),
    ] {
        let mut command = sandbox.command(first);
        command.args(["exec", "foo"]).args(how);
        command.args(["--", "python3", "-c", COUNTS]);
        hears_of_hangups(&mut command);
        let mut running = Running::start(command);
        assert_eq!(running.line(), "ready\n");
        let helper = Pid::from_child(&running.child);
        for (signal, name) in [
            (Signal::TERM, "SIGTERM\n"),
            (Signal::INT, "SIGINT\n"),
            (Signal::HUP, "SIGHUP\n"),
            (Signal::USR1, "SIGUSR1\n"),
        ] {
            kill_process(helper, signal).unwrap();
            assert_eq!(running.line(), name, "{how:?}");
        }
        kill_process(helper, Signal::USR2).unwrap();
        let ended = wait(&mut running.child, PATIENCE);
        assert_eq!(ended.status, 4, "{how:?}");
    }
}

/// Starts the words that it is given, sends signals as soon as the command is ready, says what comes.
const SENDS: &str = "import signal, subprocess, sys\n\
    running = subprocess.Popen(sys.argv[1:], stdout=subprocess.PIPE, text=True)\n\
    running.stdout.readline()\n\
    running.send_signal(signal.SIGHUP)\n\
    print(running.stdout.readline(), end='')\n\
    running.send_signal(signal.SIGUSR2)\n\
    print(running.wait())\n";

/// As in a container whose job was started from outside: of a leader that cannot be seen, the kernel
/// says number 0 (`getsid(2)`, `pid_namespaces(7)`).
#[test]
fn signals_where_the_leader_of_the_session_cannot_be_seen() {
    let sandbox = sandbox();
    let namespace = ["-r", "--pid", "--fork"];
    let probe = Command::new("unshare").args(namespace).arg("true").status();
    if !probe.is_ok_and(|status| status.success()) {
        eprintln!("left out: this system makes no user namespaces");
        return;
    }
    let mut command = sandbox.command("unshare");
    command.args(namespace).args(["python3", "-c", SENDS]);
    command.args([HELPERD, "exec", "foo", "--mask", "--no-agent"]);
    command.args(["--", "python3", "-c", COUNTS]);
    hears_of_hangups(&mut command);
    let ended = end(&mut command, "");
    assert_eq!(ended.stdout, "SIGHUP\n1\n", "{ended:?}");
}

#[test]
fn a_command_does_not_outlive_a_killed_helper() {
    let sandbox = sandbox();
    let mut running = Running::start(exec(
        &sandbox,
        &["--mask"],
        "echo $$; exec cat /dev/zero > /dev/null",
    ));
    let pid: i32 = running.line().trim().parse().unwrap();
    kill_process(Pid::from_child(&running.child), Signal::KILL).unwrap();
    running.child.wait().unwrap();
    assert!(gone(Pid::from_raw(pid).unwrap(), PATIENCE));
}

#[test]
fn ignored_signals_stay_ignored() {
    let sandbox = sandbox();
    for mask in ["", "--mask"] {
        let script = format!(
            "trap '' HUP; exec {HELPER} exec foo {mask} -- grep -E '^Sig(Blk|Ign|Cgt)' /proc/self/status"
        );
        let ended = end(sandbox.command("bash").args(["-c", &script]), "");
        let native = end(
            sandbox.command("bash").args([
                "-c",
                "trap '' HUP; exec grep -E '^Sig(Blk|Ign|Cgt)' /proc/self/status",
            ]),
            "",
        );
        // Rust's own processes ignore SIGPIPE; their children have the default again.
        assert_eq!(ended.stdout, native.stdout, "{mask}");
    }
}

#[test]
fn a_secret_that_is_written_in_parts_is_masked() {
    let sandbox = sandbox();
    let path = sandbox.path("go");
    fifo(&path);
    let (one, two) = SECRET.split_at(5);
    let script = format!(
        "printf 'a-{one}'; read -r _ < '{}'; printf '{two}-b\\n'; printf '{SECRET}' >&2; printf '%s' {}",
        path.display(),
        &SECRET[..6],
    );
    let mut command = exec(&sandbox, &["--mask"], &script);
    let mut child = command
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // What is sure comes out although the line has not ended.
    let mut begin = [0; 2];
    let out = child.stdout.as_mut().unwrap();
    out.read_exact(&mut begin).unwrap();
    assert_eq!(&begin, b"a-");
    writer(&path).write_all(b"\n").unwrap();
    let ended = wait(&mut child, PATIENCE);
    assert_eq!(ended.stdout, format!("***-b\n{}", &SECRET[..6]));
    assert_eq!(ended.stderr, "***");
}

#[test]
fn other_spellings_are_masked() {
    let sandbox = sandbox();
    let script = "printf %s u:$UV_INDEX_FOO_PASSWORD | base64; cat $NETRC";
    let ended = end(&mut exec(&sandbox, &["--mask"], script), "");
    assert_eq!(
        ended.stdout,
        "***\nmachine pypi.example.org login u password ***\n"
    );
}

#[test]
fn standard_output_and_error_stay_in_order() {
    let sandbox = sandbox();
    let script = "for i in 1 2 3 4 5 6 7 8 9; do echo $i; echo $i >&2; done";
    let path = sandbox.path("both");
    let file = std::fs::File::create(&path).unwrap();
    let status = exec(&sandbox, &["--mask"], script)
        .stdout(file.try_clone().unwrap())
        .stderr(file)
        .status()
        .unwrap();
    assert!(status.success());
    let expected: Vec<String> = (1..10).map(|i| format!("{i}\n{i}\n")).collect();
    assert_eq!(std::fs::read_to_string(path).unwrap(), expected.concat());
}

#[test]
fn a_long_stream_does_not_grow() {
    let sandbox = sandbox();
    // The helper is the parent: what it had at most, at the end of the stream.
    let script = "head -c 200M /dev/zero; grep -E 'VmHWM|VmLck' /proc/$PPID/status >&2";
    let mut command = exec(&sandbox, &["--mask"], script);
    let mut child = command
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let ended = wait(&mut child, PATIENCE);
    let most = ended.stderr.split_whitespace().nth(1).unwrap();
    let most: u64 = most.parse().unwrap();
    assert!(most < 64 * 1024, "{ended:?}");
}

#[test]
fn who_stops_reading_ends_the_command() {
    let sandbox = sandbox();
    let script = format!(
        "{HELPER} exec foo --mask -- bash -c 'trap \"\" PIPE; while echo x; do :; done; echo gone >&2' | head -1"
    );
    let ended = end(sandbox.command("bash").args(["-c", &script]), "");
    assert_eq!(ended.stdout, "x\n");
    assert!(ended.stderr.contains("gone\n"), "{ended:?}");
}

#[test]
fn a_child_that_stays_is_not_waited_for() {
    let sandbox = sandbox();
    let path = sandbox.path("stays");
    fifo(&path);
    let script = format!("(read -r _ < '{}') & echo $!; exit 3", path.display());
    let mut running = Running::start(exec(&sandbox, &["--mask"], &script));
    let ended = wait(&mut running.child, PATIENCE);
    assert_eq!(ended.status, 3);
    // It is still there, and ends now.
    let pid: i32 = running.line().trim().parse().unwrap();
    writer(&path).write_all(b"\n").unwrap();
    assert!(gone(Pid::from_raw(pid).unwrap(), PATIENCE));
}

fn holder(netrc: &str) -> Pid {
    let rest = netrc.trim().strip_prefix("/proc/").unwrap();
    let pid = rest.split('/').next().unwrap().parse().unwrap();
    Pid::from_raw(pid).unwrap()
}

#[test]
fn the_netrc_is_held_by_a_process_that_ends_with_the_command() {
    let sandbox = sandbox();
    for mask in [&[][..], &["--mask"]] {
        // A stranger to the command: `wait` waits for nothing, its group and its descriptors are
        // not the command's.
        let script = "echo $NETRC; wait; p=${NETRC#/proc/}; p=${p%%/*}; \
            tr '\\0' ' ' < /proc/$p/cmdline; echo; ls -l /proc/$p/fd | grep -c 'pipe:'; \
            tr '\\0' '\\n' < /proc/$p/environ | wc -l; ps -o pgid= -p $p; read -r _";
        let mut command = exec(&sandbox, mask, script);
        let mut running = Running::start({
            command.stdin(Stdio::piped());
            command
        });
        let pid = holder(&running.line());
        let line = running.line();
        assert!(line.starts_with("helperd exec-netrc "), "{line}");
        assert!(!line.contains(SECRET));
        assert_eq!(running.line(), "0\n", "pipes");
        assert_eq!(running.line(), "0\n", "variables");
        assert_eq!(running.line().trim(), pid.as_raw_nonzero().to_string());
        // Others of the same user can read it, and nobody can write it.
        let path = format!("/proc/{}/fd/", pid.as_raw_nonzero());
        let memory = std::fs::read_dir(path)
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .find(|path| {
                std::fs::read_link(path)
                    .unwrap()
                    .to_string_lossy()
                    .contains("memfd:netrc")
            })
            .unwrap();
        let text = std::fs::read_to_string(&memory).unwrap();
        assert_eq!(
            text,
            format!("machine pypi.example.org login u password {SECRET}\n")
        );
        let mut file = std::fs::File::options().append(true).open(&memory).unwrap();
        assert!(file.write_all(b"x").is_err());
        running
            .child
            .stdin
            .take()
            .unwrap()
            .write_all(b"\n")
            .unwrap();
        assert_eq!(wait(&mut running.child, PATIENCE).status, 0);
        assert!(gone(pid, PATIENCE), "{mask:?}");
    }
}

#[test]
fn pythons_reader_reads_the_netrc() {
    let sandbox = sandbox();
    let auth = "[http-basic.foo]\nusername = \"u s\"\npassword = \"p \\\"q\\\\ #x é\"\n";
    sandbox.write("home/.config/pypoetry/auth.toml", auth);
    let script = "import netrc, os, sys, subprocess\n\
        print(netrc.netrc(os.environ['NETRC']).authenticators('pypi.example.org'))\n\
        if len(sys.argv) == 1: subprocess.run([sys.executable, '-c', sys.stdin.read(), 'again'], check=True)\n";
    let mut command = sandbox.command(HELPER);
    command.args(["exec", "foo", "--", "python3", "-c", script]);
    let ended = end(&mut command, script);
    let line = "('u s', '', 'p \"q\\\\ #x é')\n";
    assert_eq!(ended.stdout, line.repeat(2), "{ended:?}");
}

/// Every file below a folder whose content holds the secret.
fn holding(folder: &std::path::Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            holding(&path, found);
        } else if path.is_file() {
            let bytes = std::fs::read(&path).unwrap();
            if String::from_utf8_lossy(&bytes).contains(SECRET) {
                found.push(path);
            }
        }
    }
}

#[test]
fn no_file_holds_the_secret_while_it_runs() {
    let mut sandbox = sandbox();
    let temporary = sandbox.path("tmp");
    std::fs::create_dir(&temporary).unwrap();
    sandbox.set("TMPDIR", temporary.to_str().unwrap());
    let mut command = exec(&sandbox, &["--mask"], "echo ready; read -r _");
    command.stdin(Stdio::piped());
    let mut running = Running::start(command);
    assert_eq!(running.line(), "ready\n");
    let mut found = Vec::new();
    holding(sandbox.root(), &mut found);
    assert_eq!(found, [sandbox.path("home/.config/pypoetry/auth.toml")]);
    let cmdline = format!("/proc/{}/cmdline", running.child.id());
    assert!(!std::fs::read_to_string(cmdline).unwrap().contains(SECRET));
    running
        .child
        .stdin
        .take()
        .unwrap()
        .write_all(b"\n")
        .unwrap();
    assert_eq!(wait(&mut running.child, PATIENCE).status, 0);
}

#[test]
fn a_command_that_does_not_read_leaves_its_input() {
    let sandbox = sandbox();
    for mask in ["", "--mask"] {
        let script = format!("{HELPER} exec foo {mask} -- head -c 0; cat");
        let path = sandbox.write("input", "all of it");
        let ended = sandbox
            .command("bash")
            .args(["-c", &script])
            .stdin(std::fs::File::open(path).unwrap())
            .output()
            .unwrap();
        assert_eq!(ended.stdout, b"all of it", "{mask}");
    }
}

#[test]
fn a_dotted_name_reaches_poetry_in_both_spellings() {
    let sandbox = sandbox();
    let auth = "[http-basic.\"my.repo\"]\nusername = \"u\"\npassword = \"p\"\n";
    sandbox.write("home/.config/pypoetry/auth.toml", auth);
    let mut command = sandbox.command(HELPER);
    command.args(["exec", "my.repo", "--", "env"]);
    let ended = end(&mut command, "");
    for name in ["MY.REPO", "MY_REPO"] {
        let line = format!("POETRY_HTTP_BASIC_{name}_PASSWORD=p\n");
        assert!(ended.stdout.contains(&line), "{ended:?}");
    }
}
