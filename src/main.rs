//! The fast door: `helper`.
//!
//! Answers `get` from the running agent with as little as it takes: no argument library, no
//! runtime, no threads. Everything else, errors in the arguments too, is `helperd`'s: this program
//! becomes that one, with the same arguments, so that help, completions and errors are the same.

#![cfg_attr(all(target_os = "linux", not(test)), no_main)]

use std::ffi::OsString;
use std::path::Path;
use std::process::Command;
#[cfg(any(not(target_os = "linux"), test))]
use std::process::ExitCode;

use credential_helper_protocol::arena::Arena;
use credential_helper_protocol::program::{PROGRAM, program};
use credential_helper_protocol::render::{self, Format, Stream};
use credential_helper_protocol::surroundings::NO_AGENT;
use credential_helper_protocol::{ErrorCode, Failure, Operation, limits};

#[global_allocator]
static MEMORY: Arena = Arena::new();

/// Other programs' names for this one: they speak another tool's protocol, which is not ours.
const BRIDGES: [&str; 5] = [
    "keyring",
    "git-credential-helper",
    "docker-credential-helper",
    "cargo-credential-helper",
    "credential-helper",
];

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
    ExitCode::from(run(&std::env::args_os().collect::<Vec<_>>()))
}

/// Does what the arguments say; the exit status.
fn run(arguments: &[OsString]) -> u8 {
    match parse(arguments) {
        Some(get) if !logs() => answer(&get, arguments),
        _ => hand_over(arguments, false),
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
    let called = Path::new(arguments.first()?).file_stem()?;
    if BRIDGES.iter().any(|bridge| called == *bridge) || arguments.get(1)? != "get" {
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
    let program = match program() {
        Ok(program) => program,
        Err(failure) => return show(&failure, json),
    };
    let mut command = Command::new(program);
    if no_agent {
        command.arg("--no-agent");
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
    let printed = match agent::ask(get) {
        Ok(credential) => print(get, &credential),
        Err(agent::NoAnswer::Elsewhere) => return hand_over(arguments, false),
        Err(agent::NoAnswer::WithoutAgent) => return hand_over(arguments, true),
        Err(agent::NoAnswer::Failed(failure)) => Err(failure),
    };
    match printed {
        Ok(()) => 0,
        Err(failure) => show(&failure, get.json),
    }
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

#[cfg(unix)]
mod agent {
    //! The question, to the agent that runs or is started for it.

    use std::time::Duration;

    use credential_helper_protocol::caller::{self, About, CallerOptions};
    use credential_helper_protocol::client::Client;
    use credential_helper_protocol::place::{self, ConnectError, Place};
    use credential_helper_protocol::socket::SocketTransport;
    use credential_helper_protocol::surroundings::Surroundings;
    use credential_helper_protocol::{Credential, Question, start};

    use super::{ErrorCode, Failure, Get, limits, program};

    /// Why this program has no answer.
    pub(super) enum NoAnswer {
        /// The question is more than this program's.
        Elsewhere,
        /// There can be no agent, or none with these settings: the work is done without.
        WithoutAgent,
        /// The answer is an error.
        Failed(Failure),
    }

    impl From<Failure> for NoAnswer {
        fn from(failure: Failure) -> Self {
            match failure.code {
                ErrorCode::OtherSettings => Self::WithoutAgent,
                _ => Self::Failed(failure),
            }
        }
    }

    pub(super) fn ask(get: &Get) -> Result<Credential, NoAnswer> {
        let around = Surroundings::of_process();
        let options = CallerOptions {
            timeout_ms: get.timeout_ms,
            ..CallerOptions::default()
        };
        let is_url = get.about.contains("://");
        let about = if is_url {
            About::Url(&get.about)
        } else {
            About::Name(&get.about)
        };
        let mut context = caller::context_in(&around, about, &options)?;
        let mut place = place::find(&around).map_err(|_| NoAnswer::WithoutAgent)?;
        if place.foreign {
            // A mounted socket is not told our variables: they are looked up here, first.
            if !context.variables.is_empty() {
                return Err(NoAnswer::Elsewhere);
            }
            context = caller::bare(&options);
        }
        let time = get
            .timeout_ms
            .map_or(limits::REQUEST_TIME, Duration::from_millis)
            .min(limits::REQUEST_TIME);
        let stream = match place.connect(time) {
            Err(ConnectError::NoAgent) => started(&around, &mut place)?,
            other => other.map_err(Failure::from)?,
        };
        let again = Box::new(move || start::connect_or_start(&around, &mut place));
        let question = Question {
            name: (!is_url).then(|| get.about.clone()),
            url: is_url.then(|| get.about.clone()),
            username: get.username.clone(),
            operation: get.operation,
            upload: None,
            service: None,
            context,
        };
        Ok(Client::new(SocketTransport::new(stream, again)).get(&question)?)
    }

    fn started(
        around: &Surroundings,
        place: &mut Place,
    ) -> Result<std::os::unix::net::UnixStream, NoAnswer> {
        let program = program()?;
        start::start(around, place, &program, start::Starter::Client)
            .map_err(|_| NoAnswer::WithoutAgent)
    }
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
            "keyring get foo",
            "/usr/bin/git-credential-helper get",
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
