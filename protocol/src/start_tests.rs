use std::fs;
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use super::{Starter, removed, start};
use crate::code::ErrorCode;
use crate::place::{Place, find};
use crate::surroundings::{Platform, Surroundings};

/// Surroundings whose only place is below `folder`.
fn around(folder: &Path) -> Surroundings {
    let uid = rustix::process::geteuid().as_raw();
    Surroundings::given([("XDG_RUNTIME_DIR", folder)], Platform::MacOs, uid, "host")
}

fn place(folder: &Path) -> Place {
    find(&around(folder)).unwrap()
}

/// Written by another process: a descriptor for writing that a concurrent fork inherits would make
/// the program busy.
fn script(folder: &Path, text: &str) -> PathBuf {
    let path = folder.join("helperd");
    let status = Command::new("/bin/sh")
        .args([
            "-c",
            r#"printf '#!/bin/sh\n%s\n' "$1" >"$2" && chmod 755 "$2""#,
            "sh",
            text,
        ])
        .arg(&path)
        .status()
        .unwrap();
    assert!(status.success());
    path
}

fn fifo(path: &Path) {
    use rustix::fs::{CWD, FileType, Mode, mknodat};
    mknodat(CWD, path, FileType::Fifo, Mode::RUSR | Mode::WUSR, 0).unwrap();
}

#[test]
fn of_many_clients_at_once_one_starts_the_agent() {
    let root = tempfile::tempdir().unwrap();
    let count = root.path().join("count");
    let request = root.path().join("request");
    // The program only reports: the listener is this test's, bound when the program runs.
    fifo(&request);
    let answer = root.path().join("answer");
    fifo(&answer);
    let program = script(
        root.path(),
        &format!(
            "echo started >>'{}'\necho \"$CREDENTIAL_HELPER_SOCKET\" >'{}'\nread line <'{}'\necho ready",
            count.display(),
            request.display(),
            answer.display()
        ),
    );
    let listening = std::thread::spawn(move || {
        let socket = fs::read_to_string(&request).unwrap();
        let listener = UnixListener::bind(socket.trim_end()).unwrap();
        fs::write(&answer, "go\n").unwrap();
        listener
    });
    let clients: Vec<_> = (0..64)
        .map(|_| {
            let (folder, program) = (root.path().to_owned(), program.clone());
            std::thread::spawn(move || {
                let around = around(&folder);
                let until = Instant::now() + Duration::from_mins(1);
                let mut late = 0;
                loop {
                    let mut place = find(&around).unwrap();
                    match start(&around, &mut place, &program, Starter::Client) {
                        Ok(_) => return late,
                        // A busy machine may need more than a client's patience.
                        Err(failure) if failure.code == ErrorCode::TimedOut => late += 1,
                        Err(failure) => panic!("{failure}"),
                    }
                    assert!(Instant::now() < until, "never in time");
                }
            })
        })
        .collect();
    let _listener = listening.join().unwrap();
    let late: usize = clients.into_iter().map(|one| one.join().unwrap()).sum();
    // One alone, unless somebody gave it up.
    let started = fs::read_to_string(count).unwrap().lines().count();
    assert!((1..=1 + late).contains(&started), "{started}, {late} late");
}

#[test]
fn what_a_failing_agent_says_is_passed_on() {
    let root = tempfile::tempdir().unwrap();
    let program = script(root.path(), "printf 'error: no room\\033\\n'");
    let failure = start(
        &around(root.path()),
        &mut place(root.path()),
        &program,
        Starter::Client,
    )
    .unwrap_err();
    assert_eq!(failure.code, ErrorCode::Unavailable);
    assert!(
        failure.message.ends_with("helperd: no room\\u{1b}"),
        "{}",
        failure.message
    );
    let program = script(root.path(), "exit 1");
    let failure = start(
        &around(root.path()),
        &mut place(root.path()),
        &program,
        Starter::Client,
    )
    .unwrap_err();
    assert!(failure.message.ends_with("ended without a word"));
}

#[test]
fn an_agent_that_says_nothing_is_not_waited_for_long() {
    let root = tempfile::tempdir().unwrap();
    let hold = root.path().join("hold");
    fifo(&hold);
    let program = script(root.path(), &format!("read line <'{}'", hold.display()));
    let failure = start(
        &around(root.path()),
        &mut place(root.path()),
        &program,
        Starter::Client,
    )
    .unwrap_err();
    assert_eq!(failure.code, ErrorCode::TimedOut);
    // Lets the program end.
    fs::write(&hold, "\n").unwrap();
}

#[test]
fn the_agent_inherits_no_variables_of_requests() {
    let around = Surroundings::given(
        [
            ("POETRY_HTTP_BASIC_FOO_PASSWORD", "x"),
            ("UV_INDEX_FOO_USERNAME", "x"),
            ("DBUS_SESSION_BUS_ADDRESS", "x"),
            ("PATH", "x"),
        ],
        Platform::Xdg,
        7,
        "host",
    );
    assert_eq!(
        removed(&around),
        [
            "POETRY_HTTP_BASIC_FOO_PASSWORD",
            "UV_INDEX_FOO_USERNAME",
            "POETRY_KEYRING_ENABLED",
            "CREDENTIAL_HELPER_NO_AGENT",
        ]
    );
}
