//! The fast door: `helper`.
//!
//! Answers `get` and the bridges from the running agent with as little as it takes: no argument
//! library, no runtime, no threads. Everything else, errors in the arguments too, is `helperd`'s: this program
//! becomes that one, with the same arguments, so that help, completions and errors are the same.

#![cfg_attr(all(target_os = "linux", not(test)), no_main)]

use std::ffi::OsString;
use std::process::Command;
#[cfg(any(not(target_os = "linux"), test))]
use std::process::ExitCode;

use credential_helper_protocol::arena::Arena;
use credential_helper_protocol::program::{self, PROGRAM};
use credential_helper_protocol::render::{self, Format, Stream};
use credential_helper_protocol::surroundings::NO_AGENT;
use credential_helper_protocol::{ErrorCode, Failure, Operation, limits};

pub mod bridge;
#[cfg(unix)]
mod door;

use bridge::Bridge;

#[global_allocator]
static MEMORY: Arena = Arena::new();

/// `get` with the options that are served here.
#[derive(Debug, Default, PartialEq)]
struct Get {
    about: String,
    username: Option<String>,
    operation: Option<Operation>,
    format: Option<Format>,
    json: bool,
    timeout_ms: Option<u64>,
}

#[cfg(any(not(target_os = "linux"), test))]
fn main() -> ExitCode {
    credential_helper_protocol::guard::guard();
    ExitCode::from(run(&std::env::args_os().collect::<Vec<_>>()))
}

/// Does what the arguments say; the exit status.
fn run(arguments: &[OsString]) -> u8 {
    match bridge::chosen(arguments) {
        Some((bridge, its)) => {
            // One program has to hold a talk in turns from its first word.
            let ended = if logs() || bridge.turns {
                hand_over_bridge(bridge, its, false)
            } else {
                speak(bridge, its)
            };
            bridge.status(ended)
        }
        None if logs() => hand_over(arguments, false),
        None => match parse(arguments) {
            Some(get) => answer(&get, arguments),
            None => hand_over(arguments, false),
        },
    }
}

#[cfg(all(target_os = "linux", not(test)))]
mod entry {
    //! The C library's entry instead of the standard library's. That one prepares for threads and
    //! for telling of a stack overflow (it reads `/proc/self/maps`), which is a tenth of the time
    //! of a cached answer. What else it does is done here.

    use std::ffi::{CStr, OsStr, OsString, c_char, c_int};
    use std::os::fd::IntoRawFd;
    use std::os::unix::ffi::OsStrExt;

    use rustix::fs::{Mode, OFlags};

    // The standard library's unwinder, linked in: looking for a second shared library and fitting
    // it in is a twentieth of the time of a cached answer. Every gcc has it as an archive.
    #[cfg(all(target_env = "gnu", not(target_feature = "crt-static")))]
    #[expect(unsafe_code, reason = "a link attribute needs a block")]
    #[link(name = "gcc_eh", kind = "static", modifiers = "+whole-archive,-bundle")]
    unsafe extern "C" {}

    #[expect(unsafe_code, reason = "the name that the C library calls")]
    // SAFETY: no other function of this program has this name.
    #[unsafe(no_mangle)]
    extern "C" fn main(count: c_int, values: *const *const c_char) -> c_int {
        credential_helper_protocol::guard::guard();
        open_standard_streams();
        ignore_broken_pipes();
        let count = usize::try_from(count).unwrap_or(0);
        let arguments: Vec<OsString> = (0..count)
            .map(|index| {
                #[expect(unsafe_code, reason = "the arguments are C strings")]
                // SAFETY: `main` is given as many pointers to strings, which stay (C17 5.1.2.2.1).
                let argument = unsafe { CStr::from_ptr(*values.add(index)) };
                OsStr::from_bytes(argument.to_bytes()).to_owned()
            })
            .collect();
        super::run(&arguments).into()
    }

