//! Somebody else: an ordinary user with a home of his own, and a thread that is him.

use std::ffi::OsStr;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::harness::sandbox::{Ended, Foreground, HELPER, HELPERD, Sandbox, end, is_root};

/// Who owns nothing.
pub const NOBODY: u32 = 65534;

/// A home of an ordinary user: ours where we are one, nobody's where we are root.
pub struct Ordinary {
    /// The home.
    pub sandbox: Sandbox,
}

impl Ordinary {
    /// One without a keyring, with `foo` in Poetry's file.
    pub fn new(secret: &str) -> Self {
        let sandbox = Sandbox::new().without_keyring();
        let auth = format!("[http-basic.foo]\nusername = \"alice\"\npassword = \"{secret}\"\n");
        sandbox.write("home/.config/pypoetry/auth.toml", &auth);
        let ordinary = Self { sandbox };
        // Our own folder may be closed to him.
        for program in [HELPER, HELPERD] {
            let copy = ordinary.program(Path::new(program));
            std::fs::create_dir_all(copy.parent().unwrap()).unwrap();
            std::fs::hard_link(program, &copy)
                .or_else(|_| std::fs::copy(program, &copy).map(|_| ()))
                .unwrap();
        }
        if is_root() {
            give(ordinary.sandbox.root());
        }
        ordinary
    }

    fn program(&self, program: &Path) -> PathBuf {
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
