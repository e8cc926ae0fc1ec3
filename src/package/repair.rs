//! Specifiers and requirements that older tools let through: what was meant, where it can be told.
//!
//! Installers before `packaging` 22 took anything here, and the files are still served. A text is
//! read strictly first; only what fails that goes through the table.

use std::str::FromStr as _;

use super::{Requirement, Version, VersionSpecifiers, requirement};

/// The longest text that is looked at: real ones have some hundred bytes.
const LONGEST: usize = 16 * 1024;

/// One way in which specifiers are wrong: its name, and what is made of one specifier, or of the
/// whole text.
type Repair = (&'static str, fn(&str) -> Option<String>);

/// What is done to a whole text, in this order.
const WHOLE: [Repair; 5] = [
    // `(>=1,<2)`, as `Requires-Dist` had it before PEP 508.
    ("brackets around it", |text| {
        let inner = text.strip_prefix('(')?.strip_suffix(')')?;
        Some(inner.trim().to_owned())
    }),
    // `>='3.6'`
    ("quotation marks", |text| {
        let quotes = ['"', '\'', '`'];
        text.contains(quotes).then(|| text.replace(quotes, ""))
    }),
    // `python>=3.6`
    ("the word python in front", |text| {
        let word = text
            .get(..6)
            .filter(|word| word.eq_ignore_ascii_case("python"))?;
        let rest = text[word.len()..].trim_start();
        rest.starts_with(OPERATORS).then(|| rest.to_owned())
    }),
    // `>=2.7 !=3.0.*`, `>=3.6<4`, `>=3.6;<4`
    ("missing commas", |text| {
        let mut out = String::new();
        let mut before = ' ';
        let text_without = text.trim_end_matches([';', ',']);
        for (at, c) in text_without.char_indices() {
            // `!` alone stands behind an epoch.
            let epoch = c == '!' && !text_without[at..].starts_with("!=");
            let begins = OPERATORS.contains(&c) && !OPERATORS.contains(&before) && !epoch;
            let bare = out.trim_end().trim_end_matches(';').trim_end().len();
            if begins
                && bare > 0
                && !out[..bare].ends_with(',')
                && !ends_with_operator(&out[..bare])
            {
                out.truncate(bare);
                out.push(',');
            }
            out.push(c);
            before = c;
        }
        (out != text).then_some(out)
    }),
    // `>=3.6,,<4`, `>=3.6,`
    ("commas too many", |text| {
        let items = text.split(',').map(str::trim);
        let items: Vec<&str> = items.filter(|item| !item.is_empty()).collect();
        let joined = items.join(",");
        (joined != text).then_some(joined)
    }),
];

/// What is done to each specifier between commas, in this order.
const EACH: [Repair; 7] = [
    // `=>3.6`, `=<4`, `=3.6`, `>==3.6`
    ("an operator that is none", |text| {
        let (operator, version) = split(text);
        let meant = match operator {
            "=>" | ">==" => ">=",
            "=<" | "<==" => "<=",
            "=" => "==",
            "=!" => "!=",
            "=~" => "~=",
            _ => return None,
        };
        Some(format!("{meant}{version}"))
    }),
    // `>=3.6.`
    ("a dot at the end", |text| {
        let bare = text.trim_end_matches('.');
        (bare != text && bare.ends_with(|c: char| c.is_ascii_digit())).then(|| bare.to_owned())
    }),
    // `!=3.0*`
    ("a star without its dot", |text| {
        let bare = text.strip_suffix('*')?;
        bare.ends_with(|c: char| c.is_ascii_digit())
            .then(|| format!("{bare}.*"))
    }),
    // `==3.*.*`
    ("stars too many", |text| {
        let mut bare = text.strip_suffix(".*")?;
        if !bare.ends_with(".*") {
            return None;
        }
        while let Some(shorter) = bare.strip_suffix(".*") {
            bare = shorter;
        }
        Some(format!("{bare}.*"))
    }),
    // `>=3.6.*`: the star says nothing, and with the others it is the whole series that is meant.
    ("an order of a series", |text| {
        let (operator, version) = split(text);
        let series = version.strip_suffix(".*")?;
        match operator {
            ">=" | "<" => Some(format!("{operator}{series}")),
            "~=" | "===" => Some(format!("=={series}.*")),
            ">" => Some(format!(">={}", next(series)?)),
            "<=" => Some(format!("<{}", next(series)?)),
            _ => None,
        }
    }),
    // `~=3`: at least 3 and equal in nothing, as there is nothing before the last number.
    ("a compatible release of one number", |text| {
        let (operator, version) = split(text);
        let is_one = !version.contains('.') && version.parse::<u64>().is_ok();
        (operator == "~=" && is_one).then(|| format!(">={version}"))
    }),
    // `*`
    ("a star for anything", |text| {
        (text == "*").then(String::new)
    }),
];

const OPERATORS: [char; 5] = ['<', '>', '=', '!', '~'];

fn ends_with_operator(text: &str) -> bool {
    text.ends_with(OPERATORS)
}

/// The operator and the version of one specifier.
fn split(text: &str) -> (&str, &str) {
    let end = text.find(|c| !OPERATORS.contains(&c)).unwrap_or(text.len());
    (&text[..end], text[end..].trim_start())
}

/// The series behind this one: `3.7` after `3.6`.
fn next(series: &str) -> Option<String> {
    let version = Version::from_str(series).ok()?;
    let mut numbers = version.release().to_vec();
    let last = numbers.last_mut()?;
    *last = last.checked_add(1)?;
    Some(
        Version::new(numbers)
            .with_epoch(version.epoch())
            .to_string(),
    )
}

/// A value that was read, and the names of the repairs it took.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Repaired<T> {
    /// The value.
    pub value: T,
    /// What was wrong, in the words of the table.
    pub repairs: Vec<&'static str>,
}

