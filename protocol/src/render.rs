//! What `get` prints, and how every command shows an error: the same from the fast door and from
//! `helperd`.

use std::io;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Serialize;
use zeroize::Zeroizing;

use crate::code::{ErrorCode, Failure, ProviderAnswer};
use crate::message::{Credential, Scheme};
use crate::secret::Secret;
use crate::text::{has_control, shown};

/// The forms of `--format`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Format {
    /// `username=U` and `password=P`, what is unset left out.
    #[default]
    Lines,
    /// One object.
    Json,
    /// The value of the Authorization header.
    Header,
    /// An entry of a netrc file.
    Netrc,
    /// The secret alone.
    Password,
}

impl Format {
    /// Every form with its word on the command line.
    pub const ALL: [(&'static str, Self); 5] = [
        ("lines", Self::Lines),
        ("json", Self::Json),
        ("header", Self::Header),
        ("netrc", Self::Netrc),
        ("password", Self::Password),
    ];

    /// The form of a word.
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL
            .iter()
            .find(|(known, _)| *known == word)
            .map(|(_, format)| *format)
    }
}

/// The text of a credential, in a buffer that is wiped and never moves.
pub fn credential(credential: &Credential, format: Format) -> Result<Zeroizing<Vec<u8>>, Failure> {
    let username = credential.username.as_deref();
    let password = credential.password.as_ref().map(Secret::expose);
    // Escapes make JSON up to six times as long, base64 a third longer.
    let room = 4096 + 6 * (username.map_or(0, str::len) + password.map_or(0, str::len));
    let mut out = Zeroizing::new(Vec::with_capacity(room));
    // The agent refuses such values too, but the other side of a socket is not this program.
    if format != Format::Json && [username, password].into_iter().flatten().any(has_control) {
        return Err(Failure::new(
            ErrorCode::Malformed,
            format!(
                "the credential from {} holds a control character",
                shown(&credential.provider)
            ),
        )
        .hint("store it again with `helper set`"));
    }
    match format {
        Format::Json => {
            serde_json::to_writer(&mut *out, credential).map_err(|_| {
                Failure::new(
                    ErrorCode::Internal,
                    "could not write the credential as JSON",
                )
            })?;
        }
        Format::Lines => {
            let parts = [("username=", username), ("password=", password)];
            let lines = parts
                .into_iter()
                .filter_map(|(key, value)| Some([key, value?]));
            for (index, line) in lines.enumerate() {
                if index > 0 {
                    out.push(b'\n');
                }
                for part in line {
                    out.extend_from_slice(part.as_bytes());
                }
            }
            if out.is_empty() {
                return Err(without_secret(credential));
            }
        }
        Format::Password => {
            let secret = password.ok_or_else(|| without_secret(credential))?;
            out.extend_from_slice(secret.as_bytes());
        }
        Format::Header => header(credential, username, password, &mut out)?,
        Format::Netrc => netrc(credential, username, password, &mut out)?,
    }
    out.push(b'\n');
    Ok(out)
}

fn without_secret(credential: &Credential) -> Failure {
    Failure::new(
        ErrorCode::NotFound,
        format!(
            "{} has no secret for {}",
            shown(&credential.provider),
            subject(credential)
        ),
    )
    .hint("store one with `helper set`, or use `--format lines` for the username")
}

fn subject(credential: &Credential) -> String {
    let known = credential.name.as_ref().or(credential.url.as_ref());
    known.map_or_else(|| "this repository".to_owned(), |text| shown(text))
}

fn header(
    credential: &Credential,
    username: Option<&str>,
    password: Option<&str>,
    out: &mut Zeroizing<Vec<u8>>,
) -> Result<(), Failure> {
    if credential.scheme == Scheme::Bearer {
        let token = password.ok_or_else(|| without_secret(credential))?;
        out.extend_from_slice(b"Bearer ");
        out.extend_from_slice(token.as_bytes());
        return Ok(());
    }
    let (username, password) = match (username, password) {
        (None, None) => return Err(without_secret(credential)),
        (username, password) => (username.unwrap_or_default(), password.unwrap_or_default()),
    };
    // The first colon ends the username (RFC 7617, 2).
    if username.contains(':') {
        return Err(Failure::new(
            ErrorCode::Usage,
            format!(
                "could not write a Basic header for {}: the username holds a colon",
                subject(credential)
            ),
        )
        .hint("use `--format lines`"));
    }
    let mut pair = Zeroizing::new(Vec::with_capacity(username.len() + password.len() + 1));
    pair.extend_from_slice(username.as_bytes());
    pair.push(b':');
    pair.extend_from_slice(password.as_bytes());
    let mut encoded = Zeroizing::new(vec![0_u8; pair.len().div_ceil(3) * 4]);
    let length = STANDARD
        .encode_slice(&pair[..], &mut encoded)
        .map_err(|_| Failure::new(ErrorCode::Internal, "could not write the header"))?;
    out.extend_from_slice(b"Basic ");
    out.extend_from_slice(&encoded[..length]);
    Ok(())
}

