//! Where a credential that came back may be sent, held against the place that the tool named.

use std::net::Ipv6Addr;

/// Whether an origin, as the agent tells it, is that of a tool's `host[:port]`; without a scheme,
/// that of the origin holds. Two spellings that this does not know to be one place are two.
pub(super) fn is_at(origin: &str, scheme: Option<&str>, authority: &str) -> bool {
    let Some((known, place)) = origin.split_once("://") else {
        return false;
    };
    scheme.is_none_or(|scheme| scheme.eq_ignore_ascii_case(known))
        && matches!(
            (host_port(place, known), host_port(authority, known)),
            (Some(one), Some(other)) if one == other
        )
}

/// Whether the text can be `host[:port]` of a URL and nothing else.
pub(super) fn is_authority(text: &str) -> bool {
    let part_of_other_things = |c: char| c.is_whitespace() || "/?#@\\%".contains(c);
    !text.is_empty() && !text.starts_with(':') && !text.contains(part_of_other_things)
}

/// Host and port as the agent writes them: lower case, without a trailing dot, without the port
/// that the scheme means anyway.
fn host_port(authority: &str, scheme: &str) -> Option<(String, Option<u16>)> {
    if !is_authority(authority) {
        return None;
    }
    let (host, port) = if let Some(rest) = authority.strip_prefix('[') {
        let (address, port) = rest.split_once(']')?;
        (address.parse::<Ipv6Addr>().ok()?.to_string(), port)
    } else {
        let end = authority.find(':').unwrap_or(authority.len());
        let (host, port) = authority.split_at(end);
        let host = host.strip_suffix('.').unwrap_or(host);
        (host.to_ascii_lowercase(), port)
    };
    let port = match port.strip_prefix(':') {
        None if port.is_empty() => None,
        Some("") => None,
        Some(digits) if digits.bytes().all(|byte| byte.is_ascii_digit()) => {
            Some(digits.parse().ok()?)
        }
        _ => return None,
    };
    let usual = match scheme {
        "https" => Some(443),
        "http" => Some(80),
        _ => None,
    };
    Some((host, port.filter(|port| Some(*port) != usual)))
}

#[cfg(test)]
mod tests {
    use super::is_at;

    #[test]
    fn the_same_place_in_other_words() {
        for (origin, scheme, authority) in [
            ("https://h.example", Some("https"), "H.Example"),
            ("https://h.example", Some("HTTPS"), "h.example.:443"),
            ("https://h.example", None, "h.example:443"),
            ("http://h.example", None, "h.example:80"),
            ("http://h.example:8080", Some("http"), "h.example:8080"),
            ("https://[::1]:8443", Some("https"), "[0:0::0:1]:8443"),
        ] {
            assert!(is_at(origin, scheme, authority), "{origin} {authority}");
        }
    }

    #[test]
    fn another_place() {
        for (origin, scheme, authority) in [
            ("https://h.example", Some("http"), "h.example"),
            ("http://h.example", Some("https"), "h.example"),
            ("https://h.example", Some("https"), "h.example:80"),
            ("http://h.example", None, "h.example:443"),
            ("https://h.example", None, "h.example:8443"),
            ("https://h.example:8443", None, "h.example"),
            ("https://h.example", None, "evil.example"),
            ("https://h.example", None, "h.example@evil.example"),
            ("https://h.example", None, "h.example/x"),
            ("https://h.example", None, "h%2eexample"),
            ("https://h.example", None, "h.example:+443"),
            ("https://h.example", None, "h.example:443:1"),
            ("https://127.0.0.1", None, "0x7f.1"),
            ("https://[::1]", None, "[::1]x"),
            ("h.example", None, "h.example"),
            ("", None, ""),
        ] {
            assert!(!is_at(origin, scheme, authority), "{origin} {authority}");
        }
    }
}
