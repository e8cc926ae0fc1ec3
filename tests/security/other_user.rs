//! Somebody else: an ordinary user with a home of his own, and a thread that is him.

use std::ffi::OsStr;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::harness::keyring::NOBODY;
use crate::harness::programs;
use crate::harness::rights::can_be_another;
use crate::harness::sandbox::{Ended, Foreground, HELPER, HELPERD, Sandbox, end, is_root};

/// A home of an ordinary user: ours where we are one, nobody's where we are root.
pub struct Ordinary {
    /// The home.
    pub sandbox: Sandbox,
}

impl Ordinary {
    /// One without a keyring, with `foo` in Poetry's file; `None`, and a line that says so, where we are
    /// a root that cannot be an ordinary user.
    pub fn new(secret: &str) -> Option<Self> {
        if is_root() && !can_be_another() {
            super::not_here("this root cannot be an ordinary user");
            return None;
        }
        let sandbox = Sandbox::new().without_keyring();
        let auth = format!("[http-basic.foo]\nusername = \"alice\"\npassword = \"{secret}\"\n");
        sandbox.write("home/.config/pypoetry/auth.toml", &auth);
        let ordinary = Self { sandbox };
        if is_root() {
            // Our own folder may be closed to him.
            for program in [HELPER, HELPERD] {
                let copy = ordinary.program(Path::new(program));
                std::fs::create_dir_all(copy.parent().unwrap()).unwrap();
                programs::place(program, &copy);
            }
            give(ordinary.sandbox.root());
        }
        Some(ordinary)
    }

    fn program(&self, program: &Path) -> PathBuf {
        if !is_root() {
            return program.to_owned();
        }
        self.sandbox.path("bin").join(program.file_name().unwrap())
    }

    /// A command that he runs, behind words such as `prlimit --core=0`.
    pub fn command(&self, before: &[&str], program: impl AsRef<OsStr>) -> Command {
        let mut words: Vec<&OsStr> = before.iter().map(OsStr::new).collect();
        if is_root() {
            words.extend(["setpriv", "--reuid=65534", "--regid=65534"].map(OsStr::new));
            words.extend(["--clear-groups", "--"].map(OsStr::new));
        }
        words.push(program.as_ref());
        let mut command = self.sandbox.command(words[0]);
        command.args(&words[1..]);
        command
    }

    /// `helper` as he types it.
    pub fn typed(&self, before: &[&str]) -> Command {
        self.command(before, self.program(Path::new(HELPER)))
    }

    /// What it says to these arguments.
    pub fn helper(&self, arguments: &[&str]) -> Ended {
        end(self.typed(&[]).args(arguments), "")
    }

    /// His agent in the foreground.
    pub fn run_agent(&self, before: &[&str]) -> Foreground {
        let mut command = self.command(before, self.program(Path::new(HELPERD)));
        command.args(["agent", "run"]);
        Foreground::start(command, &self.sandbox.path("notify"))
    }

    /// Does something as such a user.
    pub fn as_him<T: Send>(work: impl FnOnce() -> T + Send) -> T {
        if is_root() {
            as_user(NOBODY, work)
        } else {
            work()
        }
    }
}

/// Makes all of a folder nobody's.
fn give(folder: &Path) {
    let nobody = Some(NOBODY);
    std::os::unix::fs::lchown(folder, nobody, nobody).unwrap();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            give(&path);
        } else if path.starts_with(folder) && !is_program(&path) {
            std::os::unix::fs::lchown(&path, nobody, nobody).unwrap();
        }
    }
}

/// The programs may be links to those that were built, which stay ours.
fn is_program(path: &Path) -> bool {
    let mode = std::fs::metadata(path).unwrap().permissions().mode();
    mode & 0o111 != 0
}

/// Does something in a thread that is another user, with his group and without root's rights.
pub fn as_user<T: Send>(user: u32, work: impl FnOnce() -> T + Send) -> T {
    std::thread::scope(|scope| {
        let thread = scope.spawn(|| {
            become_user(user);
            work()
        });
        thread.join().unwrap()
    })
}

/// Makes this thread another user's, for the rest of its life.
#[expect(
    unsafe_code,
    reason = "the system calls that concern one thread have no safe name here"
)]
fn become_user(user: u32) {
    let user = libc::c_long::from(user);
    // SAFETY: they take numbers only, and concern nothing but the calling thread.
    let results = unsafe {
        [
            libc::syscall(libc::SYS_setgroups, 0, std::ptr::null::<libc::gid_t>()),
            libc::syscall(libc::SYS_setresgid, user, user, user),
            libc::syscall(libc::SYS_setresuid, user, user, user),
        ]
    };
    assert_eq!(results, [0; 3]);
}
