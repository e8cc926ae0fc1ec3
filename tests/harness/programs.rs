//! Programs that a test writes and runs.
//!
//! A child writes them: what this process has open for writing, a child that another thread has just
//! forked holds open until it becomes another program, and nothing can be run that somebody may write
//! (ETXTBSY, `execve(2)`).

use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};

/// Writes a script that can be run, and the folders above it.
pub fn write(path: &Path, text: &str) {
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    let mut child = Command::new("/bin/sh")
        .args(["-c", "cat > \"$0\" && chmod 755 \"$0\""])
        .arg(path)
        .stdin(Stdio::piped())
        .spawn()
        .unwrap();
    let mut input = child.stdin.take().unwrap();
    input.write_all(text.as_bytes()).unwrap();
    drop(input);
    assert!(child.wait().unwrap().success(), "{}", path.display());
}

/// Copies a program.
pub fn copy(from: impl AsRef<Path>, to: &Path) {
    let from = from.as_ref();
    let status = Command::new("cp").arg("--").arg(from).arg(to).status();
    assert!(status.unwrap().success(), "{}", from.display());
}

/// The same program at another path: a link where that may be made, or a copy.
pub fn place(from: impl AsRef<Path>, to: &Path) {
    std::fs::hard_link(&from, to).unwrap_or_else(|_| copy(&from, to));
}
