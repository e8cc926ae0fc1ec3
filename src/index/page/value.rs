//! JSON values as pages have them: borrowed, and of whatever kind a server made them.

use std::borrow::Cow;
use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};

use super::listed::Pairs;

/// Digests, or a word in their place.
#[derive(Debug, Default)]
pub(super) enum Digests<'a> {
    #[default]
    Null,
    Bool(bool),
    Pairs(Pairs<'a>),
    Other,
}

impl<'de: 'a, 'a> Deserialize<'de> for Digests<'a> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        from.deserialize_any(OfDigests)
    }
}

struct OfDigests;

impl<'de> Visitor<'de> for OfDigests {
    type Value = Digests<'de>;

    fn expecting(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        to.write_str("digests")
    }

    fn visit_unit<E>(self) -> Result<Digests<'de>, E> {
        Ok(Digests::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Digests<'de>, E> {
        Ok(Digests::Bool(value))
    }

    fn visit_u64<E>(self, _: u64) -> Result<Digests<'de>, E> {
        Ok(Digests::Other)
    }

    fn visit_i64<E>(self, _: i64) -> Result<Digests<'de>, E> {
        Ok(Digests::Other)
    }

    fn visit_f64<E>(self, _: f64) -> Result<Digests<'de>, E> {
        Ok(Digests::Other)
    }

    fn visit_str<E>(self, _: &str) -> Result<Digests<'de>, E> {
        Ok(Digests::Other)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Digests<'de>, A::Error> {
        while list.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Digests::Other)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Digests<'de>, A::Error> {
        let mut pairs = Pairs::default();
        let mut sound = true;
        while let Some(name) = map.next_key::<Value<'de>>()? {
            match (name, map.next_value()?) {
                (Value::Text(name), Value::Text(value)) => pairs.add(name, value),
                _ => sound = false,
            }
        }
        Ok(if sound {
            Digests::Pairs(pairs)
        } else {
            Digests::Other
        })
    }
}

/// Any value, as far as something here can be made of it.
#[derive(Clone, Debug, Default)]
pub(super) enum Value<'a> {
    #[default]
    Null,
    Bool(bool),
    Number(u64),
    Text(Cow<'a, str>),
    Map(Vec<(Cow<'a, str>, Self)>),
    List(Vec<Self>),
    Other,
}

impl<'de: 'a, 'a> Deserialize<'de> for Value<'a> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        from.deserialize_any(Any)
    }
}

struct Any;

impl<'de> Visitor<'de> for Any {
    type Value = Value<'de>;

    fn expecting(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        to.write_str("a value")
    }

    fn visit_unit<E>(self) -> Result<Value<'de>, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value<'de>, E> {
        Ok(Value::Bool(value))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value<'de>, E> {
        Ok(Value::Number(value))
    }

    fn visit_i64<E>(self, _: i64) -> Result<Value<'de>, E> {
        Ok(Value::Other)
    }

    fn visit_f64<E>(self, _: f64) -> Result<Value<'de>, E> {
        Ok(Value::Other)
    }

    fn visit_borrowed_str<E>(self, value: &'de str) -> Result<Value<'de>, E> {
        Ok(Value::Text(Cow::Borrowed(value)))
    }

    fn visit_str<E>(self, value: &str) -> Result<Value<'de>, E> {
        Ok(Value::Text(Cow::Owned(value.to_owned())))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Value<'de>, A::Error> {
        let mut all = Vec::new();
        while let Some(key) = map.next_key::<Value<'de>>()? {
            let value = map.next_value()?;
            if let Value::Text(key) = key
                && all.len() < 64
            {
                all.push((key, value));
            }
        }
        Ok(Value::Map(all))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Value<'de>, A::Error> {
        let mut all = Vec::new();
        while all.len() < 64 {
            match list.next_element()? {
                Some(value) => all.push(value),
                None => return Ok(Value::List(all)),
            }
        }
        while list.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Value::List(all))
    }
}

impl<'a> Value<'a> {
    /// The text, where it is one; `Err` where it is something else that is not `null`.
    pub(super) fn text(self) -> Result<Option<Cow<'a, str>>, ()> {
        match self {
            Self::Null => Ok(None),
            Self::Text(text) => Ok(Some(text)),
            _ => Err(()),
        }
    }

    pub(super) fn get(&self, key: &str) -> Option<&Self> {
        let Self::Map(all) = self else { return None };
        all.iter()
            .find(|(name, _)| name == key)
            .map(|(_, value)| value)
    }

    pub(super) fn get_text(&self, key: &str) -> Option<&str> {
        match self.get(key)? {
            Self::Text(text) => Some(text),
            _ => None,
        }
    }
}
