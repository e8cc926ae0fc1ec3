//! What `get` prints, byte for byte as Python's keyring prints it.

use credential_helper_protocol::text::{has_control, shown};
use credential_helper_protocol::{Credential, ErrorCode, Failure, Scheme};
use zeroize::Zeroizing;

use super::arguments::Mode;

/// How it is printed.
#[derive(Clone, Copy)]
pub(super) struct Form {
    /// What.
    pub(super) mode: Mode,
    /// As an object.
    pub(super) json: bool,
    /// The reader takes line ends off at both sides and wants two lines: PDM, which then gives the
    /// whole keyring up (`unearth/auth.py`, `cred.splitlines()`).
    pub(super) both_lines: bool,
}

/// The text, in a buffer that is wiped and never moves.
///
/// # Errors
/// `malformed` for what cannot be told in this form.
pub(super) fn text(credential: &Credential, form: Form) -> Result<Zeroizing<Vec<u8>>, Failure> {
    let refused = |why: &str| {
        let from = shown(&credential.provider);
        Failure::new(
            ErrorCode::Malformed,
            format!("could not print the credential from {from} as keyring does: {why}"),
        )
    };
    let Some(secret) = &credential.password else {
        return Err(refused("it has no password"));
    };
    let password = secret.expose();
    let username = match form.mode {
        Mode::Password => None,
        Mode::Creds if credential.scheme == Scheme::Bearer => {
            return Err(refused("it is a bearer token, which has no username")
                .hint("`helper get --format header` prints it"));
        }
        Mode::Creds => Some(credential.username.as_deref().unwrap_or_default()),
    };
    let parts = [("username", username), ("password", Some(password))];
    let parts = parts
        .iter()
        .filter_map(|(key, value)| Some((*key, (*value)?)));
    let length: usize = parts
        .clone()
        .map(|(key, value)| key.len() + value.len())
        .sum();
    // An escape is at most six times as long as what it stands for.
    let mut out = Zeroizing::new(Vec::with_capacity(64 + 6 * length));
    if form.json {
        let mut before = "{";
        for (key, value) in parts {
            out.extend_from_slice(format!("{before}\"{key}\": ").as_bytes());
            quote(value, &mut out);
            before = ", ";
        }
        out.extend_from_slice(b"}\n");
        return Ok(out);
    }
    for (key, value) in parts {
        if breaks(value) {
            return Err(refused(&format!("its {key} holds a control character"))
                .hint("store it again with `helper set`"));
        }
        if form.both_lines && form.mode == Mode::Creds && value.is_empty() {
            return Err(refused(&format!(
                "its {key} is empty, and two lines are wanted"
            )));
        }
        out.extend_from_slice(value.as_bytes());
        out.push(b'\n');
    }
    Ok(out)
}

/// Whether a value is not one line to every reader: Python's `splitlines` knows two separators that
/// are no control characters.
fn breaks(value: &str) -> bool {
    has_control(value) || value.contains(['\u{2028}', '\u{2029}'])
}

/// A string as Python's `json.dumps` writes it: ASCII, everything else as escapes of UTF-16.
fn quote(value: &str, out: &mut Vec<u8>) {
    out.push(b'"');
    for c in value.chars() {
        let short = match c {
            '"' | '\\' => c,
            '\n' => 'n',
            '\r' => 'r',
            '\t' => 't',
            '\u{8}' => 'b',
            '\u{c}' => 'f',
            ' '..='~' => {
                let mut one = [0];
                out.extend_from_slice(c.encode_utf8(&mut one).as_bytes());
                continue;
            }
            _ => {
                let mut units = Zeroizing::new([0; 2]);
                for unit in c.encode_utf16(&mut *units) {
                    escape(*unit, out);
                }
                continue;
            }
        };
        let mut one = [0];
        out.push(b'\\');
        out.extend_from_slice(short.encode_utf8(&mut one).as_bytes());
    }
    out.push(b'"');
}

/// One unit of UTF-16 in four digits.
fn escape(unit: u16, out: &mut Vec<u8>) {
    out.extend_from_slice(b"\\u");
    for shift in [12, 8, 4, 0] {
        out.push(b"0123456789abcdef"[usize::from(unit >> shift & 0xf)]);
    }
}
