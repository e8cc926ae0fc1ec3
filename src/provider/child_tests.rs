use std::collections::BTreeMap;
use std::ffi::OsString;
use std::time::Duration;

use super::{CommandSpec, OUTPUT, Output, Run, Trouble, environment, run};
use crate::domain::credential::Why;

const TIME: Duration = Duration::from_secs(20);

fn shell(script: &str) -> CommandSpec {
    CommandSpec {
        command: ["/bin/sh", "-c", script].map(String::from).to_vec(),
        env: BTreeMap::new(),
        pass_env: Vec::new(),
        timeout: TIME,
    }
}

async fn printed(script: &str) -> String {
    let output = run(&shell(script), Run::default(), TIME).await.unwrap();
    assert!(output.status.success(), "{script}");
    String::from_utf8(output.printed.to_vec()).unwrap()
}

async fn trouble(spec: &CommandSpec, time: Duration) -> Trouble {
    run(spec, Run::default(), time).await.err().unwrap()
}

#[tokio::test]
async fn the_surroundings_are_ours() {
    assert_eq!(printed("pwd").await, "/\n");
    assert_eq!(printed("echo $CREDENTIAL_HELPER_RECURSION").await, "1\n");
    // Nothing to read, and no terminal: `/dev/tty` cannot be opened in a session without one.
    assert_eq!(
        printed("cat; (: < /dev/tty) 2>/dev/null || echo none").await,
        "none\n"
    );
    #[cfg(target_os = "linux")]
    {
        // It leads a session of its own.
        let script = "[ $$ = $(cut -d' ' -f6 < /proc/$$/stat) ] && echo yes";
        assert_eq!(printed(script).await, "yes\n");
    }
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn no_descriptor_goes_along() {
    use std::os::fd::AsRawFd;
    let file = std::fs::File::open("/dev/null").unwrap();
    // As a descriptor that somebody left open for us would be.
    rustix::io::fcntl_setfd(&file, rustix::io::FdFlags::empty()).unwrap();
    assert!(file.as_raw_fd() > 2);
    let spec = CommandSpec {
        command: ["/bin/ls", "/proc/self/fd"].map(String::from).to_vec(),
        ..shell("")
    };
    let output = run(&spec, Run::default(), TIME).await.unwrap();
    let text = String::from_utf8(output.printed.to_vec()).unwrap();
    // The fourth is the folder that `ls` reads.
    assert_eq!(text.lines().collect::<Vec<_>>(), ["0", "1", "2", "3"]);
}

#[test]
fn the_environment_is_built_anew() {
    let own = [
        ("HOME", "/home/u"),
        ("XDG_RUNTIME_DIR", "/run/user/1"),
        ("DBUS_SESSION_BUS_ADDRESS", "unix:path=/x"),
        ("PATH", "/evil"),
        ("LD_PRELOAD", "/evil.so"),
        ("POETRY_PYPI_TOKEN_FOO", "secret"),
        ("AWS_REGION", "eu"),
        ("LANG", "C"),
    ];
    let spec = CommandSpec {
        env: BTreeMap::from([
            ("AWS_PROFILE".into(), "ci".into()),
            ("LANG".into(), "de".into()),
            ("CREDENTIAL_HELPER_RECURSION".into(), "0".into()),
        ]),
        pass_env: vec!["AWS_REGION".into(), "UNSET".into()],
        ..shell("")
    };
    let own = own
        .iter()
        .map(|(name, value)| (OsString::from(name), OsString::from(value)));
    let all = environment(&spec, &[("OURS", "1")], own);
    let all: Vec<String> = all
        .iter()
        .map(|(name, value)| format!("{}={}", name.display(), value.display()))
        .collect();
    assert_eq!(
        all,
        [
            "AWS_PROFILE=ci",
            "AWS_REGION=eu",
            "CREDENTIAL_HELPER_RECURSION=1",
            "DBUS_SESSION_BUS_ADDRESS=unix:path=/x",
            "HOME=/home/u",
            "LANG=de",
            "OURS=1",
            "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
            "XDG_RUNTIME_DIR=/run/user/1",
        ]
    );
}

#[tokio::test]
async fn what_cannot_be_run_is_told() {
    let spec = |command: &[&str]| CommandSpec {
        command: command.iter().map(|word| (*word).to_owned()).collect(),
        ..shell("")
    };
    for (command, why, words) in [
        (&["sh"][..], Why::Malformed, "absolute path"),
        (&["./sh"], Why::Malformed, "absolute path"),
        (&[], Why::Malformed, "no program"),
        (&["/does/not/exist"], Why::Unavailable, "not found"),
        (&["/etc/passwd"], Why::Unavailable, "permission denied"),
    ] {
        let told = trouble(&spec(command), TIME).await;
        assert_eq!(told.why, why, "{told:?}");
        assert!(told.detail.contains(words), "{told:?}");
    }
}

#[tokio::test]
async fn input_reaches_it_and_need_not_be_read() {
    let input = "x".repeat(100_000);
    let how = Run {
        input: Some(input.as_bytes()),
        ..Run::default()
    };
    let output = run(&shell("cat"), how, TIME).await.unwrap();
    assert_eq!(output.printed.len(), 100_000);
    let output = run(&shell("echo done"), how, TIME).await.unwrap();
    assert_eq!(&**output.printed, b"done\n");
}

#[tokio::test]
async fn output_is_limited() {
    let told = trouble(&shell("while :; do echo xxxxxxxxxxxxxxxx; done"), TIME).await;
    assert_eq!(told.why, Why::Malformed);
    let exactly = format!("head -c {OUTPUT} /dev/zero");
    assert_eq!(printed(&exactly).await.len(), OUTPUT);
}

#[tokio::test]
async fn complaints_are_kept_only_where_wanted() {
    let script = "echo loud >&2; exit 3";
    let complaints = async |complaints: bool| -> Output {
        let how = Run {
            complaints,
            ..Run::default()
        };
        run(&shell(script), how, TIME).await.unwrap()
    };
    assert_eq!(&**complaints(true).await.complaints, b"loud\n");
    let quiet = complaints(false).await;
    assert!(quiet.complaints.is_empty());
    let told = shell("").ended_badly(quiet.status);
    assert_eq!(told.detail, "/bin/sh ended with status 3");
}

/// A process that is left behind with our pipe does not keep us waiting.
#[tokio::test]
async fn what_is_left_behind_is_not_waited_for() {
    let folder = tempfile::tempdir().unwrap();
    let number = folder.path().join("pid");
    let script = format!("sleep 600 & echo $! > {}; echo secret", number.display());
    let begun = std::time::Instant::now();
    assert_eq!(printed(&script).await, "secret\n");
    assert!(begun.elapsed() < Duration::from_mins(1));
    let left: i32 = std::fs::read_to_string(&number)
        .unwrap()
        .trim()
        .parse()
        .unwrap();
    let left = rustix::process::Pid::from_raw(left).unwrap();
    rustix::process::kill_process(left, rustix::process::Signal::KILL).unwrap();
}

#[tokio::test]
async fn its_time_ends_it() {
    let told = trouble(&shell("sleep 600 & wait"), Duration::from_millis(500)).await;
    assert_eq!(told.why, Why::TimedOut);
    assert_eq!(told.detail, "/bin/sh did not answer within 0.5 s");
}

#[tokio::test]
async fn nobody_waiting_ends_it_and_its_children_without_a_zombie() {
    let folder = tempfile::tempdir().unwrap();
    let (number, fifo) = (folder.path().join("pid"), folder.path().join("alive"));
    rustix::fs::mkfifoat(rustix::fs::CWD, &fifo, rustix::fs::Mode::RWXU).unwrap();
    // The shell and the process that it starts hold the FIFO until they end.
    let spec = shell(&format!(
        "echo $$ > {}; exec 5<>{}; sleep 600 & wait",
        number.display(),
        fifo.display()
    ));
    let open = tokio::task::spawn_blocking(|| std::fs::File::open(fifo).unwrap());
    let mut held = tokio::select! {
        _ = run(&spec, Run::default(), TIME) => panic!("it ended"),
        held = open => held.unwrap(),
    };
    let end = tokio::task::spawn_blocking(move || std::io::copy(&mut held, &mut std::io::sink()));
    let end = tokio::time::timeout(TIME, end).await;
    end.expect("a process is left").unwrap().unwrap();
    // A number is there until its process has been waited for.
    let number: i32 = std::fs::read_to_string(&number)
        .unwrap()
        .trim()
        .parse()
        .unwrap();
    let number = rustix::process::Pid::from_raw(number).unwrap();
    let gone = async {
        while rustix::process::test_kill_process(number).is_ok() {
            tokio::task::yield_now().await;
        }
    };
    let gone = tokio::time::timeout(TIME, gone).await;
    gone.expect("a zombie is left");
}
