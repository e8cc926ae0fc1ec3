//! Changes of a TOML document by key path, in whatever form the user wrote it: `[a.b]`, `a.b.c =`
//! or `a = { b = {} }`. Comments stay, also those that stood above a table that goes.

use credential_helper_protocol::{ErrorCode, Failure};
use toml_edit::{DocumentMut, Item, Table, TableLike, Value};

use crate::domain::text::shown;

/// Sets a value; the tables on the way are created. A value that is the same stays as written.
pub fn set(document: &mut DocumentMut, path: &[&str], value: Value) -> Result<(), Failure> {
    let Some((leaf, parents)) = path.split_last() else {
        return Ok(());
    };
    let not_a = |what: &str, path: &[&str]| {
        let path = shown(&path.join("."));
        Failure::new(ErrorCode::Malformed, format!("{path} is not a {what}"))
            .hint("correct it by hand, then try again; nothing was changed")
    };
    keep_head(document);
    let mut table: &mut dyn TableLike = document.as_table_mut();
    for (depth, part) in parents.iter().enumerate() {
        if table.get(part).is_none_or(Item::is_none) {
            let mut new = Table::new();
            new.set_implicit(depth + 1 < parents.len());
            // Where the file says `a.b.c = 1`, a header `[a.d]` would define `a` twice.
            new.set_dotted(table.is_dotted());
            table.insert(part, Item::Table(new));
        }
        table = table
            .get_mut(part)
            .and_then(Item::as_table_like_mut)
            .ok_or_else(|| not_a("table", &parents[..=depth]))?;
    }
    match table.get_mut(leaf) {
        None | Some(Item::None) => {
            table.insert(leaf, Item::Value(value));
        }
        Some(Item::Value(old)) if !old.is_inline_table() => {
            if !same(old, &value) {
                let decor = old.decor().clone();
                *old = value;
                *old.decor_mut() = decor;
            }
        }
        Some(_) => return Err(not_a("value", path)),
    }
    Ok(())
}

/// Removes a value, and the tables on the way that become empty. True if it was there.
pub fn remove(document: &mut DocumentMut, path: &[&str]) -> bool {
    let Some((leaf, parents)) = path.split_last() else {
        return false;
    };
    within(document, parents, &mut |table| {
        is_value(table.get(leaf)) && table.remove(leaf).is_some()
    })
}

/// Removes the values of a table but not the tables in it, which are entries of other names
/// (`[http-basic.my.repo]` was Poetry's older spelling of `my.repo`, and lies within `my`). True if
/// the table was there.
pub fn remove_values(document: &mut DocumentMut, path: &[&str]) -> bool {
    within(document, path, &mut |table| {
        let values = table.iter().filter(|(_, item)| is_value(Some(item)));
        let keys: Vec<String> = values.map(|(key, _)| key.to_owned()).collect();
        for key in &keys {
            table.remove(key);
        }
        !keys.is_empty() || table.is_empty()
    })
}

/// What stands at a path.
pub fn get<'a>(document: &'a DocumentMut, path: &[&str]) -> Option<&'a Item> {
    let mut item = document.as_item();
    for part in path {
        item = item.as_table_like()?.get(part)?;
    }
    (!item.is_none()).then_some(item)
}

fn is_value(item: Option<&Item>) -> bool {
    item.is_some_and(|item| {
        !item.is_none() && item.as_table_like().is_none() && !item.is_array_of_tables()
    })
}

fn same(old: &Value, new: &Value) -> bool {
    match (old, new) {
        (Value::String(old), Value::String(new)) => old.value() == new.value(),
        (Value::Boolean(old), Value::Boolean(new)) => old.value() == new.value(),
        _ => false,
    }
}

