//! The logical lines of a requirements file (pip, `req/req_file.py`): comments out, continuations
//! joined, variables put in.

use zeroize::Zeroizing;

use super::variables::{Unusable, expanded};

/// A logical line and the number of its first one.
pub(super) struct Line {
    pub(super) number: usize,
    pub(super) text: Zeroizing<String>,
}

/// The lines of a text that have something on them.
///
/// # Errors
/// The number of a line that names a variable which cannot be put in there.
pub(super) fn read(
    text: &str,
    variable: &dyn Fn(&str) -> Option<String>,
) -> Result<Vec<Line>, (usize, Unusable)> {
    let mut found = Vec::new();
    let mut open: Option<Line> = None;
    let mut take = |line: Line| -> Result<(), (usize, Unusable)> {
        let plain = without_comment(&line.text).trim();
        if plain.is_empty() {
            return Ok(());
        }
        let text = expanded(plain, variable).map_err(|why| (line.number, why))?;
        let number = line.number;
        found.push(Line { number, text });
        Ok(())
    };
    for (at, raw) in text.lines().enumerate() {
        // A comment ends what is continued, whatever its last character is.
        let is_comment = without_comment(raw).trim().is_empty() && !raw.trim().is_empty();
        let continued = raw.strip_suffix('\\').filter(|_| !is_comment);
        let mut line = open.take().unwrap_or_else(|| Line {
            number: at + 1,
            text: Zeroizing::new(String::new()),
        });
        if is_comment {
            // The space keeps the comment one, behind what it is joined to.
            line.text.push(' ');
        }
        line.text.push_str(continued.unwrap_or(raw));
        if continued.is_some() {
            open = Some(line);
        } else {
            take(line)?;
        }
    }
    if let Some(line) = open {
        take(line)?;
    }
    Ok(found)
}

/// A `#` starts a comment at the start of a line and behind a space: URLs have fragments.
fn without_comment(line: &str) -> &str {
    let mut before = ' ';
    for (at, char) in line.char_indices() {
        if char == '#' && before.is_whitespace() {
            return &line[..at];
        }
        before = char;
    }
    line
}

/// The words of the options of a line, with quotes as a shell has them.
///
/// # Errors
/// That a quote is not closed.
pub(super) fn words(text: &str) -> Result<Vec<Zeroizing<String>>, String> {
    let mut found = Vec::new();
    let mut word: Option<Zeroizing<String>> = None;
    let mut quote = None;
    let mut chars = text.chars();
    while let Some(char) = chars.next() {
        match (quote, char) {
            (Some(open), char) if open == char => quote = None,
            (None, '\'' | '"') => {
                quote = Some(char);
                word.get_or_insert_default();
            }
            (None | Some('"'), '\\') => {
                if let Some(next) = chars.next() {
                    word.get_or_insert_default().push(next);
                }
            }
            (None, char) if char.is_whitespace() => found.extend(word.take()),
            (_, char) => word.get_or_insert_default().push(char),
        }
    }
    if quote.is_some() {
        return Err("a quote is not closed".to_owned());
    }
    found.extend(word);
    Ok(found)
}