fn netrc(
    credential: &Credential,
    username: Option<&str>,
    password: Option<&str>,
    out: &mut Zeroizing<Vec<u8>>,
) -> Result<(), Failure> {
    let refused = |reason: &str, hint: &str| {
        Failure::new(
            ErrorCode::Usage,
            format!(
                "could not write a netrc entry for {}: {reason}",
                subject(credential)
            ),
        )
        .hint(hint)
    };
    if credential.scheme == Scheme::Bearer {
        return Err(refused(
            "netrc has no place for a bearer token",
            "use `--format header`",
        ));
    }
    let host = credential
        .origin
        .as_deref()
        .or(credential.url.as_deref())
        .and_then(host)
        .ok_or_else(|| {
            refused(
                "no URL is known for it",
                "ask by URL, or bind one with `helper trust NAME URL`",
            )
        })?;
    let secret = password.ok_or_else(|| without_secret(credential))?;
    for (index, (word, value)) in [
        ("machine", host),
        ("login", username.unwrap_or_default()),
        ("password", secret),
    ]
    .into_iter()
    .enumerate()
    {
        if index > 0 {
            out.push(b' ');
        }
        out.extend_from_slice(word.as_bytes());
        out.push(b' ');
        netrc_value(value, out);
    }
    Ok(())
}

/// The host of a URL or origin, as netrc names it: no userinfo, no port, no brackets.
fn host(url: &str) -> Option<&str> {
    let authority = url.split_once("://")?.1.split(['/', '?', '#']).next()?;
    let place = authority
        .rsplit_once('@')
        .map_or(authority, |(_, host)| host);
    let host = match place.strip_prefix('[') {
        Some(rest) => rest.split_once(']')?.0,
        None => place.split_once(':').map_or(place, |(host, _)| host),
    };
    (!host.is_empty()).then_some(host)
}

/// A value as a netrc has it, in quotes only where it must be: both Python's and curl's readers know `"` and `\`.
pub fn netrc_value(value: &str, out: &mut Zeroizing<Vec<u8>>) {
    let plain = !value.is_empty()
        && !value
            .chars()
            .any(|c| c.is_whitespace() || matches!(c, '"' | '\'' | '\\' | '#'));
    if plain {
        out.extend_from_slice(value.as_bytes());
        return;
    }
    out.push(b'"');
    for byte in value.bytes() {
        if matches!(byte, b'"' | b'\\') {
            out.push(b'\\');
        }
        out.push(byte);
    }
    out.push(b'"');
}

/// The lines for people that come with a credential.
pub fn warnings(warnings: &[String]) -> String {
    let mut text = String::new();
    for warning in warnings {
        text.push_str("helper: warning: ");
        text.push_str(&shown(warning));
        text.push('\n');
    }
    text
}

/// An error for people.
pub fn failure_text(failure: &Failure) -> String {
    let mut text = format!("helper: {}\n", shown(&failure.message));
    if let Some(hint) = &failure.hint {
        text.push_str("hint: ");
        text.push_str(&shown(hint));
        text.push('\n');
    }
    text
}

/// An error for programs: one object on one line, its keys always there.
pub fn failure_json(failure: &Failure) -> String {
    #[derive(Serialize)]
    struct Object<'a> {
        error: &'static str,
        message: &'a str,
        hint: Option<&'a str>,
        providers: &'a [ProviderAnswer],
    }
    let object = Object {
        error: failure.code.word(),
        message: &failure.message,
        hint: failure.hint.as_deref(),
        providers: &failure.providers,
    };
    let mut text = serde_json::to_string(&object).unwrap_or_else(|_| {
        r#"{"error":"internal","message":"could not write the error","hint":null,"providers":[]}"#
            .to_owned()
    });
    text.push('\n');
    text
}

/// Where text goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stream {
    /// Standard output: data.
    Out,
    /// Standard error: for people.
    Err,
}

/// Writes past the standard library's buffers, which are never wiped. A reader that has gone has
/// what it wanted: that is success.
pub fn emit(stream: Stream, bytes: &[u8]) -> Result<(), Failure> {
    write_all(stream, bytes).or_else(|error| match error.kind() {
        io::ErrorKind::BrokenPipe => Ok(()),
        _ => Err(Failure::new(
            ErrorCode::Unavailable,
            format!("could not write the answer: {error}"),
        )
        .hint("see where the output goes, and whether there is room")),
    })
}

#[cfg(unix)]
fn write_all(stream: Stream, bytes: &[u8]) -> io::Result<()> {
    // By their numbers: the library's streams come with a buffer.
    match stream {
        Stream::Out => write_to(rustix::stdio::stdout(), bytes),
        Stream::Err => write_to(rustix::stdio::stderr(), bytes),
    }
}

#[cfg(unix)]
fn write_to(to: std::os::fd::BorrowedFd<'_>, mut bytes: &[u8]) -> io::Result<()> {
    use rustix::event::{PollFd, PollFlags, poll};
    use rustix::io::Errno;
    while !bytes.is_empty() {
        match rustix::io::write(to, bytes) {
            Ok(count) => bytes = &bytes[count..],
            Err(Errno::INTR) => {}
            // Somebody has made the terminal or pipe non-blocking: wait as a blocking one would.
            Err(Errno::AGAIN) => {
                poll(&mut [PollFd::from_borrowed_fd(to, PollFlags::OUT)], None)?;
            }
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}

#[cfg(not(unix))]
fn write_all(stream: Stream, bytes: &[u8]) -> io::Result<()> {
    use io::Write;
    // A Windows console takes text only through the library's conversion.
    match stream {
        Stream::Out => {
            let mut out = io::stdout().lock();
            out.write_all(bytes)?;
            out.flush()
        }
        Stream::Err => io::stderr().lock().write_all(bytes),
    }
}

#[cfg(test)]
#[path = "render_tests.rs"]
mod tests;