    /// A closed standard stream would be taken by the next descriptor: what is for people would
    /// then go to the agent.
    fn open_standard_streams() {
        let mut streams = [0, 1, 2].map(|fd| libc::pollfd {
            fd,
            events: 0,
            revents: 0,
        });
        #[expect(
            unsafe_code,
            reason = "numbers that may be closed are no borrowed descriptors"
        )]
        // SAFETY: the pointer and the count describe one live array.
        let changed = unsafe { libc::poll(streams.as_mut_ptr(), 3, 0) };
        if changed <= 0 {
            return;
        }
        for stream in &streams {
            if stream.revents & libc::POLLNVAL != 0
                && let Ok(null) = rustix::fs::open("/dev/null", OFlags::RDWR, Mode::empty())
            {
                // The lowest free number is that of the closed stream, and stays taken.
                let _ = null.into_raw_fd();
            }
        }
    }

    /// Writing to a pipe that nobody reads is an error that is told, not the end.
    fn ignore_broken_pipes() {
        #[expect(unsafe_code, reason = "a call of the C library without a safe form")]
        // SAFETY: nothing is called at the signal.
        unsafe {
            libc::signal(libc::SIGPIPE, libc::SIG_IGN);
        }
    }
}

/// Whether the environment asks for what only `helperd` does.
fn logs() -> bool {
    [NO_AGENT, "CREDENTIAL_HELPER_LOG"]
        .iter()
        .any(|name| std::env::var_os(name).is_some_and(|value| !value.is_empty()))
}

/// The meaning of the arguments; `None` for everything that is `helperd`'s.
fn parse(arguments: &[OsString]) -> Option<Get> {
    if arguments.get(1)? != "get" {
        return None;
    }
    let mut get = Get::default();
    let mut rest = arguments.iter().skip(2);
    while let Some(argument) = rest.next() {
        let text = argument.to_str()?;
        if !text.starts_with('-') {
            if text.is_empty() || !get.about.is_empty() {
                return None;
            }
            text.clone_into(&mut get.about);
            continue;
        }
        match text {
            "--json" if !get.json => {
                get.json = true;
                continue;
            }
            // A read that only looks never asks anybody.
            "--non-interactive" => continue,
            _ => {}
        }
        let (option, value) = match text.split_once('=') {
            Some((option, value)) => (option, value),
            None => (text, rest.next()?.to_str()?),
        };
        // `--option -x` and an empty value: the argument library has the say.
        if value.is_empty() || (value.starts_with('-') && !text.contains('=')) {
            return None;
        }
        match option {
            "--username" if get.username.is_none() => get.username = Some(value.to_owned()),
            "--operation" if get.operation.is_none() => {
                get.operation = Some(match value {
                    "read" => Operation::Read,
                    "upload" => Operation::Upload,
                    _ => return None,
                });
            }
            "--format" if get.format.is_none() => get.format = Some(Format::from_word(value)?),
            "--timeout" if get.timeout_ms.is_none() => get.timeout_ms = Some(milliseconds(value)?),
            _ => return None,
        }
    }
    if get.about.is_empty() || (get.json && get.format.is_some_and(|other| other != Format::Json)) {
        return None;
    }
    Some(get)
}

/// Seconds, as a plain decimal number, within the limits.
fn milliseconds(seconds: &str) -> Option<u64> {
    let (whole, part) = seconds.split_once('.').unwrap_or((seconds, "0"));
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    if !digits(whole) || !digits(part) {
        return None;
    }
    let thousandths: u64 = format!("{part:0<3}").get(..3)?.parse().ok()?;
    let time = whole
        .parse::<u64>()
        .ok()?
        .checked_mul(1000)?
        .checked_add(thousandths)?;
    limits::TIMEOUT_MS.contains(&time).then_some(time)
}

/// Becomes `helperd`.
fn hand_over(arguments: &[OsString], no_agent: bool) -> u8 {
    let json = arguments.iter().any(|argument| argument == "--json");
    let program = match program::program() {
        Ok(program) => program,
        Err(failure) => return show(&failure, json),
    };
    let mut command = Command::new(program);
    if no_agent {
        command.env(NO_AGENT, "1");
    }
    command.args(arguments.iter().skip(1));
    match become_program(command, arguments.first()) {
        Ok(status) => status,
        Err(error) => show(
            &Failure::new(
                ErrorCode::Unavailable,
                format!("could not run the program {PROGRAM}: {error}"),
            )
            .hint("install helper and helperd into the same folder"),
            json,
        ),
    }
}

