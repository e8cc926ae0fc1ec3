//! Markers that tell too many cases apart.
//!
//! The algebra of markers keeps decision diagrams, which may double with each operand, and some of what
//! it does goes down each of their paths. Real markers tell some dozens of cases apart; a line of a
//! kilobyte can tell more of them than there is memory for. So they are counted first, from above,
//! without building anything: a key that is compared with values has one case for each and one more;
//! what is looked for by `in`, and an extra, is there or not; and a chain of these under one `and` or
//! one `or` has one case for each link, and one more.

use std::collections::{BTreeMap, BTreeSet};

/// The most cases.
const CASES: u64 = 2048;
/// The most values that keys are compared with: each is laid into the ranges of those before it.
const VALUES: usize = 128;
/// The most comparisons, the same ones over again included.
const COMPARISONS: usize = 128;
/// The most texts that are looked for and extras: a chain of them is rebuilt with each link.
const OPERANDS: usize = 64;
/// A marker with no more quotes or letters than these cannot have more.
const QUOTES: usize = 10;
const LETTERS: usize = 512;

/// Whether a marker is one that can be worked with. It may still be none: the reader tells that.
///
/// # Errors
/// Why not, in words that quote nothing of the text.
pub(super) fn bounded(marker: &str) -> Result<(), String> {
    let quotes = marker.bytes().filter(|byte| matches!(byte, b'"' | b'\''));
    if marker.len() <= LETTERS && quotes.take(QUOTES + 1).count() <= QUOTES {
        return Ok(());
    }
    let count = Count::of(marker);
    if count.comparisons > COMPARISONS {
        return Err("its marker has too many comparisons".to_owned());
    }
    if count.values.values().map(BTreeSet::len).sum::<usize>() > VALUES {
        return Err("its marker compares with too many values".to_owned());
    }
    if count.whole.operands.len() > OPERANDS || count.cases() > CASES {
        return Err("its marker tells too many cases apart".to_owned());
    }
    Ok(())
}

/// What is true or not whatever else is true: a key and a text, one of which is looked for in the other
/// (the text first, or not); or an extra.
type Operand<'a> = (&'a str, &'a str, bool);

#[derive(Clone, Copy, PartialEq, Eq)]
enum Operator {
    And,
    Or,
}

/// A part of a marker, without the keys that are compared with values: whatever these are, what is left
/// of it is no more than this.
#[derive(Default)]
struct Part<'a> {
    /// Where there is more than one link or factor.
    operator: Option<Operator>,
    links: BTreeSet<Operand<'a>>,
    /// The cases of what is no link: each of its parts multiplied.
    others: u64,
    operands: BTreeSet<Operand<'a>>,
}

impl<'a> Part<'a> {
    fn of(operand: Operand<'a>) -> Self {
        Self {
            operator: None,
            links: BTreeSet::from([operand]),
            others: 1,
            operands: BTreeSet::from([operand]),
        }
    }

    fn cases(&self) -> u64 {
        let power = u32::try_from(self.operands.len()).unwrap_or(u32::MAX);
        let links = u64::try_from(self.links.len()).unwrap_or(u64::MAX);
        let product = links.saturating_add(1).saturating_mul(self.others.max(1));
        product.min(2_u64.saturating_pow(power))
    }

    fn joined(operator: Operator, parts: Vec<Self>) -> Self {
        let mut parts = parts.into_iter().filter(|part| !part.operands.is_empty());
        let Some(mut all) = parts.next() else {
            return Self::default();
        };
        for part in parts {
            if all.operator.is_some_and(|own| own != operator) {
                all.others = all.cases();
                all.links.clear();
            }
            all.operator = Some(operator);
            if part.operator.is_none_or(|own| own == operator) {
                all.links.extend(part.links);
                all.others = all.others.saturating_mul(part.others.max(1));
            } else {
                all.others = all.others.saturating_mul(part.cases());
            }
            all.operands.extend(part.operands);
        }
        all
    }
}

/// What stands between two brackets so far.
#[derive(Default)]
struct Group<'a> {
    /// Joined by `or`.
    terms: Vec<Part<'a>>,
    /// The last term: joined by `and`.
    factors: Vec<Part<'a>>,
}

impl<'a> Group<'a> {
    fn next_term(&mut self) {
        let factors = std::mem::take(&mut self.factors);
        self.terms.push(Part::joined(Operator::And, factors));
    }

    fn whole(mut self) -> Part<'a> {
        self.next_term();
        Part::joined(Operator::Or, self.terms)
    }
}

