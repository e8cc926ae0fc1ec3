//! TOML files: uv's, cargo's, the helper's own.

use credential_helper_protocol::{ErrorCode, Failure};
use toml_edit::{Array, Decor, DocumentMut, Item, RawString, Table, TableLike, Value};

use super::super::change::Made;
use super::{Put, Take};
use crate::edit::parse;

/// The text with a string in a table.
///
/// # Errors
/// `malformed`.
pub fn put(text: &str, table: &[String], key: &str, value: &str) -> Result<Put, Failure> {
    let mut document = parse(text)?;
    let (inner, section) = make_table(&mut document, table)?;
    if let Some(item) = inner.get(key) {
        return Ok(held(item, key, value));
    }
    inner.insert(key, toml_edit::value(value));
    let made = Made {
        section,
        ..Made::default()
    };
    Ok(Put::New(document.to_string(), made))
}

/// The text without it, and without its table where that was made for it.
///
/// # Errors
/// `malformed`.
pub fn take(
    text: &str,
    table: &[String],
    key: &str,
    value: &str,
    made: &Made,
) -> Result<Take, Failure> {
    let mut document = parse(text)?;
    let Some(inner) = find_table(&mut document, table) else {
        return Ok(Take::Gone);
    };
    match inner.get(key).map(|item| item.as_str() == Some(value)) {
        None => return Ok(Take::Gone),
        Some(false) => return Ok(Take::Changed),
        Some(true) => {}
    }
    inner.remove(key);
    drop_table(&mut document, table, made);
    Ok(Take::New(document.to_string()))
}

/// The text with an element in a list; a new list begins with `first`.
///
/// # Errors
/// `malformed`.
pub fn put_element(
    text: &str,
    table: &[String],
    key: &str,
    value: &str,
    first: &[String],
) -> Result<Put, Failure> {
    let mut document = parse(text)?;
    let (inner, section) = make_table(&mut document, table)?;
    let Some(item) = inner.get_mut(key) else {
        let list: Array = first.iter().map(String::as_str).chain([value]).collect();
        inner.insert(key, toml_edit::value(list));
        let made = Made {
            section,
            list: true,
            ..Made::default()
        };
        return Ok(Put::New(document.to_string(), made));
    };
    let Some(list) = item.as_array_mut() else {
        return Ok(Put::Taken(format!("{key} is no list")));
    };
    if list.iter().any(|one| one.as_str() == Some(value)) {
        return Ok(Put::Already);
    }
    push(list, value);
    Ok(Put::New(document.to_string(), Made::default()))
}

/// Adds an element that looks like the one before. A comment behind that one stays there.
fn push(list: &mut Array, value: &str) {
    let mut new = Value::from(value);
    let trailing = text(Some(list.trailing()));
    let end = list.len().checked_sub(1);
    let Some(before) = end.and_then(|end| list.get_mut(end)) else {
        list.push(value);
        return;
    };
    let decor = before.decor_mut();
    let (prefix, suffix) = (text(decor.prefix()), text(decor.suffix()));
    decor.set_suffix("");
    let space = match prefix.rfind('\n') {
        Some(line) => prefix[line..].to_owned(),
        // The first element of a list on one line has nothing before it.
        None => " ".to_owned(),
    };
    let (comment, rest) = match trailing.split_once('\n') {
        Some((comment, _)) if comment.contains('#') => {
            (comment.to_owned(), trailing[comment.len()..].to_owned())
        }
        _ => (String::new(), trailing),
    };
    *new.decor_mut() = Decor::new(comment + &space, suffix);
    list.push_formatted(new);
    list.set_trailing(rest);
}

/// Removes an element as if [`push`] had never added it.
fn pull(list: &mut Array, at: usize) {
    let decor = list.get(at).map(Value::decor);
    let prefix = text(decor.and_then(Decor::prefix));
    let suffix = text(decor.and_then(Decor::suffix));
    list.remove(at);
    if at == 0 || at < list.len() {
        return;
    }
    if let Some(last) = list.get_mut(at - 1) {
        last.decor_mut().set_suffix(suffix);
    }
    if let Some((comment, _)) = prefix.rsplit_once('\n')
        && comment.contains('#')
    {
        let trailing = comment.to_owned() + &text(Some(list.trailing()));
        list.set_trailing(trailing);
    }
}

fn text(raw: Option<&RawString>) -> String {
    raw.and_then(RawString::as_str)
        .unwrap_or_default()
        .to_owned()
}

/// The text without the element; without the list where that is as it was made for it.
///
/// # Errors
/// `malformed`.
pub fn take_element(
    text: &str,
    table: &[String],
    key: &str,
    value: &str,
    first: &[String],
    made: &Made,
) -> Result<Take, Failure> {
    let mut document = parse(text)?;
    let Some(inner) = find_table(&mut document, table) else {
        return Ok(Take::Gone);
    };
    let Some(list) = inner.get_mut(key).and_then(Item::as_array_mut) else {
        return Ok(Take::Gone);
    };
    let Some(at) = list.iter().position(|one| one.as_str() == Some(value)) else {
        return Ok(Take::Gone);
    };
    pull(list, at);
    if made.list
        && list
            .iter()
            .map(Value::as_str)
            .eq(first.iter().map(|one| Some(one.as_str())))
    {
        inner.remove(key);
        drop_table(&mut document, table, made);
    }
    Ok(Take::New(document.to_string()))
}

