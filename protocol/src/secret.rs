//! A secret, from the byte it is read to the byte it is written.

use std::fmt;

use zeroize::Zeroizing;

/// A password or token: wiped when dropped, never printed, compared or serialised by accident.
///
/// It has no `Display`, `Serialize`, `Deref` or `==`. The doors are [`Secret::expose`] and, for
/// the two or three fields that travel, [`on_wire`].
///
/// ```compile_fail,E0277
/// #[derive(serde::Serialize)]
/// struct Held { secret: credential_helper_protocol::Secret }
/// ```
#[derive(Clone, Default)]
pub struct Secret(Zeroizing<String>);

impl Secret {
    /// Takes the text over; the caller's buffer is the one that is wiped later.
    pub fn new(text: String) -> Self {
        Self(Zeroizing::new(text))
    }

    /// The text itself. Name the reason where you call it.
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// Whether there is no text at all.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether both hold the same text, in a time that depends on the lengths only.
    pub fn same(&self, other: &Self) -> bool {
        let (left, right) = (self.0.as_bytes(), other.0.as_bytes());
        left.len() == right.len()
            && left
                .iter()
                .zip(right)
                .fold(0, |differs, (a, b)| differs | (a ^ b))
                == 0
    }
}

impl From<&str> for Secret {
    fn from(text: &str) -> Self {
        Self::new(text.to_owned())
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(..)")
    }
}

/// For `#[serde(with = "on_wire")]` on the fields that really travel.
pub mod on_wire {
    use serde::{Deserialize, Deserializer, Serialize, Serializer};
    use zeroize::Zeroizing;

    use super::Secret;

    /// Writes the secret as a JSON string, or null.
    pub fn serialize<S: Serializer>(value: &Option<Secret>, to: S) -> Result<S::Ok, S::Error> {
        value.as_ref().map(Secret::expose).serialize(to)
    }

    /// Reads a JSON string, or null, into a wiped buffer.
    pub fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Secret>, D::Error> {
        Ok(Option::<Zeroizing<String>>::deserialize(from)?.map(Secret))
    }
}

#[cfg(test)]
mod tests {
    use super::Secret;

    #[test]
    fn debug_shows_nothing() {
        assert_eq!(format!("{:?}", Secret::from("hunter2")), "Secret(..)");
    }

    #[test]
    fn same_compares_whole_texts() {
        assert!(Secret::from("abc").same(&Secret::from("abc")));
        assert!(!Secret::from("abc").same(&Secret::from("abd")));
        assert!(!Secret::from("abc").same(&Secret::from("ab")));
    }
}
