//! One object: `variables{} unset[]`.

use credential_helper_protocol::{ErrorCode, Failure};
use serde::ser::{Serialize, SerializeMap as _, Serializer};
use zeroize::Zeroizing;

use super::Handed;
use crate::ci::spellings::Spelling;
use crate::ci::variables::Plan;

#[derive(serde::Serialize)]
struct Object<'a> {
    variables: Variables<'a>,
    unset: &'a [String],
}

struct Variables<'a>(&'a Plan);

impl Serialize for Variables<'_> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let mut map = to.serialize_map(Some(self.0.set.len()))?;
        for one in &self.0.set {
            map.serialize_entry(&one.name, one.value.expose())?;
        }
        map.end()
    }
}

/// An object with a key for each, whatever it is called.
struct Texts<'a>(&'a [Spelling]);

impl Serialize for Texts<'_> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let mut map = to.serialize_map(Some(self.0.len()))?;
        for (at, text) in self.0.iter().enumerate() {
            map.serialize_entry(&at, text.as_str())?;
        }
        map.end()
    }
}

pub(super) fn text(plan: &Plan, stale: &[String]) -> Result<Handed, Failure> {
    let stdout = written(&Object {
        variables: Variables(plan),
        unset: stale,
    })?;
    Ok(Handed {
        stdout,
        ..Handed::default()
    })
}

/// What `buildkite-agent redactor add --format json` reads.
pub(super) fn list(masks: &[Spelling]) -> Result<Zeroizing<Vec<u8>>, Failure> {
    written(&Texts(masks))
}

fn written(object: &impl Serialize) -> Result<Zeroizing<Vec<u8>>, Failure> {
    let mut out = Zeroizing::new(Vec::with_capacity(64 * 1024));
    serde_json::to_writer(&mut *out, object)
        .map_err(|_| Failure::new(ErrorCode::Internal, "writing the variables as JSON failed"))?;
    out.push(b'\n');
    Ok(out)
}
