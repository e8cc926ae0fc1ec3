use std::io::{self, ErrorKind, Write};

use credential_helper_protocol::{ErrorCode, Failure};
use zeroize::Zeroizing;

use super::Output;
use crate::cli::args::Color;

struct Broken(ErrorKind);

impl Write for Broken {
    fn write(&mut self, _: &[u8]) -> io::Result<usize> {
        Err(self.0.into())
    }
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn a_reader_that_left_is_no_error_and_a_full_disk_is() {
    let output = |kind| Output::into(Box::new(Broken(kind)), Box::new(io::sink()), [false; 2]);
    let secret = Zeroizing::new(b"hunter2\n".to_vec());
    assert!(output(ErrorKind::BrokenPipe).secret(&secret).is_ok());
    let failure = output(ErrorKind::StorageFull).secret(&secret).unwrap_err();
    assert_eq!(failure.code.exit_status(), 3);
    assert!(!failure.message.contains("hunter2"));
}

/// What a failure looks like on a terminal or not.
fn shown_failure(color: Color, json: bool, terminal: bool) -> String {
    let (mut end, write) = io::pipe().unwrap();
    let mut out = Output::into(Box::new(io::sink()), Box::new(write), [terminal; 2]);
    out.configure(color, json);
    let mut failure = Failure::new(ErrorCode::Locked, "a\u{1b}[2J\u{9b}").hint("b");
    failure.providers = [("auth.toml", "not-found"), ("keychain", "locked")]
        .map(
            |(name, answer)| credential_helper_protocol::ProviderAnswer {
                name: name.to_owned(),
                answer: answer.to_owned(),
            },
        )
        .into();
    out.failure(&failure);
    drop(out);
    io::read_to_string(&mut end).unwrap()
}

#[test]
fn failures() {
    let plain = "helper: a\\u{1b}[2J\\u{9b}\nhint: b\n";
    assert_eq!(shown_failure(Color::Auto, false, false), plain);
    assert_eq!(shown_failure(Color::Never, false, true), plain);
    for coloured in [
        shown_failure(Color::Auto, false, true),
        shown_failure(Color::Always, false, false),
    ] {
        assert!(coloured.starts_with("\u{1b}[31mhelper:\u{1b}[0m a\\u{1b}[2J"));
    }
    assert_eq!(
        shown_failure(Color::Always, true, true),
        "{\"error\":\"locked\",\"message\":\"a\\u001b[2J\\u009b\",\"hint\":\"b\",\"providers\":\
         [{\"name\":\"auth.toml\",\"answer\":\"not-found\"},\
         {\"name\":\"keychain\",\"answer\":\"locked\"}]}\n"
    );
}
