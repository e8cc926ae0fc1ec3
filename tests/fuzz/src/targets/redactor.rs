//! The masks of `exec`.

use std::convert::Infallible;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE, URL_SAFE_NO_PAD};
use credential_helper_protocol::{Credential, Secret};
use url::Url;

use crate::ci::mask::{Mask, Stream};
use crate::ci::spellings::{Spelling, for_masks, of};

/// A byte for the length of reads, the account and the secret on a line each, then what a program
/// writes, with the bytes 1 to 9 for spellings of the secret that others made.
pub fn target(data: &[u8]) {
    let Some((chunk, rest)) = data.split_first() else {
        return;
    };
    let mut parts = rest.splitn(3, |byte| *byte == b'\n');
    let (Some(username), Some(secret), Some(body)) = (parts.next(), parts.next(), parts.next())
    else {
        return;
    };
    let (Ok(username), Ok(secret)) = (std::str::from_utf8(username), std::str::from_utf8(secret))
    else {
        return;
    };
    // What stands for a secret would be found as a part of one.
    if secret.is_empty() || secret.contains('*') || username.len() + secret.len() > 200 {
        return;
    }
    let credential = Credential {
        username: Some(username.to_owned()).filter(|name| !name.is_empty()),
        password: Some(Secret::from(secret)),
        ..Credential::default()
    };
    let others = spelled(username, secret);
    let mut written = Vec::new();
    for byte in body {
        match others.get(usize::from(*byte).wrapping_sub(1)) {
            Some(spelling) => written.extend_from_slice(spelling.as_bytes()),
            None => written.push(*byte),
        }
    }
    let Ok(mask) = Mask::new(of(&credential)) else {
        return;
    };
    let out = masked(&mask, &written, usize::from(*chunk).max(1));
    for other in &others {
        assert!(!holds(&out, other.as_bytes()), "a secret came through");
    }
    assert_eq!(out, masked(&mask, &written, written.len().max(1)));
    let known = of(&credential);
    if !known.iter().any(|one| holds(&written, one.as_bytes())) {
        assert_eq!(out, written, "what holds no secret was changed");
    }
    for one in for_masks(&credential) {
        assert!(known.contains(&one), "a CI system masks more than we do");
    }
}

/// As others spell it: Python's `quote`, a URL parser, encoders of base64, of JSON.
fn spelled(username: &str, secret: &str) -> Vec<String> {
    let quoted: String = secret
        .bytes()
        .map(|byte| match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
                char::from(byte).to_string()
            }
            _ => format!("%{byte:02X}"),
        })
        .collect();
    let pair = format!("{username}:{secret}");
    let json = serde_json::to_string(secret).unwrap_or_default();
    let mut all = vec![
        secret.to_owned(),
        quoted.clone(),
        STANDARD.encode(&pair),
        URL_SAFE.encode(&pair),
        STANDARD_NO_PAD.encode(&pair),
        STANDARD.encode(secret),
        URL_SAFE_NO_PAD.encode(secret),
        json[1..json.len() - 1].to_owned(),
    ];
    // Lower-case digits, where the secret itself has no letters that would change.
    let lower: String = percent_lower(&quoted);
    all.push(lower);
    all
}

fn percent_lower(quoted: &str) -> String {
    let mut out = String::new();
    let mut left = 0_u8;
    for c in quoted.chars() {
        if c == '%' {
            left = 3;
        }
        out.push(if left > 0 { c.to_ascii_lowercase() } else { c });
        left = left.saturating_sub(1);
    }
    out
}

fn masked(mask: &Mask, bytes: &[u8], chunk: usize) -> Vec<u8> {
    let mut stream = Stream::new(mask, chunk);
    let mut out = Vec::new();
    let mut write = |bytes: &[u8]| -> Result<(), Infallible> {
        out.extend_from_slice(bytes);
        Ok(())
    };
    for part in bytes.chunks(chunk) {
        stream.space()[..part.len()].copy_from_slice(part);
        let Ok(()) = stream.took(part.len(), &mut write);
    }
    let Ok(()) = stream.end(&mut write);
    out
}

fn holds(text: &[u8], part: &[u8]) -> bool {
    !part.is_empty() && text.windows(part.len()).any(|window| window == part)
}