/// Reads version specifiers; `None` where it cannot be told what was meant.
pub fn specifiers(text: &str) -> Option<Repaired<VersionSpecifiers>> {
    if text.len() > LONGEST {
        return None;
    }
    if let Ok(value) = VersionSpecifiers::from_str(text) {
        let repairs = Vec::new();
        return Some(Repaired { value, repairs });
    }
    let mut repairs = Vec::new();
    let whole = mend(text.trim(), &WHOLE, &mut repairs);
    let each = whole
        .split(',')
        .map(|item| mend(item.trim(), &EACH, &mut repairs));
    let each: Vec<String> = each.filter(|item| !item.is_empty()).collect();
    let value = VersionSpecifiers::from_str(&each.join(",")).ok()?;
    repairs.dedup();
    Some(Repaired { value, repairs })
}

fn mend(text: &str, table: &[Repair], repairs: &mut Vec<&'static str>) -> String {
    let mut text = text.to_owned();
    for (name, repair) in table {
        if let Some(better) = repair(&text) {
            text = better;
            repairs.push(name);
        }
    }
    text
}

/// Reads a requirement; `None` where it cannot be told what was meant.
pub fn requirement(text: &str) -> Option<Repaired<Requirement>> {
    if text.len() > LONGEST {
        return None;
    }
    if let Ok(value) = requirement::parse(text) {
        let repairs = Vec::new();
        return Some(Repaired { value, repairs });
    }
    let mut repairs = Vec::new();
    // A URL is what it is; `@` is in no name and no version.
    if text.contains('@') {
        return None;
    }
    let mut rest = text.trim();
    if let Some((before, _)) = rest.split_once(" #") {
        rest = before.trim_end();
        repairs.push("a comment");
    }
    let bare = rest.trim_end_matches([';', ',', ' ', '\t']);
    if bare != rest {
        rest = bare;
        repairs.push("a semicolon or comma at the end");
    }
    let (head, marker) = marker_of(rest);
    let name_end = head
        .find(|c: char| !(c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.')))
        .unwrap_or(head.len());
    let (name, mut behind) = head.split_at(name_end);
    behind = behind.trim_start();
    let mut extras = "";
    if behind.starts_with('[') {
        let end = behind.find(']')? + 1;
        (extras, behind) = behind.split_at(end);
    }
    let found = specifiers(behind.trim())?;
    repairs.extend(found.repairs);
    let mut whole = format!("{name}{extras}{}", found.value);
    if let Some(marker) = marker {
        whole.push_str(" ; ");
        whole.push_str(marker);
    }
    let value = requirement::parse(&whole).ok()?;
    Some(Repaired { value, repairs })
}

/// What stands before the marker, and the marker: `;` may also stand between specifiers.
fn marker_of(text: &str) -> (&str, Option<&str>) {
    for (at, _) in text.match_indices(';') {
        let behind = text[at + 1..].trim_start();
        if behind.starts_with(|c: char| c.is_ascii_alphabetic() || matches!(c, '(' | '\'' | '"')) {
            return (&text[..at], Some(behind));
        }
    }
    (text, None)
}

#[cfg(test)]
#[path = "repair_tests.rs"]
mod tests;