#[derive(Default)]
struct Count<'a> {
    comparisons: usize,
    /// For each key the places where its values are cut.
    values: BTreeMap<&'a str, BTreeSet<(&'a str, u8)>>,
    whole: Part<'a>,
}

impl<'a> Count<'a> {
    fn of(marker: &'a str) -> Self {
        let mut count = Self::default();
        let mut open = vec![Group::default()];
        let mut comparison = Vec::new();
        // What is left open ends at the end.
        for token in Tokens(marker).chain(std::iter::repeat(Token::Close)) {
            if let Token::Word(_) | Token::Quoted(_) | Token::Sign(_) = token
                && token != Token::Word("and")
                && token != Token::Word("or")
            {
                comparison.push(token);
                continue;
            }
            let operand = count.compared(&std::mem::take(&mut comparison));
            let Some(mut group) = open.pop() else { break };
            group.factors.extend(operand.map(Part::of));
            match token {
                Token::Open => open.extend([group, Group::default()]),
                Token::Close => {
                    let part = group.whole();
                    if let Some(outer) = open.last_mut() {
                        outer.factors.push(part);
                    } else {
                        // The end, or a bracket too many, at which the reader stops.
                        count.whole = part;
                    }
                }
                Token::Word("or") => {
                    group.next_term();
                    open.push(group);
                }
                _ => open.push(group),
            }
        }
        count
    }

