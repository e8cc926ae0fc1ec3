//! The conditions in PyPI's tokens: JSON, in the forms of `warehouse/macaroons/caveats` and, of
//! tokens from before 2022, of its `_legacy.py`.

use serde_json::Value;

use super::token::LAST;

/// What a condition says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Caveat {
    /// Good in this time, in seconds since 1970: up to the first, from the second on.
    Time { ends: u64, begins: u64 },
    /// Good for these projects, by their normalised names.
    Names(Vec<String>),
    /// Good for these projects, by PyPI's own numbers for them.
    Ids(Vec<String>),
    /// Good for the user that it belongs to: no limit.
    User,
    /// Good for the projects of a trusted publisher.
    Publisher,
    /// Not understood: PyPI refuses a token with such a condition.
    Unknown,
}

impl Caveat {
    /// Reads one.
    pub(super) fn read(predicate: &[u8]) -> Self {
        serde_json::from_slice::<Value>(predicate)
            .ok()
            .and_then(|value| match value {
                Value::Array(fields) => tagged(&fields),
                Value::Object(fields) => legacy(&|key| fields.get(key)),
                _ => None,
            })
            .unwrap_or(Self::Unknown)
    }

    /// Limits to one project, by its normalised name.
    pub(super) fn project(name: &str) -> String {
        format!("[1,[\"{name}\"]]")
    }

    /// Limits to the time until then.
    pub(super) fn until(ends: u64) -> String {
        format!("[0,{ends},0]")
    }
}

/// A tag and its fields; later versions may add fields at the end.
fn tagged(fields: &[Value]) -> Option<Caveat> {
    let field = |at: usize| fields.get(at);
    match field(0)?.as_u64()? {
        0 => time(field(1)?, field(2)?),
        1 => names(field(1)?).map(Caveat::Names),
        2 => names(field(1)?).map(Caveat::Ids),
        3 => field(1)?.is_string().then_some(Caveat::User),
        4 => field(1)?.is_string().then_some(Caveat::Publisher),
        _ => None,
    }
}

/// The forms with keys: version 1 (`permissions`), then times, then projects by number.
fn legacy<'a>(field: &impl Fn(&str) -> Option<&'a Value>) -> Option<Caveat> {
    if field("version").and_then(Value::as_u64) == Some(1) {
        return match field("permissions")? {
            Value::String(word) if word == "user" => Some(Caveat::User),
            permissions => names(permissions.get("projects")?).map(Caveat::Names),
        };
    }
    match (field("exp"), field("nbf"), field("project_ids")) {
        (Some(ends), Some(begins), _) => time(ends, begins),
        (_, _, Some(ids)) => names(ids).map(Caveat::Ids),
        _ => None,
    }
}

/// Times before 1970 have passed as well.
fn time(ends: &Value, begins: &Value) -> Option<Caveat> {
    let seconds = |value: &Value| {
        let early = value.as_i64().filter(|seconds| *seconds < 0).map(|_| 0);
        value.as_u64().or(early).map(|seconds| seconds.min(LAST))
    };
    Some(Caveat::Time {
        ends: seconds(ends)?,
        begins: seconds(begins)?,
    })
}

fn names(value: &Value) -> Option<Vec<String>> {
    let texts = value.as_array()?.iter();
    texts.map(|one| one.as_str().map(str::to_owned)).collect()
}

#[cfg(test)]
mod tests {
    use super::Caveat;

    #[test]
    fn every_form_that_pypi_has_written() {
        let texts = |texts: &[&str]| texts.iter().map(ToString::to_string).collect();
        let time = |ends, begins| Caveat::Time { ends, begins };
        for (predicate, expected) in [
            (r#"{"version": 1, "permissions": "user"}"#, Caveat::User),
            (
                r#"{"version": 1, "permissions": {"projects": ["foo", "bar"]}}"#,
                Caveat::Names(texts(&["foo", "bar"])),
            ),
            (r#"{"nbf": 10, "exp": 20}"#, time(20, 10)),
            (r#"{"project_ids": ["a-b"]}"#, Caveat::Ids(texts(&["a-b"]))),
            ("[0,20,10]", time(20, 10)),
            ("[0,-20,-30]", time(0, 0)),
            (r#"[1,["foo"]]"#, Caveat::Names(texts(&["foo"]))),
            ("[1,[]]", Caveat::Names(Vec::new())),
            (r#"[2,["a-b"]]"#, Caveat::Ids(texts(&["a-b"]))),
            (r#"[3,"9a5f"]"#, Caveat::User),
            (r#"[4,"9a5f"]"#, Caveat::Publisher),
            (r#"[4,"9a5f",{"sha":"x","ref":"y"}]"#, Caveat::Publisher),
        ] {
            assert_eq!(Caveat::read(predicate.as_bytes()), expected, "{predicate}");
        }
        assert_eq!(Caveat::read(Caveat::until(20).as_bytes()), time(20, 0));
        assert_eq!(
            Caveat::read(Caveat::project("foo").as_bytes()),
            Caveat::Names(texts(&["foo"]))
        );
    }

    #[test]
    fn what_pypi_would_not_understand() {
        for predicate in [
            "",
            "user",
            "null",
            "[]",
            "[5,1]",
            "[0,1]",
            "[0,1.5,2]",
            "[0,\"1\",2]",
            "[1,\"foo\"]",
            "[1,[1]]",
            "[3,null]",
            "[\"1\",[\"foo\"]]",
            "{}",
            r#"{"version":2,"permissions":"user"}"#,
            r#"{"version":1}"#,
            r#"{"version":1,"permissions":{"repositories":[]}}"#,
            "\u{0}",
        ] {
            assert_eq!(Caveat::read(predicate.as_bytes()), Caveat::Unknown);
        }
    }
}