/// Becomes `helperd` as a bridge: by its arguments, since not every system can name a program.
fn hand_over_bridge(bridge: Bridge, its: &[OsString], no_agent: bool) -> u8 {
    let own = ["helper", "bridge", bridge.name].map(OsString::from);
    hand_over(&[&own, its].concat(), no_agent)
}

#[cfg(unix)]
fn become_program(mut command: Command, called: Option<&OsString>) -> std::io::Result<u8> {
    use std::os::unix::process::CommandExt;
    if let Some(called) = called {
        command.arg0(called);
    }
    Err(command.exec())
}

/// Without a way to become another program: runs it, and ends as it ends.
#[cfg(not(unix))]
fn become_program(mut command: Command, called: Option<&OsString>) -> std::io::Result<u8> {
    let _ = called;
    let code = command.status()?.code();
    Ok(code.and_then(|code| u8::try_from(code).ok()).unwrap_or(3))
}

/// Says why there is no answer.
fn show(failure: &Failure, json: bool) -> u8 {
    let text = if json {
        render::failure_json(failure)
    } else {
        render::failure_text(failure)
    };
    // Where the error itself cannot be written, the status still tells.
    let _ = render::emit(Stream::Err, text.as_bytes());
    failure.code.exit_status()
}

/// There is no agent on this platform: `helperd` does the work in its own process.
#[cfg(not(unix))]
fn answer(get: &Get, arguments: &[OsString]) -> u8 {
    let _ = get;
    hand_over(arguments, false)
}

#[cfg(unix)]
fn answer(get: &Get, arguments: &[OsString]) -> u8 {
    use door::NoAnswer;
    let printed = match door::ask(get) {
        Ok(credential) => print(get, &credential),
        Err(NoAnswer::Elsewhere) => return hand_over(arguments, false),
        Err(NoAnswer::WithoutAgent) => return hand_over(arguments, true),
        Err(NoAnswer::Failed(failure)) => Err(failure),
    };
    match printed {
        Ok(()) => 0,
        Err(failure) => show(&failure, get.json),
    }
}

/// There is no agent on this platform: `helperd` does the work in its own process.
#[cfg(not(unix))]
fn speak(bridge: Bridge, its: &[OsString]) -> u8 {
    hand_over_bridge(bridge, its, false)
}

/// Speaks the tool's protocol.
#[cfg(unix)]
fn speak(bridge: Bridge, its: &[OsString]) -> u8 {
    use bridge::Trouble;
    let mut door = door::Door::new(bridge);
    match bridge.run(its, &mut door) {
        Ok(said) => {
            // What is for people first: the tool may stop reading once it has its answer.
            let _ = render::emit(Stream::Err, said.err.as_bytes());
            match render::emit(Stream::Out, &said.out) {
                Ok(()) => said.status,
                Err(failure) => show(&failure, false),
            }
        }
        Err(Trouble::Failed(failure)) => show(&failure, false),
        Err(trouble) => {
            if let Some(read) = &door.read
                && let Err(failure) = give_back(read)
            {
                return show(&failure, false);
            }
            let no_agent = matches!(trouble, Trouble::NoAgent(_));
            // Nor does an installation without `helperd` stand in anybody's way.
            if bridge.next
                && (no_agent || program::program().is_err())
                && let Some(failed) = program::become_next(bridge.name, its)
            {
                return show(&failed, false);
            }
            hand_over_bridge(bridge, its, no_agent)
        }
    }
}

/// Puts what was read back, for the program that this one becomes.
#[cfg(unix)]
fn give_back(read: &credential_helper_protocol::Secret) -> Result<(), Failure> {
    let give = || -> std::io::Result<()> {
        let mut input = anonymous_file()?;
        std::io::Write::write_all(&mut input, read.expose().as_bytes())?;
        std::io::Seek::rewind(&mut input)?;
        Ok(rustix::stdio::dup2_stdin(&input)?)
    };
    give().map_err(|error| {
        Failure::new(
            ErrorCode::Internal,
            format!("could not hand standard input on: {error}"),
        )
    })
}