/// In a file of comments alone they belong to its end; they are to stay at its head.
pub fn keep_head(document: &mut DocumentMut) {
    if document.as_table().is_empty()
        && let Some(text) = document.trailing().as_str().map(str::to_owned)
        && !text.is_empty()
    {
        document.set_trailing("");
        let end = if text.ends_with('\n') { "" } else { "\n" };
        document
            .as_table_mut()
            .decor_mut()
            .set_prefix(format!("{text}{end}"));
    }
}

/// Calls `act` on the table at the path; where it says that it removed something, the tables on
/// the way that are now empty go too (Poetry 2.4, `FileConfigSource.remove_property`).
fn within(
    document: &mut DocumentMut,
    path: &[&str],
    act: &mut dyn FnMut(&mut dyn TableLike) -> bool,
) -> bool {
    let mut lost = Vec::new();
    let removed = descend(document.as_table_mut(), path, act, &mut lost);
    // The innermost table comes first here and stands last in the file.
    for comment in lost {
        keep_comment(document, &comment);
    }
    removed
}

fn descend(
    table: &mut dyn TableLike,
    path: &[&str],
    act: &mut dyn FnMut(&mut dyn TableLike) -> bool,
    lost: &mut Vec<Comment>,
) -> bool {
    let Some((first, rest)) = path.split_first() else {
        return act(table);
    };
    let Some(item) = table.get_mut(first) else {
        return false;
    };
    let Some(child) = item.as_table_like_mut() else {
        return false;
    };
    if !descend(child, rest, act, lost) {
        return false;
    }
    if child.is_empty() {
        lost.extend(item.as_table().and_then(Comment::above));
        table.remove(first);
    }
    true
}

/// A comment above the header of a table that goes, and where it stood.
pub struct Comment {
    position: isize,
    text: String,
}

impl Comment {
    /// The comment above a table's header, if there is one.
    pub fn above(table: &Table) -> Option<Self> {
        let text = table.decor().prefix()?.as_str()?;
        text.contains('#').then(|| Self {
            position: table.position().unwrap_or(isize::MAX),
            text: text.to_owned(),
        })
    }
}

/// Puts a comment above the next table of the file, or at the file's end.
pub fn keep_comment(document: &mut DocumentMut, comment: &Comment) {
    let mut next: Option<isize> = None;
    each_table(document.as_table_mut(), &mut |table| {
        let after = table.position().filter(|at| *at > comment.position);
        next = next.into_iter().chain(after).min();
    });
    let Some(next) = next else {
        let trailing = document.trailing().as_str().unwrap_or_default().to_owned();
        document.set_trailing(format!("{}{trailing}", comment.text));
        return;
    };
    each_table(document.as_table_mut(), &mut |table| {
        if table.position() == Some(next) {
            let prefix = table.decor().prefix().and_then(|prefix| prefix.as_str());
            let prefix = format!("{}{}", comment.text, prefix.unwrap_or("\n"));
            table.decor_mut().set_prefix(prefix);
        }
    });
}

