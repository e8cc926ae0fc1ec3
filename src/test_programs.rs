//! Programs that unit tests write and run.
//!
//! Written by another process: one that a further thread has just forked holds open what this process
//! has open for writing, and nothing can be run that somebody may write (ETXTBSY, `execve(2)`).

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// A program of this name that is a script.
pub(crate) fn script(folder: &Path, name: &str, text: &str) -> PathBuf {
    std::fs::create_dir_all(folder).unwrap();
    let path = folder.join(name);
    let mut copy = Command::new("/bin/sh")
        .args(["-c", "cat > \"$0\" && chmod 755 \"$0\""])
        .arg(&path)
        .stdin(Stdio::piped())
        .spawn()
        .unwrap();
    let mut input = copy.stdin.take().unwrap();
    input.write_all(text.as_bytes()).unwrap();
    drop(input);
    assert!(copy.wait().unwrap().success());
    path
}