    /// Takes a comparison in; comes back with what is true or not in it.
    fn compared(&mut self, tokens: &[Token<'a>]) -> Option<Operand<'a>> {
        let first = tokens.first()?;
        self.comparisons += 1;
        let (mut key, mut sign, mut text, mut is_in) = ("", "", "", false);
        for token in tokens {
            match *token {
                Token::Word("in") => is_in = true,
                Token::Word("not") | Token::Open | Token::Close => {}
                Token::Word("python_version") => key = "python_full_version",
                Token::Word(word) => key = word,
                Token::Sign(found) => sign = found,
                Token::Quoted(found) => text = found,
            }
        }
        let is_version = key.ends_with("_version") && key != "platform_version";
        if key == "extra" || is_in && !is_version {
            return Some((key, text, matches!(first, Token::Quoted(_))));
        }
        let values = self.values.entry(key).or_default();
        match sign {
            _ if is_in => {
                let parts = text.split([' ', ',', '|']).filter(|part| !part.is_empty());
                values.extend(parts.map(|part| (part, 0)));
            }
            "<" | ">=" => values.extend([(text, 0)]),
            ">" | "<=" => values.extend([(text, 1)]),
            _ if is_version => values.extend([(text, 0), (text, 1)]),
            _ => values.extend([(text, 2)]),
        }
        None
    }

    fn cases(&self) -> u64 {
        let keys = self.values.values().map(|values| values.len() as u64 + 1);
        keys.fold(self.whole.cases(), u64::saturating_mul)
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Token<'a> {
    Open,
    Close,
    Word(&'a str),
    Sign(&'a str),
    Quoted(&'a str),
}

/// What is left of a marker, token by token.
struct Tokens<'a>(&'a str);

impl<'a> Iterator for Tokens<'a> {
    type Item = Token<'a>;

    fn next(&mut self) -> Option<Token<'a>> {
        let word = |letter: char| letter.is_ascii_alphanumeric() || matches!(letter, '_' | '.');
        let sign = |letter: char| {
            !word(letter) && !letter.is_whitespace() && !matches!(letter, '(' | ')' | '"' | '\'')
        };
        let rest = self.0.trim_start();
        let first = rest.chars().next()?;
        let length =
            |is: &dyn Fn(char) -> bool| rest.find(|letter| !is(letter)).unwrap_or(rest.len());
        let (token, end) = match first {
            '(' => (Token::Open, 1),
            ')' => (Token::Close, 1),
            '"' | '\'' => {
                let inner = rest[1..].find(first).unwrap_or(rest.len() - 1);
                (Token::Quoted(&rest[1..=inner]), rest.len().min(inner + 2))
            }
            _ if word(first) => {
                let end = length(&word);
                (Token::Word(&rest[..end]), end)
            }
            _ => {
                let end = length(&sign);
                (Token::Sign(&rest[..end]), end)
            }
        };
        self.0 = &rest[end..];
        Some(token)
    }
}

#[cfg(test)]
mod tests {
    use super::{Count, bounded};

    fn joined(count: usize, operator: &str, one: impl Fn(usize) -> String) -> String {
        (0..count).map(one).collect::<Vec<_>>().join(operator)
    }

    /// Of the metadata of well-known projects, and what tools write that join many markers.
    #[test]
    fn real_markers() {
        let greenlet = "platform_machine == \"aarch64\" or (platform_machine == \"ppc64le\" or (platform_machine == \"x86_64\" or (platform_machine == \"amd64\" or (platform_machine == \"AMD64\" or (platform_machine == \"win32\" or platform_machine == \"WIN32\")))))";
        let exported = joined(10, " or ", |at| {
            format!(
                "python_full_version == \"3.{}.*\" and sys_platform == \"{}\" and platform_machine != \"{}\" and implementation_name == \"cpython\"",
                at + 5,
                ["linux", "darwin", "win32"][at % 3],
                ["aarch64", "armv7l"][at % 2],
            )
        });
        let extras = joined(40, " or ", |at| format!("extra == \"e{at}\""));
        for marker in [
            greenlet,
            &format!(
                "python_version < '3' and ({greenlet}) and platform_python_implementation == 'CPython'"
            ),
            &exported,
            &extras,
            &format!("(python_version >= \"3.8\" and python_version < \"4.0\") and ({extras})"),
            &joined(30, " or ", |at| {
                format!("python_version >= '3.9' and extra == 'e{at}'")
            }),
            &joined(30, " and ", |at| format!("platform_machine != 'm{at}'")),
            "python_version in '2.6 2.7 3.2 3.3 3.4 3.5 3.6 3.7 3.8 3.9' and 'linux' in sys_platform",
        ] {
            assert_eq!(bounded(marker), Ok(()), "{marker}");
        }
    }

    #[test]
    fn what_has_no_end() {
        let pair =
            |at: usize| format!("('a{at}' in platform_version and 'b{at}' in platform_version)");
        let either = |at: usize| format!("(extra == 'a{at}' or extra == 'b{at}')");
        let keys = [
            "os_name",
            "sys_platform",
            "platform_machine",
            "platform_release",
            "platform_system",
        ];
        let of_keys = joined(100, " or ", |at| format!("{} >= 'v{at}'", keys[at % 5]));
        assert_eq!(bounded(&joined(6, " or ", pair)), Ok(()));
        for (marker, why) in [
            (joined(7, " or ", pair), "cases"),
            (joined(25, " or ", pair), "cases"),
            (joined(25, " and ", either), "cases"),
            // What cannot be read is built too, as far as it goes.
            (format!("(({}", joined(25, " or ", pair)), "cases"),
            (format!("{}) or os_name", joined(25, " or ", pair)), "cases"),
            (
                format!("{} or 'open in os_name", joined(25, " or ", pair)),
                "cases",
            ),
            (of_keys, "cases"),
            (
                joined(70, " or ", |at| format!("extra == 'e{at}'")),
                "cases",
            ),
            (
                joined(1000, " or ", |_| "os_name == 'a'".to_owned()),
                "comparisons",
            ),
            (
                format!(
                    "python_version in '{}'",
                    joined(200, " ", |at| format!("3.{at}"))
                ),
                "values",
            ),
        ] {
            let told = bounded(&marker).unwrap_err();
            assert!(told.contains(why), "{marker}: {told}");
        }
    }

    #[test]
    fn cases() {
        for (marker, cases) in [
            ("", 1),
            ("os_name == 'a'", 2),
            ("'a' == os_name", 2),
            ("os_name == 'a' or os_name == 'b'", 3),
            ("os_name=='a'and(os_name!='a'or sys_platform<'b')", 4),
            ("python_version >= '3.8' and python_full_version < '3.8'", 2),
            ("python_version == '3.8'", 3),
            ("python_version in '3.8, 3.9'", 3),
            ("'a' in os_name", 2),
            ("'a' not in os_name or 'a' in os_name", 2),
            ("'a' in os_name or os_name in 'a'", 3),
            (
                "extra == 'a' or extra == 'b' or (extra == 'c' or extra == 'd')",
                5,
            ),
            ("extra == 'a' and (extra == 'b' or extra == 'c')", 6),
            (
                "extra == 'a' and extra == 'b' or extra == 'a' and extra != 'b'",
                4,
            ),
            (
                "os_name == 'a' and extra == 'b' or os_name == 'c' and extra == 'd'",
                9,
            ),
            ("((extra == \"a ' and\"))", 2),
        ] {
            assert_eq!(Count::of(marker).cases(), cases, "{marker}");
        }
    }
}