fn each_table(table: &mut Table, act: &mut dyn FnMut(&mut Table)) {
    for (_, item) in table.iter_mut() {
        match item {
            Item::Table(child) => {
                act(child);
                each_table(child, act);
            }
            Item::ArrayOfTables(tables) => {
                for child in tables.iter_mut() {
                    act(child);
                    each_table(child, act);
                }
            }
            Item::None | Item::Value(_) => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use toml_edit::DocumentMut;

    use super::{get, remove, remove_values, set};

    fn document(text: &str) -> DocumentMut {
        text.parse().unwrap()
    }

    #[test]
    fn set_keeps_the_form() {
        for (old, new) in [
            ("", "[a.b]\nc = \"x\"\n"),
            ("# head\n", "# head\n[a.b]\nc = \"x\"\n"),
            ("# head", "# head\n[a.b]\nc = \"x\"\n"),
            (
                "[a.b] # t\nc = 'y' # e\n# end\n",
                "[a.b] # t\nc = \"x\" # e\n# end\n",
            ),
            (
                "[a.b]\nc = 'x' # as it was\n",
                "[a.b]\nc = 'x' # as it was\n",
            ),
            ("a.b.d = 1\n", "a.b.d = 1\na.b.c = \"x\"\n"),
            ("a.z.d = 1\n", "a.z.d = 1\na.b.c = \"x\"\n"),
            (
                "a = { b = { d = 1 } }\n",
                "a = { b = { d = 1 , c = \"x\" } }\n",
            ),
            ("a = {}\n", "a = { b = { c = \"x\" } }\n"),
            ("[a]\nb.d = 1\n", "[a]\nb.d = 1\nb.c = \"x\"\n"),
            ("[a.b.q]\nd = 1\n", "[a.b]\nc = \"x\"\n[a.b.q]\nd = 1\n"),
            (
                "[a.z]\nd = 1\n\n# next\n[n]\nd = 1\n",
                "[a.z]\nd = 1\n\n[a.b]\nc = \"x\"\n\n# next\n[n]\nd = 1\n",
            ),
        ] {
            let mut doc = document(old);
            set(&mut doc, &["a", "b", "c"], "x".into()).unwrap();
            let text = doc.to_string();
            let read = document(&text);
            let value =
                get(&read, &["a", "b", "c"]).and_then(|item| item.as_str().map(str::to_owned));
            assert_eq!(value.as_deref(), Some("x"), "{text}");
            assert_eq!(text, new, "of {old:?}");
        }
    }

    #[test]
    fn what_is_no_table_is_left_alone() {
        for text in [
            "a = 1\n",
            "[a]\nb = 1\n",
            "[[a]]\nb = 1\n",
            "[a.b.c]\nd = 1\n",
            "a.b.c = {}\n",
        ] {
            let mut doc = document(text);
            assert!(
                set(&mut doc, &["a", "b", "c"], "x".into()).is_err(),
                "{text}"
            );
            assert_eq!(doc.to_string(), text);
            assert!(!remove(&mut doc, &["a", "b", "c"]), "{text}");
        }
    }

    #[test]
    fn remove_prunes_and_keeps_comments() {
        for (old, new) in [
            ("[a.b]\nc = 1\n", ""),
            ("[a.b]\nc = 1\nd = 2\n", "[a.b]\nd = 2\n"),
            (
                "# head\n\n[a.b]\nc = 1\n\n# n\n[n]\nx = 1\n",
                "# head\n\n\n# n\n[n]\nx = 1\n",
            ),
            (
                "# head\n[a]\n# b\n[a.b]\nc = 1\n# end\n",
                "# head\n# b\n# end\n",
            ),
            ("[n]\nx = 1\n# b\n[a.b]\nc = 1\n", "[n]\nx = 1\n# b\n"),
            ("a.b.c = 1\nz = 1\n", "z = 1\n"),
            ("a = { b = { c = 1 }, z = 1 }\n", "a = { z = 1 }\n"),
            ("[a]\nk = 1\n[a.b]\nc = 1\n", "[a]\nk = 1\n"),
        ] {
            let mut doc = document(old);
            assert!(remove(&mut doc, &["a", "b", "c"]));
            assert!(!remove(&mut doc, &["a", "b", "c"]));
            assert_eq!(doc.to_string(), new, "of {old:?}");
        }
    }

    #[test]
    fn entries_of_other_names_stay() {
        let mut doc = document("[a.my]\nu = 1\n[a.my.repo]\nu = 2\n");
        assert!(remove_values(&mut doc, &["a", "my"]));
        assert!(get(&doc, &["a", "my", "u"]).is_none());
        assert!(get(&doc, &["a", "my", "repo", "u"]).is_some());
        assert!(remove_values(&mut doc, &["a", "my", "repo"]));
        assert_eq!(doc.to_string(), "");
        assert!(remove_values(&mut document("[a.my]\n"), &["a", "my"]));
    }
}