/// The text with a string in the table of that index.
///
/// # Errors
/// `malformed`.
pub fn put_in_index(
    text: &str,
    list: &[String],
    url: &str,
    key: &str,
    value: &str,
) -> Result<Put, Failure> {
    let mut document = parse(text)?;
    let Some(index) = find_index(&mut document, list, url) else {
        return Ok(Put::Taken(format!("the index {url} is gone")));
    };
    if let Some(item) = index.get(key) {
        return Ok(held(item, key, value));
    }
    index.insert(key, toml_edit::value(value));
    Ok(Put::New(document.to_string(), Made::default()))
}

/// The text without it.
///
/// # Errors
/// `malformed`.
pub fn take_from_index(
    text: &str,
    list: &[String],
    url: &str,
    key: &str,
    value: &str,
) -> Result<Take, Failure> {
    let mut document = parse(text)?;
    let Some(index) = find_index(&mut document, list, url) else {
        return Ok(Take::Gone);
    };
    match index.get(key).map(|item| item.as_str() == Some(value)) {
        None => return Ok(Take::Gone),
        Some(false) => return Ok(Take::Changed),
        Some(true) => {}
    }
    index.remove(key);
    Ok(Take::New(document.to_string()))
}

/// The indexes of a list that have no `key` yet: their `url`, as it is written.
///
/// # Errors
/// `malformed`.
pub fn indexes_without(text: &str, list: &[String], key: &str) -> Result<Vec<String>, Failure> {
    let mut document = parse(text)?;
    let mut found = Vec::new();
    for_each_index(&mut document, list, |index| {
        if index.get(key).is_none()
            && let Some(url) = index.get("url").and_then(Item::as_str)
        {
            found.push(url.to_owned());
        }
    });
    Ok(found)
}

fn held(item: &Item, key: &str, value: &str) -> Put {
    match item.as_str() {
        Some(other) if other == value => Put::Already,
        Some(other) => Put::Taken(format!("{key} = \"{other}\"")),
        None => Put::Taken(format!("{key} is no text")),
    }
}

/// The table, made where it is missing, and whether it was.
fn make_table<'a>(
    document: &'a mut DocumentMut,
    way: &[String],
) -> Result<(&'a mut dyn TableLike, bool), Failure> {
    let mut made = false;
    let mut table: &mut dyn TableLike = document.as_table_mut();
    for key in way {
        if table.get(key).is_none() {
            made = true;
            table.insert(key, Item::Table(Table::new()));
        }
        table = table
            .get_mut(key)
            .and_then(Item::as_table_like_mut)
            .ok_or_else(|| Failure::new(ErrorCode::Malformed, format!("{key} is no table")))?;
    }
    Ok((table, made))
}

fn find_table<'a>(document: &'a mut DocumentMut, way: &[String]) -> Option<&'a mut dyn TableLike> {
    let mut table: &mut dyn TableLike = document.as_table_mut();
    for key in way {
        table = table.get_mut(key)?.as_table_like_mut()?;
    }
    Some(table)
}

/// Removes a table that was made and has nothing in it.
fn drop_table(document: &mut DocumentMut, way: &[String], made: &Made) {
    let Some((last, above)) = way.split_last().filter(|_| made.section) else {
        return;
    };
    if find_table(document, way).is_some_and(|table| table.is_empty())
        && let Some(above) = find_table(document, above)
    {
        above.remove(last);
    }
}

fn for_each_index(
    document: &mut DocumentMut,
    list: &[String],
    mut each: impl FnMut(&mut dyn TableLike),
) {
    let Some((key, above)) = list.split_last() else {
        return;
    };
    let Some(item) = find_table(document, above).and_then(|table| table.get_mut(key)) else {
        return;
    };
    if let Some(tables) = item.as_array_of_tables_mut() {
        tables.iter_mut().for_each(|table| each(table));
    } else if let Some(array) = item.as_array_mut() {
        for table in array.iter_mut().filter_map(Value::as_inline_table_mut) {
            each(table);
        }
    }
}

fn find_index<'a>(
    document: &'a mut DocumentMut,
    list: &[String],
    url: &str,
) -> Option<&'a mut dyn TableLike> {
    let (key, above) = list.split_last()?;
    let item = find_table(document, above)?.get_mut(key)?;
    let is = |table: &dyn TableLike| table.get("url").and_then(Item::as_str) == Some(url);
    if item.is_array_of_tables() {
        let tables = item.as_array_of_tables_mut()?;
        let found = tables.iter_mut().find(|table| is(*table))?;
        return Some(found);
    }
    let array = item.as_array_mut()?;
    let mut tables = array.iter_mut().filter_map(Value::as_inline_table_mut);
    let found = tables.find(|table| is(*table))?;
    Some(found)
}

#[cfg(test)]
#[path = "toml_tests.rs"]
mod tests;
