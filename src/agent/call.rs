//! One call as it comes over the wire, before anything is done for it.

use credential_helper_protocol::limits;
use credential_helper_protocol::message::null_is_missing;
use serde::Deserialize;
use serde_json::value::RawValue;

/// The outside of a call.
#[derive(Deserialize)]
pub(super) struct Head<'a> {
    /// Interface and method.
    #[serde(borrow)]
    pub(super) method: std::borrow::Cow<'a, str>,
    #[serde(borrow, default)]
    parameters: Option<&'a RawValue>,
    /// The client wants no reply.
    #[serde(default, deserialize_with = "null_is_missing")]
    pub(super) oneway: bool,
}

impl Head<'_> {
    /// The parameters, or an object without any.
    pub(super) fn parameters(&self) -> &str {
        self.parameters.map_or("{}", RawValue::get)
    }
}

/// The call; none for what cannot be answered (SPECIFICATION, section 2).
pub(super) fn head(message: &[u8]) -> Option<Head<'_>> {
    // The parser would take an array for an object's members in order.
    if !message.trim_ascii_start().starts_with(b"{") || too_deep(message) {
        return None;
    }
    serde_json::from_slice(message).ok()
}

/// Whether brackets outside of strings nest deeper than the limit.
fn too_deep(message: &[u8]) -> bool {
    let (mut depth, mut in_string, mut escaped) = (0_usize, false, false);
    for byte in message {
        match (in_string, byte) {
            (true, _) if escaped => escaped = false,
            (true, b'\\') => escaped = true,
            (_, b'"') => in_string = !in_string,
            (false, b'{' | b'[') => {
                depth += 1;
                if depth > limits::DEPTH {
                    return true;
                }
            }
            (false, b'}' | b']') => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::too_deep;

    #[test]
    fn depth_is_counted_outside_of_strings() {
        assert!(!too_deep(br#"{"a":"[[[[[[[[[[[[[[[[[[[[\"[","b":[1]}"#));
        assert!(too_deep("[".repeat(17).as_bytes()));
        assert!(!too_deep("[]".repeat(17).as_bytes()));
    }
}
