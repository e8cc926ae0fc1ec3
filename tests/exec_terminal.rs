//! `helper exec` at a terminal: Ctrl-C, Ctrl-Z, shells with job control.

use std::fs::File;
use std::io::{Read as _, Write as _};
use std::os::fd::AsRawFd as _;
use std::os::unix::process::CommandExt as _;
use std::process::{Child, Command};

use credential_helper::ci::pty;
use rustix::process::Pid;

use crate::harness::sandbox::{HELPER, PATIENCE, Sandbox, gone, readable, wait};

/// A program with a terminal of its own, and what the person there has seen and not yet looked for.
pub struct Terminal {
    person: File,
    /// The program.
    pub child: Child,
    seen: String,
}

impl Terminal {
    /// Starts a program as the leader of its terminal.
    pub fn start(mut command: Command) -> Self {
        let (person, program) = pty::open().unwrap();
        let person = File::from(person);
        let size = rustix::termios::Winsize {
            ws_row: 33,
            ws_col: 77,
            ws_xpixel: 0,
            ws_ypixel: 0,
        };
        rustix::termios::tcsetwinsize(&person, size).unwrap();
        let raw = program.as_raw_fd();
        command
            .stdin(program.try_clone().unwrap())
            .stdout(program.try_clone().unwrap())
            .stderr(program.try_clone().unwrap());
        #[expect(unsafe_code, reason = "runs between fork and exec")]
        // SAFETY: only async-signal-safe calls.
        unsafe {
            command.pre_exec(move || {
                if libc::setsid() == -1 || libc::ioctl(raw, libc::TIOCSCTTY, 0) == -1 {
                    return Err(std::io::Error::last_os_error());
                }
                Ok(())
            });
        }
        let child = command.spawn().unwrap();
        Self {
            person,
            child,
            seen: String::new(),
        }
    }

    /// Types.
    pub fn keys(&mut self, keys: &str) {
        self.person.write_all(keys.as_bytes()).unwrap();
    }