/// A file in memory that has no name.
#[cfg(target_os = "linux")]
fn anonymous_file() -> std::io::Result<std::fs::File> {
    let flags = rustix::fs::MemfdFlags::CLOEXEC;
    Ok(rustix::fs::memfd_create("input", flags)?.into())
}

/// There is none on this system, and a secret is not written to the disk.
#[cfg(all(unix, not(target_os = "linux")))]
fn anonymous_file() -> std::io::Result<std::fs::File> {
    Err(std::io::ErrorKind::Unsupported.into())
}

#[cfg(unix)]
fn print(get: &Get, credential: &credential_helper_protocol::Credential) -> Result<(), Failure> {
    let format = if get.json {
        Format::Json
    } else {
        get.format.unwrap_or_default()
    };
    let text = render::credential(credential, format)?;
    // In JSON the warnings are part of the object.
    if format != Format::Json && !credential.warnings.is_empty() {
        let _ = render::emit(
            Stream::Err,
            render::warnings(&credential.warnings).as_bytes(),
        );
    }
    render::emit(Stream::Out, &text)
}

#[cfg(test)]
mod tests {
    use std::ffi::OsString;

    use super::{Format, Get, Operation, milliseconds, parse};

    fn parsed(line: &str) -> Option<Get> {
        let arguments: Vec<OsString> = line.split(' ').map(OsString::from).collect();
        parse(&arguments)
    }

    fn foo() -> Get {
        Get {
            about: "foo".to_owned(),
            ..Get::default()
        }
    }

    #[test]
    fn what_is_served_here() {
        assert_eq!(parsed("helper get foo"), Some(foo()));
        assert_eq!(
            parsed("/usr/bin/helper get --non-interactive foo"),
            Some(foo())
        );
        let all = Get {
            username: Some("u".to_owned()),
            operation: Some(Operation::Upload),
            format: Some(Format::Header),
            timeout_ms: Some(1500),
            ..foo()
        };
        for line in [
            "helper get --username u --operation upload --format header --timeout 1.5 foo",
            "helper get foo --username=u --operation=upload --format=header --timeout=1.5",
        ] {
            assert_eq!(parsed(line).as_ref(), Some(&all), "{line}");
        }
        let dash = parsed("helper get --username=-u foo").unwrap();
        assert_eq!(dash.username.as_deref(), Some("-u"));
        assert!(parsed("helper get foo --json --format json").unwrap().json);
        assert_eq!(
            parsed("helper get https://h/s").unwrap().about,
            "https://h/s"
        );
    }

    #[test]
    fn what_is_not() {
        for line in [
            "helper",
            "helper list",
            "helper --json get foo",
            "helper get",
            "helper get foo bar",
            "helper get foo ",
            "helper get -v foo",
            "helper get --help",
            "helper get --no-agent foo",
            "helper get --prompt foo",
            "helper get --directory /x foo",
            "helper get -- foo",
            "helper get --username",
            "helper get --username= foo",
            "helper get --username -u foo",
            "helper get --username a --username b foo",
            "helper get --json --json foo",
            "helper get --json=yes foo",
            "helper get --json --format header foo",
            "helper get --format xml foo",
            "helper get --operation write foo",
            "helper get --timeout 0 foo",
            "helper get --user u foo",
        ] {
            assert_eq!(parsed(line), None, "{line}");
        }
    }

    #[test]
    fn times() {
        let rows = [
            ("0.1", Some(100)),
            ("5", Some(5000)),
            ("1.2345", Some(1234)),
            ("600", Some(600_000)),
            ("600.1", None),
            ("0.05", None),
            ("1e2", None),
            ("-1", None),
            (".5", None),
            ("5.", None),
            ("nan", None),
            ("99999999999999999999", None),
        ];
        for (text, expected) in rows {
            assert_eq!(milliseconds(text), expected, "{text}");
        }
    }
}
