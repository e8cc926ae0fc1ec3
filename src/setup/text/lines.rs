//! Files of plain lines: shells' start files, `.bazelrc`.

use super::super::change::Made;
use super::{Put, Take};

/// The first line of our block, and its last.
const BEGIN: &str = "# >>> credential-helper >>>";
const END: &str = "# <<< credential-helper <<<";

/// The text with the line at its end. A line that is no comment and holds `rival` is another answer
/// to the same question.
pub fn put(text: &str, line: &str, rival: &str) -> Put {
    let mut all = text.lines().map(str::trim);
    if all.clone().any(|other| other == line) {
        return Put::Already;
    }
    if let Some(other) = all.find(|other| !other.starts_with('#') && other.contains(rival)) {
        return Put::Taken(other.to_owned());
    }
    Put::New(format!("{text}{line}\n"), Made::default())
}

/// The text without the line.
pub fn take(text: &str, line: &str) -> Take {
    let Some((start, end)) = find(text, line) else {
        return Take::Gone;
    };
    Take::New(format!("{}{}", &text[..start], &text[end..]))
}

/// The text with the line in our block, which is made at the end where there is none.
pub fn put_in_block(text: &str, line: &str) -> Put {
    let Some((start, end)) = block(text) else {
        let made = Made {
            section: true,
            ..Made::default()
        };
        return Put::New(format!("{text}{BEGIN}\n{line}\n{END}\n"), made);
    };
    if find(&text[start..end], line).is_some() {
        return Put::Already;
    }
    let (last, _) = find(&text[start..end], END).unwrap_or((end - start, 0));
    let at = start + last;
    let new = format!("{}{line}\n{}", &text[..at], &text[at..]);
    Put::New(new, Made::default())
}

/// The text without that line of our block, and without the block where nothing is left in it.
pub fn take_from_block(text: &str, line: &str) -> Take {
    let Some((start, end)) = block(text) else {
        return Take::Gone;
    };
    let Some((first, last)) = find(&text[start..end], line) else {
        return Take::Gone;
    };
    let inner = format!(
        "{}{}",
        &text[start..start + first],
        &text[start + last..end]
    );
    let empty = inner
        .lines()
        .all(|line| line.is_empty() || line == BEGIN || line == END);
    let inner = if empty { "" } else { inner.as_str() };
    Take::New(format!("{}{inner}{}", &text[..start], &text[end..]))
}

/// Start and end of our block, its marks included.
fn block(text: &str) -> Option<(usize, usize)> {
    let (start, after) = find(text, BEGIN)?;
    let (_, end) = find(&text[after..], END)?;
    Some((start, after + end))
}

/// Start and end of the first such line, its end included.
fn find(text: &str, wanted: &str) -> Option<(usize, usize)> {
    let mut at = 0;
    for line in text.split_inclusive('\n') {
        let end = at + line.len();
        if line.trim_end_matches(['\n', '\r']) == wanted {
            return Some((at, end));
        }
        at = end;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::super::{Put, Take};
    use super::{put, put_in_block, take, take_from_block};

    fn new(put: Put) -> String {
        match put {
            Put::New(text, _) => text,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_line_goes_in_and_out() {
        let old = "# mine\ncommon --x\n";
        let with = new(put(old, "common --a=h=p", "--a=h="));
        assert_eq!(with, "# mine\ncommon --x\ncommon --a=h=p\n");
        assert_eq!(put(&with, "common --a=h=p", "--a=h="), Put::Already);
        assert_eq!(take(&with, "common --a=h=p"), Take::New(old.to_owned()));
        assert_eq!(take(old, "common --a=h=p"), Take::Gone);
        let other = "common --a=h=q\n";
        let taken = Put::Taken("common --a=h=q".to_owned());
        assert_eq!(put(other, "common --a=h=p", "--a=h="), taken);
        let comment = "# common --a=h=q\n";
        assert!(matches!(
            put(comment, "common --a=h=p", "--a=h="),
            Put::New(..)
        ));
    }

    #[test]
    fn a_block_holds_several_lines_and_goes_with_the_last() {
        let old = "alias a=b\n\n";
        let one = new(put_in_block(old, "export A=1"));
        let two = new(put_in_block(&one, "export B=2"));
        assert_eq!(put_in_block(&two, "export A=1"), Put::Already);
        assert_eq!(
            two,
            "alias a=b\n\n# >>> credential-helper >>>\nexport A=1\nexport B=2\n# <<< credential-helper <<<\n"
        );
        let more = format!("{two}alias c=d\n");
        let Take::New(left) = take_from_block(&more, "export A=1") else {
            panic!()
        };
        assert_eq!(take_from_block(&left, "export A=1"), Take::Gone);
        let gone = take_from_block(&left, "export B=2");
        assert_eq!(gone, Take::New("alias a=b\n\nalias c=d\n".to_owned()));
        assert_eq!(take_from_block(old, "export B=2"), Take::Gone);
    }

    #[test]
    fn a_line_that_the_user_changed_is_theirs() {
        let one = new(put_in_block("", "export A=1"));
        let theirs = one.replace("A=1", "A=2");
        assert_eq!(take_from_block(&theirs, "export A=1"), Take::Gone);
    }
}
