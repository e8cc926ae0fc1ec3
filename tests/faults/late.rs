//! Others write after our last look at the file, where we are held up: no look helps there.

use std::collections::VecDeque;
use std::ffi::CStr;
use std::io::Write as _;
use std::mem::MaybeUninit;
use std::os::fd::OwnedFd;
use std::process::Stdio;

use rustix::fs::inotify::{self, CreateFlags, ReadFlags, WatchFlags};

use super::strace::{can_trace, strace};
use super::{AUTH, Row, sandbox};
use crate::harness::sandbox::{PATIENCE, Sandbox, end, helperd, readable, wait};

const FOLDER: &str = "home/.config/pypoetry";
const START: &str =
    "[other]\nforeign = 0\n\n[http-basic.foo]\nusername = \"alice\"\npassword = \"old\"\n";

/// Our rename comes so many microseconds later: long enough for a busy machine's other program.
const HELD: &str = "renameat,renameat2:delay_enter=3000000";

/// What happens in a folder, in order.
struct Events {
    queue: OwnedFd,
    waiting: VecDeque<(Vec<u8>, ReadFlags)>,
}

impl Events {
    fn of(sandbox: &Sandbox) -> Self {
        let queue = inotify::init(CreateFlags::CLOEXEC | CreateFlags::NONBLOCK).unwrap();
        let what = WatchFlags::CLOSE_WRITE | WatchFlags::CLOSE_NOWRITE | WatchFlags::MOVED_TO;
        inotify::add_watch(&queue, sandbox.path(FOLDER), what).unwrap();
        Self {
            queue,
            waiting: VecDeque::new(),
        }
    }

    /// Waits until this happens to a file whose name begins so.
    fn wait_for(&mut self, name: &str, wanted: ReadFlags) {
        loop {
            while let Some((of, what)) = self.waiting.pop_front() {
                if of.starts_with(name.as_bytes()) && what.contains(wanted) {
                    return;
                }
            }
            assert!(readable(&self.queue, PATIENCE), "no {wanted:?} of {name}");
            let mut space = [MaybeUninit::uninit(); 4096];
            let mut reader = inotify::Reader::new(&self.queue, &mut space);
            while let Ok(event) = reader.next() {
                let name = event.file_name().map_or(&b""[..], CStr::to_bytes);
                self.waiting.push_back((name.to_owned(), event.events()));
            }
        }
    }
}

/// What the other program would write: all of the file as it is, and its own part.
fn theirs(sandbox: &Sandbox, number: u32) -> String {
    let text = sandbox.read(AUTH);
    let (before, rest) = text.split_once("foreign = ").unwrap();
    let (_, after) = rest.split_once('\n').unwrap();
    format!("{before}foreign = {number}\n{after}")
}

fn rename(sandbox: &Sandbox, number: u32) {
    let new = sandbox.write(&format!("{FOLDER}/theirs"), &theirs(sandbox, number));
    std::fs::rename(new, sandbox.path(AUTH)).unwrap();
}

#[test]
fn after_our_last_look() {
    let row = Row {
        name: "another program rewrites auth.toml after our last look, with our rename held up",
        target: "both kept: by a rename, in place (as Poetry does), by two renames",
        rounds: [6, 200, 2000],
    };
    if !can_trace() {
        return;
    }
    row.run(|run| {
        run.shared(2, |run| {
            while let Some(round) = run.next() {
                let sandbox = sandbox();
                sandbox.write(AUTH, START);
                let before = std::fs::read_dir(sandbox.path(FOLDER)).unwrap().count();
                let mut events = Events::of(&sandbox);
                let mut command = strace(&sandbox, HELD);
                command
                    .arg(helperd())
                    .args(["--no-agent", "set", "foo", "alice"])
                    .stdin(Stdio::piped())
                    .stdout(Stdio::piped())
                    .stderr(Stdio::piped());
                let mut child = command.spawn().unwrap();
                child.stdin.take().unwrap().write_all(b"ours\n").unwrap();
                events.wait_for(".credential-helper-", ReadFlags::CLOSE_WRITE);
                events.wait_for("auth.toml", ReadFlags::CLOSE_NOWRITE);
                match round % 3 {
                    0 => rename(&sandbox, 7),
                    1 => std::fs::write(sandbox.path(AUTH), theirs(&sandbox, 7)).unwrap(),
                    _ => {
                        rename(&sandbox, 6);
                        events.wait_for("auth.toml", ReadFlags::MOVED_TO);
                        // Ours is there now, and will be taken out again.
                        events.wait_for("auth.toml", ReadFlags::MOVED_TO);
                        rename(&sandbox, 7);
                    }
                }
                let ended = wait(&mut child, PATIENCE);
                assert_eq!(ended.status, 0, "round {round}: {ended:?}");
                let expected = START.replace("= 0", "= 7").replace("old", "ours");
                assert_eq!(sandbox.read(AUTH), expected, "round {round}");
                let after = std::fs::read_dir(sandbox.path(FOLDER)).unwrap().count();
                assert_eq!(after, before, "round {round}: a file was left");
            }
        });
    });
}

/// Where the system or the file system has no exchange, it is a rename.
#[test]
fn without_an_exchange() {
    if !can_trace() {
        return;
    }
    for error in ["EINVAL", "ENOSYS", "EOPNOTSUPP", "EPERM"] {
        let sandbox = sandbox();
        sandbox.write(AUTH, START);
        let mut command = strace(&sandbox, &format!("renameat2:error={error}"));
        command.arg(helperd());
        command.args(["--no-agent", "set", "foo", "alice"]);
        let ended = end(&mut command, "ours\n");
        assert_eq!(ended.status, 0, "{error}: {ended:?}");
        assert_eq!(sandbox.read(AUTH), START.replace("old", "ours"), "{error}");
    }
}