    /// Reads until a text stands there; what stood before it.
    pub fn until(&mut self, text: &str) -> String {
        loop {
            if let Some(at) = self.seen.find(text) {
                let before = self.seen[..at].to_owned();
                self.seen.drain(..at + text.len());
                return before;
            }
            assert!(readable(&self.person, PATIENCE), "{text:?}: {}", self.seen);
            let mut bytes = [0; 4096];
            let count = self.person.read(&mut bytes).unwrap_or(0);
            assert!(count > 0, "{text:?}: {}", self.seen);
            self.seen += &String::from_utf8_lossy(&bytes[..count]);
        }
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn sandbox() -> Sandbox {
    let mut sandbox = Sandbox::new().without_keyring();
    let auth = "[http-basic.foo]\nusername = \"u\"\npassword = \"s3cret\"\n";
    sandbox.write("home/.config/pypoetry/auth.toml", auth);
    sandbox.set("TERM", "dumb");
    sandbox.set("PS1", "prompt> ");
    sandbox
}

const WAYS: [&[&str]; 2] = [&[], &["--mask"]];

fn exec(sandbox: &Sandbox, options: &[&str], words: &[&str]) -> Command {
    let mut command = sandbox.command(HELPER);
    command
        .args(["exec", "foo"])
        .args(options)
        .arg("--")
        .args(words);
    command
}

#[test]
fn ctrl_c_arrives_once() {
    let sandbox = sandbox();
    // A shell's `read` may miss the moment of a signal; what waits for signals counts them all.
    let script = "import signal, sys\n\
        kinds = {signal.SIGINT, signal.SIGQUIT}\n\
        signal.pthread_sigmask(signal.SIG_BLOCK, kinds)\n\
        print('ready', flush=True)\n\
        n = 0\n\
        while signal.sigwait(kinds) == signal.SIGINT:\n\
        \x20   n += 1\n\
        \x20   print(f'got {n}.', flush=True)\n\
        sys.exit(n)\n";
    for options in WAYS {
        let mut terminal = Terminal::start(exec(&sandbox, options, &["python3", "-c", script]));
        terminal.until("ready");
        for n in 1..4 {
            terminal.keys("\x03");
            terminal.until(&format!("got {n}."));
        }
        terminal.keys("\x1c");
        assert_eq!(wait(&mut terminal.child, PATIENCE).status, 3, "{options:?}");
    }
}

#[test]
fn ctrl_c_ends_a_command_and_the_helper_as_it() {
    let sandbox = sandbox();
    for options in WAYS {
        let mut terminal = Terminal::start(exec(
            &sandbox,
            options,
            &["sh", "-c", "echo ready; exec cat"],
        ));
        terminal.until("ready");
        terminal.keys("\x03");
        assert_eq!(
            wait(&mut terminal.child, PATIENCE).status,
            130,
            "{options:?}"
        );
    }
}

#[test]
fn a_terminal_that_goes_away_ends_the_command() {
    let sandbox = sandbox();
    for options in WAYS {
        let script = "echo $$.; exec cat /dev/zero > /dev/null";
        let mut terminal = Terminal::start(exec(&sandbox, options, &["sh", "-c", script]));
        let pid: i32 = terminal.until(".").trim().parse().unwrap();
        // As where the window is closed.
        terminal.person = File::open("/dev/null").unwrap();
        assert!(gone(Pid::from_raw(pid).unwrap(), PATIENCE), "{options:?}");
        assert_eq!(
            wait(&mut terminal.child, PATIENCE).status,
            129,
            "{options:?}"
        );
    }
}

#[test]
fn a_job_is_stopped_and_goes_on() {
    let sandbox = sandbox();
    for options in WAYS {
        let mut shell = sandbox.command("bash");
        shell.args(["--norc", "--noediting", "-i"]);
        let mut terminal = Terminal::start(shell);
        terminal.until("prompt> ");
        let line = format!(
            "{HELPER} exec foo {} -- sh -c 'echo re\"\"ady; exec cat'\n",
            options.join(" ")
        );
        terminal.keys(&line);
        terminal.until("ready");
        for _ in 0..2 {
            terminal.keys("\x1a");
            terminal.until("Stopped");
            terminal.until("prompt> ");
            terminal.keys("fg\n");
            // The shell says what goes on; then it is there again.
            terminal.until("cat'");
            terminal.keys("hello\n");
            terminal.until("hello\r\nhello\r\n");
        }
        terminal.keys("\x04");
        terminal.until("prompt> ");
        terminal.keys("exit $?\n");
        assert_eq!(wait(&mut terminal.child, PATIENCE).status, 0, "{options:?}");
    }
}

#[test]
fn a_shell_inside_has_its_own_jobs() {
    let sandbox = sandbox();
    for options in WAYS {
        let mut outer = sandbox.command("bash");
        outer.args(["--norc", "--noediting", "-i"]);
        let mut terminal = Terminal::start(outer);
        terminal.until("prompt> ");
        let line = format!(
            "{HELPER} exec foo {} -- env PS1='inner> ' bash --norc --noediting -i\n",
            options.join(" ")
        );
        terminal.keys(&line);
        terminal.until("bash --norc --noediting -i\r\n");
        let before = terminal.until("inner> ");
        assert!(!before.contains("job control"), "{before}");
        terminal.keys("sh -c 'echo re\"\"ady; exec cat'\n");
        terminal.until("ready");
        terminal.keys("\x1a");
        terminal.until("Stopped");
        terminal.until("inner> ");
        terminal.keys("fg\n");
        terminal.until("cat'");
        terminal.keys("hello\n");
        terminal.until("hello\r\nhello\r\n");
        terminal.keys("\x04");
        terminal.until("inner> ");
        // The shell itself stops, and the outer one has the terminal.
        terminal.keys("suspend -f\n");
        terminal.until("Stopped");
        terminal.until("prompt> ");
        terminal.keys("fg\n");
        terminal.until("--noediting -i\r\n");
        terminal.until("inner> ");
        terminal.keys("echo $UV_INDEX_FOO_USERNAME-here; exit 5\n");
        terminal.until("u-here\r\n");
        terminal.until("prompt> ");
        terminal.keys("exit $?\n");
        assert_eq!(wait(&mut terminal.child, PATIENCE).status, 5, "{options:?}");
    }
}

#[test]
fn a_masked_command_still_has_a_terminal() {
    let sandbox = sandbox();
    let script = "test -t 0 && test -t 1 && stty size <&1; echo $UV_INDEX_FOO_PASSWORD; \
                  exec 3>&1; echo ready; until [ \"$(stty size <&3)\" = '11 22' ]; do :; done; echo resized";
    let mut terminal = Terminal::start(exec(&sandbox, &["--mask"], &["bash", "-c", script]));
    assert_eq!(terminal.until("ready"), "33 77\r\n***\r\n");
    let size = rustix::termios::Winsize {
        ws_row: 11,
        ws_col: 22,
        ws_xpixel: 0,
        ws_ypixel: 0,
    };
    rustix::termios::tcsetwinsize(&terminal.person, size).unwrap();
    terminal.until("resized");
    assert_eq!(wait(&mut terminal.child, PATIENCE).status, 0);
}
