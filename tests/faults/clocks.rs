//! Clocks that jump: what is kept is kept as long as it should be, by the time since boot.

use std::os::unix::fs::FileExt as _;
use std::path::PathBuf;
use std::process::Command;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use super::{BUSY, Row, SETTINGS, Slowest, has, password, sandbox};
use crate::harness::sandbox::{Connection, Foreground, Sandbox, helperd, readable};

/// A token of this life is given for half of it.
const LIFE: Duration = Duration::from_secs(4);
const HOUR: i64 = 3600;
const YEAR: i64 = 365 * 24 * HOUR;

/// What happens to the clocks.
#[derive(Clone, Copy, Debug)]
enum Jump {
    /// The wall clock is moved by so many seconds while a token is kept.
    By(i64),
    /// It is set to this time.
    To(i64),
    /// The machine has been up, or asleep, for so long when the agent starts.
    Up(i64),
}

const JUMPS: [Jump; 12] = [
    Jump::By(0),
    Jump::By(HOUR),
    Jump::By(-HOUR),
    Jump::By(10 * YEAR),
    Jump::By(-10 * YEAR),
    Jump::To(0),
    Jump::To(-1),
    Jump::To(0x7fff_ffff),
    Jump::To(0x8000_0000),
    Jump::To(0x1_0000_0000),
    Jump::Up(HOUR),
    Jump::Up(10 * YEAR),
];

/// The library that moves the wall clock; `None`, and a line that says so, where there is no C
/// compiler, or the programs are linked without a C library that asks others.
fn shim(sandbox: &Sandbox) -> Option<PathBuf> {
    if !has("cc") {
        return None;
    }
    let library = sandbox.path("clock.so");
    let source = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/faults/clock_shim.c");
    let mut command = Command::new("cc");
    command.args(["-shared", "-fPIC", "-o"]).arg(&library);
    let compiled = command.arg(source).arg("-ldl").status().unwrap();
    assert!(compiled.success());
    Some(library)
}

/// An agent, and the hand of its wall clock.
fn agent(sandbox: &Sandbox, jump: Jump) -> Option<(Foreground, std::fs::File)> {
    let hand = sandbox.write("clock", "\0\0\0\0\0\0\0\0");
    let file = std::fs::File::options().write(true).open(&hand).unwrap();
    let mut command = if let Jump::Up(by) = jump {
        let offset = by.to_string();
        let mut command = sandbox.command("unshare");
        command.args(["-Ur", "-T", "--boottime", &offset, "--monotonic", &offset]);
        command.args(["--fork", "--kill-child"]);
        let mut probe = Command::new("unshare");
        probe.args(command.get_args()).arg("true");
        if !has("unshare") || !probe.status().unwrap().success() {
            eprintln!("there are no namespaces for clocks here: this part is not tested");
            return None;
        }
        command.arg(helperd());
        command
    } else {
        let library = shim(sandbox)?;
        let mut command = sandbox.command(helperd());
        command.env("LD_PRELOAD", library).env("FAULTS_CLOCK", hand);
        command
    };
    command.args(["agent", "run"]);
    Some((sandbox.run_agent_by(command), file))
}

fn token(connection: &mut Connection, sandbox: &Sandbox) -> String {
    let reply = connection.call("Get", &sandbox.question("minted"));
    password(&reply)
        .unwrap_or_else(|| panic!("{reply}"))
        .to_owned()
}

#[test]
fn jumps() {
    let row = Row {
        name: "wall clock moved by ±1 h, ±10 y, to 1970, to 2038 and later; 10 years since boot",
        target: "what is kept expires with an error of ≤ 1 s",
        rounds: [12, 204, 2000],
    };
    row.run(|run| {
        let worst = Slowest::default();
        // Its threads mostly wait for tokens to expire.
        run.shared(12, |run| {
            while let Some(round) = run.next() {
                one(JUMPS[round as usize % JUMPS.len()], &worst);
            }
        });
        run.figure(format!("largest error {}", worst.shown()));
    });
}

fn one(jump: Jump, worst: &Slowest) {
    let sandbox = sandbox();
    let text = format!(
        "[repositories.minted]\ncommand = [\"/bin/sh\", \"-c\", \"echo x >> $HOME/log; wc -l < $HOME/log\"]\nttl = \"{}s\"\n",
        LIFE.as_secs()
    );
    sandbox.write(SETTINGS, &text);
    let Some((_agent, hand)) = agent(&sandbox, jump) else {
        return;
    };
    let mut connection = sandbox.connect();
    // The life of the first counts from the start of its command, which is later.
    let start = Instant::now();
    let first = token(&mut connection, &sandbox);
    let offset = match jump {
        Jump::By(by) => by,
        Jump::To(at) => {
            let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
            at - i64::try_from(now.as_secs()).unwrap()
        }
        Jump::Up(_) => 0,
    };
    hand.write_all_at(&offset.to_ne_bytes(), 0).unwrap();
    while token(&mut connection, &sandbox) == first {
        assert!(start.elapsed() < LIFE + BUSY, "{jump:?}: it never expires");
        // What is waited for is the clock; a connection is silent until it is asked.
        assert!(!readable(&connection.0, Duration::from_millis(20)));
    }
    // Later than that is a busy machine's doing, too: the table has it.
    let kept = start.elapsed();
    assert!(kept > LIFE / 4, "{jump:?}: {kept:?}");
    worst.note(kept.abs_diff(LIFE / 2));
}
