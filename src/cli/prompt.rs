//! A secret from a person or a program: asked for without echo, or read from standard input.

use std::io::{ErrorKind, IsTerminal, Read};

use credential_helper_protocol::{ErrorCode, Failure, Secret, input, limits};
use zeroize::Zeroizing;

use crate::domain::text::has_control;

/// The secret called `label` ("password for ci at foo").
///
/// Standard input is read where it is no terminal; a person is asked only where `may_ask`.
pub(crate) fn secret(label: &str, may_ask: bool) -> Result<Secret, Failure> {
    let input = input::file().map_err(|_| {
        Failure::new(
            ErrorCode::Unavailable,
            format!("reading the {label} from standard input failed"),
        )
    })?;
    if !input.is_terminal() {
        return from_reader(label, input);
    }
    typed(label, may_ask)
}

/// The secret called `label`, from a person at the terminal, whatever standard input is.
pub(crate) fn typed(label: &str, may_ask: bool) -> Result<Secret, Failure> {
    if !may_ask {
        return Err(Failure::new(
            ErrorCode::Usage,
            format!("the {label} was not given, and nobody may be asked for it"),
        )
        .hint("give it on standard input"));
    }
    let typed = terminal::ask(label)?;
    if typed.is_empty() {
        // Far more often a slip than an empty password.
        return Err(
            Failure::new(ErrorCode::Usage, format!("the {label} is empty"))
                .hint("give an empty one as an empty line on standard input"),
        );
    }
    checked(label, &typed)
}

/// Reads to the end, and takes one newline away.
fn from_reader(label: &str, mut from: impl Read) -> Result<Secret, Failure> {
    // Room for the longest secret, a line end and one byte that is too many: it never moves.
    let mut bytes = Zeroizing::new(vec![0_u8; limits::SECRET + 3]);
    let mut filled = 0;
    while filled < bytes.len() {
        match from.read(&mut bytes[filled..]) {
            Ok(0) => break,
            Ok(count) => filled += count,
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => {
                return Err(Failure::new(
                    ErrorCode::Unavailable,
                    format!(
                        "reading the {label} from standard input failed ({})",
                        error.kind()
                    ),
                ));
            }
        }
    }
    if filled == 0 {
        return Err(Failure::new(
            ErrorCode::Usage,
            format!("standard input ended before the {label}"),
        )
        .hint("for an empty one give an empty line"));
    }
    let given = &bytes[..filled];
    let given = given.strip_suffix(b"\n").map_or(given, |line| {
        // A line of Windows ends with two characters.
        line.strip_suffix(b"\r").unwrap_or(line)
    });
    checked(label, given)
}

/// Refuses what no credential can hold.
fn checked(label: &str, bytes: &[u8]) -> Result<Secret, Failure> {
    let refused = |why: &str| Failure::new(ErrorCode::Usage, format!("the {label} {why}"));
    if bytes.len() > limits::SECRET {
        return Err(refused(&format!("is longer than {} bytes", limits::SECRET)));
    }
    let text = std::str::from_utf8(bytes).map_err(|_| refused("is not UTF-8"))?;
    if has_control(text) {
        return Err(refused("holds a control character").hint(
            "give one line; a key such as an arrow counts as a control character when typed",
        ));
    }
    Ok(Secret::from(text))
}

#[cfg(windows)]
mod terminal {
    use super::{ErrorCode, Failure, Zeroizing};

    /// Asks at the console.
    pub(super) fn ask(label: &str) -> Result<Zeroizing<Vec<u8>>, Failure> {
        rpassword::prompt_password(format!("{}: ", crate::domain::text::shown(label)))
            .map(|typed| Zeroizing::new(typed.into_bytes()))
            .map_err(|error| {
                Failure::new(
                    ErrorCode::Unavailable,
                    format!("asking for the {label} failed ({})", error.kind()),
                )
            })
    }
}

#[cfg(unix)]
#[path = "terminal.rs"]
mod terminal;

#[cfg(test)]
mod tests {
    use super::{from_reader, limits};

    fn read(bytes: &[u8]) -> Result<String, String> {
        from_reader("password", bytes)
            .map(|secret| secret.expose().to_owned())
            .map_err(|failure| failure.message)
    }

    #[test]
    fn one_newline_goes() {
        assert_eq!(read(b"pw\n").unwrap(), "pw");
        assert_eq!(read(b"pw\r\n").unwrap(), "pw");
        assert_eq!(read(b" p w ").unwrap(), " p w ");
        assert_eq!(read(b"\n").unwrap(), "");
        assert_eq!(read("p\u{e4}".as_bytes()).unwrap(), "p\u{e4}");
    }

    #[test]
    fn what_is_no_secret_is_refused_and_not_repeated() {
        let longest = vec![b'x'; limits::SECRET];
        assert!(read(&longest).is_ok());
        let longest_line = [&longest[..], b"\r\n"].concat();
        assert!(read(&longest_line).is_ok());
        for (bytes, why) in [
            (&b""[..], "standard input ended before"),
            (b"hunter2\nhunter2\n", "holds a control character"),
            (b"hunter2\n\n", "holds a control character"),
            (b"hunter2\r", "holds a control character"),
            (b"hunter2\0", "holds a control character"),
            (b"hunter2\xff", "is not UTF-8"),
            (&[&longest[..], b"x"].concat(), "is longer than 32768 bytes"),
            (
                &[&longest[..], &longest[..]].concat(),
                "is longer than 32768 bytes",
            ),
        ] {
            let message = read(bytes).unwrap_err();
            assert!(message.contains(why), "{message}");
            assert!(!message.contains("hunter2"));
        }
    }
}
